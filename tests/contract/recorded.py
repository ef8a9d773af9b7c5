#!/usr/bin/env python3
"""Runs a test program that notes what goes between client and server, and then checks that by the API's own model:
recorded.py KIND[,KIND] PROGRAM   Where the model is not, the program is run all the same, and what is left out is said."""
import os
import pathlib
import subprocess
import sys
import tempfile

CHECKERS = {
    "lambda": ("check_lambda.py", "aws/lambda-2015-03-31.service-2.json", "the published model of Lambda's API"),
    "google": ("check_google.py", "gcp/run.v2.json", "the discovery documents of Google's APIs"),
    "azure": ("check_azure.py", "azure/arm-operations.json", "the models of Azure's management API"),
    "openwhisk": ("check_openwhisk.py", "openwhisk/apiv1swagger.json", "the document of OpenWhisk's API"),
    "digitalocean": ("check_digitalocean.py", "digitalocean/functions.openapi.json", "DigitalOcean's OpenAPI document"),
}
here = pathlib.Path(__file__).resolve()
checkers = []
for kind in sys.argv[1].split(","):
    script, file, what = CHECKERS[kind]
    if (here.parents[3] / "shared/contracts" / file).exists():
        checkers.append(here.with_name(script))
    else:
        print(f"left out, because it is not beside this source tree: a check of each exchange by {what}")
program = sys.argv[2]
with tempfile.TemporaryDirectory() as directory:
    record = os.path.join(directory, "served.jsonl")
    environment = {**os.environ, "BLUEPRINT_FAAS_RECORD_DIR": directory, "BLUEPRINT_FAAS_SERVED_RECORD": record}
    done = subprocess.run([program], env=environment if checkers else None)
    if done.returncode != 0:
        sys.exit(f"{program} failed with status {done.returncode}")
    records = sorted(str(path) for path in pathlib.Path(directory).glob("*.jsonl"))
    if checkers and not records:
        sys.exit(f"{program} noted nothing")
    sys.stdout.flush()
    sys.exit(max((subprocess.run([sys.executable, str(checker), *records]).returncode for checker in checkers), default=0))
