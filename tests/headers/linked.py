#!/usr/bin/env python3
"""linked.py NM COMPILED PROGRAM: runs the program, which is linked with what was compiled of a file that includes every
public header, and looks through that, an archive or an object file: what a header defines in it has to be weak, so that any
number of a program's files can include it. Anything else but the file's own function is defined twice in a program of two
files."""
import subprocess
import sys

nm, compiled, program = sys.argv[1:]
listed = subprocess.run([nm, "--demangle", "--extern-only", "--defined-only", compiled], check=True, capture_output=True, text=True)
strong, weak = [], 0
for line in listed.stdout.splitlines():
    kind, _, name = line.partition(" ")[2].partition(" ")
    if len(kind) != 1:
        continue
    if kind in "WVu":
        weak += 1
    else:
        strong.append(name)
own = "category_seen_here()"
if own not in strong:
    sys.exit(f"{compiled} does not have {own}: it is not the file with all headers")
if len(strong) > 1:
    sys.exit("not inline, in a header: " + ", ".join(name for name in strong if name != own))
print(f"{weak} weak symbols, no other one")
sys.exit(subprocess.run([program]).returncode)
