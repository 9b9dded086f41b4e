"""Tables of results, which every dataframe library reads."""

from __future__ import annotations

import html
from typing import Any, Protocol

from . import _partnerscore

_SHOWN = 10


class ArrowStream(Protocol):
    """What hands over its rows as Arrow's C stream: frames of polars and pandas, tables of pyarrow, relations of DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class Table:
    """A table of results.

    Hand it to the library of your choice, which reads it without a copy::

        polars.DataFrame(table)
        pandas.DataFrame.from_arrow(table)
        pyarrow.table(table)
        duckdb.sql("select * from table")

    Types are Int64, Float64, Boolean, Date and strings (Arrow's string_view). ``len(table)`` is its number of rows.
    """

    __slots__ = ("_native",)

    def __init__(self, native: _partnerscore.Table) -> None:
        self._native = native

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows as Arrow's C stream, in a capsule; its columns' types are the table's own, whatever is requested."""
        return self._native.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self._native)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return [name for name, _ in self._native.columns]

    def __repr__(self) -> str:
        columns = self._native.columns
        rows = [["" if value is None else value for value in row] for row in self._native.head(_SHOWN)]
        widths = [max(map(len, values)) for values in zip((name for name, _ in columns), *rows)]

        def line(values: list[str]) -> str:
            aligned = (
                value.rjust(width) if number else value.ljust(width)
                for value, width, (_, number) in zip(values, widths, columns)
            )
            return "  ".join(aligned).rstrip()

        lines = [line(self.columns), *map(line, rows)]
        return "\n".join([*lines, self._more(len(rows))])

    def _repr_html_(self) -> str:
        def cell(tag: str, value: str | None, number: bool) -> str:
            text = "" if value is None else html.escape(value)
            return f'<{tag} style="text-align: {"right" if number else "left"}">{text}</{tag}>'

        columns = self._native.columns
        rows = self._native.head(_SHOWN)
        head = "".join(cell("th", name, number) for name, number in columns)
        body = "".join(
            "<tr>" + "".join(cell("td", value, number) for value, (_, number) in zip(row, columns)) + "</tr>"
            for row in rows
        )
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<small>{html.escape(self._more(len(rows)))}</small>"
        )

    def _more(self, shown: int) -> str:
        rows = f"{len(self)} row{'' if len(self) == 1 else 's'}"
        return rows if shown >= len(self) else f"{rows}, {shown} of them shown"


class Answer(dict[str, Any]):
    """An answer: what the command prints as JSON, as a dictionary; dates are texts such as ``2026-11-23``.

    ``table`` has its rows as one table.
    """

    table: Table

    def __init__(self, answer: dict[str, Any], table: Table) -> None:
        super().__init__(answer)
        self.table = table

    def _repr_html_(self) -> str:
        return self.table._repr_html_()
