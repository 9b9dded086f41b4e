#!/usr/bin/env bash
# Sets up what the tests need in .venv and .azurite (no root), and runs them all. What cannot run here is listed; with CI=true it is a failure.
set -euo pipefail
cd "$(dirname "$0")"
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
    python3 -m venv .venv || { echo "error: python3 cannot make a virtual environment; install python3-venv" >&2; exit 1; }
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
if [ ! -d .venv/polars-1 ]; then
    # The other major version of polars, beside what is installed.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --target .venv/polars-1 polars==1.44.2
fi
# The Python package, of the library as the tests build it.
VIRTUAL_ENV="$PWD/.venv" .venv/bin/maturin develop --quiet --manifest-path python/Cargo.toml
export PARTNERSCORE_TEST_PYTHON="$PWD/.venv/bin/python"
# Azurite stands for an object store, where npm is there to install it.
if command -v npm >/dev/null; then
    azurite=.azurite/node_modules/azurite/dist/src/blob/main.js
    if [ ! -f "$azurite" ]; then
        npm install --prefix .azurite --no-audit --no-fund --loglevel=error azurite@3.37.0 >&2
    fi
    export PARTNERSCORE_TEST_AZURITE="$PWD/$azurite"
fi
exec cargo test "$@" -- --show-output
