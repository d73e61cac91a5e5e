package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"push-manager.dev/interop/pubsub"
)

// How long calls under way may take after the end was asked for.
const stopWithin = 5 * time.Second

var out sync.Mutex

// say prints one JSON line.
func say(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	out.Lock()
	defer out.Unlock()
	_, err = os.Stdout.Write(append(text, '\n'))
	return err
}

// shown is a message as JSON, with the names of the .proto files and with zeros.
func shown(message proto.Message) json.RawMessage {
	options := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}
	text, err := options.Marshal(message)
	if err != nil {
		text, _ = json.Marshal(err.Error())
	}
	return text
}

// words is a flag that may be given several times.
type words []string

func (w *words) String() string { return strings.Join(*w, " ") }

func (w *words) Set(word string) error {
	*w = append(*w, word)
	return nil
}

func etcdClient(endpoints string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints:   strings.Split(endpoints, ","),
		DialTimeout: 5 * time.Second,
	})
}

// serve answers calls until the context ends, then lets those under way finish.
func serve(ctx context.Context, server *grpc.Server, listener net.Listener, leave func()) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	leave()
	stopped := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(stopWithin):
		server.Stop()
		return errors.New("calls did not end in time")
	}
	return say(map[string]any{"event": "stopped"})
}

// runDescriptors prints what the generated code knows of the .proto files.
func runDescriptors(context.Context, []string) error {
	set := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{
		protodesc.ToFileDescriptorProto(pubsub.File_pubsub_message_proto),
		protodesc.ToFileDescriptorProto(pubsub.File_pubsub_push_manager_proto),
		protodesc.ToFileDescriptorProto(pubsub.File_pubsub_controller_proto),
		protodesc.ToFileDescriptorProto(pubsub.File_pubsub_connect_node_proto),
	}}
	bytes, err := proto.Marshal(set)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(bytes)
	return err
}
