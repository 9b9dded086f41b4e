"""The main job in Python polars, as a good analyst would write it: a peer that the benchmark compares with.

usage: polars_peer.py HISTORY --as-of 2026-11-23 --out DIR      POLARS_MAX_THREADS, if set, limits its threads

Writes DIR/scores.parquet and DIR/metric_points.parquet in the columns of a published run, by the default rulebook. Input is taken to
be sound but for repeated rows, which unite. Not tuned: lazy scans on the streaming engine, one row for each account, option, tenant
and workload, usage joined to it four times (M, P, association month, first association month of the tenant), then sums by tenant.
"""

import argparse
import datetime
import json
import pathlib
import resource
import sys
import time

import polars as pl

from duckdb_peer import ADVANCED, INTERMEDIATE, MEASURES, WORKLOADS, last_day, month_back

TRACKS = {"enterprise": ["cpor", "dpor"], "smb": ["cpor", "csp"]}
OPTIONS = {"CPOR": "cpor", "DPOR": "dpor", "CSP_TIER_1": "csp", "CSP_TIER_2": "csp"}
METRICS = list(dict.fromkeys(metric for _, metric, *_ in MEASURES))
TENANT = ["account", "option", "tenant_id"]
FACT = ["account", "track", "metric", "option", "current", "prior"]


def scan(history, name):
    path = history / f"{name}.parquet"
    return pl.scan_parquet(path if path.is_file() else history / name / "**/*.parquet", hive_partitioning=False)


def scan_usage(history, months, needed=None):
    """Rows of eligible workloads in these months, or only those of the tenants and months needed."""
    files = [history / "workload_usage" / f"month={month}" / "*.parquet" for month in months]
    rows = pl.scan_parquet(files, hive_schema={"month": pl.Date}).filter(pl.col("workload").is_in(WORKLOADS))
    counts = {"users": pl.col("active_users").cast(pl.Int64), "seats": pl.col("paid_seats").cast(pl.Int64)}
    rows = rows.select("tenant_id", "workload", "month", **counts)
    if needed is not None:
        rows = rows.join(needed, on=["tenant_id", "month"], how="semi")
    return rows.unique()


def read_partners(history):
    """Global accounts with their attributes, and the account of every known id."""
    columns = ["partner_id", "partner_name", "distributor_id", "market"]
    account = pl.coalesce("global_partner_id", "partner_id")
    partners = scan(history, "partners").select(*columns, account=account).unique().collect().lazy()
    known = pl.concat([partners.select("partner_id", "account"), partners.select(partner_id="account", account="account")]).unique()
    accounts = partners.select(partner_id="account").unique().join(partners, on="partner_id", how="left").select(columns)
    return accounts, known


def held_at(month):
    """Whether an association holds on the month's last day."""
    day = last_day(month)
    return (pl.col("start_date") <= day) & (pl.col("end_date").is_null() | (pl.col("end_date") >= day))


def read_pairs(history, known, now, was):
    """One row for each account, option, tenant and workload held at M or P, with its association month and its tenant's first."""
    nothing_named = pl.LazyFrame({"named": [None] * len(WORKLOADS), "workload": WORKLOADS}, schema_overrides={"named": pl.String})
    covered = pl.concat([nothing_named, pl.LazyFrame({"named": WORKLOADS, "workload": WORKLOADS})])
    claims = (
        scan(history, "associations")
        .filter(held_at(now) | held_at(was))
        .join(known, on="partner_id")
        .select(
            "account",
            "tenant_id",
            option=pl.col("association_type").replace_strict(OPTIONS),
            named="workload",
            held_now=held_at(now),
            held_was=held_at(was),
            since=pl.when(held_at(now)).then("start_date"),
        )
    )
    pairs = (
        claims.join(covered, on="named", nulls_equal=True)
        .group_by(*TENANT, "workload")
        .agg(pl.col("held_now", "held_was").any(), month=pl.col("since").min().dt.truncate("1mo"))
        .with_columns(month=pl.when(pl.col("held_now") & ~pl.col("held_was")).then("month"))
    )
    return pairs.with_columns(first_month=pl.col("month").min().over(TENANT))


def add_usage(pairs, usage, name, month=None):
    """Users and seats of each pair, in the one month of the usage or in the month of a column; a missing row counts 0."""
    keys = ["tenant_id", "workload"]
    usage = usage.rename({"users": f"users_{name}", "seats": f"seats_{name}"})
    if month:
        joined = pairs.join(usage, left_on=[*keys, month], right_on=[*keys, "month"], how="left")
    else:
        joined = pairs.join(usage.drop("month"), on=keys, how="left")
    return joined.with_columns(pl.col(f"users_{name}", f"seats_{name}").fill_null(0))


def bands(usage, name):
    """Tenants with the bands they are in."""
    enterprise, smb = (pl.col("seats") > 300).any(), pl.col("seats").is_between(11, 300).any()
    return usage.group_by("tenant_id").agg(enterprise.alias(f"enterprise_{name}"), smb.alias(f"smb_{name}"))


def sum_tenants(history, pairs, now, was):
    """One row for each account, option and tenant: what its pairs sum to, and the bands of the tenant."""
    usage_now, usage_was = scan_usage(history, [now]), scan_usage(history, [was])
    needed = pl.concat([pairs.select("tenant_id", "month"), pairs.select("tenant_id", month="first_month")]).drop_nulls().unique()
    usage_since = scan_usage(history, [month_back(now, months) for months in range(12)], needed)
    pairs = add_usage(pairs, usage_now, "now")
    pairs = add_usage(pairs, usage_was, "was")
    pairs = add_usage(pairs, usage_since, "since", "month")
    pairs = add_usage(pairs, usage_since, "first", "first_month")
    held_now, held_was = pl.col("held_now"), pl.col("held_was")
    tenants = pairs.group_by(TENANT).agg(
        pl.col("held_now", "held_was").any(),
        pl.col("users_now", "seats_now", "users_first", "seats_first").filter(held_now).sum(),
        pl.col("users_was", "seats_was").filter(held_was).sum(),
        pl.col("users_since").filter(held_now & ~held_was).sum(),
    )
    for band in (bands(usage_now, "now"), bands(usage_was, "was")):
        tenants = tenants.join(band, on="tenant_id", how="left")
    return tenants.with_columns(pl.col("^(enterprise|smb)_(now|was)$").fill_null(False))


def reaches(name):
    """At least 40 % of the paid seats are active."""
    users, seats = pl.col(f"users_{name}"), pl.col(f"seats_{name}")
    return (seats > 0) & (users * 100 >= seats * 40)


def tenant_facts(tenants, track):
    """Now and then by account, metric and option: what a track earns from its tenants."""
    now, was = (pl.col(f"held_{name}") & pl.col(f"{track}_{name}") for name in ("now", "was"))
    tenants = tenants.filter(pl.col("option").is_in(TRACKS[track])).with_columns(now=now, was=was)
    was_above = (pl.col("seats_first") > 0) & (pl.col("users_first") * 100 > pl.col("seats_first") * 40)
    counts_now = pl.col("now") & reaches("now") & (pl.col("held_was") | ~was_above)
    by_option = tenants.group_by("account", "option")
    growth = by_option.agg(
        current=pl.col("users_now").filter("now").sum(),
        prior=pl.col("users_was").filter("was").sum() + pl.col("users_since").filter("now").sum(),
    )
    deployments = by_option.agg(current=counts_now.sum(), prior=(pl.col("was") & reaches("was")).sum())
    customers = tenants.group_by("account", "tenant_id").agg(pl.col("now", "was").any())
    adds = customers.group_by("account").agg(current=pl.col("now").sum(), prior=pl.col("was").sum()).with_columns(option=pl.lit("all"))
    metrics = {"usage_growth": growth, "deployments": deployments, "net_customer_adds": adds}
    return [facts.with_columns(track=pl.lit(track), metric=pl.lit(metric)).select(FACT) for metric, facts in metrics.items()]


def certified(history, known, as_of, metric, names):
    """People with a valid certification of a list, for each track alike."""
    valid = (pl.col("earned_on") <= as_of) & (pl.col("expires_on").is_null() | (pl.col("expires_on") >= as_of))
    people = scan(history, "certifications").filter(valid & pl.col("certification").is_in(names)).join(known, on="partner_id")
    counts = people.group_by("account").agg(current=pl.col("person_id").n_unique())
    labels = {"metric": pl.lit(metric), "option": pl.lit("all"), "prior": pl.lit(0)}
    return counts.join(pl.LazyFrame({"track": list(TRACKS)}), how="cross").with_columns(**labels).select(FACT)


def as_points(expression):
    """Ten-thousandths as the nearest float: polars divides by way of the reciprocal, which rounding mends."""
    return (expression / 10000).round(4)


def points_of(accounts, facts):
    """One row for each account and measure, with points in ten-thousandths."""
    schema = ["track", "metric", "option", "target", "most"]
    measures = pl.LazyFrame(MEASURES, schema=schema, orient="row").with_row_index("number")
    facts = facts.rename({"account": "partner_id"})
    value = (pl.col("current") - pl.col("prior")).clip(0, pl.col("target"))
    place = pl.col("points").rank("ordinal", descending=True).over("partner_id", "track", "metric")
    return (
        accounts.select("partner_id")
        .join(measures, how="cross")
        .join(facts, on=["partner_id", "track", "metric", "option"], how="left")
        .with_columns(pl.col("current", "prior").fill_null(0))
        .with_columns(points=(2 * value * pl.col("most") * 10000 + pl.col("target")) // (2 * pl.col("target")))
        .sort("partner_id", "number")
        .with_columns(counted=place == 1)
    )


def scores_of(accounts, points):
    """One row for each account: its track, and its ranks."""
    metric, total = pl.col(METRICS), pl.col("total")
    tracks = points.filter("counted").pivot("metric", METRICS, index=["partner_id", "track"], values="points", aggregate_function="sum")
    tracks = tracks.with_columns(total=pl.sum_horizontal(METRICS)).with_columns(
        qualified=(pl.min_horizontal(METRICS) >= 10000) & (total >= 700000),
        **{f"{track}_points": total.filter(pl.col("track") == track).first().over("partner_id") for track in TRACKS},
    )
    best = tracks.sort("qualified", "total", "track", descending=[True, True, False]).unique("partner_id", keep="first", maintain_order=True)
    rank = total.rank("min", descending=True).cast(pl.Int64)
    short = [pl.when(pl.col(name) < 10000).then(pl.lit(name)) for name in METRICS]
    return (
        accounts.join(best, on="partner_id")
        .with_columns(rank=rank, distributor_rank=pl.when(pl.col("distributor_id").is_not_null()).then(rank.over("distributor_id")))
        .sort("rank", "partner_id")
        .select(
            *["rank", "partner_id", "partner_name", "distributor_id", "market", "distributor_rank", "track", "qualified"],
            as_points(total).alias("total_points"),
            as_points(metric).name.suffix("_points"),
            as_points(pl.col("enterprise_points", "smb_points")),
            points_short=as_points((700000 - total).clip(0)),
            metrics_short=pl.concat_str(short, separator=",", ignore_nulls=True),
        )
    )


def score(history, as_of, out):
    now = month_back(as_of, 1 if as_of.day >= 20 else 2)
    was = month_back(now, 12)
    accounts, known = read_partners(history)
    pairs = read_pairs(history, known, now, was).collect(engine="streaming").lazy()
    tenants = sum_tenants(history, pairs, now, was).collect(engine="streaming").lazy()
    facts = [facts for track in TRACKS for facts in tenant_facts(tenants, track)]
    for metric, names in (("intermediate_certifications", INTERMEDIATE), ("advanced_certifications", ADVANCED)):
        facts.append(certified(history, known, as_of, metric, names))
    counts = [pl.col("current", "prior").cast(pl.Int64)]
    facts = pl.concat([frame.with_columns(counts) for frame in facts])
    points = points_of(accounts, facts).collect().lazy()
    out.mkdir(parents=True, exist_ok=True)
    scores_of(accounts, points).collect().write_parquet(out / "scores.parquet")
    points.select(
        *["partner_id", "track", "metric", "option", "current", "prior"],
        net=pl.col("current") - pl.col("prior"),
        target="target",
        points=as_points(pl.col("points")),
        max_points=pl.col("most").cast(pl.Float64),
        counted="counted",
    ).collect().write_parquet(out / "metric_points.parquet")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("history", type=pathlib.Path)
    parser.add_argument("--as-of", type=datetime.date.fromisoformat, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    start = time.perf_counter()
    score(arguments.history, arguments.as_of, arguments.out)
    used = resource.getrusage(resource.RUSAGE_SELF)
    total = {"seconds": round(time.perf_counter() - start, 3), "cpu": round(used.ru_utime + used.ru_stime, 3)}
    print(json.dumps({**total, "peak_bytes": used.ru_maxrss * 1024}), file=sys.stderr)


if __name__ == "__main__":
    main()
