# Makes the checkout's own environment. To be sourced by sh; needs `checkout`, the absolute path of the checkout.
#
#   prepare run    what the planner needs to run
#   prepare dev    that, and what its tests and checks need
#
# Afterwards the environment is in $checkout/.venv and `evac` and `python` come first on PATH. Nothing is
# installed when nothing has changed since the last time. EVAC_PYTHON names the Python to use instead of
# one that is found. Exits with 2 where no Python fits and with pip's own code where the install fails.

say() {
    printf '%s\n' "$*" >&2
}

# Can this interpreter carry us? It must run at all (a version manager's shim may exist and fail) and be new enough.
python_fits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' </dev/null >/dev/null 2>&1
}

# Can it make an environment with pip in it? Some systems ship that in a package of its own.
python_makes_venv() {
    "$1" -c 'import ensurepip, venv' </dev/null >/dev/null 2>&1
}

# Prints the interpreters that may be there, one a line, the best first.
python_candidates() {
    wanted=$(sed -n '1{s/[^0-9.].*//;p;}' "$checkout/.python-version" 2>/dev/null) || wanted=
    wanted=${wanted:-3.13}
    for name in "python$wanted" python3 python python3.14 python3.13 python3.12; do
        command -v "$name" 2>/dev/null || continue
    done
    pyenv_versions=${PYENV_ROOT:-$HOME/.pyenv}/versions
    for found in "$pyenv_versions/$wanted"*/bin/python "$pyenv_versions"/3.1[2-9]*/bin/python; do
        if [ -x "$found" ]; then printf '%s\n' "$found"; fi
    done
    if command -v uv >/dev/null 2>&1; then
        uv python find "$wanted" 2>/dev/null || :
        uv python find '>=3.12' 2>/dev/null || :
    fi
}

# Is there an environment that works, made in this very place? (A moved one has scripts that point elsewhere.)
environment_works() {
    python_fits "$venv/bin/python" && grep -qsF "$venv/bin/python" "$venv/bin/pip" &&
        "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

# Sets `python` to the interpreter to build on, or explains what to install and returns 2.
find_python() {
    python=
    without_venv=
    if [ -n "${EVAC_PYTHON:-}" ]; then
        candidates=$EVAC_PYTHON
    else
        candidates=$(python_candidates)
    fi
    while IFS= read -r candidate; do
        [ -n "$candidate" ] && python_fits "$candidate" || continue
        if python_makes_venv "$candidate"; then
            python=$candidate
            return 0
        fi
        without_venv=${without_venv:-$candidate}
    done <<END
$candidates
END
    if [ -n "$without_venv" ]; then
        say "$without_venv is new enough but cannot make a virtual environment: its venv module or pip is missing."
        say "Install them (Debian and Ubuntu: the package python3-venv), then run this again."
    elif [ -n "${EVAC_PYTHON:-}" ]; then
        say "EVAC_PYTHON is $EVAC_PYTHON, which is no Python 3.12 or later. Name another one or unset it."
    else
        say "No Python 3.12 or later was found: not on PATH, not under pyenv, not with uv."
        say "Install one, then run this again. Any of these will do:"
        say "  Debian 13, Ubuntu 24.04 or later:  apt install python3 python3-venv"
        say "  Fedora, RHEL 9 or later:           dnf install python3.13   (python3.12 on RHEL)"
        say "  macOS with Homebrew:               brew install python@3.13"
        say "  without root, with pyenv:          pyenv install 3.13"
        say "  without root, with uv:             uv python install 3.13"
    fi
    return 2
}

# What the environment was made from: what is needed, in which versions.
environment_key() {
    cat "$checkout/pyproject.toml" "$checkout/constraints-dev.txt" "$checkout/.python-version" | cksum
}

prepare() {
    venv=$checkout/.venv
    case $1 in
        dev) extras='[dev]' ;;
        *) extras= ;;
    esac
    stamp=$venv/installed-$1
    unset PYTHONHOME PYTHONPATH
    if ! environment_works; then
        find_python || exit 2
        say "Making an environment in $venv with $("$python" --version 2>&1) ($python)"
        "$python" -m venv --clear "$venv" || exit 2
    fi
    if [ "$(cat "$stamp" 2>/dev/null)" != "$(environment_key)" ]; then
        rm -f "$stamp"
        say "Installing evac$extras in the versions of constraints-dev.txt (a minute or so)"
        # setuptools first, so that the build uses the pinned one and asks for no other.
        PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install -qq --no-input \
            --constraint "$checkout/constraints-dev.txt" setuptools || exit
        PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install -qq --no-input \
            --constraint "$checkout/constraints-dev.txt" --no-build-isolation --editable "$checkout$extras" || exit
        environment_key >"$stamp"
    fi
    PATH=$venv/bin:$PATH
    export PATH
}
