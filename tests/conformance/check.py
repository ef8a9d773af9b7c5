#!/usr/bin/env python3
"""Runs the conformance program as an author of a platform would: check.py PROGRAM LOCAL_CLOUD ECHO_FUNCTION."""
import json
import os
import re
import subprocess
import sys
import tempfile

program, local_cloud, function = sys.argv[1:4]
cloud_options = ["--no-memory-limit"] if os.environ.get("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") else []


def run(*arguments, status=0):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=200)
    if done.returncode != status:
        sys.exit(f"{arguments}: exit status {done.returncode}, not {status}\n{done.stdout}\n{done.stderr}")
    return done


def expect(what, condition, shown):
    if not condition:
        sys.exit(f"{what}:\n{shown}")


with tempfile.TemporaryDirectory() as directory:
    token = os.path.join(directory, "token")
    with open(token, "w", encoding="ascii") as file:
        file.write("a-token-of-this-test\n")
    wrong = os.path.join(directory, "wrong")
    with open(wrong, "w", encoding="ascii") as file:
        file.write("another-token-than-that\n")
    cloud = subprocess.Popen([local_cloud, "--bearer-env", "CLOUD_TOKEN", *cloud_options], stdout=subprocess.PIPE,
                             text=True, env={**os.environ, "CLOUD_TOKEN": "a-token-of-this-test"})
    try:
        url = re.search(r"http://\S+", cloud.stdout.readline()).group(0)

        done = run(url, "--bearer-file", token, "--no-large", "--function", function, "--json")
        report = json.loads(done.stdout)
        expect("nothing fails", report["failed"] == 0 and report["ok"] > 25, done.stdout)
        expect("counted", len(report["checks"]) == report["ok"] + report["not_offered"], done.stdout)
        names = {check["name"]: check["verdict"] for check in report["checks"]}
        expect("the credential was checked", names["authorisation"] == "ok", done.stdout)
        expect("large packages were left out", names["large-packages"] == "not offered", done.stdout)

        with open(os.path.join(directory, "bearer"), "w", encoding="ascii") as file:
            file.write("Bearer a-token-of-this-test\n")
        done = run(url, "--header", "Authorization: " + os.path.join(directory, "bearer"), "--only", "life", "--only", "ids")
        expect("a table of two", re.search(r"^2 ok, 0 failed, 0 not offered$", done.stdout, re.M), done.stdout)

        done = run(url, "--bearer-file", wrong, "--only", "life", status=1)
        expect("what is wanted is told", "the contract wants:" in done.stdout and "401" in done.stdout, done.stdout)
        expect("no credential is shown", "another-token-than-that" not in done.stdout + done.stderr, done.stdout)

        for arguments in ([], ["--json"], [url, "--only"], [url, "--only", "nothing"], [url, "--time-limit", "x"],
                          [url, "--bearer-file", "/nowhere"], [url, "--header", "X"], [url, "--cert", token], [url, url], ["ftp://x"]):
            expect("usage", "usage:" in run(*arguments, status=2).stderr, arguments)
        expect("help", "--bearer-file" in run("--help").stdout, "--help")
    finally:
        cloud.terminate()
        cloud.wait(30)
