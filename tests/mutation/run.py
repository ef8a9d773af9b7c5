#!/usr/bin/env python3
"""run.py [--count 200] [--seed 9] [--build DIR] [--jobs 2]: breaks the library in one place at a time and counts what the
suites `unit` and `fuzz` notice. CONTRIBUTING.md, "Coverage and mutation", says how to read what it prints.

All mutants are compiled at once and switched on by an environment variable (see mutants.py). A first run of each test
tells which mutants it meets; then each mutant is on in the tests that meet it, until one fails or takes too long.
Started again, it goes on where it stopped; a test that was changed is run again where no test failed before."""

import argparse
import collections
import concurrent.futures
import difflib
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import mutants as finder

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
AREAS = ("auth", "resilience", "codec")
CLANG = os.environ.get("CXX", "ccache clang++-19" if shutil.which("ccache") else "clang++-19")
SPARE = 1.15  # times as many as wanted: some do not compile


def sources():
    for area in AREAS:
        yield from sorted(path for path in (ROOT / "include/blueprint/faas" / area).rglob("*") if path.suffix in (".hpp", ".ipp"))


def sample(seed):
    """Every line that can be broken, in an order that the seed decides, with one mutant for each."""
    files, by_line = {}, collections.defaultdict(list)
    for path in sources():
        name = str(path.relative_to(ROOT))
        files[name] = finder.File(name, path.read_text())
        for mutant in files[name].mutants():
            by_line[name, mutant.line].append(mutant)
    draw = random.Random(seed)
    lines = sorted(by_line)
    draw.shuffle(lines)
    chosen = [draw.choice(by_line[line]) for line in lines]
    for number, mutant in enumerate(chosen, 1):
        mutant.number = number
        text = files[mutant.path].text
        mutant.original = text[mutant.start:mutant.end]
        mutant.changed = finder.broken_text(text, mutant)
        mutant.source = text.splitlines()[mutant.line - 1]
    return files, chosen, len(by_line)


def key(mutant):
    return f"{mutant.path}:{mutant.line}: {mutant.family}: {mutant.original} -> {mutant.changed}"


def write_tree(tree, files, chosen):
    """A copy of the project with the mutants in it. What stays the same keeps its time, so that little is compiled again."""
    def put(path, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)

    wanted = {}
    by_file = collections.defaultdict(list)
    for mutant in chosen:
        by_file[mutant.path].append(mutant)
    refused = []
    for folder in ("include", "tests", "subprojects", "cmake", "examples", "benchmarks", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                wanted[str(path.relative_to(ROOT))] = path
    for name in ("meson.build", "meson_options.txt", "README.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT"):
        wanted[name] = ROOT / name
    for name, path in wanted.items():
        content = path.read_bytes()
        if name in by_file:
            text, overlapping = finder.render(files[name].text, by_file[name])
            content = text.encode()
            refused += overlapping
        put(tree / name, content)
    for path in [path for path in tree.rglob("*") if path.is_file()]:
        if str(path.relative_to(tree)) not in wanted and path.name != "mutation.hpp":
            path.unlink()
    put(tree / "mutation.hpp", (HERE / "mutation.hpp").read_bytes())
    return refused


PLACE = re.compile(r"^(?:In file included from |\s+from )?([^\s:][^:\n]*):(\d+)(?::\d+)?: (error|fatal error|note|warning):", re.MULTILINE)


def blamed(output, tree, chosen, files):
    """The mutants on whose lines the compiler found an error; if there is none, on those of its notes."""
    lines = collections.defaultdict(list)
    for mutant in chosen:
        file = files[mutant.path]
        for line in range(file.line(mutant.start), file.line(mutant.end - 1) + 1):
            lines[mutant.path, line].append(mutant)
        if mutant.constant:
            lines[mutant.path, file.line(mutant.constant[0])].append(mutant)
    out, unexplained, current = {}, [], None
    places = []
    for found in PLACE.finditer(output):
        path = found.group(1)
        path = path[path.index("include/blueprint"):] if "include/blueprint" in path else path
        place = (path, int(found.group(2)))
        if "error" in found.group(3):
            current = [found.group(0), place, []]
            places.append(current)
        elif current is not None:
            current[2].append(place)
    for text, place, notes in places:
        guilty = lines.get(place, [])
        # The narrowest: an operator inside a condition is the likelier one.
        if not guilty:
            guilty = next((lines[note] for note in notes if note in lines), [])
        if not guilty:
            unexplained.append(text)
            continue
        if len(guilty) > 1 and any(mutant.line == place[1] for mutant in guilty):
            guilty = [mutant for mutant in guilty if mutant.line == place[1]]
        for mutant in guilty:
            out[mutant.number] = mutant
    return list(out.values()), unexplained


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)


def compile_all(build, tree, files, chosen, spare, wanted, near_only, as_built, jobs, log):
    """Compiles the tree; leaves out what does not compile and takes the next of the sample instead."""
    dropped_file = build / "uncompilable.json"
    dropped = set(json.loads(dropped_file.read_text())) if dropped_file.is_file() else set()
    chosen = [mutant for mutant in chosen if key(mutant) not in dropped]
    spare = [mutant for mutant in spare if key(mutant) not in dropped]
    flags = ["-std=c++20", "-O0", "-w", "-ferror-limit=0", "-fno-caret-diagnostics", f"-I{tree}/include", "-include",
             str(tree / "mutation.hpp")]
    separate = ["-DBLUEPRINT_FAAS_SEPARATE_COMPILATION", "-DBOOST_ASIO_SEPARATE_COMPILATION",
                "-DBOOST_BEAST_SEPARATE_COMPILATION", "-DBLUEPRINT_FAAS_LINK_BOOST_JSON"]
    while True:
        while len(chosen) < wanted and spare and not (build / "settled").is_file():
            chosen.append(spare.pop(0))
        refused = write_tree(tree, files, chosen)
        if refused:
            print(f"{len(refused)} overlap others", file=log, flush=True)
            bad = refused
        else:
            began = time.time()
            # The whole library at once, before the many programs that would fail one by one.
            checked = None if dropped else run([*CLANG.split(), *flags, *separate, "-fsyntax-only", str(tree / "tests/support/src.cpp")])
            output = checked.stdout if checked else ""
            if checked is None or checked.returncode == 0:
                if not (build / "meson/build.ninja").is_file():
                    done = run(["meson", "setup", str(build / "meson"), str(tree), "-Dexamples=disabled", "-Dbenchmarks=disabled",
                                "-Dinstall_headers=disabled",
                                f"-Dcpp_args=-w -ferror-limit=0 -fno-caret-diagnostics -include {tree}/mutation.hpp"],
                               env={**{name: value for name, value in os.environ.items() if name != "CCACHE_PREFIX"}, "CXX": CLANG})
                    if done.returncode != 0:
                        sys.exit(done.stdout)
                listed = run(["ninja", "-C", str(build / "meson"), "-t", "targets", "all"]).stdout
                everything = re.findall(r"^(tests/(?:unit/\S+/unit_\w+|fuzz/fuzz_replay)): cpp_LINKER", listed, re.MULTILINE)
                if as_built:
                    return chosen, len(dropped)
                near = [one for one in everything if re.search(r"unit/(?:auth|codec|resilience|executor)/|fuzz_replay", one)]
                targets = near if near_only else everything
                built = run(["ninja", "-k0", f"-j{jobs}", "-C", str(build / "meson"), *targets])
                output = built.stdout
                if built.returncode == 0:
                    (build / "settled").touch()
                    dropped_file.write_text(json.dumps(sorted(dropped)))
                    return chosen, len(dropped)
            bad, unexplained = blamed(output, tree, chosen, files)
            if not bad:
                (build / "failed.log").write_text(output)
                sys.exit(f"does not compile, and no mutant is to blame: {build}/failed.log")
            print(f"{len(bad)} do not compile ({time.time() - began:.0f} s); {len(unexplained)} errors without one", file=log, flush=True)
        for mutant in bad:
            dropped.add(key(mutant))
        numbers = {mutant.number for mutant in bad}
        chosen = [mutant for mutant in chosen if mutant.number not in numbers]
        dropped_file.write_text(json.dumps(sorted(dropped)))


def tests_of(build, tree):
    found = []
    for test in json.loads(run(["meson", "introspect", "--tests", str(build / "meson")]).stdout):
        if any(suite.split(":")[-1] in ("unit", "fuzz") for suite in test["suite"]):
            # What a test looks for beside the project stands beside the project, not beside its copy.
            env = {name: value.replace(str(tree), str(ROOT)) if "/../" in value else value for name, value in test["env"].items()}
            program = pathlib.Path(test["cmd"][0])
            if not program.is_file() or not program.is_relative_to(build):
                continue  # --near; or a script that reads sources
            found.append({"name": test["name"], "cmd": test["cmd"], "env": env, "unit": "fuzz_replay" not in test["cmd"][0]})
    return found


def run_test(test, limit, number=0, met=None):
    """(exit status or None for too long, seconds, what it printed)"""
    environment = {**os.environ, **test["env"]}
    if number:
        environment["BLUEPRINT_FAAS_MUTANT"] = str(number)
    if met:
        environment["BLUEPRINT_FAAS_MUTANTS_MET"] = str(met)
    command = test["cmd"] + (["--abort-after=1", "--no-colors"] if test["unit"] else [])
    began = time.time()
    process = subprocess.Popen(["nice", "-n", "15", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                               stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        status = None
    return status, time.time() - began, output.decode(errors="replace")


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()[:16]


def baseline(build, tests, count):
    """What each test meets and how long it takes, kept for as long as its program is the same."""
    kept_file = build / "met.json"
    kept = json.loads(kept_file.read_text()) if kept_file.is_file() else {}
    programs = {test["cmd"][0]: digest(test["cmd"][0]) for test in tests}
    for test in tests:
        program = programs[test["cmd"][0]]
        known = kept.get(test["name"])
        if known is None or known["program"] != program:
            met = build / "met.bytes"
            met.write_bytes(bytes(count + 1))
            status, seconds, output = run_test(test, 300, met=met)
            if status != 0:
                sys.exit(f"{test['name']} fails without a mutant:\n{output[-3000:]}")
            known = {"program": program, "seconds": seconds, "met": [at for at, one in enumerate(met.read_bytes()) if one]}
            kept[test["name"]] = known
            kept_file.write_text(json.dumps(kept))
        test.update(known, met=set(known["met"]))


def likely(test, mutant):
    """Smaller is earlier: the tests of the mutant's own area, then by time."""
    area = mutant.path.split("/")[3]
    platform = next((name for name in ("aws", "gcp", "azure", "digitalocean", "openwhisk", "custom", "sigv4") if name in mutant.path), "")
    names = {"gcp": "google", "aws": "aws", "sigv4": "aws"}
    score = 0 if f"/unit/{area}/" in test["cmd"][0] else 1
    if platform and (platform in test["cmd"][0] or names.get(platform, platform) in test["name"]):
        score -= 0.5
    return (0 if test["unit"] or test["seconds"] < 1 else 1, score, test["seconds"])


def failing_case(output):
    found = re.findall(r"^TEST CASE:\s*(.*(?:\n  .*)*)", output, re.MULTILINE)
    return found[-1].split("\n")[0].strip() if found else ""


def judge(mutant, tests, known):
    ran = dict(known.get("ran", {}))
    for test in sorted((test for test in tests if mutant.number in test["met"]), key=lambda test: likely(test, mutant)):
        if ran.get(test["name"]) == test["program"]:
            continue  # did not notice it, and is the same
        status, seconds, output = run_test(test, 30 + 10 * test["seconds"], mutant.number)
        if status != 0:
            how = "took too long" if status is None else f"signal {-status}" if status < 0 else failing_case(output) or "failed"
            return {"killed": test["name"], "how": how, "seconds": round(seconds, 1)}
        ran[test["name"]] = test["program"]
    return {"killed": "", "ran": ran}


def difference(files, mutant):
    before = files[mutant.path].text
    after = before[:mutant.start] + mutant.changed + before[mutant.end:]
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), mutant.path, mutant.path, n=2, lineterm=""))


def equivalents():
    """`FILE: LINE: BEFORE -> AFTER ## why nothing can tell them apart`, one a line; LINE is its text."""
    found = {}
    for line in (HERE / "equivalent.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            what, _, why = line.partition(" ## ")
            if not why:
                sys.exit(f"equivalent.txt: no reason: {line}")
            found[what.strip()] = why.strip()
    return found


def squeeze(text):
    return " ".join(text.split())


def short(mutant):
    return f"{mutant.path.removeprefix('include/blueprint/faas/')}: {squeeze(mutant.original)} -> {squeeze(mutant.changed)}"


def placed(mutant):
    """What tells `mutant` from others of the same words in its file, wherever its line moves."""
    file, change = short(mutant).split(": ", 1)
    return f"{file}: {squeeze(mutant.source)}: {change}"


def report(build, files, chosen, results, tests, uncompilable, lines):
    same = equivalents()
    killed, survived, equivalent, unmet = [], [], [], []
    for mutant in chosen:
        result = results[key(mutant)]
        if result["killed"]:
            killed.append(mutant)
        elif placed(mutant) in same:
            equivalent.append(mutant)
        else:
            survived.append(mutant)
            if not any(mutant.number in test["met"] for test in tests):
                unmet.append(mutant)
    out = []
    by_test = collections.Counter(results[key(mutant)]["killed"] for mutant in killed)
    out.append(f"{len(chosen)} mutants of {lines} lines that can be broken; {uncompilable} more did not compile")
    for name, of in (("family", lambda mutant: mutant.family), ("area", lambda mutant: mutant.path.split("/")[3])):
        for value in sorted({of(mutant) for mutant in chosen}):
            ours = [mutant for mutant in chosen if of(mutant) == value]
            dead = sum(mutant in killed for mutant in ours)
            out.append(f"  {name} {value}: {dead} of {len(ours) - sum(mutant in equivalent for mutant in ours)} killed")
    out.append("killed first by: " + ", ".join(f"{name} ({count})" for name, count in by_test.most_common()))
    for mutant in equivalent:
        out.append(f"equivalent: {short(mutant)}\n    {same[placed(mutant)]}")
    for mutant in survived:
        out.append(f"\nSURVIVED{' (no test meets it)' if mutant in unmet else ''}: {short(mutant)}\n{difference(files, mutant)}")
    judged = len(chosen) - len(equivalent)
    share = 100 * len(killed) / judged if judged else 0
    out.append(f"\n{len(killed)} of {judged} killed ({share:.1f} %), {len(survived)} survived, {len(equivalent)} equivalent")
    text = "\n".join(out)
    (build / "report.txt").write_text(text + "\n")
    (build / "killed.txt").write_text("".join(
        f"{short(mutant)}\n    {results[key(mutant)]['killed']}: {results[key(mutant)]['how']}\n" for mutant in killed))
    print(text)
    return share


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--bar", type=float, default=85.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-mutation")
    parser.add_argument("--compilers", type=int, default=os.cpu_count())
    parser.add_argument("--near", action="store_true", help="only the tests of the broken areas, the executor's and the corpus")
    parser.add_argument("--as-built", action="store_true", help="compile nothing: judge by what is there from the last time")
    parser.add_argument("--list", action="store_true", help="only print the sample")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    files, everything, lines = sample(arguments.seed)
    if arguments.list:
        for mutant in everything[:arguments.count]:
            print(short(mutant))
        return 0
    build.mkdir(parents=True, exist_ok=True)
    tree = build / "tree"
    wanted = int(arguments.count * SPARE)
    chosen, uncompilable = compile_all(build, tree, files, everything[:wanted], everything[wanted:], arguments.count,
                                       arguments.near, arguments.as_built, arguments.compilers, sys.stderr)
    chosen = sorted(chosen, key=lambda mutant: mutant.number)[:arguments.count]
    tests = tests_of(build, tree)
    baseline(build, tests, max(mutant.number for mutant in everything))
    state_file = build / "results.json"
    results = json.loads(state_file.read_text()) if state_file.is_file() else {}
    waiting = [mutant for mutant in chosen if not results.get(key(mutant), {}).get("killed")]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        running = {pool.submit(judge, mutant, tests, results.get(key(mutant), {})): mutant for mutant in waiting}
        for count, done in enumerate(concurrent.futures.as_completed(running), 1):
            mutant, result = running[done], done.result()
            results[key(mutant)] = result
            state_file.write_text(json.dumps(results, indent=1))
            print(f"[{count}/{len(waiting)}] {result['killed'] or 'SURVIVED'}: {short(mutant)}", file=sys.stderr, flush=True)
    return 0 if report(build, files, chosen, results, tests, uncompilable, lines) >= arguments.bar else 1


if __name__ == "__main__":
    sys.exit(main())
