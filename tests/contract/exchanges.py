"""What the contract checkers have in common: recorded exchanges, and violations that are planted in good ones."""
import argparse
import base64
import copy
import json
import pathlib
import sys

JSON_TYPE = {"Content-Type": "application/json"}


def shown(value):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)
    return repr(text[:80] + ("..." if len(text) > 80 else ""))


def check_records(check, paths, api):
    """Checks every exchange in files of JSON lines and returns the exit status. `check(exchange, report)` tells whether
    one is of the `api`, which is named in messages."""
    exchanges = others = violations = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                found = []
                exchange = json.loads(line)
                if check(exchange, found.append):
                    exchanges += 1
                else:
                    others += 1
                violations += len(found)
                for text in found:
                    print(f"{path}:{number}: {exchange['method']} {exchange['target'].partition('?')[0]} "
                          f"{exchange['status']}: {text}")
    print(f"{exchanges} exchanges, {violations} violations ({others} exchanges with others)")
    if exchanges == 0:
        print(f"no exchange with {api} was recorded: nothing is proven")
        return 1
    return 1 if violations else 0


def exchange_of(method, target, status, body=b"", answer=b"", headers=None, answer_headers=None):
    """An exchange as it would have been recorded; what is no bytes is sent as JSON."""
    def encoded(value):
        return base64.b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()

    return {
        "method": method, "target": target, "status": status,
        "headers": {**({} if body == b"" else JSON_TYPE), **(headers or {})}, "body_base64": encoded(body),
        "answer_headers": {**({} if answer == b"" else JSON_TYPE), **(answer_headers or {})},
        "answer_body_base64": encoded(answer),
    }


def check_planted(check, good, planted):
    """Counts what is not judged as it should be: `good` has exchanges by name, and `planted` what is altered, how, and
    what is to be said of it (nothing: it is no violation)."""
    wrong = 0
    for name, exchange in good.items():
        found = []
        if not check(exchange, found.append) or found:
            wrong += 1
            print(f"{name}: should have no violation, has {found}")
    for number, (name, change, expected) in enumerate(planted):
        found = []
        check(altered(good[name], change), found.append)
        if (expected is None) == bool(found) or (expected and not any(expected in text for text in found)):
            wrong += 1
            print(f"{number}, {name}: expected {expected!r}, found {found}")
    return wrong


def altered(exchange, change):
    copied = copy.deepcopy(exchange)
    change(copied)
    return copied


def with_json(member, change):
    """Returns a change of an exchange that changes the JSON of its member."""
    def apply(exchange):
        value = json.loads(base64.b64decode(exchange[member]))
        change(value)
        exchange[member] = base64.b64encode(json.dumps(value).encode()).decode()
    return apply


def body(change):
    """Changes the JSON of the request."""
    return with_json("body_base64", change)


def answer(change):
    """Changes the JSON of the answer."""
    return with_json("answer_body_base64", change)


def put(*path, value):
    def apply(document):
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value
    return apply


def without(*path):
    def apply(document):
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]
    return apply


def replaced(key, old, new):
    def apply(exchange):
        assert old in exchange[key]
        exchange[key] = exchange[key].replace(old, new)
    return apply


def set_to(**values):
    return lambda exchange: exchange.update(values)


def run_checker(about, models, names, what, load, self_test, check, api):
    """The main of a checker of APIs whose models are the files `names` of `models`: `load(directory)` reads them,
    `self_test(model)` returns the exit status, `check(model, exchange, report)` is as in `check_records`."""
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--models", type=pathlib.Path, default=models)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("records", nargs="*")
    arguments = parser.parse_args()
    if bool(arguments.records) == arguments.self_test:
        parser.error("give files with recorded exchanges, or --self-test")
    if any(not (arguments.models / f"{name}.json").is_file() for name in names):
        print(f"skipped: {what} are not in {arguments.models}")
        sys.exit(77)
    model = load(arguments.models)
    if arguments.self_test:
        sys.exit(self_test(model))
    sys.exit(check_records(lambda exchange, report: check(model, exchange, report), arguments.records, api))
