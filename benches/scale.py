"""What sets of tenants cost by themselves, each in a process of its own as on a cluster, and what that comes to on many machines.

usage: scale.py [--partners 10000] [--tenants 1000000] [--months 13] [--sets 16 8 4] [--turns 3] [--threads N]

Needs the Python package of an optimised build. Writes the tables of docs/scale.md between its marks.
"""

import json
import pathlib
import re
import statistics
import sys
import time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as dataset
import pyarrow.parquet as pq

import bench

FOLDER = bench.ROOT / "target" / "bench" / "scale"
# The history that is worked out: tenants, and the cluster.
LARGE_TENANTS, WORKERS, CORES = 100_000_000, 16, 8
MINUTE, HOUR = 60, 3600
# A row as Spark holds it: bits for nulls, eight bytes a column, and texts, filled up to eight bytes.
WORD = 8
TABLES = ("partners", "associations", "certifications", "workload_usage")
# What a worker takes of Spark's tables before it makes sums of them: the package's default is the last.
ROWS_AT_ONCE = (100_000, 500_000)
KEYS = ["kind", "key_1", "key_2", "key_3", "key_4"]


def asked(folder):
    from partnerscore import _asking

    return _asking.asked(folder, bench.AS_OF, None, None, (), (), shards=1)


def told(out, start):
    """Seconds since then, and the most bytes that this process held; what the system tells of a child begins with its parent's."""
    status = pathlib.Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024
    pathlib.Path(out).write_text(json.dumps({"seconds": time.perf_counter() - start, "peak": peak}))


def one_set(folder, plan, number, out):
    """In a process of its own: what one set adds, read from the history."""
    from partnerscore import _partnerscore as native

    months, bounds, files = json.loads(pathlib.Path(plan).read_text())
    start = time.perf_counter()
    facts = native.tenant_facts(asked(folder), months, tuple(bounds[int(number)]), files, None)
    told(pathlib.Path(out).with_suffix(".json"), start)
    pq.write_table(pa.table(facts), out, store_schema=False)


def rows_at_once(folder, plan, rows, out):
    """In a process of its own: what rows of whole tenants add, which Spark has handed over."""
    from partnerscore import _partnerscore as native

    months = json.loads(pathlib.Path(plan).read_text())[0]
    tables = {name: pq.read_table(pathlib.Path(rows) / f"{name}.parquet") for name in TABLES}
    start = time.perf_counter()
    native.tenant_facts(asked(tables), months, (None, None), None, None)
    told(out, start)


def driver(folder, plan, sums, out):
    """In a process of its own: the scores of the sum."""
    from partnerscore import _partnerscore as native

    files = json.loads(pathlib.Path(plan).read_text())[2]
    start = time.perf_counter()
    native.finish(asked(folder), None, pq.read_table(sums), files, None, None)
    told(out, start)


def process(name, threads, *arguments):
    """CPU seconds of a part of this script."""
    return bench.measured([sys.executable, __file__, f"--{name}", *map(str, arguments)], threads)[1]


def sets(folder, count, turns, threads):
    """Figures of sets from the middle, and what all sets of this size add, in files."""
    from partnerscore import _partnerscore as native

    place = FOLDER / str(count)
    place.mkdir(parents=True, exist_ok=True)
    plan = place / "plan.json"
    plan.write_text(json.dumps(native.tenant_sets(asked(folder), None, count, None)))
    numbers = range(len(json.loads(plan.read_text())[1]))
    rows = []
    for number in numbers:
        out = place / f"{number}.parquet"
        # The last turn is the one that counts: before it, files may not be in the page cache.
        for _ in range(turns):
            cpu = process("set", threads, folder, plan, number, out)
        figures = json.loads(out.with_suffix(".json").read_text())
        rows.append((figures["seconds"], cpu, figures["peak"], pq.read_metadata(out).num_rows))
    seconds, cpu, peak, facts = (statistics.median(column) for column in zip(*rows))
    return {"sets": len(numbers), "seconds": seconds, "cpu": cpu, "peak": max(row[2] for row in rows), "facts": facts, "plan": plan}


def finished(folder, figures, threads):
    """Seconds and peak bytes of the driver, from what all sets of a size add, summed as Spark does."""
    place = figures["plan"].parent
    facts = pa.concat_tables([pq.read_table(place / f"{number}.parquet") for number in range(figures["sets"])])
    kinds = facts.cast(pa.schema([(name, pa.string()) for name in KEYS] + [(name, pa.int64()) for name in ("current", "prior")]))
    sums = kinds.group_by(KEYS).aggregate([("current", "sum"), ("prior", "sum")])
    sums = sums.rename_columns([name.removesuffix("_sum") for name in sums.column_names])
    pq.write_table(sums, place / "sums.parquet", store_schema=False)
    out = place / "driver.json"
    process("driver", threads, folder, figures["plan"], place / "sums.parquet", out)
    figures = json.loads(out.read_text())
    return figures["seconds"], figures["peak"], sums.num_rows, bytes_in_spark(kinds)


def handed_over(folder, rows_of_history, figures, threads):
    """Seconds, peak bytes and rows of a worker that takes about so many rows of whole tenants at once, by that number."""
    from partnerscore import _partnerscore as native

    lines = ["| rows at once | rows of whole tenants | seconds | peak memory of a task (MB) |", "| ---: | ---: | ---: | ---: |"]
    for rows in ROWS_AT_ONCE:
        place = FOLDER / f"rows-{rows}"
        place.mkdir(parents=True, exist_ok=True)
        _, bounds, _ = native.tenant_sets(asked(folder), None, round(rows_of_history / rows), None)
        count = written_rows(folder, bounds[len(bounds) // 2], place)
        process("rows", threads, folder, figures["plan"], place, place / "told.json")
        told = json.loads((place / "told.json").read_text())
        lines.append(f"| {rows:,} | {count:,} | {told['seconds']:.2f} | {told['peak'] / 1e6:.0f} |")
    return "\n".join(lines)


def written_rows(folder, bounds, place):
    """Writes a set's rows of every table, as Spark would hand them over: how many there are of tenants."""
    keep = (pc.field("tenant_id") >= bounds[0]) & (pc.field("tenant_id") < bounds[1])
    parts = dataset.partitioning(pa.schema([("month", pa.date32())]), flavor="hive")
    usage = dataset.dataset(folder / "workload_usage", partitioning=parts).to_table(filter=keep)
    associations = pq.read_table(folder / "associations.parquet", filters=keep)
    partners = pq.read_table(folder / "partners.parquet", columns=["partner_id", "global_partner_id", "distributor_id"])
    certifications = pq.read_table(folder / "certifications.parquet").slice(0, 0)
    for name, table in zip(TABLES, (partners, associations, certifications, usage)):
        pq.write_table(table, place / f"{name}.parquet")
    return usage.num_rows + associations.num_rows


def bytes_in_spark(table):
    """The mean bytes of a row as Spark shuffles it, before it compresses."""
    columns = len(table.schema)
    fixed = WORD * (-(-columns // 64) + columns)
    texts = 0
    for name, column in zip(table.column_names, table.columns):
        if pa.types.is_string(column.type):
            words = pc.divide(pc.add(pc.binary_length(column), WORD - 1), WORD)
            texts += WORD * (pc.sum(words).as_py() or 0)
    return fixed + texts / table.num_rows


def of_history(folder, tenants):
    """Rows by tenant that a score may need of tables in Spark, their mean bytes there, and the bytes of the files."""
    usage = sorted((folder / "workload_usage").rglob("*.parquet"))
    rows = sum(pq.read_metadata(file).num_rows for file in usage)
    sample = pq.ParquetFile(usage[-1]).read_row_group(0).slice(0, 10_000)
    texts = {"table": pa.array(["workload_usage"] * len(sample)), "tenant_id": sample["tenant_id"], "workload": sample["workload"]}
    texts = {name: values.cast(pa.string()) for name, values in texts.items()}
    numbers = {f"number_{place}": pa.nulls(len(sample), pa.int64()) for place in range(7)}
    associations = pq.read_metadata(folder / "associations.parquet").num_rows
    size = sum(file.stat().st_size for file in folder.rglob("*.parquet"))
    return (rows + associations) / tenants, bytes_in_spark(pa.table(texts | numbers)), size / tenants


def measured_table(measured, tenants):
    lines = ["| tenants of a set | seconds | CPU seconds | CPU seconds per million tenants | peak memory (MB) | rows that it adds |"]
    lines.append("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for figures in measured:
        each = tenants / figures["sets"]
        lines.append(
            f"| {each:,.0f} | {figures['seconds']:.2f} | {figures['cpu']:.2f} | {figures['cpu'] / each * 1e6:.1f} "
            f"| {figures['peak'] / 1e6:.0f} | {figures['facts']:,.0f} |"
        )
    return "\n".join(lines)


def worked_out(figures, driver_figures, history_figures, tenants, partners, threads):
    """What the large history takes, line by line, from the set in the middle."""
    each = tenants / figures["sets"]
    seconds, peak, sums, fact_bytes = driver_figures
    rows, row_bytes, disk = history_figures
    count = LARGE_TENANTS / each
    at_once = WORKERS * CORES // threads
    waves = -(-count // at_once)
    cpu = count * figures["cpu"]
    facts = count * figures["facts"]
    lines = ["| what | arithmetic | comes to |", "| --- | --- | ---: |"]
    lines += [f"| {what} | {how} | {value} |" for what, how, value in (
        ("history on disk, 13 months", f"{LARGE_TENANTS:,} tenants × {disk:,.0f} bytes", f"{LARGE_TENANTS * disk / 1e9:,.0f} GB"),
        ("sets", f"{LARGE_TENANTS:,} / {each:,.0f} tenants", f"{count:,.0f}"),
        ("work", f"{count:,.0f} × {figures['cpu']:.2f} CPU seconds", f"{cpu / HOUR:.2f} core hours"),
        (f"sets at once, {WORKERS} workers of {CORES} cores, {threads} a task", f"{WORKERS} × {CORES} / {threads}", f"{at_once}"),
        ("time of the workers", f"{waves:,.0f} rounds × {figures['seconds']:.2f} s", f"{waves * figures['seconds'] / MINUTE:.1f} min"),
        ("memory of a worker", f"{CORES} / {threads} × {figures['peak'] / 1e6:.0f} MB", f"{CORES / threads * figures['peak'] / 1e9:.1f} GB"),
        ("rows that sets add, all shuffled", f"{count:,.0f} × {figures['facts']:,.0f}", f"{facts / 1e6:.1f} million"),
        ("bytes shuffled, history read by workers", f"{facts / 1e6:.1f} million × {fact_bytes:.0f} bytes", f"{facts * fact_bytes / 1e9:.1f} GB"),
        ("bytes shuffled besides, history as Spark tables", f"{LARGE_TENANTS:,} × {rows:.0f} rows × {row_bytes:.0f} bytes",
         f"{LARGE_TENANTS * rows * row_bytes / 1e9:,.0f} GB"),
        ("rows of the sum, at the driver", f"{partners:,} partners, measured", f"{sums:,}"),
        ("time and memory of the driver", "measured", f"{seconds:.2f} s, {peak / 1e6:.0f} MB"),
    )]
    return "\n".join(lines)


def main():
    parts = {"--set": one_set, "--rows": rows_at_once, "--driver": driver}
    if len(sys.argv) > 1 and sys.argv[1] in parts:
        return parts[sys.argv[1]](*sys.argv[2:])
    parser = bench.sized(__doc__)
    parser.set_defaults(months=13, turns=2)
    parser.add_argument("--sets", type=int, nargs="+", default=[16, 8, 4], help="sets that the history is told apart into")
    arguments = parser.parse_args()
    partners, tenants, threads = arguments.partners, arguments.tenants, arguments.threads
    folder = bench.history(partners, tenants, arguments.months)
    measured = [sets(folder, count, arguments.turns, threads) for count in arguments.sets]
    middle = measured[len(measured) // 2]
    driver_figures = finished(folder, middle, threads)
    history_figures = of_history(folder, tenants)
    size = f"{partners:,} partners, {tenants:,} tenants, {arguments.months} months, {threads} threads a set"
    large = f"{LARGE_TENANTS:,} tenants of {partners:,} partners, in sets of {tenants / middle['sets']:,.0f} tenants:"
    text = "\n\n".join([
        f"{size}; medians of all sets of a size, and the most memory of any:", measured_table(measured, tenants),
        "Of tables in Spark, by the rows of whole tenants that a worker takes at once:",
        handed_over(folder, history_figures[0] * tenants, middle, threads),
        large, worked_out(middle, driver_figures, history_figures, tenants, partners, threads),
    ])
    print(text)
    bench.write(bench.ROOT / "docs" / "scale.md", text)


if __name__ == "__main__":
    main()
