#!/usr/bin/env python3
"""Has Microsoft's own clients, of npm, ask the local Azure: azure_clients.py LOCAL_CLOUD NODE_DIR SCRIPTS

@azure/identity gets tokens of every kind, and @azure/arm-appservice makes an app, reads and removes it. SCRIPTS is where the
scripts stand that say how. Exit status 77, and why, if they are not there.
"""
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from azure_peers import certificate, environment, expect, peers, server_certificate

local_cloud, node_dir, scripts = sys.argv[1:4]
SECRET = secrets.token_hex(20)
HEADER = secrets.token_hex(20)
modules, node = peers(node_dir, "@azure/arm-appservice")
SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"

with tempfile.TemporaryDirectory() as name:
    inside = pathlib.Path(name)
    application = {"AZURE_TENANT_ID": "0a1b2c3d-0000-4000-8000-000000000001",
                   "AZURE_CLIENT_ID": "aaaaaaaa-0000-4000-8000-000000000001", "AZURE_CLIENT_SECRET": SECRET}
    server_certificate(inside)
    certificate(inside, "application")
    certificate(inside, "stranger")
    command = [local_cloud, "--listen", "127.0.0.1:0", "--data", str(inside / "cloud"), "--no-memory-limit", "--verbose",
               "--no-aws", "--no-gcp", "--tls", str(inside / "server.crt"), str(inside / "server.key"),
               "--azure-certificate", str(inside / "application.pem"),
               "--azure-subscription", SUBSCRIPTION, "--azure-federated", "https://ci.example.com", "repo:a/b",
               "--azure-identity-header-env", "APP_HEADER"]
    with open(inside / "log", "w+") as log:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True,
                              env=environment(inside, APP_HEADER=HEADER, **application)) as cloud:
            try:
                url = None
                for line in cloud.stdout:
                    found = re.match(r"azure listening on (\S+)", line)
                    if found:
                        url = found.group(1)
                        break
                expect("the local cloud plays Azure", url and url.startswith("https://"), url)
                # Modules are looked for beside a script, so they are run from where those are.
                for script in pathlib.Path(scripts).glob("*.mjs"):
                    shutil.copyfile(script, modules.parent / script.name)
                trusting = environment(inside, NODE_EXTRA_CA_CERTS=str(inside / "server.crt"), **application)
                endpoint = {**trusting, "IDENTITY_ENDPOINT": url + "/msi/token"}
                for script, arguments, variables in [
                        ("identity.mjs", [url, str(inside)], trusting),
                        ("identity.mjs", ["app"], {**endpoint, "IDENTITY_HEADER": HEADER}),
                        ("identity.mjs", ["stranger"], {**endpoint, "IDENTITY_HEADER": "another"}),
                        ("make_app.mjs", [url, SUBSCRIPTION], trusting)]:
                    done = subprocess.run([node, str(modules.parent / script), *arguments], timeout=200, env=variables)
                    expect(f"all of {script}", done.returncode == 0, done.returncode)
            finally:
                cloud.terminate()
                cloud.wait(30)
        log.seek(0)
        text = log.read()
        expect("the cloud ended well", cloud.returncode == 0, text[-2000:])
        expect("no secret stands in its log", not any(secret in text for secret in (SECRET, HEADER)))
        expect("nor a token", "eyJ" not in text)
