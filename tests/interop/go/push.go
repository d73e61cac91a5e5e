package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"go.etcd.io/etcd/client/v3/naming/resolver"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"push-manager.dev/interop/pubsub"
)

// What a business server in Go usually sets: every replica gets its share.
const roundRobin = `{"loadBalancingConfig":[{"round_robin":{}}]}`

func runPush(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("push", flag.ExitOnError)
	etcd := flags.String("etcd", "127.0.0.1:2379", "etcd's endpoints")
	target := flags.String("target", "etcd:///push-manager", "what to resolve and call")
	timeout := flags.Duration("timeout", 10*time.Second, "for each call")
	every := flags.Duration("every", 0, "push again and again with this pause, until SIGTERM")
	trace := flags.String("traceparent", "", "W3C trace context to send along")
	if err := flags.Parse(args); err != nil {
		return err
	}
	call, err := chosen(flags.Args())
	if err != nil {
		return err
	}
	client, err := etcdClient(*etcd)
	if err != nil {
		return err
	}
	defer client.Close()
	found, err := resolver.NewBuilder(client)
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient(*target,
		grpc.WithResolvers(found),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(roundRobin))
	if err != nil {
		return err
	}
	defer connection.Close()
	service := pubsub.NewPushManagerServiceClient(connection)

	for {
		// A call that began is finished, whatever the signal.
		if err := once(context.WithoutCancel(ctx), service, call, *timeout, *trace); err != nil && *every == 0 {
			return err
		}
		if *every == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return say(map[string]any{"event": "stopped"})
		case <-time.After(*every):
		}
	}
}

type pushCall func(context.Context, pubsub.PushManagerServiceClient, ...grpc.CallOption) (proto.Message, error)

// chosen reads what to push from the arguments.
func chosen(args []string) (pushCall, error) {
	switch {
	case len(args) == 3 && args[0] == "room":
		return func(ctx context.Context, service pubsub.PushManagerServiceClient, options ...grpc.CallOption) (proto.Message, error) {
			return service.PushToRoom(ctx, &pubsub.PushToRoomRequest{RoomId: args[1], Content: content(args[2])}, options...)
		}, nil
	case len(args) == 3 && args[0] == "user":
		return func(ctx context.Context, service pubsub.PushManagerServiceClient, options ...grpc.CallOption) (proto.Message, error) {
			return service.PushToUser(ctx, &pubsub.PushToUserRequest{UserId: args[1], Content: content(args[2])}, options...)
		}, nil
	case len(args) == 2 && args[0] == "broadcast":
		return func(ctx context.Context, service pubsub.PushManagerServiceClient, options ...grpc.CallOption) (proto.Message, error) {
			return service.BroadcastMessage(ctx, &pubsub.BroadcastMessageRequest{Content: content(args[1])}, options...)
		}, nil
	}
	return nil, fmt.Errorf("%q is none of: room ID TEXT, user ID TEXT, broadcast TEXT", args)
}

func content(text string) *pubsub.MessageContent {
	return &pubsub.MessageContent{
		Type:      "TEXT",
		Data:      text,
		Timestamp: time.Now().Unix(),
		Metadata:  map[string]string{"from": "go"},
	}
}

// once makes one call and prints its answer, or its error, and who gave it.
func once(ctx context.Context, service pubsub.PushManagerServiceClient, call pushCall, timeout time.Duration, trace string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if trace != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", trace)
	}
	var from peer.Peer
	answer, err := call(ctx, service, grpc.Peer(&from))
	line := map[string]any{"event": "answer", "code": status.Code(err).String()}
	if from.Addr != nil {
		line["peer"] = from.Addr.String()
	}
	if err != nil {
		line["error"] = err.Error()
	} else {
		line["answer"] = shown(answer)
	}
	if said := say(line); said != nil {
		return said
	}
	return err
}
