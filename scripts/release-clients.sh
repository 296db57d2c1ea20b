#!/usr/bin/env bash
# Makes what registries take of the client libraries, in the version of package.json, from this commit: packages for npm and PyPI and the API
# references in dist/clients, and for Go, whose registry is the repository, the tags clients/go/vX.Y.Z and clients/openfeature/go/vX.Y.Z. They
# name a commit of their own, which has the generated messages, the license, and a provider that asks for the client of this version.
#
# Run: scripts/release-clients.sh, on a clean checkout, with the tools of scripts/install-ci-tools.sh. With PUBLISH=true it pushes the tags and
# publishes to npm; what is in dist/clients/python the workflow publishes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
tools=$root/node_modules/.cache/userd-tools
export PATH=$tools/bin:$root/node_modules/.bin:$PATH
[[ -z $(git status --porcelain) ]] || { echo "There are changes that are not committed." >&2; exit 1; }
version=$(node -p 'require("./package.json").version')
out=$root/dist/clients
rm -rf "$out"
mkdir -p "$out/npm"

pack_typescript() {
  local package
  for package in clients/typescript clients/openfeature/typescript; do
    [[ $(node -p "require('./$package/package.json').version") == "$version" ]] || { echo "$package has another version than userd" >&2; exit 1; }
    # Beside its manifest npm takes it along.
    cp LICENSE "$package/LICENSE"
    (cd "$package" && npm run --silent build && npm pack --silent --pack-destination "$out/npm")
    rm "$package/LICENSE"
  done
}

# In a copy: what is generated for it does not stay.
pack_python() {
  local copy
  copy=$(mktemp -d)
  mkdir "$copy/clients"
  cp -r clients/python "$copy/clients/python"
  cp -r proto "$copy/proto"
  cp LICENSE "$copy/clients/python"
  (cd "$copy/clients/python" && "$tools/venv/bin/python" generate.py && "$tools/venv/bin/python" -m build --no-isolation --outdir "$out/python")
  rm -r "$copy"
}

# On a commit of its own, in a worktree beside this one: no branch has it, and nothing here changes.
tag_go() {
  local tree
  tree=$(mktemp -d)
  git worktree add --quiet --detach "$tree"
  buf generate proto --path proto/userd --template clients/go/buf.gen.yaml --output "$tree/clients/go"
  cp LICENSE "$tree/clients/go"
  cp LICENSE "$tree/clients/openfeature/go"
  (
    cd "$tree"
    (cd clients/openfeature/go && go mod edit -dropreplace userd.dev/client -require "userd.dev/client@v$version")
    git add --force clients/go/gen clients/go/LICENSE clients/openfeature/go
    git commit --quiet --message "Make the modules for Go of $version"
    for tag in "clients/go/v$version" "clients/openfeature/go/v$version"; do git tag --annotate "$tag" --message "userd $version"; done
  )
  git worktree remove --force "$tree"
}

pack_typescript
pack_python
scripts/write-client-references.sh "$out/reference"
tag_go
if [[ ${PUBLISH:-} == true ]]; then
  git push origin "clients/go/v$version" "clients/openfeature/go/v$version"
  # The provider comes last: it depends on the client.
  for package in "$out"/npm/userd-client-*.tgz "$out"/npm/userd-openfeature-provider-*.tgz; do npm publish --provenance --access public "$package"; done
fi
