#!/usr/bin/env python3
"""report.py ROOT BUILD [--lines FILE]: merges what the tests of BUILD left in BUILD/profiles and says what they reached.

A line or a branch in a template counts as reached if it is in any one of its instances; a template that nobody uses has
no code and does not count. `llvm-cov report` takes the best single instance instead, so its figures are lower."""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys

LINE_BAR, BRANCH_BAR = 95.0, 85.0
INCLUDE = "include/blueprint/faas/"
VERSION = os.environ.get("LLVM_VERSION", "-19")


def programs(build):
    """What has a profile can be any program of the tests: a child of a test too."""
    found = []
    for path in sorted(build.rglob("*")):
        if path.is_file() and not path.is_symlink() and "meson-private" not in path.parts and os.access(path, os.X_OK) and path.suffix not in (".so", ".a", ".o", ".py"):
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    found.append(path)
    return found


def export(root, build):
    profiles = sorted(str(path) for path in (build / "profiles").glob("*.profraw"))
    if not profiles:
        sys.exit("nothing has run: there is no profile")
    merged = build / "coverage.profdata"
    subprocess.run([f"llvm-profdata{VERSION}", "merge", "-sparse", "--failure-mode=all", *profiles, "-o", str(merged)], check=True)
    first, *others = [str(path) for path in programs(build)]
    command = [f"llvm-cov{VERSION}", "export", "-format=text", "-skip-functions", f"-instr-profile={merged}", first]
    for other in others:
        command += ["-object", other]
    told = subprocess.run([*command, str(root / INCLUDE)], check=True, stdout=subprocess.PIPE, cwd=build)
    return json.loads(told.stdout)["data"][0]["files"]


def lines_of(segments):
    """How often each line ran, as llvm-cov counts it (LineCoverageStats)."""
    counts = {}
    if not segments:
        return counts
    by_line = collections.defaultdict(list)
    for line, _, count, has_count, is_entry, is_gap in segments:
        by_line[line].append((count, has_count, is_entry, is_gap))
    wrapped = None
    for line in range(segments[0][0], segments[-1][0] + 1):
        here = by_line.get(line, [])
        entries = [one for one in here if one[1] and one[2] and not one[3]]
        skipped = bool(here) and not here[0][1] and here[0][2]
        if not skipped and ((wrapped is not None and wrapped[1]) or entries):
            count = wrapped[0] if wrapped is not None else 0
            counts[line] = max([count, *(one[0] for one in entries)])
        if here:
            wrapped = here[-1]
    return counts


def branches_of(branches, text):
    """{(line, column, what): reached} for both ways of each condition, all instances of a template taken together."""
    counts = collections.defaultdict(lambda: [0, 0])
    for line, column, _, _, true, false, *_ in branches:
        # What the compiler decides is no branch of the program.
        if re.search(r"if constexpr \($", text[line - 1][:column - 1]) or (line, column) == (0, 0):
            continue
        counts[line, column][0] += true
        counts[line, column][1] += false
    out = {}
    for (line, column), (true, false) in counts.items():
        out[line, column, "true"] = true > 0
        out[line, column, "false"] = false > 0
    return out


def left_out(root):
    """`FILE: the line ## why nothing can reach it`"""
    found = collections.defaultdict(dict)
    for number, line in enumerate((root / "tests/coverage/unreachable.txt").read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        what, _, why = line.partition(" ## ")
        file, _, text = what.partition(": ")
        if not why or not text:
            sys.exit(f"unreachable.txt:{number}: no reason, or no line")
        found[file][text.strip()] = why
    return found


def measure(root, build):
    files, used, reasons = {}, set(), left_out(root)
    for file in export(root, build):
        if INCLUDE not in file["filename"]:
            continue
        name = file["filename"].split(INCLUDE)[-1]
        path = root / INCLUDE / name
        if not path.is_file():
            continue
        text = path.read_text().splitlines()
        out = {number for number, line in enumerate(text, 1) if line.strip() in reasons.get(name, {})}
        used |= {(name, text[number - 1].strip()) for number in out}
        lines = {line: count > 0 for line, count in lines_of(file["segments"]).items() if line not in out}
        branches = {where: taken for where, taken in branches_of(file.get("branches", []), text).items() if where[0] not in out}
        known_lines, known_branches = files.setdefault(name, ({}, {}))
        for line, reached in lines.items():
            known_lines[line] = known_lines.get(line, False) or reached
        for where, reached in branches.items():
            known_branches[where] = known_branches.get(where, False) or reached
    for name, texts in reasons.items():
        for text in texts:
            if (name, text) not in used:
                print(f"unreachable.txt: {name} has no line \"{text}\" any more", file=sys.stderr)
    return files


def share(values):
    return 100 * sum(values) / len(values) if values else 100.0


def row(name, lines, branches):
    return f"{name:<44} {share(lines):6.2f} % of {len(lines):6} lines  {share(branches):6.2f} % of {len(branches):6} branches"


def main():
    root, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    files = measure(root, build)
    if sys.argv[3:4] == ["--lines"]:
        wanted = sys.argv[4].split(INCLUDE)[-1]
        lines, branches = files.get(wanted) or sys.exit(f"{wanted}: not measured")
        text = (root / INCLUDE / wanted).read_text().splitlines()
        missing = sorted(line for line, reached in lines.items() if not reached)
        half = collections.defaultdict(list)
        for (line, column, way), reached in sorted(branches.items()):
            if not reached and line not in missing:
                half[line].append(f"{column} never {way}")
        for line in sorted({*missing, *half}):
            print(f"{line:5} {'-' if line in missing else '~'} {text[line - 1]}" + (f"    [{', '.join(half[line])}]" if line in half else ""))
        return 0
    folders = collections.defaultdict(lambda: ([], []))
    low = []
    for name, (lines, branches) in sorted(files.items()):
        for folder in ("all", str(pathlib.PurePath(name).parent).removesuffix("/impl") if "/" in name else "."):
            folders[folder][0].extend(lines.values())
            folders[folder][1].extend(branches.values())
        if share(list(lines.values())) < LINE_BAR or share(list(branches.values())) < BRANCH_BAR:
            low.append(row(name, list(lines.values()), list(branches.values())))
    every = folders.pop("all")
    if low:
        print(f"below {LINE_BAR:g} % of lines or {BRANCH_BAR:g} % of branches:")
        print("\n".join("  " + one for one in low))
    print("by directory:")
    for folder in sorted(folders):
        print("  " + row(folder, *folders[folder]))
    print("  " + row("total", *every))
    met = share(every[0]) >= LINE_BAR and share(every[1]) >= BRANCH_BAR
    print(f"line {share(every[0]):.2f} % (bar {LINE_BAR:g} %), branch {share(every[1]):.2f} % (bar {BRANCH_BAR:g} %): "
          + ("both bars are met" if met else "NOT both bars are met"))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
