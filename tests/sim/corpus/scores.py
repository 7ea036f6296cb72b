#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Grades the engine on generated corpora: every class under every condition.

For each condition a mixed corpus of all classes is generated, replayed and graded. A figure of scores_wanted.txt that is
a gate (marked with !) and does not hold makes this fail; figures that do not hold yet are printed as "not yet".
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CORPUS_BEGINS_NS = 1_700_000_000 * 10**9  # clew-sim's; drifts count from there
FIGURES = ("precision_ab", "precision", "recall", "order", "kind", "found")  # found: the share of legs that were not missed


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], check=False, text=True, capture_output=True, **options)
    if done.returncode not in (0, 4):  # 4: partial
        sys.exit(f"{' '.join(map(str, command))} failed with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def listed(sim):
    classes, conditions = {}, ["clean"]
    for line in run(sim, "--list").splitlines():
        kind, name, *rest = line.split("\t")
        if kind == "class":
            classes[name] = rest[0]
        else:
            conditions.append(name)
    return classes, conditions


def by_group(truth, groups, folder):
    """The same truth with each class replaced by its group, so that one scorer grades both."""
    folder.mkdir()
    with open(truth) as source, open(folder / "truth.jsonl", "w") as out:
        for line in source:
            connection = json.loads(line)
            connection["class"] = groups.get(connection["class"], "hard")
            out.write(json.dumps(connection) + "\n")


def grade_clocks(corpus, answer):
    """(links with a clock offset, of them right within their bound, of them bounded by their own packets' round trip)."""
    with open(corpus / "injected.jsonl") as lines:
        rows = [row for row in map(json.loads, lines) if row["what"] == "clock"]
    clocks = {row["tap"]: (row["offset_ns"], row["drift_ppm"] * 1e-6) for row in rows}
    told = right = tight = 0
    for path in map(json.loads, answer.read_text().splitlines()):
        for link in path["links"]:
            if "clock" not in link:
                continue
            ends = [path["legs"][link[end]] for end in ("from", "to")]
            now = ends[0]["first_ns"] - clocks[ends[0]["tap"]][0] - CORPUS_BEGINS_NS
            shown = [offset + drift * now for offset, drift in (clocks[end["tap"]] for end in ends)]
            delays = [one["min_ns"] for one in link["delay"].values()]
            told += 1
            right += abs(link["clock"]["offset_ns"] - (shown[1] - shown[0])) <= link["clock"]["error_ns"]
            tight += len(delays) < 2 or link["clock"]["error_ns"] <= sum(delays)
    return told, right, tight


def grade(condition, options, groups):
    programs = options.bin
    with tempfile.TemporaryDirectory(prefix="clew-scores-") as name:
        folder = pathlib.Path(name)
        run(programs / "tests/clew-sim", "--connections", options.connections, "--rate", options.rate, "--seed", options.seed,
            "--condition", condition, "-o", folder / "corpus")
        answer = folder / "answer.jsonl"
        answer.write_text(run(programs / "bin/clew", "replay", "--format", "jsonl", folder / "corpus"))
        if options.keep:
            keep = options.keep / condition
            keep.mkdir(parents=True, exist_ok=True)
            run("cp", "-r", folder / "corpus", answer, keep)
        classes = json.loads(run(programs / "tests/clew-score", "--json", folder / "corpus", answer))
        by_group(folder / "corpus/truth.jsonl", groups, folder / "groups")
        grouped = json.loads(run(programs / "tests/clew-score", "--json", folder / "groups", answer))
        return classes, grouped, grade_clocks(folder / "corpus", answer)


def read_wanted(path):
    """(condition, group) -> {figure: (at least, whether it is a gate)}"""
    rows = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            condition, group, *figures = line.split()
            rows[condition, group] = {f: (float(v.rstrip("!")), v.endswith("!")) for f, v in zip(FIGURES, figures) if v != "-"}
    return rows


def write_wanted(path, rows):
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    body = []
    for (condition, group), goals in rows.items():
        cells = [f"{goals[f][0]:g}" + "!" * goals[f][1] if f in goals else "-" for f in FIGURES]
        body.append(f"{condition:16}{group:10}" + "".join(f"{c:>9}" for c in cells))
    path.write_text("\n".join(head + body) + "\n")


def cell(value):
    return "-" if value is None else f"{value:.4f}"


def compare(row, goals):
    """Words on the gates that fail, and on what is wanted and not there yet."""
    failed, waiting = [], []
    for figure, (least, is_gate) in goals.items():
        if row[figure] is not None and row[figure] < least:
            (failed if is_gate else waiting).append(f"{figure} {row[figure]:.4f} < {least:g}")
    return failed, waiting


def command_line(options):
    return (f"tests/sim/corpus/scores.py --connections {options.connections} --rate {options.rate} --seed {options.seed}")


def markdown(results, wanted, options):
    lines = ["# How often NAT tracing is right", "",
             "Made by", "", f"    {command_line(options)} --markdown docs/NAT_TRACING_SCORES.md", "",
             "`clew-sim` writes one mixed corpus of all classes for each condition, `clew replay` links it, `clew-score` grades",
             "it. `clew-sim --list` describes the classes, their groups and the conditions; what is wanted stands in",
             "`tests/sim/corpus/scores_wanted.txt`. The generator knows nothing of the engine: it models hosts and gateways.", "",
             "## By condition and group of classes", "",
             "| condition | group | precision A+B | precision | recall | order | kind | legs found | wanted, not there yet |",
             "|---|---|---|---|---|---|---|---|---|"]
    for condition, (_, groups, _) in results.items():
        for group, row in sorted(groups.items()):
            failed, waiting = compare(row, wanted.get((condition, group), {}))
            lines.append(f"| {condition} | {group} | " + " | ".join(cell(row[f]) for f in FIGURES) + f" | {', '.join(failed + waiting)} |")
    for condition, (_, _, (told, right, tight)) in results.items():
        if told:
            lines += ["", f"Condition `{condition}`: {told} clock offsets told, {100 * right / told:.4g} % right within their bound, "
                      f"{100 * tight / told:.4g} % bounded by no more than the link's own quickest round trip."]
    names = sorted({name for classes, _, _ in results.values() for name in classes} - {"all"})
    for title, figure in (("Recall", "recall"), ("Precision", "precision"), ("Precision of links of grade A and B", "precision_ab")):
        lines += ["", f"## {title} by class and condition", "", "Percent; `-`: nothing was linked, or there is nothing to link.", "",
                  "| class | " + " | ".join(results) + " |", "|---" * (len(results) + 1) + "|"]
        for name in names:
            values = [classes.get(name, {}).get(figure) for classes, _, _ in results.values()]
            lines.append(f"| {name} | " + " | ".join("-" if v is None else f"{100 * v:.4g}" for v in values) + " |")
    return "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, default=HERE.parents[2] / "build/release", help="the build folder")
    parser.add_argument("--connections", type=int, default=2520)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--conditions", help="only these, divided by blanks; one may combine some: 'clean loss,clocks'")
    parser.add_argument("--wanted", type=pathlib.Path, default=HERE / "scores_wanted.txt")
    parser.add_argument("--classes", action="store_true", help="print each class as well")
    parser.add_argument("--markdown", type=pathlib.Path, help="write the tables to this file")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the corpora and answers in this folder")
    parser.add_argument("--json", action="store_true", help="print one object for each condition and group instead of the table")
    parser.add_argument("--ratchet", action="store_true", help="make gates of the figures that hold now, in the wanted file")
    return parser.parse_args()


def main():
    options = arguments()
    groups, conditions = listed(options.bin / "tests/clew-sim")
    conditions = options.conditions.split() if options.conditions else conditions
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = dict(zip(conditions, pool.map(lambda c: grade(c, options, groups), conditions)))
    for scores in results.values():
        for row in list(scores[0].values()) + list(scores[1].values()):
            row["found"] = 1 - row["legs_missed"] / row["legs"] if row["legs"] else None
    wanted, failures, waits, risen = read_wanted(options.wanted), [], [], 0
    if options.json:
        for condition, (_, grouped, _) in results.items():
            for name, row in sorted(grouped.items()):
                print(json.dumps({"condition": condition, "group": name, **{f: row[f] for f in FIGURES},
                                  "conditions": f"seed {options.seed}, {options.connections} connections, {options.rate:g} a second"}))
        return 0
    print(f"{'condition':18}{'group/class':26}" + "".join(f"{f.replace('precision_ab', 'A+B'):>10}" for f in FIGURES))
    for condition, (classes, grouped, _) in results.items():
        for name, row in sorted(grouped.items()) + (sorted(classes.items()) if options.classes else []):
            goals = wanted.get((condition, name), {})
            failed, waiting = compare(row, goals)
            failures += [f"{condition} {name}: {text}" for text in failed]
            waits += [f"{condition} {name}: {text}" for text in waiting]
            for figure, (least, is_gate) in goals.items():
                if not is_gate and row[figure] is not None and row[figure] >= least:
                    risen += 1
                    goals[figure] = (least, options.ratchet)
            print(f"{condition:18}{name:26}" + "".join(f"{cell(row[f]):>10}" for f in FIGURES) +
                  ("  FAILS " if failed else "  not yet " if waiting else "") + ", ".join(failed + waiting))
    for condition, (_, _, (told, right, tight)) in results.items():
        if not told:
            continue
        print(f"{condition:18}clock offsets: {told} told, {right / told:.4f} right within their bound, "
              f"{tight / told:.4f} bounded by the link's own round trip")
        failures += [f"{condition}: clock offsets right {right / told:.4f} < 0.99"] if right < 0.99 * told else []
        failures += [f"{condition}: clock offsets as tight as the round trip {tight / told:.4f} < 0.99"] if tight < 0.99 * told else []
    if options.ratchet:
        write_wanted(options.wanted, wanted)
    elif risen:
        print(f"{risen} figures hold that are no gates yet: --ratchet makes them gates", file=sys.stderr)
    if options.markdown:
        options.markdown.write_text(markdown(results, wanted, options))
    for title, rows in (("NOT YET", waits), ("GATE FAILS", failures)):
        for text in rows:
            print(f"{title}: {text}", file=sys.stderr)
    print(f"{len(failures)} gates fail, {len(waits)} figures are not there yet", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
