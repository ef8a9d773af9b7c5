#!/usr/bin/env python3
"""Checks that the README's program is examples/00_readme.cpp to the letter: `readme.py [--write] ROOT`."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[-1])
readme = root / "README.md"
text = readme.read_text()
program = (root / "examples" / "00_readme.cpp").read_text().strip()
block = re.compile(r"```cpp\n.*?\n```", re.S)
found = block.findall(text)
if len(found) != 1:
    sys.exit(f"README.md has {len(found)} C++ blocks; this check knows of one, the program to paste")
wanted = "```cpp\n" + program + "\n```"
if "--write" in sys.argv:
    readme.write_text(text.replace(found[0], wanted))
elif found[0] != wanted:
    sys.exit("the program in README.md differs from examples/00_readme.cpp: run this script with --write")
