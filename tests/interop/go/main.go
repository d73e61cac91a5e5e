// Interop plays the Go services around Push-Manager in its tests: a
// Connect-Node, a business server and a Controller, written as a plain Go
// service would be, with grpc-go's and etcd's own clients and their defaults.
//
// Every subcommand prints one JSON object a line on standard output; what went
// wrong goes to standard error with exit code 1.
package main

//go:generate ./generate.sh

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: interop COMMAND [FLAGS]

  node         a Connect-Node with unary calls, registered in etcd
  push         finds push-manager in etcd and pushes: room ID TEXT | user ID TEXT | broadcast TEXT
  load         pushes at a rate, one line for each that ended; -h tells the flags
  controller   a Controller that knows its members from its flags and from joins
  descriptors  the file descriptors that the generated code was made from, serialized
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	commands := map[string]func(context.Context, []string) error{
		"node":        runNode,
		"push":        runPush,
		"load":        runLoad,
		"controller":  runController,
		"descriptors": runDescriptors,
	}
	command, known := commands[os.Args[1]]
	if !known {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := command(ctx, os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "interop %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
