package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"time"

	"push-manager.dev/interop/pubsub"
)

// loadFlags is how a load was asked for, and what was made ready for it.
type loadFlags struct {
	address          string
	connections      int
	rate             float64
	span             time.Duration
	rooms, users     words
	broadcastEvery   int
	deadline         time.Duration
	retry            string
	run              string
	targets          []target
	serviceOfTheCall func(seq int) pubsub.PushManagerServiceClient
}

func readLoadFlags(args []string) (*loadFlags, error) {
	given := &loadFlags{}
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	flags.StringVar(&given.address, "address", "", "host:port of the push API, or what grpc resolves")
	flags.IntVar(&given.connections, "connections", 2, "connections that take turns")
	flags.Float64Var(&given.rate, "rate", 10, "pushes a second")
	flags.DurationVar(&given.span, "for", 0, "how long; 0 is until standard input, a pipe, is closed or SIGTERM comes, which end it earlier too")
	flags.Var(&given.rooms, "room", "a room to push to (repeatable)")
	flags.Var(&given.users, "user", "a user to push to (repeatable)")
	flags.IntVar(&given.broadcastEvery, "broadcast-every", 0, "each N-th push is a broadcast; 0 is none")
	flags.DurationVar(&given.deadline, "deadline", 5*time.Second, "of each call, retries included")
	flags.StringVar(&given.retry, "retry", "unsent", "unsent: grpc retries what was UNAVAILABLE, see load.go; none: only what surely reached nobody")
	flags.StringVar(&given.run, "run", "", "what tells the data of this run from others'; random when empty")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if given.run == "" {
		given.run = rand.Text()[:8]
	}
	for _, room := range given.rooms {
		given.targets = append(given.targets, target{Room: room})
	}
	for _, user := range given.users {
		given.targets = append(given.targets, target{User: user})
	}
	return given, given.check(flags.Args())
}

func (l *loadFlags) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%q is left over after the flags", rest)
	case l.address == "":
		return errors.New("-address is missing; expected host:port")
	case l.connections < 1 || l.rate <= 0 || l.deadline <= 0 || l.broadcastEvery < 0 || l.span < 0:
		return errors.New("-connections, -rate and -deadline must be above 0, -broadcast-every and -for not below")
	case l.retry != "none" && l.retry != "unsent":
		return fmt.Errorf("-retry %q is neither none nor unsent", l.retry)
	case len(l.targets) == 0 && l.broadcastEvery == 0:
		return errors.New("nobody to push to; expected -room, -user or -broadcast-every")
	}
	return nil
}
