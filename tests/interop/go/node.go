package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"push-manager.dev/interop/pubsub"
)

// node is a Connect-Node: it delivers nothing, but says what it was given and
// counts as a real one would.
type node struct {
	pubsub.UnimplementedConnectNodeServiceServer
	// Users that are found by their name alone.
	users map[string]bool
	// Users that are found only through their room, by room.
	rooms map[string]map[string]bool
}

func runNode(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("node", flag.ExitOnError)
	etcd := flags.String("etcd", "", "etcd's endpoints; without them the node isn't registered")
	listen := flags.String("listen", "127.0.0.1:0", "address for gRPC")
	service := flags.String("service", "connect-node", "what the key in etcd begins with")
	ttl := flags.Int64("ttl", 10, "seconds of the lease")
	var users, members words
	flags.Var(&users, "user", "a user who is here, whatever the room (repeatable)")
	flags.Var(&members, "member", "ROOM=USER: a user who is found only when the room is named (repeatable)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	held, err := hold(users, members)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	addr := listener.Addr().String()
	server := grpc.NewServer()
	pubsub.RegisterConnectNodeServiceServer(server, held)

	leave := func() {}
	if *etcd != "" {
		if leave, err = register(ctx, *etcd, *service, addr, *ttl); err != nil {
			return err
		}
	}
	if err := say(map[string]any{"event": "listening", "addr": addr}); err != nil {
		return err
	}
	return serve(ctx, server, listener, leave)
}

func hold(users, members words) (*node, error) {
	held := &node{users: map[string]bool{}, rooms: map[string]map[string]bool{}}
	for _, user := range users {
		held.users[user] = true
	}
	for _, member := range members {
		room, user, paired := strings.Cut(member, "=")
		if !paired {
			return nil, fmt.Errorf("-member %q is not ROOM=USER", member)
		}
		if held.rooms[room] == nil {
			held.rooms[room] = map[string]bool{}
		}
		held.rooms[room][user] = true
	}
	return held, nil
}

// register makes the node findable for as long as its lease is kept alive.
func register(ctx context.Context, etcd, service, addr string, ttl int64) (func(), error) {
	client, err := etcdClient(etcd)
	if err != nil {
		return nil, err
	}
	// The registration outlives the signal, so that it can be taken back in order.
	own := context.WithoutCancel(ctx)
	manager, err := endpoints.NewManager(client, service)
	if err != nil {
		return nil, err
	}
	lease, err := client.Grant(ctx, ttl)
	if err != nil {
		return nil, err
	}
	key := service + "/" + addr
	err = manager.AddEndpoint(ctx, key, endpoints.Endpoint{Addr: addr}, clientv3.WithLease(lease.ID))
	if err != nil {
		return nil, err
	}
	alive, err := client.KeepAlive(own, lease.ID)
	if err != nil {
		return nil, err
	}
	go func() {
		for range alive {
		}
	}()
	return func() {
		within, cancel := context.WithTimeout(own, stopWithin)
		defer cancel()
		if err := manager.DeleteEndpoint(within, key); err != nil {
			_ = say(map[string]any{"event": "trouble", "error": err.Error()})
		}
		if _, err := client.Revoke(within, lease.ID); err != nil {
			_ = say(map[string]any{"event": "trouble", "error": err.Error()})
		}
		_ = client.Close()
	}, nil
}

// here tells whether the node finds a user.
func (n *node) here(user, room string) bool {
	return n.users[user] || n.rooms[room][user]
}

// everyone is who a call without names means: a room's users, or all.
func (n *node) everyone(room string) []string {
	found := map[string]bool{}
	for name, users := range n.rooms {
		for user := range users {
			if room == "" || room == name {
				found[user] = true
			}
		}
	}
	if room == "" {
		for user := range n.users {
			found[user] = true
		}
	}
	var names []string
	for user := range found {
		names = append(names, user)
	}
	return names
}

func (n *node) PushMessage(ctx context.Context, asked *pubsub.PushMessageRequest) (*pubsub.PushMessageResponse, error) {
	answer := &pubsub.PushMessageResponse{Success: n.here(asked.UserId, asked.RoomId)}
	var delivered, failed []string
	if answer.Success {
		delivered = []string{asked.UserId}
	} else {
		failed = []string{asked.UserId}
		answer.Message = fmt.Sprintf("user %s is not here", asked.UserId)
	}
	return answer, n.report(ctx, "PushMessage", []string{asked.UserId}, asked.RoomId, asked.Content, delivered, failed)
}

func (n *node) PushMessageBatch(ctx context.Context, asked *pubsub.PushMessageBatchRequest) (*pubsub.PushMessageBatchResponse, error) {
	var delivered, failed []string
	if len(asked.UserIds) == 0 {
		delivered = n.everyone(asked.RoomId)
	}
	for _, user := range asked.UserIds {
		if n.here(user, asked.RoomId) {
			delivered = append(delivered, user)
		} else {
			failed = append(failed, user)
		}
	}
	answer := &pubsub.PushMessageBatchResponse{
		Success:        true,
		DeliveredCount: int32(len(delivered)),
		FailedUserIds:  failed,
	}
	return answer, n.report(ctx, "PushMessageBatch", asked.UserIds, asked.RoomId, asked.Content, delivered, failed)
}

// report prints a push as it came in, with the caller's headers.
func (n *node) report(ctx context.Context, call string, users []string, room string, content *pubsub.MessageContent, delivered, failed []string) error {
	headers := map[string]string{}
	incoming, _ := metadata.FromIncomingContext(ctx)
	for name, values := range incoming {
		headers[name] = strings.Join(values, ", ")
	}
	deadline := int64(-1)
	if at, limited := ctx.Deadline(); limited {
		deadline = time.Until(at).Milliseconds()
	}
	return say(map[string]any{
		"event":       "push",
		"call":        call,
		"user_ids":    users,
		"room_id":     room,
		"content":     shown(content),
		"delivered":   delivered,
		"failed":      failed,
		"headers":     headers,
		"deadline_ms": deadline,
	})
}
