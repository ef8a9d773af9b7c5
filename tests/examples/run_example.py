#!/usr/bin/env python3
"""Runs a program and compares what it prints with a file, line by line; `*` in the file stands for any text.

Standard input is the file of the same name that ends in .in, where there is one. The program must end with 0.
"""

import pathlib
import re
import subprocess
import sys

program, expected_file = sys.argv[1], pathlib.Path(sys.argv[2])
input_file = expected_file.with_suffix(".in")
outcome = subprocess.run(
    [program], input=input_file.read_bytes() if input_file.exists() else b"", stdout=subprocess.PIPE, timeout=60
)
printed = outcome.stdout.decode()
print(printed, end="")
expected = expected_file.read_text()
pattern = ".*".join(re.escape(part) for part in expected.split("*"))
if not re.fullmatch(pattern, printed):
    sys.exit(f"this was expected instead:\n{expected}")
if outcome.returncode != 0:
    sys.exit(f"{program} ended with exit status {outcome.returncode}")
