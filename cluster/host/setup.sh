#!/usr/bin/env bash
# Make this machine ready for Delta: host packages, the Python environment in .venv, the runner image.
#
#   cluster/host/setup.sh                 all of it (`make setup`; also the set-up command of ray-cluster.yaml)
#   cluster/host/setup.sh --for-tests     and what only the tests need (`make test`)
#   cluster/host/setup.sh --python-only   the Python environment alone (`make check`)
#
# What is there already is not done again. As an ordinary user, or beside a foreign Docker engine, the system is not
# touched: the missing commands are printed, the rest is done, and the exit code is 1.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
venv="$root/.venv"

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3; do
        if [[ -n "$candidate" ]] && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Delta needs Python 3.11, and neither python3.11 nor python3 is one. Debian 12: apt-get install python3" >&2
    echo "Elsewhere, name one: PYTHON=/path/to/python3.11 make setup" >&2
    return 1
}

# torch goes first and alone: pip takes a CPU build where its own configuration has one, the index's build otherwise.
# Everything else is pinned with hashes, and nothing is resolved again.
make_venv() {
    local python="$1" wanted torch
    # The path is part of it, because a moved environment does not work.
    wanted="$(echo "$venv" | cat - requirements.lock pyproject.toml | sha256sum | cut -d' ' -f1)"
    mkdir -p "$venv"
    exec 9>"$venv/.lock"
    flock 9
    if [[ "$(cat "$venv/.ready" 2>/dev/null)" != "$wanted" ]]; then
        echo "Making $venv (minutes on the first run)"
        torch="$(grep -oE '"torch==[^"]+' pyproject.toml | tr -d '"')"
        rm -f "$venv/.ready"
        "$python" -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet "$torch"
        "$venv/bin/python" -m pip install --quiet --no-deps --require-hashes -r requirements.lock
        "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
        echo "$wanted" >"$venv/.ready"
    fi
    exec 9>&-
}

python="$(find_python)"
host_ready=yes
if [[ "${1:-}" != "--python-only" ]]; then
    "$python" -m cluster.host.debian "$@" || host_ready=no
fi
make_venv "$python"
# Every process of Delta's imports it, and some environments keep Python from writing what it has compiled.
"$venv/bin/python" -m compileall -q actors api cluster models sandbox
if [[ "${1:-}" == "--python-only" ]]; then
    exit 0
fi
if [[ "$host_ready" == no ]]; then
    echo "Set-up is not complete: see the commands above." >&2
    exit 1
fi
"$venv/bin/python" -m cluster.host.prepare
