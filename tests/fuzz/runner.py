#!/usr/bin/env python3
"""Builds the fuzz targets with libFuzzer and lets them run; `sh tests/fuzz/run --help` tells how.

Every parser of foreign bytes is fed with what libFuzzer invents, under the address and undefined-behaviour sanitizers.
The targets stand in targets.def, and nowhere else. What is made stands in one directory:

    fuzz_TARGET        the programs; for `--smoke` in smoke/, which are compiled faster and run slower
    learned/TARGET/    inputs that reached something new, for the next time; `--merge` takes the best into corpus/TARGET
    found/             inputs that broke something, TARGET-crash-... and TARGET-timeout-...
    log/TARGET         what libFuzzer said
    campaign.json      how far `--cpu-minutes` is with each target
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORPUS = HERE / "corpus"
INTERRUPTED = 72  # libFuzzer's exit status when it was told to end
SANITIZERS = "address,undefined"
DEFINES = [f"-D{of}_SEPARATE_COMPILATION" for of in ("BLUEPRINT_FAAS", "BOOST_ASIO", "BOOST_BEAST")]
COVERED = ["codec", "auth", "serve", "package", "detail"]


def all_targets():
    return re.findall(r"^FAAS_FUZZ_TARGET\((\w+)\)", (HERE / "targets.def").read_text(), re.MULTILINE)


# --- building -------------------------------------------------------------------------------------------------------


# What no target reaches, and what takes longest to compile: the machinery around the parsers.
LEFT_OUT = re.compile(
    "provider/|resilience/impl/(?!standard|gate)|map/impl/core|transport/impl/http_client"
    "|runner/impl/(?!dead_letters|json_lines)"
    "|serve/impl/(azure_programs|azure_protocol|http_server|lambda_runtime|openwhisk_protocol|stdio)"
)
GROUPS = 4  # of target files, each compiled as one


def write_file(path, text):
    """Writes a file unless it is as it should be: its time decides what is compiled anew."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def includes(names):
    return "".join(f'#include "{name}"\n' for name in names)


def write_sources(build, whole, left_out):
    """What is compiled: the library, the local cloud, and the targets in groups, because they share most headers."""
    source = (ROOT / "include/blueprint/faas/src.hpp").read_text()
    parts = {"local_cloud": ["blueprint/faas/local/src.hpp"]}  # the long ones first
    for area in ("codec", "auth", "boost", "rest"):
        parts[f"library_{area}"] = []
    for name in re.findall(r"^#include [\"<](.*)[\">]$", source, re.MULTILINE):
        area = next((area for area in ("codec", "auth", "boost") if f"{area}/" in name), "rest")
        if whole or not LEFT_OUT.search(name):
            parts[f"library_{area}"].append(name)
    files = [path for path in HERE.glob("*.cpp") if path.name not in left_out]
    groups = [[] for _ in range(GROUPS)]
    for path in sorted(files, key=lambda path: -path.stat().st_size):
        min(groups, key=lambda group: sum(one.stat().st_size for one in group)).append(path)
    for number, group in enumerate(groups):
        parts[f"targets_{number}"] = sorted(path.relative_to(ROOT / "tests") for path in group)
    build.mkdir(parents=True, exist_ok=True)
    for name, included in parts.items():
        write_file(build / f"{name}.cpp", includes(included))
    return list(parts)


def write_ninja(build, program, flags, link_flags, left_out, whole=False):
    """Ninja compiles what is out of date, as many at once as there are cores."""
    parts = write_sources(build, whole, left_out)
    compiler = os.environ.get("CXX", "clang++-19")
    lines = [
        "rule compile",
        f"  command = {compiler} -std=c++20 -g1 -I{ROOT / 'include'} -I{ROOT / 'tests'} {' '.join(DEFINES)} {flags} "
        "-MMD -MF $out.d -c $in -o $out",
        "  depfile = $out.d",
        "  deps = gcc",
        "  description = compiling $in",
        "rule link",  # a program that runs keeps the file that it was started from
        f"  command = {compiler} {link_flags} $in -o $out.new -lssl -lcrypto -pthread && mv -f $out.new $out",
        "  description = linking $out",
    ]
    lines += [f"build {name}.o: compile {name}.cpp" for name in parts]
    lines.append(f"build {program}: link {' '.join(name + '.o' for name in parts)}")
    write_file(build / "build.ninja", "\n".join(lines) + "\n")


def build_fuzz(build, jobs, optimization):
    """Sanitizers look at our code, and at what others inline into it no more than they must: that halves the time."""
    begun = time.monotonic()
    build.mkdir(parents=True, exist_ok=True)
    ignored = HERE / "ignored.txt"
    sanitize = (
        f"-fsanitize=fuzzer-no-link,{SANITIZERS} -fno-sanitize-recover=all "
        f"-fsanitize-ignorelist={ignored} -fsanitize-coverage-ignorelist={ignored}"
    )
    link = f"-fsanitize=fuzzer,{SANITIZERS}"
    write_ninja(build, "fuzz", f"{optimization} {sanitize}", link, {"replay.cpp"})
    run_ninja(build, "fuzz", jobs)
    print(f"built in {time.monotonic() - begun:.0f} s", flush=True)


def run_ninja(build, program, jobs):
    ninja = shutil.which("ninja") or shutil.which("ninja-build") or shutil.which("samu")
    if ninja is None:
        sys.exit("there is no ninja, which builds the targets")
    if subprocess.run([ninja, "-C", build, "-j", str(jobs), "--quiet", program]).returncode != 0:
        sys.exit("the targets do not compile")


def prepare(build, target, of):
    """Makes the program of one target: libFuzzer tells it nothing, so it knows its target by its own name."""
    program = build / f"fuzz_{target}"
    fresh = build / f".fuzz_{target}"
    build.mkdir(parents=True, exist_ok=True)
    fresh.unlink(missing_ok=True)
    os.link(of, fresh)
    os.replace(fresh, program)
    for directory in (build / "learned" / target, build / "found", build / "log"):
        directory.mkdir(parents=True, exist_ok=True)
    return program


# --- one run of one target ------------------------------------------------------------------------------------------


def cpu_seconds(pid):
    """Of a process that runs: user and system."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Run:
    """What became of a target that ran for a while."""

    def __init__(self, target, status, cpu, inputs, corpus, log):
        self.target, self.cpu, self.inputs, self.corpus, self.log = target, cpu, inputs, corpus, log
        self.found = status not in (0, INTERRUPTED)


class Stop:
    """Set once somebody wants an end: no run begins any more, and those that go on are ended."""

    def __init__(self):
        self.event = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.event.set())

    def __bool__(self):
        return self.event.is_set()


def run_target(build, target, stop, cpu=None, wall=None, timeout=20):
    """Lets a target run until it has used up `cpu` or `wall` seconds; its corpus is gone through in any case."""
    program = build / f"fuzz_{target}"
    log = build / "log" / target
    command = [program, f"-timeout={timeout}", "-rss_limit_mb=3072", "-print_final_stats=1", "-verbosity=1"]
    command += [f"-artifact_prefix={build / 'found'}/{target}-", build / "learned" / target, CORPUS / target]
    begun = time.monotonic()
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=build)
    told = False
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid != 0:
            break
        over = (cpu is not None and cpu_seconds(process.pid) >= cpu) or (
            wall is not None and time.monotonic() - begun >= wall
        )
        if not told and (stop or (over and b"INITED" in log.read_bytes())):
            told = True
            os.kill(process.pid, signal.SIGINT)
        time.sleep(0.05 if wall is not None else 0.25)
    process.returncode = os.waitstatus_to_exitcode(status)  # it is waited for already
    said = log.read_text(errors="replace")
    inputs = re.search(r"stat::number_of_executed_units: *(\d+)", said)
    corpus = re.findall(r"corp: (\d+)/", said)
    return Run(
        target,
        process.returncode,
        used.ru_utime + used.ru_stime,
        int(inputs.group(1)) if inputs else 0,
        int(corpus[-1]) if corpus else 0,
        log,
    )


def show_finding(run):
    print(f"FOUND   {run.target}; the end of {run.log}:")
    for line in run.log.read_text(errors="replace").splitlines()[-30:]:
        print("    " + line[:300])
    sys.stdout.flush()


def in_parallel(jobs, take, do):
    """Calls `do` with what `take` gives, in so many threads, until that is nothing."""
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                one = take()
            if one is None:
                return
            do(one)

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- the ways to run ------------------------------------------------------------------------------------------------


def run_for(build, targets, jobs, seconds, stop):
    """Each target for so many seconds."""
    waiting = list(targets)
    runs = []

    def one(target):
        run = run_target(build, target, stop, wall=seconds)
        runs.append(run)
        if run.found:
            show_finding(run)
        else:
            print(f"ok      {target}: {run.inputs} inputs in {seconds} s", flush=True)

    in_parallel(jobs, lambda: waiting.pop(0) if waiting and not stop else None, one)
    return runs


def run_smoke(build, targets, jobs, seconds, stop):
    """All targets within so many seconds: each gets its share of what is left."""
    begun = time.monotonic()
    waiting = list(targets)
    runs = []

    def take():
        if not waiting or stop:
            return None
        left = seconds - (time.monotonic() - begun)
        # Those that begin now and later share what is left; a process takes a while to begin and to end.
        share = max(left * jobs / (len(waiting) + jobs - 1) - 0.4, 0.2)
        return waiting.pop(0), share

    def one(chosen):
        target, share = chosen
        run = run_target(build, target, stop, wall=share)
        runs.append(run)
        if run.found:
            show_finding(run)
        else:
            print(f"ok      {target}: {run.inputs} inputs", flush=True)

    in_parallel(jobs, take, one)
    inputs = sum(run.inputs for run in runs)
    found = sum(run.found for run in runs)
    took = time.monotonic() - begun
    print(f"{len(runs)} of {len(targets)} targets, {inputs} inputs, {found} found something, in {took:.0f} s")
    return runs


class Campaign:
    """How far each target is; kept in a file, so that a later run goes on."""

    def __init__(self, build):
        self.file = build / "campaign.json"
        self.state = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.program = (build / "fuzz").stat().st_mtime

    def of(self, target):
        return self.state.setdefault(target, {"cpu_seconds": 0.0, "inputs": 0, "corpus": 0, "found": 0, "broken": None})

    def note(self, run):
        known = self.of(run.target)
        known["cpu_seconds"] = round(known["cpu_seconds"] + run.cpu, 1)
        known["inputs"] += run.inputs
        known["corpus"] = run.corpus
        known["last"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        if run.found:
            known["found"] += 1
            known["broken"] = self.program  # what is broken is left alone until there is another program
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(self.state, indent=1, sort_keys=True) + "\n")
        fresh.replace(self.file)

    def next(self, targets, running, goal):
        """The target with the least time, so that all of them get something early."""
        due = [
            target
            for target in targets
            if target not in running
            and self.of(target)["cpu_seconds"] < goal
            and self.of(target)["broken"] != self.program
        ]
        return min(due, key=lambda target: self.of(target)["cpu_seconds"], default=None)

    def report(self, targets, goal=None):
        for target in targets:
            known = self.of(target)
            print(
                f"{target:24} {known['cpu_seconds'] / 60:6.1f} CPU minutes {known['inputs']:12} inputs "
                f"{known['corpus']:6} kept {known['found']:3} found"
            )
        minutes = [self.of(target)["cpu_seconds"] / 60 for target in targets]
        inputs = sum(self.of(target)["inputs"] for target in targets)
        found = sum(self.of(target)["found"] for target in targets)
        print(
            f"{len(targets)} targets, {sum(minutes):.0f} CPU minutes, at least {min(minutes):.1f} each, "
            f"{inputs} inputs, {found} found"
        )


def run_campaign(build, targets, jobs, minutes, slice_seconds, stop):
    """Each target until it has had so many minutes of CPU time, counted from when the campaign was begun first."""
    campaign = Campaign(build)
    goal = minutes * 60 - 1
    running = set()
    lock = threading.Lock()

    def take():
        if stop:
            return None
        with lock:
            target = campaign.next(targets, running, goal)
            if target is not None:
                running.add(target)
            return target

    def one(target):
        cpu = min(slice_seconds, minutes * 60 - campaign.of(target)["cpu_seconds"])
        # A machine that is busy with something else may stand still for long: no timeout of seconds there.
        run = run_target(build, target, stop, cpu=cpu, timeout=300)
        with lock:
            running.discard(target)
            campaign.note(run)
        if run.found:
            show_finding(run)
        else:
            known = campaign.of(target)
            print(f"ok      {target}: {known['cpu_seconds'] / 60:.1f} of {minutes} minutes", flush=True)

    in_parallel(jobs, take, one)
    campaign.report(targets)
    return not stop and all(campaign.of(target)["broken"] != campaign.program for target in targets)


# --- the corpus -----------------------------------------------------------------------------------------------------


def is_seed(file):
    """What people wrote or found has a name; what was learned is named after its SHA-1."""
    return re.fullmatch(r"[0-9a-f]{40}", file.name) is None


def merge(build, target, most_files, most_bytes):
    """Takes into the corpus what reaches most, and drops what was learned earlier and is not needed any more."""
    inputs = [CORPUS / target, build / "learned" / target]
    empty = build / "merge"
    shutil.rmtree(empty, ignore_errors=True)
    empty.mkdir()
    control = build / "merge.control"
    control.unlink(missing_ok=True)
    command = [build / f"fuzz_{target}", "-set_cover_merge=1", f"-merge_control_file={control}", "-timeout=60"]
    with open(build / "log" / f"{target}.merge", "wb") as out:
        done = subprocess.run(command + [empty, *inputs], stdout=out, stderr=out, cwd=build)
    if done.returncode != 0:
        print(f"FOUND   {target}: an input that is kept breaks it; see {build / 'log' / target}.merge")
        return False
    lines = control.read_text().split("\n")
    count = int(lines[0])
    files = [pathlib.Path(name) for name in lines[2 : 2 + count]]
    edges = [0] * count  # what each file reaches, a bit an edge: features are edges times how often
    for line in lines[2 + count :]:
        if line.startswith("FT "):
            number, *features = map(int, line.split()[1:])
            for edge in {feature // 8 for feature in features}:
                edges[number] |= 1 << edge
    kept = [number for number, file in enumerate(files) if file.parent == CORPUS / target and is_seed(file)]
    reached = 0
    for number in kept:
        reached |= edges[number]
    size = sum(files[number].stat().st_size for number in kept)
    rest = set(range(count)) - set(kept)
    while rest and len(kept) < most_files:
        # The most new edges, and of equals the shortest file; bytes are dear too, beyond a first KiB.
        best = max(
            rest, key=lambda i: ((edges[i] & ~reached).bit_count() / (1 + files[i].stat().st_size / 1024), -i)
        )
        rest.discard(best)
        if edges[best] & ~reached == 0:
            break
        if size + files[best].stat().st_size > most_bytes:
            continue
        kept.append(best)
        reached |= edges[best]
        size += files[best].stat().st_size
    all_edges = 0
    for one in edges:
        all_edges |= one
    chosen = {files[number] for number in kept}
    for number in kept:
        if files[number].parent != CORPUS / target:
            shutil.copyfile(files[number], CORPUS / target / files[number].name)
    for file in list((CORPUS / target).iterdir()):
        if not is_seed(file) and file not in chosen and build / "learned" / target / file.name not in chosen:
            file.unlink()
    print(
        f"{target}: {len(kept)} files, {size} bytes, {reached.bit_count()} of {all_edges.bit_count()} edges "
        f"that {count} inputs reach",
        flush=True,
    )
    return True


# --- coverage -------------------------------------------------------------------------------------------------------


def coverage(build, targets, jobs):
    """Counts the lines that the kept corpus alone reaches; the profile can be merged with those of the tests."""
    directory = build / "coverage"
    flags = "-O0 -fprofile-instr-generate -fcoverage-mapping"
    write_ninja(directory, "replay", flags, "-fprofile-instr-generate", {"entry.cpp"}, whole=True)
    run_ninja(directory, "replay", jobs)
    waiting = list(targets)
    raw = directory / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir()
    failed = []

    def one(target):
        environment = dict(os.environ, LLVM_PROFILE_FILE=str(raw / f"{target}.profraw"))
        done = subprocess.run(
            [directory / "replay", CORPUS, target], env=environment, capture_output=True, text=True, cwd=directory
        )
        if done.returncode != 0:
            failed.append(target)
            print(f"FOUND   {target}:\n{done.stderr[-2000:]}")

    in_parallel(jobs, lambda: waiting.pop(0) if waiting else None, one)
    version = re.search(r"-\d+$", os.environ.get("CXX", "clang++-19"))
    suffix = version.group(0) if version else ""
    profile = directory / "corpus.profdata"
    files = sorted(raw.glob("*.profraw"))
    subprocess.run([f"llvm-profdata{suffix}", "merge", "-sparse", *files, "-o", profile], check=True)
    text = subprocess.run(
        [f"llvm-cov{suffix}", "export", "-summary-only", directory / "replay", f"-instr-profile={profile}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    library = ROOT / "include/blueprint/faas"
    areas = {}
    for file in json.loads(text)["data"][0]["files"]:
        path = pathlib.Path(file["filename"]).resolve()
        if library not in path.parents:
            continue
        lines = file["summary"]["lines"]
        areas.setdefault(path.relative_to(library).parts[0], []).append(
            (lines["covered"], lines["count"], path.relative_to(library))
        )
    for area in COVERED:
        measured = areas.get(area, [])
        for covered, count, path in sorted(measured, key=lambda one: str(one[2])):
            print(f"{100 * covered / max(count, 1):6.1f} % {covered:6} of {count:6} lines  {path}")
    for area in COVERED:
        measured = areas.get(area, [])
        covered, count = sum(one[0] for one in measured), sum(one[1] for one in measured)
        print(f"{100 * covered / max(count, 1):6.1f} % {covered:6} of {count:6} lines  {area}, by the corpus alone")
    print(f"the profile: {profile}; the program: {directory / 'replay'}")
    return not failed


# --------------------------------------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(
        prog="sh tests/fuzz/run",
        description="Feeds every parser of foreign bytes with what libFuzzer invents, under the address and "
        "undefined-behaviour sanitizers. Exit status 0 only if nothing was found.",
        epilog="Environment: BLUEPRINT_FAAS_FUZZ_DIR, where to build (build-fuzz); CXX, a compiler that has libFuzzer "
        "(clang++-19).",
    )
    parser.add_argument("words", nargs="*", metavar="[SECONDS] [TARGET...]", help="by default all targets")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--smoke", type=float, metavar="SECONDS", help="all targets within SECONDS altogether, for CI")
    ways.add_argument(
        "--cpu-minutes",
        type=float,
        metavar="N",
        help="each target until it has had N minutes of CPU time; run again, it goes on where it was",
    )
    ways.add_argument("--merge", action="store_true", help="take the best of what was learned into the corpus")
    ways.add_argument("--coverage", action="store_true", help="the lines that the corpus alone reaches")
    ways.add_argument("--report", action="store_true", help="how far `--cpu-minutes` is")
    ways.add_argument("--build", action="store_true", help="build only")
    parser.add_argument("--program", type=pathlib.Path, help="of all targets, instead of building it; for --smoke")
    parser.add_argument("--slice", type=float, default=60, metavar="SECONDS", help="of CPU time at a time (60)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at once (the cores)")
    parser.add_argument("--most-files", type=int, default=40, help="of one target's corpus (40)")
    parser.add_argument("--most-bytes", type=int, default=256 * 1024, help="of one target's corpus (262144)")
    options = parser.parse_args()

    words = list(options.words)
    seconds = None
    if not any((options.smoke, options.cpu_minutes, options.merge, options.coverage, options.report, options.build)):
        if not words or not words[0].isdigit():
            parser.error("SECONDS, or one of the options, is missing")
        seconds = int(words.pop(0))
    known = all_targets()
    for word in words:
        if word not in known:
            parser.error(f"there is no target {word}")
    if options.program is not None and options.smoke is None:
        parser.error("--program is for --smoke alone")
    targets = words or known
    build = pathlib.Path(os.environ.get("BLUEPRINT_FAAS_FUZZ_DIR", ROOT / "build-fuzz")).resolve()

    if options.coverage:
        sys.exit(0 if coverage(build, targets, options.jobs) else 1)
    if options.report:
        Campaign(build).report(targets)
        return
    stop = Stop()
    # What runs for a minute had better be compiled in a few.
    if options.smoke is not None:
        build = build / "smoke"
    program = build / "fuzz"
    if options.program is not None:
        program = options.program.resolve()
    else:
        build_fuzz(build, options.jobs, "-O0" if options.smoke is not None else "-O1")
    for target in targets:
        prepare(build, target, program)
    if options.build:
        return
    if options.merge:
        good = [merge(build, target, options.most_files, options.most_bytes) for target in targets]
        sys.exit(0 if all(good) else 1)
    if options.smoke is not None:
        runs = run_smoke(build, targets, options.jobs, options.smoke, stop)
    elif options.cpu_minutes is not None:
        sys.exit(0 if run_campaign(build, targets, options.jobs, options.cpu_minutes, options.slice, stop) else 1)
    else:
        runs = run_for(build, targets, options.jobs, seconds, stop)
    sys.exit(1 if stop or any(run.found for run in runs) else 0)


if __name__ == "__main__":
    main()
