#!/usr/bin/env python3
"""Calls a function through boto3, when bench_invoke says so: boto3_client.py ENDPOINT IN_FLIGHT PAYLOAD AUTHORITY_FILE

One thread a call in flight, for boto3 blocks. See runner.hpp for the lines on standard input and output.
"""
import base64
import concurrent.futures
import json
import resource
import sys
import time

import boto3
from botocore.config import Config

endpoint, in_flight, payload, authority = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
config = Config(max_pool_connections=in_flight, retries={"max_attempts": 0}, proxies={})
client = boto3.client("lambda", endpoint_url=endpoint, verify=authority, config=config)
arguments = bytes((i * 7 + i // 256) % 256 for i in range(payload))
body = json.dumps({"job_id": 0, "args": base64.b64encode(arguments).decode()}, separators=(",", ":"))


def call_on(end, most):
    took, failures = [], 0
    while time.perf_counter() < end and len(took) < most:
        began = time.perf_counter()
        try:
            answer = client.invoke(FunctionName="blueprint-job-0", Qualifier="live", LogType="Tail", Payload=body)
            fine = answer["StatusCode"] == 200 and len(answer["Payload"].read()) > payload
        except Exception as why:  # whatever it was, the call failed
            fine = False
            if not failures:
                print(f"boto3: {why}", file=sys.stderr)
        took.append(time.perf_counter() - began)
        failures += not fine
    return took, failures


with concurrent.futures.ThreadPoolExecutor(in_flight) as threads:
    for line in sys.stdin:
        numbers = line.split()
        if len(numbers) != 3:
            break
        before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        end, most = began + int(numbers[0]) / 1000, max(int(numbers[1]) // in_flight, 1)
        outcomes = [each.result() for each in [threads.submit(call_on, end, most) for _ in range(in_flight)]]
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
        took = sorted(one for outcome in outcomes for one in outcome[0]) or [0]
        failures = sum(outcome[1] for outcome in outcomes)
        calls = sum(len(outcome[0]) for outcome in outcomes) - failures
        p50, p99 = (took[int(len(took) * share)] * 1e6 for share in (0.5, 0.99))
        print(calls, failures, seconds, after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime, p50, p99, -1, -1, flush=True)
