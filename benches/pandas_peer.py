"""The main job in pandas, as an analyst would write it: a peer that the benchmark compares with, on histories of moderate size.

usage: pandas_peer.py HISTORY --as-of 2026-11-23 --out DIR

Writes DIR/scores.parquet and DIR/metric_points.parquet in the columns of a published run, by the default rulebook. Input is taken
to be sound but for repeated rows. One row for each account, option, tenant and workload, to which usage is merged four times (M,
P, association month, the tenant's first); sums by tenant give what every metric needs. All of it is in memory.
"""


import pandas as pd

from peer import ADVANCED, INTERMEDIATE, MEASURES, WORKLOADS, last_day, month_back, run

TRACKS = {"enterprise": ["cpor", "dpor"], "smb": ["cpor", "csp"]}
SEATS = {"enterprise": (301, 2**31), "smb": (11, 300)}
OPTIONS = {"CPOR": "cpor", "DPOR": "dpor", "CSP_TIER_1": "csp", "CSP_TIER_2": "csp"}
METRICS = list(dict.fromkeys(metric for _, metric, *_ in MEASURES))
TENANT = ["account", "option", "tenant_id"]


def read(path, **options):
    """Text as strings, days as timestamps, counts as numpy integers."""
    return pd.read_parquet(path, to_pandas_kwargs={"date_as_object": False}, partitioning=None, **options)


def read_table(history, name):
    path = history / f"{name}.parquet"
    return read(path if path.is_file() else history / name)


def read_usage(history, month):
    """Rows of eligible workloads in a month."""
    columns = ["tenant_id", "workload", "active_users", "paid_seats"]
    rows = read(history / "workload_usage" / f"month={month}", columns=columns, filters=[("workload", "in", WORKLOADS)])
    rows = rows.rename(columns={"active_users": "users", "paid_seats": "seats"}).drop_duplicates()
    return rows.astype({"users": "int64", "seats": "int64"}).assign(month=pd.Timestamp(month))


def read_partners(history):
    """Global accounts with their attributes, and the account of every known id."""
    columns = ["partner_id", "partner_name", "distributor_id", "market", "global_partner_id"]
    partners = read_table(history, "partners")[columns].drop_duplicates()
    partners["account"] = partners["global_partner_id"].fillna(partners["partner_id"])
    own = partners[["account"]].assign(partner_id=partners["account"])
    known = pd.concat([partners[["partner_id", "account"]], own]).drop_duplicates()
    accounts = own[["partner_id"]].drop_duplicates().merge(partners[columns[:4]], on="partner_id", how="left")
    return accounts, known


def read_pairs(history, known, now, was):
    """One row for each account, option, tenant and workload held at M or P, its association month and the tenant's first."""
    claims = read_table(history, "associations").rename(columns={"workload": "named"})
    for name, month in (("held_now", now), ("held_was", was)):
        day = pd.Timestamp(last_day(month))
        claims[name] = (claims["start_date"] <= day) & (claims["end_date"].isna() | (claims["end_date"] >= day))
    claims = claims[claims["held_now"] | claims["held_was"]].merge(known, on="partner_id")
    claims["option"] = claims["association_type"].map(OPTIONS)
    claims["since"] = claims["start_date"].where(claims["held_now"])
    every = pd.DataFrame({"workload": WORKLOADS})
    unnamed = claims[claims["named"].isna()].merge(every, how="cross")
    rows = pd.concat([unnamed, claims.merge(every, left_on="named", right_on="workload")])
    held = {"held_now": "any", "held_was": "any", "since": "min"}
    pairs = rows.groupby([*TENANT, "workload"], as_index=False, sort=False).agg(held)
    month = pairs.pop("since").dt.to_period("M").dt.to_timestamp()
    pairs["month"] = month.where(pairs["held_now"] & ~pairs["held_was"])
    pairs["first_month"] = pairs.groupby(TENANT, sort=False)["month"].transform("min")
    return pairs


def read_usage_between(history, pairs, now):
    """Usage of the tenants and months in which an association of theirs begins."""
    first = pairs[["tenant_id", "first_month"]].rename(columns={"first_month": "month"})
    needed = pd.concat([pairs[["tenant_id", "month"]], first]).dropna().drop_duplicates()
    months = [pd.Timestamp(month_back(now, months)) for months in range(12)]
    tenants = {month: needed.loc[needed["month"] == month, "tenant_id"] for month in months}
    frames = [read_usage(history, month.date()).loc[lambda rows: rows["tenant_id"].isin(tenants[month])] for month in months]
    return pd.concat(frames)


def add_usage(pairs, usage, name, month=None):
    """Users and seats of each pair, in the one month of the usage or in the month of a column; a missing row counts 0."""
    columns = {"users": f"users_{name}", "seats": f"seats_{name}"}
    usage = usage.rename(columns={**columns, "month": month}) if month else usage.drop(columns="month").rename(columns=columns)
    pairs = pairs.merge(usage, on=["tenant_id", "workload", *([month] if month else [])], how="left")
    pairs[list(columns.values())] = pairs[list(columns.values())].fillna(0).astype("int64")
    return pairs


def sum_tenants(history, pairs, now, was):
    """One row for each account, option and tenant: what its pairs sum to, and the bands of the tenant."""
    usage_now, usage_was = read_usage(history, now), read_usage(history, was)
    usage_between = read_usage_between(history, pairs, now)
    pairs = add_usage(pairs, usage_now, "now")
    pairs = add_usage(pairs, usage_was, "was")
    pairs = add_usage(pairs, usage_between, "since", "month")
    pairs = add_usage(pairs, usage_between, "first", "first_month")
    counts_now, counts_was = ["users_now", "seats_now", "users_first", "seats_first"], ["users_was", "seats_was"]
    pairs[counts_now] = pairs[counts_now].where(pairs["held_now"], 0)
    pairs[counts_was] = pairs[counts_was].where(pairs["held_was"], 0)
    sums = dict.fromkeys([*counts_now, *counts_was, "users_since"], "sum")
    tenants = pairs.groupby(TENANT, as_index=False, sort=False).agg({"held_now": "any", "held_was": "any", **sums})
    for name, usage in (("now", usage_now), ("was", usage_was)):
        for track, seats in SEATS.items():
            in_band = usage.loc[usage["seats"].between(*seats), "tenant_id"]
            tenants[f"{track}_{name}"] = tenants["tenant_id"].isin(in_band)
    return tenants


def excess(tenants, name):
    """Active users beyond 40 % of the paid seats, in hundredths."""
    return tenants[f"users_{name}"] * 100 - tenants[f"seats_{name}"] * 40


def tenant_facts(tenants, track):
    """Now and then by account, metric and option: what a track earns from its tenants."""
    tenants = tenants[tenants["option"].isin(TRACKS[track])]
    now, was = (tenants[f"held_{name}"] & tenants[f"{track}_{name}"] for name in ("now", "was"))
    tenants = tenants.assign(current=now, prior=was)
    customers = tenants.groupby(["account", "tenant_id"], as_index=False)[["current", "prior"]].any()
    adds = customers.groupby("account", as_index=False)[["current", "prior"]].sum().assign(option="all")
    by_option = ["account", "option"]
    users_prior = tenants["users_was"].where(was, 0) + tenants["users_since"].where(now, 0)
    growth = tenants.assign(current=tenants["users_now"].where(now, 0), prior=users_prior)
    growth = growth.groupby(by_option, as_index=False)[["current", "prior"]].sum()
    was_above = (excess(tenants, "first") > 0) & (tenants["seats_first"] > 0)
    deployed_now = now & (excess(tenants, "now") >= 0) & (tenants["seats_now"] > 0) & (tenants["held_was"] | ~was_above)
    deployed_was = was & (excess(tenants, "was") >= 0) & (tenants["seats_was"] > 0)
    deployments = tenants.assign(current=deployed_now, prior=deployed_was)
    deployments = deployments.groupby(by_option, as_index=False)[["current", "prior"]].sum()
    metrics = {"net_customer_adds": adds, "usage_growth": growth, "deployments": deployments}
    return [counts.assign(track=track, metric=metric) for metric, counts in metrics.items()]


def certification_facts(history, known, as_of, metric, names):
    """People with a valid certification of a list, for each track alike."""
    people = read_table(history, "certifications").merge(known, on="partner_id")
    as_of = pd.Timestamp(as_of)
    valid = (people["earned_on"] <= as_of) & (people["expires_on"].isna() | (people["expires_on"] >= as_of))
    people = people[valid & people["certification"].isin(names)]
    counts = people.groupby("account")["person_id"].nunique().rename("current").reset_index()
    return [counts.assign(prior=0, option="all", track=track, metric=metric) for track in TRACKS]


def points_of(accounts, facts):
    """One row for each account and measure, with points in ten-thousandths."""
    measures = pd.DataFrame(MEASURES, columns=["track", "metric", "option", "target", "most"]).reset_index(names="number")
    facts = facts.rename(columns={"account": "partner_id"})
    points = accounts[["partner_id"]].merge(measures, how="cross")
    points = points.merge(facts, on=["partner_id", "track", "metric", "option"], how="left")
    points = points.fillna({"current": 0, "prior": 0}).astype({"current": "int64", "prior": "int64"})
    points["net"] = points["current"] - points["prior"]
    value = points["net"].clip(lower=0, upper=points["target"])
    points["points"] = (2 * value * points["most"] * 10000 + points["target"]) // (2 * points["target"])
    points = points.sort_values(["partner_id", "number"])
    place = points.groupby(["partner_id", "track", "metric"])["points"].rank("first", ascending=False)
    return points.assign(counted=place == 1)


def scores_of(accounts, points):
    """One row for each account: its track, the points in it, and its ranks."""
    tracks = points.pivot_table(index=["partner_id", "track"], columns="metric", values="points", aggfunc="max").reset_index()
    tracks["total"] = tracks[METRICS].sum(axis=1)
    tracks["qualified"] = (tracks["total"] >= 700000) & (tracks[METRICS].min(axis=1) >= 10000)
    totals = tracks.pivot(index="partner_id", columns="track", values="total").reset_index()
    tracks = tracks.sort_values(["qualified", "total", "track"], ascending=[False, False, True])
    scores = accounts.merge(tracks.drop_duplicates("partner_id"), on="partner_id").merge(totals, on="partner_id")
    scores["rank"] = scores["total"].rank(method="min", ascending=False).astype("int64")
    scores["distributor_rank"] = scores.groupby("distributor_id")["total"].rank(method="min", ascending=False).astype("Int64")
    for name in ["total", *METRICS, *TRACKS]:
        scores[f"{name}_points"] = scores[name] / 10000
    scores["points_short"] = (700000 - scores["total"]).clip(lower=0) / 10000
    short = scores[METRICS] < 10000
    scores["metrics_short"] = [",".join(short.columns[row]) for row in short.to_numpy()]
    columns = ["rank", "partner_id", "partner_name", "distributor_id", "market", "distributor_rank", "track", "qualified"]
    columns += [f"{name}_points" for name in ["total", *METRICS, *TRACKS]] + ["points_short", "metrics_short"]
    return scores.sort_values(["rank", "partner_id"])[columns]


def score(history, as_of, out):
    now = month_back(as_of, 1 if as_of.day >= 20 else 2)
    was = month_back(now, 12)
    accounts, known = read_partners(history)
    tenants = sum_tenants(history, read_pairs(history, known, now, was), now, was)
    facts = [fact for track in TRACKS for fact in tenant_facts(tenants, track)]
    for metric, names in (("intermediate_certifications", INTERMEDIATE), ("advanced_certifications", ADVANCED)):
        facts += certification_facts(history, known, as_of, metric, names)
    points = points_of(accounts, pd.concat(facts))
    out.mkdir(parents=True, exist_ok=True)
    scores_of(accounts, points).to_parquet(out / "scores.parquet", index=False)
    columns = ["partner_id", "track", "metric", "option", "current", "prior", "net", "target", "points", "max_points", "counted"]
    points = points.assign(points=points["points"] / 10000, max_points=points["most"].astype("float64"))
    points[columns].to_parquet(out / "metric_points.parquet", index=False)


if __name__ == "__main__":
    run(__doc__, lambda arguments: score(arguments.history, arguments.as_of, arguments.out))
