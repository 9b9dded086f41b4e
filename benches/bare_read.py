"""Reads every column of the thirteen months that a score can look at, and does nothing with them: what reading alone costs.

usage: bare_read.py HISTORY --as-of 2026-11-23      POLARS_MAX_THREADS, where set, limits its threads
"""

import argparse
import datetime
import pathlib

import polars as pl


def month_back(day, months):
    ordinal = day.year * 12 + day.month - 1 - months
    return datetime.date(ordinal // 12, ordinal % 12 + 1, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("history", type=pathlib.Path)
    parser.add_argument("--as-of", type=datetime.date.fromisoformat, required=True)
    arguments = parser.parse_args()
    newest = month_back(arguments.as_of, 1 if arguments.as_of.day >= 20 else 2)
    for back in range(12, -1, -1):
        folder = arguments.history / "workload_usage" / f"month={month_back(newest, back)}"
        pl.read_parquet(folder / "*.parquet", hive_partitioning=False)


if __name__ == "__main__":
    main()
