#!/usr/bin/env python3
"""Refuses what no test of behaviour could see in the sources: secrets compared in a time that tells where they differ, and
random numbers that can be guessed."""

import pathlib
import re
import sys

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include/blueprint/faas"
# What answers strangers compares secrets by `same_secret` or by digests of one length.
COMPARED = re.compile(
    r"(?:==|!=)\s*[\w.>()*-]*reveal\(\)|reveal\(\)\s*(?:==|!=)|reveal\(\)\.compare\(|\b(?:mem|str|strn)cmp\("
    r"|\b(?:\w+_)?(?:secret|password|token|signature|master|nonce)s?\s*(?:==|!=)\s*(?!nullptr|\"\"|')[\w*(]"
)
ANSWERING = ("local", "serve")
# Keys, ids and names of temporary files come from OpenSSL or the kernel.
GUESSED = re.compile(r"\b(?:std::rand|srand|rand_r|drand48|mt19937(?:_64)?|minstd_rand0?|default_random_engine|tmpnam|mktemp)\b")

bad = []
for path in sorted(INCLUDE.rglob("*")):
    if path.suffix not in (".hpp", ".ipp"):
        continue
    answers = path.relative_to(INCLUDE).parts[0] in ANSWERING
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = line.split("//")[0]
        if answers and COMPARED.search(code):
            bad.append(f"{path.relative_to(INCLUDE)}:{number}: compare secrets by same_secret: {code.strip()}")
        if GUESSED.search(code):
            bad.append(f"{path.relative_to(INCLUDE)}:{number}: can be guessed, take detail/random.hpp: {code.strip()}")
if bad:
    sys.exit("\n".join(bad))
