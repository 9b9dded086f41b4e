"""The main job in Python polars, as a good analyst would write it: a peer that the benchmark compares with.

usage: polars_peer.py HISTORY --as-of 2026-11-23 --out DIR      POLARS_MAX_THREADS, where set, limits its threads

Writes DIR/scores.parquet and DIR/metric_points.parquet in the columns of a published run, by the default rulebook. Input is taken
to be sound but for repeated rows. Lazy scans on the streaming engine; one row for each account, option, tenant and workload, to
which usage is joined four times (M, P, association month, the tenant's first); sums by tenant give what every metric needs.
"""


import polars as pl

from peer import ADVANCED, INTERMEDIATE, MEASURES, WORKLOADS, last_day, month_back, run

TRACKS = {"enterprise": ["cpor", "dpor"], "smb": ["cpor", "csp"]}
OPTIONS = {"CPOR": "cpor", "DPOR": "dpor", "CSP_TIER_1": "csp", "CSP_TIER_2": "csp"}
METRICS = list(dict.fromkeys(metric for _, metric, *_ in MEASURES))
TENANT = ["account", "option", "tenant_id"]


def scan(history, name):
    path = history / f"{name}.parquet"
    return pl.scan_parquet(path if path.is_file() else history / name / "**/*.parquet", hive_partitioning=False)


def scan_usage(history, months):
    """Rows of eligible workloads in these months."""
    files = [history / "workload_usage" / f"month={month}" / "*.parquet" for month in months]
    rows = pl.scan_parquet(files, hive_schema={"month": pl.Date}).filter(pl.col("workload").is_in(WORKLOADS))
    users, seats = pl.col("active_users").cast(pl.Int64), pl.col("paid_seats").cast(pl.Int64)
    return rows.select("tenant_id", "workload", "month", users=users, seats=seats)


def read_partners(history):
    """Global accounts with their attributes, and the account of every known id."""
    columns = ["partner_id", "partner_name", "distributor_id", "market"]
    partners = scan(history, "partners").select(*columns, account=pl.coalesce("global_partner_id", "partner_id")).unique()
    own = partners.select(partner_id="account", account="account")
    known = pl.concat([partners.select("partner_id", "account"), own]).unique()
    accounts = partners.select(partner_id="account").unique().join(partners, on="partner_id", how="left").select(columns)
    return accounts, known


def held_at(month):
    """Whether an association holds on the month's last day."""
    day = last_day(month)
    return (pl.col("start_date") <= day) & (pl.col("end_date").is_null() | (pl.col("end_date") >= day))


def read_pairs(history, known, now, was):
    """One row for each account, option, tenant and workload held at M or P, its association month and the tenant's first."""
    every = pl.DataFrame({"named": None, "workload": WORKLOADS}, schema={"named": pl.String, "workload": pl.String})
    covered = pl.concat([every, every.with_columns(named="workload")]).lazy()
    pairs = (
        scan(history, "associations")
        .rename({"workload": "named"})
        .with_columns(held_now=held_at(now), held_was=held_at(was), option=pl.col("association_type").replace_strict(OPTIONS))
        .filter(pl.col("held_now") | pl.col("held_was"))
        .join(known, on="partner_id")
        .join(covered, on="named", nulls_equal=True)
        .group_by(*TENANT, "workload")
        .agg(pl.col("held_now", "held_was").any(), since=pl.col("start_date").filter("held_now").min())
    )
    month = pl.when(pl.col("held_now") & ~pl.col("held_was")).then(pl.col("since").dt.truncate("1mo"))
    return pairs.with_columns(month=month).with_columns(first_month=pl.col("month").min().over(TENANT))


def add_usage(pairs, usage, name, month=None):
    """Users and seats of each pair, in the one month of the usage or in the month of a column; a missing row counts 0."""
    usage = usage.rename({"users": f"users_{name}", "seats": f"seats_{name}"})
    usage = usage.rename({"month": month}) if month else usage.drop("month")
    keys = ["tenant_id", "workload", month] if month else ["tenant_id", "workload"]
    return pairs.join(usage, on=keys, how="left").with_columns(pl.col(f"users_{name}", f"seats_{name}").fill_null(0))


def bands(usage, name):
    """Tenants with the bands they are in."""
    ranges = {"enterprise": pl.col("seats") > 300, "smb": pl.col("seats").is_between(11, 300)}
    return usage.group_by("tenant_id").agg(band.any().alias(f"{track}_{name}") for track, band in ranges.items())


def sum_tenants(history, pairs, now, was):
    """One row for each account, option and tenant: what its pairs sum to, and the bands of the tenant."""
    usage_now, usage_was = scan_usage(history, [now]).unique(), scan_usage(history, [was]).unique()
    needed = pl.concat([pairs.select("tenant_id", "month"), pairs.select("tenant_id", month="first_month")]).drop_nulls().unique()
    usage_between = scan_usage(history, [month_back(now, months) for months in range(12)])
    usage_between = usage_between.join(needed, on=["tenant_id", "month"], how="semi").unique()
    pairs = add_usage(pairs, usage_now, "now")
    pairs = add_usage(pairs, usage_was, "was")
    pairs = add_usage(pairs, usage_between, "since", "month")
    pairs = add_usage(pairs, usage_between, "first", "first_month")
    held_now, held_was = pl.col("held_now"), pl.col("held_was")
    tenants = pairs.group_by(TENANT).agg(
        pl.col("held_now", "held_was").any(),
        (pl.col("users_now", "seats_now", "users_first", "seats_first") * held_now).sum(),
        (pl.col("users_was", "seats_was") * held_was).sum(),
        (pl.col("users_since") * (held_now & ~held_was)).sum(),
    )
    for band in (bands(usage_now, "now"), bands(usage_was, "was")):
        tenants = tenants.join(band, on="tenant_id", how="left")
    return tenants.with_columns(pl.col("^(enterprise|smb)_(now|was)$").fill_null(False))


def facts_of(counts, track, metric):
    """The counts of a metric in the columns that all metrics share."""
    labels = pl.lit(track).alias("track"), pl.lit(metric).alias("metric")
    return counts.select(pl.col("account").alias("partner_id"), *labels, "option", pl.col("current", "prior").cast(pl.Int64))


def excess(name):
    """Active users beyond 40 % of the paid seats, in hundredths."""
    return pl.col(f"users_{name}") * 100 - pl.col(f"seats_{name}") * 40


def tenant_facts(tenants, track):
    """Now and then by account, metric and option: what a track earns from its tenants."""
    now, was = (pl.col(f"held_{name}") & pl.col(f"{track}_{name}") for name in ("now", "was"))
    tenants = tenants.filter(pl.col("option").is_in(TRACKS[track])).with_columns(now=now, was=was)
    customers = tenants.group_by("account", "tenant_id").agg(pl.col("now", "was").any())
    adds = customers.group_by("account").agg(current=pl.col("now").sum(), prior=pl.col("was").sum(), option=pl.lit("all").first())
    growth = tenants.group_by("account", "option").agg(
        current=pl.col("users_now").filter("now").sum(),
        prior=pl.col("users_was").filter("was").sum() + pl.col("users_since").filter("now").sum(),
    )
    deployed_was = pl.col("was") & (excess("was") >= 0) & (pl.col("seats_was") > 0)
    was_above = (excess("first") > 0) & (pl.col("seats_first") > 0)
    deployed_now = pl.col("now") & (excess("now") >= 0) & (pl.col("seats_now") > 0) & (pl.col("held_was") | ~was_above)
    deployments = tenants.group_by("account", "option").agg(current=deployed_now.sum(), prior=deployed_was.sum())
    metrics = {"net_customer_adds": adds, "usage_growth": growth, "deployments": deployments}
    return [facts_of(counts, track, metric) for metric, counts in metrics.items()]


def certification_facts(history, known, as_of, metric, names):
    """People with a valid certification of a list, for each track alike."""
    valid = (pl.col("earned_on") <= as_of) & (pl.col("expires_on").is_null() | (pl.col("expires_on") >= as_of))
    people = scan(history, "certifications").filter(valid & pl.col("certification").is_in(names)).join(known, on="partner_id")
    counts = people.group_by("account").agg(current=pl.col("person_id").n_unique()).with_columns(prior=0, option=pl.lit("all"))
    return [facts_of(counts, track, metric) for track in TRACKS]


def points_of(accounts, facts):
    """One row for each account and measure, with points in ten-thousandths."""
    names = ["track", "metric", "option", "target", "most"]
    measures = pl.LazyFrame(MEASURES, schema=names, orient="row").with_row_index("number")
    points = accounts.select("partner_id").join(measures, how="cross").join(facts, on=["partner_id", *names[:3]], how="left")
    value = (pl.col("current") - pl.col("prior")).fill_null(0).clip(0, pl.col("target"))
    place = pl.col("points").rank("ordinal", descending=True).over("partner_id", "track", "metric")
    return (
        points.with_columns(points=(2 * value * pl.col("most") * 10000 + pl.col("target")) // (2 * pl.col("target")))
        .with_columns(pl.col("current", "prior").fill_null(0))
        .sort("partner_id", "number")
        .with_columns(counted=place == 1)
    )


def as_points(expression):
    """Ten-thousandths as the nearest float: polars divides by way of the reciprocal, which rounding mends."""
    return (expression / 10000).round(4)


def scores_of(accounts, points):
    """One row for each account: its track, the points in it, and its ranks."""
    total = pl.col("total")
    by_track = points.group_by("partner_id", "track")
    tracks = by_track.agg(pl.col("points").filter(pl.col("metric") == metric).max().alias(metric) for metric in METRICS)
    tracks = tracks.with_columns(total=pl.sum_horizontal(METRICS), least=pl.min_horizontal(METRICS)).with_columns(
        qualified=(total >= 700000) & (pl.col("least") >= 10000),
        **{track: total.filter(pl.col("track") == track).first().over("partner_id") for track in TRACKS},
    )
    tracks = tracks.sort("qualified", "total", "track", descending=[True, True, False])
    best = tracks.group_by("partner_id", maintain_order=True).first()
    rank = total.rank("min", descending=True).cast(pl.Int64)
    short = [pl.when(pl.col(metric) < 10000).then(pl.lit(metric)) for metric in METRICS]
    return (
        accounts.join(best, on="partner_id")
        .select(
            rank.alias("rank"),
            *["partner_id", "partner_name", "distributor_id", "market"],
            pl.when(pl.col("distributor_id").is_not_null()).then(rank.over("distributor_id")).alias("distributor_rank"),
            *["track", "qualified"],
            as_points(total).alias("total_points"),
            as_points(pl.col(*METRICS, *TRACKS)).name.suffix("_points"),
            points_short=as_points((700000 - total).clip(0)),
            metrics_short=pl.concat_str(short, separator=",", ignore_nulls=True),
        )
        .sort("rank", "partner_id")
    )


def score(history, as_of, out):
    now = month_back(as_of, 1 if as_of.day >= 20 else 2)
    was = month_back(now, 12)
    accounts, known = read_partners(history)
    pairs = read_pairs(history, known, now, was).collect(engine="streaming").lazy()
    tenants = sum_tenants(history, pairs, now, was).collect(engine="streaming").lazy()
    facts = [fact for track in TRACKS for fact in tenant_facts(tenants, track)]
    for metric, names in (("intermediate_certifications", INTERMEDIATE), ("advanced_certifications", ADVANCED)):
        facts += certification_facts(history, known, as_of, metric, names)
    points = points_of(accounts, pl.concat(facts)).collect().lazy()
    columns = ["partner_id", "track", "metric", "option", "current", "prior", "net", "target", "points", "max_points", "counted"]
    net, most = pl.col("current") - pl.col("prior"), pl.col("most").cast(pl.Float64)
    out.mkdir(parents=True, exist_ok=True)
    scores_of(accounts, points).collect().write_parquet(out / "scores.parquet")
    metric_points = points.with_columns(net=net, points=as_points(pl.col("points")), max_points=most).select(columns)
    metric_points.collect().write_parquet(out / "metric_points.parquet")


if __name__ == "__main__":
    run(__doc__, lambda arguments: score(arguments.history, arguments.as_of, arguments.out))
