"""The main job in DuckDB SQL, as fast as it could be made: the peer that the benchmark compares with.

usage: duckdb_peer.py HISTORY --as-of 2026-11-23 --out DIR [--threads N]

Writes DIR/scores.parquet and DIR/metric_points.parquet in the columns of a published run, by the default rulebook. Input is taken to
be sound but for repeated association rows; the rows that break a reject rule are counted all the same, as the program does.
What made it faster: one temporary table a step; ids as integers from one dictionary of the tenants held; totals of a tenant for
associations on all workloads, row by row only where workloads are named; of the months between only tenants that began there.
"""

import pathlib
import time

import duckdb

from peer import ADVANCED, INTERMEDIATE, MEASURES, WORKLOADS, last_day, month_back, newest_month, run

TRACKS = {"enterprise": "option <> 'csp'", "smb": "option <> 'dpor'"}


class Peer:
    def __init__(self, arguments):
        self.history = pathlib.Path(arguments.history)
        self.out = pathlib.Path(arguments.out)
        self.as_of = arguments.as_of
        self.m = newest_month(self.as_of)
        self.p = month_back(self.m, 12)
        self.timings = {}
        self.sql = duckdb.connect()
        self.sql.execute("set preserve_insertion_order = false")
        if arguments.threads:
            self.sql.execute(f"set threads = {arguments.threads}")

    def step(self, name, *statements):
        start = time.perf_counter()
        for statement in statements:
            self.sql.execute(statement)
        self.timings[name] = round(time.perf_counter() - start, 3)

    def table(self, name):
        path = self.history / f"{name}.parquet"
        return f"'{path}'" if path.is_file() else f"'{self.history / name}/**/*.parquet'"

    def month(self, month):
        return f"read_parquet('{self.history}/workload_usage/month={month}/*.parquet', hive_partitioning = false)"

    def score(self):
        self.accounts()
        self.associations()
        self.usage()
        self.baselines()
        self.pairs()
        self.facts()
        self.publish()

    def accounts(self):
        """Partners rolled up to global accounts, by number."""
        self.step(
            "partners",
            f"""create temp table partner as select distinct partner_id, partner_name, distributor_id, market,
                coalesce(global_partner_id, partner_id) as global_id from {self.table('partners')} where partner_id is not null""",
            """create temp table account as select row_number() over (order by g.global_id)::int as account, g.global_id as partner_id,
                p.partner_name, p.distributor_id, p.market
                from (select distinct global_id from partner) g left join partner p on p.partner_id = g.global_id""",
            """create temp table known as select k.partner_id, account from
                (select partner_id, global_id from partner union select global_id, global_id from partner) k
                join account a on a.partner_id = k.global_id""",
        )

    def associations(self):
        """Claims held at M or at P: one row for each account, option, tenant and workload (0: all); then the broken rows."""
        at_m, at_p = (
            f"(start_date <= date '{last_day(month)}' and (end_date is null or end_date >= date '{last_day(month)}'))"
            for month in (self.m, self.p)
        )
        source = f"read_parquet({self.table('associations')}, hive_partitioning = false)"
        names = ", ".join(f"('{name}', {number})" for number, name in enumerate(WORKLOADS, 1))
        self.step("workloads", f"create temp table listed as select * from (values {names}) t(workload, number)")
        self.step(
            "associations",
            f"""create temp table claim_row as select k.account, case association_type when 'CPOR' then 'cpor' when 'DPOR' then 'dpor'
                    else 'csp' end as option, tenant_id, case when a.workload is null then 0 else l.number end as workload,
                    {at_m} as at_m, {at_p} as at_p, case when {at_m} then start_date end as since
                from {source} a join known k using (partner_id) left join listed l on l.workload = a.workload
                where ({at_m} or {at_p}) and (end_date is null or end_date >= start_date)
                    and association_type in ('CPOR', 'DPOR', 'CSP_TIER_1', 'CSP_TIER_2') and (a.workload is null or l.number is not null)""",
            "create temp table held as select row_number() over ()::int as tenant, tenant_id from (select distinct tenant_id from claim_row)",
            """create temp table claim as select account, option, tenant, workload, bool_or(at_m) as at_m, bool_or(at_p) as at_p,
                min(since) as since from claim_row join held using (tenant_id) group by all""",
            "drop table claim_row",
            f"""create temp table broken_association as select count(*) filter (where partner_id is null or tenant_id is null
                    or association_type is null or start_date is null or end_date < start_date
                    or association_type not in ('CPOR', 'DPOR', 'CSP_TIER_1', 'CSP_TIER_2')) as broken,
                count(*) filter (where partner_id not in (select partner_id from known)) as unknown from {source}""",
        )
        # A claim on all workloads stays one row unless the same account, option and tenant also names workloads.
        self.step(
            "claims to pairs",
            "create temp table mixed as select distinct account, option, tenant from claim where workload > 0",
            """create temp table pair as
                with apart as (
                    select account, option, tenant, workload, at_m, at_p, since from claim where workload > 0
                    union all
                    select account, option, tenant, number, at_m, at_p, since
                    from claim semi join mixed using (account, option, tenant) cross join listed where claim.workload = 0
                ), united as (
                    select account, option, tenant, workload, bool_or(at_m) as at_m, bool_or(at_p) as at_p, min(since) as since
                    from apart group by all
                    union all
                    select * from claim anti join mixed using (account, option, tenant) where workload = 0
                )
                select *, case when at_m and not at_p then date_trunc('month', since)::date end as month from united""",
            """create temp table first_month as select account, option, tenant, min(month) as first from pair
                where workload > 0 group by all having not bool_or(at_p)""",
        )

    def usage(self):
        """M and P by tenant, and row by row where a claim names the workload."""
        self.step("named tenants", "create temp table named as select distinct tenant, workload from pair where workload > 0")
        for at, month in (("m", self.m), ("p", self.p)):
            self.step(
                f"usage at {at}",
                f"""create temp table tenant_{at} as select tenant, sum(active_users)::bigint as users, sum(paid_seats)::bigint as seats,
                    max(paid_seats) > 300 as enterprise, bool_or(paid_seats between 11 and 300) as smb
                    from {self.month(month)} u join held using (tenant_id)
                    where workload in (select workload from listed) group by tenant""",
                f"""create temp table row_{at} as select tenant, number as workload, active_users as users, paid_seats as seats
                    from {self.month(month)} u join listed using (workload) join held using (tenant_id)
                    semi join named on named.tenant = held.tenant and named.workload = listed.number""",
                f"""create temp table broken_{at} as select count(*) filter (where tenant_id is null or workload is null or paid_seats is null
                    or active_users is null or paid_seats < 0 or active_users < 0 or paid_seats > 2147483647 or active_users > 2147483647) as broken,
                    count(*) as rows from {self.month(month)}""",
                # A tenant's workloads as bits sum to their union exactly when no key repeats.
                f"""create or replace temp table bit as select workload, 1::bigint << (row_number() over ()) as bit
                    from (select distinct workload from {self.month(month)})""",
                f"""create temp table repeated_{at} as select tenant_id from {self.month(month)} join bit using (workload)
                    group by tenant_id having sum(bit) <> bit_or(bit)""",
            )

    def baselines(self):
        """Usage in association months before M, of the tenants that need it."""
        self.step(
            "needed",
            f"""create temp table needed as select distinct tenant, tenant_id, month from
                (select tenant, month from pair where month < date '{self.m}'
                 union select tenant, first from first_month where first < date '{self.m}') join held using (tenant)""",
            "create temp table baseline (tenant int, month date, workload int, users bigint, seats bigint)",
        )
        months = [row[0] for row in self.sql.execute("select distinct month from needed order by 1").fetchall()]
        for month in months:
            self.step(
                f"months between {month}",
                f"""insert into baseline select n.tenant, date '{month}', number, active_users, paid_seats
                    from {self.month(month)} u join (select tenant, tenant_id from needed where month = date '{month}') n using (tenant_id)
                    join listed using (workload)""",
            )
        self.step(
            "baseline totals",
            "insert into baseline select tenant, month, 0, sum(users), sum(seats) from baseline group by tenant, month",
        )

    def pairs(self):
        """Everything known of a pair, side by side."""
        self.step(
            "pairs with usage",
            f"""create temp table position as select p.account, p.option, p.tenant, p.at_m, p.at_p,
                    coalesce(tm.enterprise, false) as enterprise_m, coalesce(tm.smb, false) as smb_m,
                    coalesce(tp.enterprise, false) as enterprise_p, coalesce(tp.smb, false) as smb_p,
                    coalesce(case when p.workload = 0 then tm.users else rm.users end, 0) as users_m,
                    coalesce(case when p.workload = 0 then tm.seats else rm.seats end, 0) as seats_m,
                    coalesce(case when p.workload = 0 then tp.users else rp.users end, 0) as users_p,
                    coalesce(case when p.workload = 0 then tp.seats else rp.seats end, 0) as seats_p,
                    coalesce(case when p.month = date '{self.m}' then users_m else b.users end, 0) as users_a,
                    coalesce(case when coalesce(f.first, p.month) = date '{self.m}' then users_m else bf.users end, 0) as users_f,
                    coalesce(case when coalesce(f.first, p.month) = date '{self.m}' then seats_m else bf.seats end, 0) as seats_f
                from pair p
                left join tenant_m tm using (tenant) left join tenant_p tp using (tenant)
                left join row_m rm on rm.tenant = p.tenant and rm.workload = p.workload
                left join row_p rp on rp.tenant = p.tenant and rp.workload = p.workload
                left join baseline b on b.tenant = p.tenant and b.month = p.month and b.workload = p.workload
                left join first_month f on f.account = p.account and f.option = p.option and f.tenant = p.tenant and p.workload > 0
                left join baseline bf on bf.tenant = p.tenant and bf.month = coalesce(f.first, p.month) and bf.workload = p.workload
                where tm.tenant is not null or tp.tenant is not null""",
        )

    def facts(self):
        """Now and then by account, track, metric and option."""
        self.step("fact", "create temp table fact (account int, track varchar, metric varchar, option varchar, now bigint, was bigint)")
        for track, through in TRACKS.items():
            band_m, band_p = f"{track}_m", f"{track}_p"
            self.step(
                f"{track} usage growth",
                f"""insert into fact select account, '{track}', 'usage_growth', option,
                    coalesce(sum(users_m) filter (where at_m and {band_m}), 0),
                    coalesce(sum(users_p) filter (where at_p and {band_p}), 0)
                        + coalesce(sum(users_a) filter (where at_m and not at_p and {band_m}), 0)
                    from position where {through} group by account, option""",
            )
            self.step(
                f"{track} net customer adds",
                f"""insert into fact select account, '{track}', 'net_customer_adds', 'all', count(*) filter (where now), count(*) filter (where was)
                    from (select account, tenant, bool_or(at_m and {band_m}) as now, bool_or(at_p and {band_p}) as was
                          from position where {through} and ({band_m} or {band_p}) group by account, tenant) group by account""",
            )
            self.step(
                f"{track} deployments",
                f"""insert into fact select account, '{track}', 'deployments', option,
                    count(*) filter (where now and (was_held or not (seats_f > 0 and users_f * 100 > seats_f * 40))), count(*) filter (where was)
                    from (select account, option, tenant, bool_or(at_p) as was_held,
                            bool_or({band_m}) and coalesce(sum(seats_m) filter (where at_m), 0) > 0
                                and sum(users_m) filter (where at_m) * 100 >= sum(seats_m) filter (where at_m) * 40 as now,
                            bool_or({band_p}) and coalesce(sum(seats_p) filter (where at_p), 0) > 0
                                and sum(users_p) filter (where at_p) * 100 >= sum(seats_p) filter (where at_p) * 40 as was,
                            coalesce(sum(users_f) filter (where at_m), 0) as users_f, coalesce(sum(seats_f) filter (where at_m), 0) as seats_f
                          from position where {through} and ({band_m} or {band_p}) group by account, option, tenant) group by account, option""",
            )
        for metric, names in (("intermediate_certifications", INTERMEDIATE), ("advanced_certifications", ADVANCED)):
            self.step(
                metric,
                f"""insert into fact select account, track, '{metric}', 'all', people, 0 from
                    (select account, count(distinct person_id) as people from {self.table('certifications')} join known using (partner_id)
                     where certification in ({', '.join(repr(name) for name in names)}) and earned_on <= date '{self.as_of}'
                        and (expires_on is null or expires_on >= date '{self.as_of}')
                        and (expires_on is null or expires_on >= earned_on) and person_id is not null group by account),
                    (values ('enterprise'), ('smb')) t(track)""",
            )

    def publish(self):
        """Points, tracks, ranks, and the two tables."""
        self.out.mkdir(parents=True, exist_ok=True)
        measures = ", ".join(f"({number}, '{t}', '{m}', '{o}', {target}, {most})" for number, (t, m, o, target, most) in enumerate(MEASURES))
        short = ", ".join(f"case when {metric} < 10000 then '{metric}' end" for metric in dict.fromkeys(m for _, m, *_ in MEASURES))
        sums = ", ".join(f"max(points) filter (where metric = '{metric}') as {metric}" for metric in dict.fromkeys(m for _, m, *_ in MEASURES))
        names = list(dict.fromkeys(m for _, m, *_ in MEASURES))
        points = ", ".join(f"{name} / 10000.0::double as {name}_points" for name in names)
        self.step(
            "points",
            f"""create temp table point as select *, row_number() over (partition by account, track, metric order by points desc, number) = 1 as counted
                from (select a.account, a.partner_id, m.*, coalesce(f.now, 0) as current, coalesce(f.was, 0) as prior,
                        (2 * least(greatest(coalesce(f.now, 0) - coalesce(f.was, 0), 0), target) * most * 10000 + target) // (2 * target) as points
                      from account a cross join (values {measures}) m(number, track, metric, option, target, most)
                      left join fact f on f.account = a.account and f.track = m.track and f.metric = m.metric and f.option = m.option)""",
            f"""create temp table result as select *, {' + '.join(names)} as total, least({', '.join(names)}) >= 10000 and total >= 700000 as qualified
                from (select account, track, {sums} from point where counted group by account, track)""",
            """create temp table best as select *, max(total) filter (where track = 'enterprise') over (partition by account) as enterprise_total,
                max(total) filter (where track = 'smb') over (partition by account) as smb_total from result
                qualify row_number() over (partition by account order by qualified desc, total desc, track) = 1""",
        )
        self.step(
            "write",
            f"""copy (select rank() over (order by total desc) as rank, a.partner_id, partner_name, distributor_id, market,
                    case when distributor_id is not null then rank() over (partition by distributor_id order by total desc) end as distributor_rank,
                    track, qualified, total / 10000.0::double as total_points, {points},
                    enterprise_total / 10000.0::double as enterprise_points, smb_total / 10000.0::double as smb_points,
                    greatest(700000 - total, 0) / 10000.0::double as points_short, concat_ws(',', {short}) as metrics_short
                from best join account a using (account) order by rank, a.partner_id) to '{self.out}/scores.parquet'""",
            f"""copy (select partner_id, track, metric, option, current, prior, current - prior as net, target::bigint as target,
                    points / 10000.0::double as points, most::double as max_points, counted
                from point order by partner_id, number) to '{self.out}/metric_points.parquet'""",
        )


def score(arguments):
    peer = Peer(arguments)
    peer.score()
    return {"steps": peer.timings}


if __name__ == "__main__":
    run(__doc__, score)
