#!/usr/bin/env python3
"""Runs the quick start as a user would and checks what it says: check.py QUICKSTART LOCAL_CLOUD."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

quickstart, local_cloud = sys.argv[1:3]


def run(*arguments, stdin="", status=0, env=None):
    done = subprocess.run([quickstart, *arguments], input=stdin, capture_output=True, text=True, timeout=150,
                          env={**os.environ, **(env or {})})
    if done.returncode != status:
        sys.exit(f"{arguments}: exit status {done.returncode}, not {status}\n{done.stdout}\n{done.stderr}")
    return done


def row(output, job):
    """ok, failed, where of a job's line in the table"""
    found = re.search(rf"^  {job}\s+\S.*?\s{{2,}}(\S.*?)\s{{2,}}(\d+)\s+(\d+)\s", output, re.M)
    if not found:
        sys.exit(f"job {job} has no line in\n{output}")
    return found.group(1), int(found.group(2)), int(found.group(3))


def expect(what, condition, output):
    if not condition:
        sys.exit(f"{what}:\n{output}")


# Made-up calls: every third is a job's own failure now and then, which is no failure of the run.
done = run("--calls", "300")
expect("job 0 ran on the platform", row(done.stdout, 0) == ("Custom HTTP FaaS", 100, 0), done.stdout)
expect("job 1 ran here", row(done.stdout, 1) == ("local", 100, 0), done.stdout)
expect("job 2 failed for the multiples of 97", row(done.stdout, 2) == ("Custom HTTP FaaS", 99, 1), done.stdout)
expect("counted", "300 calls: 299 ok, 1 failed, 0 unfinished" in done.stdout, done.stdout)
expect("removed", "job 0 is removed" in done.stdout and "job 2 is removed" in done.stdout, done.stdout)
expect("piped output has no progress line", "\r" not in done.stdout, done.stdout)

# The same on Lambda, as the local cloud plays it.
done = run("--provider", "aws", "--calls", "300")
expect("job 0 ran on Lambda", row(done.stdout, 0) == ("AWS Lambda", 100, 0), done.stdout)
expect("job 2 failed for the multiples of 97", row(done.stdout, 2) == ("AWS Lambda", 99, 1), done.stdout)
expect("counted", "300 calls: 299 ok, 1 failed, 0 unfinished" in done.stdout, done.stdout)
expect("removed", "job 0 is removed" in done.stdout and "job 2 is removed" in done.stdout, done.stdout)

# And on Google Cloud, both ways, and on Azure, where both jobs are in one app.
for provider, name in (("cloud-run", "Google Cloud Run"), ("gcp", "Google Cloud Functions"), ("azure", "Azure Functions")):
    done = run("--provider", provider, "--calls", "60")
    expect(f"job 0 ran on {name}", row(done.stdout, 0) == (name, 20, 0), done.stdout)
    expect("counted", "60 calls: 60 ok, 0 failed, 0 unfinished" in done.stdout, done.stdout)
    expect("removed", "job 0 is removed" in done.stdout and "job 2 is removed" in done.stdout, done.stdout)

# And on OpenWhisk, DigitalOcean's and one's own, where the functions are started by Node.js.
if shutil.which("node"):
    for provider, name in (("digitalocean", "DigitalOcean Functions"), ("openwhisk", "Apache OpenWhisk")):
        done = run("--provider", provider, "--calls", "60")
        expect(f"job 0 ran on {name}", row(done.stdout, 0) == (name, 20, 0), done.stdout)
        expect("counted", "60 calls: 60 ok, 0 failed, 0 unfinished" in done.stdout, done.stdout)
        expect("removed", "job 0 is removed" in done.stdout and "job 2 is removed" in done.stdout, done.stdout)
else:
    print("skipped: digitalocean and openwhisk, because there is no Node.js here")

# Bad lines are told one by one and lose nothing.
lines = [
    '{"job_id":0,"args":[27,0,0,0,0,0,0,0]}',
    '{"job_id":4294967296,"args":[]}',
    '{"job_id":7,"args":[1]}',
    '{"job_id":0,"args":[1,2,3]}',
    "not json",
    '{"job_id":1,"args":[57,48,0,0,0,0,0,0],"metadata":{"call_id":"77"}}',
]
with tempfile.TemporaryDirectory() as directory:
    output = os.path.join(directory, "results")
    done = run("--input", "-", "--output", output, stdin="\n".join(lines) + "\n", status=1)
    expect("counted", "6 calls: 2 ok, 4 failed, 0 unfinished" in done.stdout, done.stdout)
    expect("id 2^32 is told", "4294967296" in done.stdout, done.stdout)
    expect("the unknown job is told", "job 7" in done.stdout, done.stdout)
    expect("input that is no call is no job's", row(done.stdout, "-") == ("nowhere", 0, 2), done.stdout)
    expect("job 0 counts its own calls alone", row(done.stdout, 0) == ("Custom HTTP FaaS", 1, 1), done.stdout)
    expect("the wrong size is told", "takes 8 bytes" in done.stdout, done.stdout)
    with open(output) as file:
        results = file.read().splitlines()
    expect("a line for each call", len(results) == 6, "\n".join(results))
    expect("the call id came back", any('"77"' in line for line in results), "\n".join(results))

# Another platform, over plain HTTP on this machine.

def as_caller(secret):
    """What AWS's clients find: a key, and nothing of the user's own."""
    return {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


with subprocess.Popen([local_cloud, "--listen", "127.0.0.1:0", "--no-memory-limit"], stdout=subprocess.PIPE, text=True,
                      env={**os.environ, **as_caller("local-to-the-test")}) as cloud:
    try:
        url = cloud.stdout.readline().removeprefix("custom listening on ").strip()
        aws_url = cloud.stdout.readline().removeprefix("aws listening on ").strip()
        done = run("--url", url, "--calls", "30")
        expect("counted", "30 calls: 30 ok" in done.stdout, done.stdout)
        done = run("--url", url, "--token-env", "TOKEN", env={"TOKEN": "not-to-be-seen"}, status=1)
        expect("a token is not sent in the clear", "https://" in done.stderr, done.stderr)
        expect("nor shown", "not-to-be-seen" not in done.stdout + done.stderr, done.stderr)
        done = run("--provider", "aws", "--endpoint-url", aws_url, "--calls", "30", env=as_caller("local-to-the-test"))
        expect("counted", "30 calls: 30 ok" in done.stdout, done.stdout)
        done = run("--provider", "aws", "--endpoint-url", aws_url, "--calls", "3", env=as_caller("another"), status=1)
        expect("a wrong key is told", "InvalidSignatureException" in done.stderr, done.stderr)
    finally:
        cloud.terminate()
        cloud.wait(30)
    expect("the local cloud ended well", cloud.returncode == 0, str(cloud.returncode))
bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
with subprocess.Popen([local_cloud, "--listen", "127.0.0.1:0", "--no-memory-limit"], stdout=subprocess.PIPE, text=True,
                      env=bare) as cloud:
    try:
        cloud.stdout.readline()
        aws_url = cloud.stdout.readline().removeprefix("aws listening on ").strip()
        done = subprocess.run([quickstart, "--provider", "aws", "--endpoint-url", aws_url, "--calls", "3"], env=bare,
                              capture_output=True, text=True, timeout=150)
        expect("no key is needed for a local cloud", "3 calls: 3 ok" in done.stdout, done.stdout + done.stderr)
    finally:
        cloud.terminate()
        cloud.wait(30)
done = run("--url", url, "--calls", "3", status=1)
expect("a platform that is gone is told", "Connection refused" in done.stderr, done.stderr)

# The command line.
expect("help", "usage: quickstart" in run("--help").stdout, "")
for wrong in (["--provider", "vercel"], ["--provider", "azure", "--project", "p"], ["--subscription", "s"],
              ["--provider", "azure", "--subscription", "s"], ["--provider", "azure", "--resource-group", "g"],
              ["--role", "x"], ["--project", "p"], ["--provider", "gcp", "--region", "r"],
              ["--provider", "gcp", "--project", "p", "--endpoint-url", "http://127.0.0.1:1"],
              ["--provider", "aws", "--project", "p"], ["--provider", "openwhisk", "--region", "r"],
              ["--provider", "digitalocean", "--endpoint-url", "https://127.0.0.1:1"], ["--call", "3"], ["--calls", "no"], ["--calls"], ["--token-env", "X"]):
    expect(f"{wrong} is refused", "--help" in run(*wrong, status=2).stderr, "")
done = run("--function", "/nowhere/at/all", status=1)
expect("a missing function binary is named", "/nowhere/at/all" in done.stderr, done.stderr)
done = run("--function", sys.argv[0], status=1)
expect("a script is no function binary", "it is a script" in done.stderr, done.stderr)
