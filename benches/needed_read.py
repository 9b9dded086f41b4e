"""Decodes the least that a score must look at, and does nothing with it: M and P whole, the tenants of the eleven months between, and the associations.

usage: needed_read.py HISTORY --as-of 2026-11-23      POLARS_MAX_THREADS, where set, limits its threads
"""

import polars as pl

from peer import month_back, newest_month, run


def read(arguments):
    for back in range(12, -1, -1):
        folder = arguments.history / "workload_usage" / f"month={month_back(newest_month(arguments.as_of), back)}"
        columns = ["tenant_id"] if 0 < back < 12 else None
        pl.read_parquet(folder / "*.parquet", columns=columns, hive_partitioning=False)
    pl.read_parquet(arguments.history / "associations.parquet")


if __name__ == "__main__":
    run(__doc__, read)
