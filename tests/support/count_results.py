#!/usr/bin/env python3
"""Prints "N passed, M failed[, K skipped]" for a Meson testlog.json; says why each skipped test was.

Ends with 0 only if nothing failed and `meson test` (whose exit status is the second argument) was content too.
"""

import json
import sys

log, status = sys.argv[1], int(sys.argv[2])
passed, failed, skipped = [], [], []
with open(log) as lines:
    for line in lines:
        test = json.loads(line)
        kind = {"OK": passed, "EXPECTEDFAIL": passed, "SKIP": skipped}.get(test["result"], failed)
        kind.append(test)

for test in skipped:
    said = (test.get("stdout") or "").strip().splitlines()
    print(f"skipped: {test['name']}: {said[-1] if said else 'no reason given'}")
for test in failed:  # what it said last, for who sees no more than the end of this
    said = ((test.get("stdout") or "") + (test.get("stderr") or "")).strip().splitlines()
    print("\n".join(f"    {line[:300]}" for line in said[-30:]))
    print(f"FAILED: {test['name']} ({test['result']})")
if status != 0 and not failed:
    print(f"meson test ended with status {status} although no test failed")
    failed.append(None)
if not passed and not failed:
    print("no test was run")
    failed.append(None)
print(f"{len(passed)} passed, {len(failed)} failed" + (f", {len(skipped)} skipped" if skipped else ""))
sys.exit(1 if failed else 0)
