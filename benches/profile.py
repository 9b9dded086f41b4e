"""Shows where the time and the memory of a run go, stage by stage: the median of several runs, and a bar for each stage.

usage: profile.py [--tenants 1000000] [--turns 5] [--shards 1] [--evidence]
"""

import json
import shutil
import statistics
import sys

import bench


def main():
    parser = bench.sized(__doc__)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--evidence", action="store_true")
    arguments = parser.parse_args()
    folder = bench.history(arguments.partners, arguments.tenants, arguments.months)
    out = folder.with_name("out-profile")
    command = [bench.PROGRAM, "score", folder, "--as-of", bench.AS_OF, "--quiet", "--out", out, "--shards", str(arguments.shards)]
    command += ["--evidence"] if arguments.evidence else []
    stages, walls = {}, []
    for turn in range(arguments.turns + 1):
        shutil.rmtree(out, ignore_errors=True)
        wall, _, peak = bench.measured(command, arguments.threads)
        if turn:
            walls.append(wall)
            for stage in json.loads((out / f"as_of={bench.AS_OF}" / "run.json").read_text())["stages"]:
                stages.setdefault(stage["stage"], []).append((stage["milliseconds"], stage["resident_bytes"] or 0))
    total = statistics.median(walls) * 1000
    print(f"{total:.0f} ms, {peak / 1e6:.0f} MB at the peak; medians of {arguments.turns}\n")
    for stage, turns in stages.items():
        milliseconds, resident = (statistics.median(column) for column in zip(*turns))
        bar = "#" * round(60 * milliseconds / total)
        print(f"{stage:<24} {milliseconds:>6.0f} ms {resident / 1e6:>6.0f} MB  {bar}")
    rest = total - sum(statistics.median(row[0] for row in turns) for turns in stages.values())
    print(f"{'outside stages':<24} {rest:>6.0f} ms", file=sys.stdout)


if __name__ == "__main__":
    main()
