"""Says which headers are public: all but detail/ and impl/, and but the files that a program compiles once."""

import pathlib


def public_headers(include_root):
    root = pathlib.Path(include_root)
    for path in sorted(root.rglob("*.hpp")):
        relative = path.relative_to(root)
        if {"detail", "impl"} & set(relative.parts) or relative.name == "src.hpp":
            continue
        yield relative.as_posix()
