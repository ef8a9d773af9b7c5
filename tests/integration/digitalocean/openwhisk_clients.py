#!/usr/bin/env python3
"""Has Apache OpenWhisk's own client, of npm, use the local cloud: openwhisk_clients.py PLATFORM LOCAL_CLOUD NODE_DIR SCRIPT

PLATFORM is openwhisk or digitalocean. Actions of three kinds are made, called and removed: source text, a zip for Node.js, and
a program. Exit status 77, and why, if the client is not there.
"""
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from azure_peers import environment, expect, peers, server_certificate

platform, local_cloud, node_dir, script = sys.argv[1:5]
modules, node = peers(node_dir, "openwhisk", folder="openwhisk", oldest=18)
PASSWORD = secrets.token_hex(20)
TOKEN = "dop_v1_" + secrets.token_hex(32)
INDEX = """
const helper = require('./lib/helper');
exports.main = ({ value, shape, COLOUR }) => ({
  square: helper.square(value), colour: process.env.COLOUR, shape, seen: COLOUR === undefined,
  activation: /^[0-9a-f]{32}$/.test(process.env.__OW_ACTIVATION_ID),
});
"""
# Starts with the Python that runs this file: a program that the platform starts has no PATH.
PROGRAM = f"""#!{sys.executable} -SI
import json, os, sys
out = os.fdopen(3, "w")
if os.environ.get("__OW_WAIT_FOR_ACK"):
    print(json.dumps({{"ok": True}}), file=out, flush=True)
for calls, line in enumerate(sys.stdin, 1):
    value = json.loads(line)["value"]["value"]
    print("squares", value, file=sys.stderr, flush=True)
    print(json.dumps({{"square": value * value, "calls": calls}}), file=out, flush=True)
"""


def archive(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            entry.external_attr = (0o100755 if name == "exec" else 0o100644) << 16
            made.writestr(entry, text)


with tempfile.TemporaryDirectory() as name:
    inside = pathlib.Path(name)
    archive(inside / "node.zip", {"package.json": '{"main":"index.js"}', "index.js": INDEX,
                                  "lib/helper.js": "exports.square = (value) => value * value;\n"})
    archive(inside / "program.zip", {"exec": PROGRAM, "exec.env": "openwhisk/action-golang-v1.24\n"})
    archive(inside / "misnamed.zip", {"exec": PROGRAM, "exec.env": "openwhisk/action-golang-v1.17\n"})
    server_certificate(inside)
    command = [local_cloud, "--listen", "127.0.0.1:0", "--data", str(inside / "cloud"), "--no-memory-limit", "--verbose",
               "--no-aws", "--no-gcp", "--no-azure", "--tls", str(inside / "server.crt"), str(inside / "server.key"),
               "--openwhisk-auth-env", "OPENWHISK_AUTH"]
    known = {"OPENWHISK_AUTH": f"tester:{PASSWORD}", "DIGITALOCEAN_TOKEN": TOKEN}
    with open(inside / "log", "w+") as log:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True,
                              env=environment(inside, **known)) as cloud:
            try:
                url = None
                for line in cloud.stdout:
                    found = re.match(platform + r" listening on (\S+)", line)
                    if found:
                        url = found.group(1)
                        break
                expect("the local cloud plays " + platform, url and url.startswith("https://"), url)
                # Modules are looked for beside a script.
                beside = modules.parent / pathlib.Path(script).name
                shutil.copyfile(script, beside)
                trusting = environment(inside, NODE_EXTRA_CA_CERTS=str(inside / "server.crt"), **known)
                done = subprocess.run([node, str(beside), platform, url, str(inside)], timeout=200, env=trusting)
                expect("all of " + beside.name, done.returncode == 0, done.returncode)
            finally:
                cloud.terminate()
                cloud.wait(30)
        log.seek(0)
        text = log.read()
        expect("the cloud ended well", cloud.returncode == 0, text[-2000:])
        expect("no secret stands in its log", not any(secret in text for secret in (PASSWORD, TOKEN, "fn_secret_")))
