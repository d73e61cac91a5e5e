package main

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"push-manager.dev/interop/pubsub"
)

// Calls grpc may make again by itself.
//
// grpc promises no "at most once" here. A call that surely reached nobody (no
// connection, refused stream, goodbye with a lower stream id) is made again with
// or without this. With it, any UNAVAILABLE before the first byte of an answer
// is retried too: a server that says so itself, and also a connection that broke
// after the request had been sent, which may have been pushed already. "sends"
// in a push's line tells how often its request went out.
const retryUnavailable = `{"methodConfig":[{"name":[{"service":"pubsub.PushManagerService"}],"retryPolicy":{
	"maxAttempts":4,"initialBackoff":"0.1s","maxBackoff":"1s","backoffMultiplier":2,
	"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// Lines that may wait to be printed before calls wait for the printer.
const linesWaiting = 1024

func runLoad(ctx context.Context, args []string) error {
	load, err := readLoadFlags(args)
	if err != nil {
		return err
	}
	stop, err := load.connect()
	if err != nil {
		return err
	}
	defer stop()
	if load.span > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, load.span)
		defer cancel()
	}
	ctx = untilInputCloses(ctx)

	lines := make(chan *line, linesWaiting)
	printed := make(chan error, 1)
	go func() { printed <- printLines(lines) }()
	load.send(ctx, lines)
	close(lines)
	return <-printed
}

// connect prepares the connections; grpc makes them when they are needed.
func (l *loadFlags) connect() (func(), error) {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(counter{}),
		// What is under test stands behind no proxy.
		grpc.WithNoProxy(),
	}
	if l.retry == "none" {
		options = append(options, grpc.WithDisableRetry())
	} else {
		options = append(options, grpc.WithDefaultServiceConfig(retryUnavailable))
	}
	var services []pubsub.PushManagerServiceClient
	var made []*grpc.ClientConn
	for range l.connections {
		connection, err := grpc.NewClient(l.address, options...)
		if err != nil {
			return nil, err
		}
		made = append(made, connection)
		services = append(services, pubsub.NewPushManagerServiceClient(connection))
	}
	l.serviceOfTheCall = func(seq int) pubsub.PushManagerServiceClient { return services[seq%len(services)] }
	return func() {
		for _, connection := range made {
			_ = connection.Close()
		}
	}, nil
}

// send starts the pushes at their rate, however long answers take, and returns
// when all have ended. Their deadline bounds how many are open.
func (l *loadFlags) send(ctx context.Context, lines chan<- *line) {
	var open sync.WaitGroup
	defer open.Wait()
	begun := time.Now()
	for seq := 0; ; seq++ {
		due := begun.Add(time.Duration(float64(seq) / l.rate * float64(time.Second)))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		if ctx.Err() != nil {
			return
		}
		open.Go(func() { lines <- l.push(context.WithoutCancel(ctx), seq) })
	}
}

// untilInputCloses ends with a pipe on standard input: whoever holds its other
// end is gone, or wants no more. A terminal or /dev/null says nothing.
func untilInputCloses(ctx context.Context) context.Context {
	input, err := os.Stdin.Stat()
	if err != nil || input.Mode()&os.ModeNamedPipe == 0 {
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx
}
