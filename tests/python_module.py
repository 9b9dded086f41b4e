"""Checks the Python package as its users have it: against the command, with every dataframe library, interrupted, and by its types.

usage: python_module.py COMMAND      the command line to compare with

The package is installed in the Python that runs this; `./test.sh` does it.
"""

import contextlib
import datetime
import fcntl
import gc
import io
import json
import os
import pathlib
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
from deltalake import write_deltalake

import checks
import partnerscore as ps

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"
MONTH = "2026-10"
AS_OF = "2026-11-20"
OTHER_POLARS = pathlib.Path(sys.prefix) / "polars-1"
COMMAND = pathlib.Path(sys.argv[1]).resolve() if __name__ == "__main__" else None


def command(*arguments, code=0, program=None, **more):
    """What the command prints."""
    ran = subprocess.run([*map(str, program or [COMMAND]), *map(str, arguments)], capture_output=True, text=True, **more)
    assert ran.returncode == code, f"{arguments} ended with {ran.returncode}\n{ran.stderr}"
    return ran


def tables_of(history):
    """A history in memory; polars reads it."""
    tables = {name: pl.read_parquet(history / f"{name}.parquet") for name in ("partners", "associations", "certifications")}
    # Rows of another day than the first of a month lie in a folder without a key.
    usage = pl.scan_parquet(history / "workload_usage/month=*/*.parquet", hive_partitioning=True, hive_schema={"month": pl.Date}).collect()
    misdated = history / "workload_usage/misdated"
    if misdated.exists():
        usage = pl.concat([usage, pl.read_parquet(misdated)], how="diagonal_relaxed")
    return tables | {"workload_usage": usage}


TABLES = tables_of(SAMPLE)
RUN = ps.score(SAMPLE, month=MONTH, evidence=True)
SCORES = pl.DataFrame(RUN.scores)


def raises(kind, call, *texts, code=None):
    """The exception that a call raises, with each of the texts in its words."""
    try:
        call()
    except kind as error:
        for text in texts:
            assert text in str(error), f"no `{text}` in: {error}"
        assert code is None or error.code == code, error.code
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def check_the_files_are_those_of_the_command(scratch):
    """A run published by the package has the bytes of the command's."""
    command("score", SAMPLE, "--month", MONTH, "--evidence", "--quiet", "--out", scratch / "command")
    run = ps.score(SAMPLE, month=MONTH, evidence=True, out=scratch / "package", shards=3)
    assert run.folder == scratch / "package" / f"as_of={AS_OF}", run.folder

    def files(out):
        found = (path for path in out.rglob("*.parquet"))
        return {str(path.relative_to(out)): path.read_bytes() for path in found}

    assert files(scratch / "command") == files(scratch / "package")
    assert len(files(scratch / "command")) >= 4
    again = ps.Run.open(scratch / "package")
    assert pl.DataFrame(again.scores).equals(SCORES) and again.run["rulebook"]["id"] == "modern-work-2024"


def check_every_library_reads_the_tables(scratch):
    """Four libraries, the same rows, the types that were promised."""
    types = {"rank": pl.Int64, "partner_id": pl.String, "qualified": pl.Boolean, "total_points": pl.Float64}
    assert SCORES.schema.items() >= types.items() and SCORES.height == len(RUN.scores) > 10
    for name in ("scores", "metric_points", "evidence", "rejects"):
        table = getattr(RUN, name)
        frame = pl.DataFrame(table)
        assert frame.columns == table.columns and frame.height == len(table), name
        assert pl.DataFrame(pa.table(table)).equals(frame), name
        relation = duckdb.from_arrow(pa.RecordBatchReader.from_stream(table))
        assert pl.DataFrame(relation).equals(frame), name
        from_pandas = pl.DataFrame(pd.DataFrame.from_arrow(table)).select(
            pl.col(column).cast(dtype) for column, dtype in frame.schema.items()
        )
        assert from_pandas.equals(frame), name
    scores = RUN.scores  # a name of Python, as SQL of DuckDB finds it
    assert duckdb.sql("select count(*) from scores where qualified").fetchall() == [(int(SCORES["qualified"].sum()),)]
    del scores
    counted = pl.DataFrame(RUN.evidence).filter("counted").group_by("partner_id", "track", "metric", "option")
    sums = counted.agg(pl.col("current").sum(), pl.col("prior").sum())
    both = pl.DataFrame(RUN.metric_points).join(sums, on=["partner_id", "track", "metric", "option"], suffix="_summed")
    assert both.height > 50 and both["current"].equals(both["current_summed"]) and both["prior"].equals(both["prior_summed"])


def as_pandas(frame):
    return frame.to_pandas()


def as_categories(frame):
    return frame.with_columns(pl.col(pl.String).cast(pl.Categorical))


def as_batches(frame):
    """As a reader of small batches, in no order, with a column that nobody asked for."""
    table = frame.with_columns(note=pl.lit(b"x")).sample(fraction=1.0, shuffle=True, seed=1).to_arrow()
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=1000))


def check_tables_in_memory_give_the_same_scores(scratch):
    """A history in files, and the same of each library."""
    forms = [lambda frame: frame, as_pandas, pl.DataFrame.to_arrow, as_categories, as_batches]
    for form in forms:
        whole = form is forms[0]
        run = ps.score({name: form(table) for name, table in TABLES.items()}, month=MONTH, evidence=whole)
        for name in ("scores", "metric_points", "rejects", "evidence")[: 4 if whole else 3]:
            assert pl.DataFrame(getattr(run, name)).equals(pl.DataFrame(getattr(RUN, name))), (form, name)
    connection = duckdb.connect()
    usage = f"read_parquet('{SAMPLE}/workload_usage/*/*.parquet', hive_partitioning=true)"
    relations = {name: connection.sql(f"select * from '{SAMPLE}/{name}.parquet'") for name in TABLES if name != "workload_usage"}
    relations["workload_usage"] = connection.sql(f"select * replace (month::date as month) from {usage}")
    assert pl.DataFrame(ps.score(relations, month=MONTH, shards=2).scores).equals(SCORES)
    # A part of a portfolio, as somebody filters it.
    accounts = SCORES.filter(pl.col("distributor_id") == "D01")["partner_id"].to_list()
    theirs = TABLES["partners"].filter(pl.coalesce("global_partner_id", "partner_id").is_in(accounts))
    narrowed = ps.score(TABLES | {"partners": theirs}, month=MONTH, max_reject_ratio=1.0, min_coverage=0.0)
    named = ps.score(SAMPLE, month=MONTH, distributors="D01")
    points = ["rank", "partner_id", "total_points", "track", "qualified"]
    assert len(accounts) > 3 and pl.DataFrame(narrowed.scores).select(points).equals(pl.DataFrame(named.scores).select(points))


def check_broken_rows_are_rejected_in_memory_too(scratch):
    """A history with rows of every reject rule, in files and in memory, in one set of tenants and in several."""
    command("sample", "--dirty", "--partners", "20", "--tenants", "300", "--months", "14", "--out", scratch / "dirty")
    given = {"month": MONTH, "max_reject_ratio": 1.0, "evidence": True}
    files = ps.score(scratch / "dirty", **given)
    tables = tables_of(scratch / "dirty")
    rules = pl.DataFrame(files.rejects)["rule"].unique()
    assert rules.len() > 8, rules
    for shards in (1, 3):
        memory = ps.score(tables, shards=shards, **given)
        for name in ("scores", "metric_points", "evidence", "rejects"):
            assert pl.DataFrame(getattr(memory, name)).equals(pl.DataFrame(getattr(files, name))), (shards, name)
        assert memory.run["rejects"] == files.run["rejects"] and memory.run["warnings"] == files.run["warnings"]
        assert memory.run["rows"] == files.run["rows"]
        # Only files have a time at which they were written.
        of_files = {**files.run["freshness"], "certifications_written": None}
        assert memory.run["freshness"] == of_files
        assert memory.run["inputs"] == []


def check_another_polars_reads_and_gives_tables(scratch):
    """The other major version of polars, in both directions."""
    if not OTHER_POLARS.exists():
        assert not os.environ.get("CI"), "there is no other polars; ./test.sh brings it"
        print("not run: another polars")
        return
    script = f"""
import polars as pl, partnerscore as ps
assert pl.__version__.startswith("1."), pl.__version__
run = ps.score({str(SAMPLE)!r}, month={MONTH!r}, evidence=True)
tables = {{name: pl.read_parquet(f"{SAMPLE}/{{name}}.parquet") for name in ("partners", "associations", "certifications")}}
tables["workload_usage"] = pl.read_parquet("{SAMPLE}/workload_usage/**/*.parquet", hive_partitioning=True, try_parse_hive_dates=True)
again = ps.score(tables, month={MONTH!r}, evidence=True)
for name in ("scores", "metric_points", "evidence", "rejects"):
    assert pl.DataFrame(getattr(run, name)).equals(pl.DataFrame(getattr(again, name))), name
scores = pl.DataFrame(run.scores)
print(scores.height, scores["total_points"].sum())
"""
    more = {"env": os.environ | {"PYTHONPATH": str(OTHER_POLARS)}}
    said = command("-c", script, program=[sys.executable], **more).stdout.split()
    assert said == [str(SCORES.height), str(SCORES["total_points"].sum())], said


def check_answers_are_those_of_the_command(scratch):
    """Each question, asked both ways."""
    missed = SCORES.filter(~pl.col("qualified"))["partner_id"][0]
    month = ["--month", MONTH]

    def same(answer, *arguments):
        printed = json.loads(command(*arguments, "--format", "json").stdout)
        assert answer == printed, arguments
        assert len(answer.table) > 0 and pl.DataFrame(answer.table).height == len(answer.table), arguments

    partner = ["--partner", missed]
    same(ps.explain(SAMPLE, missed, month=MONTH), "explain", SAMPLE, *month, *partner)
    same(ps.explain(RUN, missed, metric="usage_growth"), "explain", RUN.folder, *partner, "--metric", "usage_growth")
    same(ps.plan(SAMPLE, missed, month=MONTH), "plan", SAMPLE, *month, *partner)
    same(ps.plan(SAMPLE, month=MONTH, distributors="D01"), "plan", SAMPLE, *month, "--all", "--distributor", "D01")
    scenario = {"certify": [{"metric": "advanced", "people": 1}], "net_customer_adds": 2, "usage": [{"option": "csp", "active_users": 9}]}
    flags = ["--certify", "advanced=1", "--net-adds", "2", "--usage", "csp=9"]
    same(ps.simulate(SAMPLE, missed, scenario, month=MONTH), "simulate", SAMPLE, *month, *partner, *flags)
    rules = {"rulebook": "modern-work-2026", "against": "modern-work-2024"}
    flags = ["--rulebook", "modern-work-2026", "--against", "modern-work-2024"]
    same(ps.simulate(SAMPLE, month=MONTH, **rules), "simulate", SAMPLE, *month, *flags)
    same(ps.outlook(SAMPLE, missed, month=MONTH, months=2), "outlook", SAMPLE, *month, *partner, "--months", "2")
    before = ps.score(SAMPLE, month="2026-07", evidence=True)
    same(ps.diff(before, RUN), "diff", before.folder, RUN.folder)
    same(ps.diff(before, RUN, partner=missed), "diff", before.folder, RUN.folder, *partner)
    # The same questions of tables in memory.
    assert ps.explain(TABLES, missed, month=MONTH) == ps.explain(SAMPLE, missed, month=MONTH)
    assert ps.plan(TABLES, missed, month=MONTH) == ps.plan(SAMPLE, missed, as_of=datetime.date(2026, 11, 20))
    effort = {"certify_intermediate": 1, "certify_advanced": 1, "associate": {"cpor": 500}, "tenant": 900, "paid_seat": 900, "active_user": 900}
    assert ps.plan(SAMPLE, missed, month=MONTH, effort=effort) != ps.plan(SAMPLE, missed, month=MONTH)


def check_errors_carry_the_words_of_the_command(scratch):
    """Code, message, place and hint."""
    error = raises(ps.AbsentError, lambda: ps.score(scratch / "nowhere"), "there is no such history", code=5)
    said = command("score", scratch / "nowhere", "--out", scratch / "x", "--log-format", "json", code=5).stderr
    said = json.loads(said.splitlines()[-1])
    told = (error.code, error.message, error.where, error.hint, error.retryable)
    assert told == (said["code"], said["message"], said["place"], said["hint"], said["retryable"]), (told, said)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is ps.AbsentError and str(copy) == str(error) and copy.hint == error.hint
    raises(ps.UsageError, lambda: ps.score(SAMPLE, month=MONTH, partners="2613077"), "did you mean `2613076`?", code=2)
    raises(ps.UsageError, lambda: ps.score(SAMPLE, as_of="soon"), "`soon` is not a day")
    raises(ps.UsageError, lambda: ps.score(SAMPLE, as_of=AS_OF, month=MONTH), "both given")
    raises(ps.UsageError, lambda: ps.score(SAMPLE, month=MONTH, max_reject_ratio=2), "from 0 to 1")
    raises(ps.UsageError, lambda: ps.score(SAMPLE, month=MONTH, shards=0), "1 or more")
    raises(ps.UsageError, lambda: ps.score(SAMPLE, rulebook="modern-work-2062"), "did you mean `modern-work-2026`?")
    raises(ps.AbsentError, lambda: ps.score(SAMPLE, month="2099-01"), "no rows of 2099-01")
    raises(ps.UsageError, lambda: ps.explain(RUN, "2613077"), "did you mean `2613076`?")
    raises(ps.UsageError, lambda: ps.explain(RUN, "2613076", month=MONTH), "has its date and rulebook already")
    raises(ps.UsageError, lambda: ps.explain(RUN, "2613076", track="large"), "tracks are enterprise and smb")
    raises(ps.UsageError, lambda: ps.simulate(SAMPLE, "2613076", month=MONTH), "no change to simulate")
    wrong = {"certify": [{"metric": "advanced", "peopel": 1}]}
    raises(ps.UsageError, lambda: ps.simulate(SAMPLE, "2613076", wrong, month=MONTH), "did you mean `people`?", "as given:")
    effort = {"certify_intermediate": 1, "certify_advanced": 1, "associate": {"cporr": 5}, "tenant": 9, "paid_seat": 9, "active_user": 9}
    raises(ps.UsageError, lambda: ps.plan(SAMPLE, "2613076", month=MONTH, effort=effort), "did you mean `cpor`?")
    without = ps.score(SAMPLE, month=MONTH, out=scratch / "replaced")
    raises(ps.AbsentError, lambda: without.evidence, "without evidence")
    with_evidence = ps.score(SAMPLE, month=MONTH, evidence=True, out=scratch / "replaced")
    ps.score(SAMPLE, month=MONTH, evidence=True, rulebook="modern-work-2026", out=scratch / "replaced")
    raises(ps.AbsentError, lambda: with_evidence.evidence, "another run was published")
    assert pl.DataFrame(with_evidence.scores).equals(SCORES), "what was read stays"
    # Tables in memory.
    give = lambda **changed: lambda: ps.score(TABLES | changed, month=MONTH)  # noqa: E731
    raises(ps.UsageError, give(partner=TABLES["partners"]), "did you mean `partners`?")
    raises(ps.UsageError, give(partners=TABLES["partners"].lazy()), "collect a lazy frame first")
    raises(ps.AbsentError, lambda: ps.score({"partners": TABLES["partners"]}), "table `associations` is missing")
    usage = TABLES["workload_usage"]
    raises(ps.RefusedError, give(workload_usage=usage.drop("month")), "lacks column `month`")
    raises(ps.RefusedError, give(workload_usage=usage.with_columns(pl.col("month").cast(pl.String))), "must be a date")
    noon = pl.col("month").cast(pl.Datetime) + pl.duration(hours=12)
    raises(ps.RefusedError, give(workload_usage=usage.with_columns(noon)), "has times of day")
    raises(ps.RefusedError, give(workload_usage=usage.with_columns(pl.col("paid_seats").cast(pl.Float64))), "must be an integer")
    raises(ps.RefusedError, give(partners=TABLES["partners"]["partner_id"]), "must be a table")

    def broken():
        yield from TABLES["partners"].to_arrow().to_batches()
        raise OSError("the disk is gone")

    reader = pa.RecordBatchReader.from_batches(TABLES["partners"].to_arrow().schema, broken())
    raises(ps.RefusedError, give(partners=reader), "the disk is gone")


def check_rules_can_be_edited(scratch):
    """What-ifs by the same code as the rules."""
    default = ps.Rulebook.load()
    assert [rules.id for rules in ps.rulebooks()] == ["modern-work-2023", "modern-work-2024", "modern-work-2026"]
    assert str(default.effective_from) == default.entries()["effective_from"]
    milestone = next(iter(default.entries()["milestones"]))
    easier = default.edit({"designation": {"points": 60}, "milestones": {milestone: None}})
    assert easier.id == "modern-work-2024-edited" and easier.hash != default.hash and default.entries()["designation"]["points"] == 70
    assert milestone not in easier.entries()["milestones"]
    changes = default.diff(easier)
    assert any(change["before"] == "70" and change["after"] == "60" for change in changes), changes
    sixty = default.edit({"designation.points": 60})
    run = ps.score(SAMPLE, month=MONTH, rulebook=sixty)
    enough = pl.max_horizontal("enterprise_points", "smb_points") >= 60
    more, fewer = (pl.DataFrame(scored.scores)["qualified"].sum() for scored in (run, RUN))
    assert fewer < more <= SCORES.filter(enough).height, (more, fewer)
    assert run.run["rulebook"] == run.run["rulebook"] | {"id": "modern-work-2024-edited", "hash": sixty.hash}
    file = sixty.save(scratch / "sixty.toml")
    assert ps.Rulebook.load(file).hash == sixty.hash
    printed = command("score", SAMPLE, "--month", MONTH, "--rulebook", file, "--out", scratch / "sixty", "--format", "json", "--quiet")
    assert sum(row["qualified"] for row in json.loads(printed.stdout)) == more
    raises(ps.UsageError, lambda: default.edit({"desgination.points": 60}), "did you mean `designation`?")
    raises(ps.UsageError, lambda: default.edit({"designation.point": 60}), "did you mean `points`?")
    raises(ps.UsageError, lambda: default.edit({"designation": {"points": "sixty"}}))
    later = default.edit({"id": "mine", "effective_from": datetime.date(2027, 1, 1)})
    assert (later.id, later.effective_from) == ("mine", datetime.date(2027, 1, 1))
    compared = ps.simulate(SAMPLE, month=MONTH, rulebook=sixty, against=default)
    assert (compared["qualified_before"], compared["qualified_after"]) == (fewer, more)


def check_other_threads_run_meanwhile(scratch):
    """The interpreter's lock is released, and several runs may be under way."""
    ticks = []

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    done = threading.Event()
    ticking = threading.Thread(target=tick)
    results = {}
    scoring = [
        threading.Thread(target=lambda month=month: results.update({month: ps.score(SAMPLE, month=month)}))
        for month in (MONTH, "2026-09")
    ]
    ticking.start()
    start = time.monotonic()
    for thread in scoring:
        thread.start()
    for thread in scoring:
        thread.join()
    took = time.monotonic() - start
    done.set()
    ticking.join()
    assert len(ticks) > took / 0.005 / 10, (len(ticks), took)
    assert pl.DataFrame(results[MONTH].scores).equals(SCORES)
    assert results["2026-09"].run["months"]["m"] == "2026-09-01"
    for run in results.values():
        names = [stage["stage"] for stage in run.run["stages"]]
        assert "partners" in names and len(names) == len(set(names)), names


INTERRUPTED = """
import os, signal, sys, time, threading, pyarrow as pa, polars as pl, partnerscore as ps
kind, sample, out = sys.argv[1:]
tables = {name: pl.read_parquet(f"{sample}/{name}.parquet") for name in ("partners", "associations", "certifications")}
usage = pl.read_parquet(f"{sample}/workload_usage/**/*.parquet", hive_partitioning=True, try_parse_hive_dates=True)

def endless():
    batches = usage.to_arrow().to_batches()
    while True:
        time.sleep(0.01)
        yield batches[0].slice(0, 1)

schema = usage.to_arrow().schema
reader = pa.RecordBatchReader.from_batches(schema, endless())
begun = time.monotonic()

def told(stage, done, of):
    # Well within the work, once.
    if time.monotonic() - begun > 0.5 or kind == "stream":
        global interrupted
        interrupted = time.monotonic()
        if kind == "callback":
            raise RuntimeError("enough")
        os.kill(os.getpid(), signal.SIGINT)

try:
    if kind == "stream":
        ps.score(tables | {"workload_usage": reader}, month="2026-10", progress=told)
    else:
        ps.score(sample, month="2026-10", evidence=True, out=out, shards=200, progress=told)
except (KeyboardInterrupt, RuntimeError) as raised:
    print(type(raised).__name__, time.monotonic() - interrupted)
"""


def check_interrupts_stop_the_work(scratch):
    """Ctrl-C in the middle of work, and while tables are read; an exception of the caller's own function."""
    for kind, expected in [("engine", "KeyboardInterrupt"), ("stream", "KeyboardInterrupt"), ("callback", "RuntimeError")]:
        temporary = scratch / f"temporary-{kind}"
        temporary.mkdir()
        out = scratch / f"out-{kind}"
        more = {"env": os.environ | {"TMPDIR": str(temporary)}, "timeout": 120}
        said = command("-c", INTERRUPTED, kind, SAMPLE, out, program=[sys.executable], **more).stdout.split()
        assert said and said[0] == expected, said
        assert float(said[1]) < 20, f"{kind}: stopped only after {said[1]} s"
        assert list(temporary.iterdir()) == [], list(temporary.iterdir())
        left = [path.name for path in out.iterdir()] if out.exists() else []
        assert left in ([], [".partnerscore.lock"]), left


def check_progress_is_told(scratch):
    """A function hears of stages; a terminal and a notebook see them."""
    heard = []
    ps.score(SAMPLE, month=MONTH, shards=3, progress=lambda *stage: heard.append(stage))
    assert {of for _, _, of in heard} >= {3} and all(0 <= done < of for _, done, of in heard), heard
    assert any(stage == "usage rows" for stage, _, _ in heard), heard
    error = io.StringIO()
    with contextlib.redirect_stderr(error):
        ps.score(SAMPLE, month=MONTH, shards=3, progress=True)
        shown = error.getvalue()
        ps.score(SAMPLE, month=MONTH, shards=2)
    assert "of 3)" in shown and shown.endswith("\r") and error.getvalue() == shown, shown


def check_nothing_is_left_behind(scratch):
    """Runs that were not published are gone with their last table, and at the end."""
    run = ps.score(SAMPLE, month=MONTH, evidence=True)
    above = run.folder.parent
    assert run.folder.stat().st_mode & 0o077 == 0, "for this user alone"
    reader = pa.RecordBatchReader.from_stream(run.evidence)
    rows = len(run.evidence)
    del run
    gc.collect()
    assert above.exists() and reader.read_all().num_rows == rows, "a stream keeps its files"
    del reader
    gc.collect()
    assert not above.exists()
    kept = ps.score(SAMPLE, month=MONTH)
    child = os.fork()
    if child == 0:
        del kept
        gc.collect()
        ps.__dict__["remove_unseen"]()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0 and kept.folder.exists(), "a forked process leaves what is not its own"
    temporary = scratch / "temporary"
    temporary.mkdir()
    script = f"import partnerscore as ps\nrun = ps.score({str(SAMPLE)!r}, month={MONTH!r})\nkept = [run]\nkept.append(kept)\nprint(run.folder)"
    said = command("-c", script, program=[sys.executable], env=os.environ | {"TMPDIR": str(temporary)})
    assert said.stdout.strip().startswith(str(temporary)) and list(temporary.iterdir()) == []
    # What a killed interpreter leaves, the next one removes; what one that lives has, it does not.
    script += "; import os, signal, sys; sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    command("-c", script, program=[sys.executable], env=os.environ | {"TMPDIR": str(temporary)}, code=-signal.SIGKILL)
    [left] = temporary.iterdir()
    lives = temporary / f"{left.name[:-6]}living"
    shutil.copytree(left, lives)
    with open(lives / ".held", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        script = script.split(";")[0]
        command("-c", script, program=[sys.executable], env=os.environ | {"TMPDIR": str(temporary)})
        assert list(temporary.iterdir()) == [lives]


def check_the_command_comes_with_it(scratch):
    """`partnerscore`, and `python -m partnerscore`."""
    beside = [pathlib.Path(sys.executable).parent / "partnerscore"]
    module = [sys.executable, "-m", "partnerscore"]
    for program in (beside, module):
        assert command("--version", program=program).stdout == command("--version").stdout
        assert command("rules", "list", program=program).stdout == command("rules", "list").stdout
        assert "did you mean" in command("rules", "show", "modern-work-2062", program=program, code=2).stderr
        assert command("nonsense", program=program, code=2).stderr == command("nonsense", code=2).stderr
    arguments = ["score", SAMPLE, "--month", MONTH, "--format", "csv", "--quiet", "--threads", "1"]
    (scratch / "elsewhere" / "partnerscore").mkdir(parents=True)
    printed = command(*arguments, "--out", scratch / "package", program=beside, cwd=scratch / "elsewhere").stdout
    assert printed == command(*arguments, "--out", scratch / "command").stdout and len(printed.splitlines()) == SCORES.height + 1
    # An interrupt ends it as it ends the command.
    running = subprocess.Popen(
        [*map(str, module), "score", str(SAMPLE), "--month", MONTH, "--shards", "200", "--out", str(scratch / "killed")],
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if (scratch / "killed" / f".staging-as_of={AS_OF}").exists():
            break
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130 and "nothing is half-published" in said, (running.returncode, said)
    assert [path.name for path in (scratch / "killed").iterdir()] == [".partnerscore.lock"]


def check_tables_are_shown(scratch):
    """In a notebook and on a terminal, with names that are no markup."""
    names = pl.when(pl.col("partner_id") == SCORES["partner_id"][0]).then(pl.lit("<b>bold</b>")).otherwise("partner_name")
    run = ps.score(TABLES | {"partners": TABLES["partners"].with_columns(partner_name=names)}, month=MONTH)
    page = run.scores._repr_html_()
    assert "&lt;b&gt;bold&lt;/b&gt;" in page and "<b>" not in page
    assert page.count("<tr>") == 11 and f"{SCORES.height} rows, 10 of them shown" in page
    assert page == run._repr_html_()
    text = repr(run.scores)
    assert text.splitlines()[0].split()[:2] == ["rank", "partner_id"] and str(SCORES.height) in text.splitlines()[-1]
    assert repr(run) == f"<Run of {SCORES.height} partners as of {AS_OF} by modern-work-2024>"
    plans = ps.plan(SAMPLE, "2613076", month=MONTH)
    assert plans._repr_html_() == plans.table._repr_html_() and "2613076" in plans._repr_html_()


TYPED = """
import datetime
import pathlib
import partnerscore as ps
import polars as pl
from deltalake import DeltaTable

run = ps.score({"partners": pl.DataFrame(), "associations": pl.DataFrame()}, as_of=datetime.date(2026, 11, 20), partners=["a"])
scores: pl.DataFrame = pl.DataFrame(run.scores)
folder: str = run.folder.name
points: float = ps.explain(run, "a")["total_points"]
ps.simulate("history", "a", {"certify": [{"metric": "advanced", "people": 1}], "tenant": [{"tenant_id": "t", "paid_seats": 3}]})
ps.diff(run, "out", rows=3)
rules: ps.Rulebook = ps.rulebooks()[0].edit({"designation.points": 60})
ps.score("history", rulebook=rules, progress=lambda stage, done, of: print(stage, done, of))
live: DeltaTable = DeltaTable("lake/partners", version=3)
url: str | None = ps.score({"partners": live}, out="az://data/runs", cache=pathlib.Path("cache")).url
ps.diff("az://data/runs", ps.Run.open("s3://bucket/runs", cache="cache"), history="az://data/history")
"""

MISTYPED = [
    "ps.score(3)",
    "ps.score('history', shards='two')",
    "ps.score({'partners': 3})",
    "ps.simulate('history', 'a', {'certify': [{'metric': 'advanced', 'peopel': 1}]})",
    "ps.score('history').score",
    "ps.diff('before')",
    "ps.score('history', cache=3)",
]


def check_types_are_what_they_say(scratch):
    """mypy, strict: the package itself, what uses it rightly, and what does not."""
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(scratch / "cache")]
    command(*mypy[1:], ROOT / "python/package", program=mypy[:1])
    (scratch / "typed.py").write_text(TYPED)
    wrong = "".join(f"\n{line}" for line in MISTYPED)
    (scratch / "mistyped.py").write_text(f"import partnerscore as ps{wrong}\n")
    more = {"env": os.environ | {"MYPYPATH": str(ROOT / "python/package")}}
    command(*mypy[1:], scratch / "typed.py", program=mypy[:1], **more)
    said = command(*mypy[1:], scratch / "mistyped.py", program=mypy[:1], code=1, **more).stdout
    lines = {int(line.split(":")[1]) for line in said.splitlines() if ": error:" in line}
    assert lines == set(range(2, 2 + len(MISTYPED))), said
    assert all(vars(ps)[name].__doc__ for name in ps.__all__ if name not in ("__version__", "Progress")), "docstrings"


def check_the_readme_leads_from_pip_install_to_a_chart(scratch):
    """The five lines as they stand in the README, in a folder as theirs."""
    readme = (ROOT / "README.md").read_text()
    blocks = [part.split("\n```")[0] for part in readme.split("```python\n")[1:]]
    assert len(blocks) == 1, "the README has one block of Python"
    lines = blocks[0].splitlines()
    assert len(lines) <= 4, "with `pip install` that is five"
    names = {}
    with contextlib.chdir(ROOT):
        exec(compile("\n".join(lines[:-1]), "README.md", "exec"), names)
        chart = eval(compile(lines[-1], "README.md", "eval"), names)
    drawn = chart.to_dict()
    rows = drawn["datasets"][drawn["data"]["name"]]
    assert {row["partner_id"]: row["total_points"] for row in rows} == dict(SCORES.select("partner_id", "total_points").iter_rows())


def check_the_tour_runs(scratch):
    """The code of docs/python.md, block after block, with the tables that it speaks of."""
    blocks = [part.split("\n```")[0] for part in (ROOT / "docs" / "python.md").read_text().split("```python\n")[1:]]
    assert len(blocks) >= 3, blocks
    names = TABLES | {"usage": TABLES["workload_usage"]}
    (scratch / "data").symlink_to(ROOT / "data")
    write_deltalake(str(scratch / "lake" / "workload_usage"), TABLES["workload_usage"], partition_by=["month"])
    with contextlib.chdir(scratch):
        for block in blocks:
            exec(compile(block, "docs/python.md", "exec"), names)
    assert names["easier"].id == "modern-work-2024-edited" and pl.DataFrame(names["run"].scores).equals(SCORES)


def main():
    checking = checks.Checks(sys.argv[2:])
    checking.run(checks.named(globals()))
    checking.end()


if __name__ == "__main__":
    main()
