#!/bin/sh
# Drives the local cloud with curl alone, following the text of the custom platform contract.
# usage: curl_contract.sh PATH_OF_LOCAL_CLOUD; exits 77 with the reason where a tool is missing.
set -u

[ $# -eq 1 ] || { echo "usage: $0 PATH_OF_LOCAL_CLOUD"; exit 2; }
server=$1
command -v curl > /dev/null || { echo "skipped: no curl here"; exit 77; }

work=$(mktemp -d)
server_pid=
finish() {
    [ -n "$server_pid" ] && kill "$server_pid" 2> /dev/null && wait "$server_pid"
    rm -rf "$work"
}
trap finish EXIT
fail() {
    echo "FAILED: $*"
    [ -f "$work/answer" ] && { echo "the last answer:"; cat "$work/answer"; echo; }
    exit 1
}

# A function in three lines: it answers with two bytes, whatever it is asked.
mkdir "$work/package"
cat > "$work/package/bootstrap" <<'END'
#!/bin/sh
cat > /dev/null
echo '{"result":[104,105]}'
END
if command -v zip > /dev/null; then
    (cd "$work/package" && zip -q "$work/package.zip" bootstrap)
elif command -v python3 > /dev/null; then
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").write(sys.argv[2], "bootstrap")' \
        "$work/package.zip" "$work/package/bootstrap"
else
    echo "skipped: neither zip nor python3 here"
    exit 77
fi

CONTRACT_TOKEN=only-for-this-test "$server" --listen 127.0.0.1:0 --data "$work/data" --bearer-env CONTRACT_TOKEN --host-name cloud.example \
    > "$work/out" 2> "$work/err" &
server_pid=$!
tries=0
until grep -q '^custom listening on ' "$work/out"; do
    kill -0 "$server_pid" 2> /dev/null || { cat "$work/err"; fail "the server ended"; }
    tries=$((tries + 1))
    [ $tries -lt 200 ] || fail "the server said nothing for 10 s"
    sleep 0.05
done
url=$(sed -n '1s/^custom listening on //p' "$work/out")
[ -n "$url" ] || fail "the first line is not 'custom listening on URL'"

# expect STATUS WORDS CURL_ARGUMENTS...: makes one exchange; WORDS is an extended regular expression for the answer.
expect() {
    wanted=$1
    words=$2
    shift 2
    : > "$work/answer"
    got=$(curl -sS --path-as-is --max-time 20 -H "Authorization: Bearer $token" -D "$work/head" \
        -o "$work/answer" -w '%{http_code}' "$@") || fail "curl could not: $*"
    [ "$got" = "$wanted" ] || fail "status $got instead of $wanted for: $*"
    [ -z "$words" ] || grep -Eq -- "$words" "$work/answer" || fail "the answer lacks $words for: $*"
}
token=only-for-this-test
json='Content-Type: application/json'
zip='Content-Type: application/zip'
config=$(printf '{"memory_mb":130,"timeout_secs":5,"env_vars":{"COLOUR":"blue"}}' | base64 | tr -d '\n')
functions=$url/api/functions

echo "deploy, get, health, invoke"
expect 201 '"status":"deployed"' -X PUT -H "$zip" -H "X-Blueprint-Config: $config" --data-binary "@$work/package.zip" "$functions/job0"
expect 200 '"memory_mb":192' "$functions/job0"
grep -q "\"endpoint\":\"$functions/job0/invoke\"" "$work/answer" || fail "the endpoint is not where it was asked"
grep -q blue "$work/answer" && fail "an environment variable is told"
expect 200 '"status":"healthy"' "$functions/job0/health"
expect 200 '"result":\[104,105\]' -X POST -H "$json" -d '{"job_id":0,"args":[1,2,3]}' "$functions/job0/invoke"
expect 200 '"total_invocations":1' "$functions/job0/health"
expect 200 '"result":"aGk="' -X POST -H "$json" -H 'X-Blueprint-Bytes: base64' -d '{"job_id":0,"args":"AQID"}' "$functions/job0/invoke"
expect 200 '^hi$' -X POST -H 'Content-Type: application/octet-stream' -H 'X-Blueprint-Job-Id: 0' --data-binary 'abc' "$functions/job0/invoke"
grep -Eqi '^x-blueprint-execution-ms: [0-9]+' "$work/head" || fail "no execution time in the head"

echo "deploy twice, replace, warm, list, describe"
expect 409 '"code":"CONFLICT"' -X PUT -H "$zip" --data-binary "@$work/package.zip" "$functions/job0"
expect 200 '"revision":"two"' -X PUT -H "$zip" -H 'If-Match: *' -H 'X-Blueprint-Revision: two' --data-binary "@$work/package.zip" "$functions/job0"
expect 412 '"code":"PRECONDITION_FAILED"' -X PUT -H "$zip" -H 'If-Match: *' --data-binary "@$work/package.zip" "$functions/job9"
expect 200 '"instances_warmed":2' -X POST -H "$json" -d '{"instances":2}' "$functions/job0/warm"
expect 200 '"cold_start":false' -X POST -H "$json" -d '{"job_id":0,"args":[]}' "$functions/job0/invoke"
expect 200 '"functions":\[\{"function_id":"job0"' "$functions"
expect 200 '"spec":"1.1"' "$url/api/platform"

echo "what is refused"
for id in .. a/b %2e%2e a%2Fb "$(printf '%065d' 0)" _x ''; do
    expect 400 '"code":"BAD_REQUEST"' "$functions/$id"
done
expect 400 '"code":"BAD_REQUEST"' -X PUT -H "$zip" -H 'X-Blueprint-Config: e30' --data-binary "@$work/package.zip" "$functions/job1"
expect 400 '"code":"BAD_REQUEST"' -X PUT -H "$zip" --data-binary 'no zip' "$functions/job1"
expect 415 '"code":"UNSUPPORTED_MEDIA"' -X PUT -F "package=@$work/package.zip" "$functions/job1"
expect 404 '"code":"NOT_FOUND"' "$functions/job1"
expect 405 '"code":"NOT_SUPPORTED"' -X POST -d '' "$functions/job0"
grep -qi '^allow: DELETE, GET, PUT' "$work/head" || fail "405 without Allow"
expect 404 '"code":"NOT_FOUND"' "$url/elsewhere"
token=wrong
expect 401 '"code":"UNAUTHORIZED"' "$functions"
token=only-for-this-test
grep -qi '^www-authenticate: Bearer' "$work/head" || fail "401 without WWW-Authenticate"

echo "a body for which curl asks first (Expect: 100-continue)"
head -c 3000000 /dev/zero > "$work/large"
expect 200 '^hi$' -X POST -H 'Expect: 100-continue' -H 'Content-Type: application/octet-stream' -H 'X-Blueprint-Job-Id: 0' --data-binary "@$work/large" "$functions/job0/invoke"
grep -q '100 Continue' "$work/head" || fail "100 Continue was not sent"

echo "undeploy"
expect 204 '' -X DELETE "$functions/job0"
expect 404 '"code":"NOT_FOUND"' "$functions/job0"
expect 404 '"code":"NOT_FOUND"' -X DELETE "$functions/job0"

echo "what needs no credential is not told by a name that somebody made lead here"
metadata=$(sed -n 's/^gcp listening on //p' "$work/out")/computeMetadata/v1/instance/service-accounts/default/token
expect 200 '"access_token"' -H 'Metadata-Flavor: Google' "$metadata"
expect 200 '"access_token"' -H 'Metadata-Flavor: Google' -H 'Host: cloud.example:80' "$metadata"
expect 403 'host_names' -H 'Metadata-Flavor: Google' -H 'Host: rebound.example' "$metadata"

kill -TERM "$server_pid"
wait "$server_pid" || fail "the server did not end well after TERM"
server_pid=
[ -z "$(ls -A "$work/data")" ] || fail "the server left files behind"
[ "$(sed 's/ on .*//' "$work/out" | tr '\n' ';')" = "custom listening;aws listening;gcp listening;azure listening;digitalocean listening;openwhisk listening;" ] ||
    fail "the server wrote something else than its six lines"
echo "all as the contract says"
