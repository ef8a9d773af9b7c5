#include "blueprint/faas/local/aws_gate.hpp"
#include "support/signed_request.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace gate_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using local::AwsGate;
using tests::replaced;
using tests::ServerRequest;
using tests::Signing;

namespace {

/// A gate with the published example keys at the time of the published examples.
struct Gate {
    explicit Gate(std::string_view amz_date = "20150830T123600Z") : world{amz_date} {
        options.keys[tests::example_key] = tests::example_secret;
        options.keys["AKIAIOSFODNN7EXAMPLE"] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    }
    /// "200" with the service, or the refusal's status, code and text.
    std::string verdict(const ServerRequest& request, std::string_view service = {}, bool head = false) const {
        const auto judged = head ? gate.judge_head(request, service) : gate.judge(request, service);
        if (judged) return "200 " + judged->service;
        const auto& error = judged.error();
        return std::to_string(error.http_status) + ' ' + error.platform_code + ": " + error.message;
    }

    tests::PinnedClock world;
    local::AwsOptions options{};
    local::AwsClock clock{options.clock_offset, world};
    local::AwsSessions sessions{clock};
    AwsGate gate{options, sessions, clock};
};

const std::string mismatch =
    "403 InvalidSignatureException: The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/// An invocation as a client sends it.
ServerRequest invocation() {
    return tests::request_of("POST", "/2015-03-31/functions/demo/invocations?Qualifier=%24LATEST&b=2&a=1",
                             {{"Host", "127.0.0.1:4711"},
                              {"Content-Type", "application/json"},
                              {"X-Amz-Invocation-Type", "RequestResponse"},
                              {"X-Amz-Log-Type", "Tail"},
                              {"User-Agent", "test"}},
                             R"({"n":7})");
}

ServerRequest signed_invocation(const Signing& how = {}) {
    auto unsigned_agent = how;
    unsigned_agent.unsigned_fields.push_back("user-agent");
    return tests::signed_request(invocation(), unsigned_agent);
}

std::string authorization(std::string_view scope, std::string_view names, std::string_view signature) {
    return std::string{"AWS4-HMAC-SHA256 Credential="}.append(scope).append(", SignedHeaders=").append(names) +
           ", Signature=" + std::string{signature};
}

struct Example {
    std::string service;
    ServerRequest request;
    std::string time = "20150830T123600Z";
};

/// What AWS publishes as examples of its signatures, with the signatures given there.
std::vector<Example> examples() {
    using tests::request_of;
    const std::string day = "AKIDEXAMPLE/20150830/us-east-1/";
    const std::string s3 = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
    const std::string form = "application/x-www-form-urlencoded; charset=utf-8";
    const std::string empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    std::vector<Example> all;
    all.push_back(
        {"service", request_of("GET", "/",
                               {{"Host", "example.amazonaws.com"},
                                {"X-Amz-Date", "20150830T123600Z"},
                                {"Authorization",
                                 authorization(day + "service/aws4_request", "host;x-amz-date",
                                               "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")}})});
    all.push_back(
        {"service",
         request_of(
             "POST", "/",
             {{"Content-Type", form},
              {"Host", "example.amazonaws.com"},
              {"X-Amz-Date", "20150830T123600Z"},
              {"Content-Length", "13"},
              {"X-Amz-Content-Sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"},
              {"Authorization", authorization(day + "service/aws4_request",
                                              "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
                                              "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422")}},
             "Param1=value1")});
    all.push_back(
        {"iam", request_of("GET", "/?Action=ListUsers&Version=2010-05-08",
                           {{"content-type", form},
                            {"host", "iam.amazonaws.com"},
                            {"x-amz-date", "20150830T123600Z"},
                            {"authorization",
                             authorization(day + "iam/aws4_request", "content-type;host;x-amz-date",
                                           "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")}})});
    all.push_back({"s3",
                   request_of("GET", "/test.txt",
                              {{"Host", "examplebucket.s3.amazonaws.com"},
                               {"Range", "bytes=0-9"},
                               {"x-amz-content-sha256", empty},
                               {"x-amz-date", "20130524T000000Z"},
                               {"Authorization",
                                authorization(s3, "host;range;x-amz-content-sha256;x-amz-date",
                                              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")}}),
                   "20130524T000000Z"});
    all.push_back(
        {"s3",
         request_of(
             "PUT", "/test%24file.text",
             {{"Host", "examplebucket.s3.amazonaws.com"},
              {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
              {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
              {"x-amz-date", "20130524T000000Z"},
              {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
              {"Authorization", authorization(s3, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                                              "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")}},
             "Welcome to Amazon S3."),
         "20130524T000000Z"});
    all.push_back(
        {"s3",
         request_of("GET",
                    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
                    "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders="
                    "host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
                    {{"Host", "examplebucket.s3.amazonaws.com"}}),
         "20130524T000000Z"});
    return all;
}

/// By botocore: a function named by its ARN, and temporary credentials.
ServerRequest invocation_by_arn() {
    return tests::request_of(
        "POST",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ademo/invocations"
        "?Qualifier=%24LATEST",
        {{"Host", "lambda.us-east-1.amazonaws.com"},
         {"Content-Type", "application/json"},
         {"X-Amz-Date", "20150830T123600Z"},
         {"X-Amz-Invocation-Type", "RequestResponse"},
         {"X-Amz-Log-Type", "Tail"},
         {"X-Amz-Security-Token", "SESSIONTOKENEXAMPLE"},
         {"Authorization",
          authorization("AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request",
                        "content-type;host;x-amz-date;x-amz-invocation-type;x-amz-log-type;x-amz-security-token",
                        "8dc7a091c53d140ee1217250a24c2993423c0e9f8837ae8d1475859c8eed37d0")}},
        R"({"n":7})");
}

}  // namespace

TEST_CASE("aws gate: the published examples open it, and no other body, path or second") {
    for (const auto& example : examples()) {
        CAPTURE(example.request.target);
        CAPTURE(example.service);
        Gate there{example.time};
        CHECK(there.verdict(example.request, example.service) == "200 " + example.service);
        auto other = example.request;
        other.target.insert(1, "x");
        CHECK(there.verdict(other, example.service) != "200 " + example.service);
        other = example.request;
        if (other.field("x-amz-date")) {
            tests::replace_field(other, "x-amz-date", example.time.substr(0, 13) + "01Z");
            CHECK(there.verdict(other, example.service) != "200 " + example.service);
        }
        other = example.request;
        other.body.push_back('x');
        // A presigned URL of S3 says nothing of the body.
        CHECK((there.verdict(other, example.service) == "200 s3") ==
              (example.request.target.find("X-Amz-Signature") != std::string::npos));
    }
}

TEST_CASE("AWS pitfall 1: a function named by its ARN is signed with the path encoded twice") {
    Gate there;
    there.options.keys.clear();
    there.sessions.add({.access_key_id = tests::example_key,
                        .secret_access_key = tests::example_secret,
                        .token = "SESSIONTOKENEXAMPLE",
                        .arn = "arn:aws:sts::123456789012:assumed-role/demo/test",
                        .expires = there.world.at + 1h});
    const auto request = invocation_by_arn();
    const auto judged = there.gate.judge(request);
    REQUIRE(judged.has_value());
    CHECK(judged->service == "lambda");
    CHECK(judged->arn == "arn:aws:sts::123456789012:assumed-role/demo/test");
    CHECK(judged->account_id == "123456789012");

    // The same request with the path encoded once, as S3 would have it.
    Signing once{.token = "SESSIONTOKENEXAMPLE"};
    auto plain = request;
    std::erase_if(plain.fields,
                  [](const auto& field) { return field.first != "Host" && field.first != "Content-Type"; });
    CHECK(there.verdict(tests::signed_request(plain, once)) == "200 lambda");
    CHECK(there.verdict(tests::signed_request(plain, {.service = "s3", .token = "SESSIONTOKENEXAMPLE"})) ==
          "403 InvalidSignatureException: Credential should be scoped to correct service: 'lambda'.");
}

TEST_CASE("aws gate: what was altered on the way is refused, and the order of the query is not") {
    Gate there;
    const auto good = signed_invocation();
    REQUIRE(there.verdict(good) == "200 lambda");
    auto reordered = good;
    reordered.target = "/2015-03-31/functions/demo/invocations?a=1&Qualifier=%24LATEST&b=2";
    reordered.fields.emplace_back("X-Amzn-Trace-Id", "Root=1-2-3");  // hops add it
    CHECK(there.verdict(reordered) == "200 lambda");
    tests::replace_field(reordered, "user-agent", "another");
    CHECK(there.verdict(reordered) == "200 lambda");

    const std::vector<std::pair<std::string, std::function<void(ServerRequest&)>>> alterations{
        {"method", [](ServerRequest& r) { r.method = "PUT"; }},
        {"path", [](ServerRequest& r) { r.target = replaced(r.target, "demo", "demi"); }},
        {"path in capitals", [](ServerRequest& r) { r.target = replaced(r.target, "demo", "Demo"); }},
        {"query value", [](ServerRequest& r) { r.target = replaced(r.target, "a=1", "a=2"); }},
        {"query name", [](ServerRequest& r) { r.target = replaced(r.target, "a=1", "c=1"); }},
        {"query parameter more", [](ServerRequest& r) { r.target += "&z="; }},
        {"query parameter less", [](ServerRequest& r) { r.target = replaced(r.target, "&b=2", ""); }},
        {"body", [](ServerRequest& r) { r.body[5] = '8'; }},
        {"body longer", [](ServerRequest& r) { r.body.push_back(' '); }},
        {"no body", [](ServerRequest& r) { r.body.clear(); }},
        {"host", [](ServerRequest& r) { tests::replace_field(r, "host", "127.0.0.1:4712"); }},
        {"content-type", [](ServerRequest& r) { tests::replace_field(r, "content-type", "text/json"); }},
        {"x-amz value", [](ServerRequest& r) { tests::replace_field(r, "x-amz-invocation-type", "Event"); }},
        {"second x-amz value", [](ServerRequest& r) { r.fields.emplace_back("X-Amz-Log-Type", "None"); }},
        {"signed field left out",
         [](ServerRequest& r) { std::erase_if(r.fields, [](const auto& f) { return f.first == "X-Amz-Log-Type"; }); }},
        {"time", [](ServerRequest& r) { tests::replace_field(r, "x-amz-date", "20150830T123601Z"); }},
        {"signature",
         [](ServerRequest& r) {
             auto& last = r.fields.back().second.back();
             last = last == '0' ? '1' : '0';
         }},
        {"signature in capitals",
         [](ServerRequest& r) {
             auto& text = r.fields.back().second;
             for (auto at = text.find("Signature=") + 10; at < text.size(); ++at)
                 if (text[at] >= 'a') text[at] = static_cast<char>(text[at] - 'a' + 'A');
         }},
        {"shorter signature", [](ServerRequest& r) { r.fields.back().second.pop_back(); }},
        {"another key's scope",
         [](ServerRequest& r) {
             r.fields.back().second = replaced(r.fields.back().second, "AKIDEXAMPLE", "AKIAIOSFODNN7EXAMPLE");
         }},
        {"list of headers in another order",
         [](ServerRequest& r) {
             r.fields.back().second = replaced(r.fields.back().second, "content-type;host", "host;content-type");
         }},
        {"list of headers in capitals",
         [](ServerRequest& r) { r.fields.back().second = replaced(r.fields.back().second, ";host", ";Host"); }},
        {"header listed twice",
         [](ServerRequest& r) { r.fields.back().second = replaced(r.fields.back().second, ";host", ";host;host"); }},
        {"header listed and not sent",
         [](ServerRequest& r) { r.fields.back().second = replaced(r.fields.back().second, ";host", ";host;range"); }},
    };
    for (const auto& [what, alter] : alterations) {
        CAPTURE(what);
        auto request = good;
        alter(request);
        CHECK(there.verdict(request) == mismatch);
    }
    CHECK(there.verdict(signed_invocation({.secret = "another"})) == mismatch);
    // Lambda looks at the body and at nothing that is said of it.
    CHECK(there.verdict(signed_invocation({.payload_hash = "UNSIGNED-PAYLOAD"})) == mismatch);
}

TEST_CASE("AWS pitfall 10: the invocation's own header fields must be signed, as every x-amz field") {
    Gate there;
    for (const std::string name : {"X-Amz-Invocation-Type", "X-Amz-Log-Type", "X-Amz-Date", "Content-Type"}) {
        CAPTURE(name);
        std::string small = name;
        for (char& c : small) c = detail::ascii_lower(c);
        CHECK(there.verdict(signed_invocation({.unsigned_fields = {small}})) ==
              "403 InvalidSignatureException: '" + name + "' must be a 'SignedHeader' in the AWS Authorization.");
    }
    there.options.content_type_must_be_signed = false;
    CHECK(there.verdict(signed_invocation({.unsigned_fields = {"content-type"}})) == "200 lambda");
    auto added = signed_invocation();
    added.fields.emplace_back("x-amz-client-context", "e30=");
    CHECK(there.verdict(added) ==
          "403 InvalidSignatureException: 'x-amz-client-context' must be a 'SignedHeader' in "
          "the AWS Authorization.");
    CHECK(there.verdict(signed_invocation({.unsigned_fields = {"host"}})) ==
          "403 InvalidSignatureException: 'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

TEST_CASE("aws gate: a wrong Authorization is refused with what is wrong about it") {
    Gate there;
    const auto good = signed_invocation();
    const auto with = [&](std::string value) {
        auto request = good;
        tests::replace_field(request, "authorization", std::move(value));
        return there.verdict(request);
    };
    const auto value = good.fields.back().second;
    const std::string incomplete = "403 IncompleteSignatureException: ";
    CHECK(there.verdict(invocation()) == "403 MissingAuthenticationTokenException: Missing Authentication Token");
    CHECK(with("Bearer x") ==
          incomplete + "Unsupported AWS 'algorithm': 'Bearer' (only AWS4-HMAC-SHA256 for this 'service')");
    CHECK(with(replaced(value, "SHA256", "SHA1")).starts_with(incomplete + "Unsupported AWS 'algorithm'"));
    CHECK(with("AWS4-HMAC-SHA256 x") ==
          incomplete + "'x' not a valid key=value pair (missing equal-sign) in Authorization header.");
    CHECK(with("AWS4-HMAC-SHA256 Credential=x") ==
          incomplete +
              "Authorization header requires 'Signature' parameter. Authorization header requires "
              "'SignedHeaders' parameter.");
    CHECK(with(value + ", Signature=00") == incomplete + "Authorization header has 'Signature' twice.");
    CHECK(with(replaced(value, "/lambda/", "/")).starts_with(incomplete + "Credential must have exactly 5"));
    auto twice = good;
    twice.fields.push_back(twice.fields.back());
    CHECK(there.verdict(twice) == incomplete + "Authorization header must be sent once.");
    auto undated = good;
    std::erase_if(undated.fields, [](const auto& field) { return field.first == "X-Amz-Date"; });
    CHECK(there.verdict(undated) ==
          incomplete + "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
    undated.fields.emplace_back("X-Amz-Date", "2015-08-30T12:36:00Z");
    CHECK(there.verdict(undated).starts_with(incomplete +
                                             "Date must be in ISO-8601 'basic format'. Got '2015-08-30T12:36:00Z'"));
    undated.fields.back().second = "20150230T123600Z";  // no such day
    CHECK(there.verdict(undated).starts_with(incomplete + "Date must be"));

    const std::string wrong = "403 InvalidSignatureException: ";
    CHECK(with(replaced(value, "aws4_request", "aws5_request")) ==
          wrong + "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.");
    CHECK(with(replaced(value, "/20150830/", "/20150831/")) ==
          wrong +
              "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
              "'20150831' != '20150830', from '20150830T123600Z'.");
    CHECK(there.verdict(signed_invocation({.region = "eu-west-1"})) ==
          wrong + "Credential should be scoped to a valid region, not 'eu-west-1'.");
    CHECK(there.verdict(signed_invocation({.service = "sts"})) ==
          wrong + "Credential should be scoped to correct service: 'lambda'.");
}

TEST_CASE("aws gate: the Date field will do where X-Amz-Date is not sent") {
    Gate there;
    auto request = tests::signed_request(tests::request_of(
        "GET", "/2015-03-31/functions", {{"Host", "127.0.0.1"}, {"Date", "Sun, 30 Aug 2015 12:36:00 GMT"}}));
    std::erase_if(request.fields, [](const auto& field) { return field.first == "X-Amz-Date"; });
    CHECK(there.verdict(request) == mismatch);  // it was signed with X-Amz-Date
    const std::string names = "date;host";
    const auto canonical = tests::aws::canonical_request(
        {.method = "GET",
         .path = "/2015-03-31/functions",
         .fields =
             std::vector<tests::aws::SignedField>{{"date", "Sun, 30 Aug 2015 12:36:00 GMT"}, {"host", "127.0.0.1"}},
         .payload_hash = tests::aws::empty_payload_hash});
    const tests::aws::SigningScope scope{.region = "us-east-1", .service = "lambda"};
    const auto of_scope = tests::aws::credential_scope("20150830T123600Z", scope);
    const auto signature =
        tests::aws::signature(tests::aws::signing_key(tests::example_secret, "20150830T123600Z", scope),
                              tests::aws::string_to_sign("20150830T123600Z", of_scope, canonical));
    tests::replace_field(request, "authorization", authorization("AKIDEXAMPLE/" + of_scope, names, signature));
    CHECK(there.verdict(request) == "200 lambda");
    tests::replace_field(request, "date", "Sun, 30 Aug 2015 12:36 GMT");
    CHECK(there.verdict(request).starts_with("403 IncompleteSignatureException: Date must be"));
}

TEST_CASE("AWS pitfall 14: a clock five minutes off is let in, one second more is refused and told the times") {
    Gate there;
    const auto good = signed_invocation();
    const auto at = there.world.at;
    there.world.at = at + 5min;
    CHECK(there.verdict(good) == "200 lambda");
    there.world.at = at - 5min;
    CHECK(there.verdict(good) == "200 lambda");
    there.world.at = at + 5min + 1s;
    CHECK(there.verdict(good) ==
          "403 InvalidSignatureException: Signature expired: 20150830T123600Z is now earlier "
          "than 20150830T123601Z (20150830T124101Z - 5 min.)");
    there.world.at = at - 5min - 1s;
    CHECK(there.verdict(good) ==
          "403 InvalidSignatureException: Signature not yet current: 20150830T123600Z is still later than "
          "20150830T123559Z (20150830T123059Z + 5 min.)");

    // The server's clock may be wrong on purpose, and then its answers say so.
    there.world.at = at;
    there.options.clock_offset = 10min;
    const local::AwsClock ahead{there.options.clock_offset, there.world};
    const AwsGate gate{there.options, there.sessions, ahead};
    CHECK(!gate.judge(good));
    CHECK(gate.judge(signed_invocation({.amz_date = "20150830T124600Z"})).has_value());
    CHECK(ahead.http_date() == "Sun, 30 Aug 2015 12:46:00 GMT");
}

TEST_CASE("aws gate: temporary credentials need their token, and end") {
    Gate there;
    const auto session = there.sessions.issue("arn:aws:sts::123456789012:assumed-role/demo/one", 15min);
    CHECK(session.access_key_id.starts_with("ASIA"));
    CHECK(session.access_key_id.size() == 20);
    CHECK(session.secret_access_key.size() == 40);
    Signing how{.key = session.access_key_id,
                .secret = std::string{session.secret_access_key.reveal()},
                .token = std::string{session.token.reveal()}};
    CHECK(there.verdict(signed_invocation(how)) == "200 lambda");
    const std::string invalid =
        "403 UnrecognizedClientException: The security token included in the request is invalid.";
    auto other = how;
    other.token += 'x';
    CHECK(there.verdict(signed_invocation(other)) == invalid);
    other.token.clear();
    CHECK(there.verdict(signed_invocation(other)) == invalid);
    other = how;
    other.unsigned_fields = {"x-amz-security-token"};
    CHECK(there.verdict(signed_invocation(other)).find("'X-Amz-Security-Token' must be a 'SignedHeader'") !=
          std::string::npos);
    CHECK(there.verdict(signed_invocation({.token = "one"})) == invalid);  // a lasting key has none
    CHECK(there.verdict(signed_invocation({.key = "AKIDNOBODY"})) == invalid);

    there.world.at += 15min - 1s;
    how.amz_date = tests::aws::amz_date(there.world.at);
    CHECK(there.verdict(signed_invocation(how)) == "200 lambda");
    there.world.at += 1s;
    CHECK(there.verdict(signed_invocation(how)) ==
          "403 ExpiredTokenException: The security token included in the request is expired");
    CHECK(session.secret_access_key != there.sessions.issue("x", 1h).secret_access_key);
}

TEST_CASE("aws gate: each service refuses in its own words") {
    Gate there;
    const auto sts = [](Signing how) {
        how.service = "sts";
        return tests::signed_request(tests::request_of("POST", "/", {}, "Action=GetCallerIdentity"), how);
    };
    const auto s3 = [](Signing how) {
        how.service = "s3";
        auto request = tests::request_of("GET", "/bucket/key");
        request.fields.emplace_back("X-Amz-Content-Sha256", std::string{tests::aws::empty_payload_hash});
        return tests::signed_request(std::move(request), how);
    };
    CHECK(there.verdict(sts({})) == "200 sts");
    CHECK(there.verdict(s3({})) == "200 s3");
    CHECK(there.verdict(sts({.secret = "x"})).starts_with("403 SignatureDoesNotMatch: The request signature we"));
    CHECK(there.verdict(s3({.secret = "x"})) ==
          "403 SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. "
          "Check your key and signing method.");
    CHECK(there.verdict(sts({.key = "x"})) ==
          "403 InvalidClientTokenId: The security token included in the request is invalid.");
    CHECK(there.verdict(s3({.key = "x"})) ==
          "403 InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records.");
    CHECK(there.verdict(s3({.token = "x"})).starts_with("400 InvalidToken: "));
    CHECK(there.verdict(sts({.amz_date = "20150830T123000Z"})).starts_with("403 SignatureDoesNotMatch: Signature exp"));
    CHECK(there.verdict(s3({.amz_date = "20150830T122100Z"})) == "200 s3");  // a quarter of an hour
    CHECK(there.verdict(s3({.amz_date = "20150830T122059Z"})) ==
          "403 RequestTimeTooSkewed: The difference between the request time and the current time is too large.");
    CHECK(there.verdict(s3({.region = "eu-west-1"})) ==
          "400 AuthorizationHeaderMalformed: The authorization header is malformed; the region 'eu-west-1' is wrong; "
          "expecting 'us-east-1'");
    CHECK(there.verdict(tests::request_of("POST", "/")) ==
          "403 MissingAuthenticationToken: Request is missing Authentication Token");
    CHECK(there.verdict(tests::request_of("GET", "/bucket/key")) == "403 AccessDenied: Access Denied");
    auto added = s3({});
    added.fields.emplace_back("x-amz-acl", "public-read");
    CHECK(there.verdict(added) == "403 AccessDenied: There were headers present in the request which were not signed");
    there.sessions.add({.access_key_id = "ASIAOLD", .secret_access_key = "s", .token = "t", .expires = there.world.at});
    CHECK(there.verdict(sts({.key = "ASIAOLD", .secret = "s", .token = "t"})).starts_with("403 ExpiredToken: "));
    CHECK(there.verdict(s3({.key = "ASIAOLD", .secret = "s", .token = "t"})).starts_with("400 ExpiredToken: "));
}

TEST_CASE("aws gate: S3 wants the body's hash announced, and compares it") {
    Gate there;
    const auto put = [](std::string announced, std::string_view body) {
        auto request = tests::request_of("PUT", "/bucket/key", {}, body);
        if (!announced.empty()) request.fields.emplace_back("X-Amz-Content-Sha256", announced);
        return tests::signed_request(std::move(request), {.service = "s3", .payload_hash = announced});
    };
    const auto hash = detail::sha256_hex(detail::bytes_of("hello"));
    CHECK(there.verdict(put(hash, "hello")) == "200 s3");
    CHECK(
        there.verdict(put(hash, "hellO")) ==
        "400 XAmzContentSHA256Mismatch: The provided 'x-amz-content-sha256' header does not match what was computed.");
    CHECK(there.verdict(put("UNSIGNED-PAYLOAD", "anything")) == "200 s3");
    CHECK(there.verdict(put("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0\r\n\r\n")) == "200 s3");
    CHECK(there.verdict(put("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x")).starts_with("501 NotImplemented"));
    CHECK(there.verdict(put("nonsense", "x")).starts_with("400 InvalidArgument"));
    CHECK(there.verdict(put("", "hello")) ==
          "400 InvalidRequest: Missing required header for this request: x-amz-content-sha256");
}

TEST_CASE("aws gate: before the body is there all but its hash is judged") {
    Gate there;
    const auto head_of = [](ServerRequest request) {
        request.body.clear();
        return request;
    };
    CHECK(there.verdict(head_of(signed_invocation()), {}, true) == "200 lambda");
    CHECK(there.verdict(head_of(signed_invocation({.region = "eu-west-1"})), {}, true).starts_with("403 "));
    CHECK(there.verdict(head_of(signed_invocation({.key = "AKIDNOBODY"})), {}, true).starts_with("403 "));
    // The hash is not announced: the secret cannot be told wrong yet.
    CHECK(there.verdict(head_of(signed_invocation({.secret = "another"})), {}, true) == "200 lambda");
    CHECK(there.verdict(signed_invocation({.secret = "another"})) == mismatch);
    auto announced = invocation();
    announced.fields.emplace_back("X-Amz-Content-Sha256", detail::sha256_hex(announced.body));
    const Signing agent{.unsigned_fields = {"user-agent"}};
    CHECK(there.verdict(head_of(tests::signed_request(announced, agent)), {}, true) == "200 lambda");
    CHECK(there.verdict(
              head_of(tests::signed_request(announced, {.secret = "another", .unsigned_fields = {"user-agent"}})), {},
              true) == mismatch);
    auto lying = tests::signed_request(announced, agent);
    lying.body[5] = '8';
    CHECK(there.verdict(lying) == mismatch);
    // There is no body: all can be judged.
    const auto get = tests::request_of("GET", "/2015-03-31/functions");
    CHECK(there.verdict(tests::signed_request(get), {}, true) == "200 lambda");
    CHECK(there.verdict(tests::signed_request(get, {.secret = "another"}), {}, true) == mismatch);
}

TEST_CASE("aws gate: a presigned URL opens until it ends, and as it was made") {
    Gate there;
    const auto s3 = [](Signing how = {}) {
        how.service = "s3";
        how.payload_hash = "UNSIGNED-PAYLOAD";
        if (how.expires.empty()) how.expires = "3600";
        return tests::signed_request(tests::request_of("GET", "/bucket/a%20key?x-id=GetObject"), how);
    };
    const auto good = s3();
    const auto at = there.world.at;
    CHECK(there.verdict(good) == "200 s3");
    there.world.at = at + 1h;
    CHECK(there.verdict(good) == "200 s3");
    there.world.at = at + 1h + 1s;
    CHECK(there.verdict(good) == "403 AccessDenied: Request has expired");
    there.world.at = at;
    for (const auto& [what, with] : std::vector<std::pair<std::string, std::string>>{
             {"a%20key", "b%20key"}, {"Expires=3600", "Expires=3601"}, {"x-id=GetObject", "x-id=PutObject"}}) {
        CAPTURE(what);
        auto altered = good;
        altered.target = replaced(altered.target, what, with);
        CHECK(there.verdict(altered).starts_with("403 SignatureDoesNotMatch"));
    }
    const std::string wrong = "400 AuthorizationQueryParametersError: ";
    CHECK(there.verdict(s3({.expires = "604801"})).starts_with(wrong + "X-Amz-Expires must be less than a week"));
    CHECK(there.verdict(s3({.expires = "0"})).starts_with(wrong + "X-Amz-Expires should be a number"));
    auto less = good;
    less.target = replaced(less.target, "&X-Amz-SignedHeaders=host", "");
    CHECK(there.verdict(less) == wrong +
                                     "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine "
                                     "the query-string parameters.");
    auto both = good;
    both.fields.emplace_back("Authorization", "AWS4-HMAC-SHA256 x");
    CHECK(there.verdict(both).starts_with(wrong + "Only one auth mechanism allowed"));

    const auto session = there.sessions.issue("arn:aws:sts::123456789012:assumed-role/demo/one", 10min);
    Signing temporary{.key = session.access_key_id,
                      .secret = std::string{session.secret_access_key.reveal()},
                      .token = std::string{session.token.reveal()}};
    CHECK(there.verdict(s3(temporary)) == "200 s3");
    there.world.at = at + 10min;  // the URL lives on, its credentials do not
    CHECK(there.verdict(s3(temporary)) == "400 ExpiredToken: The provided token has expired.");
    there.world.at = at;

    Signing identity{.service = "sts", .expires = "60"};
    const auto sts = tests::signed_request(tests::request_of("GET", "/?Action=GetCallerIdentity"), identity);
    CHECK(there.verdict(sts) == "200 sts");
    there.world.at = at + 61s;
    CHECK(there.verdict(sts).starts_with("403 SignatureDoesNotMatch: Signature expired: 20150830T123600Z"));
    there.world.at = at - 5min - 1s;
    CHECK(there.verdict(sts).starts_with("403 SignatureDoesNotMatch: Signature not yet current"));
}

}  // namespace gate_test
