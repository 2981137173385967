# Functions of the other scripts: `source "…/_env.sh"`.
# shellcheck shell=bash
#
# The scripts need bash and a Python >= 3.11 with pip, nothing else. This file finds that Python,
# and creates virtual environments from requirement files.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Do not use modules of another project or an active virtual environment.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX
# Without bytecode, every process that a test starts would compile the package again.
unset PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

heading() { printf '\n== %s\n' "$*"; }
say() { printf '%s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# ---------------------------------------------------------------- Python

# The supported Python versions, newest first.
supported=(3.14 3.13 3.12 3.11)

# works COMMAND: check that it starts, is new enough, and can create virtual environments.
works() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# find_python VERSION: print a command for that version, if this machine has one: $PYTHON, a
# command on the PATH, or a Python of pyenv.
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

# choose_python: print the command to use: $PYTHON, or the newest supported version.
choose_python() {
    local version
    if [[ -n ${PYTHON:-} ]]; then
        command -v "$PYTHON"
        return
    fi
    for version in "${supported[@]}"; do
        find_python "$version" && return
    done
    die "found no Python 3.11 to 3.14 with the modules venv and ensurepip. Install it (on Debian and" \
        "Ubuntu: apt install python3 python3-venv), or set its path: PYTHON=/path/to/python3 $0"
}

if [[ -n ${PYTHON:-} ]] && ! works "$PYTHON"; then
    die "PYTHON=$PYTHON is not a Python >= 3.11 that can create virtual environments"
fi

# ---------------------------------------------------------------- virtual environments

# make_venv DIRECTORY NAME [PYTHON]: create a virtual environment with the packages of
# requirements/NAME.txt, unless it is up to date.
#
# Only wheels are installed: a source package would be built with tools that are not pinned.
make_venv() {
    local venv=$1 name=$2 python=${3:-}
    if is_up_to_date "$venv" "requirements/$name.txt" "$python"; then
        return
    fi
    python=${python:-$(choose_python)}
    say "creating $venv with Python $(version_of "$python") and requirements/$name.txt …"
    "$python" -m venv --clear "$venv"
    # The pip of an old Python does not accept hashes for packages with extras.
    pip_install "$venv" pip
    pip_install "$venv" "$name"
    stamp "$venv" "requirements/$name.txt"
}

pip_install() { # pip_install DIRECTORY NAME
    "$1/bin/python" -m pip install --quiet --require-hashes --only-binary :all: \
        -r "$root/requirements/$2.txt"
}

# install_editable DIRECTORY: install the package from the source tree.
install_editable() {
    local venv=$1
    if is_up_to_date "$venv" pyproject.toml; then
        return
    fi
    "$venv/bin/python" -m pip install --quiet --no-index --no-deps --no-build-isolation \
        --editable "$root"
    stamp "$venv" pyproject.toml
}

# is_up_to_date DIRECTORY FILE [PYTHON]: check that it was made from the current FILE (and PYTHON).
is_up_to_date() {
    local venv=$1 file=$2 python=${3:-}
    [[ -f $(stamp_file "$venv" "$file") ]] || return 1
    [[ $(<"$(stamp_file "$venv" "$file")") == "$(stamp_text "$file")" ]] || return 1
    works "$venv/bin/python" || return 1
    [[ -z $python ]] || [[ $(version_of "$venv/bin/python") == "$(version_of "$python")" ]]
}

# A stamp records what an environment was made from, and where: environments cannot be moved.
stamp() { stamp_text "$2" >"$(stamp_file "$1" "$2")"; }
stamp_file() { printf '%s\n' "$1/.made-from-${2##*/}"; }
stamp_text() { printf '%s\n' "$root" && cat "$root/$1"; }
