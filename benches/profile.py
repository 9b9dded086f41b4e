"""Shows where the time and the memory of a run go, stage by stage: the median of several runs, and a bar for each stage.

usage: profile.py [--tenants 1000000] [--turns 5] [--shards 1] [--evidence] [--write DOCUMENT]
"""

import json
import pathlib
import shutil
import statistics

import bench


def main():
    parser = bench.sized(__doc__)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--evidence", action="store_true")
    parser.add_argument("--write", metavar="DOCUMENT", type=pathlib.Path, help="put the table between the document's marks")
    arguments = parser.parse_args()
    folder = bench.history(arguments.partners, arguments.tenants, arguments.months)
    out = folder.with_name("out-profile")
    command = [bench.PROGRAM, "score", folder, "--as-of", bench.AS_OF, "--quiet", "--out", out, "--shards", str(arguments.shards)]
    command += ["--evidence"] if arguments.evidence else []
    stages, walls = {}, []
    for turn in range(arguments.turns + 1):
        shutil.rmtree(out, ignore_errors=True)
        wall, _, peak = bench.measured(command, arguments.threads)
        if turn:
            walls.append(wall)
            for stage in json.loads((out / f"as_of={bench.AS_OF}" / "run.json").read_text())["stages"]:
                stages.setdefault(stage["stage"], []).append((stage["milliseconds"], stage["resident_bytes"] or 0))
    total = statistics.median(walls) * 1000
    rows = [(stage, *(statistics.median(column) for column in zip(*turns))) for stage, turns in stages.items()]
    rows.append(("outside stages", total - sum(row[1] for row in rows), 0))
    print(f"{total:.0f} ms, {peak / 1e6:.0f} MB at the peak; medians of {arguments.turns}\n")
    for stage, milliseconds, resident in rows:
        print(f"{stage:<24} {milliseconds:>6.0f} ms {resident / 1e6:>6.0f} MB  {'#' * round(60 * milliseconds / total)}")
    if arguments.write:
        bench.write(arguments.write, table(rows, total, peak, arguments), "profile")


def table(rows, total, peak, arguments):
    """The stages as a Markdown table, those that cost most first."""
    size = f"{arguments.partners:,} partners, {arguments.tenants:,} tenants, {arguments.months} months, {arguments.threads} threads"
    lines = [f"{size}: {total / 1000:.2f} s, {peak / 1e6:.0f} MB at the peak.", ""]
    lines += ["| stage | seconds | share | memory after it (MB) |", "| --- | ---: | ---: | ---: |"]
    for stage, milliseconds, resident in sorted(rows, key=lambda row: -row[1]):
        memory = f"{resident / 1e6:.0f}" if resident else ""
        lines.append(f"| {stage} | {milliseconds / 1000:.2f} | {100 * milliseconds / total:.0f} % | {memory} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
