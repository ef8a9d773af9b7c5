#!/usr/bin/env python3
"""Compiles every public header of one folder alone, and twice in one file.

Headers that include much of the same are taken together, and just that is read from a precompiled header. It changes nothing
of what is looked for: each of them includes all of it anyway, by itself or by what it includes of ours, which has to
compile alone as well.
"""

import argparse
import functools
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
parser.add_argument("--parts-by", help="the clang that compiles what is no door, instead of the compiler: it reads back what "
                    "was precompiled in less time than g++")
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
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<][^">]+[">])', re.MULTILINE)


def search_path():
    """Where the compiler looks for headers."""
    told = subprocess.run([*args.compiler, f"-I{args.include}", "-E", "-v", "-x", "c++", "/dev/null"], capture_output=True,
                          text=True).stderr
    listed = told[told.index("#include <...> search starts here:"):told.index("End of search list.")]
    return [pathlib.Path(line.strip()) for line in listed.splitlines()[1:]]


PATH = search_path()


@functools.cache
def found(name):
    return next((place / name for place in PATH if (place / name).is_file()), None)


@functools.cache
def includes(path):
    # What is not there is the compiler's to complain of.
    return frozenset(INCLUDE.findall(path.read_text(errors="replace")) if path else ())


def is_ours(name):
    return name[1:].startswith("blueprint/")


@functools.cache
def reached(name):
    """What `name` includes in both ways of compiling the library: of ours at whatever depth, of others' what ours names."""
    seen, open_ = set(), [name]
    while open_:
        # What is compiled apart is included under a condition.
        for each in includes(found(open_.pop()[1:-1])):
            if each not in seen and not each.endswith('.ipp"'):
                seen.add(each)
                open_ += [each] if is_ours(each) else []
    return frozenset(seen - {name})


@functools.cache
def files_of(name):
    """All files that may be read for `name`, at whatever depth: a guess at what it costs."""
    seen, open_ = set(), [name[1:-1]]
    while open_:
        path = found(open_.pop())
        if path and path not in seen:
            seen.add(path)
            open_ += [each[1:-1] for each in includes(path)]
    return frozenset(seen)


@functools.cache
def size(path):
    return path.stat().st_size


@functools.cache
def cost(names):
    """Bytes that may be read for `names`."""
    return sum(size(path) for path in frozenset().union(*(files_of(name) for name in names)))


class Group:
    """Headers, and what they have in common."""

    def __init__(self, headers, common):
        self.headers = headers
        self.common = common
        # To write what was read, and to read it back, cost a part of reading it first.
        shared = cost(common) if len(headers) > 1 else 0
        self.cost = 1.4 * shared + sum(cost(frozenset({f'"{header}"'})) - 0.9 * shared for header in headers)


def umbrella(header):
    """Whether `header` has nothing of its own."""
    return not re.sub(r"//.*|^[ \t]*#.*", "", (args.include / header).read_text(), flags=re.MULTILINE).strip()


def groups_of(headers):
    """Parts `headers` into groups, joining two as long as that saves something."""
    groups = [Group([header], reached(f'"{header}"')) for header in headers]
    while len(groups) > 1:
        best, pair = 0, None
        for at, one in enumerate(groups):
            for other in groups[:at]:
                joined = Group(one.headers + other.headers, one.common & other.common)
                saved = one.cost + other.cost - joined.cost
                if saved > best:
                    best, pair = saved, (one, other, joined)
        if not pair:
            break
        groups = [group for group in groups if group not in pair[:2]] + [pair[2]]
    return groups


def precompiled(compiler, scratch, number, common, options):
    """The options that let a file begin with `common`; ends the test if it does not compile."""
    place = scratch / f"common_{number}.hpp"
    place.write_text("".join(f"#include {name}\n" for name in sorted(common)))
    outcome = subprocess.run([*compiler, *options, f"-I{args.include}", "-x", "c++-header", str(place),
                              "-o", f"{place}.gch"], capture_output=True, text=True)
    if outcome.returncode != 0:
        sys.exit(f"{place.read_text()}\n{outcome.stdout}{outcome.stderr}\nthese do not compile in one file")
    return ["-Winvalid-pch", "-include", str(place)]


failed = []
with tempfile.TemporaryDirectory() as directory:
    scratch = pathlib.Path(directory)
    # Of what has nothing of its own, the parts are doors.
    doors = [header for header in wanted if not umbrella(header)
             and (args.doors is None or pathlib.PurePosixPath(header).name in args.doors.split(","))]
    parts = [header for header in wanted if header not in doors]
    # What templates make of what is common is made once, and not at the end of each file.
    flags = args.compiler[next(at for at, word in enumerate(args.compiler) if word.startswith("-")):]
    other = [*args.parts_by.split(), *flags, "-fpch-instantiate-templates"] if args.parts_by else args.compiler
    ways = [(group, args.compiler, []) for group in groups_of(doors)]
    ways += [(group, other, DECLARATIONS) for group in groups_of(parts)]
    for number, (group, compiler, options) in enumerate(ways):
        if len(group.headers) > 1 and group.common:
            print(f"{len(group.headers)} headers with {len(group.common)} includes in common:", flush=True)
            options = options + precompiled(compiler, scratch, number, group.common, options)
        for header in group.headers:
            source = scratch / "alone.cpp"
            source.write_text(f'#include "{header}"\n#include "{header}"\n')
            # -Werror: a header that warns in a user's file is broken, whatever this build allows itself.
            outcome = subprocess.run([*compiler, "-Werror", f"-I{args.include}", *options, "-fsyntax-only", str(source)],
                                     capture_output=True, text=True)
            print(f"{'ok' if outcome.returncode == 0 else 'FAILED'}: {header}", flush=True)
            if outcome.returncode != 0:
                failed.append(header)
                print(outcome.stdout + outcome.stderr)
if failed:
    sys.exit(f"{len(failed)} of {len(wanted)} headers do not compile alone: {', '.join(failed)}")
