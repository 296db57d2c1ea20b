#!/usr/bin/env bash
# Installs what the foreign-client tests need besides npm's packages: grpcurl and Go's protobuf plugins, and a Python
# with grpcio. Their versions stand here and in the two lists of packages (test/foreign/go, test/foreign/python) and
# nowhere else. Everything goes to node_modules/.cache/userd-tools, where test/foreign/tools.ts looks first.
#
# Run: scripts/install-ci-tools.sh [go|python]   (default: both). What is there already is kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

grpcurl=github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
protoc_gen_go=google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
protoc_gen_go_grpc=google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

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
  for package in "$grpcurl" "$protoc_gen_go" "$protoc_gen_go_grpc"; do GOBIN=$tools/bin go install "$package"; done
}

# The packages that the tests' client imports, compiled ahead, so that a test compiles the client alone.
warm_go_modules() {
  (cd test/foreign/go && go build ./deps)
}

install_python() {
  rm -rf "$tools/venv"
  python3 -m venv "$tools/venv"
  "$tools/venv/bin/pip" install --quiet --disable-pip-version-check --requirement test/foreign/python/requirements.txt
}

if [[ $what == all || $what == go ]]; then
  once go "$grpcurl $protoc_gen_go $protoc_gen_go_grpc $(go env GOVERSION)" install_go_tools
  warm_go_modules
fi
if [[ $what == all || $what == python ]]; then
  once python "$(<test/foreign/python/requirements.txt) $(python3 --version)" install_python
fi
