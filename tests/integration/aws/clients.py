#!/usr/bin/env python3
"""Drives the local cloud's AWS with clients that others wrote: clients.py CLIENT LOCAL_CLOUD FUNCTION [NODE_DIR NODE_SCRIPT]

CLIENT is awscli or boto3 (of Debian), or javascript (@aws-sdk/client-lambda). Exit status 77, and why, if it is not there.
"""
import base64
import contextlib
import io
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import zipfile

client, local_cloud, function = sys.argv[1:4]
KEY_ID = "AKIDEXAMPLE"
SECRET = secrets.token_hex(20)
ROLE = "arn:aws:iam::123456789012:role/jobs"


def skip(why):
    print(f"SKIPPED: {why}; sh tests/peers installs it")
    sys.exit(77)


def environment(**more):
    """What the clients get: the key, and nothing of the user's own configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PAGER": "", "no_proxy": "127.0.0.1", **more}


def package(extra=b""):
    """The function as a zip, as a user would make it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o100755 << 16
        entry.create_system = 3
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, pathlib.Path(function).read_bytes())
        archive.writestr("salt", extra)
    return made.getvalue()


def number(value):
    return list(value.to_bytes(8, "little"))


def call(job_id, args):
    return json.dumps({"job_id": job_id, "args": list(args)}).encode()


def expect(what, condition, seen=None):
    if not condition:
        sys.exit(f"FAILED: {what}: {seen}")
    print(f"ok: {what}", flush=True)


@contextlib.contextmanager
def running_cloud(directory):
    command = [local_cloud, "--listen", "127.0.0.1:0", "--data", os.path.join(directory, "cloud")]
    if client == "boto3":
        # Its requests have to find a function in the middle of a change, whatever else the machine does.
        command += ["--aws-settle-ms", "4000"]
    if os.environ.get("BLUEPRINT_FAAS_NO_MEMORY_LIMIT"):
        command.append("--no-memory-limit")
    with open(os.path.join(directory, "log"), "w+") as log:
        with subprocess.Popen(command + ["--verbose"], stdout=subprocess.PIPE, stderr=log, text=True, env=environment()) as cloud:
            try:
                url = None
                for line in cloud.stdout:
                    found = re.match(r"aws listening on (\S+)", line)
                    if found:
                        url = found.group(1)
                        break
                expect("the local cloud plays AWS", url)
                yield url
            finally:
                cloud.terminate()
                cloud.wait(30)
        log.seek(0)
        text = log.read()
        expect("the cloud ended well", cloud.returncode == 0, text[-2000:])
        expect("no secret stands in its log", SECRET not in text, "the secret key")


def awscli(url, directory):
    aws = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else shutil.which("aws")
    if not aws:
        skip("awscli is not installed")

    def run(*arguments, status=0, env=None):
        done = subprocess.run([aws, "--endpoint-url", url, "--output", "json", "--no-cli-pager", *arguments],
                              capture_output=True, text=True, timeout=120, env=env or environment())
        if done.returncode != status and not (status and done.returncode):
            sys.exit(f"FAILED: aws {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else done.stdout + done.stderr

    zip_file = os.path.join(directory, "package.zip")
    pathlib.Path(zip_file).write_bytes(package())
    name = ["--function-name", "from-the-shell"]
    out = os.path.join(directory, "answer")

    def invoke(payload, *more):
        body = os.path.join(directory, "payload")
        pathlib.Path(body).write_bytes(payload)
        seen = run("lambda", "invoke", *name, "--payload", f"fileb://{body}", *more, out)
        return seen, pathlib.Path(out).read_bytes()

    caller = run("sts", "get-caller-identity")
    expect("sts knows the caller", caller["Account"] == "123456789012", caller)
    assumed = run("sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "shell")["Credentials"]
    expect("sts gives a session", assumed["SessionToken"], assumed.keys())
    made = run("lambda", "create-function", *name, "--role", ROLE, "--runtime", "provided.al2023", "--handler", "bootstrap",
               "--zip-file", f"fileb://{zip_file}", "--memory-size", "256", "--timeout", "10")
    expect("created, pending", made["State"] == "Pending", made)
    run("lambda", "wait", "function-active-v2", *name)
    expect("waited until it is active", run("lambda", "get-function", *name)["Configuration"]["State"] == "Active")
    seen, answer = invoke(call(0, number(12)), "--log-type", "Tail")
    expect("invoked", json.loads(answer)["result"] == number(144), answer)
    expect("the log's end tells what it cost", "REPORT RequestId" in base64.b64decode(seen["LogResult"]).decode(), seen)
    seen, answer = invoke(call(1, number(3)))
    expect("a failed job is a function error", seen.get("FunctionError") == "Unhandled", seen)
    expect("and says why", "no answer to 3" in json.loads(answer)["errorMessage"], answer)
    seen, _ = invoke(call(0, number(3)), "--invocation-type", "Event")
    expect("an event is taken", seen["StatusCode"] == 202, seen)
    session = environment(AWS_ACCESS_KEY_ID=assumed["AccessKeyId"], AWS_SECRET_ACCESS_KEY=assumed["SecretAccessKey"],
                          AWS_SESSION_TOKEN=assumed["SessionToken"])
    listed = run("lambda", "list-functions", env=session)
    expect("the session lists functions", [each["FunctionName"] for each in listed["Functions"]] == ["from-the-shell"], listed)
    expect("a version", run("lambda", "publish-version", *name)["Version"] == "1")
    run("lambda", "create-alias", *name, "--name", "live", "--function-version", "1")
    seen, _ = invoke(call(0, number(3)), "--qualifier", "live")
    expect("the alias runs the version", seen["ExecutedVersion"] == "1", seen)
    pathlib.Path(zip_file).write_bytes(package(b"another"))
    changed = run("lambda", "update-function-code", *name, "--zip-file", f"fileb://{zip_file}")
    expect("new code, in progress", changed["LastUpdateStatus"] == "InProgress", changed)
    run("lambda", "wait", "function-updated-v2", *name)
    second = run("lambda", "publish-version", *name)["Version"]
    expect("the alias moves", run("lambda", "update-alias", *name, "--name", "live", "--function-version", second)["FunctionVersion"] == "2")
    again = run("lambda", "create-function", *name, "--role", ROLE, "--runtime", "provided.al2023", "--handler", "bootstrap",
                "--zip-file", f"fileb://{zip_file}", status=255)
    expect("a name twice is a conflict", "ResourceConflictException" in again, again)
    refused = run("lambda", "list-functions", env=environment(AWS_SECRET_ACCESS_KEY="not-the-secret"), status=255)
    expect("a wrong key is refused", "InvalidSignatureException" in refused, refused)
    stranger = run("lambda", "list-functions", env=environment(AWS_ACCESS_KEY_ID="AKIDNOBODY"), status=255)
    expect("a stranger is refused", "UnrecognizedClientException" in stranger, stranger)
    run("lambda", "delete-function", *name)
    expect("deleted", "ResourceNotFoundException" in run("lambda", "get-function", *name, status=255))

    big = os.path.join(directory, "big")
    pathlib.Path(big).write_bytes(os.urandom(20 << 20))
    run("s3api", "create-bucket", "--bucket", "packages")
    run("s3", "cp", big, "s3://packages/big")
    run("s3", "cp", "s3://packages/big", big + ".back")
    expect("20 MiB go to the bucket in parts and come back", pathlib.Path(big).read_bytes() == pathlib.Path(big + ".back").read_bytes())
    run("s3api", "delete-object", "--bucket", "packages", "--key", "big")


def boto3(url, directory):
    try:
        import boto3
        import botocore.exceptions
        from botocore.config import Config
    except ImportError:
        skip("python3-boto3 is not installed")
    os.environ.update(environment())
    aws = boto3.client("lambda", endpoint_url=url, config=Config(retries={"max_attempts": 0}))
    name = "from-python"

    def refused(code, operation, **arguments):
        try:
            operation(**arguments)
        except botocore.exceptions.ClientError as error:
            expect(f"{code}", error.response["Error"]["Code"] == code, error.response)
        else:
            sys.exit(f"FAILED: {code} did not come")

    made = aws.create_function(FunctionName=name, Role=ROLE, Runtime="provided.al2023", Handler="bootstrap",
                               Code={"ZipFile": package()}, MemorySize=256, Timeout=2, Tags={"team": "jobs"})
    expect("created", made["ResponseMetadata"]["HTTPStatusCode"] == 201, made)
    refused("ResourceConflictException", aws.invoke, FunctionName=name, Payload=call(0, number(1)))
    aws.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    done = aws.invoke(FunctionName=name, Payload=call(0, number(9)), LogType="Tail")
    expect("invoked", json.load(done["Payload"])["result"] == number(81))
    log = base64.b64decode(done["LogResult"]).decode()
    expect("the first call is a cold start", "Init Duration" in log, log)
    done = aws.invoke(FunctionName=made["FunctionArn"], Payload=call(0, number(9)), LogType="Tail")
    expect("by ARN, and warm", "Init Duration" not in base64.b64decode(done["LogResult"]).decode())
    done = aws.invoke(FunctionName=name, Payload=call(3, number(10_000)))
    error = json.load(done["Payload"])
    expect("a timeout is told", done["FunctionError"] == "Unhandled" and "Task timed out after 2.00 seconds" in error["errorMessage"], error)
    done = aws.invoke(FunctionName=name, Payload=call(4, []))
    error = json.load(done["Payload"])
    expect("a crash is told", error["errorType"] == "Runtime.ExitError", error)
    refused("InvalidRequestContentException", aws.invoke, FunctionName=name, Payload=b"{not json")
    refused("RequestEntityTooLargeException", aws.invoke, FunctionName=name, Payload=b'"' + b"x" * (6 << 20) + b'"')
    done = aws.invoke(FunctionName=name, InvocationType="DryRun")
    expect("a dry run", done["StatusCode"] == 204)
    aws.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    refused("TooManyRequestsException", aws.invoke, FunctionName=name, Payload=call(0, number(1)))
    aws.delete_function_concurrency(FunctionName=name)
    refused("PreconditionFailedException", aws.update_function_configuration, FunctionName=name, Timeout=5, RevisionId="8c5e9a5e-0000-4000-8000-000000000000")
    aws.update_function_configuration(FunctionName=name, Timeout=5)
    # By the smaller of two changes: a package takes its time to be sent, read and compared.
    refused("ResourceConflictException", aws.update_function_configuration, FunctionName=name, Timeout=6)
    aws.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    refused("InvalidParameterValueException", aws.update_function_code, FunctionName=name, ZipFile=b"no zip")
    version = aws.publish_version(FunctionName=name)["Version"]
    aws.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    refused("ResourceConflictException", aws.create_alias, FunctionName=name, Name="live", FunctionVersion=version)
    expect("aliases are listed", [a["Name"] for a in aws.list_aliases(FunctionName=name)["Aliases"]] == ["live"])
    aws.put_provisioned_concurrency_config(FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=1)
    status = aws.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")["Status"]
    expect("instances are kept ready", status in ("IN_PROGRESS", "READY"), status)
    expect("tags", aws.list_tags(Resource=made["FunctionArn"])["Tags"] == {"team": "jobs"})

    in_bucket = package(b"from the bucket")
    storage = boto3.client("s3", endpoint_url=url, config=Config(signature_version="s3v4"))
    storage.create_bucket(Bucket="packages")
    storage.put_object(Bucket="packages", Key="job.zip", Body=in_bucket)
    aws.update_function_code(FunctionName=name, S3Bucket="packages", S3Key="job.zip")
    aws.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    done = aws.invoke(FunctionName=name, Payload=call(2, b"from the bucket"))
    expect("code from the bucket runs", bytes(json.load(done["Payload"])["result"]) == b"from the bucket")
    signed = storage.generate_presigned_url("get_object", Params={"Bucket": "packages", "Key": "job.zip"})
    import urllib.request
    with urllib.request.urlopen(signed) as got:
        expect("a presigned URL opens", got.read() == in_bucket)
    aws.delete_function(FunctionName=name)
    refused("ResourceNotFoundException", aws.invoke, FunctionName=name, Payload=call(0, number(1)))
    stranger = boto3.client("lambda", endpoint_url=url, aws_secret_access_key="not-the-secret", aws_access_key_id=KEY_ID)
    refused("InvalidSignatureException", stranger.list_functions)


def javascript(url, directory):
    node_dir, script = os.environ.get("BLUEPRINT_FAAS_PEERS_DIR") or sys.argv[4], sys.argv[5]
    modules = pathlib.Path(node_dir) / "aws" / "node_modules"
    if not modules.is_dir():
        skip("@aws-sdk/client-lambda of npm is not installed")
    node = next((str(path) for path in pathlib.Path(node_dir).glob("node/node_modules/node-linux-*/bin/node")), None) or shutil.which("node")
    if not node:
        skip("Node.js is not installed")
    zip_file = os.path.join(directory, "package.zip")
    pathlib.Path(zip_file).write_bytes(package())
    # Modules are looked for beside the script, so it is run from where they are.
    copy = modules.parent / "client.mjs"
    shutil.copyfile(script, copy)
    done = subprocess.run([node, str(copy), url, zip_file], env=environment(), timeout=150)
    expect("all of it", done.returncode == 0, done.returncode)


with tempfile.TemporaryDirectory() as directory:
    with running_cloud(directory) as url:
        {"awscli": awscli, "boto3": boto3, "javascript": javascript}[client](url, directory)
