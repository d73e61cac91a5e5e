//go:build tools

// Package tools names the programs this module pins, so that `go mod tidy`
// keeps them in go.mod. It is never built.
package tools

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/server/v3"
)
