#!/bin/sh
# The first run: makes the environment, then plans the demo inventory, verifies the plan and prints its runbook.
set -eu
checkout=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$checkout/.ci/environment.sh"
prepare run
cd "$checkout"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

show evac plan inventories/demo.yaml --evacuate hv01 --deadline '15 min' --output "$work/plan.json"
show evac verify inventories/demo.yaml "$work/plan.json"
show evac runbook "$work/plan.json"
