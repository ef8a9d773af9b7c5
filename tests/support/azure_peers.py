"""What the tests with platforms' own programs of npm have in common: Microsoft's, and Apache OpenWhisk's client."""
import os
import pathlib
import re
import shutil
import subprocess
import sys


def skip(why):
    print(f"SKIPPED: {why}; sh tests/peers installs it")
    sys.exit(77)


def expect(what, condition, seen=None):
    if not condition:
        sys.exit(f"FAILED: {what}: {seen}")
    print(f"ok: {what}", flush=True)


def peers(default, package, folder="azure", oldest=22):
    """Returns the directory of npm's modules and a Node.js of OLDEST or newer; skips the test if PACKAGE is not there."""
    node_dir = pathlib.Path(os.environ.get("BLUEPRINT_FAAS_PEERS_DIR") or default)
    modules = node_dir / folder / "node_modules"
    if not (modules / package).is_dir():
        skip(f"{package} of npm is not installed")
    node = next((str(path) for path in node_dir.glob("node/node_modules/node-linux-*/bin/node")), None) or shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout if node else ""
    if int((re.match(r"v(\d+)", version) or [0, 0])[1]) < oldest:
        skip(f"Node.js {oldest} is not installed")
    if not shutil.which("openssl"):
        skip("the program openssl is not installed")
    return modules, node


def certificate(directory, name, *extensions):
    """Makes NAME.crt and NAME.key, and NAME.pem with both."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.crt", *extensions],
                   check=True, capture_output=True)
    both = "".join((directory / f"{name}.{kind}").read_text() for kind in ("crt", "key"))
    (directory / f"{name}.pem").write_text(both)


def server_certificate(directory):
    certificate(directory, "server", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")


def environment(directory, **more):
    """Nothing of the user's own configuration, and MORE."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("AZURE_", "AZURITE_", "DIGITALOCEAN_", "IDENTITY_", "IMDS_", "MSI_", "NODE_", "SSL_", "__OW_"))
            and "proxy" not in name.lower()}
    return {**kept, "HOME": str(directory), **more}
