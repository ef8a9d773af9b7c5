#!/usr/bin/env python3
"""Refuses what should stand in no file of the project: a builder's own directories, merge marks, Windows line ends, and
coroutines of the library about which a compiler would warn its users falsely (detail/declare.hpp)."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Patterns are put together from parts, so that this file passes its own check.
REFUSED = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:" + "|".join(["home", "work", "root", "Users"]) + r")/\w"),
    "a merge mark": re.compile("^(?:" + "|".join(mark * 7 for mark in "<>") + ") "),
    "blanks at the end of a line": re.compile(r"[ \t\r]+$"),
    "unfinished work": re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b"),
}
NOT_OURS = {"LICENSE-APACHE", "LICENSE-MIT"}
COROUTINE = re.compile(r"^(?:(?!//).)*\bco_(?:await|return|yield)\b", re.MULTILINE)
AROUND_COROUTINES = re.compile(r"^BLUEPRINT_FAAS_COROUTINES_BEGIN\n.*^BLUEPRINT_FAAS_COROUTINES_END$", re.MULTILINE | re.DOTALL)
CORPUS = ROOT / "tests/fuzz/corpus"  # bytes as parsers meet them


def files():
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True
    )
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(part.startswith("build") or part == ".git" for part in path.relative_to(ROOT).parts[:-1])
    ]


bad = 0
for path in sorted(files()):
    if path.name in NOT_OURS or CORPUS in path.parents or not path.is_file():
        continue
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        continue  # a corpus or a picture
    if text and not text.endswith("\n"):
        print(f"{path.relative_to(ROOT)}: no newline at the end")
        bad += 1
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in REFUSED.items():
            if pattern.search(line):
                print(f"{path.relative_to(ROOT)}:{number}: {what}")
                bad += 1
    if ROOT / "include" in path.parents and COROUTINE.search(text) and not AROUND_COROUTINES.search(text):
        print(f"{path.relative_to(ROOT)}: coroutines without BLUEPRINT_FAAS_COROUTINES_BEGIN and _END around them")
        bad += 1
sys.exit(1 if bad else 0)
