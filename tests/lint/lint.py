#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house's rules that a compiler does not check. Prints one line a breach; exit 1 when there is one.

  include direction   nat-trace <- wire <- {dataplane, bpf, controlplane} <- cli; configs is a leaf
  names               no Manager, Helper, Util in type or file names
  licence             every source file starts with its SPDX line
  file lists          every .cpp is named in the CMakeLists.txt of its folder or of one above
  Markdown            every path and link that a document names exists
  format              clang-format leaves every file as it is
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAY_INCLUDE = {
    "nat-trace": {"nat-trace"},
    "configs": {"configs", "nat-trace"},
    "wire": {"wire", "configs", "nat-trace"},
    "dataplane": {"dataplane", "wire", "configs", "nat-trace"},
    "bpf": {"bpf", "wire", "configs", "nat-trace"},
    "controlplane": {"controlplane", "wire", "configs", "nat-trace"},
    "cli": {"cli", "controlplane", "dataplane", "bpf", "wire", "configs", "nat-trace"},
}
SOURCE = {".h", ".cpp", ".c"}
LICENCES = ("Apache-2.0", "GPL-2.0-only OR BSD-2-Clause")
breaches = []


def breach(path, line, words):
    breaches.append(f"{path}:{line}: {words}")


def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True, capture_output=True, check=True)
    return [pathlib.PurePosixPath(p) for p in out.stdout.splitlines() if (ROOT / p).is_file()]


def check_includes(path, lines):
    room = path.parts[0]
    if room not in MAY_INCLUDE:
        return
    for number, line in enumerate(lines, 1):
        found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not found:
            continue
        target = found[1].split("/")[0]
        if ".." in found[1]:
            breach(path, number, f"include by the path from the repository's root, not {found[1]}")
        elif target in MAY_INCLUDE and target not in MAY_INCLUDE[room]:
            breach(path, number, f"{room}/ must not include {target}/ (docs/ARCHITECTURE.md, the link direction)")


def check_names(path, lines):
    if re.search(r"(?i)(manager|helper|util)", path.name):
        breach(path, 1, "a file is named by what it is: not Manager, Helper, Util")
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(class|struct|namespace)\s+\w*(Manager|Helper|Util)", line, re.I):
            breach(path, number, "a type is named by what it is: not Manager, Helper, Util")


def check_licence(path, lines):
    head = "\n".join(lines[:3])
    if not any(f"SPDX-License-Identifier: {licence}" in head for licence in LICENCES):
        breach(path, 1, "no SPDX-License-Identifier line")
    if path.name.endswith(".bpf.c") and LICENCES[1] not in head:
        breach(path, 1, f"kernel-side programs are {LICENCES[1]}")


def check_file_lists(paths):
    for path in paths:
        if path.suffix != ".cpp":
            continue
        for folder in path.parents:
            lists = ROOT / folder / "CMakeLists.txt"
            if lists.is_file() and str(path.relative_to(folder)) in lists.read_text():
                break
        else:
            breach(path, 1, "is in no CMakeLists.txt")


def check_markdown(path, lines):
    fenced = False
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        names = re.findall(r"\]\(([^)#\s]+)[^)]*\)", line)
        if not fenced:
            names += re.findall(r"`([\w.-]+/[\w./-]*|[\w-]+\.(?:md|cpp|h|proto|py|yaml|c|cmake))`", line)
        for name in names:
            if re.match(r"\w+:", name) or name.startswith(("build/", ".run/", "/", "<")) or "…" in name:
                continue
            if not ((ROOT / name).exists() or (ROOT / path.parent / name).exists()):
                breach(path, number, f"names {name}, which does not exist")


def check_format(paths):
    files = [str(p) for p in paths if p.suffix in SOURCE]
    out = subprocess.run(["clang-format", "--dry-run", "--Werror", *files], cwd=ROOT, text=True, capture_output=True)
    seen = set()
    for line in out.stderr.splitlines():
        found = re.match(r"([^:]+):(\d+):\d+: error:", line)
        if found and found[1] not in seen:
            seen.add(found[1])
            breach(found[1], found[2], "not formatted; run ./dev format")


def main():
    paths = tracked()
    for path in paths:
        if path.suffix not in SOURCE | {".py", ".sh", ".md", ".proto", ".yaml", ".cmake", ".txt"} and path.name != "dev":
            continue
        lines = (ROOT / path).read_text(errors="replace").splitlines()
        if path.suffix == ".md":
            check_markdown(path, lines)
            continue
        check_licence(path, lines)
        if path.suffix in SOURCE:
            check_includes(path, lines)
            check_names(path, lines)
    check_file_lists(paths)
    check_format(paths)
    for line in breaches:
        print(line)
    print(f"lint: {len(paths)} files, {len(breaches)} breaches", file=sys.stderr)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
