"""What ingest costs: a pile of exports into an empty history, the same pile again, and one of twice the months, each as large.

usage: ingest.py [--partners 200] [--tenants 60000] [--months 13] [--turns 3]

Writes the table of docs/ingest.md between its marks. The pile is made once, in target/bench, with twice the months; the smaller pile is the
newer half of it. Times are those of whole processes, with the files in the page cache as far as they fit there.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

import bench

DOCUMENT = bench.ROOT / "docs" / "ingest.md"
# What people's ids are hashed with; theirs are made up.
KEY = {"PARTNERSCORE_PERSON_KEY": "a key of the benchmark alone"}


def pile(partners, tenants, months):
    """The folders of a pile, one a month, oldest first."""
    folder = bench.ROOT / "target" / "bench" / f"exports-{partners}-{tenants}-{months}"
    if not folder.exists():
        print(f"making {folder.relative_to(bench.ROOT)}", file=sys.stderr)
        size = ["--partners", partners, "--tenants", tenants, "--months", months]
        unfinished = folder.with_name("exports-unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run([bench.PROGRAM, "sample", *map(str, size), "--exports", unfinished], check=True)
        unfinished.rename(folder)
    return sorted(folder.iterdir())


def sized(folders):
    """Bytes and files of a pile."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files), len(files)


def ingested(folders, history):
    """Wall seconds, rows, peak bytes and what was done, as the program says of itself."""
    start = time.perf_counter()
    command = [bench.PROGRAM, "ingest", *folders, "--history", history]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ | KEY)
    wall = time.perf_counter() - start
    summary = re.search(r"([\d,]+) rows, .* rejected\n(.+?): .* in .* s, (\d+) MB at the peak", done.stderr)
    if done.returncode or not summary:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    rows, what, peak = summary.groups()
    return wall, int(rows.replace(",", "")), int(peak) * 1_000_000, what


def timed(name, folders, history, turns, again=False):
    """A line of the table: medians of some turns, after one that fills the page cache."""
    figures = []
    for _ in range(turns + 1):
        if not again:
            shutil.rmtree(history, ignore_errors=True)
        figures.append(ingested(folders, history))
        if figures[-1][3] != ("nothing to do" if again else "written"):
            sys.exit(f"{name}: {figures[-1][3]}")
        print(f"{name}: {figures[-1][0]:.2f} s", file=sys.stderr)
    size, files = sized(folders)
    seconds = statistics.median(figure[0] for figure in figures[1:])
    peak, rows = max(figure[2] for figure in figures[1:]), figures[0][1]
    return f"| {name} | {size / 1e6:,.0f} | {files:,} | {rows:,} | {seconds:.1f} | {size / 1e6 / seconds:.0f} | {peak / 1e6:.0f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--partners", type=int, default=200)
    parser.add_argument("--tenants", type=int, default=60_000)
    parser.add_argument("--months", type=int, default=13)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    months, turns = arguments.months, arguments.turns
    folders = pile(arguments.partners, arguments.tenants, 2 * months)
    history = folders[0].parent.with_name("ingested")
    lines = [
        f"{arguments.partners:,} partners, {arguments.tenants:,} tenants, {os.cpu_count()} threads, medians of {turns}:",
        "",
        "| pile | MB | files | rows | seconds | MB a second | peak memory (MB) |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        timed(f"{months} months into an empty history", folders[-months:], history, turns),
        timed("the same again, which changes nothing", folders[-months:], history, turns, again=True),
        timed(f"{2 * months} months into an empty history", folders, history, turns),
    ]
    shutil.rmtree(history)
    bench.write(DOCUMENT, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
