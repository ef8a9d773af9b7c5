#!/usr/bin/env python3
"""Runs those tests of a program that want Microsoft's own client of the management API, of npm:
with_arm_client.py NODE_DIR SCRIPT PROGRAM ARGUMENT...   SCRIPT reads an app. Exit status 77, and why, without the client."""
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from azure_peers import peers

node_dir, script, program, *arguments = sys.argv[1:]
modules, node = peers(node_dir, "@azure/arm-appservice")
# Modules are looked for beside a script.
beside = modules.parent / pathlib.Path(script).name
shutil.copyfile(script, beside)
os.environ["BLUEPRINT_FAAS_NODE"] = node
os.environ["BLUEPRINT_FAAS_READ_APP"] = str(beside)
os.execvp(program, [program, *arguments])
