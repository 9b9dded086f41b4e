"""What the workers of a Spark cluster do: sets of whole tenants become rows that add up. partnerscore.spark asks for them."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped, unused-ignore]
from pyspark import TaskContext

from . import _partnerscore
from ._asking import COLUMNS
from ._errors import Error, usage

Bounds = tuple[str | None, str | None]
"""A set of tenants: the least id, and the id that all are below; None where there is no such bound."""

BY_TENANT = ("associations", "workload_usage")
"""The tables whose rows are dealt to the workers; the others are small."""

TABLE = "table"
"""The column that tells rows of one table from those of the other."""

KEYS = ("kind", "key_1", "key_2", "key_3", "key_4")
NUMBERS = ("current", "prior")
FACTS = pa.schema([(name, pa.string()) for name in KEYS] + [(name, pa.int64()) for name in NUMBERS])
"""What sets of tenants add: rows of the same keys are one whose numbers are their sums."""

ERROR = "error"
"""The kind of a row that tells why a set could not be reduced: raised, Spark would try the same set again, and again. Its keys are
the set's number, a note of it, and what the exception is made of."""


@dataclasses.dataclass(frozen=True)
class Work:
    """What every worker is asked, in values that can be sent."""

    version: str
    rulebook: str
    """Its text: files of the driver are not on the workers."""
    question: dict[str, Any]
    months: list[str]

    def facts(self, history: object, bounds: Bounds, files: list[str] | None) -> pa.Table:
        """What a set of tenants adds."""
        if (here := _partnerscore.__version__) != self.version:
            raise usage(
                f"a worker has version {here} of partnerscore, and the driver {self.version}",
                "install the same wheel on every machine of the cluster",
            )
        rules = _partnerscore.read_rulebook(self.rulebook)
        question = self.question | {"history": history, "rulebook": rules}
        return arrow(_partnerscore.tenant_facts(question, self.months, bounds, files, None)).cast(FACTS)


@dataclasses.dataclass(frozen=True)
class FromStorage:
    """Sets of tenants that are read where the history lies."""

    work: Work
    path: str
    sets: list[Bounds]
    files: list[str]

    def facts(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """What the sets of these numbers add."""
        _compute_as_wide_as_the_task()
        for number in (number.as_py() for batch in batches for number in batch.column(0)):
            bounds = self.sets[number]
            told = f"set {number + 1} of {len(self.sets)}, tenants {_between(*bounds)}"
            facts, _ = _answered(functools.partial(self.work.facts, self.path, bounds, self.files), number, told)
            yield from facts.to_batches()


@dataclasses.dataclass(frozen=True)
class FromRows:
    """Tenants whose rows Spark hands over, those of one together."""

    work: Work
    small: dict[str, bytes]
    """The tables that are not by tenant, as Arrow's IPC streams."""
    shards: int
    rows_at_once: int

    def facts(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """What the tenants of a partition add."""
        _compute_as_wide_as_the_task()
        context = TaskContext.get()
        number = 0 if context is None else context.partitionId()
        small = {name: pa.ipc.open_stream(content).read_all() for name, content in self.small.items()}
        batches = iter(batches)
        for rows in _whole_tenants(batches, self.rows_at_once):
            history = small | {name: self._of_table(name, rows) for name in BY_TENANT}
            told = f"partition {number + 1} of {self.shards}, tenants {_first_to_last(rows)}"
            facts, failed = _answered(functools.partial(self.work.facts, history, (None, None), None), number, told)
            yield from facts.to_batches()
            if failed:
                # Spark takes a worker that leaves rows unread for broken.
                for _ in batches:
                    pass
                return

    @staticmethod
    def _of_table(name: str, rows: pa.Table) -> pa.Table:
        return only(rows.filter(pc.equal(rows[TABLE], name)), COLUMNS[name])


def _compute_as_wide_as_the_task() -> None:
    """As many threads as Spark has set aside for the task, unless the environment says otherwise; before the first call."""
    context = TaskContext.get()
    if context is not None:
        os.environ.setdefault("POLARS_MAX_THREADS", str(context.cpus()))


def _answered(ask: Callable[[], pa.Table], number: int, told: str) -> tuple[pa.Table, bool]:
    """What a set adds, or the row of what it raised; and whether it is that."""
    try:
        return ask(), False
    except Error as error:
        note = f"this was raised by {socket.gethostname()} for {told}"
        row = [ERROR, f"{number:09}", note, json.dumps(error.args), None, 1, 0]
        return pa.table([[value] for value in row], schema=FACTS), True


def _whole_tenants(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Tables of whole tenants, each with so many rows or more but for the last, of batches with each tenant's rows together."""
    whole: list[pa.RecordBatch] = []
    # Of the tenant that may go on in the next batch.
    last: list[pa.RecordBatch] = []
    for batch in (batch for batch in batches if batch.num_rows > 0):
        begin = _last_tenant_begins(batch)
        if begin == 0 and last and _tenant(last[0]) == _tenant(batch):
            last.append(batch)
            continue
        whole += [*last, batch.slice(0, begin)]
        last = [batch.slice(begin)]
        if sum(batch.num_rows for batch in whole) >= rows:
            yield pa.Table.from_batches(whole)
            whole = []
    if last:
        yield pa.Table.from_batches([*whole, *last])


def _last_tenant_begins(batch: pa.RecordBatch) -> int:
    """The row of a batch with which its last tenant begins."""
    ids = batch.column("tenant_id")
    # Rows without a tenant come first.
    return pc.index(ids, ids[-1]).as_py() if ids[-1].is_valid else 0


def _tenant(batch: pa.RecordBatch) -> str | None:
    tenant: str | None = batch.column("tenant_id")[0].as_py()
    return tenant


def _between(least: str | None, below: str | None) -> str:
    return f"{'from the first' if least is None else f'from {least}'}{' on' if below is None else f' to below {below}'}"


def _first_to_last(rows: pa.Table) -> str:
    ids = rows["tenant_id"]
    return f"{ids[0].as_py()} to {ids[-1].as_py()}"


def only(table: pa.Table, names: Iterable[str]) -> pa.Table:
    """The columns of these names that a table has."""
    return table.select([name for name in names if name in table.column_names])


class _WithoutViews:
    """A table in types that every version of pyarrow reads."""

    def __init__(self, native: _partnerscore.Table) -> None:
        self._native = native

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._native.stream_without_views()


def arrow(native: _partnerscore.Table) -> pa.Table:
    """A table with the strings that Spark takes."""
    table = pa.table(_WithoutViews(native))
    short = [field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field for field in table.schema]
    return table.cast(pa.schema(short))
