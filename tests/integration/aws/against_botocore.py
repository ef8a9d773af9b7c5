#!/usr/bin/env python3
"""Signs random requests with botocore and with ours, and compares canonical requests and signatures.

    against_botocore.py SIGN_MANY [REQUESTS [SEED]]

Exits 77 without botocore (Debian: python3-botocore). Three ways, see sign_many.cpp: the pure functions on raw
descriptions; a Signer by header; a Signer by query. Of the last two also the target that would be sent is looked at: it
must mean the same as the one given, and be written in the one form that all servers read alike.

Where botocore does what only its own preparation of requests makes right, the requests stay clear of it:
* It signs every header but three; our Signer signs those that must be. So by header and by query botocore is given the
  Content-Type and the X-Amz-* of a request only, and the pure functions are given all that botocore signs.
* A `Date` header makes it sign that instead of X-Amz-Date; we always send X-Amz-Date.
* A query in a URL it takes as it stands, because it has encoded it itself. So a query that is not in that form is given to
  it as pairs, which it encodes, and as text to us.
* An empty pair ("a&&b") becomes "=" in its text; ours drops it, as parsers of queries do. None is made.
* Python calls more characters blanks than HTTP does; only blanks, tabs and their like in ASCII are made.
* Presigning, it moves a body into the query, drops repeated names and reads escapes that are not UTF-8 wrongly. So those
  requests have no body, each name once, and text.
* The path of S3 it signs as it stands, also an empty one, which cannot be sent.
"""

import json
import os
import random
import re
import subprocess
import sys
import time
import types
import urllib.parse

try:
    import botocore
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
except ImportError:
    debian = "/usr/bin/python3"
    if os.path.exists(debian) and "BLUEPRINT_FAAS_SECOND_PYTHON" not in os.environ:
        os.environ["BLUEPRINT_FAAS_SECOND_PYTHON"] = "1"
        os.execv(debian, [debian, *sys.argv])
    print("skipped: there is no botocore to compare with; install Debian's python3-botocore")
    sys.exit(77)

BATCH = 5000
SERVICES = ["lambda", "lambda", "s3", "s3", "sts", "iam", "logs", "service"]
REGIONS = ["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "us-isob-east-1"]
HOSTS = ["lambda.us-east-1.amazonaws.com", "bucket.s3.amazonaws.com", "localhost", "127.0.0.1", "fd00:ec2::23", "::1"]
UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
ODD = " !\"$&'()*+,/:;<=>@[]^`{|}%"
WIDE = "éßλ中\u1234€😀\u00a0"
SIGNED_NAMES = ["X-Amz-Invocation-Type", "x-amz-log-type", "X-AMZ-Client-Context", "X-Amz-Meta-A", "x-amz-meta-b", "x-amz-a",
                "X-Amz-Tagging", "x-amz-copy-source", "X-Amz-Aaaaaaaaaaaaaaaaaaaaaaaaaaa"]
OTHER_NAMES = ["Accept", "Accept-Encoding", "Range", "TE", "X-Trace", "If-Match", "traceparent", "A", "Zz", "X-Am"]
OWN_NAMES = ["Authorization", "X-Amz-Date", "x-amz-security-token", "X-AMZ-CONTENT-SHA256"]
STRICT = re.compile(r"/(?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})*"
                    r"(?:\?(?:(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})*(?:=(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})*)?(?:&(?!$)|$))*)?")


class Maker:
    """Makes random requests."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.accounts = [
            (self.letters(20).upper(), self.letters(40, UNRESERVED + "/+="), self.letters(self.random.choice([8, 100, 900])))
            for _ in range(20)
        ]

    def letters(self, size, alphabet="abcdefghijklmnopqrstuvwxyz0123456789"):
        return "".join(self.random.choices(alphabet, k=size))

    def text(self, most, without=""):
        kinds = [UNRESERVED] * 6 + [ODD, WIDE]
        drawn = (self.random.choice(self.random.choice(kinds)) for _ in range(self.random.randint(0, most)))
        return "".join(c for c in drawn if c not in without)

    def escape(self, text, safe):
        """Writes text in one of the many ways that mean the same in a URL: any byte may be escaped, in either case."""
        out = []
        for byte in text.encode():
            c = chr(byte)
            if c in safe and self.random.random() < 0.9:
                out.append(c)
            else:
                out.append(self.random.choice(["%%%02X", "%%%02x"]) % byte)
        return "".join(out)

    def path(self):
        parts = [self.random.choice(["", ".", "..", "functions", "arn%3Aaws%3Alambda", "a:b", "%2e%2E", "%zz", "..."]
                                    + [self.text(12, "/?#")] * 6) for _ in range(self.random.randint(0, 6))]
        return "/" + "/".join(parts)

    def pairs(self, repeats=True):
        names = [self.random.choice(["a", "b", "A", "Param", "Param-3", "Qualifier", "versionId", self.text(8)])
                 for _ in range(self.random.choice([0, 0, 1, 1, 2, 3, 6]))]
        if not repeats:
            names = list(dict.fromkeys(names))
        made = [(name, self.random.choice(["", "1", "2", "$LATEST", self.text(12)])) for name in names]
        return [(name, value) for name, value in made if name or value]

    def query(self, pairs, strictly):
        """Writes pairs as a query; a value that is empty may go without its '='."""
        safe = UNRESERVED if strictly else UNRESERVED + "!$'()*,/:;@?"
        encode = (lambda text: urllib.parse.quote(text, safe="-_.~")) if strictly else (lambda text: self.escape(text, safe))
        written = []
        for name, value in pairs:
            key = encode(name)
            written.append(key if key and not value and self.random.random() < 0.5 else key + "=" + encode(value))
        return "&".join(written)

    def value(self):
        blanks = ["", "", " ", "  ", "\t", " \t "]
        parts = [self.text(10) for _ in range(self.random.randint(0, 3))]
        text = self.random.choice(blanks) + self.random.choice([" ", "  ", "\t", ","]).join(parts) + self.random.choice(blanks)
        return text.replace("\u00a0", "")

    def name(self, names):
        name = self.random.choice(names)
        return self.random.choice([name, name, name.lower(), name.upper()])

    def fields(self, names, most):
        return [(self.name(names), self.value()) for _ in range(self.random.randint(0, most))]

    def common(self):
        key, secret, token = self.random.choice(self.accounts)
        date = time.gmtime(self.random.choice([1440938160, self.random.randrange(946684800, 4102444800)]))
        return {
            "method": self.random.choice(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            "service": self.random.choice(SERVICES),
            "region": self.random.choice(REGIONS),
            "date": time.strftime("%Y%m%dT%H%M%SZ", date),
            "access_key_id": key,
            "secret": secret,
            "token": token if self.random.random() < 0.4 else "",
            "tls": self.random.random() < 0.8,
            "host": self.random.choice(HOSTS),
            "port": self.random.choice([443, 443, 443, 80, 8443, 4566]),
            "body_hex": self.random.choice(["", self.random.randbytes(self.random.randint(1, 200)).hex()]),
        }


def url_of(one, target):
    scheme = "https" if one["tls"] else "http"
    host = "[%s]" % one["host"] if ":" in one["host"] else one["host"]
    return "%s://%s:%d%s" % (scheme, host, one["port"], target)


def sign_with_botocore(one, target, fields, params=None, lifetime=None, unsigned=False):
    """Returns the request as botocore leaves it, what it signs, and the signature."""
    s3 = one["service"] == "s3"
    credentials = botocore.credentials.Credentials(one["access_key_id"], one["secret"], one["token"] or None)
    where = (credentials, one["service"], one["region"])
    if lifetime is None:
        signer = (botocore.auth.S3SigV4Auth if s3 else botocore.auth.SigV4Auth)(*where)
    else:
        signer = (botocore.auth.S3SigV4QueryAuth if s3 else botocore.auth.SigV4QueryAuth)(*where, expires=lifetime)
    request = botocore.awsrequest.AWSRequest(
        method=one["method"], url=url_of(one, target), data=bytes.fromhex(one["body_hex"]), params=params)
    for name, value in fields:
        request.headers[name] = value
    request.context["timestamp"] = one["date"]
    if unsigned:
        if s3:
            request.context["client_config"] = types.SimpleNamespace(s3={"payload_signing_enabled": False})
        else:
            request.context["payload_signing_enabled"] = False
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    names = list(signer.headers_to_sign(request).items())
    signer._inject_signature_to_request(request, signature)
    return request, canonical, signature, names


def make(maker):
    """Returns a description for sign_many, and a function that tells from its answer what is wrong; nothing: all right."""
    one = maker.common()
    draw = maker.random.random()
    return make_stages(maker, one) if draw < 0.4 else make_header(maker, one) if draw < 0.8 else make_query(maker, one)


def make_stages(maker, one):
    path = maker.path()
    pairs = maker.pairs()
    strictly = maker.random.random() < 0.5
    query = maker.query(pairs, strictly)
    fields = maker.fields(SIGNED_NAMES + OTHER_NAMES + ["Content-Type"], 6)
    unsigned = one["tls"] and maker.random.random() < 0.1
    target = path + ("?" + query if strictly and query else "")
    _, canonical, signature, signed = sign_with_botocore(
        one, target, fields, params=None if strictly else pairs, unsigned=unsigned)
    maker.random.shuffle(signed)
    in_order = {}
    for name, value in [(n.lower(), v) for n, v in fields]:
        in_order.setdefault(name, []).append(value)
    one["fields"] = [(name, in_order[name.lower()].pop(0) if in_order.get(name.lower()) else value) for name, value in signed]
    one.update(way="stages", path=path, query=query)
    if unsigned:
        one["payload_hash"] = "UNSIGNED-PAYLOAD"
    return one, lambda answer: differences(answer, canonical=canonical, signature=signature)


def is_signed(name):
    name = name.lower()
    return name == "content-type" or name.startswith("x-amz-")


def same_target(given, sent):
    def meaning(target):
        path, _, query = target.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        return (urllib.parse.unquote_to_bytes(path or "/"),
                [(urllib.parse.unquote_to_bytes(k), urllib.parse.unquote_to_bytes(v)) for k, _, v in pairs])

    return STRICT.fullmatch(sent) is not None and meaning(given) == meaning(sent)


def make_header(maker, one):
    query = maker.query(maker.pairs(), False)
    one["target"] = maker.path() + ("?" + query if query else "")
    fields = maker.fields(SIGNED_NAMES + OTHER_NAMES + ["Content-Type"], 6)
    stale = [(name, "left over") for name in maker.random.sample(OWN_NAMES, maker.random.choice([0, 0, 1, 4]))]
    one["fields"] = fields + stale
    if maker.random.random() < 0.5:
        maker.random.shuffle(one["fields"])
    unsigned = one["tls"] and one["service"] == "s3" and maker.random.random() < 0.2
    own = {name.lower() for name in OWN_NAMES}
    signed = [(name, value) for name, value in one["fields"] if is_signed(name) and name.lower() not in own]
    one.update(way="header", unsigned=unsigned)

    def check(answer):
        if not same_target(one["target"], answer.get("target", "")):
            return ["target: %r became %r" % (one["target"], answer.get("target"))]
        request, canonical, signature, _ = sign_with_botocore(one, answer["target"], signed, unsigned=unsigned)
        return differences(answer, canonical=canonical, signature=signature, sent_signature=signature,
                           authorization=request.headers["Authorization"])

    return one, check


def make_query(maker, one):
    one["body_hex"] = ""
    query = maker.query(maker.pairs(repeats=False), False)
    one["target"] = maker.path() + ("?" + query if query else "")
    fields = maker.fields(SIGNED_NAMES + OTHER_NAMES, 4)
    stale = [(name, "left over") for name in maker.random.sample(OWN_NAMES, maker.random.choice([0, 0, 2]))]
    one["fields"] = fields + stale
    signed = [(name, value) for name, value in fields if is_signed(name)]
    one.update(way="query", lifetime=maker.random.choice([1, 60, 3600, 604800]))

    def check(answer):
        begin = answer.get("target", "").rpartition("X-Amz-Algorithm=")[0].rstrip("?&")
        if not same_target(one["target"], begin):
            return ["target: %r became %r" % (one["target"], answer.get("target"))]
        request, canonical, signature, _ = sign_with_botocore(one, begin, signed, lifetime=one["lifetime"])
        # The same URL, but for parameters without a value, which botocore writes with '='.
        def written(url):
            query = urllib.parse.urlsplit(url).query
            return [tuple(pair.partition("=")[::2]) for pair in query.split("&")]
        return differences(answer, canonical=canonical, signature=signature, sent_signature=signature) + (
            [] if written(request.url) == written(url_of(one, answer["target"])) else ["url: botocore's is " + request.url])

    return one, check


def differences(answer, **expected):
    return ["%s: botocore has\n%s\nand we\n%s" % (name, value, answer.get(name))
            for name, value in expected.items() if answer.get(name) != value]


def main():
    program, count, seed = sys.argv[1], int((sys.argv[2:] or ["20000"])[0]), int((sys.argv[3:] or ["1"])[0])
    maker = Maker(seed)
    began = time.monotonic()
    wrong = compared = 0
    ways = {}
    while compared < count:
        batch = [make(maker) for _ in range(min(BATCH, count - compared))]
        lines = "".join(json.dumps(one) + "\n" for one, _ in batch)
        done = subprocess.run([program], input=lines.encode(), stdout=subprocess.PIPE, check=True)
        answers = done.stdout.decode().splitlines()
        if len(answers) != len(batch):
            sys.exit("%d answers to %d requests" % (len(answers), len(batch)))
        for (one, check), answer in zip(batch, answers):
            found = check(json.loads(answer))
            ways[one["way"]] = ways.get(one["way"], 0) + 1
            compared += 1
            if found:
                wrong += 1
                if wrong <= 5:
                    shown = {name: value for name, value in one.items() if name not in ("secret", "token")}
                    print("DIFFERENT: %s\n  %s" % (json.dumps(shown), "\n  ".join(found)))
    print("%d requests (%s), %d differences from botocore %s, %.0f s, seed %d" % (
        compared, ", ".join("%s %d" % item for item in sorted(ways.items())), wrong, botocore.__version__,
        time.monotonic() - began, seed))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
