//go:build tools

// Package tools names the program this module pins, so that `go mod tidy`
// keeps it in go.mod. It is never built.
package tools

import _ "github.com/docker/compose/v2/cmd"
