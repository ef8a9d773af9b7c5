#!/usr/bin/env python3
"""Checks recorded exchanges with OpenWhisk's API, or with what plays it, against its own Swagger document.

    check_openwhisk.py [--models DIR] RECORD...    each a file of JSON lines
    check_openwhisk.py [--models DIR] --self-test  plants violations and sees that each is found

A line is one exchange: {"method", "target", "headers": {}, "body_base64", "status", "answer_headers": {},
"answer_body_base64"}. With "deliberate": true the request was made to be refused: it is not checked, but it must have
been refused. What the document leaves out and the controller has stands in this file: `init` and `encryption` of
parameters, the record of a call that waited, and what a host says of itself. Kinds are not checked against the
document, which has those of one host. Requests of others are counted and left alone. Exit status 0: no violation; 1:
some, each printed; 2: usage; 77: the document is not here.
"""
import base64
import binascii
import json
import pathlib
import re
import urllib.parse

from exchanges import answer, body, check_planted, exchange_of, put, replaced, run_checker, set_to, shown, without

MODELS = pathlib.Path(__file__).resolve().parents[3] / "shared/contracts/openwhisk"
ROOT = "/api/v1"
NAME = re.compile(r"\w|\w[\w@ .&-]{0,254}[\w@.&-]", re.ASCII)
KIND = re.compile(r"[\w.-]+:[\w.-]+|blackbox|sequence", re.ASCII)
ACTIVATION = re.compile(r"[0-9a-f]{32}")
VERSION = re.compile(r"\d+\.\d+\.\d+")
STATUSES = {"success": 0, "application error": 1, "action developer error": 2, "whisk internal error": 3}
LIST_LIMIT = 200
# What the definitions of the document lack.
MORE = {
    "KeyValue": {"init": {"type": "boolean"}, "encryption": {"type": "string"}},
    "Activation": {"gbs": {"type": "number"}, "date": {"type": "string"}},
    "ActionExec": {"kind": {"type": "string"}},
}
REQUIRED_MORE = {"KeyValue": ["key", "value"], "Activation": ["end", "duration"]}
# The answers that the document describes in words alone.
ANSWERS = {("delete", "/namespaces/{namespace}/actions/{actionName}"): "Action",
           ("delete", "/namespaces/{namespace}/actions/{packageName}/{actionName}"): "Action",
           ("delete", "/namespaces/{namespace}/packages/{packageName}"): "Package"}
UNDOCUMENTED_QUERY = {"count": {"type": "boolean"}}  # of all lists


class Model:
    def __init__(self, directory):
        document = json.loads((directory / "apiv1swagger.json").read_text(encoding="utf-8"))
        self.definitions, self.responses = document["definitions"], document["responses"]
        self.operations = []
        for path, methods in document["paths"].items():
            pattern = re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path)))
            names = re.findall(r"\{(\w+)\}", path)
            for verb, operation in methods.items():
                if verb != "parameters":
                    shared = methods.get("parameters", [])
                    parameters = shared + operation.get("parameters", [])
                    self.operations.append((verb.upper(), pattern, names, path, operation, parameters))

    def find(self, verb, path):
        """The operation, and what stands for the names in its path."""
        # A list of a package's actions is asked for with a slash at the end.
        package = re.fullmatch(r"(/namespaces/[^/]+/actions)/([^/]+)/", path)
        for method, pattern, names, template, operation, parameters in self.operations:
            match = pattern.fullmatch(package[1] if package and verb == "GET" else path)
            if method == verb and match:
                values = dict(zip(names, match.groups()))
                if package:
                    values["packageName"] = package[2]
                return template, operation, parameters, values
        return None

    def schema_of(self, response):
        if "$ref" in response:
            response = self.responses[response["$ref"].rpartition("/")[2]]
        return response.get("schema")


class Check:
    def __init__(self, model, report):
        self.model, self.report = model, report

    def value(self, schema, value, where):
        name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else ""
        if name:
            schema = self.model.definitions[name]
        kind = schema.get("type", "object" if "properties" in schema else None)
        fits = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict}
        if kind in fits and (not isinstance(value, fits[kind]) or (isinstance(value, bool) and kind != "boolean")):
            return self.report(f"{where}: {shown(value)} is no {'whole number' if kind == 'integer' else kind}")
        if schema.get("format") == "int32" and not -2**31 <= value < 2**31:
            self.report(f"{where}: {value} does not fit into 32 bits")
        if kind == "string" and len(value) < schema.get("minLength", 0):
            self.report(f"{where}: is empty")
        if kind == "array":
            for index, entry in enumerate(value):
                self.value(schema.get("items", {}), entry, f"{where}[{index}]")
        if kind == "object" and "properties" in schema:
            self.members(name, schema, value, where)
        return None

    def members(self, name, schema, value, where):
        properties = {**schema["properties"], **MORE.get(name, {})}
        for member, entry in value.items():
            if member not in properties:
                self.report(f"{where}: has the unknown member {member!r}")
            elif not (name == "KeyValue" and member == "encryption" and entry is None):
                self.value(properties[member], entry, f"{where}.{member}")
        for member in schema.get("required", []) + REQUIRED_MORE.get(name, []):
            if member not in value:
                self.report(f"{where}: lacks {member!r}")


def json_of(body):
    try:
        return json.loads(body)
    except ValueError:
        return None


def is_code(text):
    """Whether OpenWhisk takes a text for Base64, and so for a zip."""
    try:
        return len(text) > 0 and len(base64.b64decode(text, validate=True)) > 0
    except (binascii.Error, ValueError):
        return False


def check_names(values, report):
    for name, value in values.items():
        text = urllib.parse.unquote(value)
        if name == "activationid":
            if not ACTIVATION.fullmatch(text):
                report(f"request: {shown(text)} is no id of an activation")
        elif not NAME.fullmatch(text):
            report(f"request: {shown(text)} is no name")


def check_query(template, parameters, query, report):
    known = {one["name"]: one for one in parameters if one["in"] == "query"}
    if "limit" in known:
        known.update(UNDOCUMENTED_QUERY)
    for name, values in query.items():
        if name not in known:
            report(f"request: has the unknown parameter {name!r}")
            continue
        if len(values) > 1:
            report(f"request: has {name} {len(values)} times")
        kind, value = known[name]["type"], values[0]
        if kind == "integer" and not re.fullmatch(r"\d+", value):
            report(f"query {name}: {shown(value)} is no number")
        elif (kind == "boolean" or "enum" in known[name]) and value not in ("true", "false"):
            report(f"query {name}: {shown(value)} is none of its values")
        elif name == "limit" and int(value) > LIST_LIMIT:
            report(f"query limit: {value} is more than {LIST_LIMIT}")


def check_authorization(headers, report):
    # What was noted down has the scheme alone.
    if not headers.get("authorization", "").startswith("Basic "):
        report("request: has no credential of a namespace")


def check_action(action, report):
    """What the document says in words: kinds, code as one line of Base64, names that stand once."""
    kind = action.get("exec", {}).get("kind")
    if kind is not None and not (isinstance(kind, str) and KIND.fullmatch(kind)):
        report(f"body.exec.kind: {shown(kind)} is no runtime")
    code = action.get("exec", {}).get("code")
    if action.get("exec", {}).get("binary") is True and not (isinstance(code, str) and is_code(code)):
        report("body.exec.code: is no Base64 in one line, so it would be taken for a program's text")
    for member in ("annotations", "parameters"):
        names = [one.get("key") for one in action.get(member, []) if isinstance(one, dict)]
        if len(names) != len(set(map(str, names))):
            report(f"body.{member}: have a name twice")


def check_request(model, template, operation, parameters, values, query, headers, body, report):
    check_names(values, report)
    check_query(template, parameters, query, report)
    check_authorization(headers, report)
    schema = next((one["schema"] for one in parameters if one["in"] == "body"), None)
    if schema is None:
        if body:
            report(f"request: has a body of {len(body)} bytes; the operation takes none")
        return
    if not body:
        if operation["operationId"] != "invokeAction":
            report("request: has no body")
        return
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        report(f"request: has the Content-Type {headers.get('content-type')!r} with a JSON body")
    value = json_of(body)
    if not isinstance(value, dict):
        report("request: is no JSON object")
        return
    found = []
    Check(model, found.append).value(schema, value, "body")
    for text in found:
        report(text)
    if operation["operationId"] == "updateAction" and not found:
        check_action(value, report)


def check_error(status, answer, headers, report):
    if not headers.get("content-type", "").startswith("application/json"):
        return  # front ends answer for people
    value = json_of(answer)
    if not isinstance(value, dict):
        report("answer: is no JSON object")
        return
    if not isinstance(value.get("error"), str) or not value["error"]:
        report("answer: has no error")
    if not isinstance(value.get("code", ""), (str, int)):
        report(f"answer.code: {shown(value['code'])} is no transaction")
    for name in value:
        if name not in ("error", "code"):
            report(f"answer: the error has the unknown member {name!r}")


def check_record(model, record, report, waited_for=None):
    """The record of a call. `waited_for`: the status of the answer to the call itself."""
    found = []
    Check(model, found.append).value({"$ref": "#/definitions/Activation"}, record, "answer")
    for text in found:
        report(text)
    if found:
        return
    response = record["response"]
    if not ACTIVATION.fullmatch(record["activationId"]):
        report(f"answer.activationId: {shown(record['activationId'])} is none")
    if not VERSION.fullmatch(record["version"]):
        report(f"answer.version: {shown(record['version'])} is none")
    if record["end"] < record["start"]:
        report("answer.end: is before its start")
    if response.get("status") not in STATUSES:
        report(f"answer.response.status: {shown(response.get('status'))} is none")
        return
    good = response["status"] == "success"
    if response.get("success") != good:
        report(f"answer.response.success: is {shown(response.get('success'))} of {response['status']!r}")
    if "statusCode" in record and record["statusCode"] != STATUSES[response["status"]]:
        report(f"answer.statusCode: is {record['statusCode']} of {response['status']!r}")
    result = response.get("result")
    failed = isinstance(result, dict) and "error" in result
    if good == failed and isinstance(result, dict):
        report(f"answer.response: {response['status']!r} {'with' if failed else 'without'} an error in the result")
    if waited_for is None:
        return
    expected = 200 if good else 500 if STATUSES[response["status"]] == 3 else 502
    if waited_for != expected:
        report(f"answer: has the status {waited_for} of {response['status']!r}, which gives {expected}")


def check_call(model, query, status, headers, answer, report):
    """What a call is answered with: a record, its result alone, or its id. Nothing: the answer is an error of the API."""
    value = json_of(answer)
    told = headers.get("x-openwhisk-activation-id")
    if status in (200, 202, 502) and (told is None or not ACTIVATION.fullmatch(told)):
        report("answer: names no activation in x-openwhisk-activation-id")
    blocking, bare = query.get("blocking") == ["true"], query.get("result") == ["true"]
    if status == 202:
        if not isinstance(value, dict) or set(value) != {"activationId"}:
            report("answer: 202 with more or less than the activation's id")
        elif told is not None and value["activationId"] != told:
            report("answer: names two activations")
        return
    if status == 200 and not blocking:
        report("answer: 200 to a call that nobody waits for; it gives 202")
    if value is None:
        report("answer: is no JSON")
    elif bare:
        if not isinstance(value, (dict, list)):
            report(f"answer: {shown(value)} is no result")
    elif isinstance(value, dict):
        check_record(model, value, report, status)
        if told is not None and value.get("activationId") != told:
            report("answer: names two activations")
    elif not isinstance(value, list):  # a result that is a list comes bare
        report("answer: is no record of a call")


def check_answer(model, template, operation, query, status, headers, answer, report):
    form = headers.get("content-type", "")
    if operation["operationId"] == "invokeAction":
        value = json_of(answer)
        record = isinstance(value, dict) and ("activationId" in value or "response" in value)
        if status in (200, 202) or (status in (500, 502) and (record or "x-openwhisk-activation-id" in headers)):
            check_call(model, query, status, headers, answer, report)
            return
    if status >= 400:
        check_error(status, answer, headers, report)
        return
    if status != 200:
        report(f"answer: has the status {status}; this operation gives 200")
        return
    value = json_of(answer)
    if value is None:
        report("answer: is no JSON")
        return
    if not form.startswith("application/json"):
        report(f"answer: has the Content-Type {form!r} with a JSON body")
    if query.get("count") == ["true"]:
        return
    named = ANSWERS.get((operation["verb"], template))
    schema = {"$ref": "#/definitions/" + named} if named else model.schema_of(operation["responses"]["200"])
    if schema == {"$ref": "#/definitions/Activation"}:
        check_record(model, value, report)
        return
    if template.endswith("/activations") and query.get("docs") == ["true"]:
        for record in value if isinstance(value, list) else []:
            check_record(model, record, report)
        return
    if schema:
        Check(model, report).value(schema, value, "answer")
    if schema == {"$ref": "#/definitions/Action"} and isinstance(value, dict):
        check_stored(query, value, report)


def check_stored(query, action, report):
    if not VERSION.fullmatch(str(action.get("version"))):
        report(f"answer.version: {shown(action.get('version'))} is none")
    exec_ = action.get("exec") if isinstance(action.get("exec"), dict) else {}
    if query.get("code") == ["false"] and "code" in exec_:
        report("answer.exec: has the code, which was not asked for")
    annotations = {one.get("key"): one.get("value") for one in action.get("annotations", []) if isinstance(one, dict)}
    if annotations.get("exec") != exec_.get("kind"):
        report(f"answer: the annotation exec is {shown(annotations.get('exec'))} of the kind {shown(exec_.get('kind'))}")


def check_offer(headers, status, answer, report):
    """What a host says of itself, for which nobody needs a credential."""
    if status != 200:
        return
    value = json_of(answer)
    if "authorization" in headers:
        report("request: has a credential where none is needed")
    if not isinstance(value, dict):
        report("answer: is no JSON object")
        return
    for family, kinds in value.get("runtimes", {}).items():
        for one in kinds:
            if not isinstance(one, dict) or not KIND.fullmatch(str(one.get("kind"))):
                report(f"answer.runtimes.{family}: {shown(one)} is no runtime")


def check_exchange(model, exchange, report):
    """Returns whether it was one of the API."""
    path, _, text = exchange["target"].partition("?")
    query = urllib.parse.parse_qs(text.replace("+", "%2B"), keep_blank_values=True)
    headers = {name.lower(): value for name, value in exchange["headers"].items()}
    answer_headers = {name.lower(): value for name, value in exchange["answer_headers"].items()}
    body = base64.b64decode(exchange.get("body_base64") or "", validate=True)
    answer = base64.b64decode(exchange.get("answer_body_base64") or "", validate=True)
    status, verb = exchange["status"], exchange["method"]
    of_the_api = path.startswith(ROOT + "/namespaces")
    deliberate = exchange.get("deliberate", False)
    if verb == "GET" and path in (ROOT, "/", ROOT + "/"):
        if not deliberate:
            check_offer(headers, status, answer, report)
        return True
    if not of_the_api:
        return False
    if deliberate:
        if status < 400:
            report(f"answer: {status} to a request that was to be refused")
        if "x-openwhisk-activation-id" not in answer_headers:
            check_error(status, answer, answer_headers, report)
        return True
    found = model.find(verb, path.removeprefix(ROOT))
    if found is None:
        report("request: is no operation")
        return True
    template, operation, parameters, values = found
    operation = {**operation, "verb": verb.lower()}
    check_request(model, template, operation, parameters, values, query, headers, body, report)
    check_answer(model, template, operation, query, status, answer_headers, answer, report)
    return True


BASIC = {"Authorization": "Basic " + base64.b64encode(b"user:not-a-real-password").decode()}
ID = "0123456789abcdef0123456789abcdef"
ACTIONS, ACTIVATIONS = ROOT + "/namespaces/_/actions", ROOT + "/namespaces/_/activations"
PUT = {"exec": {"kind": "nodejs:22", "main": "main", "binary": True, "code": "UEsDBAo="},
       "limits": {"timeout": 60000, "memory": 256, "logs": 1, "concurrency": 1},
       "annotations": [{"key": "web-export", "value": False}, {"key": "team", "value": "data"}],
       "delAnnotations": ["old"], "parameters": [{"key": "NAME", "value": "v", "init": True}]}
STORED = {"name": "blueprint-job-7", "namespace": "guest", "version": "0.0.7", "publish": False,
          "exec": {"kind": "nodejs:22", "main": "main", "binary": True}, "limits": PUT["limits"],
          "annotations": [*PUT["annotations"], {"key": "exec", "value": "nodejs:22"}],
          "parameters": PUT["parameters"], "updated": 1767323045678}
SUMMARY = {**{key: STORED[key] for key in ("name", "namespace", "version", "publish", "limits", "annotations", "updated")},
           "exec": {"binary": True}}
RECORD = {"activationId": ID, "name": "blueprint-job-7", "namespace": "guest", "subject": "guest", "version": "0.0.7",
          "publish": False, "start": 1767323045000, "end": 1767323045678, "duration": 678, "logs": [], "statusCode": 0,
          "annotations": [{"key": "waitTime", "value": 20}, {"key": "initTime", "value": 300}],
          "response": {"status": "success", "success": True, "size": 20, "result": {"success": True}}}
FAILED = {**RECORD, "statusCode": 1, "response": {"status": "application error", "success": False,
                                                 "result": {"success": False, "error": "no"}}}
NAMED = {"x-openwhisk-activation-id": ID}


def asked(method, target, status, body=b"", answer=b"", answer_headers=None):
    return exchange_of(method, target, status, body, answer, BASIC, answer_headers)


JOB, CALL = ACTIONS + "/blueprint-job-7", ACTIONS + "/blueprint-job-7?blocking=true&result=false"
GOOD = {
    "offer": exchange_of("GET", "/", 200, answer={"runtimes": {"nodejs": [{"kind": "nodejs:20", "default": True}]}}),
    "offer of the API": exchange_of("GET", ROOT, 200, answer={"runtimes": {"go": [{"kind": "go:1.24"}]}}),
    "namespaces": asked("GET", ROOT + "/namespaces", 200, answer=["guest"]),
    "put": asked("PUT", JOB + "?overwrite=true", 200, PUT, {**STORED, "exec": {**STORED["exec"], "code": "UEsDBAo="}}),
    "put in a package": asked("PUT", ACTIONS + "/my%20tools/blueprint-job-7?overwrite=true", 200, PUT, STORED),
    "get": asked("GET", JOB + "?code=false", 200, answer=STORED),
    "list": asked("GET", ACTIONS + "?limit=200&skip=0", 200, answer=[SUMMARY]),
    "list of a package": asked("GET", ACTIONS + "/tools/?limit=200&skip=0", 200, answer=[SUMMARY]),
    "count": asked("GET", ACTIONS + "?count=true", 200, answer={"actions": 3}),
    "delete": asked("DELETE", JOB, 200, answer=STORED),
    "package": asked("PUT", ROOT + "/namespaces/_/packages/tools?overwrite=true", 200, {},
                     {"name": "tools", "namespace": "guest", "version": "0.0.1", "publish": False, "annotations": [],
                      "parameters": [], "updated": 1767323045678}),
    "call": asked("POST", CALL, 200, {"job_id": 7, "args": "AA=="}, RECORD, NAMED),
    "failed call": asked("POST", CALL, 502, {"job_id": 7}, FAILED, NAMED),
    "bare result": asked("POST", JOB + "?blocking=true&result=true", 200, {}, {"success": True}, NAMED),
    "call without end": asked("POST", JOB + "?blocking=false", 202, {}, {"activationId": ID}, NAMED),
    "broken platform": asked("POST", CALL, 500, {}, {"error": "no", "code": "t"}),
    "record": asked("GET", ACTIVATIONS + "/" + ID, 200, answer=RECORD),
    "records": asked("GET", ACTIVATIONS + "?name=blueprint-job-7&limit=3", 200, answer=[
        {key: RECORD[key] for key in ("activationId", "name", "namespace", "version", "publish", "start", "end",
                                      "duration", "annotations", "statusCode")}]),
    "whole records": asked("GET", ACTIVATIONS + "?docs=true", 200, answer=[RECORD]),
    "logs": asked("GET", ACTIVATIONS + "/" + ID + "/logs", 200, answer={"logs": ["t stdout: x"]}),
    "result": asked("GET", ACTIVATIONS + "/" + ID + "/result", 200, answer=RECORD["response"]),
    "limits": asked("GET", ROOT + "/namespaces/_/limits", 200, answer={"invocationsPerMinute": 60}),
    "absent": asked("GET", JOB + "?code=false", 404, answer={"error": "does not exist", "code": "t"}),
    "old error": asked("GET", JOB + "?code=false", 404, answer={"error": "does not exist", "code": 7}),
    "page": asked("PUT", JOB + "?overwrite=true", 413, PUT, b"<html>", {"Content-Type": "text/html"}),
    "refused": {**asked("PUT", JOB, 409, {"x": 1}, {"error": "exists", "code": "t"}), "deliberate": True},
}


NO_RESPONSE = {"response": {"status": "success", "success": False}}
PLANTED = [  # what is altered, how, and what is to be said of it
    ("offer", set_to(headers=BASIC), "where none is needed"),
    ("offer", answer(put("runtimes", "nodejs", 0, "kind", value="node 20")), "is no runtime"),
    ("offer of the API", answer(put("runtimes", "go", 0, value="go:1.24")), "is no runtime"),
    ("namespaces", answer(put(0, value=7)), "is no string"),
    ("put", replaced("target", "/actions/", "/action/"), "is no operation"),
    ("put", set_to(method="PATCH"), "is no operation"),
    ("put", replaced("target", "blueprint", "-blueprint"), "is no name"),
    ("put", replaced("target", "job-7", "job-7%2Fx"), "is no name"),
    ("put", replaced("target", "=true", "=yes"), "is none of its values"),
    ("put", replaced("target", "overwrite", "replace"), "unknown parameter 'replace'"),
    ("put", replaced("target", "=true", "=true&overwrite=true"), "2 times"),
    ("put", set_to(headers={"Content-Type": "application/json"}), "no credential"),
    ("put", set_to(headers={"Content-Type": "application/json", "Authorization": "Bearer abc"}), "no credential"),
    ("put", set_to(headers={**BASIC, "Content-Type": "text/plain"}), "with a JSON body"),
    ("put", set_to(body_base64=""), "has no body"),
    ("put", set_to(body_base64="W10="), "is no JSON object"),
    ("put", body(put("code", value="x")), "unknown member 'code'"),
    ("put", body(put("exec", "kind", value="nodejs")), "is no runtime"),
    ("put", body(put("exec", "kind", value=22)), "is no string"),
    ("put", body(put("exec", "runtime", value="go:1.24")), "unknown member 'runtime'"),
    ("put", body(put("exec", "code", value="UEsD\nBAo=")), "taken for a program's text"),
    ("put", body(put("exec", "code", value="UEsDBAo")), "taken for a program's text"),
    ("put", body(without("exec", "code")), "taken for a program's text"),
    ("put", body(put("exec", "binary", value="true")), "is no boolean"),
    ("put", body(put("limits", "timeout", value="60000")), "body.limits.timeout"),
    ("put", body(put("limits", "timeout", value=1 << 31)), "32 bits"),
    ("put", body(put("limits", "memoryMb", value=256)), "unknown member 'memoryMb'"),
    ("put", body(put("annotations", value={"a": 1})), "is no array"),
    ("put", body(put("annotations", 1, "key", value="web-export")), "have a name twice"),
    ("put", body(without("parameters", 0, "value")), "lacks 'value'"),
    ("put", body(put("parameters", 0, "init", value="yes")), "is no boolean"),
    ("put", body(put("parameters", 0, "name", value="NAME")), "unknown member 'name'"),
    ("put", set_to(status=201), "has the status 201"),
    ("put", answer(without("limits")), "lacks 'limits'"),
    ("put", answer(put("version", value="7")), "answer.version"),
    ("put in a package", replaced("target", "my%20tools", "my%20"), "is no name"),
    ("get", answer(put("exec", "code", value="UEsDBAo=")), "not asked for"),
    ("get", answer(put("exec", "kind", value="nodejs:18")), "the annotation exec"),
    ("get", answer(put("updated", value="now")), "answer.updated"),
    ("get", answer(put("parameters", 0, "encryption", value=None)), None),
    ("get", answer(put("parameters", 0, "encryption", value=1)), "encryption"),
    ("get", set_to(body_base64="e30="), "takes none"),
    ("get", set_to(answer_headers={"Content-Type": "text/html"}), "with a JSON body"),
    ("list", replaced("target", "limit=200", "limit=201"), "more than 200"),
    ("list", replaced("target", "skip=0", "skip=-1"), "is no number"),
    ("list", answer(put(0, "code", value="x")), "unknown member 'code'"),
    ("list", answer(put(0, "exec", "kind", value="nodejs:22")), "unknown member 'kind'"),
    ("list", set_to(answer_body_base64="e30="), "is no array"),
    ("list of a package", replaced("target", "tools/", "%2Dtools/"), "is no name"),
    ("delete", set_to(status=204), "has the status 204"),
    ("delete", answer(without("exec")), "lacks 'exec'"),
    ("package", body(put("actions", value=[])), "unknown member 'actions'"),
    ("package", answer(put("publish", value="no")), "answer.publish"),
    ("call", set_to(answer_headers={"Content-Type": "application/json"}), "names no activation"),
    ("call", set_to(answer_headers={**NAMED, "x-openwhisk-activation-id": "f" * 32}), "names two activations"),
    ("call", replaced("target", "blocking=true", "blocking=false"), "gives 202"),
    ("call", replaced("target", "&result", "&timeout=1s&result"), "is no number"),
    ("call", set_to(status=502), "which gives 200"),
    ("call", set_to(body_base64="W10="), "is no JSON object"),
    ("call", answer(without("response")), "lacks 'response'"),
    ("call", answer(without("end")), "lacks 'end'"),
    ("call", answer(put("activationId", value="x")), "answer.activationId"),
    ("call", answer(put("response", "status", value="fine")), "response.status"),
    ("call", answer(put("response", "success", value=False)), "response.success"),
    ("call", answer(put("response", "result", "error", value="x")), "with an error"),
    ("call", answer(put("statusCode", value=2)), "answer.statusCode"),
    ("call", answer(put("memory", value=2)), "unknown member 'memory'"),
    ("failed call", answer(without("response", "result", "error")), "without an error"),
    ("failed call", set_to(status=200), "which gives 502"),
    ("call without end", answer(put("start", value=1)), "more or less"),
    ("call without end", answer(put("activationId", value="f" * 32)), "names two"),
    ("bare result", set_to(answer_body_base64="Nw=="), "is no result"),
    ("broken platform", answer(put("reason", value="x")), "unknown member 'reason'"),
    ("record", replaced("target", ID, "x"), "is no id"),
    ("record", answer(put("end", value=1)), "before its start"),
    ("records", answer(put(0, "response", value={})), "unknown member 'response'"),
    ("records", answer(without(0, "activationId")), "lacks 'activationId'"),
    ("whole records", answer(put(0, "response", value=NO_RESPONSE["response"])), "response.success"),
    ("logs", answer(put("logs", value="t stdout: x")), "is no array"),
    ("result", answer(put("success", value="yes")), "answer.success"),
    ("limits", answer(put("invocationsPerMinute", value="60")), "is no whole number"),
    ("absent", answer(put("error", value="")), "has no error"),
    ("absent", answer(put("error", value={"message": "x"})), "has no error"),
    ("old error", answer(put("code", value=[7])), "is no transaction"),
    ("page", set_to(answer_headers={"Content-Type": "application/json"}), "is no JSON object"),
    ("refused", set_to(status=200), "to a request that was to be refused"),
    ("refused", answer(without("error")), "has no error"),
]


def self_test(model):
    wrong = check_planted(lambda exchange, report: check_exchange(model, exchange, report), GOOD, PLANTED)
    if check_exchange(model, exchange_of("GET", "/v2/functions/namespaces", 200, answer={"namespaces": []}), print):
        wrong += 1
        print("another API was taken for OpenWhisk's")
    print(f"{len(GOOD)} good exchanges, {len(PLANTED)} planted violations, {wrong} not judged as they should be")
    return 1 if wrong else 0


def main():
    run_checker(__doc__, MODELS, ["apiv1swagger"], "the document of OpenWhisk's API", Model, self_test, check_exchange,
                "OpenWhisk's API")


if __name__ == "__main__":
    main()
