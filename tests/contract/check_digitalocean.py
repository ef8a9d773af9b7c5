#!/usr/bin/env python3
"""Checks recorded exchanges with DigitalOcean's API, or with what plays it, against the published OpenAPI document.

    check_digitalocean.py [--models DIR] RECORD...    each a file of JSON lines
    check_digitalocean.py [--models DIR] --self-test  plants violations and sees that each is found

A line is one exchange: {"method", "target", "headers": {}, "body_base64", "status", "answer_headers": {},
"answer_body_base64"}. With "deliberate": true the request was made to be refused: it is not checked, but it must have
been refused. Requests of OpenWhisk's API, which has another checker, are counted and left alone. Members that the
document does not have are violations, in requests and in answers. Exit status 0: no violation; 1: some, each printed;
2: usage; 77: the document is not here.
"""
import base64
import json
import pathlib
import re
import urllib.parse

from exchanges import answer, body, check_planted, exchange_of, put, replaced, run_checker, set_to, shown, without

MODELS = pathlib.Path(__file__).resolve().parents[3] / "shared/contracts/digitalocean"
NAMES = ["functions.openapi"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
LIMITS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
# What the document says in words: the form of a value in a request, and what a refusal is called.
FORMS = {"expires_in": re.compile(r"[1-9]\d*[hd]"), "region": re.compile(r"[a-z]{3}\d")}
IDS = {400: {"bad_request"}, 401: {"unauthorized"}, 403: {"forbidden"}, 404: {"not_found", "bad_request"},
       409: {"conflict"}, 422: {"unprocessable_entity"}, 429: {"too_many_requests"}, 500: {"server_error"}}
# What the document's schemas leave open and all its examples have; `uuid` and `key` of a namespace may go.
NEEDED = {
    "namespaces": {"namespace", "label", "region", "api_host"}, "namespace": {"namespace", "label", "region", "api_host"},
    "access_keys": {"id", "name", "expires_at", "created_at", "updated_at"},
    "access_key": {"id", "name", "expires_at", "created_at", "updated_at"},
    "triggers": {"name", "function", "type", "is_enabled"}, "trigger": {"name", "function", "type", "is_enabled"},
}
WRAPPERS = set(NEEDED) | {"account"}
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def merged(schema):
    """A schema without `allOf`."""
    if "allOf" not in schema:
        return schema
    whole = {"type": "object", "properties": {}, "required": []}
    for part in map(merged, schema["allOf"]):
        whole["properties"].update(part.get("properties", {}))
        whole["required"] += part.get("required", [])
    return whole


class SchemaCheck:
    def __init__(self, report, request):
        self.report, self.request = report, request

    def value(self, schema, value, where, name=""):
        schema = merged(schema)
        kind = schema.get("type", "object" if "properties" in schema else None)
        if value is None and schema.get("nullable", False):
            return
        if kind is not None and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
            self.report(f"{where}: {shown(value)} is no {kind}")
            return
        if "enum" in schema and value not in schema["enum"]:
            self.report(f"{where}: {shown(value)} is none of {schema['enum']}")
        if kind == "string":
            self.text(value, where, name)
        elif kind == "array":
            for index, entry in enumerate(value):
                self.value(schema.get("items", {}), entry, f"{where}[{index}]")
                self.needs(name, entry, f"{where}[{index}]")
        elif kind == "object":
            self.members(schema, value, where)
            self.needs(name, value, where)

    def text(self, value, where, name):
        if self.request and name in FORMS and not FORMS[name].fullmatch(value):
            self.report(f"{where}: {shown(value)} is not as {FORMS[name].pattern}")
        if name.endswith("_at") and not TIME.fullmatch(value):
            self.report(f"{where}: {shown(value)} is no time")

    def members(self, schema, value, where):
        properties = schema.get("properties")
        for name, entry in value.items():
            if properties is None and not self.request and where != "answer":
                continue  # an object of the user's own
            if name not in (properties or {}):
                self.report(f"{where}: has the unknown member {name!r}")
            elif self.request and properties[name].get("readOnly", False):
                self.report(f"{where}.{name}: is for answers alone")
            else:
                self.value(properties[name], entry, f"{where}.{name}", name)
        for name in schema.get("required", []):
            if name not in value:
                self.report(f"{where}: lacks {name!r}")
        if where == "answer" and not self.request:
            for name in WRAPPERS & set(properties or {}):
                if name not in value:
                    self.report(f"{where}: lacks {name!r}")

    def needs(self, name, value, where):
        if self.request or not isinstance(value, dict) or not where.startswith("answer."):
            return
        for member in sorted(NEEDED.get(name, set()) - set(value)):
            self.report(f"{where}: lacks {member!r}")


class Model:
    def __init__(self, directory):
        document = json.loads((directory / f"{NAMES[0]}.json").read_text(encoding="utf-8"))
        self.operations = []
        for path, verbs in document["paths"].items():
            pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/?]+", re.escape(path)))
            for verb, operation in verbs.items():
                if verb in ("get", "post", "put", "delete", "patch", "head"):
                    self.operations.append((verb.upper(), pattern, operation))

    def find(self, verb, path):
        for method, pattern, operation in self.operations:
            if method == verb and pattern.fullmatch(path):
                return operation
        return None


def json_of(body):
    try:
        return json.loads(body)
    except ValueError:
        return None


def schema_of(part):
    return part["content"]["application/json"]["schema"]


def check_request(operation, query, headers, body, report):
    known = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
    for name in query:
        if name not in known:
            report(f"request: has the unknown parameter {name!r}")
    if not headers.get("authorization", "").startswith("Bearer "):
        report("request: shows no Bearer token")
    if "requestBody" not in operation:
        if body:
            report("request: has a body, and the operation takes none")
        return
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        report(f"request: has the Content-Type {headers.get('content-type')!r} with a JSON body")
    value = json_of(body)
    if not isinstance(value, dict):
        report("request: is no JSON object")
        return
    SchemaCheck(report, True).value(schema_of(operation["requestBody"]), value, "body")


def check_limits(status, headers, report):
    for name in LIMITS:
        if not re.fullmatch(r"\d+", headers.get(name, "")):
            report(f"answer: has the {name} {headers.get(name)!r}")
    if "retry-after" in headers and not re.fullmatch(r"\d+", headers["retry-after"]):
        report(f"answer: has the retry-after {headers['retry-after']!r}")
    if "retry-after" in headers and status < 400:
        report("answer: has a retry-after, and was not refused")


def check_error(operation, status, headers, answer, report):
    if not headers.get("content-type", "").startswith("application/json"):
        report(f"answer: has the Content-Type {headers.get('content-type')!r} with an error")
    value = json_of(answer)
    if not isinstance(value, dict):
        report("answer: is no JSON object")
        return
    responses = operation["responses"]
    SchemaCheck(report, False).value(schema_of(responses.get(str(status), responses["default"])), value, "answer")
    if isinstance(value.get("id"), str) and value["id"] not in IDS.get(status, {value["id"]}):
        report(f"answer.id: {shown(value['id'])} is not what {status} is called")


def check_answer(operation, status, headers, answer, report):
    check_limits(status, headers, report)
    if status >= 400:
        check_error(operation, status, headers, answer, report)
        return
    response = operation["responses"].get(str(status))
    if response is None:
        good = [code for code in operation["responses"] if code.startswith("2")]
        report(f"answer: has the status {status}; this operation gives {', '.join(good)}")
        return
    if "content" not in response:
        if answer:
            report(f"answer: {status} has a body")
        return
    if not headers.get("content-type", "").startswith("application/json"):
        report(f"answer: has the Content-Type {headers.get('content-type')!r} with a JSON body")
    value = json_of(answer)
    if not isinstance(value, dict):
        report("answer: is no JSON object")
        return
    SchemaCheck(report, False).value(schema_of(response), value, "answer")


def check_exchange(model, exchange, report):
    """Returns whether it was one of DigitalOcean's own API."""
    path, _, text = exchange["target"].partition("?")
    if not path.startswith("/v2/"):
        return False
    query = urllib.parse.parse_qs(text, keep_blank_values=True)
    headers = {name.lower(): value for name, value in exchange["headers"].items()}
    answer_headers = {name.lower(): value for name, value in exchange["answer_headers"].items()}
    body = base64.b64decode(exchange.get("body_base64") or "", validate=True)
    answer = base64.b64decode(exchange.get("answer_body_base64") or "", validate=True)
    status = exchange["status"]
    operation = model.find(exchange["method"], path)
    if exchange.get("deliberate", False):
        if status < 400:
            report(f"answer: {status} to a request that was to be refused")
        elif operation is not None:
            check_answer(operation, status, answer_headers, answer, report)
        return True
    if operation is None:
        report("request: is no operation")
        return True
    check_request(operation, query, headers, body, report)
    check_answer(operation, status, answer_headers, answer, report)
    return True


ROOT = "/v2/functions/namespaces"
SPACE = {"api_host": "https://faas-nyc1-0a1b.doserverless.io", "namespace": "fn-1", "label": "blueprint", "region": "nyc1",
         "created_at": "2026-09-14T04:16:45Z", "updated_at": "2026-09-14T04:16:45Z"}
KEY = {"id": "dof_v1_example", "name": "blueprint-faas-0a1b2c3d", "expires_at": "2026-12-20T10:30:00Z",
       "created_at": "2026-12-19T10:30:00Z", "updated_at": "2026-12-19T10:30:00Z"}
ABSENT = {"id": "not_found", "message": "namespace not found", "request_id": "88d17b7a"}


def made(method, target, status, body=b"", answer=b""):
    return exchange_of(method, target, status, body, answer, {"Authorization": "Bearer x"},
                       {"ratelimit-limit": "5000", "ratelimit-remaining": "4999", "ratelimit-reset": "1790000000"})


GOOD = {
    "list": made("GET", ROOT, 200, answer={"namespaces": [SPACE, {**SPACE, "uuid": "u", "key": "k"}]}),
    "no namespaces": made("GET", ROOT, 200, answer={"namespaces": []}),
    "create": made("POST", ROOT, 200, {"region": "nyc1", "label": "blueprint"}, {"namespace": SPACE}),
    "get": made("GET", ROOT + "/fn-1", 200, answer={"namespace": SPACE}),
    "delete": made("DELETE", ROOT + "/fn-1", 204),
    "keys": made("GET", ROOT + "/fn-1/keys", 200, answer={"access_keys": [KEY, {**KEY, "expires_at": None}], "count": 2}),
    "create key": made("POST", ROOT + "/fn-1/keys", 201, {"name": "n", "expires_in": "24h"},
                       {"access_key": {**KEY, "secret": "s"}}),
    "rename key": made("PUT", ROOT + "/fn-1/keys/dof_v1_example", 200, {"name": "n"}, {"access_key": KEY}),
    "delete key": made("DELETE", ROOT + "/fn-1/keys/dof_v1_example", 200, answer={}),
    "trigger": made("POST", ROOT + "/fn-1/triggers", 200,
                    {"name": "t", "function": "f", "type": "SCHEDULED", "is_enabled": True,
                     "scheduled_details": {"cron": "* * * * *", "body": None}},
                    {"trigger": {"namespace": "fn-1", "name": "t", "function": "f", "type": "SCHEDULED", "is_enabled": True}}),
    "absent": made("GET", ROOT + "/fn-1", 404, answer=ABSENT),
    "no request id": made("GET", ROOT, 401, answer={"id": "unauthorized", "message": "Unable to authenticate you."}),
    "full": made("POST", ROOT, 422, {"region": "nyc1", "label": "x"},
                 {"id": "unprocessable_entity", "message": "namespace limit reached"}),
    "limited": made("GET", ROOT, 429, answer={"id": "too_many_requests", "message": "API rate limit exceeded."}),
    "out of order": made("GET", ROOT, 503, answer={"id": "service_unavailable", "message": "no"}),
    "refused": {**made("POST", ROOT, 400, {"x": 1}, {"id": "bad_request", "message": "no"}), "deliberate": True},
}


def answer_header(name, value):
    return lambda exchange: exchange["answer_headers"].update({name: value})


PLANTED = [  # what is altered, how, and what is to be said of it (None: it is no violation)
    ("list", replaced("target", "namespaces", "namespace"), "is no operation"),
    ("list", set_to(method="PATCH"), "is no operation"),
    ("list", lambda exchange: exchange.update(target=exchange["target"] + "?page=2"), "unknown parameter 'page'"),
    ("list", set_to(headers={}), "no Bearer token"),
    ("list", set_to(headers={"Authorization": "Basic eDp5"}), "no Bearer token"),
    ("list", set_to(body_base64="e30="), "takes none"),
    ("list", set_to(status=201), "has the status 201"),
    ("list", answer(without("namespaces")), "lacks 'namespaces'"),
    ("list", answer(put("namespaces", value={})), "is no array"),
    ("list", answer(put("links", value={})), "unknown member 'links'"),
    ("list", answer(put("namespaces", 0, "id", value="fn-1")), "unknown member 'id'"),
    ("list", answer(without("namespaces", 1, "api_host")), "answer.namespaces[1]: lacks 'api_host'"),
    ("list", answer(without("namespaces", 1, "uuid")), None),
    ("list", answer(without("namespaces", 1, "key")), None),
    ("list", answer(put("namespaces", 0, "region", value=1)), "namespaces[0].region"),
    ("list", answer(put("namespaces", 0, "label", value=None)), "namespaces[0].label"),
    ("list", answer(put("namespaces", 0, "created_at", value="today")), "is no time"),
    ("list", answer_header("ratelimit-reset", "soon"), "ratelimit-reset 'soon'"),
    ("list", lambda exchange: exchange["answer_headers"].pop("ratelimit-limit"), "ratelimit-limit None"),
    ("list", answer_header("Content-Type", "text/html"), "with a JSON body"),
    ("list", answer_header("retry-after", "1"), "was not refused"),
    ("create", body(without("label")), "body: lacks 'label'"),
    ("create", body(without("region")), "body: lacks 'region'"),
    ("create", body(put("namespace", value={"label": "x", "Region": "nyc1"})), "unknown member 'namespace'"),
    ("create", body(put("region", value="nyc")), "body.region"),
    ("create", body(put("region", value=1)), "body.region"),
    ("create", set_to(headers={"Authorization": "Bearer x", "Content-Type": "text/plain"}), "with a JSON body"),
    ("create", set_to(body_base64="W10="), "is no JSON object"),
    ("create", set_to(status=201), "has the status 201"),
    ("create", answer(put("namespace", value=[])), "answer.namespace"),
    ("create", answer(without("namespace", "namespace")), "lacks 'namespace'"),
    ("delete", set_to(status=200), "has the status 200"),
    ("delete", set_to(answer_body_base64="e30="), "204 has a body"),
    ("keys", answer(put("access_keys", 0, "secret", value="s")), "unknown member 'secret'"),
    ("keys", answer(put("access_keys", 0, "created_at", value=None)), "created_at"),
    ("keys", answer(put("access_keys", 0, "expires_at", value="never")), "is no time"),
    ("keys", answer(put("count", value="2")), "answer.count"),
    ("create key", body(put("expires_in", value="never")), "body.expires_in"),
    ("create key", body(put("expires_in", value="0h")), "body.expires_in"),
    ("create key", body(put("expires_in", value="30m")), "body.expires_in"),
    ("create key", body(put("expires_in", value="7d")), None),
    ("create key", body(without("expires_in")), None),
    ("create key", body(without("name")), "body: lacks 'name'"),
    ("create key", body(put("id", value="x")), "unknown member 'id'"),
    ("create key", set_to(status=200), "has the status 200"),
    ("create key", answer(without("access_key", "id")), "lacks 'id'"),
    ("create key", answer(put("access_key", "key", value="x")), "unknown member 'key'"),
    ("rename key", body(put("expires_in", value="7d")), "unknown member 'expires_in'"),
    ("rename key", answer(put("access_key", "secret", value="x")), "unknown member 'secret'"),
    ("delete key", set_to(status=204), "has the status 204"),
    ("delete key", answer(put("deleted", value=True)), "unknown member 'deleted'"),
    ("trigger", body(put("binary", value="x")), "unknown member 'binary'"),
    ("trigger", body(without("scheduled_details", "cron")), "lacks 'cron'"),
    ("trigger", body(put("is_enabled", value=1)), "is no boolean"),
    ("absent", answer(without("message")), "lacks 'message'"),
    ("absent", answer(without("id")), "lacks 'id'"),
    ("absent", answer(without("request_id")), None),
    ("absent", answer(put("id", value="conflict")), "is not what 404 is called"),
    ("absent", answer(put("id", value="bad_request")), None),
    ("absent", answer(put("error", value="x")), "unknown member 'error'"),
    ("absent", answer_header("Content-Type", "text/html"), "with an error"),
    ("absent", set_to(answer_body_base64="PGh0bWw+"), "is no JSON object"),
    ("no request id", answer(put("id", value="forbidden")), "is not what 401 is called"),
    ("limited", answer_header("retry-after", "20"), None),
    ("limited", answer_header("retry-after", "soon"), "retry-after 'soon'"),
    ("limited", lambda exchange: exchange["answer_headers"].pop("ratelimit-remaining"), "ratelimit-remaining None"),
    ("refused", set_to(status=200), "to a request that was to be refused"),
    ("refused", answer(without("message")), "lacks 'message'"),
]


def self_test(model):
    wrong = check_planted(lambda exchange, report: check_exchange(model, exchange, report), GOOD, PLANTED)
    if check_exchange(model, exchange_of("GET", "/api/v1/namespaces", 200, answer=["fn-1"]), print):
        wrong += 1
        print("OpenWhisk's API was taken for DigitalOcean's")
    print(f"{len(GOOD)} good exchanges, {len(PLANTED)} planted violations, {wrong} not judged as they should be")
    return 1 if wrong else 0


def main():
    run_checker(__doc__, MODELS, NAMES, "DigitalOcean's OpenAPI document", Model, self_test, check_exchange,
                "DigitalOcean's API")


if __name__ == "__main__":
    main()
