#!/usr/bin/env python3
"""Measures what a call costs with every client that is here, and writes the table of the README and the picture:
    python3 benchmarks/run/update_readme.py build/benchmarks/bench_invoke
It takes some minutes, in which the machine should do nothing else. Clients that are not installed are left out, and
named below the table.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
BEGIN = "<!-- benchmarks/run: begin -->"
END = "<!-- benchmarks/run: end -->"
NAMES = {
    "aws": "**this library, AWS Lambda**",
    "aws_metered": "this library, AWS Lambda, with metrics",
    "custom_json": "this library, custom platform, JSON numbers",
    "custom_base64": "this library, custom platform, Base64",
    "custom_binary": "this library, custom platform, binary",
    "gcp": "this library, Google Cloud Run",
    "azure": "this library, Azure Functions",
    "openwhisk": "this library, OpenWhisk",
    "floor": "blocking sockets, prebuilt bytes, unsigned",
    "prebuilt": "Asio, prebuilt bytes, Beast's parser, unsigned",
    "prebuilt_signed": "the same with SigV4",
    "textbook": "textbook Beast, unsigned",
    "libcurl": "libcurl with its SigV4",
    "boto3": "boto3",
    "javascript": "AWS SDK for JavaScript",
}


def cell(cells, client, tls, in_flight, value):
    found = [c for c in cells if (c["client"], c["tls"], c["in_flight"], c["payload"]) == (client, tls, in_flight, 1024)]
    if not found:
        return ""
    number = found[0][value] if isinstance(value, str) else value(found[0])
    return "" if number is None else f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def allocations(one):
    if "allocations" not in one:
        return None
    return one["allocations"] + one.get("openssl_allocations", 0)


def table(told):
    cells = told["cells"]
    lines = [
        "CPU microseconds of the client for each call of 1 KiB, one client thread, medians; allocations include those of",
        "OpenSSL.",
        "",
        "| client | plain, 64 in flight | TLS, 64 in flight | TLS, one at a time | allocations, plain |",
        "|---|--:|--:|--:|--:|",
    ]
    for client, name in NAMES.items():
        row = [
            cell(cells, client, False, 64, "cpu_us"),
            cell(cells, client, True, 64, "cpu_us"),
            cell(cells, client, True, 1, "cpu_us"),
            cell(cells, client, False, 64, allocations),
        ]
        if any(row):
            lines.append(f"| {name} | " + " | ".join(row) + " |")
    if told["not_measured"]:
        lines += ["", "Not measured: " + "; ".join(f"{k}: {v}" for k, v in told["not_measured"].items()) + "."]
    return "\n".join(lines)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    command = [sys.argv[1], "--full", "--json", "--svg", str(ROOT / "docs/benchmarks/invoke.svg")]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(before + BEGIN + "\n" + table(told) + "\n" + END + after, encoding="utf-8")
    for name, ratio in sorted(told["ratios"].items()):
        print(f"{name:50} {ratio:8.3f}")


if __name__ == "__main__":
    main()
