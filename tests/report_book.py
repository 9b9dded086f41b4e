"""Reads a report's workbook back, cell by cell, and compares it with the tables of the run.

usage: report_book.py RUN WORKBOOK
"""

import datetime
import json
import pathlib
import sys
import zipfile

import polars as pl
from python_calamine import CalamineWorkbook

SHEETS = ["Summary", "Ranking", "Movers", "Near misses", "Metric points", "Rejects", "About"]
YES = {True: "yes", False: "no"}


def rows(book, name):
    """A sheet's header, and its rows as dicts."""
    header, *rest = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return header, [dict(zip(header, row)) for row in rest if any(cell != "" for cell in row)]


def same(cell, value, what):
    """Numbers are numbers, text is text, and nothing is an empty cell."""
    if isinstance(value, bool):
        value = YES[value]
    if value is None:
        assert cell == "", (what, cell)
    elif isinstance(value, (int, float)):
        assert isinstance(cell, (int, float)) and cell == value, (what, cell, value)
    else:
        assert cell == value, (what, cell, value)


def equal(book, name, table):
    """Every column of the sheet that the table has."""
    header, sheet = rows(book, name)
    assert len(sheet) == table.height, (name, len(sheet), table.height)
    shared = [column for column in header if column in table.columns]
    assert len(shared) >= len(header) - 1, (name, header)
    for row, expected in zip(sheet, table.iter_rows(named=True)):
        for column in shared:
            same(row[column], expected[column], (name, column))


def main():
    run, path = map(pathlib.Path, sys.argv[1:])
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names == SHEETS, book.sheet_names
    scores = pl.read_parquet(run / "scores.parquet")
    equal(book, "Ranking", scores)
    points = pl.read_parquet(run / "metric_points.parquet")
    order = {partner: place for place, partner in enumerate(scores["partner_id"])}
    equal(book, "Metric points", points.sort(pl.col("partner_id").replace_strict(order), maintain_order=True))
    equal(book, "Rejects", pl.read_parquet(run / "rejects.parquet"))
    near = scores.filter(~pl.col("qualified") & (pl.col("points_short") <= 10))
    assert {row["partner_id"] for row in rows(book, "Near misses")[1]} == set(near["partner_id"])
    summary = {row[0]: row[1] for row in book.get_sheet_by_name("Summary").to_python()}
    as_of = datetime.date.fromisoformat(json.loads((run / "run.json").read_text())["as_of"])
    assert summary["As of"] == as_of, summary
    assert (summary["Partners"], summary["With the designation"]) == (scores.height, scores["qualified"].sum()), summary
    with zipfile.ZipFile(path) as parts:
        for name in parts.namelist():
            if name.startswith("xl/worksheets/sheet"):
                text = parts.read(name).decode()
                assert "<f>" not in text and "<f " not in text, f"{name} has a formula"
    assert any(str(row["partner_name"]).startswith("=") for row in rows(book, "Ranking")[1]), "a name that looks like a formula is among them"
    print("the workbook holds what the tables say")


if __name__ == "__main__":
    main()
