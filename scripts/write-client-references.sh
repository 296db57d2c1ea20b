#!/usr/bin/env bash
# Writes the API references of the client libraries, made from their doc comments: in HTML of TypeScript (typedoc) and Python (pdoc), in text
# of Go (go doc). They are not committed: a release has them, and a test makes them.
#
# Run: scripts/write-client-references.sh FOLDER [typescript|go|python]   (default: all), with the tools of scripts/install-ci-tools.sh
set -euo pipefail
[[ $# -ge 1 ]] || { echo "Usage: $0 FOLDER [typescript|go|python]" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
what=${2:-all}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
tools=$root/node_modules/.cache/userd-tools
export PATH=$tools/bin:$root/node_modules/.bin:$PATH

write_typescript() {
  "$tools/typedoc/node_modules/.bin/typedoc" --options clients/typescript/typedoc.json --out "$out/typescript" --logLevel Warn
}

write_go() {
  mkdir -p "$out/go"
  buf generate proto --path proto/userd --template clients/go/buf.gen.yaml --output clients/go
  (cd clients/go && go doc -all . >"$out/go/client.txt" && go doc -all ./nearcache >"$out/go/nearcache.txt")
  (cd clients/openfeature/go && go doc -all . >"$out/go/openfeature.txt")
}

# In a copy: what is generated for it does not stay.
write_python() {
  local copy
  copy=$(mktemp -d)
  mkdir "$copy/clients"
  cp -r clients/python "$copy/clients/python"
  cp -r proto "$copy/proto"
  (cd "$copy/clients/python" && "$tools/venv/bin/python" generate.py && PYTHONPATH=src "$tools/venv/bin/python" -m pdoc --output-directory "$out/python" userd_client)
  rm -r "$copy"
}

for language in typescript go python; do
  if [[ $what == all || $what == "$language" ]]; then "write_$language"; fi
done
