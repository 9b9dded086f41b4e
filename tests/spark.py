"""Checks scores on a Spark cluster against scores of one process: on a local cluster, and on a master with two workers.

usage: spark.py COMMAND [WORD]...     the command line to make histories with; only the checks that have one of the words

The package and pyspark are installed in the Python that runs this; Java is in the PATH. Everything listens on 127.0.0.1 alone, and is
gone when this ends.
"""

import contextlib
import ctypes
import dataclasses
import datetime
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from unittest import mock

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from pyspark import TaskContext
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import checks
import partnerscore as ps
import partnerscore.spark
from partnerscore import _workers
from partnerscore.spark import score

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"
MONTH = "2026-10"
COMMAND = pathlib.Path(sys.argv[1]).resolve()
TABLES = ("scores", "metric_points", "rejects")
DIRTY = {"month": MONTH, "max_reject_ratio": 1.0}
# Days of the session begin elsewhere than those of the machine, and batches are smaller than a tenant.
CONF = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "OFF",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "97",
    "spark.sql.session.timeZone": "America/Los_Angeles",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


# Clusters.


def environment(scratch):
    """What every process of a cluster is told. Spark writes beside itself, so it gets a home in `scratch`."""
    home = scratch / "spark"
    home.mkdir()
    for path in pathlib.Path(pyspark.__file__).parent.iterdir():
        (home / path.name).symlink_to(path)
    return {
        # Quick to start, which matters more here than how fast it gets.
        "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_DIRS": str(scratch / "local"),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


@contextlib.contextmanager
def session(master):
    """A session on a cluster that is there."""
    builder = SparkSession.builder.master(master).appName("partnerscore")
    for name, value in CONF.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def dies_with_its_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def wait_for(port):
    """Until somebody listens: who comes too early waits for long before the next attempt."""
    for _ in range(600):
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the master does not listen")


@contextlib.contextmanager
def standalone(scratch):
    """A master and two workers of one processor each; its URL."""
    log = (scratch / "daemons.log").open("w")
    running = []

    def start(kind, *arguments):
        words = [f"{os.environ['SPARK_HOME']}/bin/spark-class", f"org.apache.spark.deploy.{kind}", *arguments]
        words += ["--host", "127.0.0.1", "--webui-port", "0"]
        running.append(subprocess.Popen(words, stdout=log, stderr=log, preexec_fn=dies_with_its_parent))

    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        start("master.Master", "--port", str(port))
        wait_for(port)
        for name in ("one", "two"):
            place = ["--work-dir", str(scratch / name), "--cores", "1", "--memory", "1g"]
            start("worker.Worker", *place, f"spark://127.0.0.1:{port}")
        yield f"spark://127.0.0.1:{port}"
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.wait()
        log.close()


# Histories, and what one process makes of them.


def sample(scratch, *arguments):
    """A synthetic history."""
    history = scratch / "history"
    subprocess.run([COMMAND, "sample", "--quiet", "--out", history, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    return history


def dirty(scratch):
    """One with rows of every rule of rejection."""
    return sample(scratch, "--dirty", "--partners", 20, "--tenants", 300, "--months", 14)


def frames(spark, history):
    """A history in Spark's tables."""
    tables = {name: spark.read.parquet(str(history / f"{name}.parquet")) for name in ("partners", "associations", "certifications")}
    folder = history / "workload_usage"
    usage = spark.read.option("basePath", str(folder)).parquet(str(folder / "month=*"))
    # Rows of another day than the first of a month lie in a folder without a key.
    misdated = folder / "misdated"
    if misdated.exists():
        usage = usage.unionByName(spark.read.parquet(str(misdated)))
    return tables | {"workload_usage": usage}


def same(run, one, what):
    """Cell by cell, and what run.json says of the input."""
    for name in TABLES:
        found, expected = pl.DataFrame(getattr(run, name).toArrow()), pl.DataFrame(getattr(one, name))
        assert found.schema == expected.schema, (what, name, found.schema)
        assert found.equals(expected), (what, name, found, expected)
    for key in ("as_of", "months", "rulebook", "selection", "rows", "scores", "rejects", "warnings"):
        assert run.run[key] == one.run[key], (what, key, run.run[key], one.run[key])
    assert freshness(run) == freshness(one), (what, freshness(run), freshness(one))


def freshness(run):
    """What run.json says of freshness; only files have a time at which they were written."""
    return {key: value for key, value in run.run["freshness"].items() if key != "certifications_written"}


def raises(kind, call):
    """The exception that a call raises."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def raises_the_same(call, of_one):
    """What a cluster raises is what one process raises."""
    one = raises(ps.Error, of_one)
    error = raises(ps.Error, call)
    assert (type(error), error.args) == (type(one), one.args), (error, one)
    return error


def failed_tasks(spark, group):
    """How many tasks of a group of jobs failed."""
    tracker = spark.sparkContext.statusTracker()
    stages = [stage for job in tracker.getJobIdsForGroup(group) for stage in tracker.getJobInfo(job).stageIds]
    assert stages, "no stage ran"
    return sum(info.numFailedTasks for info in map(tracker.getStageInfo, stages) if info is not None)


# What is checked on a local cluster.


def check_whole_tenants_are_cut_out_of_batches(spark, scratch):
    """Any batches: every row once and in order, no tenant in two tables, and tables of the size that is asked for."""
    for seed in range(300):
        dice = random.Random(seed)
        ids = [None] * dice.choice([0, 0, 1, 5])
        for tenant in range(dice.randrange(8)):
            ids += [f"t{tenant}"] * dice.choice([1, 1, 2, 7, 30])
        rows = pa.record_batch({"tenant_id": pa.array(ids, pa.string()), "row": range(len(ids))})
        cuts = sorted(dice.randrange(len(ids) + 1) for _ in range(dice.randrange(12)))
        batches = [rows.slice(start, end - start) for start, end in zip([0, *cuts], [*cuts, len(ids)])]
        at_once = dice.choice([1, 3, 10, 1000])
        tables = list(_workers._whole_tenants(iter(batches), at_once))
        assert [row for table in tables for row in table["row"].to_pylist()] == list(range(len(ids))), seed
        tenants = [set(table["tenant_id"].to_pylist()) for table in tables]
        assert sum(map(len, tenants)) == len(set().union(*tenants)), seed
        assert all(table.num_rows >= at_once for table in tables[:-1]), seed


def check_workers_read_a_path(spark, scratch):
    """The sample and a dirty one, and what is published of them."""
    run = score(spark, SAMPLE, month=MONTH, shards=5, out=scratch / "cluster")
    one = ps.score(SAMPLE, month=MONTH, out=scratch / "one")
    same(run, one, "sample")
    assert run.run["inputs"] == one.run["inputs"] != []
    for name in TABLES:
        cluster, alone = (folder / f"{name}.parquet" for folder in (run.folder, one.folder))
        assert cluster.read_bytes() == alone.read_bytes(), name
    assert repr(run) == repr(one).replace("<Run", "<SparkRun") and ps.diff(one, run)["changed"] == []
    history = dirty(scratch)
    one = ps.score(history, **DIRTY)
    assert len(one.rejects) > 20 and len(one.run["warnings"]) > 1, one.run["warnings"]
    same(score(spark, str(history), shards=3, **DIRTY), one, "dirty")


def check_workers_read_a_url(spark, scratch):
    """The sample on an object store, where whoever runs this has put it; each machine brings what it reads."""
    url = os.environ.get("PARTNERSCORE_TEST_URL")
    if url is None:
        print("not run: a history on an object store")
        return
    one = ps.score(SAMPLE, month=MONTH)
    same(score(spark, url, month=MONTH, shards=3), one, "url")


def check_workers_are_as_wide_as_their_tasks(spark, scratch):
    """One thread of the engine for a task of one processor, whatever the machine has."""

    def threads(batches):
        for batch in batches:
            tasks = pathlib.Path("/proc/self/task").iterdir()
            names = [task.joinpath("comm").read_text().strip() for task in tasks]
            wide = os.environ.get("POLARS_MAX_THREADS"), TaskContext.get().cpus(), names
            yield pa.record_batch({"told": [repr(wide)] * batch.num_rows})

    score(spark, SAMPLE, month=MONTH, shards=2)
    told = spark.range(0, 2, 1, 2).mapInArrow(threads, "told string").toArrow()["told"].to_pylist()
    for variable, processors, names in map(eval, told):
        pool = [name for name in names if name.startswith("polars-") and name.removeprefix("polars-").isdigit()]
        assert (variable, processors, len(pool)) == ("1", 1, 1), (variable, processors, names)


def damaged(scratch):
    """A history of which counts of the newest month are not what was written; its footer is whole, and so are its ids."""
    history = scratch / "damaged"
    shutil.copytree(SAMPLE, history, ignore=shutil.ignore_patterns("exports"))
    [file] = (history / "workload_usage" / f"month={MONTH}-01").iterdir()
    columns = pq.ParquetFile(file).metadata.row_group(0)
    [users] = (columns.column(i) for i in range(columns.num_columns) if columns.column(i).path_in_schema == "active_users")
    begin = users.dictionary_page_offset or users.data_page_offset
    content = bytearray(file.read_bytes())
    content[begin : begin + users.total_compressed_size] = bytes(users.total_compressed_size)
    file.write_bytes(content)
    return history


def check_errors_of_a_path_are_those_of_one_process(spark, scratch):
    """What the driver finds, and what only a worker can: raised once, with the set that it is about."""
    asked = [
        (scratch / "nowhere", {"month": MONTH}),
        (SAMPLE, {"month": "2099-01"}),
        (SAMPLE, {"month": MONTH, "partners": "2613077"}),
        (SAMPLE, {"month": MONTH, "as_of": "2026-11-20"}),
        (SAMPLE, {"month": MONTH, "rulebook": "modern-work-2062"}),
        (SAMPLE, {"month": MONTH, "shards": 0}),
        (SAMPLE, {"month": MONTH, "min_coverage": 1.5}),
    ]
    for history, more in asked:
        raises_the_same(lambda: score(spark, history, **more), lambda: ps.score(history, **more))
    raises(ps.UsageError, lambda: score(spark, SAMPLE, rows_at_once=0))
    history = damaged(scratch)
    spark.sparkContext.setJobGroup("damaged", "")
    error = raises_the_same(lambda: score(spark, history, month=MONTH, shards=3), lambda: ps.score(history, month=MONTH))
    assert isinstance(error, ps.RefusedError), error
    # The driver finds a damaged file where it looks at footers and pages itself; a worker says for which set it failed.
    for note in getattr(error, "__notes__", []):
        assert " for set " in note and " of 3, tenants from " in note, note
    if getattr(error, "__notes__", []):
        assert failed_tasks(spark, "damaged") == 0, "Spark has tried again what fails again"


def check_a_history_is_the_same_everywhere_and_all_the_time(spark, scratch):
    """Files that are replaced after the tenants were told apart, and a worker with another version of the package."""
    prepared = partnerscore.spark._partnerscore.tenant_sets

    def before(*arguments):
        months, sets, files = prepared(*arguments)
        return months, sets, [file.replace("partners.parquet\t", "partners.parquet\t1") for file in files]

    with mock.patch.object(partnerscore.spark._partnerscore, "tenant_sets", before):
        error = raises(ps.StorageError, lambda: score(spark, SAMPLE, month=MONTH, shards=2))
    assert error.message.startswith("partners.parquet is not what it was") and error.retryable and error.__notes__, error
    work = _workers.Work("0.0.0", "", {}, [])
    assert "a worker has version" in raises(ps.UsageError, lambda: work.facts(SAMPLE, (None, None), None)).message


class Killer:
    """Kills a process of the cluster while a set is read there, once: the worker's Python, or the executor above it."""

    def __init__(self, kind):
        self.kind = kind
        self.killed = threading.Event()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def watch(self):
        while not self.over.wait(0.005):
            for process in descendants():
                # One that has ended since it was seen is not killed; another is.
                with contextlib.suppress(OSError):
                    if process.is_at_work():
                        os.kill(process.executor() if self.kind == "executor" else process.pid, signal.SIGKILL)
                        self.killed.set()
                        return


@dataclasses.dataclass
class Process:
    """A process of this machine."""

    pid: int
    parent: int
    command: str

    def is_at_work(self):
        """Whether the package computes there: it has a thread for each call."""
        with contextlib.suppress(OSError):
            tasks = pathlib.Path(f"/proc/{self.pid}/task").iterdir()
            return any(task.joinpath("comm").read_text().strip() == "partnerscore" for task in tasks)
        return False

    def executor(self):
        """The Java process that started it."""
        process = self
        while "CoarseGrainedExecutorBackend" not in process.command:
            process = process_of(process.parent)
        return process.pid


def process_of(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    parent = next(line for line in status.splitlines() if line.startswith("PPid:"))
    return Process(pid, int(parent.split()[1]), pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace"))


def descendants():
    """The processes that this one has started, or those have."""
    processes = {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, StopIteration):
            if entry.name.isdigit():
                processes[int(entry.name)] = process_of(int(entry.name))

    def is_ours(process):
        while process is not None:
            if process.parent == os.getpid():
                return True
            process = processes.get(process.parent)
        return False

    return [process for process in processes.values() if is_ours(process)]


def check_a_worker_may_be_killed(spark, scratch):
    """Spark tries its set again, and nothing is counted twice or lost."""
    one = ps.score(SAMPLE, month=MONTH)
    spark.sparkContext.setJobGroup("killed", "")
    with Killer("python") as killer:
        run = score(spark, SAMPLE, month=MONTH, shards=6)
    assert killer.killed.is_set() and failed_tasks(spark, "killed") > 0, "nothing was killed"
    same(run, one, "killed")


def check_workers_take_the_rows_of_tables(spark, scratch):
    """The sample and a dirty one: tenants in several batches and several tables, in more partitions than there are tenants."""
    same(score(spark, frames(spark, SAMPLE), month=MONTH, shards=3, rows_at_once=50_000), ps.score(SAMPLE, month=MONTH), "sample")
    history = dirty(scratch)
    one = ps.score(history, **DIRTY)
    same(score(spark, frames(spark, history), shards=3, rows_at_once=500, **DIRTY), one, "dirty")
    few = {name: frame for name, frame in frames(spark, history).items()}
    [ids] = few["associations"].groupBy("tenant_id").count().orderBy(F.desc("count"), "tenant_id").limit(3).toArrow().columns[:1]
    for name in ("associations", "workload_usage"):
        few[name] = few[name].where(F.col("tenant_id").isin(ids.to_pylist()))
    one = ps.score({name: pl.DataFrame(frame.toArrow()) for name, frame in few.items()}, min_coverage=0.0, **DIRTY)
    same(score(spark, few, shards=8, min_coverage=0.0, **DIRTY), one, "few")


def check_half_of_all_rows_may_be_one_partners(spark, scratch):
    """A partner with every other association, and the tenants of those."""
    tables = {name: pl.read_parquet(SAMPLE / f"{name}.parquet") for name in ("partners", "associations", "certifications")}
    usage = pl.scan_parquet(SAMPLE / "workload_usage", hive_partitioning=True, hive_schema={"month": pl.Date}).collect()
    largest = tables["partners"]["partner_id"][0]
    other = pl.int_range(pl.len()) % 2 == 0
    partner = pl.when(other).then(pl.lit(largest)).otherwise("partner_id").alias("partner_id")
    tables |= {"associations": tables["associations"].with_columns(partner), "workload_usage": usage}
    for name, table in tables.items():
        table.write_parquet(scratch / f"{name}.parquet")
    one = ps.score(scratch, month=MONTH)
    assert (tables["associations"]["partner_id"] == largest).mean() > 0.5
    same(score(spark, scratch, month=MONTH, shards=4), one, "path")
    read = {name: spark.read.parquet(str(scratch / f"{name}.parquet")) for name in tables}
    same(score(spark, read, month=MONTH, shards=3, rows_at_once=60_000), one, "tables")


def check_types_of_spark_are_brought_to_those_of_a_history(spark, scratch):
    """Times that are midnights of the session, narrow and unsigned integers, another collation, what may be missing; and large strings."""
    history = dirty(scratch)
    given = frames(spark, history)
    usage = given["workload_usage"]
    given["workload_usage"] = usage.withColumns({
        "month": F.col("month").cast("timestamp"),
        "paid_seats": F.col("paid_seats").cast("decimal(20,0)"),
        "active_users": F.col("active_users").cast("decimal(20,0)"),
        "tenant_id": F.collate("tenant_id", "UTF8_LCASE"),
    })
    given["associations"] = given["associations"].withColumn("start_date", F.col("start_date").cast("timestamp_ntz"))
    spark.conf.set("spark.sql.execution.arrow.useLargeVarTypes", "true")
    try:
        run = score(spark, given, shards=2, rows_at_once=3000, **DIRTY)
    finally:
        spark.conf.unset("spark.sql.execution.arrow.useLargeVarTypes")
    same(run, ps.score(history, **DIRTY), "types")
    tables = {name: pl.read_parquet(SAMPLE / f"{name}.parquet") for name in ("partners", "associations", "certifications")}
    sound = frames(spark, SAMPLE)
    narrow = {"paid_seats": F.col("paid_seats").cast("int"), "active_users": F.col("active_users").cast("int")}
    fewer = sound | {
        "associations": sound["associations"].drop("end_date"),
        "partners": sound["partners"].select("partner_id"),
        "workload_usage": sound["workload_usage"].withColumns(narrow),
    }
    usage = pl.scan_parquet(SAMPLE / "workload_usage", hive_partitioning=True, hive_schema={"month": pl.Date}).collect()
    of_one = tables | {
        "associations": tables["associations"].drop("end_date"),
        "partners": tables["partners"].select("partner_id"),
        "workload_usage": usage,
    }
    same(score(spark, fewer, month=MONTH, shards=2), ps.score(of_one, month=MONTH), "fewer columns")


def check_errors_of_tables_are_those_of_one_process(spark, scratch):
    """What is wrong with a table's columns, with its rows, and with what else is given."""
    good = frames(spark, SAMPLE)
    usage = good["workload_usage"]

    def wrong(**changed):
        given = good | changed
        held = {name: frame.toArrow() for name, frame in given.items()}
        return raises_the_same(lambda: score(spark, given, month=MONTH, shards=2), lambda: ps.score(held, month=MONTH))

    wrong(workload_usage=usage.drop("paid_seats"))
    wrong(workload_usage=usage.withColumn("paid_seats", F.col("paid_seats").cast("double")))
    wrong(workload_usage=usage.withColumn("month", F.col("month").cast("string")))
    wrong(workload_usage=usage.where(F.col("month") != F.lit(datetime.date(2026, 10, 1))))
    wrong(associations=good["associations"].withColumn("partner_id", F.lit("nobody")))
    wrong(partner=good["partners"])
    noon = F.col("month").cast("timestamp_ntz") + F.expr("interval 12 hours")
    error = wrong(workload_usage=usage.withColumn("month", noon))
    assert error.__notes__[0].count(" of 2, tenants ") == 1, error.__notes__
    missing = {name: frame for name, frame in good.items() if name != "associations"}
    assert "table `associations` is missing" in raises(ps.AbsentError, lambda: score(spark, missing, month=MONTH)).message
    frame = pl.read_parquet(SAMPLE / "partners.parquet")
    assert "is a DataFrame, and must be" in raises(ps.UsageError, lambda: score(spark, good | {"partners": frame})).message


def check_selections_and_rules_reach_the_workers(spark, scratch):
    """A distributor, rules of a file of the driver, rules by date, and a day."""
    easier = ps.Rulebook.load().edit({"designation.points": 60, "choices.deployment_unit.reading": "tenant_workload"})
    file = easier.save(scratch / "easier.toml")
    for more in (
        {"month": MONTH, "distributors": "D01", "rulebook": easier},
        {"as_of": datetime.date(2026, 11, 19), "rulebook": file},
        {"month": "2026-09", "rulebook": "by-date"},
    ):
        same(score(spark, SAMPLE, shards=2, **more), ps.score(SAMPLE, **more), more)


def check_recipes_of_the_document_call_what_there_is(spark, scratch):
    """The code of docs/spark.md, with arguments that exist; its tables and paths are of other clusters."""
    blocks = [part.split("\n```")[0] for part in (ROOT / "docs" / "spark.md").read_text().split("```python\n")[1:]]
    names = {"spark": mock.MagicMock()}
    with mock.patch.object(partnerscore.spark, "score", autospec=True) as called:
        for block in blocks:
            exec(compile(block, "docs/spark.md", "exec"), names)
    assert called.call_count == len(blocks) == 4, blocks


# What is checked on two workers.


def on_two_workers_both_ways_give_the_scores_of_one_process(spark, scratch):
    """The sample by its path, and a dirty one in tables."""
    same(score(spark, SAMPLE, month=MONTH, shards=4), ps.score(SAMPLE, month=MONTH), "sample")
    history = dirty(scratch)
    same(score(spark, frames(spark, history), shards=3, rows_at_once=2000, **DIRTY), ps.score(history, **DIRTY), "dirty")


def on_two_workers_an_executor_may_be_killed(spark, scratch):
    """With it goes what it has shuffled; the rows are the same once more."""
    with Killer("executor") as killer:
        run = score(spark, frames(spark, SAMPLE), month=MONTH, shards=4, rows_at_once=30_000)
    assert killer.killed.is_set(), "nothing was killed"
    same(run, ps.score(SAMPLE, month=MONTH), "killed")


def main():
    checking = checks.Checks(sys.argv[2:])
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch).resolve()
        os.environ.update(environment(scratch))
        with session("local-cluster[2,1,1024]") as spark:
            checking.run(checks.named(globals()), spark)
        with standalone(scratch) as master, session(master) as spark:
            checking.run(checks.named(globals(), "on_two_workers_"), spark)
    checking.end()


if __name__ == "__main__":
    main()
