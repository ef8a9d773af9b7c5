#!/usr/bin/env python3
"""Runs those tests of a program that need somebody else's program: with_program.py VARIABLE WHERE PROGRAM ARGUMENT...
VARIABLE tells the tests where it is; WHERE is a path, or a name that is looked for. Exit status 77, and why, without."""
import os
import shutil
import sys

variable, where, program, *arguments = sys.argv[1:]
found = where if os.path.exists(where) else shutil.which(where)
if not found or ("node_modules" in where and not shutil.which("node")):
    print(f"SKIPPED: {os.path.basename(where)} is not here" + (" or Node.js is not" if found else ""))
    sys.exit(77)
os.environ[variable] = found
os.execvp(program, [program, *arguments])
