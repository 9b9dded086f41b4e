"""Times the main job beside DuckDB on the same files, in turn, and prints the medians and their ratio.

usage: bench.py [--partners 10000] [--tenants 1000000] [--months 25] [--pairs 5] [--threads N] [--write DOCUMENT]

The history is made once, in target/bench. Both sides give the same scores, or there is no table. Times are those of whole processes,
from start to exit, with the files in the page cache; memory is the most a process held.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import compare

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target" / "release" / "partnerscore"
AS_OF = "2026-11-23"


def measured(command):
    """Wall seconds, CPU seconds and peak bytes of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(map(str, command))}\n{said.decode()}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def history(arguments):
    folder = ROOT / "target" / "bench" / f"{arguments.partners}-{arguments.tenants}-{arguments.months}"
    if not folder.exists():
        print(f"making {folder.relative_to(ROOT)}", file=sys.stderr)
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        size = ["--partners", arguments.partners, "--tenants", arguments.tenants, "--months", arguments.months]
        subprocess.run([PROGRAM, "sample", *map(str, size), "--out", partial], check=True)
        partial.rename(folder)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--partners", type=int, default=10_000)
    parser.add_argument("--tenants", type=int, default=1_000_000)
    parser.add_argument("--months", type=int, default=25)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--write", metavar="DOCUMENT", help="also put the table into a document, between its marks")
    arguments = parser.parse_args()
    folder = history(arguments)
    ours, theirs = folder.with_name("out"), folder.with_name("peer")
    threads = ["--threads", str(arguments.threads)]
    peer = ["benches/duckdb_peer.py", folder, "--as-of", AS_OF, "--out", theirs, *threads]
    commands = {
        "partnerscore": [PROGRAM, "score", folder, "--as-of", AS_OF, "--out", ours, "--quiet", *threads],
        "duckdb": [sys.executable, ROOT / peer[0], *peer[1:]],
    }
    figures = {name: [] for name in commands}
    for turn in range(arguments.pairs + 1):
        for name, command in commands.items():
            shutil.rmtree(ours, ignore_errors=True)
            shutil.rmtree(theirs, ignore_errors=True) if name == "duckdb" else None
            figure = measured(command)
            # The first turn fills the page cache.
            if turn:
                figures[name].append(figure)
                print(f"turn {turn} {name}: {figure[0]:.2f} s", file=sys.stderr)
            if turn == 0 and name == "partnerscore":
                ours_kept = folder.with_name("kept")
                shutil.rmtree(ours_kept, ignore_errors=True)
                ours.rename(ours_kept)
    differences = compare.differences(folder.with_name("kept") / f"as_of={AS_OF}", theirs)
    if differences:
        sys.exit(f"the two do not give the same scores: {differences}")
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}
    ratios = [theirs[0] / ours[0] for ours, theirs in zip(figures["partnerscore"], figures["duckdb"])]
    table = report(arguments, medians, statistics.median(ratios))
    print(table)
    if arguments.write:
        write(pathlib.Path(arguments.write), table)


def report(arguments, medians, ratio):
    """The medians as a Markdown table, and the ratio in a sentence."""
    size = f"{arguments.partners:,} partners, {arguments.tenants:,} tenants, {arguments.months} months"
    lines = [f"{size}, {arguments.threads} threads, medians of {arguments.pairs}:", ""]
    lines += ["| program | seconds | CPU seconds | peak memory (MB) |", "| --- | ---: | ---: | ---: |"]
    for name, (wall, cpu, peak) in medians.items():
        lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak / 1e6:.0f} |")
    lines += ["", f"Both give the same scores. DuckDB takes {ratio:.2f} times as long (median of the pairs)."]
    return "\n".join(lines)


def write(document, table):
    """Puts the table between the document's marks."""
    begin, end = "<!-- bench:begin -->", "<!-- bench:end -->"
    before, rest = document.read_text().split(begin)
    document.write_text(f"{before}{begin}\n\n{table}\n\n{end}{rest.split(end)[1]}")


if __name__ == "__main__":
    main()
