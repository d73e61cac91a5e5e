package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"strings"
	"sync"

	"google.golang.org/grpc"

	"push-manager.dev/interop/pubsub"
)

// controller knows who is in which room on which node. It knows no addresses,
// and answers the node's id in their place; it has no GetRoomNodes.
type controller struct {
	pubsub.UnimplementedControllerServiceServer
	mu sync.Mutex
	// Room → user → node id.
	rooms map[string]map[string]string
}

func runController(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("controller", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address for gRPC")
	var members words
	flags.Var(&members, "member", "ROOM=USER@NODE_ID (repeatable)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	known := &controller{rooms: map[string]map[string]string{}}
	for _, member := range members {
		room, rest, paired := strings.Cut(member, "=")
		user, node, placed := strings.Cut(rest, "@")
		if !paired || !placed {
			return fmt.Errorf("-member %q is not ROOM=USER@NODE_ID", member)
		}
		known.join(room, user, node)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	pubsub.RegisterControllerServiceServer(server, known)
	if err := say(map[string]any{"event": "listening", "addr": listener.Addr().String()}); err != nil {
		return err
	}
	return serve(ctx, server, listener, func() {})
}

func (c *controller) join(room, user, node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[room] == nil {
		c.rooms[room] = map[string]string{}
	}
	c.rooms[room][user] = node
}

func (c *controller) JoinRoom(_ context.Context, asked *pubsub.JoinRoomRequest) (*pubsub.JoinRoomResponse, error) {
	c.join(asked.RoomId, asked.UserId, asked.NodeId)
	return &pubsub.JoinRoomResponse{Success: true}, nil
}

func (c *controller) LeaveRoom(_ context.Context, asked *pubsub.LeaveRoomRequest) (*pubsub.LeaveRoomResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[asked.RoomId][asked.UserId] == asked.NodeId {
		delete(c.rooms[asked.RoomId], asked.UserId)
	}
	return &pubsub.LeaveRoomResponse{Success: true}, nil
}

func (c *controller) GetRoomInfo(_ context.Context, asked *pubsub.GetRoomInfoRequest) (*pubsub.GetRoomInfoResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := &pubsub.RoomInfo{RoomId: asked.RoomId}
	for user, node := range c.rooms[asked.RoomId] {
		room.Users = append(room.Users, &pubsub.UserInfo{UserId: user, NodeId: node})
	}
	return &pubsub.GetRoomInfoResponse{Room: room}, nil
}

func (c *controller) GetUserNode(_ context.Context, asked *pubsub.GetUserNodeRequest) (*pubsub.GetUserNodeResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for room, users := range c.rooms {
		if node, found := users[asked.UserId]; found {
			return &pubsub.GetUserNodeResponse{NodeId: node, NodeAddress: node, Found: true, RoomId: room}, nil
		}
	}
	return &pubsub.GetUserNodeResponse{}, nil
}

func (c *controller) GetRoomStats(_ context.Context, asked *pubsub.GetRoomStatsRequest) (*pubsub.GetRoomStatsResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := &pubsub.GetRoomStatsResponse{}
	everyone := map[string]bool{}
	for room, users := range c.rooms {
		nodes := map[string]bool{}
		for user, node := range users {
			nodes[node], everyone[user] = true, true
		}
		if asked.RoomId == "" || asked.RoomId == room {
			stats.Rooms = append(stats.Rooms, &pubsub.RoomStats{RoomId: room, Users: int64(len(users)), Nodes: int64(len(nodes))})
		}
	}
	stats.TotalRooms, stats.TotalUsers = int64(len(c.rooms)), int64(len(everyone))
	return stats, nil
}
