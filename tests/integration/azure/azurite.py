#!/usr/bin/env python3
"""Keeps packages in npm's azurite, an emulator of blob storage: azurite.py UPLOADS NODE_DIR

Once by signatures over plain HTTP, once by them over TLS, and once by a token. Azurite verifies signatures and reads what
a token says; it does not verify who signed that. Exit status 77, and why, if it is not there.
"""
import base64
import json
import pathlib
import re
import secrets
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from azure_peers import environment, expect, peers, server_certificate

uploads, node_dir = sys.argv[1:3]
modules, node = peers(node_dir, "azurite")
ACCOUNT = "packages"
KEY = base64.b64encode(secrets.token_bytes(64)).decode()


def token(audience):
    def part(value):
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(text).decode().rstrip("=")
    tenant = "0a1b2c3d-0000-4000-8000-000000000001"
    now = int(time.time())
    claims = {"aud": audience, "iss": f"https://sts.windows.net/{tenant}/", "tid": tenant, "iat": now, "nbf": now - 60,
              "exp": now + 600, "oid": tenant, "sub": tenant, "appid": tenant, "ver": "1.0"}
    return ".".join([part({"alg": "RS256", "typ": "JWT"}), part(claims), part(b"signed by nobody")])


def run(inside, what, *arguments, **variables):
    command = [node, str(modules / "azurite/dist/src/blob/main.js"), "--blobHost", "127.0.0.1", "--blobPort", "0",
               "--inMemoryPersistence", "--disableTelemetry", *arguments]
    certified = [str(inside / "server.crt")] if arguments else []
    with open(inside / "log", "w+") as log, \
         subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=inside,
                          env=environment(inside, AZURITE_ACCOUNTS=f"{ACCOUNT}:{KEY}")) as azurite:
        try:
            url = None
            for line in azurite.stdout:
                found = re.search(r"successfully listens on (https?://127\.0\.0\.1:\d+)", line)
                if found:
                    url = found.group(1)
                    break
            expect(f"azurite serves {what}", url)
            done = subprocess.run([uploads, f"{url}/{ACCOUNT}/", ACCOUNT, *certified], timeout=120,
                                  env=environment(inside, **variables))
            expect(f"all of it, {what}", done.returncode == 0, done.returncode)
        finally:
            azurite.terminate()
            azurite.stdout.close()
            azurite.wait(30)


with tempfile.TemporaryDirectory() as name:
    inside = pathlib.Path(name)
    server_certificate(inside)
    tls = ["--cert", str(inside / "server.crt"), "--key", str(inside / "server.key")]
    run(inside, "plain HTTP, by signatures", AZURITE_KEY=KEY)
    run(inside, "TLS, by signatures", *tls, AZURITE_KEY=KEY)
    run(inside, "TLS, by a token", *tls, "--oauth", "basic", AZURITE_TOKEN=token("https://storage.azure.com"),
        AZURITE_OTHER_TOKEN=token("https://management.azure.com"))
