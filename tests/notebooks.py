"""Executes the notebooks against a published run and asserts what they find.

usage: notebooks.py RUN      a published folder, or an output folder for its newest run

Values are computed anew here, another way than the notebook does, and compared with the notebook's own within its kernel.
"""

import os
import pathlib
import sys
import tempfile

import nbformat
import partnerscore
import polars as pl
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
HISTORY = ROOT / "data" / "sample"
MONTH = "2026-10"


class ThisPython(KernelSpecManager):
    """The running interpreter as the only kernel, whatever is registered on the machine."""

    def get_kernel_spec(self, kernel_name):
        arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=arguments, display_name="this Python", language="python")


def execute(notebook, parameters, asserts=""):
    """Runs a notebook with parameters after its cell of that name, and more code at its end."""
    notebook = nbformat.from_dict(notebook)
    places = [index for index, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    assert len(places) == 1, "a notebook has one cell tagged parameters"
    given = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(places[0] + 1, nbformat.v4.new_code_cell(given))
    notebook.cells.append(nbformat.v4.new_code_cell(asserts))
    with tempfile.TemporaryDirectory() as folder:
        manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisPython())
        client = NotebookClient(notebook, km=manager, timeout=300, resources={"metadata": {"path": folder}})
        client.execute()
    return notebook


def newest(run):
    run = pathlib.Path(run).resolve()
    return run if (run / "scores.parquet").exists() else sorted(run.glob("as_of=*"))[-1]


def first_look_asserts(run):
    """What the first look must show, from the published table alone."""
    scores = pl.read_parquet(run / "scores.parquet", hive_partitioning=False).sort("rank", "partner_id")
    near = scores.filter((pl.col("qualified") == False) & (pl.col("points_short") <= 10))  # noqa: E712
    near = near.sort("points_short", "partner_id")["partner_id"].to_list()
    tracks = {track: count for track, count in scores.filter("qualified")["track"].value_counts().iter_rows()}
    bars = {}
    for points, qualified in scores.select("total_points", "qualified").iter_rows():
        key = (float(min(int(points) // 5 * 5, 95)), "designation" if qualified else "no designation")
        bars[key] = bars.get(key, 0) + 1
    assert scores.height > 10 and near, "the run is too small to tell anything"
    return f"""
assert scores.height == {scores.height}
assert ranking.height == {scores.height} and ranking["partner_id"][0] == {scores["partner_id"][0]!r}
assert int(scores["qualified"].sum()) == {int(scores["qualified"].sum())}
assert near_misses["partner_id"].to_list() == {near!r}
found = {{row["track"]: row["designations"] for row in tracks.iter_rows(named=True) if row["designations"]}}
assert found == {tracks!r}, found
drawn = distribution.to_dict()
bars_drawn = drawn["datasets"][drawn["layer"][0]["data"]["name"]]
assert {{(row["points_from"], row["status"]): row["partners"] for row in bars_drawn}} == {bars!r}
assert drawn["layer"][1]["mark"]["type"] == "rule"
assert drawn["datasets"][drawn["layer"][1]["data"]["name"]] == [{{"points": 70, "label": "70 points"}}]
assert "points" in drawn["layer"][0]["encoding"]["x"]["title"] and drawn["layer"][0]["encoding"]["y"]["title"] == "partners"
drawn = lacking.to_dict()
assert len(drawn["datasets"][drawn["data"]["name"]]) == {min(len(near), 30)}
"""


def scored(month=MONTH, rulebook=None):
    return pl.DataFrame(partnerscore.score(HISTORY, month=month, rulebook=rulebook).scores)


def lost_designation_asserts(run):
    """Who lost it, and by how much each metric moved, from the two months' scores."""
    both = scored("2026-07").join(scored(), on="partner_id", suffix="_after")
    lost = both.filter(pl.col("qualified") & ~pl.col("qualified_after"))
    totals = {row["partner_id"]: (row["total_points"], row["total_points_after"]) for row in lost.iter_rows(named=True)}
    assert totals, "nobody lost it: nothing is asked"
    metrics = [name for name in both.columns if name.endswith("_points") and f"{name}_after" in both.columns]
    metrics = [name for name in metrics if name.split("_")[0] not in ("total", "enterprise", "smb")]
    steps = {
        row["partner_id"]: {name.removesuffix("_points"): row[f"{name}_after"] - row[name] for name in metrics if row[f"{name}_after"] != row[name]}
        for row in lost.filter(pl.col("track") == pl.col("track_after")).iter_rows(named=True)
    }
    return f"""
totals, steps = {totals!r}, {steps!r}
found = {{row["partner_id"]: (row["points_before"], row["points_after"]) for row in losers.iter_rows(named=True)}}
assert found == totals, found
assert partner in steps, "the test knows the steps of partners that keep their track"
drawn = {{row["step"]: row["points"] for row in waterfall.iter_rows(named=True)}}
assert abs(drawn.pop(before) - totals[partner][0]) < 1e-6 and abs(drawn.pop(after) - totals[partner][1]) < 1e-6
assert drawn.keys() == steps[partner].keys() and all(abs(drawn[name] - steps[partner][name]) < 1e-6 for name in drawn), drawn
told = {{metric: points for metric, points in causes.group_by("metric").agg(pl.col("points").sum()).iter_rows()}}
assert all(abs(told[name] - steps[partner][name]) < 1e-3 for name in drawn), told
assert behind.height > 0 and behind["share"].abs().is_sorted(descending=True)
assert easiest["reached"] and easiest["points_after"] >= needed == 70 and moves.height == len(easiest["moves"]) > 0
assert len(where.to_dict()["layer"]) == 3 and "points" in why.to_dict()["encoding"]["x"]["title"]
"""


def one_move_away_asserts(run):
    """The partners and their efforts as the table of plans has them; that the moves are enough, their simulation says."""
    table = pl.DataFrame(partnerscore.plan(HISTORY, month=MONTH).table)
    without = scored().filter(~pl.col("qualified"))["partner_id"].to_list()
    assert sorted(table["partner_id"]) == sorted(without)
    reached = table.drop_nulls("effort").select("partner_id", "effort", "moves").rows()
    away = sorted(table.drop_nulls("one_move")["partner_id"])
    assert len(away) >= 3, "too few to tell anything"
    return f"""
assert reach.select("partner_id", "effort", "moves").rows() == {reached!r}
assert sorted(away["partner_id"]) == {away!r}
assert pays["designations"].sum() == {len(away)} and pays["effort"].sum() == away["one_move_effort"].sum()
assert pays["effort_each"].is_sorted()
assert held.height == 3 and held["designation"].all() and (held["after"] >= 70).all()
drawn = near.to_dict()
rows = drawn["datasets"][drawn["data"]["name"]]
assert len(rows) == min(reach.height, 25) and {{row["partner_id"] for row in rows if row["way"] == "one move"}} <= set({away!r})
"""


def rules_2026_asserts(run):
    """Each partner's change, and who wins and loses, from two scores."""
    both = scored(rulebook="modern-work-2024").join(scored(rulebook="modern-work-2026"), on="partner_id", suffix="_new")
    changes = {partner: new - old for partner, old, new in both.select("partner_id", "total_points", "total_points_new").iter_rows()}
    turned = both.filter(pl.col("qualified") != pl.col("qualified_new"))["partner_id"].to_list()
    assert any(changes.values()) and turned, "the rules change nothing: nothing is asked"
    return f"""
changes = {changes!r}
found = dict(partners.select("partner_id", "change").iter_rows())
assert found.keys() == changes.keys() and all(abs(found[one] - changes[one]) < 1e-6 for one in found)
assert sorted(turned["partner_id"]) == {sorted(turned)!r}
assert moved.height == {sum(abs(change) > 1e-9 for change in changes.values())}
assert (comparison["qualified_before"], comparison["qualified_after"]) == {int(both["qualified"].sum()), int(both["qualified_new"].sum())}
assert "metric_minimum: at_least_one becomes above_zero" in differences["change"].to_list()
assert by_metric.height == 5 and by_metric.filter(pl.col("points") != 0).height > 0
assert len(dumbbells.to_dict()["layer"]) == 4
"""


def fairness_asserts(run):
    """Group means and the correlation, another way."""
    asked = partnerscore.score(HISTORY, month=MONTH, evidence=True)
    evidence = pl.DataFrame(asked.evidence).drop_nulls("tenant_id").unique(["partner_id", "tenant_id"])
    sizes = evidence["partner_id"].value_counts(name="tenants")
    scores = pl.DataFrame(asked.scores).join(sizes, on="partner_id", how="left").fill_null(0)
    smb = scores.filter(track="smb")["total_points"].mean() - scores.filter(track="enterprise")["total_points"].mean()
    correlation = scores.select(pl.corr("tenants", "total_points", method="spearman")).item()
    return f"""
assert scores.height == {scores.height} and dict(scores["size"].value_counts().iter_rows()) == dict.fromkeys(SIZES, {scores.height // 3})
assert abs(effects.filter(group="smb")["difference"].item() - {smb!r}) < 1e-9
assert abs(effects.filter(group="enterprise")["difference"].item() + {smb!r}) < 1e-9
assert abs(correlation - {correlation!r}) < 1e-9
assert effects["chance"].is_between(0, 1).all() and (effects["low"] < effects["high"]).all()
few = effects.filter(group="few tenants")
assert few["clear"].item() and few["high"].item() < 0, "few tenants go with fewer points in the sample"
assert not effects.filter(by="track")["clear"].any()
assert scores.group_by("size").agg(pl.col("tenants").max()).sort("tenants")["size"].to_list() == SIZES
assert shares.height == 15 and shares["share"].is_between(0, 1).all()
"""


ASSERTS = {
    "first_look": first_look_asserts,
    "lost_designation": lost_designation_asserts,
    "one_move_away": one_move_away_asserts,
    "rules_2026": rules_2026_asserts,
    "fairness": fairness_asserts,
}


def check_each(run):
    for name, asserts in ASSERTS.items():
        given = {"run": str(run)} if name == "first_look" else {"history": str(HISTORY)}
        try:
            executed = execute(nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4), given, asserts(run))
            if name == "lost_designation":
                outputs = [output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
                assert any(output.get("data", {}).get("text/html") == "" for output in outputs), "progress came, and went"
        except Exception as error:
            raise AssertionError(f"{name}: {error}") from error


def check_output_folder(run):
    """An output folder stands for its newest run."""
    execute(nbformat.read(NOTEBOOKS / "first_look.ipynb", as_version=4), {"run": str(run.parent)}, "assert scores.height > 10")


def check_stripped(run):
    """No notebook is committed with what it printed, and each is one whose values are asserted."""
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert path.stem in ASSERTS, f"{path.name}: nothing asserts what it finds"
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert not cell.outputs and cell.execution_count is None, f"{path.name}: strip the outputs"


def check_wrong_values_fail(run):
    """A notebook whose values are wrong does not pass unseen."""
    try:
        execute(nbformat.read(NOTEBOOKS / "first_look.ipynb", as_version=4), {"run": str(run)}, "assert scores.height == -1")
    except CellExecutionError:
        return
    raise AssertionError("a failing assertion in a notebook went unseen")


def main():
    run = newest(sys.argv[1])
    failed = 0
    checks = [check_stripped, check_each, check_output_folder, check_wrong_values_fail]
    # Kernels are killed when a notebook is done, and leave what they have there.
    scratch = tempfile.TemporaryDirectory()
    os.environ["TMPDIR"] = scratch.name
    for check in checks:
        try:
            check(run)
            print(f"ok      {check.__name__}")
        except Exception as error:  # every check reports, whatever it raises
            failed += 1
            print(f"FAILED  {check.__name__}: {str(error)[-2000:]}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
