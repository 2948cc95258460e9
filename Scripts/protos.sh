#!/bin/sh
# Generates the C decoder of proto/onnx.proto with protoc-c (Debian: protobuf-c-compiler).
#
#   Scripts/protos.sh           writes Sources/CONNX/onnx.pb-c.c and include/onnx.pb-c.h
#   Scripts/protos.sh --check   writes nothing; exits 1 if the committed files are stale
set -eu

cd "$(dirname "$0")/.."
target=Sources/CONNX

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
protoc-c --proto_path=proto --c_out="$scratch" proto/onnx.proto

case "${1:-}" in
  "")
    mv "$scratch/onnx.pb-c.c" "$target/onnx.pb-c.c"
    mv "$scratch/onnx.pb-c.h" "$target/include/onnx.pb-c.h"
    ;;
  --check)
    if ! cmp -s "$scratch/onnx.pb-c.c" "$target/onnx.pb-c.c" ||
      ! cmp -s "$scratch/onnx.pb-c.h" "$target/include/onnx.pb-c.h"; then
      echo "$target does not match proto/onnx.proto: run Scripts/protos.sh" >&2
      exit 1
    fi
    ;;
  *)
    echo "usage: Scripts/protos.sh [--check]" >&2
    exit 64
    ;;
esac
