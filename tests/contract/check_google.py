#!/usr/bin/env python3
"""Checks recorded exchanges with Google's APIs, or with what plays them, against the APIs' own discovery documents.

    check_google.py [--models DIR] RECORD...    each a file of JSON lines
    check_google.py [--models DIR] --self-test  plants violations and sees that each is found

A line is one exchange: {"method", "target", "headers": {}, "body_base64", "status", "answer_headers": {},
"answer_body_base64"}. With "deliberate": true the request was made to be refused: it is not checked, but it must have
been refused. Requests of no API (tokens, metadata, signed uploads, calls of functions) are counted and left alone. Exit
status 0: no violation; 1: some, each printed; 2: usage; 77: the documents are not here.
"""
import base64
import binascii
import json
import pathlib
import re
import urllib.parse

from exchanges import answer, body, check_planted, exchange_of, put, replaced, run_checker, set_to, shown

MODELS = pathlib.Path(__file__).resolve().parents[3] / "shared/contracts/gcp"
NAMES = ["cloudfunctions.v2", "run.v2", "storage.v1", "iamcredentials.v1", "sts.v1"]
STATUS_OF = {
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400, "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "ABORTED": 409, "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499, "UNKNOWN": 500, "INTERNAL": 500, "DATA_LOSS": 500, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
FORMATS = {
    "int64": re.compile(r"-?\d{1,19}"), "uint64": re.compile(r"\d{1,20}"), "google-datetime": TIME, "date-time": TIME,
    "google-duration": re.compile(r"-?\d{1,12}(\.\d{1,9})?s"), "date": re.compile(r"\d{4}-\d\d-\d\d"),
}
# What is asked of each API without a body and answered with nothing.
EMPTY_ANSWERS = {"storage.objects.delete", "storage.buckets.delete"}


def pattern_of(path):
    """A path of a discovery document as a regular expression: {name} is one segment, {+name} several."""
    parts = re.split(r"(\{\+?\w+\})", path)
    made = "".join(
        "(.+)" if part.startswith("{+") else "([^/:]+)" if part.startswith("{") else re.escape(part) for part in parts)
    return re.compile("/" + made)


class Api:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        self.name = document["name"]
        self.schemas = document["schemas"]
        self.parameters = document.get("parameters", {})
        self.methods = []
        self.collect(document, document["servicePath"])

    def collect(self, resource, base):
        for method in resource.get("methods", {}).values():
            path = method.get("flatPath") or method["path"]
            self.methods.append((method["httpMethod"], pattern_of(base + path), method, False))
            protocols = method.get("mediaUpload", {}).get("protocols", {})
            for protocol in protocols.values():
                self.methods.append((method["httpMethod"], pattern_of(protocol["path"].removeprefix("/")), method, True))
        for child in resource.get("resources", {}).values():
            self.collect(child, base)

    def find(self, verb, path):
        for method_verb, pattern, method, upload in self.methods:
            if verb == method_verb and pattern.fullmatch(path):
                yield method, upload

    def any_schema(self, type_url):
        """The schema that an embedded "@type" names; nothing if the document has none."""
        name = type_url.rpartition("/")[2]
        last = name.rpartition(".")[2]
        for candidate in (last, "GoogleCloudRunV2" + last, "GoogleCloudFunctionsV2" + last, "Google" + last):
            if candidate in self.schemas:
                return candidate
        return None


class Check:
    def __init__(self, api, report, request):
        self.api = api
        self.report = report
        self.request = request

    def value(self, schema, value, where, owner=""):
        if "$ref" in schema:
            return self.object(schema["$ref"], value, where)
        kind = schema.get("type", "any")
        if kind == "any":
            return None
        if kind == "array":
            if not isinstance(value, list):
                return self.report(f"{where}: {shown(value)} is no list")
            for index, entry in enumerate(value):
                self.value(schema["items"], entry, f"{where}[{index}]", owner)
            return None
        if kind == "object":
            if not isinstance(value, dict):
                return self.report(f"{where}: {shown(value)} is no object")
            if "properties" in schema:
                return self.members(schema.get("properties", {}), value, where, owner)
            entries = schema.get("additionalProperties", {"type": "any"})
            if "@type" in value:
                return self.embedded(value, where)
            for key, entry in value.items():
                self.value(entries, entry, f"{where}.{key}", owner)
            return None
        if kind == "boolean":
            return None if isinstance(value, bool) else self.report(f"{where}: {shown(value)} is no boolean")
        if kind in ("integer", "number"):
            number = isinstance(value, (int, float) if kind == "number" else int) and not isinstance(value, bool)
            if not number:
                return self.report(f"{where}: {shown(value)} is no {'whole ' if kind == 'integer' else ''}number")
            if kind == "integer" and not -2**31 <= value < 2**31:
                self.report(f"{where}: {value} does not fit into 32 bits")
            return None
        return self.text(schema, value, where)

    def text(self, schema, value, where):
        if not isinstance(value, str):
            return self.report(f"{where}: {shown(value)} is no string")
        if "enum" in schema and value not in schema["enum"]:
            return self.report(f"{where}: {shown(value)} is none of its values")
        form = schema.get("format")
        if form in FORMATS and not FORMATS[form].fullmatch(value):
            return self.report(f"{where}: {shown(value)} is no {form}")
        if form == "byte":
            try:
                base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                self.report(f"{where}: {shown(value)} is no Base64")
        return None

    def embedded(self, value, where):
        name = self.api.any_schema(value["@type"])
        if name is None:
            return None
        rest = {key: entry for key, entry in value.items() if key != "@type"}
        return self.object(name, rest, where)

    def object(self, name, value, where):
        schema = self.api.schemas[name]
        if schema.get("type") != "object":
            return self.value(schema, value, where)
        if not isinstance(value, dict):
            return self.report(f"{where}: {shown(value)} is no object")
        if "properties" not in schema:
            return self.value({key: entry for key, entry in schema.items() if key != "id"}, value, where)
        return self.members(schema["properties"], value, where, name)

    def members(self, properties, value, where, owner):
        for key, entry in value.items():
            if key == "@type":
                continue
            if key not in properties:
                self.report(f"{where}: has the unknown member {key!r}")
                continue
            if self.request and properties[key].get("readOnly"):
                self.report(f"{where}.{key}: is for answers alone")
                continue
            self.value(properties[key], entry, f"{where}.{key}", f"{owner}.{key}")

    def mask(self, name, text, where):
        """An updateMask: paths of members that may be written, and none into a map."""
        for path in text.split(","):
            schema = self.api.schemas[name]
            for step in path.split("."):
                properties = schema.get("properties", {})
                if step not in properties:
                    self.report(f"{where}: {shown(path)} is no member of {name}, or stands in a map")
                    break
                schema = properties[step]
                if schema.get("readOnly"):
                    self.report(f"{where}: {shown(path)} is for answers alone")
                    break
                schema = self.api.schemas[schema["$ref"]] if "$ref" in schema else schema


def check_query(api, method, query, report):
    known = {name: entry for name, entry in method.get("parameters", {}).items() if entry["location"] == "query"}
    common = api.parameters
    for name, values in query.items():
        schema = known.get(name) or common.get(name)
        if schema is None and name not in ("upload_id",):
            report(f"request: has the unknown parameter {name!r}")
            continue
        if schema is None:
            continue
        if len(values) > 1 and not schema.get("repeated"):
            report(f"request: has {name} {len(values)} times")
        for value in values:
            if schema["type"] == "integer" and not re.fullmatch(r"-?\d+", value):
                report(f"query {name}: {shown(value)} is no number")
            if schema["type"] == "boolean" and value not in ("true", "false"):
                report(f"query {name}: {shown(value)} is no boolean")
            if "enum" in schema and value not in schema["enum"]:
                report(f"query {name}: {shown(value)} is none of its values")
    for name, schema in known.items():
        if schema.get("required") and name not in query:
            report(f"request: lacks {name}")


def json_of(body):
    try:
        return json.loads(body)
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None


def check_request(api, method, upload, query, headers, body, report):
    check_query(api, method, query, report)
    check = Check(api, report, True)
    if "updateMask" in query and "$ref" in method.get("request", {}):
        check.mask(method["request"]["$ref"], query["updateMask"][0], "query updateMask")
    if upload and query.get("uploadType") == ["media"]:
        if "name" not in query:
            report("request: an upload of one piece lacks name")
        return
    if "request" not in method:
        if body:
            report(f"request: has a body of {len(body)} bytes; the operation takes none")
        return
    form = headers.get("content-type", "").partition(";")[0].strip()
    if api.name == "sts" and form == "application/x-www-form-urlencoded":
        return  # the document shows JSON; Google's own clients send a form, and so is it documented
    if not body:
        return
    if form != "application/json":
        report(f"request: has the Content-Type {form!r} with a JSON body")
    value = json_of(body)
    if value is None:
        report("request: is no JSON")
        return
    check.object(method["request"]["$ref"], value, "body")


def check_error(api, status, answer, headers, report):
    form = headers.get("content-type", "").partition(";")[0].strip()
    if form != "application/json":
        return  # front ends answer for people
    value = json_of(answer)
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str) and (api.name == "sts" or "error_description" in value):
        return  # the form of OAuth 2.0
    if not isinstance(error, dict):
        report("answer: has no error")
        return
    if error.get("code") != status:
        report(f"answer: error.code is {shown(error.get('code'))} with the status {status}")
    if not isinstance(error.get("message"), str) or not error["message"]:
        report("answer: the error has no message")
    name = error.get("status")
    if api.name == "storage":
        legacy = error.get("errors")
        if not isinstance(legacy, list) or not all({"reason", "message"} <= set(entry) for entry in legacy):
            report("answer: the error lacks errors, as Storage has them")
    elif name not in STATUS_OF:
        report(f"answer: error.status {shown(name)} is none")
    elif STATUS_OF[name] != status:
        report(f"answer: {name} has the status {status}, not {STATUS_OF[name]}")
    for key in error:
        if key not in ("code", "message", "status", "details", "errors"):
            report(f"answer: the error has the unknown member {key!r}")


def check_answer(api, method, query, status, headers, answer, report):
    if status >= 400:
        check_error(api, status, answer, headers, report)
        return
    if status == 308 and method["id"] == "storage.objects.insert":
        return
    if method["id"] in EMPTY_ANSWERS:
        if status != 204 or answer:
            report(f"answer: {status} with {len(answer)} bytes; this operation gives 204 and nothing")
        return
    if status != 200:
        report(f"answer: has the status {status}")
        return
    if query.get("uploadType") == ["resumable"] and "upload_id" not in query:
        if "location" not in headers:
            report("answer: to the begin of an upload has no Location")
        return
    if query.get("alt") == ["media"]:
        return
    value = json_of(answer)
    if value is None:
        report("answer: is no JSON")
        return
    if not headers.get("content-type", "").startswith("application/json"):
        report(f"answer: has the Content-Type {headers.get('content-type')!r} with a JSON body")
    Check(api, report, False).object(method["response"]["$ref"], value, "answer")


def check_exchange(apis, exchange, report):
    """Returns whether it was one of an API of these."""
    path, _, text = exchange["target"].partition("?")
    path = urllib.parse.quote(urllib.parse.unquote(path), safe="/:@$-_.~") if "%2F" not in path.upper() else path
    query = urllib.parse.parse_qs(text.replace("+", "%2B"), keep_blank_values=True)
    headers = {name.lower(): value for name, value in exchange["headers"].items()}
    answer_headers = {name.lower(): value for name, value in exchange["answer_headers"].items()}
    body = base64.b64decode(exchange.get("body_base64") or "", validate=True)
    answer = base64.b64decode(exchange.get("answer_body_base64") or "", validate=True)
    status = exchange["status"]
    deliberate = exchange.get("deliberate", False)
    if deliberate and status < 400:
        report(f"answer: {status} to a request that was to be refused")
    verb = exchange["method"]
    # What goes on with an upload that has begun is PUT to the address that the beginning told.
    begun = "upload_id" in query and verb == "PUT"
    found = [(api, method, upload) for api in apis for method, upload in api.find("POST" if begun else verb, path)]
    if not found:
        of_an_api = re.match(r"/(v1/projects|v2/projects|storage/v1|upload/storage|resumable/upload)", path)
        if of_an_api and not deliberate:
            report("request: is no operation")
        return bool(of_an_api)
    # Operations are read in the same way of two APIs: one of them has to be content.
    best = None
    for api, method, upload in found:
        told = []
        if not deliberate and not begun:
            check_request(api, method, upload, query, headers, body, told.append)
        if status >= 400 or not deliberate:
            check_answer(api, method, query, status, answer_headers, answer, told.append)
        if best is None or len(told) < len(best):
            best = told
    for line in best:
        report(line)
    return True


def refusal(code, status, message="no"):
    return {"error": {"code": code, "message": message, "status": status}}


PLACE = "/v2/projects/p/locations/europe-west1"
SERVICE = {
    "labels": {"managed-by": "blueprint-faas"}, "ingress": "INGRESS_TRAFFIC_ALL", "scaling": {"maxInstanceCount": 20},
    "template": {"timeout": "300s", "maxInstanceRequestConcurrency": 8, "containers": [{
        "image": "scratch", "baseImageUri": "osonly24", "command": ["./bootstrap"],
        "sourceCode": {"cloudStorageSource": {"bucket": "b", "object": "o"}}, "env": [{"name": "K", "value": "v"}],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "cpuIdle": True}}]},
}
ANSWERED = {**SERVICE, "name": "projects/p/locations/l/services/s", "uri": "https://s.a.run.app", "generation": "1",
            "createTime": "2026-01-02T03:04:05.678901Z", "etag": '"x"', "reconciling": False,
            "terminalCondition": {"type": "Ready", "state": "CONDITION_SUCCEEDED"}}
OPERATION = {"name": "projects/p/locations/l/operations/o", "done": True,
             "response": {"@type": "type.googleapis.com/google.cloud.run.v2.Service", **ANSWERED}}
FUNCTION = {"environment": "GEN_2", "labels": {"a": "b"},
            "buildConfig": {"runtime": "nodejs22", "entryPoint": "run",
                            "source": {"storageSource": {"bucket": "b", "object": "o", "generation": "12"}}},
            "serviceConfig": {"availableMemory": "512Mi", "timeoutSeconds": 300, "maxInstanceCount": 20}}
GOOD = {
    "create": exchange_of("POST", PLACE + "/services?serviceId=s&validateOnly=false", 200, SERVICE, OPERATION),
    "get": exchange_of("GET", PLACE + "/services/s", 200, answer=ANSWERED),
    "patch": exchange_of("PATCH", PLACE + "/services/s?updateMask=labels,template&allowMissing=true", 200, SERVICE, OPERATION),
    "operation": exchange_of("GET", PLACE + "/operations/o", 200, answer=OPERATION),
    "policy": exchange_of("POST", PLACE + "/services/s:setIamPolicy", 200,
                          {"policy": {"version": 3, "etag": "BwY=", "bindings": [{"role": "roles/run.invoker",
                                                                                 "members": ["allUsers"]}]}},
                          {"version": 3, "etag": "BwY=", "bindings": []}),
    "upload url": exchange_of("POST", PLACE + "/functions:generateUploadUrl", 200, {"environment": "GEN_2"},
                              {"uploadUrl": "https://s/u?x=1", "storageSource": {"bucket": "b", "object": "o"}}),
    "function": exchange_of("POST", PLACE + "/functions?functionId=f", 200, FUNCTION,
                            {"name": "projects/p/locations/l/operations/o", "metadata": {
                                "@type": "type.googleapis.com/google.cloud.functions.v2.OperationMetadata",
                                "verb": "create", "stages": [{"name": "BUILD", "state": "COMPLETE"}]}}),
    "media": exchange_of("POST", "/upload/storage/v1/b/b/o?uploadType=media&name=services%2Fa.tar.gz", 200, b"\x1f\x8b",
                         {"kind": "storage#object", "bucket": "b", "name": "services/a.tar.gz", "size": "2"},
                         {"Content-Type": "application/gzip"}),
    "bucket": exchange_of("POST", "/storage/v1/b?project=p", 200, {"name": "b", "location": "EUROPE-WEST1"},
                          {"kind": "storage#bucket", "name": "b", "timeCreated": "2026-01-02T03:04:05.678Z"}),
    "remove": exchange_of("DELETE", "/storage/v1/b/b/o/services%2Fa.tar.gz", 204),
    "identity": exchange_of("POST", "/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateIdToken", 200,
                            {"audience": "https://s", "includeEmail": True, "delegates": []}, {"token": "a.b.c"}),
    "exchange": exchange_of("POST", "/v1/token", 200, b"grant_type=x", {"access_token": "t", "token_type": "Bearer"},
                            {"Content-Type": "application/x-www-form-urlencoded"}),
    "absent": exchange_of("GET", PLACE + "/services/s", 404, answer=refusal(404, "NOT_FOUND")),
    "no bucket": exchange_of("GET", "/storage/v1/b/b", 404, answer={"error": {
        "code": 404, "message": "no", "errors": [{"domain": "global", "reason": "notFound", "message": "no"}]}}),
    "refused": {**exchange_of("POST", PLACE + "/services?serviceId=S", 400, {"x": 1}, refusal(400, "INVALID_ARGUMENT")),
                "deliberate": True},
}


PLANTED = [  # what is altered, how, and what is to be said of it
    ("create", replaced("target", "v2", "v3"), None),
    ("create", replaced("target", "services?", "service?"), "is no operation"),
    ("create", set_to(method="PUT"), "is no operation"),
    ("create", replaced("target", "serviceId", "serviceID"), "unknown parameter 'serviceID'"),
    ("create", replaced("target", "=false", "=no"), "is no boolean"),
    ("create", body(put("uri", value="https://s")), "for answers alone"),
    ("create", body(put("template", "timeout", value=300)), "is no string"),
    ("create", body(put("template", "timeout", value="5m")), "is no google-duration"),
    ("create", body(put("template", "containers", 0, "memory", value="1Gi")), "unknown member 'memory'"),
    ("create", body(put("template", "containers", 0, "env", 0, "value", value=1)), "env[0].value: '1' is no string"),
    ("create", body(put("scaling", "maxInstanceCount", value="20")), "is no whole number"),
    ("create", body(put("scaling", "maxInstanceCount", value=1 << 40)), "does not fit"),
    ("create", body(put("ingress", value="ALL")), "is none of its values"),
    ("create", body(put("labels", "a", value=1)), "body.labels.a"),
    ("create", set_to(headers={"Content-Type": "text/plain"}), "with a JSON body"),
    ("create", set_to(status=201), "has the status 201"),
    ("create", answer(put("response", "uri", value=1)), "answer.response.uri"),
    ("create", answer(put("response", "url", value="x")), "unknown member 'url'"),
    ("create", answer(put("done", value="yes")), "is no boolean"),
    ("get", set_to(body_base64="e30="), "takes none"),
    ("get", answer(put("generation", value=1)), "is no string"),
    ("get", answer(put("generation", value="one")), "is no int64"),
    ("get", answer(put("createTime", value="yesterday")), "is no google-datetime"),
    ("get", answer(put("terminalCondition", "state", value="DONE")), "is none of its values"),
    ("get", set_to(answer_headers={"Content-Type": "text/html"}), "with a JSON body"),
    ("patch", replaced("target", "labels", "labels.a"), "stands in a map"),
    ("patch", replaced("target", "labels", "uri"), "for answers alone"),
    ("patch", replaced("target", "allowMissing=true", "allowMissing=true&allowMissing=true"), "2 times"),
    ("operation", answer(put("finished", value=True)), "unknown member 'finished'"),
    ("policy", body(put("policy", "bindings", 0, "members", value="allUsers")), "is no list"),
    ("policy", body(put("policy", "etag", value="no base64")), "is no Base64"),
    ("upload url", body(put("environment", value="GEN_3")), "is none of its values"),
    ("function", body(put("buildConfig", "source", "storageSource", "generation", value=12)), "is no string"),
    ("function", body(put("state", value="ACTIVE")), "for answers alone"),
    ("function", answer(put("metadata", "stages", 0, "state", value="DONE")), "metadata.stages[0].state"),
    ("media", replaced("target", "&name=services%2Fa.tar.gz", ""), "lacks name"),
    ("media", answer(put("size", value=2)), "answer.size"),
    ("bucket", replaced("target", "?project=p", ""), "lacks project"),
    ("bucket", answer(put("timeCreated", value="x")), "is no date-time"),
    ("remove", set_to(status=200), "gives 204"),
    ("identity", body(put("audience", value=["a"])), "body.audience"),
    ("exchange", answer(put("token", value="t")), "unknown member 'token'"),
    ("absent", answer(put("error", "code", value=400)), "error.code"),
    ("absent", answer(put("error", "status", value="GONE")), "is none"),
    ("absent", answer(put("error", "status", value="ABORTED")), "not 409"),
    ("absent", answer(put("error", "reason", value="x")), "unknown member 'reason'"),
    ("absent", answer(put("error", "message", value="")), "no message"),
    ("no bucket", answer(put("error", "errors", value=None)), "lacks errors"),
    ("refused", set_to(status=200), "to a request that was to be refused"),
    ("refused", answer(put("error", "code", value=500)), "error.code"),
]


def self_test(apis):
    wrong = check_planted(lambda exchange, report: check_exchange(apis, exchange, report), GOOD, PLANTED)
    if check_exchange(apis, exchange_of("POST", "/token", 200, b"x"), print):
        wrong += 1
        print("the token endpoint was taken for an API")
    print(f"{len(GOOD)} good exchanges, {len(PLANTED)} planted violations, {wrong} not judged as they should be")
    return 1 if wrong else 0


def main():
    run_checker(__doc__, MODELS, NAMES, "the documents of Google's APIs",
                lambda directory: [Api(directory / f"{name}.json") for name in NAMES], self_test, check_exchange, "an API")


if __name__ == "__main__":
    main()
