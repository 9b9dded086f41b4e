"""How time and memory of a run grow with tenants, partners and months, and what other layouts of the same rows cost.

usage: growth.py [--tenants 250000] [--turns 3] [--largest 10000000]

Writes the tables of docs/growth.md and docs/history-layout.md, between their marks, and docs/growth.svg.
"""

import argparse
import json
import os
import shutil
import statistics

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import bench
import charts

DOCS = bench.ROOT / "docs"
THREADS = os.cpu_count()
# Tenants of one set of the largest history.
TENANTS_PER_SHARD = 125_000


def scored(folder, turns, shards=1):
    """Median wall seconds and the most bytes of scoring a history; the first turn fills the page cache."""
    out = folder.with_name("out-growth")
    command = [bench.PROGRAM, "score", folder, "--as-of", bench.AS_OF, "--quiet", "--out", out, "--shards", str(shards)]
    walls, peaks = [], []
    for _ in range(turns + 1):
        shutil.rmtree(out, ignore_errors=True)
        walls.append(bench.measured(command, THREADS)[0])
        # What the system tells of a child begins with the memory of its parent, which here holds tables.
        run = json.loads((out / f"as_of={bench.AS_OF}" / "run.json").read_text())
        peaks.append(run["peak_memory_bytes"])
    return statistics.median(walls[1:]), max(peaks)


def sized(partners, tenants, months, turns, shards=1):
    folder = bench.history(partners, tenants, months)
    seconds, peak = scored(folder, turns, shards)
    shutil.rmtree(folder)
    print(f"{partners:,} partners, {tenants:,} tenants, {months} months, {shards} shards: {seconds:.2f} s, {peak / 1e6:.0f} MB")
    return partners, tenants, months, shards, seconds, peak


def growth(arguments):
    """Sizes one after another; a history is made, scored and removed."""
    tenants, turns = arguments.tenants, arguments.turns
    by_tenants = [sized(10_000, tenants * times, 13, turns) for times in (1, 2, 4, 8)]
    middle = by_tenants[1]
    by_partners = [sized(partners, tenants * 2, 13, turns) for partners in (1_000, 100_000)]
    by_months = [sized(10_000, tenants * 2, months, turns) for months in (25, 49)]
    rows = [*by_tenants, *by_partners, *by_months]
    if arguments.largest:
        rows.append(sized(10_000, arguments.largest, 13, 1, max(arguments.largest // TENANTS_PER_SHARD, 1)))
    lines = ["| partners | tenants | months | shards | seconds | peak memory (MB) |", "| ---: | ---: | ---: | ---: | ---: | ---: |"]
    for partners, tenants, months, shards, seconds, peak in rows:
        lines.append(f"| {partners:,} | {tenants:,} | {months} | {shards} | {seconds:.2f} | {peak / 1e6:.0f} |")
    bench.write(DOCS / "growth.md", "\n".join(lines))
    series = {"tenants": (1, by_tenants), "partners": (0, [by_partners[0], middle, by_partners[1]]), "months": (2, [middle, *by_months])}
    charts.grown(DOCS / "growth.svg", {title: [(row[at], row[4], row[5]) for row in rows] for title, (at, rows) in series.items()})


# Layouts: what is done to a month's rows, into how many files, and how they are written.
def layouts():
    dictionary = {"dictionary_pagesize_limit": 64 << 20}
    usual = {"compression": "zstd", "compression_level": 1, "row_group_size": 262_144} | dictionary
    return {
        "sorted, one file a month, ids in a dictionary, zstd, 262,144 rows a group": (None, 1, usual),
        "the same, uncompressed": (None, 1, usual | {"compression": "none", "compression_level": None}),
        "the same, snappy": (None, 1, usual | {"compression": "snappy", "compression_level": None}),
        "65,536 rows a group": (None, 1, usual | {"row_group_size": 65_536}),
        "1,048,576 rows a group": (None, 1, usual | {"row_group_size": 1_048_576}),
        "ids plain, not in a dictionary": (None, 1, usual | {"use_dictionary": ["workload"]}),
        "100 files a month, each sorted, rows dealt out": ("dealt", 100, usual),
        "one file a month, rows in any order": ("shuffled", 1, usual),
    }


def rewritten(folder, kind, files, options):
    """The history with its usage in another layout."""
    other = folder.with_name("layout")
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(folder, other)
    for path in sorted((other / "workload_usage").glob("*/*.parquet")):
        table = pq.ParquetFile(path).read()
        path.unlink()
        if kind == "shuffled":
            order = pc.sort_indices(pa.array(pc.random(table.num_rows, initializer=1)))
            table = table.take(order)
        for part in range(files):
            rows = table if files == 1 else table.take(pa.array(range(part, table.num_rows, files)))
            pq.write_table(rows, path.with_name(f"part-{part}.parquet"), **options)
    return other


def layout_costs(arguments):
    folder = bench.history(10_000, arguments.tenants * 2, 13)
    lines = ["| layout | size (MB) | seconds | peak memory (MB) |", "| --- | ---: | ---: | ---: |"]
    expected = None
    for name, (kind, files, options) in layouts().items():
        other = rewritten(folder, kind, files, options)
        size = sum(path.stat().st_size for path in (other / "workload_usage").rglob("*.parquet"))
        seconds, peak = scored(other, arguments.turns)
        scores = (folder.with_name("out-growth") / f"as_of={bench.AS_OF}" / "scores.parquet").read_bytes()
        expected = expected or scores
        if scores != expected:
            raise SystemExit(f"another layout gives other bytes: {name}")
        lines.append(f"| {name} | {size / 1e6:.0f} | {seconds:.2f} | {peak / 1e6:.0f} |")
        print(lines[-1])
        shutil.rmtree(other)
    bench.write(DOCS / "history-layout.md", "\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tenants", type=int, default=250_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--largest", type=int, default=10_000_000, help="0 leaves it out")
    arguments = parser.parse_args()
    layout_costs(arguments)
    growth(arguments)


if __name__ == "__main__":
    main()
