"""What an optimised build from empty costs, by crate, and what other settings of the profile would save and cost.

usage: build_cost.py [--turns 5] [--keep] [--package CRATE] [SETTING]...

Every setting is built from an empty folder of its own, target/build-cost/SETTING, and timed; then the programs score the benchmark's
history in turn, and must give the same bytes. Writes the tables of docs/build.md between their marks. CPU seconds are those of the
compiler and all it started, and hardly depend on what else the machine does; wall seconds do.

With --package, only that crate and what it needs are built, with the settings in turn, and a table of that is written: what a setting does
to the largest crate is known in minutes.
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
SETTINGS = {
    "as it stands": {},
    "line tables in dependencies too": {'package."*".debug': '"line-tables-only"'},
    "crates that are not hot at opt-level 1": {f"package.{name}.opt-level": "1" for name in NOT_HOT},
    "64 codegen units": {"codegen-units": "64"},
}


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
    (folder / "cost.json").write_text(json.dumps({"wall": wall, "cpu": cpu, "crates": crates}))
    print(f"{name}: {wall:.0f} s, {cpu:.0f} CPU s", file=sys.stderr)


def target(name, package=None):
    return FOLDER / re.sub(r"[^a-z0-9]+", "-", f"{name} {package}" if package else name)


def program(name):
    return target(name) / "release" / "partnerscore"


def cost(name, package=None):
    file = target(name, package) / "cost.json"
    return json.loads(file.read_text()) if file.exists() else None


def speeds(names, turns):
    """Median seconds of scoring the benchmark's history with each program, in turn, and whether all give the same bytes."""
    folder, threads = bench.history(10_000, 1_000_000, 25), os.cpu_count()
    walls, published = {name: [] for name in names}, set()
    for turn in range(turns + 1):
        for name in names:
            out = FOLDER / "out"
            shutil.rmtree(out, ignore_errors=True)
            command = [program(name), "score", folder, "--as-of", bench.AS_OF, "--quiet", "--out", out]
            wall = bench.measured(command, threads)[0]
            if turn:
                walls[name].append(wall)
            published.add((out / f"as_of={bench.AS_OF}" / "scores.parquet").read_bytes())
    if len(published) != 1:
        sys.exit("programs built in other ways give other bytes")
    return {name: statistics.median(values) for name, values in walls.items()}


def of_a_package(package, names):
    """Builds a crate with each setting, one after another, and writes what that took."""
    for name in names:
        built(name, package)
    rows = ["| setting | CPU seconds | wall seconds |", "| --- | ---: | ---: |"]
    rows += [f"| {name} | {cost(name, package)['cpu']:.0f} | {cost(name, package)['wall']:.0f} |" for name in names]
    bench.write(bench.ROOT / "docs" / "build.md", "\n".join([f"`{package}` and what it needs:", "", *rows]), "package")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="*", metavar="SETTING", help="all where none is named")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="build only what is not there yet")
    parser.add_argument("--package", metavar="CRATE", help="build only this crate and what it needs, and no program")
    arguments = parser.parse_args()
    if arguments.package:
        return of_a_package(arguments.package, arguments.settings or list(SETTINGS))
    for name in arguments.settings or SETTINGS:
        if not (arguments.keep and cost(name)):
            built(name)
    names = [name for name in SETTINGS if cost(name)]
    seconds = speeds(names, arguments.turns)
    rows = ["| setting | CPU seconds | wall seconds | program (MB) | seconds of a score |", "| --- | ---: | ---: | ---: | ---: |"]
    for name in names:
        size = program(name).stat().st_size / 1e6
        rows.append(f"| {name} | {cost(name)['cpu']:.0f} | {cost(name)['wall']:.0f} | {size:.0f} | {seconds[name]:.2f} |")
    # Other work stretches single crates: the build that had least of it beside it tells their shares best.
    calm = min(names, key=lambda name: cost(name)["wall"])
    crates = cost(calm)["crates"]
    whole = sum(crates.values())
    rows += ["", f"By crate, {calm} ({len(crates)} crates):", "", "| crate | share of all crates' time |", "| --- | ---: |"]
    rows += [f"| {name} | {100 * taken / whole:.1f} % |" for name, taken in sorted(crates.items(), key=lambda crate: -crate[1])[:20]]
    bench.write(bench.ROOT / "docs" / "build.md", "\n".join(rows))


if __name__ == "__main__":
    main()
