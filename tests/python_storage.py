"""Checks that the Python package reads histories and runs on an object store, and publishes there, as the command does.

usage: python_storage.py COMMAND URL

URL is a container, or a bucket, that the environment lets this into, with the sample as `history` in it.
The package is installed in the Python that runs this; `./test.sh` does it.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import traceback

import polars as pl
from deltalake import DeltaTable, write_deltalake

import checks
import partnerscore as ps

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"
MONTH = "2026-10"
AS_OF = "2026-11-20"
RESULTS = ("scores", "metric_points", "evidence", "rejects")
COMMAND, URL = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
HISTORY = f"{URL}/history"
SECRETS = [value for name, value in os.environ.items() if name in ("AZURE_STORAGE_ACCOUNT_KEY", "AWS_SECRET_ACCESS_KEY")]


def command(*arguments, code=0, **more):
    """What the command prints."""
    ran = subprocess.run([str(COMMAND), *map(str, arguments)], capture_output=True, text=True, **more)
    assert ran.returncode == code, f"{arguments} ended with {ran.returncode}\n{ran.stderr}"
    return ran


def python(script, *arguments, **environment):
    """A Python of its own."""
    more = {"env": os.environ | environment, "timeout": 120, "capture_output": True, "text": True}
    ran = subprocess.run([sys.executable, "-c", script, *map(str, arguments)], **more)
    assert ran.returncode == 0, ran.stderr
    return ran


def cells(run):
    return {name: pl.DataFrame(getattr(run, name)) for name in RESULTS}


def assert_same(run, other):
    ours, theirs = cells(run), cells(other)
    assert all(ours[name].equals(theirs[name]) for name in RESULTS), (ours, theirs)


def raises(kind, call, *texts):
    try:
        call()
    except kind as error:
        told = f"{error} {error!r} {''.join(traceback.format_exception(error))}"
        assert not any(secret in told for secret in SECRETS), "a secret is told"
        for text in texts:
            assert text in str(error), f"no `{text}` in: {error}"
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


LOCAL = ps.score(SAMPLE, month=MONTH, evidence=True)
PARTNER = pl.DataFrame(LOCAL.scores).filter(~pl.col("qualified"))["partner_id"][0]


def check_a_history_and_runs_on_the_store(scratch):
    """A score from there and to there, opened again, and every question asked of either."""
    more = {"cache": scratch / "cache"}
    heard = []
    told = lambda stage, done, of: heard.append((stage, done, of))  # noqa: E731
    run = ps.score(HISTORY, month=MONTH, evidence=True, out=f"{URL}/runs", progress=told, **more)
    assert_same(run, LOCAL)
    assert run.url.startswith(f"{URL}/runs/as_of={AS_OF}/run="), run.url
    assert run.folder.is_relative_to(scratch / "cache") and not list(scratch.glob("*.parquet")), run.folder
    assert {stage for stage, _, _ in heard} & {"download", "upload", "list"}, heard
    again = ps.score(HISTORY, month=MONTH, evidence=True, out=f"{URL}/runs", **more)
    assert again.url == run.url, "a repeat changes nothing"
    command("explain", run.url, "--partner", PARTNER, "--format", "json", "--cache", scratch / "other")
    for place in (f"{URL}/runs", f"{URL}/runs/as_of={AS_OF}", run.url):
        assert_same(ps.Run.open(place, **more), LOCAL)
        assert ps.explain(place, PARTNER, **more) == ps.explain(LOCAL, PARTNER), place
    assert ps.explain(run, PARTNER, **more) == ps.explain(LOCAL, PARTNER)
    assert ps.explain(HISTORY, PARTNER, month=MONTH, **more) == ps.explain(SAMPLE, PARTNER, month=MONTH)
    assert ps.plan(HISTORY, PARTNER, month=MONTH, **more) == ps.plan(SAMPLE, PARTNER, month=MONTH)
    scenario = {"net_customer_adds": 2}
    simulated = ps.simulate(HISTORY, PARTNER, scenario, month=MONTH, **more)
    assert simulated == ps.simulate(SAMPLE, PARTNER, scenario, month=MONTH)
    assert ps.outlook(HISTORY, PARTNER, month=MONTH, **more) == ps.outlook(SAMPLE, PARTNER, month=MONTH)
    # Two runs, each named in every way, and as the command compares them.
    before = ps.score(HISTORY, month="2026-07", evidence=True, out=f"{URL}/runs", **more)
    compared = ps.diff(before, run, **more)
    assert [compared[side]["folder"] for side in ("before", "after")] == [before.url, run.url]
    assert compared == ps.diff(before.url, f"{URL}/runs", **more)
    with_history = ps.diff(f"{URL}/runs/as_of=2026-08-20", run, history=HISTORY, **more)
    assert with_history == ps.diff(before, run, history=SAMPLE, **more) and with_history["changed"] == compared["changed"]
    printed = command("diff", before.url, run.url, "--format", "json", "--cache", scratch / "other").stdout
    assert compared == json.loads(printed)
    local = ps.diff(ps.score(SAMPLE, month="2026-07", evidence=True), run, **more)
    assert local["counts"] == compared["counts"] and local["changed"] == compared["changed"]


def check_evidence_comes_again(scratch):
    """What was removed from the cache is brought again, and another run there changes nothing in what was opened."""
    more = {"cache": scratch / "cache"}
    run = ps.score(HISTORY, month=MONTH, evidence=True, out=f"{URL}/again", **more)
    ps.score(HISTORY, month=MONTH, out=f"{URL}/again", **more)
    for file in run.folder.rglob("*.parquet"):
        file.unlink()
    assert pl.DataFrame(run.evidence).equals(pl.DataFrame(LOCAL.evidence))
    without = ps.Run.open(f"{URL}/again", **more)
    raises(ps.AbsentError, lambda: without.evidence, "without evidence", without.url)


def check_the_cache_is_where_it_was_named(scratch):
    """An argument, or the variable; two calls in one process have their own."""
    files = lambda folder: {path.name for path in folder.rglob("*") if path.is_file()}  # noqa: E731
    for name in ("one", "two"):
        ps.score(HISTORY, month=MONTH, cache=str(scratch / name))
    assert files(scratch / "one") == files(scratch / "two") and len(files(scratch / "one")) == 16
    script = "import sys, partnerscore as ps; ps.score(sys.argv[1], month='2026-10')"
    python(script, HISTORY, PARTNERSCORE_CACHE=str(scratch / "three"), HOME=str(scratch / "home"))
    assert files(scratch / "three") == files(scratch / "one") and not (scratch / "home").exists()
    assert (scratch / "one").stat().st_mode & 0o077 == 0, "for this user alone"


def check_errors_are_those_of_the_command(scratch):
    """The same code, words, place and hint; no secret in any of them."""
    more = {"cache": scratch / "cache"}
    scheme = URL.split("://")[0]
    nowhere = f"{scheme}://nobody-made-this/history"
    error = raises(ps.AbsentError, lambda: ps.score(nowhere, month=MONTH, **more), "no such container", nowhere)
    said = command("score", nowhere, "--month", MONTH, "--out", scratch / "x", "--log-format", "json", code=5).stderr
    said = json.loads(said.splitlines()[-1])
    told = (error.code, error.message, error.where, error.hint, error.retryable)
    assert told == (said["code"], said["message"], said["place"], said["hint"], said["retryable"]), (told, said)
    raises(ps.AbsentError, lambda: ps.score(SAMPLE, month=MONTH, out=f"{scheme}://nobody-made-this/runs", **more))
    raises(ps.AbsentError, lambda: ps.Run.open(f"{URL}/history", **more), "no published run")
    raises(ps.UsageError, lambda: ps.score(f"{HISTORY}?sig=hush", month=MONTH, **more), "no credentials")
    raises(ps.UsageError, lambda: ps.score("abfs3://data/history", month=MONTH, **more), "did you mean")
    raises(ps.UsageError, lambda: ps.score(pathlib.Path(HISTORY), month=MONTH, **more), "has lost a slash", f"{scheme}://")
    assert_same(ps.score(f"file://{SAMPLE}", month=MONTH, evidence=True), LOCAL)


SILENT = """
import os, signal, sys, threading, time, partnerscore as ps
threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
start = time.monotonic()
try:
    ps.score(sys.argv[1], month="2026-10", cache=sys.argv[2])
except KeyboardInterrupt:
    print(time.monotonic() - start)
"""


def check_interrupts_end_a_request(scratch):
    """Ctrl-C while a store does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        names = {name: endpoint for name in ("AZURE_STORAGE_ENDPOINT", "AWS_ENDPOINT_URL") if name in os.environ}
        seconds = float(python(SILENT, HISTORY, scratch / "cache", **names).stdout)
    assert 1 < seconds < 10, seconds


def access():
    """What deltalake is told of the store: as the environment has it."""
    options = {name: value for name, value in os.environ.items() if name.startswith(("AZURE_", "AWS_"))}
    return options | {"allow_http": "true"}


def check_delta_tables_on_the_store(scratch):
    """Live files alone, brought here where they are needed; the rest of the history may lie elsewhere."""
    table = f"{URL}/delta/workload_usage"
    usage = pl.scan_parquet(SAMPLE / "workload_usage", hive_partitioning=True, hive_schema={"month": pl.Date}).collect()
    write_deltalake(table, usage, partition_by=["month"], storage_options=access())
    others = {name: pl.read_parquet(SAMPLE / f"{name}.parquet") for name in ("associations", "certifications")}
    write_deltalake(f"{URL}/delta/partners", pl.read_parquet(SAMPLE / "partners.parquet"), storage_options=access())
    partners = DeltaTable(f"{URL}/delta/partners", storage_options=access())
    opened = lambda **version: others | {  # noqa: E731
        "partners": partners,
        "workload_usage": DeltaTable(table, storage_options=access(), **version),
    }
    more = {"month": MONTH, "evidence": True, "cache": scratch / "cache"}
    assert_same(ps.score(opened(), **more), LOCAL)
    brought = [path for path in (scratch / "cache").rglob("*") if path.is_file()]
    assert len(brought) == 13 + 1, brought
    DeltaTable(table, storage_options=access()).delete("month = '2026-10-01' and workload = 'teams'")
    run = ps.score(opened(), **more)
    fewer = usage.filter((pl.col("month") != pl.date(2026, 10, 1)) | (pl.col("workload") != "teams"))
    local = others | {"partners": pl.read_parquet(SAMPLE / "partners.parquet"), "workload_usage": fewer}
    assert_same(run, ps.score(local, month=MONTH, evidence=True))
    assert_same(ps.score(opened(version=0), **more), LOCAL)


def main():
    checking = checks.Checks(sys.argv[3:])
    checking.run(checks.named(globals()))
    checking.end()


if __name__ == "__main__":
    main()
