#!/usr/bin/env python3
"""Runs test programs that note what goes between client and server, and checks that by the API's own model:
recorded.py PROGRAM...   Exit status 77, and why, if the model is not here."""
import os
import pathlib
import subprocess
import sys
import tempfile

checker = pathlib.Path(__file__).with_name("check_lambda.py")
model = checker.resolve().parents[3] / "shared/contracts/aws/lambda-2015-03-31.service-2.json"
if not model.exists():
    print("SKIPPED: the published model of Lambda's API is not beside this source tree")
    sys.exit(77)
with tempfile.TemporaryDirectory() as directory:
    for number, program in enumerate(sys.argv[1:]):
        record = os.path.join(directory, f"served-{number}.jsonl")
        environment = {**os.environ, "BLUEPRINT_FAAS_RECORD_DIR": directory, "BLUEPRINT_FAAS_LAMBDA_RECORD": record}
        done = subprocess.run([program], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{program} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    records = sorted(str(path) for path in pathlib.Path(directory).glob("*.jsonl"))
    if len(records) < len(sys.argv[1:]):
        sys.exit(f"only {len(records)} of {len(sys.argv) - 1} programs noted anything")
    sys.exit(subprocess.run([sys.executable, str(checker), "--model", str(model), *records]).returncode)
