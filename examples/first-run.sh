#!/bin/sh
# The first run: makes the environment, then plans the demo inventory, verifies the plan and prints its runbook.
set -eu
checkout=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$checkout/.ci/environment.sh"
prepare run

# In a directory of its own, so that the commands leave nothing in the checkout and can be shown as they are typed.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
ln -s "$checkout/inventories" "$work/inventories"
cd "$work"

show() {
    printf '\n$ %s\n' "$1"
    eval "$1"
}

show 'evac plan inventories/demo.yaml --evacuate hv01 --deadline "15 min" -o plan.json'
show 'evac verify inventories/demo.yaml plan.json'
show 'evac runbook plan.json'

say ''
say "That was the demo. To go on: . '$checkout/.venv/bin/activate'   and read docs/getting-started.md"
