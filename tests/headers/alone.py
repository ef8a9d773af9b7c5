#!/usr/bin/env python3
"""Compiles every public header of one folder alone, and twice in one file.

What most of them include is read from a precompiled header. That changes nothing of what is looked for: only a header that
includes it anyway begins with it, and it has to compile alone as well.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

from public_headers import public_headers

OURS = pathlib.PurePosixPath("blueprint/faas")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--include", required=True, type=pathlib.Path, help="the include directory")
parser.add_argument("--folder", required=True, help="a folder below blueprint/faas; '.' for the headers beside them")
parser.add_argument("--doors", help="the headers by which users come in, parted by commas: of the others, whose code is "
                    "compiled with these, what they declare is compiled alone; nothing: all are doors")
parser.add_argument("--common", default="error.hpp", help="headers below blueprint/faas that many of these include, parted "
                    "by commas, the one with the most in it first: precompiled")
parser.add_argument("compiler", nargs="+", help="the compiler and its flags")
args = parser.parse_args()

folder = OURS / args.folder
wanted = [
    header
    for header in public_headers(args.include)
    if pathlib.PurePosixPath(header).parent == folder
    or (args.folder == "." and pathlib.PurePosixPath(header).parent == pathlib.PurePosixPath("blueprint"))
]
if not wanted:
    sys.exit(f"no public header in {folder}: remove it from the list in tests/headers/meson.build")

DECLARATIONS = [f"-D{name}_SEPARATE_COMPILATION" for name in ("BLUEPRINT_FAAS", "BOOST_ASIO", "BOOST_BEAST")]
COMMON = [str(OURS / name) for name in args.common.split(",")]
INCLUDE = re.compile(r'^#include ["<](blueprint/[^">]+)[">]', re.MULTILINE)
known = {}


def reached(header):
    """All of ours that `header` includes in both ways of compiling the library, at whatever depth."""
    if header not in known:
        known[header] = set()
        for name in INCLUDE.findall((args.include / header).read_text()):
            # What is compiled apart is included under a condition.
            if not name.endswith(".ipp"):
                known[header] |= {name} | reached(name)
    return known[header]


def precompiled(scratch, header, defines):
    """The options that let a file begin with `header`; ends the test if it does not compile."""
    place = scratch / ("apart" if defines else "whole") / header
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f'#include "{header}"\n')
        outcome = subprocess.run([*args.compiler, *defines, f"-I{args.include}", "-x", "c++-header", str(place),
                                  "-o", f"{place}.gch"], capture_output=True, text=True)
        print(f"{'ok' if outcome.returncode == 0 else 'FAILED'}: {header}, to be precompiled", flush=True)
        if outcome.returncode != 0:
            sys.exit(outcome.stdout + outcome.stderr)
    return ["-Winvalid-pch", "-include", str(place)]


failed = []
used = set()
with tempfile.TemporaryDirectory() as directory:
    scratch = pathlib.Path(directory)
    for header in wanted:
        part = args.doors is not None and pathlib.PurePosixPath(header).name not in args.doors.split(",")
        options = DECLARATIONS if part else []
        first = next((each for each in COMMON if each in reached(header)), None)
        if first:
            used.add(first)
            options = options + precompiled(scratch, first, options)
        source = scratch / "alone.cpp"
        source.write_text(f'#include "{header}"\n#include "{header}"\n')
        # -Werror: a header that warns in a user's file is broken, whatever this build allows itself.
        outcome = subprocess.run([*args.compiler, "-Werror", f"-I{args.include}", *options, "-fsyntax-only", str(source)],
                                 capture_output=True, text=True)
        print(f"{'ok' if outcome.returncode == 0 else 'FAILED'}: {header}", flush=True)
        if outcome.returncode != 0:
            failed.append(header)
            print(outcome.stdout + outcome.stderr)
if failed:
    sys.exit(f"{len(failed)} of {len(wanted)} headers do not compile alone: {', '.join(failed)}")
if unused := set(COMMON) - used:
    sys.exit(f"no header of {folder} begins with {', '.join(sorted(unused))}: correct the list in tests/headers/meson.build")
