#!/usr/bin/env python3
"""Runs test programs that note what goes between client and server, and checks that by the API's own model:
recorded.py KIND[,KIND] PROGRAM...   Exit status 77, and why, if the model is not here."""
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
    if not (here.parents[3] / "shared/contracts" / file).exists():
        print(f"SKIPPED: {what} is not beside this source tree")
        sys.exit(77)
    checkers.append(here.with_name(script))
programs = sys.argv[2:]
with tempfile.TemporaryDirectory() as directory:
    for number, program in enumerate(programs):
        record = os.path.join(directory, f"served-{number}.jsonl")
        environment = {**os.environ, "BLUEPRINT_FAAS_RECORD_DIR": directory, "BLUEPRINT_FAAS_SERVED_RECORD": record}
        done = subprocess.run([program], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{program} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    records = sorted(str(path) for path in pathlib.Path(directory).glob("*.jsonl"))
    if len(records) < len(programs):
        sys.exit(f"only {len(records)} of {len(programs)} programs noted anything")
    statuses = [subprocess.run([sys.executable, str(checker), *records]).returncode for checker in checkers]
    sys.exit(max(statuses))
