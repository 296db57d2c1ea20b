#!/usr/bin/env bash
# Installs what tests need besides npm's packages: grpcurl, Go's protobuf plugins, Connect's conformance runner, the interop
# client of grpc-go, grpc-java and what generates its stubs, a Python with grpcio, one with Django, and typedoc. Their versions stand
# here and in the lists of packages (test/foreign/{go,java,python}, test/import/django, test/clients/tools/typedoc) and nowhere else. Everything goes to
# node_modules/.cache/userd-tools, where test/foreign/tools.ts looks first.
#
# Run: scripts/install-ci-tools.sh [go|java|python|django|typedoc|rust]   (default: all but rust, which compiles for minutes). What is
# there already is kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

grpcurl=github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
protoc_gen_go=google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
protoc_gen_go_grpc=google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
conformance=connectrpc.com/conformance/cmd/connectconformance@v1.0.7
interop_client=google.golang.org/grpc/interop/client@v1.85.0

tools=$PWD/node_modules/.cache/userd-tools
what=${1:-all}
mkdir -p "$tools/bin"

# Does the work once per content of the key: `once NAME KEY COMMAND…`.
once() {
  local stamp=$tools/.$1 key=$2
  shift 2
  if [[ -f $stamp && $(<"$stamp") == "$key" ]]; then return; fi
  "$@"
  printf '%s' "$key" >"$stamp"
}

install_go_tools() {
  for package in "$grpcurl" "$protoc_gen_go" "$protoc_gen_go_grpc" "$conformance" "$interop_client"; do
    GOBIN=$tools/bin go install "$package"
  done
  mv "$tools/bin/client" "$tools/bin/grpc-interop-client"
}

# The packages that the tests' client imports, compiled ahead, so that a test compiles the client alone.
warm_go_modules() {
  (cd test/foreign/go && go build ./deps)
}

# Maven downloads; the client is compiled by the test, without it.
install_java() {
  rm -rf "${tools:?}/java"
  mvn --quiet --batch-mode --file test/foreign/java/pom.xml -Dtools="$tools" package
  chmod +x "$tools/bin/protoc" "$tools/bin/protoc-gen-grpc-java"
}

# What the example in Rust depends on, compiled ahead, so that a test compiles the example alone.
warm_rust() {
  local folder
  folder=$(mktemp -d)
  cp -r examples/rust/. proto "$folder"
  (cd "$folder" && CARGO_TARGET_DIR=$tools/rust cargo build --quiet --locked)
  rm -r "$folder"
}

# A Python of its own with a list of packages: `install_python FOLDER REQUIREMENTS [OPTION…]`, with options of pip.
install_python() {
  local folder=$1 requirements=$2
  shift 2
  rm -rf "${tools:?}/$folder"
  python3 -m venv "$tools/$folder"
  "$tools/$folder/bin/pip" install --quiet --disable-pip-version-check "$@" --requirement "$requirements"
}

install_typedoc() {
  rm -rf "${tools:?}/typedoc"
  mkdir "$tools/typedoc"
  cp test/clients/tools/typedoc/package*.json "$tools/typedoc"
  (cd "$tools/typedoc" && npm ci --ignore-scripts --no-audit --no-fund --loglevel error)
}

if [[ $what == all || $what == go ]]; then
  once go "$grpcurl $protoc_gen_go $protoc_gen_go_grpc $conformance $interop_client $(go env GOVERSION)" install_go_tools
  warm_go_modules
fi
if [[ $what == all || $what == java ]]; then
  once java "$(<test/foreign/java/pom.xml)" install_java
fi
if [[ $what == all || $what == python ]]; then
  once python "$(<test/foreign/python/requirements.txt) $(python3 --version)" install_python venv test/foreign/python/requirements.txt --require-hashes
fi
if [[ $what == all || $what == django ]]; then
  once django "$(<test/import/django/requirements.txt) $(python3 --version)" install_python django test/import/django/requirements.txt
fi
if [[ $what == all || $what == typedoc ]]; then
  once typedoc "$(<test/clients/tools/typedoc/package-lock.json)" install_typedoc
fi
if [[ $what == rust ]]; then
  once rust "$(<examples/rust/Cargo.lock) $(cargo --version)" warm_rust
fi
