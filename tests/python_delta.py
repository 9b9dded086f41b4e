"""Checks that Delta tables are read as their logs say: live rows alone, of any version, wherever partitions and files are.

usage: python_delta.py

The package is installed in the Python that runs this; `./test.sh` does it.
"""

import json
import pathlib
import shutil
import struct
import sys
import urllib.parse

import polars as pl
from deltalake import DeltaTable, write_deltalake

import checks
import partnerscore as ps

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"
MONTH = "2026-10"
NAMES = ("partners", "associations", "certifications", "workload_usage")
RESULTS = ("scores", "metric_points", "evidence", "rejects")
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def tables_of(history):
    """A history in memory; polars reads it."""
    tables = {name: pl.read_parquet(history / f"{name}.parquet") for name in NAMES[:3]}
    usage = pl.scan_parquet(history / "workload_usage", hive_partitioning=True, hive_schema={"month": pl.Date})
    return tables | {"workload_usage": usage.collect()}


TABLES = tables_of(SAMPLE)


def score(history, **more):
    return ps.score(history, month=MONTH, evidence=True, **more)


def cells(run):
    return {name: pl.DataFrame(getattr(run, name)) for name in RESULTS}


def assert_same(run, other):
    ours, theirs = cells(run), cells(other)
    for name in RESULTS:
        assert ours[name].equals(theirs[name]), f"{name}\n{ours[name]}\n{theirs[name]}"


def placed(folder, tables=TABLES, usage_by=("month",)):
    """Tables as Delta tables below a folder, usage in partitions."""
    for name, table in tables.items():
        by = list(usage_by) if name == "workload_usage" and usage_by else None
        write_deltalake(str(folder / name), table, partition_by=by)
    return {name: DeltaTable(str(folder / name)) for name in tables}


def as_files(tables, folder):
    """The live rows of Delta tables as plain Parquet, as deltalake itself reads them."""
    folder.mkdir()
    for name, table in tables.items():
        pl.DataFrame(table.to_pyarrow_table()).write_parquet(folder / f"{name}.parquet")
    return folder


def live_files(folder):
    """The files that the newest version of a table holds."""
    paths = DeltaTable(str(folder)).get_add_actions().column("path").to_pylist()
    return [folder / urllib.parse.unquote(path) for path in paths]


def dead_files(folder):
    """Files that lie in a table's folder and are not alive."""
    alive = live_files(folder)
    assert all(file.exists() for file in alive)
    return set(folder.rglob("*.parquet")) - set(alive)


def raises(kind, call, *texts):
    try:
        call()
    except kind as error:
        for text in texts:
            assert text in str(error), f"no `{text}` in: {error}"
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def check_delta_tables_give_the_scores_of_files(scratch):
    """Each table alone among others in memory, all of them, usage with months in folders and within, in several sets of tenants."""
    expected = score(SAMPLE)
    tables = placed(scratch / "delta")
    assert_same(score(tables), expected)
    assert_same(score(tables, shards=3), expected)
    for name in NAMES:
        mixed = ps.score(TABLES | {name: tables[name]}, month=MONTH)
        assert pl.DataFrame(mixed.metric_points).equals(pl.DataFrame(expected.metric_points)), name
    within = placed(scratch / "within", {"workload_usage": TABLES["workload_usage"]}, usage_by=None)
    assert_same(score(tables | within), expected)
    names = [file["name"] for file in score(tables).run["inputs"]]
    # Every table, and of usage the months from P to M.
    months = [name for name in names if name.startswith("workload_usage/month=")]
    assert len(months) == 13 and len(names) == 13 + 3 and any(name.startswith("partners/") for name in names), names
    partner = pl.DataFrame(expected.scores)["partner_id"][0]
    for ask in (ps.explain, ps.plan):
        assert ask(tables, partner, month=MONTH) == ask(SAMPLE, partner, month=MONTH), ask


def check_nothing_dead_is_counted(scratch):
    """After updates, deletes, an overwrite and a new column, and no vacuum; and as it was before, by version."""
    tables = placed(scratch / "delta")
    before = cells(score(tables))
    usage, people = tables["workload_usage"], tables["certifications"]
    usage.update(updates={"active_users": "active_users * 3"}, predicate="month = '2026-10-01' and workload = 'teams'")
    usage.delete("month = '2025-10-01' and paid_seats > 100")
    held = people.to_pyarrow_table()["partner_id"].to_pylist()
    people.delete(f"partner_id = '{max(set(held), key=held.count)}'")
    half = TABLES["associations"].filter(pl.col("association_type") != "DPOR")
    assert 0 < half.height < TABLES["associations"].height
    write_deltalake(tables["associations"], half, mode="overwrite")
    more = TABLES["partners"].head(1).with_columns(
        partner_id=pl.lit("a-new-one"), global_partner_id=pl.lit(None, pl.String), region=pl.lit("north")
    )
    write_deltalake(tables["partners"], more, mode="append", schema_mode="merge")
    tables = {name: DeltaTable(str(scratch / "delta" / name)) for name in NAMES}
    for name in NAMES[1:]:
        assert dead_files(scratch / "delta" / name), f"{name} holds nothing dead"
    run = score(tables)
    assert_same(run, score(as_files(tables, scratch / "plain")))
    assert_same(score(tables, shards=4), run)
    assert not cells(run)["metric_points"].equals(before["metric_points"])
    assert "a-new-one" in pl.DataFrame(run.scores)["partner_id"]
    # As it was.
    first = {name: DeltaTable(str(scratch / "delta" / name), version=0) for name in NAMES}
    assert all(cells(score(first))[name].equals(before[name]) for name in RESULTS)
    # One version of one table.
    mixed = score(tables | {"workload_usage": first["workload_usage"]})
    assert not pl.DataFrame(mixed.metric_points).equals(pl.DataFrame(run.metric_points))
    # Checkpoints and files that were made larger change nothing.
    tables["workload_usage"].create_checkpoint()
    tables["workload_usage"].optimize.compact()
    assert_same(score(tables | {"workload_usage": DeltaTable(str(scratch / "delta" / "workload_usage"))}), run)


def check_partitions_are_those_of_the_log(scratch):
    """Partitions by other columns, with null, and with texts that no folder can be named as they are."""
    partners = TABLES["partners"].with_columns(
        market=pl.when(pl.col("market") == "DE").then(pl.lit("D/E %20 ü=?")).otherwise(pl.col("market"))
    )
    strange = partners.with_columns(market=pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise(pl.col("market")))
    write_deltalake(str(scratch / "partners"), strange, partition_by=["market"])
    write_deltalake(str(scratch / "usage"), TABLES["workload_usage"], partition_by=["workload", "month"])
    write_deltalake(str(scratch / "people"), TABLES["certifications"], partition_by=["certification"])
    delta = {
        "partners": DeltaTable(str(scratch / "partners")),
        "workload_usage": DeltaTable(str(scratch / "usage")),
        "certifications": DeltaTable(str(scratch / "people")),
    }
    run = score(TABLES | delta)
    assert_same(run, score(TABLES | {"partners": strange}))
    assert pl.DataFrame(run.scores)["market"].null_count() > 0


def check_only_months_that_count_are_opened(scratch):
    """A file of a month that no score of the day sees may hold anything."""
    tables = placed(scratch / "delta")
    files = live_files(scratch / "delta" / "workload_usage")
    [old] = [file for file in files if "month=2024-12-01" in str(file)]
    old.write_bytes(b"no Parquet")
    assert_same(score(tables), score(SAMPLE))
    [needed] = [file for file in files if "month=2026-10-01" in str(file)]
    needed.write_bytes(b"no Parquet at all")
    raises(ps.RefusedError, lambda: score(tables), "cannot be read as Parquet", str(needed))
    needed.unlink()
    raises(ps.AbsentError, lambda: score(tables), "is not there any more", str(needed), "newest version")


def check_a_table_without_rows_is_one(scratch):
    """Nothing alive is no row, as an empty file is."""
    tables = placed(scratch / "delta")
    tables["certifications"].delete()
    folder = scratch / "delta" / "certifications"
    assert dead_files(folder) and not live_files(folder)
    assert_same(score(tables), score(TABLES | {"certifications": TABLES["certifications"].clear()}))


def edited(folder, change):
    """Changes the actions of a table's first version."""
    log = folder / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        change(action)
    log.write_text("".join(f"{json.dumps(action)}\n" for action in actions))


def inline_vector(rows):
    """A deletion vector within the log: rows of a file that are dead, as Delta's protocol writes them."""
    rows = sorted(rows)
    container = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16) + struct.pack(f"<{len(rows)}H", *rows)
    content = struct.pack("<iqi", 1681511377, 1, 0) + container
    size = len(content)
    content += b"\0" * (-size % 4)
    digits = []
    for (word,) in struct.iter_unpack(">I", content):
        digits += [Z85[word // 85**place % 85] for place in (4, 3, 2, 1, 0)]
    return {"storageType": "i", "pathOrInlineDv": "".join(digits), "sizeInBytes": size, "cardinality": len(rows)}


def check_deleted_rows_of_a_file_are_not_counted(scratch):
    """Deletion vectors: the file holds rows that are dead."""
    folder = scratch / "associations"
    write_deltalake(str(folder), TABLES["associations"])
    [file] = live_files(folder)
    stored = pl.read_parquet(file)
    dead = set(range(0, stored.height, 3))
    assert len(dead) < 4096

    def with_vector(action):
        if "protocol" in action:
            features = ["deletionVectors"]
            action["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}
        if "add" in action:
            action["add"]["deletionVector"] = inline_vector(dead)

    edited(folder, with_vector)
    alive = stored.filter(~pl.int_range(pl.len()).is_in(list(dead)))
    run = score(TABLES | {"associations": DeltaTable(str(folder))})
    assert_same(run, score(TABLES | {"associations": alive}))
    assert not cells(run)["metric_points"].equals(cells(score(SAMPLE))["metric_points"])


def check_a_feature_without_use_changes_nothing(scratch):
    """A table may have deletion vectors, and has none: its files are read in place."""
    folder = scratch / "associations"
    write_deltalake(str(folder), TABLES["associations"])

    def may_have(action):
        if "protocol" in action:
            features = ["deletionVectors", "timestampNtz"]
            action["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}

    edited(folder, may_have)
    run = score(TABLES | {"associations": DeltaTable(str(folder))})
    assert_same(run, score(SAMPLE))
    assert len(run.run["inputs"]) == 1, run.run["inputs"]


def check_mapped_columns_are_read_by_their_names(scratch):
    """Column mapping: files hold the columns under other names, one of them that of another column."""
    folder = scratch / "partners"
    physical = {name: f"col-{place}" for place, name in enumerate(TABLES["partners"].columns)}
    write_deltalake(str(folder), TABLES["partners"].rename(physical))
    logical = {stored: name for name, stored in physical.items()}

    def mapped(action):
        if "protocol" in action:
            action["protocol"] = {"minReaderVersion": 2, "minWriterVersion": 5}
        if "metaData" in action:
            action["metaData"]["configuration"] = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "9"}
            schema = json.loads(action["metaData"]["schemaString"])
            for place, field in enumerate(schema["fields"], 1):
                field["metadata"] = {"delta.columnMapping.id": place, "delta.columnMapping.physicalName": field["name"]}
                field["name"] = logical[field["name"]]
            action["metaData"]["schemaString"] = json.dumps(schema)

    edited(folder, mapped)
    assert_same(score(TABLES | {"partners": DeltaTable(str(folder))}), score(SAMPLE))


def check_files_elsewhere_are_read(scratch):
    """A table that was cloned names files of another one."""
    (scratch / "clones").mkdir()
    folder, origin = scratch / "clones" / "partners", scratch / "origin"
    write_deltalake(str(origin), TABLES["partners"])
    shutil.copytree(origin / "_delta_log", folder / "_delta_log")

    def elsewhere(action):
        if "add" in action:
            action["add"]["path"] = f"{origin.as_uri()}/{action['add']['path']}"

    edited(folder, elsewhere)
    assert_same(score(TABLES | {"partners": DeltaTable(str(folder))}), score(SAMPLE))


def check_columns_have_to_be_what_they_hold(scratch):
    """The refusals are those of files, and name the table's file."""
    write_deltalake(str(scratch / "partners"), TABLES["partners"].rename({"partner_id": "id"}))
    wrong = TABLES["certifications"].with_columns(pl.col("earned_on").cast(pl.String))
    write_deltalake(str(scratch / "people"), wrong)
    partners, people = DeltaTable(str(scratch / "partners")), DeltaTable(str(scratch / "people"))
    raises(ps.RefusedError, lambda: score(TABLES | {"partners": partners}), "lacks column `partner_id`", str(scratch / "partners"))
    raises(ps.RefusedError, lambda: score(TABLES | {"certifications": people}), "must be a date", str(scratch / "people"))
    raises(ps.UsageError, lambda: score(TABLES | {"partner": partners}), "did you mean `partners`?")
    # A path hands over no Delta table.
    raises(ps.RefusedError, lambda: score(scratch), "this is a Delta table", "DeltaTable")


def main():
    checking = checks.Checks(sys.argv[1:], scratch="delta & more ")
    checking.run(checks.named(globals()))
    checking.end()


if __name__ == "__main__":
    main()
