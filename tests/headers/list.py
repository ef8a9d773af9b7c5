#!/usr/bin/env python3
"""Writes a file that includes every public header; leaves it untouched when nothing changed."""

import pathlib
import sys

from public_headers import public_headers

text = "".join(f'#include "{header}"\n' for header in public_headers(sys.argv[1]))
output = pathlib.Path(sys.argv[2])
if not output.exists() or output.read_text() != text:
    output.write_text(text)
