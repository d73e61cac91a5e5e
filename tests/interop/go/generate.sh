#!/usr/bin/env bash
# Writes pubsub/*.pb.go anew from proto/. Run it after a change there; a test
# of the server (tests/interop.rs) fails while the two differ.
#
# The generators are tools of this module, so go.mod pins them; PROTOC names
# the compiler, else the one on PATH is used. Where each file's Go package is
# stands here and not in the .proto files, which know no language.
set -euo pipefail
cd "$(dirname "$0")"

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc

root=../../../proto
files=()
options=(--go_opt=paths=source_relative --go-grpc_opt=paths=source_relative)
for path in "$root"/pubsub/*.proto; do
  file=${path#"$root/"}
  files+=("$file")
  package="M$file=push-manager.dev/interop/pubsub"
  options+=("--go_opt=$package" "--go-grpc_opt=$package")
done
rm -f pubsub/*.pb.go
"${PROTOC:-protoc}" --proto_path="$root" \
  --plugin="$bin/protoc-gen-go" --plugin="$bin/protoc-gen-go-grpc" \
  --go_out=. --go-grpc_out=. "${options[@]}" "${files[@]}"
