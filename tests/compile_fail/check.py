#!/usr/bin/env python3
"""Checks that a file compiles with -DCONTROL, and without it fails with a short message that helps.

The message is what a user sees: it must hold all words of the file's `// expect:` lines, within MOST_LINES lines, notes
and quoted source lines included. Only clang's list of every `operator<<` of the standard library is cut to the nearest.
"""

import argparse
import pathlib
import re
import subprocess
import sys

MOST_LINES = 60

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--precompiled", type=pathlib.Path, help="the precompiled header that the compiler takes in first")
parser.add_argument("source", type=pathlib.Path)
parser.add_argument("compiler", nargs="+", help="the compiler and its flags")
args = parser.parse_args()

expected = re.findall(r"^// expect: (.+?)\s*$", args.source.read_text(), re.MULTILINE)
if not expected or not args.source.read_text().startswith("// expect: "):
    sys.exit(f"{args.source}: the first line must be '// expect: WORDS'")


flags = ["-fsyntax-only", "-fdiagnostics-color=never"]
version = subprocess.run([*args.compiler, "--version"], capture_output=True, text=True).stdout
if "clang" in version:
    flags.append("-fshow-overloads=best")
if args.precompiled:
    # g++ is told the name without .gch, and says nothing where it cannot use the file but by this warning.
    flags += ["-include-pch", str(args.precompiled)] if "clang" in version else [
        "-Winvalid-pch", "-Werror=invalid-pch", "-include", str(args.precompiled.with_suffix(""))]


def compile_it(*more):
    command = [*args.compiler, *flags, *more, str(args.source)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


right = compile_it("-DCONTROL")
if right.returncode != 0:
    sys.exit(f"{right.stdout}\n{args.source}: the right twin (-DCONTROL) does not compile")

wrong = compile_it()
print(wrong.stdout)
if wrong.returncode == 0:
    sys.exit(f"{args.source}: the wrong use compiles")
missing = [words for words in expected if words not in wrong.stdout]
if missing:
    sys.exit(f"{args.source}: the message lacks {missing}")
lines = len(wrong.stdout.splitlines())
if lines > MOST_LINES:
    sys.exit(f"{args.source}: the message has {lines} lines, more than {MOST_LINES}")
print(f"refused with the expected words in {lines} lines")
