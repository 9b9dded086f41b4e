"""What the peers share: the default rulebook's lists and targets, calendar months, and the command line.

usage of each: PEER HISTORY --as-of 2026-11-23 --out DIR [--threads N]
"""

import argparse
import datetime
import json
import pathlib
import resource
import sys
import time

WORKLOADS = """intune exchange microsoft_365_apps sharepoint teams teams_meetings teams_phone teams_phone_calls
    teams_apps viva_engage viva_insights viva_topics viva_learning viva_connections""".split()
INTERMEDIATE = """teams_application_developer_associate identity_and_access_administrator_associate
    collaboration_communications_systems_engineer_associate endpoint_administrator_associate
    modern_desktop_administrator_associate""".split()
ADVANCED = ["enterprise_administrator_expert"]
# track, metric, option, target, most points; in the order of the published table
MEASURES = [
    ("enterprise", "net_customer_adds", "all", 5, 20),
    ("enterprise", "intermediate_certifications", "all", 4, 10),
    ("enterprise", "advanced_certifications", "all", 2, 15),
    ("enterprise", "usage_growth", "cpor", 1000, 30),
    ("enterprise", "usage_growth", "dpor", 4000, 30),
    ("enterprise", "deployments", "cpor", 5, 25),
    ("enterprise", "deployments", "dpor", 10, 25),
    ("smb", "net_customer_adds", "all", 10, 20),
    ("smb", "intermediate_certifications", "all", 2, 10),
    ("smb", "advanced_certifications", "all", 1, 15),
    ("smb", "usage_growth", "cpor", 500, 30),
    ("smb", "usage_growth", "csp", 2000, 30),
    ("smb", "deployments", "cpor", 5, 25),
    ("smb", "deployments", "csp", 10, 25),
]


def month_back(day, months):
    ordinal = day.year * 12 + day.month - 1 - months
    return datetime.date(ordinal // 12, ordinal % 12 + 1, 1)


def last_day(month):
    return month_back(month, -1) - datetime.timedelta(days=1)


def newest_month(as_of):
    """The usage month that an as-of date sees."""
    return month_back(as_of, 1 if as_of.day >= 20 else 2)


def run(document, score):
    """Scores as the command line asks for, and says on standard error what that took; `score` takes the arguments, and returns more to say."""
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument("history", type=pathlib.Path)
    parser.add_argument("--as-of", type=datetime.date.fromisoformat, required=True)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--threads", type=int)
    start = time.perf_counter()
    more = score(parser.parse_args()) or {}
    used = resource.getrusage(resource.RUSAGE_SELF)
    total = {"seconds": round(time.perf_counter() - start, 3), "cpu": round(used.ru_utime + used.ru_stime, 3)}
    print(json.dumps({**more, **total, "peak_bytes": used.ru_maxrss * 1024}), file=sys.stderr)
