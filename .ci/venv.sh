#!/bin/sh
# Make .venv hold fbclass in the versions of constraints.txt; the Makefile calls it.
#
#     sh .ci/venv.sh base|api|train|dev
#
# Does nothing if that is already so. PYTHON names the interpreter to make .venv with.
set -eu

extra=$1
python=.venv/bin/python
# One line "KEY EXTRA" for each extra that is in, written when its installation is complete. The folder is
# part of the key because the scripts in .venv/bin name it.
stamp=.venv/.installed
key=$({ cat pyproject.toml constraints.txt; pwd -P; } | cksum | tr ' ' -)

# Shims that only complain, Pythons of another version and Debian's python3 without python3-venv are passed over.
suits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1
}

version() {
    "$1" -c 'import sys; print(sys.version_info[:2])' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} $([ -n "${PYTHON:-}" ] || echo python3 python3.13 python3.12 python3.11); do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "fbclass needs Python 3.11, 3.12 or 3.13 with its venv module: ${PYTHON:-no python3 on the PATH} does not suit." >&2
    echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Another one: make ... PYTHON=/path/to/python3.12" >&2
    return 1
}

has() {
    grep -qx "$key $1" "$stamp" 2>/dev/null
}

sound() {
    "$python" -c 'import pip' >/dev/null 2>&1 && { [ -z "${PYTHON:-}" ] || [ "$(version "$PYTHON")" = "$(version "$python")" ]; }
}

if ! sound; then
    interpreter=$(find_python)
    echo "Creating .venv with $("$interpreter" -V) ..."
    "$interpreter" -m venv --clear .venv
fi
if has "$extra" || has dev; then
    exit 0
fi

complete=$(grep "^$key " "$stamp" 2>/dev/null || true)
rm -f "$stamp"
case $extra in
base) target=. ;;
*) target=".[$extra]" ;;
esac
echo "Installing fbclass ($extra) into .venv ..."
"$python" -m pip --disable-pip-version-check install --use-pep517 -c constraints.txt -e "$target"
printf '%s\n' ${complete:+"$complete"} "$key $extra" >"$stamp"
