"""Compares the scores and metric points of two runs, cell by cell.

usage: compare.py RUN OTHER_RUN      exit 0: every cell agrees
"""

import sys

import duckdb


def differences(ours, theirs):
    """Rows of either run that the other does not have, by table."""
    found = {}
    for table in ("scores", "metric_points"):
        a, b = (f"(select * from read_parquet('{run}/{table}.parquet', hive_partitioning = false))" for run in (ours, theirs))
        rows = duckdb.sql(f"(from {a} except from {b}) union all (from {b} except from {a})").fetchall()
        count = duckdb.sql(f"select (select count(*) from {a}), (select count(*) from {b})").fetchall()[0]
        if rows or count[0] != count[1]:
            found[table] = (count, rows[:3])
    return found


if __name__ == "__main__":
    found = differences(*sys.argv[1:3])
    for table, (count, rows) in found.items():
        print(f"{table}: {count[0]} rows against {count[1]}, and these differ: {rows}")
    print("the runs differ" if found else "every cell agrees")
    sys.exit(bool(found))
