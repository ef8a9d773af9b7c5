#!/usr/bin/env python3
"""Checks recorded exchanges with AWS Lambda, or with what plays it, against the API's own model.

    check_lambda.py [--model FILE] [--older-clients] RECORD...  each a file of JSON lines
    check_lambda.py [--model FILE] --self-test                  plants violations and sees that each is found

A line is one exchange: {"method", "target", "headers": {}, "body_base64", "status", "answer_headers": {},
"answer_body_base64"}. With "deliberate": true the request was made to be refused: it is not checked, but it must have
been refused. With --older-clients a slash may end the path, as earlier models had it and clients made from them send it
(Debian 12's awscli and boto3). Requests of other services are counted and left alone. Exit status 0: no violation; 1: some, each printed;
2: usage; 77: the model is not here.
"""
import argparse
import base64
import binascii
import json
import pathlib
import re
import struct
import sys
import urllib.parse
import zlib

import exchanges
from exchanges import altered, check_planted, check_records, replaced, set_to, shown, with_json

MODEL = pathlib.Path(__file__).resolve().parents[3] / "shared/contracts/aws/lambda-2015-03-31.service-2.json"

# The service answers what its model does not know: reason codes, and errors that come before the operation.
OPEN_ENUMS = {"StateReasonCode", "LastUpdateStatusReasonCode"}
ERRORS_BESIDE_THE_MODEL = {
    "AccessDeniedException": {403},
    "ExpiredTokenException": {403},
    "IncompleteSignatureException": {400, 403},
    "InternalFailure": {500},
    "InvalidSignatureException": {403},
    "MissingAuthenticationTokenException": {403},
    "RequestEntityTooLargeException": {413},
    "SerializationException": {400},
    "ServiceUnavailableException": {503},
    "ThrottlingException": {400, 429},
    "UnknownOperationException": {404},
    "UnrecognizedClientException": {403},
    "ValidationException": {400},
}
# Success that the model does not tell: the service of before the status member came answers 204.
MORE_SUCCESS = {"DeleteFunction": {204}}
SIGNING_FIELDS = {"x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent"}
ANSWER_FIELDS = {"x-amzn-requestid", "x-amzn-errortype", "x-amzn-trace-id", "x-amzn-remapped-content-length"}


class Model:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            model = json.load(file)
        self.shapes = model["shapes"]
        self.operations = []
        for name, operation in model["operations"].items():
            template, _, fixed = operation["http"]["requestUri"].partition("?")
            self.operations.append({
                "name": name,
                "method": operation["http"]["method"],
                "segments": template.split("/")[1:],
                "fixed": dict(urllib.parse.parse_qsl(fixed)),
                "status": operation["http"].get("responseCode", 200),
                "input": self.shapes.get(operation.get("input", {}).get("shape"), {"members": {}}),
                "output": self.shapes.get(operation.get("output", {}).get("shape"), {"members": {}}),
                "errors": {error["shape"] for error in operation.get("errors", [])},
            })

    def find(self, method, path, query):
        """Returns the operation and its decoded path parameters. One that wants a fixed parameter goes first."""
        segments = path.split("/")[1:]
        best = None
        for operation in self.operations:
            if operation["method"] != method or len(operation["segments"]) != len(segments):
                continue
            if any(query.get(name) != [value] for name, value in operation["fixed"].items()):
                continue
            parameters = {}
            for pattern, segment in zip(operation["segments"], segments):
                if pattern.startswith("{"):
                    parameters[pattern.strip("{}+")] = urllib.parse.unquote(segment)
                elif pattern != segment:
                    break
            else:
                if segments[-1] and (best is None or len(operation["fixed"]) > len(best[0]["fixed"])):
                    best = operation, parameters
        return best

    def check(self, name, value, path, answer, report):
        """Checks a value of a JSON document against a shape."""
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            if not isinstance(value, dict):
                return report(f"{path}: {shown(value)} is no object")
            members = {key: member for key, member in shape["members"].items() if "location" not in member}
            return self.check_members(members, shape.get("required", []), value, path, answer, report)
        if kind == "map":
            if not isinstance(value, dict):
                return report(f"{path}: {shown(value)} is no object")
            self.check_size(shape, len(value), path, "entries", report)
            for key, entry in value.items():
                self.check(shape["key"]["shape"], key, f"{path} key", answer, report)
                self.check(shape["value"]["shape"], entry, f"{path}.{key}", answer, report)
            return None
        if kind == "list":
            if not isinstance(value, list):
                return report(f"{path}: {shown(value)} is no list")
            self.check_size(shape, len(value), path, "entries", report)
            for index, entry in enumerate(value):
                self.check(shape["member"]["shape"], entry, f"{path}[{index}]", answer, report)
            return None
        if kind == "boolean":
            if not isinstance(value, bool):
                report(f"{path}: {shown(value)} is no boolean")
            return None
        if kind in ("integer", "long", "double", "timestamp"):
            whole = kind in ("integer", "long")
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                return report(f"{path}: {shown(value)} is no {'whole ' if whole else ''}number")
            return self.check_size(shape, value, path, None, report)
        if not isinstance(value, str):
            return report(f"{path}: {shown(value)} is no string")
        if kind == "blob":
            try:
                decoded = base64.b64decode(value, validate=True)
            except binascii.Error:
                return report(f"{path}: is no Base64")
            return self.check_size(shape, len(decoded), path, "bytes", report)
        return self.check_text(name, shape, value, path, answer, report)

    def check_text(self, name, shape, value, path, answer, report):
        self.check_size(shape, len(value), path, "characters", report)
        if "enum" in shape and value not in shape["enum"] and not (answer and name in OPEN_ENUMS):
            report(f"{path}: {shown(value)} is no {name}")
        if "pattern" in shape and value:
            pattern = shape["pattern"].replace(r"\p{L}\p{Z}\p{N}", r"\w\s")  # which Python writes so
            if not re.fullmatch(pattern, value, re.DOTALL):
                report(f"{path}: {shown(value)} does not match {pattern}")

    @staticmethod
    def check_size(shape, size, path, unit, report):
        what = f"has {size} {unit}" if unit else f"is {size}"
        if "min" in shape and size < shape["min"]:
            report(f"{path}: {what}, at least {shape['min']} wanted")
        if "max" in shape and size > shape["max"]:
            report(f"{path}: {what}, at most {shape['max']} allowed")

    def check_members(self, members, required, value, path, answer, report):
        by_name = {member.get("locationName", key): (key, member) for key, member in members.items()}
        for name, entry in value.items():
            if name not in by_name:
                report(f"{path}: has the unknown member {shown(name)}")
            elif entry is None and answer and by_name[name][0] not in required:
                pass  # the service says so of what is not set
            else:
                self.check(by_name[name][1]["shape"], entry, f"{path}.{name}", answer, report)
        for name, (key, _) in by_name.items():
            if key in required and name not in value:
                report(f"{path}: lacks the member {shown(name)}")

    def check_plain(self, member, text, path, answer, report):
        """Checks a value that stands as text in a path, a query or a header field."""
        name = member["shape"]
        kind = self.shapes[name]["type"]
        if kind == "list":
            return self.check_plain(self.shapes[name]["member"], text, path, answer, report)
        if kind in ("integer", "long", "double"):
            if not re.fullmatch(r"-?\d+(\.\d+)?" if kind == "double" else r"-?\d+", text):
                return report(f"{path}: {shown(text)} is no number")
            return self.check(name, float(text) if kind == "double" else int(text), path, answer, report)
        if kind == "boolean":
            return None if text in ("true", "false") else report(f"{path}: {shown(text)} is no boolean")
        if kind == "timestamp":  # in a query: ISO 8601
            return None if re.match(r"\d{4}-\d\d-\d\dT", text) else report(f"{path}: {shown(text)} is no time")
        return self.check(name, text, path, answer, report)

    def located(self, shape, location):
        return {member.get("locationName", key): (key, member) for key, member in shape["members"].items()
                if member.get("location") == location}


def json_object(body, path, report):
    try:
        value = json.loads(body)
    except ValueError:
        report(f"{path}: is no JSON")
        return None
    if not isinstance(value, dict):
        report(f"{path}: {shown(value)} is no object")
        return None
    return value


def check_request(model, operation, parameters, query, headers, body, report):
    shape = operation["input"]
    required = set(shape.get("required", []))
    given = set()
    for name, (key, member) in model.located(shape, "uri").items():
        given.add(key)
        model.check_plain(member, parameters[name], f"path {name}", False, report)
    members = model.located(shape, "querystring")
    for name, values in query.items():
        if name in operation["fixed"] or name.startswith("X-Amz-"):
            continue
        if name not in members:
            report(f"query: has the unknown parameter {shown(name)}")
            continue
        key, member = members[name]
        given.add(key)
        if len(values) > 1 and model.shapes[member["shape"]]["type"] != "list":
            report(f"query: has {name} {len(values)} times")
        for value in values:
            model.check_plain(member, value, f"query {name}", False, report)
    members = {name.lower(): entry for name, entry in model.located(shape, "header").items()}
    for name, value in headers.items():
        if name in members:
            key, member = members[name]
            given.add(key)
            model.check_plain(member, value, f"header {name}", False, report)
        elif name.startswith("x-amz-") and name not in SIGNING_FIELDS:
            report(f"header: has the unknown field {shown(name)}")

    rest = {key: member for key, member in shape["members"].items() if "location" not in member}
    payload = shape.get("payload")
    if payload and model.shapes[rest[payload]["shape"]]["type"] != "structure":
        if body:
            given.add(payload)
    elif payload:
        given.add(payload)
        value = json_object(body, "body", report)
        if value is not None:
            model.check(rest[payload]["shape"], value, "body", False, report)
    elif rest:
        value = json_object(body, "body", report) if body else {}
        if body and headers.get("content-type", "").partition(";")[0] not in ("application/json", "application/x-amz-json-1.1"):
            report(f"header content-type: {shown(headers.get('content-type', ''))} with a JSON body")
        if value is not None:
            model.check_members(rest, required, value, "body", False, report)
        given |= set(rest)  # looked at just now
    elif body not in (b"", b"{}"):
        report(f"body: has {len(body)} bytes, and the operation takes none")
    for key in sorted(required - given):
        report(f"request: lacks {key}")


def read_frames(body, path, report):
    """Yields headers and payload of each message of an event stream."""
    at = 0
    while at < len(body):
        if len(body) - at < 16:
            return report(f"{path}: ends within a message")
        total, size, prelude = struct.unpack(">III", body[at:at + 12])
        if total < 16 + size or at + total > len(body):
            return report(f"{path}: a message has impossible lengths")
        if zlib.crc32(body[at:at + 8]) != prelude:
            return report(f"{path}: the checksum of a prelude is wrong")
        message = body[at:at + total]
        if zlib.crc32(message[:-4]) != struct.unpack(">I", message[-4:])[0]:
            return report(f"{path}: the checksum of a message is wrong")
        headers, place = {}, 12
        while place < 12 + size:
            length = message[place]
            name = message[place + 1:place + 1 + length].decode("utf-8", "replace")
            place += 1 + length
            if message[place] != 7:
                return report(f"{path}: the field {name} is no string")
            length = struct.unpack(">H", message[place + 1:place + 3])[0]
            headers[name] = message[place + 3:place + 3 + length].decode("utf-8", "replace")
            place += 3 + length
        yield headers, message[12 + size:-4]
        at += total
    return None


def check_stream(model, shape_name, body, report):
    events = model.shapes[shape_name]["members"]
    last = None
    for headers, payload in read_frames(body, "stream", report):
        last = headers.get(":event-type")
        if headers.get(":message-type") == "exception":
            continue
        if last not in events:
            report(f"stream: has the unknown event {shown(last or '')}")
            continue
        shape = model.shapes[events[last]["shape"]]
        if not any(member.get("eventpayload") for member in shape["members"].values()):
            value = json_object(payload, f"stream {last}", report)
            if value is not None:
                model.check(events[last]["shape"], value, f"stream {last}", True, report)
    if last != "InvokeComplete":
        report("stream: does not end with InvokeComplete")


def check_error(model, operation, status, headers, body, report):
    value = json_object(body, "answer", report)
    if value is None:
        return
    code = headers.get("x-amzn-errortype") or value.get("__type") or value.get("code") or ""
    code = str(code).partition(":")[0].rpartition("#")[2]
    if code in ERRORS_BESIDE_THE_MODEL and code not in operation["errors"]:
        if status not in ERRORS_BESIDE_THE_MODEL[code]:
            report(f"answer: {code} has the status {status}")
        if not any(isinstance(value.get(name), str) for name in ("message", "Message")):
            report(f"answer: {code} has no message")
        return
    if code not in operation["errors"]:
        report(f"answer: {shown(code)} is no error of {operation['name']}")
        return
    shape = model.shapes[code]
    if status != shape["error"]["httpStatusCode"]:
        report(f"answer: {code} has the status {status}, not {shape['error']['httpStatusCode']}")
    members = {key: member for key, member in shape["members"].items() if "location" not in member}
    document = {name: entry for name, entry in value.items() if name not in ("__type", "code")}
    model.check_members(members, shape.get("required", []), document, "answer", True, report)
    text = next((name for name in members if name.lower() == "message"), None)
    if text and not value.get(text):
        report(f"answer: {code} has no {text}")


def check_answer(model, operation, status, headers, body, report):
    if "x-amzn-requestid" not in headers:
        report("answer: has no x-amzn-RequestId")
    if status >= 400:
        return check_error(model, operation, status, headers, body, report)
    shape = operation["output"]
    chosen = model.located(shape, "statusCode")
    right = {operation["status"]} | MORE_SUCCESS.get(operation["name"], set())
    if not (200 <= status < 300 if chosen and operation["name"].startswith("Invoke") else status in right):
        report(f"answer: has the status {status}, not {operation['status']}")
    members = {name.lower(): entry for name, entry in model.located(shape, "header").items()}
    for name, value in headers.items():
        if name in members:
            model.check_plain(members[name][1], value, f"answer header {name}", True, report)
        elif name.startswith("x-amz-") and name not in ANSWER_FIELDS:
            report(f"answer: has the unknown field {shown(name)}")
    rest = {key: member for key, member in shape["members"].items() if "location" not in member}
    payload = shape.get("payload")
    if payload:
        target = model.shapes[rest[payload]["shape"]]
        if target.get("eventstream"):
            if headers.get("content-type") != "application/vnd.amazon.eventstream":
                report(f"answer: {shown(headers.get('content-type', ''))} is not the type of an event stream")
            check_stream(model, rest[payload]["shape"], body, report)
        elif target["type"] == "structure":
            value = json_object(body, "answer", report)
            if value is not None:
                model.check(rest[payload]["shape"], value, "answer", True, report)
        elif status in (202, 204) and body:
            report(f"answer: has {len(body)} bytes with the status {status}")
        return None
    if status == 204 or not shape["members"] or (not rest and chosen):
        if body not in (b"", b"{}"):
            report(f"answer: has {len(body)} bytes, and the operation gives none")
        return None
    value = json_object(body, "answer", report)
    if headers.get("content-type", "").partition(";")[0] != "application/json":
        report(f"answer: {shown(headers.get('content-type', ''))} with a JSON body")
    if value is not None:
        model.check_members(rest, shape.get("required", []), value, "answer", True, report)
    return None


def is_lambda(path):
    """The runtime API, whose paths are dated too, has a model of its own."""
    return re.match(r"/+\d{4}-\d\d-\d\d/", path) is not None and not path.startswith("/2018-06-01/runtime/")


def check_exchange(model, exchange, report, older_clients=False):
    """Returns whether the exchange was one with Lambda."""
    path, _, text = exchange["target"].partition("?")
    if not is_lambda(path):
        return False
    if older_clients:
        path = path.removesuffix("/")
    query = urllib.parse.parse_qs(text.replace("+", "%2B"), keep_blank_values=True)
    headers = {name.lower(): value for name, value in exchange["headers"].items()}
    answer_headers = {name.lower(): value for name, value in exchange["answer_headers"].items()}
    body = base64.b64decode(exchange.get("body_base64") or "", validate=True)
    answer = base64.b64decode(exchange.get("answer_body_base64") or "", validate=True)
    status = exchange["status"]
    deliberate = exchange.get("deliberate", False)
    if deliberate and status < 400:
        report(f"answer: {status} to a request that was to be refused")
    found = model.find(exchange["method"], path, query)
    if not found:
        if not deliberate:
            report("request: is no operation of Lambda")
        if status < 400:
            report(f"answer: {status} to what is no operation")
        return True
    operation, parameters = found
    if not deliberate:
        check_request(model, operation, parameters, query, headers, body, report)
    if status >= 400 or not deliberate:
        check_answer(model, operation, status, answer_headers, answer, report)
    return True


def exchange_of(method, target, status, body=b"", answer=b"", headers=None, answer_headers=None):
    """One with what all of Lambda's have."""
    return exchanges.exchange_of(method, target, status, body, answer,
                                 {"Host": "127.0.0.1", "X-Amz-Date": "20150830T123600Z", **(headers or {})},
                                 {"x-amzn-RequestId": "1", **(answer_headers or {})})


def frame(event, payload):
    headers = b"".join(bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
                       for name, value in ((":event-type", event), (":message-type", "event")))
    head = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = head + struct.pack(">I", zlib.crc32(head)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


FUNCTION = {
    "FunctionName": "demo", "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:demo",
    "Runtime": "provided.al2023", "Role": "arn:aws:iam::123456789012:role/demo", "Handler": "bootstrap", "CodeSize": 10,
    "Description": "", "Timeout": 3, "MemorySize": 128, "LastModified": "2026-01-02T03:04:05.678+0000",
    "CodeSha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "Version": "$LATEST", "State": "Active",
    "LastUpdateStatus": "InProgress", "LastUpdateStatusReasonCode": "Creating", "PackageType": "Zip",
    "Architectures": ["x86_64"], "TracingConfig": {"Mode": "PassThrough"}, "EphemeralStorage": {"Size": 512},
    "RevisionId": "8b1f0b3c-6a5d-4f0e-9d58-0c2f3e9a7b61", "VpcConfig": None,
}
CREATE = {
    "FunctionName": "demo", "Role": FUNCTION["Role"], "Code": {"ZipFile": "UEsFBg=="}, "Runtime": "provided.al2023",
    "Handler": "bootstrap", "Environment": {"Variables": {"AB": "1"}}, "Tags": {"k v": "v"}, "Timeout": 3,
}
GOOD = {
    "create": exchange_of("POST", "/2015-03-31/functions", 201, CREATE, FUNCTION),
    "list": exchange_of("GET", "/2015-03-31/functions?MaxItems=50&Marker=a%2Bb", 200, answer={"Functions": [FUNCTION]}),
    "invoke": exchange_of(
        "POST", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ademo/invocations"
        "?Qualifier=%24LATEST", 200, {"n": 7}, {"m": 8},
        {"X-Amz-Invocation-Type": "RequestResponse", "X-Amz-Log-Type": "Tail"},
        {"X-Amz-Executed-Version": "$LATEST", "X-Amz-Log-Result": "QUJD", "X-Amz-Function-Error": "Unhandled"}),
    "event": exchange_of("POST", "/2015-03-31/functions/demo/invocations", 202, {}, b"", {"X-Amz-Invocation-Type": "Event"}),
    "stream": exchange_of(
        "POST", "/2021-11-15/functions/demo/response-streaming-invocations", 200, {},
        frame("PayloadChunk", b"abc") + frame("InvokeComplete", b'{"LogResult":"QUJD"}'),
        answer_headers={"Content-Type": "application/vnd.amazon.eventstream"}),
    "delete": exchange_of("DELETE", "/2015-03-31/functions/demo", 204),
    "no concurrency": exchange_of("GET", "/2019-09-30/functions/demo/concurrency", 200, answer={}),
    "untag": exchange_of("DELETE", "/2017-03-31/tags/" + urllib.parse.quote(FUNCTION["FunctionArn"], safe="")
                         + "?tagKeys=a&tagKeys=b%20c", 204),
    "list provisioned": exchange_of("GET", "/2019-09-30/functions/demo/provisioned-concurrency?List=ALL", 200,
                                    answer={"ProvisionedConcurrencyConfigs": []}),
    "conflict": exchange_of("PUT", "/2015-03-31/functions/demo/code", 409, {"ZipFile": "UEsFBg=="},
                            {"Type": "User", "message": "An update is in progress"},
                            answer_headers={"x-amzn-ErrorType": "ResourceConflictException"}),
    "throttled": exchange_of("POST", "/2015-03-31/functions/demo/invocations", 429, {},
                             {"Type": "User", "message": "Rate Exceeded.", "Reason": "CallerRateLimitExceeded"},
                             answer_headers={"x-amzn-ErrorType": "TooManyRequestsException", "Retry-After": "1"}),
    "unsigned": {**exchange_of("GET", "/2015-03-31/functions", 403, answer={"message": "Missing Authentication Token"},
                               answer_headers={"x-amzn-ErrorType": "MissingAuthenticationTokenException"}),
                 "deliberate": True},
}


def body(**members):
    return with_json("body_base64", lambda value: value.update(members))


def answer(**members):
    return with_json("answer_body_base64", lambda value: value.update(members))


def lacks(part, name):
    return with_json(part, lambda value: value.pop(name))


def header(name, value):
    return lambda exchange: exchange["headers"].update({name: value})


def answer_header(name, value):
    return lambda exchange: exchange["answer_headers"].update({name: value})


def broken_stream(exchange):
    data = bytearray(base64.b64decode(exchange["answer_body_base64"]))
    data[-6] ^= 1
    exchange["answer_body_base64"] = base64.b64encode(bytes(data)).decode()


PLANTED = [  # what is altered, how, and what is to be said of it
    ("create", replaced("target", "2015", "2016"), "is no operation"),
    ("create", replaced("target", "functions", "functions/"), "is no operation"),
    ("create", set_to(method="PUT"), "is no operation"),
    ("create", body(Memory=128), "unknown member 'Memory'"),
    ("create", body(MemorySize="128"), "body.MemorySize: '128' is no whole number"),
    ("create", body(MemorySize=127), "body.MemorySize: is 127, at least 128"),
    ("create", body(MemorySize=True), "is no whole number"),
    ("create", body(Publish="true"), "is no boolean"),
    ("create", body(Runtime="provided.al1"), "is no Runtime"),
    ("create", body(Architectures=[]), "has 0 entries, at least 1"),
    ("create", body(Architectures="x86_64"), "is no list"),
    ("create", body(Code={"ZipFile": "no base64"}), "is no Base64"),
    ("create", body(Code={"ZipFile": "AA==", "Zip": 1}), "body.Code: has the unknown member"),
    ("create", body(Role="demo"), "body.Role: 'demo' does not match"),
    ("create", body(Description="x" * 257), "has 257 characters, at most 256"),
    ("create", body(Environment={"Variables": {"1A": "x"}}), "key: '1A' does not match"),
    ("create", body(Environment={"Variables": {"AB": None}}), "body.Environment.Variables.AB: 'null' is no string"),
    ("create", body(Tags=["k"]), "is no object"),
    ("create", lacks("body_base64", "Role"), "lacks the member 'Role'"),
    ("create", header("Content-Type", "text/plain"), "with a JSON body"),
    ("create", header("X-Amz-Function", "x"), "unknown field 'x-amz-function'"),
    ("create", set_to(status=200), "has the status 200, not 201"),
    ("create", answer(State="Running"), "is no State"),
    ("create", answer(StateReasonCode="Anything", Timeout=None), None),
    ("create", answer(Handlers="x"), "answer: has the unknown member"),
    ("create", answer(CodeSize="10"), "answer.CodeSize"),
    ("create", answer(FunctionArn="demo"), "answer.FunctionArn"),
    ("create", lambda exchange: exchange["answer_headers"].pop("x-amzn-RequestId"), "no x-amzn-RequestId"),
    ("create", answer_header("Content-Type", "text/html"), "with a JSON body"),
    ("create", set_to(answer_body_base64="eA=="), "answer: is no JSON"),
    ("list", replaced("target", "MaxItems=50", "MaxItems=0"), "query MaxItems: is 0, at least 1"),
    ("list", replaced("target", "MaxItems=50", "MaxItems=x"), "is no number"),
    ("list", replaced("target", "MaxItems", "Limit"), "unknown parameter 'Limit'"),
    ("list", replaced("target", "MaxItems=50", "MaxItems=50&MaxItems=51"), "has MaxItems 2 times"),
    ("list", set_to(body_base64="eyJhIjoxfQ=="), "the operation takes none"),
    ("list", answer(Functions=[{"Version": 1}]), "answer.Functions[0].Version: '1' is no string"),
    ("invoke", header("X-Amz-Invocation-Type", "Async"), "is no InvocationType"),
    ("invoke", replaced("target", "%24LATEST", "%20"), "query Qualifier"),
    ("invoke", replaced("target", "function%3Ademo", "function%3Ade%20mo"), "path FunctionName"),
    ("invoke", answer_header("X-Amz-Executed-Version", "one"), "answer header x-amz-executed-version"),
    ("invoke", answer_header("X-Amz-Executed", "1"), "unknown field 'x-amz-executed'"),
    ("invoke", set_to(status=302), "has the status 302"),
    ("event", set_to(answer_body_base64="e30="), "has 2 bytes with the status 202"),
    ("stream", broken_stream, "the checksum of a message is wrong"),
    ("stream", set_to(answer_body_base64=base64.b64encode(frame("PayloadChunk", b"abc")).decode()), "does not end with"),
    ("stream", set_to(answer_body_base64=base64.b64encode(frame("Chunk", b"") + frame("InvokeComplete", b"{}")).decode()),
     "unknown event 'Chunk'"),
    ("stream", set_to(answer_body_base64=base64.b64encode(frame("InvokeComplete", b'{"Log":1}')).decode()),
     "stream InvokeComplete: has the unknown member"),
    ("stream", answer_header("Content-Type", "application/json"), "is not the type of an event stream"),
    ("delete", set_to(answer_body_base64="eA=="), "the operation gives none"),
    ("delete", set_to(status=202), "has the status 202"),
    ("no concurrency", answer(ReservedConcurrentExecutions=-1), "is -1, at least 0"),
    ("untag", replaced("target", "tagKeys", "TagKeys"), "unknown parameter 'TagKeys'"),
    ("untag", replaced("target", "?tagKeys=a&tagKeys=b%20c", ""), "request: lacks TagKeys"),
    ("list provisioned", replaced("target", "?List=ALL", ""), "request: lacks Qualifier"),
    ("conflict", set_to(status=400), "has the status 400, not 409"),
    ("conflict", answer_header("x-amzn-ErrorType", "SnapStartTimeoutException"), "is no error of UpdateFunctionCode"),
    ("conflict", answer_header("x-amzn-ErrorType", ""), "'' is no error"),
    ("conflict", answer(Message="x"), "unknown member 'Message'"),
    ("conflict", lacks("answer_body_base64", "message"), "has no message"),
    ("throttled", answer(Reason="Much"), "is no ThrottleReason"),
    ("unsigned", set_to(status=200), "to a request that was to be refused"),
    ("unsigned", set_to(status=401), "has the status 401"),
]


def self_test(model):
    wrong = check_planted(lambda exchange, report: check_exchange(model, exchange, report), GOOD, PLANTED)
    older = altered(GOOD["list"], replaced("target", "functions?", "functions/?"))
    for older_clients in (False, True):
        found = []
        check_exchange(model, older, found.append, older_clients)
        if bool(found) == older_clients:
            wrong += 1
            print(f"a slash at the end, older clients {older_clients}: found {found}")
    other = exchange_of("POST", "/2018-06-01/runtime/invocation/1/response", 202)
    if check_exchange(model, other, print):
        wrong += 1
        print("the runtime API was taken for Lambda")
    print(f"{len(GOOD)} good exchanges, {len(PLANTED)} planted violations, {wrong} not judged as they should be")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=pathlib.Path, default=MODEL)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--older-clients", action="store_true")
    parser.add_argument("records", nargs="*")
    arguments = parser.parse_args()
    if bool(arguments.records) == arguments.self_test:
        parser.error("give files with recorded exchanges, or --self-test")
    if not arguments.model.is_file():
        print(f"skipped: the model of the Lambda API is not at {arguments.model}")
        sys.exit(77)
    model = Model(arguments.model)
    if arguments.self_test:
        sys.exit(self_test(model))
    sys.exit(check_records(lambda exchange, report: check_exchange(model, exchange, report, arguments.older_clients),
                           arguments.records, "Lambda"))


if __name__ == "__main__":
    main()
