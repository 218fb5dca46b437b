#!/bin/sh
# Recompile converters/caffe/caffe.proto to caffe.desc (a serialised FileDescriptorSet; any protobuf runtime reads it).
# Needs protoc, or a Python with grpcio-tools named in $PYTHON.
set -eu
cd "$(dirname "$0")/../converters/caffe"
if command -v protoc >/dev/null; then protoc=protoc; else protoc="${PYTHON:-python3} -m grpc_tools.protoc"; fi
$protoc -I. --descriptor_set_out=caffe.desc caffe.proto
