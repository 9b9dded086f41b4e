# Every task of the house. `just` lists them.

python := ".venv/bin/python"

_default:
    @just --list

# Format everything
fmt:
    cargo fmt

# What CI refuses: formatting and warnings
lint:
    cargo fmt --check
    cargo clippy --workspace --all-targets -- -D warnings

# Set up what the tests need, and run them all
test:
    ./test.sh

# Review snapshots that changed: runs the tests and writes what they print now
snapshots:
    INSTA_UPDATE=always cargo test --test it snapshots::

# Score the sample and show the ranking
score:
    cargo run -- score data/sample --month 2026-10 --out out --format table

# Make the committed sample anew
sample:
    rm -rf data/sample
    cargo run -- sample --out data/sample

# Run the notebook on the sample and keep what it shows, in out/
notebook: score _python
    {{python}} tests/notebooks.py out

# What the recipes in Python need
_python:
    test -x {{python}} || python3 -m venv .venv
    {{python}} -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt

# Time the main job beside DuckDB, on a million tenants; makes the history in target/bench on the first run
bench *arguments: _python
    cargo build --release
    {{python}} benches/bench.py --write docs/performance.md {{arguments}}

# Licences, bans and sources of everything that is built; advisories where the network lets it
audit:
    cargo deny check licenses bans sources
    cargo deny check advisories || echo "advisories could not be checked here"
