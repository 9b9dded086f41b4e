"""Delta tables as parts of a history: the log tells which files are alive, and these are read where they lie."""

from __future__ import annotations

import datetime
import sys
import urllib.parse
import urllib.request
from typing import Any, NamedTuple, Protocol

from . import _errors

_PLAIN = {"deletionVectors", "columnMapping", "timestampNtz", "typeWidening", "v2Checkpoint", "vacuumProtocolCheck"}
"""What a table may ask of its readers while each of its files holds live rows alone, under the columns' own names; the first two
are looked at one by one."""


class DeltaTable(Protocol):
    """A ``deltalake.DeltaTable``, version 1 of that package: ``DeltaTable(path_or_url)``, of an older version with ``version=``."""

    @property
    def table_uri(self) -> str: ...
    def version(self) -> int | None: ...
    def file_uris(self) -> list[str]: ...
    def to_pyarrow_dataset(self) -> Any: ...


class LiveFiles(NamedTuple):
    """The live files of a table, as the native half reads them."""

    root: str
    files: list[tuple[str, int, int, dict[str, str | None]]]
    """Each with its name, bytes, milliseconds since 1970, and the values that all of its rows have."""


def handed(table: object) -> object:
    """What stands for a table that was given: of a Delta table its files, or its rows where files do not tell; another as it is."""
    deltalake = sys.modules.get("deltalake")
    # Whoever gives such a table has imported the package.
    if deltalake is None or not isinstance(table, deltalake.DeltaTable):
        return table
    files = table.get_add_actions(flatten=True) if _is_plain(table) else None
    # A file of a cloned table may lie anywhere.
    if files is None or any("://" in path for path in files.column("path").to_pylist()):
        return _rows(table)
    return LiveFiles(_root(table.table_uri), _files(files))


def _is_plain(table: Any) -> bool:
    """Whether every row of the live files is alive, and every column is named there as the table names it."""
    protocol, settings = table.protocol(), table.metadata().configuration
    asked = set(protocol.reader_features or ())
    if asked - _PLAIN or settings.get("delta.columnMapping.mode", "none") != "none":
        return False
    return "deletionVectors" not in asked or all(batch.num_rows == 0 for batch in table.deletion_vectors())


def _rows(table: Any) -> object:
    """The table's rows, as its own package reads them."""
    if not hasattr(table, "scan"):
        what = "this Delta table has deletion vectors, mapped columns or files elsewhere, which this version of deltalake cannot read"
        raise _errors.usage(what, "install a newer deltalake, or give the table's rows as Arrow")
    return table.scan()


def _root(uri: str) -> str:
    """A table's folder, or its URL; what its path holds is spelt out."""
    if uri.startswith("file://"):
        return urllib.request.url2pathname(urllib.parse.urlsplit(uri).path)
    return urllib.parse.unquote(uri)


def _files(actions: Any) -> list[tuple[str, int, int, dict[str, str | None]]]:
    columns = {name: actions.column(name).to_pylist() for name in actions.schema.names}
    of_partition = "partition."
    partitions = {name.removeprefix(of_partition): values for name, values in columns.items() if name.startswith(of_partition)}
    described = zip(columns["path"], columns["size_bytes"], columns["modification_time"])
    return [
        (urllib.parse.unquote(path), size, max(modified, 0), {name: _text(values[row]) for name, values in partitions.items()})
        for row, (path, size, modified) in enumerate(described)
    ]


def _text(value: object) -> str | None:
    """A partition's value as folders are named."""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time() and value.tzinfo is None:
        value = value.date()
    return None if value is None else str(value)
