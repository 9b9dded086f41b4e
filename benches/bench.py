"""Times the main job beside its peers on the same files, in turn, and prints the medians and their ratios.

usage: bench.py [--partners 10000] [--tenants 1000000] [--months 25] [--turns 5] [--threads N] [--write DOCUMENT]... [--plot FILE]

Histories are made once, in target/bench. Every peer gives the same scores, or there is no table. Times are those of whole processes,
from start to exit, with the files in the page cache; memory is the most a process held. A second table has a tenth of the tenants,
which is what pandas survives.
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
SHARDS = 8


def measured(command, threads, variables={}):
    """Wall seconds, CPU seconds and peak bytes of one process, with some variables of the environment set."""
    start = time.perf_counter()
    environment = os.environ | {"POLARS_MAX_THREADS": str(threads)} | variables
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(map(str, command))}\n{said.decode()}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def history(partners, tenants, months):
    folder = ROOT / "target" / "bench" / f"{partners}-{tenants}-{months}"
    if not folder.exists():
        print(f"making {folder.relative_to(ROOT)}", file=sys.stderr)
        size = ["--partners", partners, "--tenants", tenants, "--months", months]
        subprocess.run([PROGRAM, "sample", *map(str, size), "--out", folder], check=True)
    return folder


def programs(folder, threads, peers):
    """The commands, each with the folder it publishes in; None where it publishes nothing."""
    score = [PROGRAM, "score", folder, "--as-of", AS_OF, "--quiet", "--threads", str(threads)]
    sharded = f"partnerscore, {SHARDS} shards"
    # A set of tenants smaller than a row group saves nothing: sharding is for the large history.
    ours = ["partnerscore", sharded] if "pandas" not in peers else ["partnerscore"]
    out = {name: folder.with_name(f"out-{name.replace(' ', '-')}") for name in [*ours, *peers]}
    commands = {name: [*score, "--out", out[name]] for name in ours}
    if sharded in commands:
        commands[sharded] += ["--shards", str(SHARDS)]
    for peer in peers:
        script = ROOT / "benches" / f"{peer}_peer.py"
        limit = ["--threads", str(threads)] if peer == "duckdb" else []
        commands[peer] = [sys.executable, script, folder, "--as-of", AS_OF, "--out", out[peer], *limit]
    for name, script in (("reading alone", "bare_read.py"), ("reading what it needs", "needed_read.py")):
        commands[name] = [sys.executable, ROOT / "benches" / script, folder, "--as-of", AS_OF]
    return commands, out


def timed(folder, threads, turns, peers):
    """By program, its figures turn by turn, after a turn that fills the page cache and in which results are compared.

    Peers that take several gigabytes have turns of their own: after them, the system takes memory from whoever comes next.
    """
    commands, out = programs(folder, threads, peers)
    for name, command in commands.items():
        if name in out:
            shutil.rmtree(out[name], ignore_errors=True)
        measured(command, threads)
    agree(out, peers)
    figures = {name: [] for name in commands}
    large = [name for name in commands if name in ("polars", "pandas")]
    for together in ([name for name in commands if name not in large], large):
        for turn in range(turns):
            for name in together:
                if name in out:
                    shutil.rmtree(out[name], ignore_errors=True)
                figures[name].append(measured(commands[name], threads))
                print(f"turn {turn + 1} {name}: {figures[name][-1][0]:.2f} s", file=sys.stderr)
    return figures


def agree(out, peers):
    """Stops where a peer gives other scores."""
    ours = out["partnerscore"] / f"as_of={AS_OF}"
    for name, folder in out.items():
        theirs = folder if name in peers else folder / f"as_of={AS_OF}"
        differences = compare.differences(ours, theirs)
        if differences:
            sys.exit(f"{name} does not give the same scores: {differences}")


def report(size, threads, turns, figures):
    """Medians as a Markdown table; the ratio is the median of the turns' ratios."""
    lines = [f"{size}, {threads} threads, medians of {turns}; all give the same scores:", ""]
    lines.append("| program | seconds | CPU seconds | peak memory (MB) | times partnerscore |")
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for name, rows in figures.items():
        wall, cpu, peak = (statistics.median(column) for column in zip(*rows))
        lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak / 1e6:.0f} | {ratio(figures, name):.2f} |")
    return "\n".join(lines)


def ratio(figures, name):
    return statistics.median(theirs[0] / ours[0] for ours, theirs in zip(figures["partnerscore"], figures[name]))


def write(document, text, mark="bench"):
    """Puts a text between the document's marks."""
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    before, rest = document.read_text().split(begin)
    document.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}")


def sized(document):
    """A command line with the size of the history, turns and threads."""
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument("--partners", type=int, default=10_000)
    parser.add_argument("--tenants", type=int, default=1_000_000)
    parser.add_argument("--months", type=int, default=25)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser


def main():
    parser = sized(__doc__)
    parser.add_argument("--write", metavar="DOCUMENT", action="append", default=[], help="put the tables between the document's marks")
    parser.add_argument("--plot", metavar="FILE", help="draw the first table")
    arguments = parser.parse_args()
    tables = []
    for part, peers in ((1, ["duckdb", "polars"]), (10, ["duckdb", "polars", "pandas"])):
        partners, tenants = arguments.partners // part, arguments.tenants // part
        folder = history(partners, tenants, arguments.months)
        figures = timed(folder, arguments.threads, arguments.turns, peers)
        size = f"{partners:,} partners, {tenants:,} tenants, {arguments.months} months"
        tables.append(report(size, arguments.threads, arguments.turns, figures))
        print(tables[-1])
        if part == 1:
            plotted = f"Seconds to score {size}", {name: statistics.median(row[0] for row in rows) for name, rows in figures.items()}
    for document in arguments.write:
        write(pathlib.Path(document), "\n\n".join(tables))
    if arguments.plot:
        # Not before all is measured: a child's peak begins with the memory of its parent.
        import charts

        charts.bars(arguments.plot, *plotted)


if __name__ == "__main__":
    main()
