#!/usr/bin/env python3
"""Uses the library as a stranger would: installed, by pkg-config or CMake, or as a Meson subproject.

Ends with 77, and the reason, where the tool or library that this way needs is not installed.
"""

import argparse
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--way", required=True, choices=["pkg-config", "cmake", "subproject"])
parser.add_argument("--source", required=True, type=pathlib.Path, help="the root of this project")
parser.add_argument("--compiler", required=True, help="the C++ compiler, as one shell word list")
parser.add_argument("--compiled", required=True, type=pathlib.Path,
                    help="what src.hpp makes, compiled: what is installed is compared with what this was made from")
args = parser.parse_args()
compiler = shlex.split(args.compiler)


def run(*command, **options):
    print("+", shlex.join(map(str, command)), flush=True)
    subprocess.run([str(word) for word in command], check=True, **options)


def skip(reason):
    print(reason)
    sys.exit(77)


def links(*libraries):
    command = [*compiler, "-x", "c++", "-", "-o", os.devnull, *libraries]
    return subprocess.run(command, input="int main() {}", text=True, capture_output=True).returncode == 0


def install(scratch):
    """Installs into a prefix, then moves it: an installed copy must not remember where it was built or put."""
    first, prefix = scratch / "first", scratch / "moved"
    run("meson", "setup", scratch / "build", args.source, f"--prefix={first}", "-Dtests=disabled",
        "-Dexamples=disabled", "-Dbenchmarks=disabled", "--wrap-mode=nodownload")
    run("meson", "install", "-C", scratch / "build", "--no-rebuild")
    for path in first.rglob("*"):
        if path.is_file() and str(args.source) in path.read_text():
            sys.exit(f"{path.relative_to(first)} names the directory that it was built from")
    first.rename(prefix)
    # The same files: what compiles here compiles there.
    headers = [{path.relative_to(root / "include"): path.read_bytes() for path in (root / "include").rglob("*") if path.is_file()}
               for root in (args.source, prefix)]
    if headers[0] != headers[1]:
        sys.exit(f"not installed, or not as they are: {sorted(map(str, dict(headers[0].items() ^ headers[1].items())))}")
    return prefix


def by_pkg_config(scratch):
    if not shutil.which("pkg-config"):
        skip("pkg-config is not installed")
    prefix = install(scratch)
    found = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "share/pkgconfig")}

    def flags(*wanted):
        command = ["pkg-config", "--define-prefix", *wanted]
        return shlex.split(subprocess.run(command, env=found, check=True, capture_output=True, text=True).stdout)

    # Compiled once: no library of Boost.
    program = scratch / "separate"
    run(*compiler, "-std=c++20", HERE / "consumer/main.cpp", args.compiled, "-o", program,
        *flags("--cflags", "--libs", "blueprint-faas-separate"))
    run(program)

    # All in the headers: one file, and Boost.JSON linked.
    if not links("-lboost_json"):
        print("left out: the header-only way, because the library boost_json is not installed")
        return
    program = scratch / "headers"
    run(*compiler, "-std=c++20", HERE / "consumer/main.cpp", "-o", program,
        *flags("--cflags", "--libs", "blueprint-faas"))
    run(program)


def by_cmake(scratch):
    if not shutil.which("cmake"):
        skip("cmake is not installed")
    prefix = install(scratch)
    run("cmake", "-S", HERE / "consumer", "-B", scratch / "consumer", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={';'.join(compiler)}", f"-DCONSUMER_COMPILED={args.compiled.resolve()}")
    run("cmake", "--build", scratch / "consumer")
    for program in sorted((scratch / "consumer").glob("consumer_*")):
        run(program)


def by_subproject(scratch):
    project = scratch / "project"
    shutil.copytree(HERE / "consumer", project)
    (project / "subprojects").mkdir()
    (project / "subprojects/blueprint-faas").symlink_to(args.source)
    run("meson", "setup", project / "build", project, "--wrap-mode=nodownload",
        env={**os.environ, "CXX": args.compiler})
    run("meson", "compile", "-C", project / "build")
    run(project / "build/consumer")


with tempfile.TemporaryDirectory() as directory:
    {"pkg-config": by_pkg_config, "cmake": by_cmake, "subproject": by_subproject}[args.way](pathlib.Path(directory))
