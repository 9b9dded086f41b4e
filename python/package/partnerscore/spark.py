"""Scores on a Spark cluster: sets of whole tenants are read and reduced by its workers, Spark adds up, and the driver finishes.

::

    from partnerscore.spark import score
    run = score(spark, "abfss://data@account.dfs.core.windows.net/history", month="2026-10")
    run.scores          # a Spark DataFrame

It is the code of :func:`partnerscore.score` on every machine, so the scores are the same; docs/spark.md tells what a cluster needs.
Spark 4.0 or later, with this package on every worker.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped, unused-ignore]
from pyspark.sql import Column, DataFrame, SparkSession, functions
from pyspark.sql.types import DecimalType, StringType, TimestampType

from . import _partnerscore
from ._asking import COLUMNS, Day, History, Ids, Rules, asked, maybe, place
from ._errors import of, usage
from ._runs import Run
from ._tables import Table
from ._workers import BY_TENANT, ERROR, KEYS, NUMBERS, TABLE, FromRows, FromStorage, Work, arrow, only

__all__ = ["ROWS_AT_ONCE", "SparkHistory", "SparkRun", "score"]

SparkHistory = str | os.PathLike[str] | Mapping[str, DataFrame]
"""A folder or URL of Parquet tables that every worker reads at the same place, or the four tables by name, as DataFrames:
``partners``, ``associations``, ``certifications`` and ``workload_usage``. docs/history.md has their columns; others are ignored."""

ROWS_AT_ONCE = 500_000
"""Rows of whole tenants that a worker takes from Spark's tables before it reduces them."""

_PARTNERS_OF_WORKERS = ("partner_id", "global_partner_id", "distributor_id")
"""What tells whose an association is."""

_FACTS_OF_SPARK = ", ".join([f"{name} string" for name in KEYS] + [f"{name} bigint" for name in NUMBERS])


class SparkRun:
    """A portfolio scored: the tables of :class:`partnerscore.Run`, as Spark DataFrames.

    It stands for its folder, on the driver, wherever a RUN is asked for, as ``partnerscore.diff(before, run)``. There is no evidence:
    score the partners that matter by themselves for that, with :func:`partnerscore.score`.
    """

    run: dict[str, Any]
    """What ``run.json`` says; stages and memory are those of the driver."""

    def __init__(self, spark: SparkSession, run: Run) -> None:
        self._spark = spark
        self._run = run
        self.run = run.run

    @functools.cached_property
    def scores(self) -> DataFrame:
        """One row for each partner, as :attr:`partnerscore.Run.scores` has them."""
        return self._frame(self._run.scores)

    @functools.cached_property
    def metric_points(self) -> DataFrame:
        """One row for each partner, track, metric and option, as :attr:`partnerscore.Run.metric_points` has them."""
        return self._frame(self._run.metric_points)

    @functools.cached_property
    def rejects(self) -> DataFrame:
        """One row for each row that was rejected, as :attr:`partnerscore.Run.rejects` has them."""
        return self._frame(self._run.rejects)

    @property
    def folder(self) -> Path:
        """Where its files are, on the driver or in ``out``."""
        return self._run.folder

    def __fspath__(self) -> str:
        return str(self.folder)

    def __repr__(self) -> str:
        return f"<Spark{repr(self._run)[1:]}"

    def _frame(self, table: Table) -> DataFrame:
        return self._spark.createDataFrame(arrow(table._native))


def score(
    spark: SparkSession,
    history: SparkHistory,
    *,
    as_of: Day = None,
    month: Day = None,
    rulebook: Rules = None,
    partners: Ids = (),
    distributors: Ids = (),
    shards: int = 200,
    max_reject_ratio: float | None = None,
    min_coverage: float | None = None,
    max_unknown_ratio: float | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
    out: str | os.PathLike[str] | None = None,
) -> SparkRun:
    """Scores every partner of a history on a cluster.

    Of a folder or URL, each task reads the tenants of one set from there, and no row of the history crosses the cluster's network.
    Of DataFrames, rows of associations and of the 13 months of usage are shuffled by tenant once.

    Args:
        spark: the session.
        history: a path that every worker reads, or the four tables by name, as DataFrames.
        as_of: the day the score is for; today (UTC) unless given.
        month: the usage month the score is for instead, as of the day it is complete; such as ``2026-10``.
        rulebook: an id, a TOML file of the driver, ``by-date`` or a :class:`partnerscore.Rulebook`; ``modern-work-2024`` unless given.
        partners: only these; all where none is named.
        distributors: only their partners; all where none is named.
        shards: sets of tenants, each a task; the result is the same.
        max_reject_ratio: the largest share of a table's checked rows that may be rejected; 0.01 unless given.
        min_coverage: the smallest share of the tenants held that usage must know; 0.5 unless given.
        max_unknown_ratio: the largest share of rows whose names or tenant ids match known ones only without case, padding and
            punctuation; 0.05 unless given.
        rows_at_once: rows of DataFrames that a worker holds before it reduces them, and its largest tenant besides.
        out: a folder or URL to publish in, by the driver, as the command does; nobody else sees the run unless given.

    Raises:
        UsageError: an argument or the rulebook is wrong.
        RefusedError: the data cannot be scored as it is.
        AbsentError: the history, a table or a month is missing, on the driver or where a worker looks for it.
        StorageError: a file could not be read or written, or was replaced meanwhile.
        LockedError: another run writes to ``out``.

    What a worker raises is raised here, with a note of the set that it was about.
    """
    if rows_at_once < 1:
        raise usage(f"rows_at_once is {rows_at_once}", "it is 1 or more")
    tables = _tables_of(history) if isinstance(history, Mapping) else None
    given: History = tables.of_driver if tables is not None else place(history)  # type: ignore[arg-type]
    limits: dict[str, Any] = {
        "max_reject_ratio": max_reject_ratio,
        "min_coverage": min_coverage,
        "max_unknown_ratio": max_unknown_ratio,
    }
    question = asked(given, as_of, month, rulebook, partners, distributors, shards=shards, **limits)
    day, rules = _partnerscore.settled(question)
    question |= {"as_of": day, "month": None, "rulebook": rules}
    known = None if tables is None else tables.months()
    months, sets, files = _partnerscore.tenant_sets(question, known, shards if tables is None else 1, None)
    work = Work(_partnerscore.__version__, rules.text, question | {"history": None, "rulebook": None}, months)
    if tables is None:
        facts = _from_storage(spark, FromStorage(work, _from_anywhere(question["history"]), sets, files))
    else:
        facts = tables.facts(work, shards, rows_at_once)
    return SparkRun(spark, Run(_partnerscore.finish(question, known, _summed(facts), files, maybe(out), None)))


def _from_anywhere(path: str) -> str:
    """A path that means the same in the folder of another process; a URL does."""
    return path if "://" in path else os.path.abspath(path)


def _from_storage(spark: SparkSession, sets: FromStorage) -> DataFrame:
    # One set, one task: a range of numbers is the one frame that Spark deals out evenly.
    numbers = spark.range(0, len(sets.sets), 1, len(sets.sets))
    return numbers.mapInArrow(sets.facts, _FACTS_OF_SPARK)


def _summed(facts: DataFrame) -> pa.Table:
    """What all sets add, or what the first of those that failed raised."""
    sums = [functions.sum(name).alias(name) for name in NUMBERS]
    added = facts.groupBy(*KEYS).agg(*sums).toArrow()
    failed = added.filter(pc.equal(added["kind"], ERROR)).sort_by("key_1")
    if failed.num_rows > 0:
        _, _, note, told, _ = (failed[name][0].as_py() for name in KEYS)
        error = of(*json.loads(told))
        error.add_note(note)
        raise error
    return added


class _Tables:
    """A history in Spark's tables."""

    def __init__(self, by_tenant: dict[str, DataFrame], of_driver: dict[str, pa.Table]) -> None:
        self.by_tenant = by_tenant
        self.of_driver = of_driver
        """The small tables, and of the others their columns."""

    def months(self) -> list[str]:
        """The months of usage that a score can see: those of rows dated the first of one."""
        month = functions.col("month")
        firsts = self.by_tenant["workload_usage"].where(
            (functions.dayofmonth(month) == 1) & functions.year(month).between(1, 9999)
        )
        named = firsts.select(functions.date_format(month, "yyyy-MM").alias("month")).distinct().toArrow()
        return sorted(named["month"].to_pylist())

    def facts(self, work: Work, shards: int, rows_at_once: int) -> DataFrame:
        """What every tenant adds, of months that are in order and begin and end with those that are compared."""
        small = {
            "partners": _ipc(only(self.of_driver["partners"], _PARTNERS_OF_WORKERS)),
            "certifications": _ipc(self.of_driver["certifications"].slice(0, 0)),
        }
        rows = self._tagged(work.months[0], work.months[-1])
        dealt = rows.repartition(shards, "tenant_id").sortWithinPartitions("tenant_id", TABLE)
        return dealt.mapInArrow(FromRows(work, small, shards, rows_at_once).facts, _FACTS_OF_SPARK)

    def _tagged(self, first: str, last: str) -> DataFrame:
        """The rows that count, of both tables, each with its table's name."""
        begin = functions.lit(f"{first}-01").cast("date")
        end = functions.add_months(functions.lit(f"{last}-01").cast("date"), 1)
        month = functions.col("month")
        counts = self.by_tenant["workload_usage"].where((month >= begin) & (month < end))
        tables = dict(zip(BY_TENANT, (self.by_tenant["associations"], counts)))
        named = [table.select(functions.lit(name).alias(TABLE), "*") for name, table in tables.items()]
        return named[0].unionByName(named[1], allowMissingColumns=True)


def _tables_of(history: Mapping[str, DataFrame]) -> _Tables:
    by_tenant: dict[str, DataFrame] = {}
    of_driver: dict[str, pa.Table] = {}
    for name, table in history.items():
        if not isinstance(table, DataFrame):
            raise usage(
                f"table `{name}` is a {type(table).__name__}, and must be a DataFrame of Spark",
                "give spark.table(...), spark.read.parquet(...) or spark.createDataFrame(...)",
            )
        plain = table.select(*_plain(table, COLUMNS.get(name, ())))
        if name in BY_TENANT:
            by_tenant[name] = plain
            plain = plain.limit(0)
        of_driver[name] = plain.toArrow()
    return _Tables(by_tenant, of_driver)


def _plain(table: DataFrame, names: Iterable[str]) -> Iterator[Column]:
    """The columns of these names, in types that Arrow's other readers have."""
    for field in (field for field in table.schema if field.name in names):
        column, kind = functions.col(field.name), field.dataType
        if isinstance(kind, StringType):
            # Another collation than the plain one would take ids for the same that are not.
            column = column.cast("string")
        elif isinstance(kind, TimestampType):
            column = column.cast("timestamp_ntz")
        elif isinstance(kind, DecimalType) and kind.scale == 0:
            # What unsigned integers are to Spark. What is too large stays too large, so that it is rejected as such.
            least, most = functions.lit(-(2**63)), functions.lit(2**63 - 1)
            column = functions.when(column < least, least).when(column > most, most).otherwise(column).cast("bigint")
        yield column.alias(field.name)


def _ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
