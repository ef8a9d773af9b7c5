"""Prints what one signature by botocore's SigV4Auth costs: its version, then "BYTES MICROSECONDS" for each body given.

The request is the one of bench_signing.cpp, with another client context each time. Ends with 77 without botocore."""

import sys
import time

try:
    import botocore
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError as missing:
    print(missing)
    sys.exit(77)

URL = "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/blueprint-job-0/invocations?Qualifier=live"
CONTEXT = "X-Amz-Client-Context"


def sign_once(signer, request, turn):
    del request.headers[CONTEXT]
    request.headers[CONTEXT] = f"eyJjdXN0b20iOnsiYmx1ZXByaW50LWRlYWRsaW5lLW1zIjoiMTc2NDExMDAw{turn:04}In19"
    signer.add_auth(request)


def median_us(body_bytes):
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), "lambda", "eu-central-1")
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Invocation-Type": "RequestResponse",
        "X-Amz-Log-Type": "Tail",
    }
    request = AWSRequest(method="POST", url=URL, data=b"x" * body_bytes, headers=headers)
    turns = 4 if body_bytes > 1 << 16 else 100
    took = []
    for _ in range(11):
        before = time.process_time()
        for turn in range(turns):
            sign_once(signer, request, turn)
        took.append((time.process_time() - before) / turns)
    return sorted(took)[len(took) // 2] * 1e6


print("botocore", botocore.__version__)
for size in map(int, sys.argv[1:]):
    print(size, f"{median_us(size):.3f}")
