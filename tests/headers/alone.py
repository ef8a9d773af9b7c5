#!/usr/bin/env python3
"""Compiles every public header of one folder alone, and twice in one file."""

import argparse
import pathlib
import subprocess
import sys
import tempfile

from public_headers import public_headers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--include", required=True, help="the include directory")
parser.add_argument("--folder", required=True, help="a folder below blueprint/faas; '.' for the headers beside them")
parser.add_argument("--doors", help="the headers by which users come in, parted by commas: of the others, whose code is "
                    "compiled with these, what they declare is compiled alone; nothing: all are doors")
parser.add_argument("compiler", nargs="+", help="the compiler and its flags")
args = parser.parse_args()

folder = pathlib.PurePosixPath("blueprint/faas") / args.folder
wanted = [
    header
    for header in public_headers(args.include)
    if pathlib.PurePosixPath(header).parent == folder
    or (args.folder == "." and pathlib.PurePosixPath(header).parent == pathlib.PurePosixPath("blueprint"))
]
if not wanted:
    sys.exit(f"no public header in {folder}: remove it from the list in tests/headers/meson.build")

DECLARATIONS = [f"-D{name}_SEPARATE_COMPILATION" for name in ("BLUEPRINT_FAAS", "BOOST_ASIO", "BOOST_BEAST")]
failed = []
with tempfile.TemporaryDirectory() as scratch:
    source = pathlib.Path(scratch) / "alone.cpp"
    for header in wanted:
        # -Werror: a header that warns in a user's file is broken, whatever this build allows itself.
        source.write_text(f'#include "{header}"\n#include "{header}"\n')
        part = args.doors is not None and pathlib.PurePosixPath(header).name not in args.doors.split(",")
        command = [*args.compiler, *(DECLARATIONS if part else []), "-Werror", "-fsyntax-only", f"-I{args.include}",
                   str(source)]
        outcome = subprocess.run(command, capture_output=True, text=True)
        print(f"{'ok' if outcome.returncode == 0 else 'FAILED'}: {header}", flush=True)
        if outcome.returncode != 0:
            failed.append(header)
            print(outcome.stdout + outcome.stderr)
if failed:
    sys.exit(f"{len(failed)} of {len(wanted)} headers do not compile alone: {', '.join(failed)}")
