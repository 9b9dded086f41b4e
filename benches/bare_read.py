"""Reads every column of the thirteen months that a score can look at, and does nothing with them: what reading alone costs.

usage: bare_read.py HISTORY --as-of 2026-11-23      POLARS_MAX_THREADS, where set, limits its threads
"""

import polars as pl

from peer import month_back, newest_month, run


def read(arguments):
    for back in range(12, -1, -1):
        folder = arguments.history / "workload_usage" / f"month={month_back(newest_month(arguments.as_of), back)}"
        pl.read_parquet(folder / "*.parquet", hive_partitioning=False)


if __name__ == "__main__":
    run(__doc__, read)
