#!/usr/bin/env python3
"""Compares the files of this directory with the names that meson.build lists."""

import pathlib
import sys

unlisted = {path.stem for path in pathlib.Path(__file__).parent.glob("*.cpp")} - set(sys.argv[1:])
if unlisted:
    sys.exit(f"add to the list in tests/compile_fail/meson.build: {', '.join(sorted(unlisted))}")
