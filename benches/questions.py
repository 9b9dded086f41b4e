"""What questions cost beside a run: many dates in one pass against a run each, and answers about one partner and about all.

usage: questions.py [--partners 10000] [--tenants 1000000] [--months 25] [--turns 5] [--threads N]

Writes the tables of docs/performance.md between their marks.
"""

import csv
import io
import shutil
import statistics
import subprocess

import bench

MONTHS = [f"2025-{month:02}" for month in (11, 12)] + [f"2026-{month:02}" for month in range(1, 11)]


def as_of(month):
    """The day that a month is complete on."""
    year, number = map(int, month.split("-"))
    return f"{year + number // 12}-{number % 12 + 1:02}-20"


def many_dates(folder, arguments):
    """Twelve months in one pass, and in a run each, in turn; every month's tables are the same bytes."""
    together, alone = folder.with_name("out-together"), folder.with_name("out-alone")
    walls = {"twelve months in one pass": [], "the same with 8 shards": [], "twelve runs": []}
    peaks = dict.fromkeys(walls, 0)
    common = ["--quiet", "--threads", str(arguments.threads)]
    span = ["--from", MONTHS[0], "--to", MONTHS[-1]]
    for _ in range(arguments.turns):
        for name, shards in (("twelve months in one pass", "1"), ("the same with 8 shards", str(bench.SHARDS))):
            shutil.rmtree(together, ignore_errors=True)
            command = [bench.PROGRAM, "backfill", folder, *span, "--out", together, "--shards", shards, *common]
            wall, _, peak = bench.measured(command, arguments.threads)
            walls[name].append(wall)
            peaks[name] = max(peaks[name], peak)
        shutil.rmtree(alone, ignore_errors=True)
        runs = [
            bench.measured([bench.PROGRAM, "score", folder, "--month", month, "--out", alone, *common], arguments.threads)
            for month in MONTHS
        ]
        walls["twelve runs"].append(sum(run[0] for run in runs))
        peaks["twelve runs"] = max([peaks["twelve runs"], *(run[2] for run in runs)])
    for month in MONTHS:
        for table in ("scores", "metric_points", "rejects"):
            ours, theirs = (out / f"as_of={as_of(month)}" / f"{table}.parquet" for out in (together, alone))
            if ours.read_bytes() != theirs.read_bytes():
                raise SystemExit(f"{month}: {table} differs")
    runs = statistics.median(walls["twelve runs"])
    lines = ["| dates | seconds | peak memory (MB) | of twelve runs |", "| --- | ---: | ---: | ---: |"]
    for name, values in walls.items():
        median = statistics.median(values)
        lines.append(f"| {name} | {median:.2f} | {peaks[name] / 1e6:.0f} | {median / runs:.2f} |")
    return "\n".join(lines)


def answers(folder, arguments):
    """Seconds of answers about one partner without the designation, and about the portfolio."""
    run = folder.with_name("out-evidence")
    shutil.rmtree(run, ignore_errors=True)
    day = ["--as-of", bench.AS_OF]
    ranking = [bench.PROGRAM, "score", folder, *day, "--out", run, "--evidence", "--quiet", "--format", "csv"]
    said = subprocess.run(ranking, check=True, capture_output=True, text=True).stdout
    without = [row["partner_id"] for row in csv.DictReader(io.StringIO(said)) if row["qualified"] == "false"]
    partner = ["--partner", without[len(without) // 4]]
    questions = {
        "explain one partner, from the run": ["explain", run, *partner],
        "explain one partner, from the history": ["explain", folder, *day, *partner],
        "simulate for one partner": ["simulate", folder, *day, *partner, "--certify", "advanced=1"],
        "plan for one partner": ["plan", folder, *day, *partner],
        "outlook of one partner": ["outlook", folder, *day, *partner],
        "outlook of all partners": ["outlook", folder, *day],
        "plan for all partners": ["plan", folder, *day, "--all"],
    }
    lines = ["| question | seconds | peak memory (MB) |", "| --- | ---: | ---: |"]
    for name, question in questions.items():
        command = [bench.PROGRAM, *question, "--quiet", "--format", "json", "--threads", str(arguments.threads)]
        turns = 1 if "all" in name else arguments.turns
        rows = [bench.measured(command, arguments.threads) for _ in range(turns)]
        seconds, peak = statistics.median(row[0] for row in rows), max(row[2] for row in rows)
        lines.append(f"| {name} | {seconds:.2f} | {peak / 1e6:.0f} |")
        print(lines[-1])
    return "\n".join(lines)


def main():
    arguments = bench.sized(__doc__).parse_args()
    folder = bench.history(arguments.partners, arguments.tenants, arguments.months)
    size = f"{arguments.partners:,} partners, {arguments.tenants:,} tenants, {arguments.months} months, {arguments.threads} threads:"
    document = bench.ROOT / "docs" / "performance.md"
    text = f"{size}\n\n{many_dates(folder, arguments)}\n\n{answers(folder, arguments)}"
    print(text)
    bench.write(document, text, "questions")


if __name__ == "__main__":
    main()
