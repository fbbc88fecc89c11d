#!/bin/sh
# Makes the environment, then runs every check and every test. Stops at the first that says no. Needs no root.
set -u
checkout=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 2
cd "$checkout" || exit 2
. .ci/environment.sh

section() {
    title=$1
    shift
    printf '== %s\n' "$title"
    began=$(date +%s)
    "$@"
    code=$?
    if [ "$code" -ne 0 ]; then
        say "tests/run.sh: stopped, $title said no (exit code $code)"
        exit 1
    fi
    [ "$title" = tests ] || printf '   %s s\n' "$(($(date +%s) - began))"
}

# libvirt-python is built against the headers of libvirt; where they are not, its tests say so and are skipped.
bind_libvirt() {
    if python -c 'import libvirt' 2>/dev/null; then
        echo '   libvirt-python is here'
    elif command -v pkg-config >/dev/null && pkg-config --exists libvirt && command -v gcc >/dev/null; then
        python -m pip install --quiet --disable-pip-version-check -c constraints-dev.txt libvirt-python ||
            echo '   skipped: libvirt-python could not be built'
    else
        echo '   skipped: libvirt-python needs gcc, pkg-config and the headers of libvirt (Debian: libvirt-dev)'
    fi
}

section environment prepare dev
section 'live libvirt' bind_libvirt
section 'ruff check' ruff check .
section 'ruff format' ruff format --check .
section mypy mypy
section lint-imports lint-imports --no-logo
section 'reference pages' python docs/generate.py --check
# By itself, so that nothing disturbs what it measures.
section 'migration lab' python -m pytest --quiet tests/test_lab.py
section tests python -m pytest -n 2 --quiet --ignore=tests/test_lab.py
