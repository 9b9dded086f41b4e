"""Arguments that several functions share, brought to the form that the native half takes."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from . import _partnerscore
from ._delta import DeltaTable, handed
from ._errors import usage
from ._rulebooks import Rulebook
from ._tables import ArrowStream

History = str | os.PathLike[str] | Mapping[str, ArrowStream | DeltaTable]
"""A folder of Parquet tables or its URL, or the four tables themselves by name: ``partners``, ``associations``, ``certifications`` and
``workload_usage``. docs/history.md has their columns; others are ignored."""

Place = str | os.PathLike[str]
"""A folder, or the URL of one: ``az://container/path``, ``abfss://...``, ``s3://bucket/path`` or ``file:///path``."""

_SCHEMES = ("az", "abfs", "abfss", "s3", "s3a", "file")

Rules = str | os.PathLike[str] | Rulebook | None
"""An id of :func:`rulebooks`, a TOML file, ``by-date`` for the newest in effect on the day, a :class:`Rulebook`, or None for
the default, ``modern-work-2024``."""

Day = datetime.date | str | None
"""A date, or a text such as ``2026-11-23``."""

Ids = str | Iterable[str]
"""One id, or several."""


COLUMNS = {
    "partners": ("partner_id", "partner_name", "global_partner_id", "distributor_id", "market"),
    "associations": ("partner_id", "tenant_id", "workload", "association_type", "start_date", "end_date"),
    "certifications": ("partner_id", "person_id", "certification", "earned_on", "expires_on"),
    "workload_usage": ("tenant_id", "workload", "month", "paid_seats", "active_users"),
}
"""What is read of each table, and so all that leaves it."""


def asked(
    history: History,
    as_of: Day,
    month: Day,
    rulebook: Rules,
    partners: Ids = (),
    distributors: Ids = (),
    *,
    shards: int = 1,
    evidence: bool = False,
    max_reject_ratio: float | None = None,
    min_coverage: float | None = None,
    max_unknown_ratio: float | None = None,
    cache: Place | None = None,
) -> dict[str, Any]:
    """What a score or a question is asked of."""
    return {
        "history": _tables(history) if isinstance(history, Mapping) else place(history),
        "as_of": _date(as_of),
        "month": _month(month),
        "rulebook": rules(rulebook),
        "partners": _ids(partners),
        "distributors": _ids(distributors),
        "shards": shards,
        "evidence": evidence,
        "max_reject_ratio": max_reject_ratio,
        "min_coverage": min_coverage,
        "max_unknown_ratio": max_unknown_ratio,
        "cache": maybe(cache),
    }


def place(folder: Place) -> str:
    """A folder or a URL as the native half takes it; a run on an object store is there, and only brought here."""
    native = getattr(folder, "_native", None)
    url = native.url if isinstance(native, _partnerscore.Run) else None
    text = os.fspath(folder) if url is None else url
    # Path objects fold slashes.
    if isinstance(folder, PurePath) and (scheme := text.split(":/")[0]) in _SCHEMES:
        raise usage(f"a path object is no URL: `{text}` has lost a slash", f"give the URL as a text that begins with {scheme}://")
    return text


def maybe(path: Place | None) -> str | None:
    """The same of an argument that may be left out."""
    return None if path is None else place(path)


def _tables(history: Mapping[str, ArrowStream | DeltaTable]) -> dict[str, object]:
    return {name: _read(name, handed(table)) for name, table in history.items()}


def _read(name: str, table: object) -> object:
    """A table of pyarrow without columns that are not read: some of its types no other library takes."""
    pyarrow: Any = sys.modules.get("pyarrow")
    if pyarrow is None or not isinstance(table, pyarrow.Table):
        return table
    names: list[str] = table.column_names
    wanted = COLUMNS.get(name, names)
    return table.select([place for place, column in enumerate(names) if column in wanted])


def rules(rulebook: Rules) -> str | _partnerscore.Rulebook | None:
    """A rulebook as the native half takes it."""
    if isinstance(rulebook, Rulebook):
        return rulebook._native
    return None if rulebook is None else os.fspath(rulebook)


def _date(day: Day) -> str | None:
    if isinstance(day, datetime.datetime):
        day = day.date()
    return day.isoformat() if isinstance(day, datetime.date) else day


def _month(month: Day) -> str | None:
    return month.strftime("%Y-%m") if isinstance(month, datetime.date) else month


def _ids(ids: Ids) -> list[str]:
    # A text is an iterable of letters, which nobody means.
    return [ids] if isinstance(ids, str) else list(ids)
