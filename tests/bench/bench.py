#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks in build/release/bench and prints their figures.

usage: bench.py [NAME] [--json]     NAME picks the figures whose name begins with it, or a folder: nat-trace, dataplane,
                                    controlplane; nat-trace also grades the engine on generated corpora
       bench.py look-back [GIGABYTES [MILLIONS]]     what a question costs to a vault of so much packet log, and to a header
                                    log of so many million packets (0.5 and 20), which take as much disk meanwhile

A benchmark's name is its figure's name; its user counter `value` is the figure, its label "unit; conditions".
Every benchmark runs several times; the median is printed, with the spread, since the machine is shared.
"""
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPETITIONS = 5
FOLDERS = {"nat-trace": "engine", "dataplane": "sensor", "controlplane": "store"}  # whose figures begin so
SCORES = ROOT / "tests/sim/corpus/scores.py"


def machine():
    model = "unknown CPU"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, {os.cpu_count()} CPUs, one core used, median of {REPETITIONS}"


def figures(prefix):
    for program in sorted((ROOT / "build/release/bench").glob("*")):
        if not os.access(program, os.X_OK) or program.is_dir():
            continue
        pattern = "^" + prefix.replace(".", r"\.") if prefix else "."
        out = subprocess.run([program, f"--benchmark_filter={pattern}", f"--benchmark_repetitions={REPETITIONS}",
                              "--benchmark_format=json"], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not out.stdout.strip():
            continue
        if out.returncode:
            sys.exit(f"bench: {program.name} ended with {out.returncode}")
        runs, skipped = {}, {}
        for run in json.loads(out.stdout)["benchmarks"]:
            if run.get("run_type") == "iteration":
                if run.get("error_occurred"):
                    skipped[run["run_name"].split("/")[0]] = run.get("error_message")
                    continue
                runs.setdefault(run["run_name"].split("/")[0], []).append(run)
        for name, why in skipped.items():
            print(f"SKIPPED {name}: {why}", file=sys.stderr, flush=True)
        for name, rows in runs.items():
            values = [row["value"] for row in rows]
            unit, _, conditions = rows[0].get("label", "").partition("; ")
            yield {"name": name, "value": float(f"{statistics.median(values):.4g}"), "unit": unit,
                   "spread": [float(f"{min(values):.4g}"), float(f"{max(values):.4g}")], "conditions": f"{conditions}; {machine()}"}


def grades():
    """Precision and recall for each condition and group of classes of the simulator, one run: they do not vary."""
    out = subprocess.run([SCORES, "--json"], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    for row in map(json.loads, out.splitlines()):
        for name in ("precision_ab", "precision", "recall", "order", "kind"):
            if row[name] is not None:
                yield {"name": f"engine.{name}.{row['condition']}.{row['group']}", "value": round(row[name], 6), "unit": "",
                       "spread": [row[name], row[name]], "conditions": row["conditions"]}


def look_back(sizes):
    """A figure a line, in the program's own words. Its folder leaves whatever happens."""
    sizes = (sizes + ["0.5", "20"][len(sizes):])[:2]
    for what, size in zip(("packets", "headers"), sizes):
        with tempfile.TemporaryDirectory(prefix="clew-look-back-") as folder:
            done = subprocess.run([ROOT / "build/release/bench/tools/vault_look_back", f"{folder}/vault", what, size],
                                  env={"PEERS": "1", **os.environ}, cwd=ROOT)
            if done.returncode:
                return done.returncode
    return 0


def main():
    if sys.argv[1:2] == ["look-back"]:
        return look_back(sys.argv[2:])
    as_json = "--json" in sys.argv[1:]
    names = [a for a in sys.argv[1:] if a != "--json"]
    if len(names) > 1 or any(n.startswith("-") for n in names):
        sys.exit(2 if print(__doc__, file=sys.stderr) is None else 2)
    any_figure = False
    name = names[0] if names else ""
    wanted = itertools.chain(figures(FOLDERS.get(name, name)), grades() if name == "nat-trace" else ())
    for figure in wanted:
        any_figure = True
        if as_json:
            print(json.dumps(figure), flush=True)
        else:
            low, high = figure["spread"]
            print(f"{figure['name']:44} {figure['value']:>12g} {figure['unit']:8} ({low:g} … {high:g})  {figure['conditions']}", flush=True)
    if not any_figure:
        print("bench: no figure of that name", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
