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

# Write tests/golden/engine_revision.toml anew, once ENGINE_REVISION was increased
engine-revision:
    UPDATE_ENGINE_REVISION=1 cargo test --test it engine_revision::published

# Write docs/schemas/ anew, the JSON Schemas of answers
schemas:
    cargo run --quiet -- schema alerts > docs/schemas/alerts.json
    cargo run --quiet -- schema backfill > docs/schemas/backfill.json
    cargo run --quiet -- schema diff > docs/schemas/diff.json
    cargo run --quiet -- schema explain > docs/schemas/explain.json
    cargo run --quiet -- schema ingest > docs/schemas/ingest.json
    cargo run --quiet -- schema outlook > docs/schemas/outlook.json
    cargo run --quiet -- schema pipeline > docs/schemas/pipeline.json
    cargo run --quiet -- schema "pipeline status" > docs/schemas/pipeline-status.json
    cargo run --quiet -- schema plan > docs/schemas/plan.json
    cargo run --quiet -- schema "plan --all" > docs/schemas/plan-all.json
    cargo run --quiet -- schema reconcile > docs/schemas/reconcile.json
    cargo run --quiet -- schema "rules diff" > docs/schemas/rules-diff.json
    cargo run --quiet -- schema "run --plan" > docs/schemas/run-plan.json
    cargo run --quiet -- schema simulate > docs/schemas/simulate.json
    cargo run --quiet -- schema "simulate --against" > docs/schemas/simulate-against.json

# Score the sample and show the ranking
score:
    cargo run -- score data/sample --month 2026-10 --out out --format table

# Make the committed sample anew, and the exports that a distributor gathered of its resellers
sample:
    rm -rf data/sample
    cargo run -- sample --out data/sample
    cargo run -- sample --exports data/sample/exports --partners 30 --tenants 220 --months 13 --seed 9 --distributor D06

# Run the notebooks on the sample, and check what they find
notebook: score python
    {{python}} tests/notebooks.py out

# Build the Python package into .venv, as the tests do
python: _python
    VIRTUAL_ENV={{justfile_directory()}}/.venv {{python}} -m maturin develop --manifest-path python/Cargo.toml

# Build the wheel for Linux in target/wheels: manylinux_2_28, Python 3.11 and later; optimised, which takes half an hour on two cores
wheel: _python
    {{python}} -m pip install --quiet --disable-pip-version-check ziglang==0.17.0
    PATH="{{justfile_directory()}}/.venv/bin:$PATH" {{python}} -m maturin build --release --strip --compatibility manylinux_2_28 --zig --manifest-path python/Cargo.toml

# Take the pictures of docs/reports.md anew, of the sample's reports; needs Chromium
pictures: _python
    cargo run --quiet -- score data/sample --month 2026-07 --out target/pictures/runs --evidence --quiet
    cargo run --quiet -- score data/sample --month 2026-10 --out target/pictures/runs --evidence --quiet
    cargo run --quiet -- report target/pictures/runs --html target/pictures/page.html --compare target/pictures/runs/as_of=2026-08-20
    cargo run --quiet -- report target/pictures/runs --html target/pictures/partner.html --partner 2613076 --compare target/pictures/runs/as_of=2026-08-20
    {{python}} tests/pictures.py target/pictures/page.html target/pictures/partner.html docs/pictures

# What the recipes in Python need
_python:
    test -x {{python}} || python3 -m venv .venv
    {{python}} -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt

# Time the main job beside DuckDB, polars and pandas, on a million tenants; makes the histories in target/bench on the first run
bench *arguments: _python
    cargo build --release
    {{python}} -m pip install --quiet --disable-pip-version-check -r benches/requirements.txt
    {{python}} benches/bench.py --write docs/performance.md --write README.md --plot docs/benchmark.svg {{arguments}}

# Where a run's time and memory go, stage by stage, on the history of the benchmark; writes its table in docs/performance.md
profile *arguments: _python
    cargo build --release
    {{python}} benches/profile.py --write docs/performance.md {{arguments}}

# What each idea for speed that was tried is worth, the program beside itself with the idea turned round; writes its table in docs/performance.md; half an hour
[positional-arguments]
ablations *arguments: _python
    cargo build --release
    {{python}} benches/ablations.py --write docs/performance.md "$@"

# A flame graph of the same run, in target/flamegraph.svg; needs perf, and inferno from crates.io
flamegraph:
    cargo build --release
    perf record --call-graph dwarf,16384 -F 500 -o target/perf.data target/release/partnerscore score target/bench/10000-1000000-25 --as-of 2026-11-23 --out target/bench/out-profile --quiet
    perf script -i target/perf.data | inferno-collapse-perf | inferno-flamegraph > target/flamegraph.svg

# What many dates in one pass and questions cost: writes their tables in docs/performance.md
questions *arguments: _python
    cargo build --release
    {{python}} -m pip install --quiet --disable-pip-version-check -r benches/requirements.txt
    {{python}} benches/questions.py {{arguments}}

# What an optimised build costs by crate, and what other settings would save: writes docs/build.md; an hour and a half on two cores
[positional-arguments]
build-cost *arguments: _python
    cargo build --release
    {{python}} -m pip install --quiet --disable-pip-version-check -r benches/requirements.txt
    {{python}} benches/build_cost.py "$@"

# Write the examples of the documents anew: what their commands print
examples:
    UPDATE_EXAMPLES=1 cargo test --test it examples::

# Damage exports at random for ten minutes, and see that reading them ends well
fuzz seconds="600":
    PARTNERSCORE_FUZZ_SECONDS={{seconds}} cargo test --test it ingest_fuzz:: -- --nocapture

# How time and memory grow with tenants, partners and months, and what layouts cost: writes docs/growth.md and docs/history-layout.md
growth *arguments: _python
    cargo build --release
    {{python}} -m pip install --quiet --disable-pip-version-check -r benches/requirements.txt
    {{python}} benches/growth.py {{arguments}}

# What sets of tenants cost by themselves, and what they come to on a cluster: writes docs/scale.md
scale *arguments: _python
    cargo build --release
    {{python}} -m pip install --quiet --disable-pip-version-check -r benches/requirements.txt
    rm -f target/scale/*.whl
    {{python}} -m maturin build --release --out target/scale --manifest-path python/Cargo.toml
    {{python}} -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps --target target/scale/site target/scale/*.whl
    PYTHONPATH=target/scale/site {{python}} benches/scale.py {{arguments}}

# Time `ingest` on a pile of a gigabyte and on one twice as large, whose months are as large; makes them in target/bench; writes docs/ingest.md
ingest-speed *arguments: _python
    cargo build --release
    {{python}} -m pip install --quiet --disable-pip-version-check -r benches/requirements.txt
    {{python}} benches/ingest.py {{arguments}}

# Licences, bans and sources of everything that is built; advisories where the network lets it
audit:
    cargo deny check licenses bans sources
    cargo deny check advisories || echo "advisories could not be checked here"
