#include "blueprint/faas/local/aws_metadata.hpp"
#include "blueprint/faas/local/aws_storage.hpp"
#include "blueprint/faas/local/aws_sts.hpp"
#include "support/signed_request.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace services_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using local::ServerAnswer;
using tests::request_of;
using tests::xml_text;

namespace {

/// STS, S3 and the metadata services beside each other, at the time of the published examples.
struct World {
    World() { options.keys[tests::example_key] = tests::example_secret; }

    tests::PinnedClock clock_of_test{"20150830T123600Z"};
    local::AwsOptions options{};
    local::AwsClock clock{options.clock_offset, clock_of_test};
    local::AwsSessions sessions{clock};
    local::AwsGate gate{options, sessions, clock};
    local::AwsSts sts{options, sessions, clock};
    local::AwsStorage storage{options, clock};
    local::AwsMetadata metadata{options, sessions, clock};
    local::AwsCaller user{.access_key_id = tests::example_key,
                          .arn = "arn:aws:iam::123456789012:user/local-AKIDEXAMPLE",
                          .account_id = "123456789012",
                          .service = "sts"};
};

using Form = std::map<std::string, std::string>;

ServerAnswer ask_sts(World& world, Form form, const local::AwsCaller* caller) {
    form.try_emplace("Version", "2011-06-15");
    std::string body;
    for (const auto& [name, value] : form)
        body += (body.empty() ? "" : "&") + name + '=' + detail::percent_encode(value);
    return world.sts.answer(request_of("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}}, body),
                            caller);
}

/// "400 ValidationError: text" of an answer in XML.
std::string verdict(const ServerAnswer& answer) {
    if (answer.status < 300) return std::to_string(answer.status);
    return std::to_string(answer.status) + ' ' + xml_text(answer.body, "Code") + ": " +
           xml_text(answer.body, "Message");
}

Form assume(std::string role = "arn:aws:iam::123456789012:role/some/path/demo") {
    return {{"Action", "AssumeRole"}, {"RoleArn", std::move(role)}, {"RoleSessionName", "one"}};
}

Form with(Form form, const std::string& name, std::string value) {
    form[name] = std::move(value);
    return form;
}

/// A token as an identity provider would sign it, for all that is looked at.
std::string web_token(const std::string& claims) {
    auto payload = detail::base64_encode(detail::bytes_of(claims));
    payload.erase(std::min(payload.find('='), payload.size()));
    return "eyJhbGciOiJub25lIn0." + payload + ".c2ln";
}

}  // namespace

TEST_CASE("aws sts: who assumes a role gets credentials that open the gate as that role") {
    World world;
    const auto answer = ask_sts(world, with(assume(), "SourceIdentity", "me"), &world.user);
    REQUIRE(answer.status == 200);
    CHECK(answer.content_type == "text/xml");
    CHECK(answer.body.starts_with(R"(<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">)"
                                  "<AssumeRoleResult><Credentials><AccessKeyId>ASIA"));
    CHECK(xml_text(answer.body, "Expiration") == "2015-08-30T13:36:00Z");
    CHECK(xml_text(answer.body, "Arn") == "arn:aws:sts::123456789012:assumed-role/demo/one");
    CHECK(xml_text(answer.body, "AssumedRoleId").starts_with("AROA"));
    CHECK(xml_text(answer.body, "AssumedRoleId").ends_with(":one"));
    CHECK(xml_text(answer.body, "SourceIdentity") == "me");
    CHECK(xml_text(answer.body, "RequestId").size() == 36);

    const auto asked = tests::signed_request(request_of("POST", "/", {}, "Action=GetCallerIdentity&Version=2011-06-15"),
                                             {.service = "sts",
                                              .key = xml_text(answer.body, "AccessKeyId"),
                                              .secret = xml_text(answer.body, "SecretAccessKey"),
                                              .token = xml_text(answer.body, "SessionToken")});
    const auto caller = world.gate.judge(asked);
    REQUIRE(caller.has_value());
    const auto identity = world.sts.answer(asked, &*caller);
    CHECK(xml_text(identity.body, "Arn") == "arn:aws:sts::123456789012:assumed-role/demo/one");
    CHECK(xml_text(identity.body, "Account") == "123456789012");
    // The role of the answer has a path, which the session's ARN has lost.
    CHECK(xml_text(identity.body, "UserId").ends_with(":one"));

    // Roles by roles live an hour at most.
    CHECK(verdict(ask_sts(world, with(assume(), "DurationSeconds", "3601"), &*caller)) ==
          "400 ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
          "role chaining");
    CHECK(verdict(ask_sts(world, with(assume(), "DurationSeconds", "3600"), &*caller)) == "200");
    CHECK(xml_text(ask_sts(world, with(assume(), "DurationSeconds", "43200"), &world.user).body, "Expiration") ==
          "2015-08-31T00:36:00Z");
}

TEST_CASE("aws sts: parameters outside their limits are refused, all of them at once") {
    World world;
    const std::string one = "400 ValidationError: 1 validation error detected: Value ";
    const std::string failed = " failed to satisfy constraint: Member must ";
    const std::vector<std::pair<Form, std::string>> cases{
        {with(assume(), "DurationSeconds", "899"),
         one + "&#39;899&#39; at &#39;durationSeconds&#39;" + failed + "have value greater than or equal to 900"},
        {with(assume(), "DurationSeconds", "43201"),
         one + "&#39;43201&#39; at &#39;durationSeconds&#39;" + failed + "have value less than or equal to 43200"},
        {with(assume(), "RoleSessionName", "a b"), one + "&#39;a b&#39; at &#39;roleSessionName&#39;" + failed +
                                                       "satisfy regular expression pattern: [\\w+=,.@-]*"},
        {with(assume(), "RoleSessionName", "a"),
         one + "&#39;a&#39; at &#39;roleSessionName&#39;" + failed + "have length greater than or equal to 2"},
        {with(assume(), "RoleSessionName", ""), one + "null at &#39;roleSessionName&#39;" + failed + "not be null"},
        {with(assume(), "ExternalId", "x"),
         one + "&#39;x&#39; at &#39;externalId&#39;" + failed + "have length greater than or equal to 2"},
        {assume("arn:aws:iam::1:role"), one + "&#39;arn:aws:iam::1:role&#39; at &#39;roleArn&#39;" + failed +
                                            "have length greater than or equal to 20"},
        {assume("arn:aws:iam::123456789012:user/demo"),
         "400 ValidationError: arn:aws:iam::123456789012:user/demo is invalid"},
        {with(assume(), "DurationSeconds", "1h"), "400 MalformedInput: DurationSeconds is not a number"},
        {with(assume(), "Version", "2010-01-01"),
         "400 NoSuchVersion: Could not find operation AssumeRole for version 2010-01-01"},
        {{{"Action", "GetSessionToken"}},
         "400 InvalidAction: Could not find operation GetSessionToken for version 2011-06-15"},
        {{}, "400 MissingAction: Request is missing Action parameter"},
        {assume("arn:aws:iam::999999999999:role/demo"),
         "403 AccessDenied: User: arn:aws:iam::123456789012:user/local-AKIDEXAMPLE is not authorized to perform: "
         "sts:AssumeRole on resource: arn:aws:iam::999999999999:role/demo"},
    };
    for (const auto& [form, expected] : cases) CHECK(verdict(ask_sts(world, form, &world.user)) == expected);
    const auto several = verdict(ask_sts(world, {{"Action", "AssumeRole"}, {"DurationSeconds", "1"}}, &world.user));
    CHECK(several.starts_with("400 ValidationError: 3 validation errors detected: Value null at &#39;roleArn&#39;"));
    CHECK(verdict(ask_sts(world, assume(), nullptr)) ==
          "403 MissingAuthenticationToken: Request is missing Authentication Token");
    CHECK(verdict(ask_sts(world, {{"Action", "GetCallerIdentity"}}, nullptr)).starts_with("403 Missing"));
    const auto hostile = ask_sts(world, {{"Action", "<x>&\"'"}}, &world.user);
    CHECK(xml_text(hostile.body, "Message").find("&lt;x&gt;&amp;&quot;&#39;") != std::string::npos);
}

TEST_CASE("aws sts: a web identity needs no signature, but a token that is one and has not ended") {
    World world;
    const auto ask = [&](std::string token) {
        auto form = assume();
        form["Action"] = "AssumeRoleWithWebIdentity";
        form["WebIdentityToken"] = std::move(token);
        return ask_sts(world, form, nullptr);
    };
    const auto answer =
        ask(web_token(R"({"sub":"worker","iss":"https://id.example.com","aud":"sts","exp":1440938161})"));
    CHECK(verdict(answer) == "200");
    CHECK(xml_text(answer.body, "SubjectFromWebIdentityToken") == "worker");
    CHECK(xml_text(answer.body, "Provider") == "https://id.example.com");
    CHECK(xml_text(answer.body, "Audience") == "sts");
    CHECK(world.sessions.find(xml_text(answer.body, "AccessKeyId")) != nullptr);
    CHECK(verdict(ask(web_token(R"({"exp":1440938160})"))) ==
          "400 ExpiredTokenException: Token expired: current date/time 1440938160 must be before the expiration "
          "date/time 1440938160");
    const std::string no_token = "400 InvalidIdentityToken: The ID Token provided is not a valid JWT.";
    for (const std::string token : {"no-token", "a.b.c", "eyJh..c2ln", "a.bnVsbA.c"})
        CHECK(verdict(ask(token)).starts_with(no_token));
    CHECK(verdict(ask("abc")).find("&#39;***&#39; at &#39;webIdentityToken&#39;") != std::string::npos);
    CHECK(verdict(ask("")).find("null at &#39;webIdentityToken&#39;") != std::string::npos);
    CHECK(verdict(ask(std::string(20'001, 'x'))).find("less than or equal to 20000") != std::string::npos);

    world.options.web_identity_tokens = {"first", "second"};
    CHECK(verdict(ask("second")) == "200");
    CHECK(verdict(ask("third")).starts_with("400 InvalidIdentityToken: The web identity token that was passed"));
    CHECK(verdict(ask(web_token("{}"))).starts_with("400 InvalidIdentityToken"));
}

TEST_CASE("aws metadata: version 2 alone, with a token that ends and is not forwarded") {
    World world;
    const std::string roles = "/latest/meta-data/iam/security-credentials/";
    const auto get = [&](const std::string& target, const std::string& token) {
        return world.metadata.answer(request_of("GET", target, {{"X-aws-ec2-metadata-token", token}}));
    };
    const auto token_for = [&](const std::string& seconds) {
        return world.metadata.answer(
            request_of("PUT", "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", seconds}}));
    };
    for (const std::string seconds : {"", "0", "21601", "-1", "1h"}) CHECK(token_for(seconds).status == 400);
    CHECK(world.metadata.answer(request_of("PUT", "/latest/api/token")).status == 400);
    CHECK(world.metadata.answer(request_of("GET", "/latest/api/token")).status == 405);
    CHECK(world.metadata
              .answer(request_of("PUT", "/latest/api/token",
                                 {{"X-aws-ec2-metadata-token-ttl-seconds", "60"}, {"X-Forwarded-For", "10.0.0.1"}}))
              .status == 403);
    const auto answer = token_for("60");
    REQUIRE(answer.status == 200);
    CHECK(answer.content_type == "text/plain");
    CHECK(answer.body.size() == 56);
    CHECK(answer.headers.back() == std::pair<std::string, std::string>{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60"});

    CHECK(world.metadata.answer(request_of("GET", roles)).status == 401);  // version 1
    CHECK(get(roles, "another").status == 401);
    CHECK(get(roles, "").status == 401);
    CHECK(get(roles, answer.body).body == "local-instance-role");
    CHECK(get("/latest/meta-data/placement/region", answer.body).body == "us-east-1");
    CHECK(get("/latest/meta-data/placement/availability-zone/", answer.body).body == "us-east-1a");
    CHECK(get(roles + "another-role", answer.body).status == 404);
    CHECK(get("/latest/meta-data/", answer.body).status == 404);
    CHECK(world.metadata
              .answer(request_of("GET", roles,
                                 {{"X-aws-ec2-metadata-token", answer.body}, {"X-Forwarded-For", "10.0.0.1"}}))
              .status == 403);
    world.clock_of_test.at += 59s;
    CHECK(get(roles, answer.body).status == 200);
    world.clock_of_test.at += 1s;
    CHECK(get(roles, answer.body).status == 401);
}

TEST_CASE("aws metadata: the role's credentials open the gate and are renewed before they end") {
    World world;
    const auto token =
        world.metadata
            .answer(request_of("PUT", "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}}))
            .body;
    const auto credentials = [&] {
        const auto answer =
            world.metadata.answer(request_of("GET", "/latest/meta-data/iam/security-credentials/local-instance-role",
                                             {{"x-aws-ec2-metadata-token", token}}));
        REQUIRE(answer.status == 200);
        std::map<std::string, std::string> all;
        const auto json = boost::json::parse(answer.body);
        for (const auto& [name, value] : json.as_object()) all[name] = value.as_string().c_str();
        return all;
    };
    auto first = credentials();
    CHECK(first["Code"] == "Success");
    CHECK(first["Type"] == "AWS-HMAC");
    CHECK(first["LastUpdated"] == "2015-08-30T12:36:00Z");
    CHECK(first["Expiration"] == "2015-08-30T13:36:00Z");
    const auto caller = world.gate.judge(tests::signed_request(
        request_of("GET", "/2015-03-31/functions"),
        {.key = first["AccessKeyId"], .secret = first["SecretAccessKey"], .token = first["Token"]}));
    REQUIRE(caller.has_value());
    CHECK(caller->arn == "arn:aws:sts::123456789012:assumed-role/local-instance-role/i-0123456789abcdef0");
    world.clock_of_test.at += 54min;
    CHECK(credentials() == first);
    world.clock_of_test.at += 1min;
    auto second = credentials();
    CHECK(second["AccessKeyId"] != first["AccessKeyId"]);
    CHECK(second["Expiration"] == "2015-08-30T14:31:00Z");
}

TEST_CASE("AWS pitfall 11: the container endpoint takes its token as it is, and none behind Bearer") {
    World world;
    world.options.container_token = "container-token";
    const auto ask = [&](tests::Fields fields) {
        return world.metadata.answer(request_of("GET", "/container-credentials", std::move(fields)));
    };
    for (const auto& [fields, message] :
         std::vector<std::pair<tests::Fields, std::string>>{{{}, "absent"},
                                                            {{{"Authorization", "Bearer container-token"}}, "bearer"},
                                                            {{{"Authorization", "container-toke"}}, "another"}}) {
        CAPTURE(message);
        const auto refused = ask(fields);
        CHECK(refused.status == 400);
        const auto json = boost::json::parse(refused.body);
        CHECK(json.at("code").is_string());
        CHECK(json.at("message").is_string());
    }
    const auto answer = ask({{"Authorization", "container-token"}});
    REQUIRE(answer.status == 200);
    const auto json = boost::json::parse(answer.body);
    CHECK(json.at("Expiration").as_string() == "2015-08-30T13:36:00Z");
    CHECK(json.at("AccountId").as_string() == "123456789012");
    CHECK(world.sessions.find(json.at("AccessKeyId").as_string()) != nullptr);
    world.options.container_token = {};
    CHECK(ask({}).status == 200);  // as on ECS
}

namespace {

/// Asks S3; who asks is known.
struct Storage : World {
    ServerAnswer ask(std::string method, std::string target, std::string_view body = {}, tests::Fields fields = {}) {
        if (fields.empty()) fields.emplace_back("Host", "127.0.0.1:4711");
        return storage.answer(request_of(std::move(method), std::move(target), std::move(fields), body), &user);
    }
    std::string object(std::string_view bucket, std::string_view key) const {
        const auto bytes = storage.find(bucket, key);
        return bytes ? std::string{detail::text_of(*bytes)} : "(none)";
    }
};

std::string field(const ServerAnswer& answer, std::string_view name) {
    for (const auto& [given, value] : answer.headers)
        if (detail::iequals(given, name)) return value;
    return {};
}

std::string parts_xml(const std::vector<std::pair<int, std::string>>& parts) {
    std::string xml = R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
    for (const auto& [number, etag] : parts)
        xml += "<Part><ETag>" + etag + "</ETag><PartNumber>" + std::to_string(number) + "</PartNumber></Part>";
    return xml + "</CompleteMultipartUpload>";
}

}  // namespace

TEST_CASE("aws s3: objects are put, read, looked up and removed in buckets that were made") {
    Storage s3;
    CHECK(verdict(s3.storage.answer(request_of("PUT", "/bucket"), nullptr)) == "403 AccessDenied: Access Denied");
    CHECK(verdict(s3.ask("PUT", "/bucket/key", "x")) == "404 NoSuchBucket: The specified bucket does not exist");
    CHECK(verdict(s3.ask("PUT", "/No", "")).starts_with("400 InvalidBucketName"));
    CHECK(s3.ask("HEAD", "/bucket").status == 404);
    CHECK(field(s3.ask("PUT", "/bucket"), "location") == "/bucket");
    CHECK(s3.ask("PUT", "/bucket").status == 200);  // in us-east-1 the owner may again
    CHECK(field(s3.ask("HEAD", "/bucket"), "x-amz-bucket-region") == "us-east-1");
    CHECK(verdict(s3.ask("PUT", "/other",
                         "<CreateBucketConfiguration><LocationConstraint>eu-west-1"
                         "</LocationConstraint></CreateBucketConfiguration>"))
              .starts_with("400 IllegalLocationConstraintException: The eu-west-1 location constraint"));
    for (const std::string xml : {"<LocationConstraint>us-east-1</LocationConstraint>", "us-east-1", "<a"})
        CHECK(verdict(s3.ask("PUT", "/other", xml)).starts_with("400 MalformedXML"));

    const auto put = s3.ask("PUT", "/bucket/a%20b/c%2Bd?x-id=PutObject", "hello\n",
                            {{"Content-Type", "text/plain"}, {"x-amz-meta-by", "me"}});
    CHECK(field(put, "etag") == "\"b1946ac92492d2347c6235b4d2611184\"");
    CHECK(s3.object("bucket", "a b/c+d") == "hello\n");
    const auto got = s3.ask("GET", "/bucket/a%20b/c%2Bd");
    CHECK(got.status == 200);
    CHECK(got.body == "hello\n");
    CHECK(got.content_type == "text/plain");
    CHECK(field(got, "x-amz-meta-by") == "me");
    CHECK(field(got, "last-modified") == "Sun, 30 Aug 2015 12:36:00 GMT");
    CHECK(s3.ask("HEAD", "/bucket/a%20b/c%2Bd").body == "hello\n");  // its length; the server sends no body
    CHECK(s3.ask("GET", "/a%20b/c%2Bd", {}, {{"Host", "Bucket.localhost:4711"}}).body == "hello\n");

    const auto ranged = [&](std::string range) {
        return s3.ask("GET", "/bucket/a%20b/c%2Bd", {}, {{"Range", std::move(range)}});
    };
    CHECK(ranged("bytes=1-3").body == "ell");
    CHECK(field(ranged("bytes=1-3"), "content-range") == "bytes 1-3/6");
    CHECK(ranged("bytes=4-").body == "o\n");
    CHECK(ranged("bytes=-2").body == "o\n");
    CHECK(ranged("bytes=3-99").body == "lo\n");
    CHECK(ranged("bytes=6-").status == 416);
    CHECK(ranged("lines=1-2").body == "hello\n");
    const auto etag = field(put, "etag");
    CHECK(s3.ask("GET", "/bucket/a%20b/c%2Bd", {}, {{"If-Match", "\"0\""}}).status == 412);
    CHECK(s3.ask("GET", "/bucket/a%20b/c%2Bd", {}, {{"If-Match", etag}}).status == 200);
    CHECK(s3.ask("GET", "/bucket/a%20b/c%2Bd", {}, {{"If-None-Match", etag}}).status == 304);
    CHECK(s3.ask("PUT", "/bucket/a%20b/c%2Bd", "x", {{"If-None-Match", "*"}}).status == 412);

    CHECK(verdict(s3.ask("GET", "/bucket/none")) == "404 NoSuchKey: The specified key does not exist.");
    CHECK(verdict(s3.ask("GET", "/bucket?list-type=2")).starts_with("501 NotImplemented"));
    CHECK(verdict(s3.ask("PUT", "/bucket/key?tagging", "x")).starts_with("501 NotImplemented"));
    CHECK(verdict(s3.ask("PUT", "/bucket/key", {}, {{"x-amz-copy-source", "/bucket/a"}})).starts_with("501 "));
    CHECK(verdict(s3.ask("DELETE", "/bucket")).starts_with("409 BucketNotEmpty"));
    CHECK(s3.ask("DELETE", "/bucket/a%20b/c%2Bd").status == 204);
    CHECK(s3.ask("DELETE", "/bucket/a%20b/c%2Bd").status == 204);
    CHECK(s3.object("bucket", "a b/c+d") == "(none)");
    CHECK(s3.ask("DELETE", "/bucket").status == 204);
    CHECK(!s3.storage.has_bucket("bucket"));
}

TEST_CASE("aws s3: checksums that came along are compared, in the head and behind the body") {
    Storage s3;
    s3.ask("PUT", "/bucket");
    const auto put = [&](std::string name, std::string value, std::string_view body = "hello") {
        return verdict(s3.ask("PUT", "/bucket/key", body, {{std::move(name), std::move(value)}}));
    };
    CHECK(put("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg==") == "200");
    CHECK(put("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==").starts_with("400 BadDigest"));
    CHECK(put("Content-MD5", "AAAA").starts_with("400 InvalidDigest"));
    CHECK(put("x-amz-checksum-crc32", "NhCmhg==") == "200");
    CHECK(put("x-amz-checksum-crc32", "NhCmhQ==").starts_with("400 BadDigest: The CRC32 you specified"));
    CHECK(put("x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=") == "200");
    CHECK(put("x-amz-checksum-sha256", "AAAA").starts_with("400 BadDigest"));
    CHECK(put("x-amz-checksum-crc64nvme", "whatever") == "200");  // not computed here

    const auto framed = [&](std::string_view body, const std::string& length = "5") {
        return verdict(s3.ask("PUT", "/bucket/key", body,
                              {{"Content-Encoding", "aws-chunked"},
                               {"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
                               {"x-amz-decoded-content-length", length}}));
    };
    CHECK(framed("2\r\nhE\r\n3\r\nllo\r\n0\r\n\r\n") == "200");
    CHECK(s3.object("bucket", "key") == "hEllo");
    CHECK(s3.ask("GET", "/bucket/key").headers.size() == 4);  // and no Content-Encoding
    CHECK(framed("5;x=y\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n") == "200");
    CHECK(framed("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n").starts_with("400 BadDigest"));
    CHECK(framed("5\r\nhello\r\n0\r\n\r\n", "6").starts_with("400 IncompleteBody"));
    for (const std::string_view body : {"", "hello", "5\r\nhell\r\n", "5\r\nhello\r\n", "g\r\n\r\n",
                                        "6\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nnonsense\r\n\r\n",
                                        "5\r\nhello\r\n0\r\n\r\nmore", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"})
        CHECK(framed(body).starts_with("400 IncompleteBody"));
    CHECK(s3.object("bucket", "key") == "hello");
}

TEST_CASE("aws s3: an upload in parts becomes one object, or nothing") {
    Storage s3;
    s3.ask("PUT", "/bucket");
    const auto begin = [&] {
        return xml_text(s3.ask("POST", "/bucket/big?uploads", {}, {{"Content-Type", "application/zip"}}).body,
                        "UploadId");
    };
    const auto id = begin();
    CHECK(id.size() == 64);
    CHECK(id != begin());
    const std::string at = "/bucket/big?uploadId=" + id;
    const std::string large(5U << 20, 'a');
    const auto first = field(s3.ask("PUT", at + "&partNumber=1", large), "etag");
    const auto second = field(s3.ask("PUT", at + "&partNumber=2", "tail"), "etag");
    const auto third = field(s3.ask("PUT", at + "&partNumber=7", large), "etag");
    CHECK(second == "\"7aea2552dfe7eb84b9443b6fc9ba6e01\"");
    CHECK(s3.object("bucket", "big") == "(none)");
    for (const std::string number : {"0", "10001", "x", ""})
        CHECK(verdict(s3.ask("PUT", at + "&partNumber=" + number, "x")).starts_with("400 InvalidArgument"));
    const std::string unknown = "404 NoSuchUpload";
    CHECK(verdict(s3.ask("PUT", "/bucket/big?uploadId=none&partNumber=1", "x")).starts_with(unknown));
    CHECK(verdict(s3.ask("PUT", "/bucket/other?partNumber=1&uploadId=" + id, "x")).starts_with(unknown));

    CHECK(verdict(s3.ask("POST", at, parts_xml({{1, second}}))).starts_with("400 InvalidPart:"));
    CHECK(verdict(s3.ask("POST", at, parts_xml({{3, first}}))).starts_with("400 InvalidPart:"));
    CHECK(verdict(s3.ask("POST", at, parts_xml({{2, second}, {1, first}}))).starts_with("400 InvalidPartOrder:"));
    CHECK(verdict(s3.ask("POST", at, parts_xml({{1, first}, {1, first}}))).starts_with("400 InvalidPartOrder:"));
    CHECK(verdict(s3.ask("POST", at, parts_xml({{2, second}, {7, third}}))).starts_with("400 EntityTooSmall:"));
    std::string deep, hidden = "<a x=\"";
    for (int i = 0; i < 100'000; ++i) deep += "<a>", hidden += "</";
    hidden += "\">";  // what looks like end tags does not make up for what begins behind it
    for (const std::string& xml :
         {std::string{}, std::string{"<a"}, deep, hidden + deep, parts_xml({}), std::string{"<Part/>"},
          std::string{"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>y</ETag>"
                      "</Part></CompleteMultipartUpload>"}})
        CHECK(verdict(s3.ask("POST", at, xml)).starts_with("400 MalformedXML"));

    // The tags may come without their quotation marks, and part 7 is not wanted.
    const auto done =
        s3.ask("POST", at, parts_xml({{1, first.substr(1, 32)}, {2, "&quot;" + second.substr(1, 32) + "&quot;"}}));
    REQUIRE(verdict(done) == "200");
    CHECK(xml_text(done.body, "Key") == "big");
    CHECK(xml_text(done.body, "ETag").find("-2") != std::string::npos);
    CHECK(s3.object("bucket", "big") == large + "tail");
    CHECK(s3.ask("HEAD", "/bucket/big").content_type == "application/zip");
    CHECK(verdict(s3.ask("POST", at, parts_xml({{1, first}}))).starts_with(unknown));

    const auto other = begin();
    s3.ask("PUT", "/bucket/big?partNumber=1&uploadId=" + other, "x");
    CHECK(s3.ask("DELETE", "/bucket/big?uploadId=" + other).status == 204);
    CHECK(verdict(s3.ask("DELETE", "/bucket/big?uploadId=" + other)).starts_with(unknown));
    CHECK(s3.object("bucket", "big") == large + "tail");
}

TEST_CASE("aws s3: what is kept is bounded, and what is removed makes room again") {
    Storage s3;
    s3.options.storage_bytes = 12'000;
    const auto room = s3.storage.body_bytes(request_of("PUT", "/bucket/key"));
    s3.ask("PUT", "/bucket");
    const std::string most(8000, 'x');
    CHECK(s3.ask("PUT", "/bucket/one", most).status == 200);
    CHECK(verdict(s3.ask("PUT", "/bucket/two", most)).starts_with("400 EntityTooLarge"));
    CHECK(s3.object("bucket", "two") == "(none)");
    CHECK(s3.ask("PUT", "/bucket/one", most).status == 200);  // in the place of the old one
    CHECK(s3.storage.body_bytes(request_of("PUT", "/bucket/key")) < room - 8000);
    CHECK(s3.storage.body_bytes(request_of("PUT", "/k", {{"x-amz-decoded-content-length", "100"}})) < 80'000);
    s3.ask("DELETE", "/bucket/one");
    CHECK(s3.storage.body_bytes(request_of("PUT", "/bucket/key")) == room);

    const auto id = xml_text(s3.ask("POST", "/bucket/big?uploads").body, "UploadId");
    const std::string at = "/bucket/big?uploadId=" + id;
    CHECK(s3.ask("PUT", at + "&partNumber=1", most).status == 200);
    CHECK(s3.ask("PUT", at + "&partNumber=1", most.substr(1)).status == 200);  // again, in its place
    CHECK(verdict(s3.ask("PUT", at + "&partNumber=2", most)).starts_with("400 EntityTooLarge"));
    const auto etag = field(s3.ask("PUT", at + "&partNumber=1", most), "etag");
    CHECK(s3.ask("POST", at, parts_xml({{1, etag}})).status == 200);
    CHECK(s3.ask("DELETE", "/bucket/big").status == 204);
    CHECK(s3.storage.body_bytes(request_of("PUT", "/bucket/key")) == room);
    s3.ask("POST", "/bucket/big?uploads");
    s3.ask("DELETE", "/bucket");
    CHECK(s3.storage.body_bytes(request_of("PUT", "/bucket/key")) == room);
}

}  // namespace services_test
