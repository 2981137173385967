# Shared by the scripts beside it, never run itself: `source "…/_env.sh"`.
# shellcheck shell=bash
#
# The scripts need bash and a Python >= 3.11 with pip, nothing else. This file finds that Python,
# and makes virtual environments from requirement files.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Neither another project's modules nor a foreign virtual environment belong in here.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX
# Without bytecode, every process that a test starts would compile the package anew.
unset PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

heading() { printf '\n== %s\n' "$*"; }
say() { printf '%s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# ---------------------------------------------------------------- Python

# The Pythons that the package is made for, newest first.
supported=(3.14 3.13 3.12 3.11)

# works COMMAND: it starts, is new enough, and can make virtual environments.
works() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# find_python VERSION: print a command for that very version, if this machine has one: $PYTHON,
# one on the PATH, or one of pyenv's.
find_python() {
    local candidate
    for candidate in \
        "${PYTHON:-}" \
        "python$1" \
        python3 \
        "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/"$1".*/bin/python; do
        if [[ -n $candidate ]] && works "$candidate" && [[ $(version_of "$candidate") == "$1" ]]; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# choose_python: print the command to work with: $PYTHON, or else the newest that is supported.
choose_python() {
    local version
    if [[ -n ${PYTHON:-} ]]; then
        command -v "$PYTHON"
        return
    fi
    for version in "${supported[@]}"; do
        find_python "$version" && return
    done
    die "no suitable Python here: 3.11 to 3.14 is needed, with its venv and ensurepip modules" \
        "(on Debian and Ubuntu: apt install python3 python3-venv). If it is not on the PATH, say" \
        "where it is: PYTHON=/path/to/python3 $0"
}

if [[ -n ${PYTHON:-} ]] && ! works "$PYTHON"; then
    die "PYTHON=$PYTHON is no Python >= 3.11 that can make virtual environments"
fi

# ---------------------------------------------------------------- virtual environments

# make_venv DIRECTORY NAME [PYTHON]: a virtual environment with what requirements/NAME.txt lists
# and nothing else. Left as it is when it is up to date.
#
# Only wheels: what is not there in the form of a wheel would be built with tools nobody pinned.
make_venv() {
    local venv=$1 name=$2 python=${3:-}
    if is_up_to_date "$venv" "requirements/$name.txt" "$python"; then
        return
    fi
    python=${python:-$(choose_python)}
    say "making $venv with Python $(version_of "$python") and requirements/$name.txt …"
    "$python" -m venv --clear "$venv"
    # The pip that comes with an old Python takes no package with extras for pinned.
    pip_install "$venv" pip
    pip_install "$venv" "$name"
    stamp "$venv" "requirements/$name.txt"
}

pip_install() { # pip_install DIRECTORY NAME
    "$1/bin/python" -m pip install --quiet --require-hashes --only-binary :all: \
        -r "$root/requirements/$2.txt"
}

# install_editable DIRECTORY: the package itself, as it stands in the source tree.
install_editable() {
    local venv=$1
    if is_up_to_date "$venv" pyproject.toml; then
        return
    fi
    "$venv/bin/python" -m pip install --quiet --no-index --no-deps --no-build-isolation \
        --editable "$root"
    stamp "$venv" pyproject.toml
}

# is_up_to_date DIRECTORY FILE [PYTHON]: made from FILE as it is now (and with that Python).
is_up_to_date() {
    local venv=$1 file=$2 python=${3:-}
    [[ -f $(stamp_file "$venv" "$file") ]] || return 1
    [[ $(<"$(stamp_file "$venv" "$file")") == "$(stamp_text "$file")" ]] || return 1
    works "$venv/bin/python" || return 1
    [[ -z $python ]] || [[ $(version_of "$venv/bin/python") == "$(version_of "$python")" ]]
}

# A stamp says what an environment was made from, and where: environments cannot be moved.
stamp() { stamp_text "$2" >"$(stamp_file "$1" "$2")"; }
stamp_file() { printf '%s\n' "$1/.made-from-${2##*/}"; }
stamp_text() { printf '%s\n' "$root" && cat "$root/$1"; }
