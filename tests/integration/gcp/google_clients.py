#!/usr/bin/env python3
"""Gets tokens of the local Google Cloud by npm's google-auth-library: google_clients.py LOCAL_CLOUD NODE_DIR NODE_SCRIPT

Exit status 77, and why, if the library is not there.
"""
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile

local_cloud, node_dir, script = sys.argv[1:4]
node_dir = pathlib.Path(os.environ.get("BLUEPRINT_FAAS_PEERS_DIR") or node_dir)
PROVIDER = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/providers/here"
AWS_SECRET = secrets.token_hex(20)


def skip(why):
    print(f"SKIPPED: {why}; sh tests/peers installs it")
    sys.exit(77)


def expect(what, condition, seen=None):
    if not condition:
        sys.exit(f"FAILED: {what}: {seen}")
    print(f"ok: {what}", flush=True)


modules = node_dir / "gcp" / "node_modules"
if not (modules / "google-auth-library").is_dir():
    skip("google-auth-library of npm is not installed")
node = next((str(path) for path in node_dir.glob("node/node_modules/node-linux-*/bin/node")), None) or shutil.which("node")
if not node:
    skip("Node.js is not installed")


def environment(directory, **more):
    """What both get: nothing of the user's own configuration."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("AWS_", "GOOGLE_", "GCE_", "GCLOUD_", "CLOUDSDK_", "METADATA_")) and "proxy" not in name.lower()}
    return {**kept, "HOME": directory, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
            "AWS_REGION": "eu-west-1", **more}


with tempfile.TemporaryDirectory() as directory:
    inside = pathlib.Path(directory)
    refresh_token = secrets.token_hex(16)
    client_secret = secrets.token_hex(16)
    (inside / "user.json").write_text(json.dumps({"type": "authorized_user", "client_id": "local.apps.example.com",
                                                  "client_secret": client_secret, "refresh_token": refresh_token}))
    command = [local_cloud, "--listen", "127.0.0.1:0", "--data", str(inside / "cloud"), "--no-memory-limit", "--verbose",
               "--gcp-key-file", str(inside / "key.json"), "--gcp-user-file", str(inside / "user.json"),
               "--gcp-identity", PROVIDER]
    with open(inside / "log", "w+") as log:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment(directory)) as cloud:
            try:
                url = None
                for line in cloud.stdout:
                    found = re.match(r"gcp listening on (\S+)", line)
                    if found:
                        url = found.group(1)
                        break
                expect("the local cloud plays Google Cloud", url)
                key = json.loads((inside / "key.json").read_text())
                expect("it wrote a key for its owner alone", (inside / "key.json").stat().st_mode & 0o777 == 0o600)
                expect("which names its token endpoint", key["token_uri"] == url + "/token", key["token_uri"])
                # Modules are looked for beside the script, so it is run from where they are.
                copy = modules.parent / "client.mjs"
                shutil.copyfile(script, copy)
                done = subprocess.run([node, str(copy), url, directory], timeout=150,
                                      env=environment(directory, GCE_METADATA_HOST=url.removeprefix("http://"), TEST_IDENTITY=PROVIDER))
                expect("all of it", done.returncode == 0, done.returncode)
            finally:
                cloud.terminate()
                cloud.wait(30)
        log.seek(0)
        text = log.read()
        expect("the cloud ended well", cloud.returncode == 0, text[-2000:])
        expect("no secret stands in its log", not any(secret in text for secret in (refresh_token, client_secret, AWS_SECRET)))
        expect("nor a token", not re.search(r"local-\w{60}|eyJ", text))
