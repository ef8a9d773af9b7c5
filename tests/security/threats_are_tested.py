#!/usr/bin/env python3
"""Compares the threat tables of SECURITY.md with the tests that they name: each file is there, is compiled or run by its
meson.build, and has the test case that is told."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = ["Threat", "What holds it", "Test"]
REFERENCE = re.compile(r'`(tests/[^`]+)`(?:: "((?:[^"\\]|\\.)*)")?')
CASE = re.compile(r'TEST_CASE(?:_\w+)?\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def rows(text):
    """The rows of all tables that have the three columns of a threat table, each with its line's number."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            inside = False
        elif cells(line) == HEAD:
            inside = True
        elif inside and not set(line) <= set("|-: "):
            yield number, cells(line)


def cases(source):
    return {"".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found)) for found in CASE.findall(source)}


def wrong(path, name):
    """Says what is wrong with a reference; nothing: it holds."""
    file = ROOT / path
    if not file.is_file():
        return f"there is no file {path}"
    builds = [folder / "meson.build" for folder in (file.parent, *file.parent.parents) if (folder / "meson.build").is_file()]
    if not re.search(rf"'(?:[\w./]*/)?{re.escape(file.stem)}(?:{re.escape(file.suffix)})?'", builds[0].read_text()):
        return f"no {builds[0].relative_to(ROOT)} has {path}"
    if file.parent.name == "compile_fail" or file.suffix != ".cpp":
        return f"{path} has no test cases to name" if name else None
    if not name:
        return f'say which test case of {path} it is, as in `{path}`: "name"'
    if name not in cases(file.read_text()):
        return f'{path} has no test case "{name}"'
    return None


text = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "SECURITY.md").read_text()
bad = []
tested = 0
for number, row in rows(text):
    if len(row) != len(HEAD) or not all(row):
        bad.append(f"{number}: a threat has three columns, and none of them is empty")
        continue
    found = REFERENCE.findall(row[2])
    tested += len(found)
    if not found:
        bad.append(f"{number}: no test is named for: {row[0]}")
    elif REFERENCE.sub("", row[2]).replace("<br>", "").strip():
        bad.append(f"{number}: beside tests stands: {REFERENCE.sub('', row[2]).replace('<br>', '').strip()}")
    bad += [f"{number}: {why}" for why in (wrong(path, name) for path, name in found) if why]
if not tested:
    bad.append("there is no threat table")
if bad:
    sys.exit("\n".join(f"SECURITY.md:{line}" if line[0].isdigit() else f"SECURITY.md: {line}" for line in bad))
print(f"{tested} tests are named, and all of them are there")
