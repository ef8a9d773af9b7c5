#!/usr/bin/env python3
"""Measures what the library costs a user's compiler: CPU seconds (user and system, of the compiler and its children),
peak memory and sizes, each in a process of its own.

- Each public header alone: lines after preprocessing, and an object file that only includes it.
- A program that invokes one job on one provider: header-only, and with src.hpp compiled apart; linked and stripped
  against the system's shared OpenSSL and Boost.JSON.
- A second provider in the same program.
- A runner with 1 to 101 jobs, and what the hundredth adds.

CPU times still differ by some percent from run to run, and by much more between machines: `--runs 3` takes the least of
three, measured in turn. The table in the README is made by `benchmarks/compile/measure.py --update README.md`, which takes
half an hour. `--quick` takes one minute: lines of headers, one program.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/headers"))
from programs import PROVIDERS, SEPARATE, hello_invoke, runner, source  # noqa: E402
from public_headers import public_headers  # noqa: E402

JOB_COUNTS = [1, 10, 50, 100, 101]
JOB_FORMS = {
    "ids": "ids in one `with_faas_executor<0, 1, ...>`",
    "bindings": "one `with_faas_executor<N>` each",
    "typed": "ids as in the first row, and a `Job<N, &function>` each",
}
BEGIN = "<!-- benchmarks/compile: begin -->"
END = "<!-- benchmarks/compile: end -->"


@dataclasses.dataclass
class Cost:
    """What one compilation took."""

    cpu_seconds: float
    peak_mib: float
    object_bytes: int


class Broken(Exception):
    pass


def real_compiler(command):
    """Returns `command` without a cache before it or in its place: a hit in a cache would measure nothing."""
    caches = {"ccache", "sccache"}
    while command and pathlib.Path(command[0]).name in caches:
        command = command[1:]
    if not command:
        raise Broken("name a compiler, not a compiler cache alone")
    for folder in os.get_exec_path():
        found = shutil.which(command[0], path=folder)
        if found and pathlib.Path(os.path.realpath(found)).name not in caches:
            return [found, *command[1:]]
    raise Broken(f"{command[0]} is not installed")


class Compiler:
    def __init__(self, command, scratch):
        self.command = [*real_compiler(command), "-std=c++20", f"-I{ROOT / 'include'}"]
        self.scratch = pathlib.Path(scratch)

    def version(self):
        outcome = subprocess.run([self.command[0], "--version"], capture_output=True, text=True, check=True)
        return outcome.stdout.splitlines()[0]

    def lines(self, header, defines):
        with tempfile.NamedTemporaryFile("w", suffix=".cpp", dir=self.scratch) as file:
            file.write(f'#include "{header}"\n')
            file.flush()
            outcome = subprocess.run([*self.command, "-E", "-P", *defines, file.name], stdout=subprocess.PIPE)
        if outcome.returncode != 0:
            raise Broken(f"{header} cannot be preprocessed: the reason stands above")
        return outcome.stdout.count(b"\n")

    def compile(self, name, text, flags):
        """Compiles `text` to the object file `name`."""
        file = self.scratch / f"{name}.cpp"
        file.write_text(text)
        output = self.object(name)
        child = os.posix_spawn(
            self.command[0], [*self.command, *flags, "-c", str(file), "-o", str(output)], dict(os.environ, CCACHE_DISABLE="1")
        )
        _, status, usage = os.wait4(child, 0)  # with the children it waited for: the compiler proper, the assembler
        if status != 0:
            raise Broken(f"{name} does not compile: the reason stands above")
        return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.stat().st_size)

    def object(self, name):
        return self.scratch / f"{name}.o"

    def link(self, objects, flags):
        """Links and strips, and returns the program's size in bytes."""
        program = self.scratch / "program"
        files = [str(self.object(name)) for name in objects]
        if subprocess.run([self.command[0], *files, "-s", "-o", str(program), *flags]).returncode != 0:
            raise Broken(f"{' and '.join(objects)} cannot be linked: the reason stands above")
        return program.stat().st_size


def least(costs):
    return Cost(
        min(cost.cpu_seconds for cost in costs), min(cost.peak_mib for cost in costs), costs[0].object_bytes
    )


def measured_in_turn(compiler, tasks, runs):
    """Compiles every (name, text, flags), `runs` times, one after the other; returns the least costs by name."""
    costs = {name: [] for name, _, _ in tasks}
    for _ in range(runs):
        for name, text, flags in tasks:
            costs[name].append(compiler.compile(name, text, flags))
            print(f"    {name}: {costs[name][-1].cpu_seconds:.1f} s", file=sys.stderr)
    return {name: least(found) for name, found in costs.items()}


def count_lines(compiler, headers):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        whole = pool.map(lambda header: compiler.lines(header, []), headers)
        separate = pool.map(lambda header: compiler.lines(header, SEPARATE), headers)
        return {header: {"header_only": a, "separate": b} for header, a, b in zip(headers, whole, separate)}


def users_headers():
    """Returns all public headers but the local cloud's, which no user's job includes."""
    return [header for header in public_headers(ROOT / "include") if "/local/" not in header]


def measure_headers(compiler, runs):
    headers = users_headers()
    lines = count_lines(compiler, headers)
    tasks = []
    for header in headers:
        text = f'#include "{header}"\n'
        tasks.append((f"{header.replace('/', '_')}.whole", text, ["-O2"]))
        tasks.append((f"{header.replace('/', '_')}.separate", text, ["-O2", *SEPARATE]))
    costs = measured_in_turn(compiler, tasks, runs)
    return {
        header: {
            "lines": lines[header],
            "header_only": dataclasses.asdict(costs[f"{header.replace('/', '_')}.whole"]),
            "separate": dataclasses.asdict(costs[f"{header.replace('/', '_')}.separate"]),
        }
        for header in headers
    }


SHARED = ["-lboost_json", "-lssl", "-lcrypto", "-pthread"]


def measure_hello(compiler, providers, levels, runs, with_source=True):
    """Returns the costs of the programs by provider and optimisation, and those of src.hpp by optimisation."""
    tasks = []
    for level in levels:
        for provider in providers:
            text = hello_invoke(provider)
            tasks.append((f"{provider}{level}", text, [level]))
            if with_source:
                tasks.append((f"{provider}{level}.separate", text, [level, *SEPARATE]))
        if with_source:
            # Sections, so that the linker can leave out what the program does not use.
            flags = ["-ffunction-sections", "-fdata-sections", "-DBLUEPRINT_FAAS_LINK_BOOST_JSON"]
            tasks.append((f"src{level}", source(), [level, *flags, *SEPARATE]))
    costs = measured_in_turn(compiler, tasks, runs)
    programs = {}
    for provider in providers:
        for level in levels:
            name = f"{provider}{level}"
            found = {"header_only": dataclasses.asdict(costs[name])}
            found["header_only"]["stripped_bytes"] = compiler.link([name], SHARED)
            if with_source:
                found["separate"] = dataclasses.asdict(costs[f"{name}.separate"])
                found["separate"]["stripped_bytes"] = compiler.link(
                    [f"{name}.separate", f"src{level}"], ["-Wl,--gc-sections", *SHARED]
                )
            programs.setdefault(provider, {})[level] = found
    sources = {level: dataclasses.asdict(costs[f"src{level}"]) for level in levels} if with_source else {}
    return programs, sources


def measure_added_provider(compiler, runs):
    sets = [[provider] for provider in PROVIDERS] + [list(PROVIDERS)]
    tasks = []
    for providers in sets:
        name = "_and_".join(providers)
        tasks.append((f"{name}.whole", hello_invoke(*providers), ["-O2"]))
        tasks.append((f"{name}.separate", hello_invoke(*providers), ["-O2", *SEPARATE]))
    costs = measured_in_turn(compiler, tasks, runs)
    return {
        " and ".join(providers): {
            "header_only": dataclasses.asdict(costs[f"{'_and_'.join(providers)}.whole"]),
            "separate": dataclasses.asdict(costs[f"{'_and_'.join(providers)}.separate"]),
        }
        for providers in sets
    }


def measure_registry(compiler, runs):
    """Returns by form the costs by number of jobs, and the share of the hundredth job in the time of a hundred.

    The share is the slope between 50 and 101 jobs: one job is far below what two measurements differ by themselves.
    """
    tasks = []
    for form in JOB_FORMS:
        for jobs in JOB_COUNTS:
            tasks.append((f"{form}{jobs}", runner(jobs, form), ["-O2", *SEPARATE]))
    costs = measured_in_turn(compiler, tasks, runs)
    grown = {}
    for form in JOB_FORMS:
        seconds = {jobs: costs[f"{form}{jobs}"].cpu_seconds for jobs in JOB_COUNTS}
        grown[form] = {
            "jobs": {jobs: dataclasses.asdict(costs[f"{form}{jobs}"]) for jobs in JOB_COUNTS},
            "share_of_the_100th_job": (seconds[101] - seconds[50]) / 51 / seconds[100],
        }
    return grown


def kib(size):
    return f"{size / 1000:,.0f} KB"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" + "|--:" * (len(header) - 1) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def cells(cost):
    return [f"{cost['cpu_seconds']:.1f}", f"{cost['peak_mib']:.0f}"]


def hello_rows(found):
    rows = []
    for provider, levels in found["hello_invoke"].items():
        for level, ways in levels.items():
            for way, cost in ways.items():
                words = "header-only" if way == "header_only" else "`src.hpp` apart"
                rows.append([f"`{provider}`, `{level}`, {words}", *cells(cost), kib(cost["stripped_bytes"])])
    for level, cost in found.get("src", {}).items():
        rows.append([f"`src.hpp` itself, once a program, `{level}`", *cells(cost), ""])
    return rows


def markdown(found):
    """Returns the tables of what was measured."""
    lines = [f"{found['compiler']}; CPU seconds and peak MiB of one compilation."]
    if "hello_invoke" in found:
        header = ["a program that invokes one job", "CPU s", "MiB", "stripped program"]
        lines += ["", *table(header, hello_rows(found))]
    if "added_provider" in found:
        rows = [
            [f"`{name}`", *cells(ways["header_only"]), *cells(ways["separate"])]
            for name, ways in found["added_provider"].items()
        ]
        header = ["providers in one file, `-O2`", "CPU s", "MiB", "apart: CPU s", "MiB"]
        lines += ["", *table(header, rows)]
    if "registry" in found:
        rows = []
        for form, grown in found["registry"].items():
            seconds = [f"{grown['jobs'][jobs]['cpu_seconds']:.1f}" for jobs in JOB_COUNTS]
            rows.append([JOB_FORMS[form], *seconds, f"{grown['share_of_the_100th_job']:.2%}"])
        header = ["a runner's jobs, `-O2`, apart: CPU s", *map(str, JOB_COUNTS), "the 100th adds"]
        lines += ["", *table(header, rows)]
    if "headers" in found:
        rows = []
        for name, cost in found["headers"].items():
            row = [f"`{name.removeprefix('blueprint/')}`"]
            for way in ("header_only", "separate"):
                row += [f"{cost['lines'][way]:,}", *cells(cost[way]), kib(cost[way]["object_bytes"])]
            rows.append(row)
        header = ["header", "lines", "CPU s", "MiB", "object", "apart: lines", "CPU s", "MiB", "object"]
        lines += ["", "<details><summary>Each public header alone, <code>-O2</code></summary>", ""]
        lines += [*table(header, rows), "", "</details>"]
    return "\n".join(lines) + "\n"


def update(path, text):
    """Puts `text` between the marks in the file `path`."""
    whole = path.read_text()
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Broken(f"{path} has no place for the table: put '{BEGIN}' and '{END}' on lines of their own")
    path.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


PARTS = ["hello", "providers", "registry", "headers"]


def measure(args, compiler):
    found = {"compiler": compiler.version(), "runs": args.runs}
    if args.quick:
        found["lines"] = count_lines(compiler, users_headers())
        found["hello_invoke"], _ = measure_hello(compiler, ["custom"], ["-O0"], args.runs, with_source=False)
        return found
    parts = args.only or PARTS
    if "hello" in parts:
        found["hello_invoke"], found["src"] = measure_hello(compiler, PROVIDERS, ["-O0", "-O2"], args.runs)
    if "providers" in parts:
        found["added_provider"] = measure_added_provider(compiler, args.runs)
    if "registry" in parts:
        found["registry"] = measure_registry(compiler, args.runs)
    if "headers" in parts:
        found["headers"] = measure_headers(compiler, args.runs)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("compiler", nargs="*", default=["g++"], help="the compiler and its flags; default: g++")
    parser.add_argument("--quick", action="store_true", help="only lines of headers and one program, in a minute")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part only; may be repeated")
    parser.add_argument("--runs", type=int, default=1, help="take the least of this many measurements; default: 1")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--markdown", action="store_true", help="print the README's tables (also without this)")
    parser.add_argument("--update", type=pathlib.Path, metavar="FILE", help="put the tables between the marks in FILE")
    args = parser.parse_args()
    if args.runs < 1:
        parser.error("--runs must be at least 1")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            found = measure(args, Compiler(args.compiler, scratch))
        if args.json:
            print(json.dumps(found, indent=2))
        elif args.quick and not args.markdown:
            for header, lines in found["lines"].items():
                print(f"{header:<48} {lines['header_only']:>12,} {lines['separate']:>12,}")
            print(markdown(found), end="")
        else:
            print(markdown(found), end="")
        if args.update:
            update(args.update, markdown(found))
    except Broken as reason:
        sys.exit(f"measure.py: {reason}")


main()
