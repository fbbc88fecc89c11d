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

# Runs a command in the shell's own words, so that what is shown can be copied.
show() {
    printf '\n$ %s\n' "$1"
    eval "$1"
}

plan=$work/plan.json
show 'evac plan inventories/demo.yaml --evacuate hv01 --deadline "15 min" -o "$plan"'
show 'evac verify inventories/demo.yaml "$plan"'
show 'evac runbook "$plan"'
