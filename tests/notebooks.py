"""Executes the notebooks against a published run and asserts what they find.

usage: notebooks.py RUN      a published folder, or an output folder for its newest run

Values are computed anew from the Parquet files here, and compared with the notebook's own within its kernel.
"""

import pathlib
import sys
import tempfile

import nbformat
import polars as pl
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"


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


ASSERTS = {"first_look": first_look_asserts}


def check_first_look(run):
    path = NOTEBOOKS / "first_look.ipynb"
    execute(nbformat.read(path, as_version=4), {"run": str(run)}, ASSERTS[path.stem](run))


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
    checks = [check_stripped, check_first_look, check_output_folder, check_wrong_values_fail]
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
