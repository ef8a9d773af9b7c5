#!/usr/bin/env python3
"""Checks recorded exchanges with Azure's management API, or with what plays it, against the published models.

    check_azure.py [--models DIR] RECORD...    each a file of JSON lines
    check_azure.py [--models DIR] --self-test  plants violations and sees that each is found

A line is one exchange: {"method", "target", "headers": {}, "body_base64", "status", "answer_headers": {},
"answer_body_base64"}. With "deliberate": true the request was made to be refused: it is not checked, but it must have
been refused. Methods, paths and statuses are those of Azure's own client packages; bodies of requests are checked by
the template schemas and the type files, those of answers by the type files. Requests of other services (tokens,
storage, deployment, the apps) are counted and left alone: there are no models of them. Exit status 0: no violation; 1:
some, each printed; 2: usage; 77: the models are not here.
"""
import base64
import json
import pathlib
import re
import urllib.parse

from exchanges import answer, body, check_planted, exchange_of, put, replaced, run_checker, set_to, shown, without

MODELS = pathlib.Path(__file__).resolve().parents[3] / "shared/contracts/azure"
WEB, STORAGE, RESOURCES = ("bicep-types.microsoft.web.2025-03-01", "bicep-types.microsoft.storage.2025-06-01",
                           "bicep-types.microsoft.resources.2025-04-01")
SCHEMAS = {"Microsoft.Web": "Microsoft.Web.2024-11-01.schema",
           "Microsoft.Storage": "Microsoft.Storage.2025-06-01.schema"}
NAMES = [WEB, STORAGE, RESOURCES, *SCHEMAS.values(), "arm-operations"]
# The versions that have the members which are used; others may be right, but are not what was looked at.
VERSIONS = {
    "Microsoft.Web": {"2023-12-01", "2024-04-01", "2024-11-01", "2025-03-01", "2025-05-01"},
    "Microsoft.Storage": {"2025-06-01", "2025-08-01"},
    "Microsoft.Authorization": {"2022-04-01"},
    "": {"2025-04-01"},
}
# Which type the body of a request, and that of an answer, is of: (file, resource type, or function and resource type).
PLAN, SITE = (WEB, "Microsoft.Web/serverfarms"), (WEB, "Microsoft.Web/sites")
CONFIG, FUNCTION = (WEB, "Microsoft.Web/sites/config"), (WEB, "Microsoft.Web/sites/functions")
POLICY = (WEB, "Microsoft.Web/sites/basicPublishingCredentialsPolicies")
KEY = (WEB, "Microsoft.Web/sites/functions/keys")
ACCOUNT = (STORAGE, "Microsoft.Storage/storageAccounts")
CONTAINER = (STORAGE, "Microsoft.Storage/storageAccounts/blobServices/containers")
GROUP = (RESOURCES, "Microsoft.Resources/resourceGroups")
SETTINGS = (WEB, "list Microsoft.Web/sites/config")
REQUESTS = {
    "resourceGroups.createOrUpdate": GROUP, "storageAccounts.create": ACCOUNT, "storageAccounts.update": ACCOUNT,
    "blobContainers.create": CONTAINER, "appServicePlans.createOrUpdate": PLAN, "appServicePlans.update": PLAN,
    "webApps.createOrUpdate": SITE, "webApps.update": SITE, "webApps.updateApplicationSettings": SETTINGS,
    "webApps.updateConfiguration": CONFIG, "webApps.createOrUpdateConfiguration": CONFIG,
    "webApps.updateScmAllowed": POLICY,
}
PATCHES = {"storageAccounts.update", "appServicePlans.update", "webApps.update", "webApps.updateConfiguration"}
SITE_PATCH = {"kind", "identity", "properties"}
ANSWERS = {
    **{name: kind for name, kind in REQUESTS.items()}, "resourceGroups.get": GROUP,
    "storageAccounts.getProperties": ACCOUNT, "storageAccounts.listKeys": (STORAGE, "listKeys " + ACCOUNT[1]),
    "blobContainers.get": CONTAINER, "appServicePlans.get": PLAN, "webApps.get": SITE, "webApps.getConfiguration": CONFIG,
    "webApps.listApplicationSettings": SETTINGS, "webApps.getFunction": FUNCTION, "webApps.getScmAllowed": POLICY,
    "webApps.listHostKeys": (WEB, "listkeys Microsoft.Web/sites/host"), "webApps.listFunctionKeys": None,
    "webApps.createOrUpdateHostSecret": None, "webApps.createOrUpdateFunctionSecret": None,
    "webApps.getProductionSiteDeploymentStatus": (WEB, "Microsoft.Web/sites/deploymentStatus"),
}
LISTS = {
    "resourceGroups.list": GROUP, "storageAccounts.listByResourceGroup": ACCOUNT, "blobContainers.list": CONTAINER,
    "appServicePlans.list": PLAN, "appServicePlans.listByResourceGroup": PLAN, "webApps.list": SITE,
    "webApps.listByResourceGroup": SITE, "webApps.listFunctions": FUNCTION,
}
BARE = {"webApps.delete", "webApps.restart", "webApps.start", "webApps.stop", "webApps.syncFunctions",
        "webApps.syncFunctionTriggers", "appServicePlans.delete", "storageAccounts.delete", "blobContainers.delete",
        "resourceGroups.checkExistence", "resourceGroups.delete", "webApps.deleteHostSecret",
        "webApps.deleteFunctionSecret"}
TEMPLATE_SCHEMAS = {
    "webApps.createOrUpdate": ("Microsoft.Web", "sites"), "appServicePlans.createOrUpdate": ("Microsoft.Web", "serverfarms"),
    "storageAccounts.create": ("Microsoft.Storage", "storageAccounts"),
    "blobContainers.create": ("Microsoft.Storage", "storageAccounts_blobServices_containers"),
}
# Documented, but not among the operations that the table has.
NOT_IN_TABLE = re.compile(
    r"/subscriptions(/[^/]+)?|/subscriptions/[^/]+/resourceGroups/[^/]+/resources"
    r"|/subscriptions/[^/]+/providers/Microsoft\.Web/checkNameAvailability", re.IGNORECASE)
REQUIRED, READ_ONLY = 1, 2
ENVELOPE = {"id", "name", "type", "apiVersion"}


class Types:
    """A type file: what its resources and functions look like."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.all = json.load(file)
        self.named = {}
        for entry in self.all:
            if entry["$type"] == "ResourceType":
                self.named[entry["name"].partition("@")[0]] = entry["body"]
            elif entry["$type"] == "ResourceFunctionType":
                self.named[f"{entry['name']} {entry['resourceType']}"] = entry["output"]

    def at(self, reference):
        return self.all[int(reference["$ref"].removeprefix("#/"))]


class TypeCheck:
    def __init__(self, types, report, request, patch=False):
        self.types, self.report, self.request, self.patch = types, report, request, patch

    def value(self, kind, value, where, top=False):
        name = kind["$type"]
        if value is None and not self.request:
            return None  # what is not set is told as null
        if name == "AnyType":
            return None
        if name == "StringType":
            return self.text(kind, value, where)
        if name == "StringLiteralType":
            # Azure answers "FULL" where its own types say "Full".
            same = value == kind["value"] or (
                not self.request and isinstance(value, str) and value.lower() == kind["value"].lower())
            return None if same else self.report(f"{where}: {shown(value)} is not {kind['value']!r}")
        if name == "IntegerType":
            if isinstance(value, bool) or not isinstance(value, int):
                return self.report(f"{where}: {shown(value)} is no whole number")
            return self.bounds(value, kind.get("minValue"), kind.get("maxValue"), where)
        if name == "BooleanType":
            return None if isinstance(value, bool) else self.report(f"{where}: {shown(value)} is no boolean")
        if name == "UnionType":
            return self.union(kind, value, where)
        if name == "ArrayType":
            if not isinstance(value, list):
                return self.report(f"{where}: {shown(value)} is no list")
            for index, entry in enumerate(value):
                self.value(self.types.at(kind["itemType"]), entry, f"{where}[{index}]")
            return None
        if not isinstance(value, dict):
            return self.report(f"{where}: {shown(value)} is no object")
        if name == "DiscriminatedObjectType":
            return self.discriminated(kind, value, where, top)
        return self.members(kind, value, where, top)

    def bounds(self, value, least, most, where):
        if (least is not None and value < least) or (most is not None and value > most):
            self.report(f"{where}: {value} is not within {least} and {most}")

    def text(self, kind, value, where):
        if not isinstance(value, str):
            return self.report(f"{where}: {shown(value)} is no string")
        if "pattern" in kind and not re.search(kind["pattern"], value):
            self.report(f"{where}: {shown(value)} is not as {kind['pattern']}")
        return self.bounds(len(value), kind.get("minLength"), kind.get("maxLength"), where)

    def union(self, kind, value, where):
        for element in kind["elements"]:
            found = []
            TypeCheck(self.types, found.append, self.request).value(self.types.at(element), value, where)
            if not found:
                return
        # A resource's names are told as they are spelled anywhere.
        literals = [self.types.at(element).get("value") for element in kind["elements"]]
        self.report(f"{where}: {shown(value)} is none of {literals}")

    def discriminated(self, kind, value, where, top):
        # The name stands in the path.
        chosen = self.kind_of or value.get(kind["discriminator"])
        if chosen not in kind["elements"]:
            return self.report(f"{where}: {shown(chosen)} is none of {sorted(kind['elements'])}")
        return self.members(self.types.at(kind["elements"][chosen]), value, where, top)

    kind_of = None

    def members(self, kind, value, where, top):
        properties = kind.get("properties", {})
        rest = kind.get("additionalProperties")
        for name, entry in value.items():
            if name not in properties:
                if rest is None:
                    self.report(f"{where}: has the unknown member {name!r}")
                else:
                    self.value(self.types.at(rest), entry, f"{where}.{name}")
                continue
            member = properties[name]
            if top and name in ENVELOPE:
                if self.request:
                    self.report(f"{where}.{name}: does not travel in a body")
                elif not isinstance(entry, str):
                    self.report(f"{where}.{name}: {shown(entry)} is no string")
                continue
            if self.request and member["flags"] & READ_ONLY:
                self.report(f"{where}.{name}: is for answers alone")
                continue
            self.value(self.types.at(member["type"]), entry, f"{where}.{name}")
        if not self.request or self.patch:
            return
        for name, member in properties.items():
            if member["flags"] & REQUIRED and name not in value and not (top and name in ENVELOPE):
                self.report(f"{where}: lacks {name!r}")


class SchemaCheck:
    """Template schemas: JSON Schema of draft 4, as far as they use it."""

    def __init__(self, document, report):
        self.document, self.report = document, report

    def value(self, schema, value, where):
        if "$ref" in schema:
            return self.value(self.document["definitions"][schema["$ref"].rpartition("/")[2]], value, where)
        if "oneOf" in schema:
            return self.one_of([one for one in schema["oneOf"] if "common/definitions" not in one.get("$ref", "")],
                               value, where)
        kind = schema.get("type")
        fits = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict}
        if kind in fits and (not isinstance(value, fits[kind]) or (isinstance(value, bool) and kind != "boolean")):
            return self.report(f"{where}: {shown(value)} is no {kind}")
        if "enum" in schema and value not in schema["enum"]:
            return self.report(f"{where}: {shown(value)} is none of {schema['enum']}")
        if kind == "string":
            if "pattern" in schema and not re.search(schema["pattern"], value):
                self.report(f"{where}: {shown(value)} is not as {schema['pattern']}")
            if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
                self.report(f"{where}: {shown(value)} has not the right length")
        if kind in ("integer", "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            self.report(f"{where}: {value} is out of range")
        if kind == "array":
            for index, entry in enumerate(value):
                self.value(schema.get("items", {}), entry, f"{where}[{index}]")
        if kind == "object":
            self.members(schema, value, where)
        return None

    def one_of(self, choices, value, where):
        best = None
        for choice in choices:
            found = []
            SchemaCheck(self.document, found.append).value(choice, value, where)
            if best is None or len(found) < len(best):
                best = found
        for text in best or []:
            self.report(text)

    def members(self, schema, value, where):
        properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
        for name, entry in value.items():
            if name in properties:
                self.value(properties[name], entry, f"{where}.{name}")
            elif isinstance(rest, dict):
                self.value(rest, entry, f"{where}.{name}")
            elif properties or rest is False:
                self.report(f"{where}: has the unknown member {name!r}")
        for name in schema.get("required", []):
            if name not in value:
                self.report(f"{where}: lacks {name!r}")

    def resource(self, schema, value):
        """The part of a template's resource that travels in a body."""
        rest = {**schema, "required": [name for name in schema.get("required", []) if name not in ENVELOPE]}
        self.members(rest, value, "body")


class Model:
    def __init__(self, directory):
        self.types = {name: Types(directory / f"{name}.json") for name in (WEB, STORAGE, RESOURCES)}
        self.schemas = {}
        for name, file in SCHEMAS.items():
            self.schemas[name] = json.loads((directory / f"{file}.json").read_text(encoding="utf-8"))
        self.operations = []
        for part in json.loads((directory / "arm-operations.json").read_text(encoding="utf-8"))["operations"].values():
            for operation in part["selected"]:
                pattern = re.sub(r"\\\{\w+\\\}", "[^/?]+", re.escape(operation["path"]))
                self.operations.append((operation["method"], re.compile(pattern, re.IGNORECASE), operation))

    def find(self, verb, path):
        # Where a path could be two, the one with more words of its own is meant.
        found = [one for method, pattern, one in self.operations if method == verb and pattern.fullmatch(path)]
        return max(found, key=lambda one: len(re.sub(r"\{\w+\}", "", one["path"])), default=None)


def provider_of(path):
    if re.fullmatch(r"/subscriptions/[^/]+/providers/[^/]+(/register)?", path):
        return ""  # providers themselves are of Microsoft.Resources
    found = re.findall(r"/providers/([^/]+)/", path)
    return found[-1] if found else ""


def json_of(body):
    try:
        return json.loads(body)
    except ValueError:
        return None


def check_version(path, query, report):
    versions = query.get("api-version", [])
    if len(versions) != 1:
        return report(f"request: has {len(versions)} api-versions")
    known = VERSIONS.get(provider_of(path), VERSIONS[""])
    if versions[0] not in known:
        report(f"request: {versions[0]} is no version of {provider_of(path) or 'Microsoft.Resources'} that was looked at")
    return None


def kind_in(path):
    return path.rpartition("/")[2]


def check_request(model, operation, path, query, headers, body, report):
    check_version(path, query, report)
    for name in query:
        if name not in (*operation["query"], "api-version", "deleteEmptyServerFarm", "deleteMetrics"):
            report(f"request: has the unknown parameter {name!r}")
    if not headers.get("authorization", "").startswith("Bearer ") and "authorization" in headers:
        report("request: the management API takes Bearer tokens")
    name = operation["operation"]
    if operation["requestModel"] is None:
        # POST without a body is asked for with an empty one.
        if body and json_of(body) != {}:
            report("request: has a body, and the operation takes none")
        return
    if not body and operation["requestModel"] == "properties":
        return  # what goes beside a registration may be left out
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        report(f"request: has the Content-Type {headers.get('content-type')!r} with a JSON body")
    value = json_of(body)
    if not isinstance(value, dict):
        report("request: is no JSON object")
        return
    if name == "webApps.update":
        for member in value:
            if member not in SITE_PATCH:
                report(f"body: {member!r} cannot be patched")
    if name in REQUESTS:
        file, kind = REQUESTS[name]
        check = TypeCheck(model.types[file], report, True, name in PATCHES)
        check.kind_of = kind_in(path)
        check.value(model.types[file].at(model.types[file].named[kind]), value, "body", True)
    if name in TEMPLATE_SCHEMAS:
        provider, resource = TEMPLATE_SCHEMAS[name]
        document = model.schemas[provider]
        SchemaCheck(document, report).resource(document["resourceDefinitions"][resource], value)


def check_error(status, answer, headers, report):
    if not headers.get("content-type", "").startswith("application/json"):
        return  # front ends answer for people
    value = json_of(answer)
    if not isinstance(value, dict):
        report("answer: is no JSON object")
        return
    error = value.get("error")
    names = ("code", "message")
    if error is None and "Code" in value:  # the form of Microsoft.Web
        error, names = value, ("Code", "Message")
    if not isinstance(error, dict):
        report("answer: has no error")
        return
    for name in names:
        if not isinstance(error.get(name), str) or not error[name]:
            report(f"answer: the error has no {name}")
    known = {"code", "message", "target", "details", "additionalInfo", "innererror", "Code", "Message", "Target", "Details",
             "Innererror", "ExtendedCode", "MessageTemplate", "Parameters"}
    for name in error:
        if name not in known:
            report(f"answer: the error has the unknown member {name!r}")


def check_value(model, kind, path, value, where, report):
    file, name = kind
    types = model.types[file]
    check = TypeCheck(types, report, False)
    check.kind_of = kind_in(path) if kind in (CONFIG, POLICY) else None
    check.value(types.at(types.named[name]), value, where, True)


def check_answer(model, operation, path, status, headers, answer, report):
    name = operation["operation"]
    if status >= 400:
        if not (name == "resourceGroups.checkExistence" and status == 404):
            check_error(status, answer, headers, report)
        return
    if str(status) not in operation["expectedStatuses"]:
        report(f"answer: has the status {status}; this operation gives {', '.join(operation['expectedStatuses'])}")
        return
    if status == 202 and not any(
            field in headers for field in ("location", "azure-asyncoperation", "operation-location")):
        report("answer: 202 tells no place to ask on")
    if name in BARE:
        if status == 204 and answer:
            report("answer: 204 has a body")
        return
    if status in (202, 204) and not answer:
        return
    value = json_of(answer)
    if value is None:
        report("answer: is no JSON")
        return
    if not headers.get("content-type", "").startswith("application/json"):
        report(f"answer: has the Content-Type {headers.get('content-type')!r} with a JSON body")
    if name in LISTS:
        if not isinstance(value, dict) or not isinstance(value.get("value"), list):
            report("answer: is no list")
            return
        for member in value:
            if member not in ("value", "nextLink", "id"):
                report(f"answer: has the unknown member {member!r}")
        for index, entry in enumerate(value["value"]):
            check_value(model, LISTS[name], path, entry, f"answer.value[{index}]", report)
        return
    kind = ANSWERS.get(name)
    if kind is not None:
        check_value(model, kind, path, value, "answer", report)
        return
    check_unmodelled(name, value, report)


def check_unmodelled(name, value, report):
    """What no file describes, but the platform's page does."""
    if not isinstance(value, dict):
        report("answer: is no object")
    elif name.startswith("providers."):
        if value.get("registrationState") not in ("NotRegistered", "Registering", "Registered", "Unregistering",
                                                  "Unregistered"):
            report(f"answer.registrationState: {shown(value.get('registrationState'))} is none")
    elif name == "storageAccounts.checkNameAvailability":
        if not isinstance(value.get("nameAvailable"), bool):
            report("answer.nameAvailable: is no boolean")
        if value.get("reason") not in (None, "AccountNameInvalid", "AlreadyExists"):
            report(f"answer.reason: {shown(value['reason'])} is none")
    elif name == "webApps.listFunctionKeys":
        for key, entry in value.items():
            if not isinstance(entry, str):
                report(f"answer.{key}: {shown(entry)} is no string")


def check_poll(status, headers, answer, report):
    """How an operation goes on, asked where its beginning told."""
    if status >= 400:
        check_error(status, answer, headers, report)
    elif status not in (200, 201, 202, 204):
        report(f"answer: has the status {status}")
    elif answer and json_of(answer) is None:
        report("answer: is no JSON")


def check_role(path, query, status, body, headers, answer, report):
    check_version(path, query, report)
    if status >= 400:
        check_error(status, answer, headers, report)
        return
    for name, value in (("body", json_of(body)), ("answer", json_of(answer))):
        properties = value.get("properties") if isinstance(value, dict) else None
        if not isinstance(properties, dict) or not all(
                isinstance(properties.get(member), str) for member in ("roleDefinitionId", "principalId")):
            report(f"{name}: is no role assignment")


def check_exchange(model, exchange, report):
    """Returns whether it was one of the management API."""
    path, _, text = exchange["target"].partition("?")
    if not re.match(r"/(subscriptions|providers)(/|$)", path, re.IGNORECASE):
        return False
    query = urllib.parse.parse_qs(text, keep_blank_values=True)
    headers = {name.lower(): value for name, value in exchange["headers"].items()}
    answer_headers = {name.lower(): value for name, value in exchange["answer_headers"].items()}
    body = base64.b64decode(exchange.get("body_base64") or "", validate=True)
    answer = base64.b64decode(exchange.get("answer_body_base64") or "", validate=True)
    status, verb = exchange["status"], exchange["method"]
    if exchange.get("deliberate", False):
        if status < 400:
            report(f"answer: {status} to a request that was to be refused")
        if verb != "HEAD":
            check_error(status, answer, answer_headers, report)
        return True
    if NOT_IN_TABLE.fullmatch(path):
        return False
    if verb == "GET" and re.search(r"/operation(s|Results|Statuses)/[^/]+$", path, re.IGNORECASE):
        check_poll(status, answer_headers, answer, report)
        return True
    if re.search(r"/providers/Microsoft\.Authorization/roleAssignments/[0-9a-f-]{36}$", path):
        check_role(path, query, status, body, answer_headers, answer, report)
        return True
    operation = model.find(verb, path)
    if operation is None:
        report("request: is no operation")
        return True
    check_request(model, operation, path, query, headers, body, report)
    check_answer(model, operation, path, status, answer_headers, answer, report)
    return True


GROUP_PATH = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/g"
SITES = GROUP_PATH + "/providers/Microsoft.Web/sites/app"
WEB_VERSION, STORAGE_VERSION, GROUP_VERSION = "?api-version=2024-11-01", "?api-version=2025-06-01", "?api-version=2025-04-01"
SITE_BODY = {
    "location": "westeurope", "kind": "functionapp,linux", "tags": {"managed-by": "blueprint-faas"},
    "identity": {"type": "SystemAssigned"},
    "properties": {
        "serverFarmId": GROUP_PATH + "/providers/Microsoft.Web/serverfarms/p", "httpsOnly": True,
        "functionAppConfig": {
            "deployment": {"storage": {"type": "blobContainer", "value": "https://a.blob.core.windows.net/c",
                                       "authentication": {"type": "StorageAccountConnectionString",
                                                          "storageAccountConnectionStringName": "S"}}},
            "runtime": {"name": "custom", "version": "1.0"},
            "scaleAndConcurrency": {"instanceMemoryMB": 512, "maximumInstanceCount": 100,
                                    "alwaysReady": [{"name": "http", "instanceCount": 1}],
                                    "triggers": {"http": {"perInstanceConcurrency": 8}}}},
        "siteConfig": {"appSettings": [{"name": "A", "value": "b"}]}}}
SITE_ANSWER = {
    **SITE_BODY, "id": SITES, "name": "app", "type": "Microsoft.Web/sites",
    "properties": {**SITE_BODY["properties"], "state": "Running", "defaultHostName": "app.azurewebsites.net",
                   "hostNameSslStates": [{"name": "app.scm.azurewebsites.net", "hostType": "Repository",
                                          "sslState": "Disabled"}]}}
ACCOUNT_PATH = GROUP_PATH + "/providers/Microsoft.Storage/storageAccounts/acc"
ACCOUNT_BODY = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
                "properties": {"minimumTlsVersion": "TLS1_2", "allowBlobPublicAccess": False,
                               "supportsHttpsTrafficOnly": True}}
GOOD = {
    "site": exchange_of("PUT", SITES + WEB_VERSION, 200, SITE_BODY, SITE_ANSWER),
    "begun": exchange_of("PUT", SITES + WEB_VERSION, 202, SITE_BODY, answer_headers={"Location": "https://x"}),
    "read": exchange_of("GET", SITES + WEB_VERSION, 200, answer=SITE_ANSWER),
    "patch": exchange_of("PATCH", SITES + WEB_VERSION, 200, {"properties": {"httpsOnly": True}}, SITE_ANSWER),
    "sites": exchange_of("GET", GROUP_PATH + "/providers/Microsoft.Web/sites" + WEB_VERSION, 200,
                         answer={"value": [SITE_ANSWER]}),
    "plan": exchange_of("PUT", GROUP_PATH + "/providers/Microsoft.Web/serverfarms/p" + WEB_VERSION, 201,
                        {"location": "westeurope", "kind": "functionapp", "properties": {"reserved": True},
                         "sku": {"name": "FC1", "tier": "FlexConsumption"}},
                        {"name": "p", "location": "West Europe", "properties": {"status": "Ready"}}),
    "settings": exchange_of("PUT", SITES + "/config/appsettings" + WEB_VERSION, 200, {"properties": {"A": "b"}},
                            {"name": "appsettings", "properties": {"A": "b"}}),
    "setting list": exchange_of("POST", SITES + "/config/appsettings/list" + WEB_VERSION, 200,
                                answer={"name": "appsettings", "properties": {"A": "b"}}),
    "keys": exchange_of("POST", SITES + "/host/default/listkeys" + WEB_VERSION, 200,
                        answer={"masterKey": "m", "functionKeys": {"default": "k"}, "systemKeys": {}}),
    "account": exchange_of("PUT", ACCOUNT_PATH + STORAGE_VERSION, 200, ACCOUNT_BODY,
                           {**ACCOUNT_BODY, "name": "acc", "properties": {
                               "provisioningState": "Succeeded", "primaryEndpoints": {"blob": "https://acc"}}}),
    "account keys": exchange_of("POST", ACCOUNT_PATH + "/listKeys" + STORAGE_VERSION, 200,
                                answer={"keys": [{"keyName": "key1", "value": "v", "permissions": "FULL"}]}),
    "container": exchange_of("PUT", ACCOUNT_PATH + "/blobServices/default/containers/con" + STORAGE_VERSION, 201,
                             {"properties": {"publicAccess": "None"}}, {"name": "con", "properties": {}}),
    "group": exchange_of("PUT", GROUP_PATH.replace("resourceGroups", "resourcegroups") + GROUP_VERSION, 201,
                         {"location": "westeurope"}, {"name": "g", "location": "westeurope"}),
    "no group": exchange_of("HEAD", GROUP_PATH + GROUP_VERSION, 404),
    "register": exchange_of("POST", "/subscriptions/s/providers/Microsoft.Web/register" + GROUP_VERSION, 200,
                            answer={"namespace": "Microsoft.Web", "registrationState": "Registering"}),
    "delete": exchange_of("DELETE", SITES + WEB_VERSION + "&deleteEmptyServerFarm=true", 204),
    "poll": exchange_of("GET", "/subscriptions/s/providers/Microsoft.Web/locations/l/operationResults/o?api-version=x", 202),
    "role": exchange_of("PUT", ACCOUNT_PATH + "/providers/Microsoft.Authorization/roleAssignments/"
                        "00000000-0000-0000-0000-000000000000?api-version=2022-04-01", 201,
                        {"properties": {"roleDefinitionId": "r", "principalId": "p"}},
                        {"properties": {"roleDefinitionId": "r", "principalId": "p"}}),
    "absent": exchange_of("GET", SITES + WEB_VERSION, 404, answer={"error": {"code": "ResourceNotFound", "message": "no"}}),
    "bad": exchange_of("PUT", SITES + WEB_VERSION, 400, SITE_BODY,
                       {"Code": "BadRequest", "Message": "no", "Target": None, "Details": [], "Innererror": None}),
    "refused": {**exchange_of("PUT", SITES + WEB_VERSION, 400, {"x": 1}, {"error": {"code": "X", "message": "no"}}),
                "deliberate": True},
}


SCALE = ("properties", "functionAppConfig", "scaleAndConcurrency")
PLANTED = [  # what is altered, how, and what is to be said of it
    ("site", replaced("target", "/sites/", "/site/"), "is no operation"),
    ("site", set_to(method="POST"), "is no operation"),
    ("site", replaced("target", "2024-11-01", "2018-11-01"), "no version of Microsoft.Web"),
    ("site", replaced("target", "?api-version=2024-11-01", ""), "has 0 api-versions"),
    ("site", replaced("target", "-11-01", "-11-01&force=true"), "unknown parameter 'force'"),
    ("site", body(without("location")), "lacks 'location'"),
    ("site", body(put("name", value="app")), "does not travel"),
    ("site", body(put("properties", "state", value="Running")), "for answers alone"),
    ("site", body(put("properties", "siteConf", value={})), "unknown member 'siteConf'"),
    ("site", body(put(*SCALE, "instanceMemoryMB", value="512")), "instanceMemoryMB"),
    ("site", body(put(*SCALE, "maxInstances", value=1)), "unknown member 'maxInstances'"),
    ("site", body(put(*SCALE, "alwaysReady", 0, "instanceCount", value=1.5)), "alwaysReady[0].instanceCount"),
    ("site", body(put("properties", "functionAppConfig", "runtime", "name", value="rust")), "runtime.name"),
    ("site", body(put("properties", "functionAppConfig", "deployment", "storage", "type", value="share")), "storage.type"),
    ("site", body(put("properties", "siteConfig", "appSettings", value={"A": "b"})), "is no list"),
    ("site", body(put("tags", "a", value=1)), "body.tags.a"),
    ("site", body(put("identity", "type", value="System")), "identity.type"),
    ("site", set_to(headers={"Content-Type": "text/plain"}), "with a JSON body"),
    ("site", set_to(headers={"Content-Type": "application/json", "Authorization": "Basic x"}), "takes Bearer"),
    ("site", set_to(status=204), "has the status 204"),
    ("site", answer(put("properties", "defaultHostName", value=1)), "answer.properties.defaultHostName"),
    ("site", answer(put("properties", "hostname", value="x")), "unknown member 'hostname'"),
    ("begun", set_to(answer_headers={}), "tells no place"),
    ("read", set_to(body_base64="eyJhIjoxfQ=="), "takes none"),
    ("read", set_to(answer_headers={"Content-Type": "text/html"}), "with a JSON body"),
    ("patch", body(put("tags", value={"a": "b"})), "cannot be patched"),
    ("sites", answer(put("value", 0, "properties", "hostNameSslStates", 0, "hostType", value=1)), "hostType"),
    ("sites", answer(put("items", value=[])), "unknown member 'items'"),
    ("sites", answer(without("value")), "is no list"),
    ("plan", body(put("sku", "size", value=1)), "body.sku.size"),
    ("plan", body(put("properties", "status", value="Ready")), "for answers alone"),
    ("plan", answer(put("properties", "status", value="Fine")), "answer.properties.status"),
    ("settings", body(put("properties", "A", value=1)), "body.properties.A"),
    ("settings", body(put("A", value="b")), "unknown member 'A'"),
    ("setting list", answer(put("properties", "A", value=1)), "answer.properties.A"),
    ("keys", answer(put("functionKeys", "default", value=1)), "functionKeys.default"),
    ("keys", answer(put("keys", value=1)), "unknown member 'keys'"),
    ("account", body(without("sku")), "lacks 'sku'"),
    ("account", body(put("kind", value="StorageV9")), "body.kind"),
    ("account", body(put("properties", "provisioningState", value="x")), "for answers alone"),
    ("account", answer(put("properties", "primaryEndpoints", "blob", value=1)), "primaryEndpoints.blob"),
    ("account keys", answer(put("keys", 0, "permissions", value="All")), "permissions"),
    ("container", body(put("properties", "publicAccess", value="Everything")), "publicAccess"),
    ("group", body(without("location")), "lacks 'location'"),
    ("group", answer(put("place", value="x")), "unknown member 'place'"),
    ("register", answer(put("registrationState", value="Done")), "registrationState"),
    ("register", replaced("target", "2025-04-01", "2024-11-01"), "no version of Microsoft.Resources"),
    ("delete", set_to(answer_body_base64="e30="), "204 has a body"),
    ("poll", set_to(status=304), "has the status 304"),
    ("role", body(without("properties", "principalId")), "is no role assignment"),
    ("absent", answer(put("error", "code", value="")), "has no code"),
    ("absent", answer(put("error", "reason", value="x")), "unknown member 'reason'"),
    ("bad", answer(without("Message")), "has no Message"),
    ("bad", answer(without("Code")), "has no error"),
    ("refused", set_to(status=200), "to a request that was to be refused"),
]


def self_test(model):
    wrong = check_planted(lambda exchange, report: check_exchange(model, exchange, report), GOOD, PLANTED)
    if check_exchange(model, exchange_of("POST", "/tenant/oauth2/v2.0/token", 200, b"x"), print):
        wrong += 1
        print("the token endpoint was taken for the management API")
    print(f"{len(GOOD)} good exchanges, {len(PLANTED)} planted violations, {wrong} not judged as they should be")
    return 1 if wrong else 0


def main():
    run_checker(__doc__, MODELS, NAMES, "the models of Azure's management API", Model, self_test, check_exchange,
                "the management API")


if __name__ == "__main__":
    main()
