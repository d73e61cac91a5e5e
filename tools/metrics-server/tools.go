//go:build tools

// Package tools names the programs this module pins, so that `go mod tidy`
// keeps them in go.mod. It is never built.
package tools

import (
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server"
)
