"""What an optimised build from empty costs, by crate, and what other settings of the profile would save and cost.

usage: build_cost.py [--turns 9] [--keep] [SETTING]...

Every setting is built from an empty folder of its own, target/build-cost/SETTING, and timed; then the programs score the benchmark's
history in turn, and must give the same bytes. Writes the tables of docs/build.md between their marks. CPU seconds are those of the
compiler and all it started. What a second is worth changes with the hour on a shared machine: one small crate is built as it stands
before and after each setting, and settings compare by how often it would have been built in the same time.
"""

import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

import bench

FOLDER = bench.ROOT / "target" / "build-cost"
# Crates that plan, talk to networks or do what one scored row never passes through.
NOT_HOT = [
    "polars-plan", "polars-time", "polars-mem-engine", "polars-lazy", "arrow-select", "arrow-cast", "arrow-ord", "arrow-arith",
    "arrow-string", "arrow-row", "arrow-ipc", "parquet", "object_store", "reqwest", "rustls", "h2", "hyper", "tokio", "brotli",
    "clap_builder", "regex-automata", "regex-syntax", "sysinfo", "comfy-table", "toml", "csv",
]
# Crates in which a run spends its time.
HOT = [
    "partnerscore", "polars-arrow", "polars-buffer", "polars-compute", "polars-core", "polars-expr", "polars-ops", "polars-parquet",
    "polars-stream", "polars-utils",
]
SIXTEEN = {'package."*".codegen-units': "16"}
APART = SIXTEEN | {"lto": '"off"'}
SETTINGS = {
    "as it stands": {},
    "sixteen codegen units, as by default": SIXTEEN,
    "the same, and crates that are not hot at opt-level 1": SIXTEEN | {f"package.{name}.opt-level": "1" for name in NOT_HOT},
    "sixteen units, not optimised across": APART,
    "the same, and hot crates in one unit": APART | {f"package.{name}.codegen-units": "1" for name in HOT},
}
# A crate of a quarter of a minute, by which the machine's speed is told.
YARDSTICK = "regex-automata"


def measure(name):
    """Builds from empty with a setting, between two builds of the yardstick, whose mean CPU seconds are kept beside its cost."""
    yardsticks = [built("as it stands", YARDSTICK)["cpu"]]
    whole = built(name)
    yardsticks.append(built("as it stands", YARDSTICK)["cpu"])
    kept = whole | {"yardstick": statistics.mean(yardsticks)}
    (target(name) / "cost.json").write_text(json.dumps(kept))
    print(f"{name}: yardsticks {yardsticks}", file=sys.stderr)


def built(name, package=None):
    """Builds from empty, or a crate and what it needs: wall seconds, CPU seconds, and the seconds of each crate."""
    folder = target(name, package)
    shutil.rmtree(folder, ignore_errors=True)
    overrides = [part for key, value in SETTINGS[name].items() for part in ("--config", f"profile.release.{key}={value}")]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    overrides += ["--package", package] if package else []
    command = ["cargo", "build", "--release", "--timings", "--target-dir", folder, *overrides]
    subprocess.run(command, check=True, cwd=bench.ROOT)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    text = (folder / "cargo-timings" / "cargo-timing.html").read_text()
    units = json.loads(re.search(r"const UNIT_DATA = (\[.*?\]);\n", text, re.S).group(1))
    crates = {}
    for unit in units:
        crates[unit["name"]] = crates.get(unit["name"], 0) + unit["duration"]
    print(f"{package or 'the program'}, {name}: {wall:.0f} s, {cpu:.0f} CPU s", file=sys.stderr)
    return {"wall": wall, "cpu": cpu, "crates": crates}


def target(name, package=None):
    return FOLDER / re.sub(r"[^a-z0-9]+", "-", f"{name} {package}" if package else name)


def program(name):
    return target(name) / "release" / "partnerscore"


def cost(name):
    file = target(name) / "cost.json"
    return json.loads(file.read_text()) if file.exists() else None


def speeds(names, turns):
    """Wall and CPU time of scoring the benchmark's history with each program in turn, as multiples of the first's: medians of the turns.

    Stops where one gives other bytes.
    """
    folder, threads = bench.history(10_000, 1_000_000, 25), os.cpu_count()
    turned, published = {name: [] for name in names}, set()
    for turn in range(turns + 1):
        for name in names:
            out = FOLDER / "out"
            shutil.rmtree(out, ignore_errors=True)
            command = [program(name), "score", folder, "--as-of", bench.AS_OF, "--quiet", "--out", out]
            figures = bench.measured(command, threads)[:2]
            if turn:
                turned[name].append(figures)
            published.add((out / f"as_of={bench.AS_OF}" / "scores.parquet").read_bytes())
    if len(published) != 1:
        sys.exit("programs built in other ways give other bytes")
    ratios = {name: [[own / first for own, first in zip(*pair)] for pair in zip(turned[name], turned[names[0]])] for name in names}
    return {name: [statistics.median(column) for column in zip(*turns)] for name, turns in ratios.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="*", metavar="SETTING", help="beside the profile as it stands; all where none is named")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--keep", action="store_true", help="build only what is not there yet")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.settings if name not in SETTINGS]
    if unknown:
        parser.error(f"no such setting: {', '.join(unknown)}; there are: {', '.join(SETTINGS)}")
    for name in dict.fromkeys(["as it stands", *(arguments.settings or SETTINGS)]):
        if not (arguments.keep and cost(name)):
            measure(name)
    names = [name for name in SETTINGS if cost(name)]
    scores = speeds(names, arguments.turns)
    rows = ["| setting | CPU seconds | yardsticks | wall seconds | program (MB) | a score: time | CPU time |"]
    rows += ["| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name in names:
        taken, size = cost(name), program(name).stat().st_size / 1e6
        yardsticks = taken["cpu"] / taken["yardstick"]
        score = " | ".join(f"{ratio:.2f}" for ratio in scores[name])
        rows.append(f"| {name} | {taken['cpu']:.0f} | {yardsticks:.1f} | {taken['wall']:.0f} | {size:.0f} | {score} |")
    crates = cost("as it stands")["crates"]
    whole = sum(crates.values())
    rows += ["", f"By crate, as it stands ({len(crates)} crates):", "", "| crate | share of all crates' time |", "| --- | ---: |"]
    rows += [f"| {name} | {100 * taken / whole:.1f} % |" for name, taken in sorted(crates.items(), key=lambda crate: -crate[1])[:20]]
    bench.write(bench.ROOT / "docs" / "build.md", "\n".join(rows))


if __name__ == "__main__":
    main()
