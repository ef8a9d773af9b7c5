#!/usr/bin/env python3
"""Counts what a user's compiler has to read for each public header, and fails above the ceilings.

Lines after preprocessing (-E -P), because they are the same on every machine, where seconds are not. Two ways: all in
the headers, and with the heavy code compiled once (BLUEPRINT_FAAS_SEPARATE_COMPILATION). The ceilings hold for both, but for
what takes in the JSON parser (a platform's own codec, OAuth 2.0), timers (the token cache) or OpenSSL's digests (SigV4) with
its implementation, and for the umbrella with every provider in it, when header-only, which is what the other way is for.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/headers"))
from public_headers import public_headers  # noqa: E402

CORE_VALUES = {"config", "deadline", "deployment", "error", "fwd", "http", "job", "metrics", "secret", "version"}
SEPARATE_ONLY = {
    "blueprint/faas.hpp",
    "blueprint/faas/auth/azure_ad.hpp",
    "blueprint/faas/auth/oauth2.hpp",
    "blueprint/faas/auth/sigv4.hpp",
    "blueprint/faas/auth/sigv4_signing.hpp",
    "blueprint/faas/auth/token_cache.hpp",
    "blueprint/faas/codec/aws_lambda.hpp",
    "blueprint/faas/codec/aws_storage.hpp",
    "blueprint/faas/codec/azure_functions.hpp",
    "blueprint/faas/codec/custom.hpp",
    "blueprint/faas/codec/digitalocean.hpp",
    "blueprint/faas/codec/gcp_functions.hpp",
    "blueprint/faas/codec/gcp_run.hpp",
    "blueprint/faas/codec/openwhisk.hpp",
}
SEPARATE = [
    "-DBLUEPRINT_FAAS_SEPARATE_COMPILATION",
    "-DBOOST_ASIO_SEPARATE_COMPILATION",
    "-DBOOST_BEAST_SEPARATE_COMPILATION",
]


def ceiling(header):
    """Returns the most lines that `header` may have; nothing for local/, which no user's job includes, and is not counted."""
    relative = pathlib.PurePosixPath(header).relative_to("blueprint")
    folder = relative.parent.name
    if folder == "local":
        return None
    if folder == "faas" and relative.stem in CORE_VALUES:
        return 65_000
    if folder in {"auth", "aws", "azure", "digitalocean", "gcp", "openwhisk"}:
        return 95_000
    if folder in {"codec", "resilience"}:
        return 115_000
    if folder == "transport":
        return 180_000
    return 225_000


def count(compiler, header, defines):
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as source:
        source.write(f'#include "{header}"\n')
        source.flush()
        command = [*compiler, "-std=c++20", "-E", "-P", f"-I{ROOT / 'include'}", *defines, source.name]
        outcome = subprocess.run(command, stdout=subprocess.PIPE)
    return outcome.stdout.count(b"\n") if outcome.returncode == 0 else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("compiler", nargs="*", default=["g++"], help="the compiler and its flags; default: g++")
    args = parser.parse_args()
    headers = [header for header in public_headers(ROOT / "include") if ceiling(header) is not None]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        whole = pool.map(lambda header: count(args.compiler, header, []), headers)
        separate = pool.map(lambda header: count(args.compiler, header, SEPARATE), headers)
        counted = list(zip(headers, whole, separate))

    above = []
    print(f"{'header':<48} {'header-only':>12} {'separate':>12} {'ceiling':>12}")
    for header, *lines in counted:
        most = ceiling(header)
        if None in lines:
            above.append(header)
            print(f"{header:<48} cannot be preprocessed: the reason stands above")
            continue
        alone = header in SEPARATE_ONLY or header.startswith(
            ("blueprint/faas/auth/aws/", "blueprint/faas/auth/azure/", "blueprint/faas/auth/gcp/")
        )
        counts = lines[1:] if alone else lines
        over = max(counts) > most
        if over:
            above.append(header)
        print(f"{header:<48} {lines[0]:>12,} {lines[1]:>12,} {most:>12,}{'  ABOVE' if over else ''}")
    if above:
        sys.exit(f"{len(above)} of {len(counted)} headers are above their ceiling or broken")


main()
