#!/usr/bin/env bash
# Generates the Go stubs from protos/ and builds bin/client. PYTHON is one that has grpcio-tools.
set -euo pipefail
cd "$(dirname "$0")"
protos=$(cd ../../../protos && pwd)
package=routerhub.test/client/imagespb

# The toolchain that is here is used; go would download another.
export GOTOOLCHAIN=local GOBIN="$PWD/bin"
if ! go list -m >/dev/null; then
  echo "This Go is older than go.mod asks for; the tests that need it will be skipped."
  exit 0
fi
go install tool

# All of the gateway's files become one Go package, whatever go_package they may name.
includes=$("$PYTHON" -c 'import google.api.annotations_pb2 as m; print(m.__file__.removesuffix("google/api/annotations_pb2.py"))')
arguments=(--proto_path="$protos" --proto_path="$includes" --go_out=. --go-grpc_out=.)
for option in go_opt go-grpc_opt; do
  arguments+=("--$option=module=routerhub.test/client")
  for file in "$protos"/routerhub/images/v1/*.proto; do
    arguments+=("--$option=M${file#"$protos"/}=$package")
  done
done
rm -rf imagespb
PATH="$GOBIN:$PATH" "$PYTHON" -m grpc_tools.protoc "${arguments[@]}" "$protos"/routerhub/images/v1/*.proto
go build -o bin/client .
