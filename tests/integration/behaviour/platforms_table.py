#!/usr/bin/env python3
"""Checks that the README's table of platforms is what the codecs declare: `platforms_table.py [--write] ROOT PROGRAM`, where
PROGRAM prints the table."""
import pathlib
import subprocess
import sys

BEGIN = "<!-- tests/behaviour: begin -->"
END = "<!-- tests/behaviour: end -->"

root, program = sys.argv[-2:]
readme = pathlib.Path(root) / "README.md"
text = readme.read_text(encoding="utf-8")
if text.count(BEGIN) != 1 or text.count(END) != 1:
    sys.exit(f"README.md has no single table between '{BEGIN}' and '{END}'")
before, rest = text.split(BEGIN)
table, after = rest.split(END)
told = subprocess.run([program], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
wanted = "\n" + told
if "--write" in sys.argv:
    readme.write_text(before + BEGIN + wanted + END + after, encoding="utf-8")
elif table != wanted:
    here = pathlib.Path(__file__).resolve().relative_to(pathlib.Path(root).resolve())
    sys.exit(
        "the table of platforms in README.md is not what the codecs declare; this renews it:\n"
        f"    python3 {here} --write . {program}"
    )
