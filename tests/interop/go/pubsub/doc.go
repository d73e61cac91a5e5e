// Package pubsub is generated from proto/pubsub by generate.sh, but for this file.
package pubsub
