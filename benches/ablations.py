"""What each idea of ablations.toml is worth: the program beside itself with one idea turned round, in one run.

usage: ablations.py [--tenants 1000000] [--turns 5] [--only WORDS]... [--write DOCUMENT]

A kept idea is taken out of a copy of the sources, a dropped one put in; the copy is built with the dependencies of the optimised program,
and must publish the same scores. All builds are incremental, that of the program as it stands too: an idea costs a minute. Ratios are
medians over the turns; the program's to itself, run a second time in every turn, shows what is noise.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tomllib

import bench

IDEAS = pathlib.Path(__file__).with_name("ablations.toml")
FOLDER = bench.ROOT / "target" / "ablations"
NOT_SOURCES = ["target", ".git", ".venv", ".azurite", "out"]
AGAIN = {"name": "nothing: the program a second time", "because": "what differs here is noise"}


def prepare():
    """A copy of the sources, and of what the optimised program was linked from."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    at_the_top = lambda folder, _: NOT_SOURCES if pathlib.Path(folder) == bench.ROOT else []
    shutil.copytree(bench.ROOT, FOLDER / "sources", ignore=at_the_top)
    shutil.copytree(bench.PROGRAM.parent, FOLDER / "target" / "release", copy_function=os.link)


def built(idea, place):
    """The program with an idea turned round."""
    before = {}
    for edit in idea.get("edits", []):
        file = FOLDER / "sources" / edit["file"]
        text = file.read_text()
        before.setdefault(file, text)
        if text.count(edit["from"]) != 1:
            sys.exit(f"{idea['name']}: {edit['file']} does not have once:\n{edit['from']}")
        file.write_text(text.replace(edit["from"], edit["to"]))
    print(f"building: {idea['name']}", file=sys.stderr)
    command = ["cargo", "build", "--release", "--quiet", "--target-dir", FOLDER / "target"]
    subprocess.run(command, check=True, cwd=FOLDER / "sources", env=os.environ | {"CARGO_INCREMENTAL": "1"})
    for file, text in before.items():
        file.write_text(text)
    return shutil.copy(FOLDER / "target" / "release" / "partnerscore", FOLDER / f"partnerscore-{place}")


def timed(ideas, programs, arguments):
    """By idea, its ratios to the first program, turn by turn: wall, CPU, memory. After a turn that fills the page cache."""
    folder = bench.history(arguments.partners, arguments.tenants, arguments.months)
    ratios, published = [[] for _ in ideas], set()

    def run(program, idea):
        out = FOLDER / "out"
        shutil.rmtree(out, ignore_errors=True)
        command = [program, "score", folder, "--as-of", bench.AS_OF, "--quiet", "--out", out, *idea.get("arguments", [])]
        figures = bench.measured(command, arguments.threads, idea.get("environment", {}))
        published.add((out / f"as_of={bench.AS_OF}" / "scores.parquet").read_bytes())
        return figures

    for turn in range(arguments.turns + 1):
        # What an idea is compared with runs with the same arguments.
        stands = {}
        for place, (idea, program) in enumerate(zip(ideas, programs)):
            alike = tuple(idea.get("arguments", []))
            if alike not in stands:
                stands[alike] = run(programs[0], {"arguments": alike})
            figures = run(program, idea)
            if turn:
                ratios[place].append([other / own for other, own in zip(figures, stands[alike])])
        print(f"turn {turn} of {arguments.turns}", file=sys.stderr)
    if len(published) != 1:
        sys.exit("an idea turned round gives other scores")
    return ratios


def table(ideas, ratios):
    lines = ["| tried | kept | time | CPU time | memory | why |", "| --- | --- | ---: | ---: | ---: | --- |"]
    for idea, turns in zip(ideas, ratios):
        figures = " | ".join(f"{statistics.median(column):.2f}" for column in zip(*turns))
        kept = {True: "yes", False: "no", None: ""}[idea.get("kept")]
        lines.append(f"| {idea['name']} | {kept} | {figures} | {idea['because']} |")
    return "\n".join(lines)


def main():
    parser = bench.sized(__doc__)
    parser.add_argument("--only", metavar="WORDS", action="append", default=[], help="ideas whose name has these words")
    parser.add_argument("--write", metavar="DOCUMENT", type=pathlib.Path, help="put the table between the document's marks")
    arguments = parser.parse_args()
    chosen = lambda idea: not arguments.only or any(words in idea["name"] for words in arguments.only)
    ideas = [AGAIN, *filter(chosen, tomllib.loads(IDEAS.read_text())["idea"])]
    if len(ideas) == 1:
        parser.error(f"no idea of {IDEAS.name} has these words: {', '.join(arguments.only)}")
    prepare()
    programs = [built(idea, place) for place, idea in enumerate(ideas)]
    text = table(ideas, timed(ideas, programs, arguments))
    size = f"{arguments.partners:,} partners, {arguments.tenants:,} tenants, {arguments.months} months, {arguments.threads} threads"
    text = f"{size}, medians of {arguments.turns}, as multiples of the program as it stands:\n\n{text}"
    print(text)
    if arguments.write:
        bench.write(arguments.write, text, "ablations")


if __name__ == "__main__":
    main()
