#include "blueprint/faas/auth/aws/reach.hpp"
#include "blueprint/faas/auth/aws/sts.hpp"
#include "blueprint/faas/auth/aws/web_identity.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/detail/xml.hpp"
#include "support/aws_sources.hpp"
#include "support/aws_world.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aws_sts_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using aws::credentials::WebIdentity;
using tests::example_keys;
using tests::found_key;
using tests::ok;
using tests::says;
using tests::sts_answer;
using tests::sts_error;

namespace {

struct World : tests::SourceWorld {
    const aws::StsPlace place{.endpoint = "https://sts.eu-central-1.amazonaws.com", .region = "eu-central-1"};

    result<aws::TimedCredentials> assume(aws::AssumeRole wanted = {.role_arn = tests::role_arn}) {
        auto asking = aws::assume_role(reach, place, std::move(wanted), example_keys(), deadline_after(60s));
        return tests::run(io, std::move(asking));
    }
    result<aws::TimedCredentials> assume_by_token() {
        const aws::WebIdentityRole wanted{.role_arn = tests::role_arn, .session_name = "pod", .token_file = "/token"};
        return tests::run(io, aws::assume_role_with_web_identity(reach, place, wanted, deadline_after(60s)));
    }
};

template <class T>
Error failed(result<T> outcome) {
    return tests::failed_quietly(std::move(outcome));
}

}  // namespace

TEST_CASE("sts: AssumeRole is a signed form, and its answer is credentials with their end and account") {
    World world;
    world.script->then(200, sts_answer("AssumeRole"));
    const auto given = ok(world.assume(
        {.role_arn = tests::role_arn, .session_name = "night=run", .external_id = "external-id-7", .duration = 900s}));
    const auto& seen = world.script->seen.at(0);
    CHECK(seen.origin + ' ' + seen.line == "https://sts.eu-central-1.amazonaws.com POST /");
    CHECK(seen.body ==
          "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fjobs"
          "&RoleSessionName=night%3Drun&DurationSeconds=900&ExternalId=external-id-7");
    CHECK(world.header(0, "Content-Type") == "application/x-www-form-urlencoded; charset=utf-8");
    CHECK(world.header(0, "Authorization")
              .starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/sts/aws4_request, "));
    CHECK(world.header(0, "X-Amz-Security-Token") == "session-token-of-the-asker");
    CHECK(given.credentials.access_key_id == "ASIAEXAMPLE");
    CHECK(given.credentials.secret_access_key.reveal() == "wJalrXUtnFEMI/given");
    CHECK(given.credentials.session_token.reveal() == "session-token-of-the-role");
    CHECK(given.credentials.account_id == "123456789012");
    CHECK((given.expires == world.around.time + 1h));
}

TEST_CASE("sts: a session without a name is named after the time, and a role that wants a code is not asked for") {
    World world;
    world.script->then(200, sts_answer("AssumeRole"));
    ok(world.assume());
    CHECK(world.script->seen.at(0).body.ends_with("&RoleSessionName=blueprint-faas-1767312000"));
    const auto error =
        failed(world.assume({.role_arn = tests::role_arn, .mfa_serial = "arn:aws:iam::123456789012:mfa/me"}));
    CHECK(error.code == errc::unsupported);
    CHECK(world.asked() == 1);
}

TEST_CASE("sts: AssumeRoleWithWebIdentity is not signed, and reads the token anew for each call") {
    World world;
    for (const auto* token : {"web-token-of-a-pod/1+\n", "  web-token-of-a-pod/2"}) {
        world.around.files["/token"] = token;
        world.script->then(200, sts_answer("AssumeRoleWithWebIdentity"));
        CHECK(ok(world.assume_by_token()).credentials.access_key_id == "ASIAEXAMPLE");
    }
    CHECK(world.script->seen.at(0).body ==
          "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fjobs"
          "&RoleSessionName=pod&WebIdentityToken=web-token-of-a-pod%2F1%2B");
    CHECK(world.script->seen.at(1).body.ends_with("&WebIdentityToken=web-token-of-a-pod%2F2"));
    CHECK(world.header(0, "Authorization") == "(none)");

    world.around.files["/token"] = " \n";
    CHECK(says(failed(world.assume_by_token()), "'/token' is empty"));
    world.around.files.clear();
    CHECK(says(failed(world.assume_by_token()), "'/token' does not exist"));
    world.around.forbidden = {"/token"};
    CHECK(failed(world.assume_by_token()).code == errc::invalid_configuration);
    CHECK(world.asked() == 2);
}

TEST_CASE("sts: GetCallerIdentity tells whose credentials they are") {
    World world;
    world.script->then(200,
                       "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me"
                       "</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
                       "</GetCallerIdentityResponse>");
    const auto ask = [&] {
        return tests::run(world.io,
                          aws::get_caller_identity(world.reach, world.place, example_keys(), deadline_after(60s)));
    };
    const auto identity = ok(ask());
    CHECK(identity.account + ' ' + identity.arn + ' ' + identity.user_id ==
          "123456789012 arn:aws:iam::123456789012:user/me AIDA");
    CHECK(world.script->seen.at(0).body == "Action=GetCallerIdentity&Version=2011-06-15");
    CHECK(world.header(0, "Authorization").find("/sts/aws4_request") != std::string::npos);
    world.script->then(200, "<GetCallerIdentityResponse/>");
    CHECK(failed(ask()).code == errc::serialization);
    world.script->then(403, sts_error("InvalidClientTokenId", "no such key"));
    CHECK(failed(ask()).code == errc::authentication);
}

TEST_CASE("sts: each refusal has its meaning, and says what to do") {
    struct Row {
        unsigned status;
        std::string code;
        errc meaning;
        std::size_t attempts;
        std::string advice;
    };
    const Row rows[] = {
        {400, "IDPCommunicationError", errc::infrastructure, 3, "identity provider"},
        {400, "ExpiredTokenException", errc::authentication, 1, "what should renew it"},
        {403, "ExpiredToken", errc::authentication, 1, "get new credentials"},
        {400, "InvalidIdentityToken", errc::authentication, 1, "issuer and audience"},
        {403, "IDPRejectedClaim", errc::authentication, 1, "renew it"},
        {403, "RegionDisabledException", errc::invalid_configuration, 1, "activate it"},
        {403, "AccessDenied", errc::authentication, 1, "trust policy"},
        {403, "InvalidClientTokenId", errc::authentication, 1, "access key id"},
        {403, "SignatureDoesNotMatch", errc::authentication, 1, "clock"},
        {400, "MalformedPolicyDocument", errc::invalid_configuration, 1, "policy"},
        {400, "ValidationError", errc::invalid_configuration, 1, "ARN"},
        {400, "Throttling", errc::throttled, 3, "wait"},
        {503, "Anything", errc::infrastructure, 3, "later"},
        {403, "Anything", errc::authentication, 1, "credentials"},
        {404, "Anything", errc::invalid_configuration, 1, "endpoint of STS"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.code);
        World world;
        for (std::size_t i = 0; i < row.attempts; ++i) world.script->then(row.status, sts_error(row.code, "told"));
        const auto error = failed(world.assume());
        CHECK(error.code == row.meaning);
        CHECK(error.platform_code == row.code);
        CHECK(error.http_status == row.status);
        CHECK(error.request_id == "r-2");
        CHECK(says(error, row.advice));
        CHECK(says(error, "(" + row.code + "): told; "));
        CHECK(world.asked() == row.attempts);
    }
}

TEST_CASE("sts: when to ask again is told of what passes alone") {
    World world;
    world.script->then(403, sts_error("AccessDenied", "told"), Headers{"Retry-After: 7\r\n"});
    CHECK_FALSE(failed(world.assume()).retry_after.has_value());
    // The wait is longer than the call may take, so the first refusal is the answer.
    world.script->then(400, sts_error("Throttling", "told"), Headers{"Retry-After: 70\r\n"});
    CHECK((failed(world.assume()).retry_after == 70s));
}

TEST_CASE("sts: what passes is tried again, signed for its own time") {
    World world;
    world.script->then(400, sts_error("IDPCommunicationError", ""));
    world.script->then(tests::nobody());
    world.script->then(200, sts_answer("AssumeRole"));
    world.reach.exchange = [&world, inner = world.reach.exchange](HttpRequest request, Deadline deadline) {
        world.around.time += 10s;
        return inner(std::move(request), deadline);
    };
    CHECK(ok(world.assume()).credentials.access_key_id == "ASIAEXAMPLE");
    CHECK(world.header(0, "X-Amz-Date") == "20260102T000000Z");
    CHECK(world.header(1, "X-Amz-Date") == "20260102T000010Z");
    CHECK(world.header(2, "X-Amz-Date") == "20260102T000020Z");
}

TEST_CASE("bad input: what STS answers is credentials, whole and not ended, or an error") {
    const auto whole = sts_answer("AssumeRole");
    const auto without = [&](std::string_view part) {
        auto text = whole;
        text.erase(text.find(part), part.size());
        return text;
    };
    for (const auto& body : std::vector<std::string>{
             "", "no XML", "<a/>", whole.substr(0, whole.size() - 5), sts_answer("AssumeRoleWithSAML"),
             without("ASIAEXAMPLE"), without("wJalrXUtnFEMI/given"), without("session-token-of-the-role"),
             without("2026-01-02T01:00:00Z"),
             "<Other>" +
                 whole.substr(whole.find("<AssumeRoleResult>"),
                              whole.find("<ResponseMetadata>") - whole.find("<AssumeRoleResult>")) +
                 "</Other>",
             sts_answer("AssumeRole", "tomorrow"), "{\"Credentials\":{}}"}) {
        CAPTURE(body);
        World world;
        world.script->then(200, body);
        CHECK(failed(world.assume()).code == errc::serialization);
    }
    for (const auto* end : {"2026-01-02T00:00:00Z", "2025-01-02T01:00:00Z"}) {
        World world;
        world.script->then(200, sts_answer("AssumeRole", end));
        CHECK(says(failed(world.assume()), "have ended already"));
    }
}

TEST_CASE("bad input: a role that is none is named in one line without controls") {
    World world;
    world.script->then(200, "no XML");
    const auto error = failed(world.assume({.role_arn = "arn:\n\x06\x1b[31m" + std::string(3000, 'r')}));
    CHECK(says(error, "credentials of the role 'arn:"));
    CHECK(error.message.size() < 1000);
    CHECK(std::none_of(error.message.begin(), error.message.end(), [](char c) { return c >= 0 && c < ' '; }));
}

TEST_CASE("bad input: hostile XML is refused before the parser sees it") {
    const auto nested = [](int levels) {
        std::string text;
        for (int i = 0; i < levels; ++i) text += "<a>";
        for (int i = 0; i < levels; ++i) text += "</a>";
        return text;
    };
    CHECK(ok(detail::read_xml(nested(16))).name == "a");
    const auto document =
        ok(detail::read_xml("<?xml version='1.0'?>\n<a x=\"1\" y='2'> <b> t &amp;&#x41; </b><b>2</b><c/>"
                            "<d><e>3</e></d></a>\n"));
    CHECK(document.children.size() == 4);
    CHECK(document.text_at("b") == "t &A");
    CHECK(document.text_at("d/e") == "3");
    CHECK(document.find("d/x") == nullptr);
    const std::string begin = "<r>wJalrXUtnFEMI";
    for (const auto& text : std::vector<std::string>{nested(17),
                                                     nested(100'000),
                                                     std::string(300'000, ' ') + "<a/>",
                                                     "",
                                                     " ",
                                                     "text",
                                                     "<a/><b/>",
                                                     begin + "<!-- c --></r>",
                                                     begin + "<![CDATA[x]]></r>",
                                                     "<!DOCTYPE r [<!ENTITY e \"x\">]>" + begin + "</r>",
                                                     begin,
                                                     begin + "</r></r>",
                                                     "</r>" + begin,
                                                     begin + "<",
                                                     begin + "</r",
                                                     begin + "<x y=\"</r>",
                                                     begin + "<x y=\"</x></x>\"/></r>",
                                                     begin + "<x y='>'/></r>",
                                                     begin + "<?x > </r></r> ?></r>",
                                                     begin + "<?></r>",
                                                     begin + "</x",
                                                     begin + "&#xFFFFFFFF;</r>",
                                                     begin + "<a <b></r>",
                                                     begin + std::string(1, '\0') + "</r>",
                                                     begin + "<x y></r>",
                                                     "<></>"}) {
        CAPTURE(text.substr(0, 60));
        CHECK(failed(detail::read_xml(text)).code == errc::serialization);
    }
    // End tags within an instruction end no level for the parser, so they must end none for us.
    std::string hidden;
    for (int i = 0; i < 20'000; ++i) hidden += "<a><?></a>?>";
    CHECK(says(failed(detail::read_xml(hidden)), "a processing instruction has no end"));
    for (const auto* text : {"<r><!-- c --></r>", "<r><![CDATA[x]]></r>", "<!DOCTYPE r><r/>"})
        CHECK(says(failed(detail::read_xml(text)), "a comment, CDATA or a document type"));
}

TEST_CASE("timestamp: RFC 3339 with fraction and offset is read, anything else is not") {
    using namespace std::chrono;
    const auto base = sys_days{year{2026} / 1 / 2} + 3h + 4min + 5s;
    for (const auto* text :
         {"2026-01-02T03:04:05Z", "2026-01-02t03:04:05z", "2026-01-02 03:04:05Z", "2026-01-02T05:04:05+02:00",
          "2026-01-02T05:04:05+0200", "2026-01-01T23:34:05-03:30", "2026-01-02T03:04:05.0000001Z"}) {
        CAPTURE(text);
        CHECK((detail::read_timestamp(text) == base));
    }
    CHECK((detail::read_timestamp("2026-01-02T03:04:05.25Z") == base + 250ms));
    // Zero times of other languages, and what stands for "never".
    CHECK((detail::read_timestamp("0001-01-01T00:00:00Z") == system_clock::time_point{}));
    CHECK((detail::read_timestamp("2262-04-11T00:00:00Z") < system_clock::time_point::max()));
    for (const auto* text : {"2262-04-13T00:00:00Z", "2426-01-02T01:00:00Z", "9999-12-31T23:59:59Z"})
        CHECK((detail::read_timestamp(text) == system_clock::time_point::max()));
    for (const auto* text : {"", "2026-01-02", "2026-01-02T03:04:05", "2026-02-30T03:04:05Z", "2026-13-01T03:04:05Z",
                             "2026-01-02T24:04:05Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z",
                             "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "+026-01-02T03:04:05Z",
                             "2026-01-02T03:04:05+2", "2026-01-02T03:04:05+24:00", "2026/01/02T03:04:05Z"}) {
        CAPTURE(text);
        CHECK_FALSE(detail::read_timestamp(text).has_value());
    }
}

TEST_CASE("web identity: variables name role, token and session; anything missing but the token is an error") {
    World world;
    CHECK(found_key(world.find(WebIdentity{})) == "not here: AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    auto& variables = world.around.variables;
    variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
    world.around.files["/token"] = "web-token-of-a-pod";
    CHECK(says(failed(world.find(WebIdentity{})), "AWS_ROLE_ARN"));
    variables["AWS_ROLE_ARN"] = tests::role_arn;
    CHECK(failed(world.find(WebIdentity{})).code == errc::invalid_configuration);  // no region
    CHECK(world.asked() == 0);

    variables["AWS_REGION"] = "eu-west-3";
    world.script->then(200, sts_answer("AssumeRoleWithWebIdentity"));
    CHECK(found_key(world.find(WebIdentity{})) == "ASIAEXAMPLE");
    CHECK(world.script->seen.at(0).origin == "https://sts.eu-west-3.amazonaws.com");
    CHECK(world.script->seen.at(0).body.find("&RoleSessionName=blueprint-faas-1767312000&") != std::string::npos);

    variables["AWS_REGION"] = "cn-north-1";
    variables["AWS_ROLE_SESSION_NAME"] = "mine";
    world.script->then(200, sts_answer("AssumeRoleWithWebIdentity"));
    CHECK(found_key(world.find(WebIdentity{})) == "ASIAEXAMPLE");
    CHECK(world.script->seen.at(1).origin == "https://sts.cn-north-1.amazonaws.com.cn");
    CHECK(world.script->seen.at(1).body.find("&RoleSessionName=mine&") != std::string::npos);

    variables["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:4566/sts";
    world.script->then(400, sts_error("ExpiredTokenException", "ended"));
    CHECK(failed(world.find(WebIdentity{})).platform_code == "ExpiredTokenException");
    CHECK(world.script->seen.at(2).origin + ' ' + world.script->seen.at(2).line == "http://127.0.0.1:4566 POST /sts");
}

TEST_CASE("reach: https goes by one transport, http by the other, and the request lives as long as it takes") {
    asio::io_context io;
    const auto tls = std::make_shared<tests::Script>();
    const auto plain = std::make_shared<tests::Script>();
    const tests::AwsWorld around;
    const auto reach = aws::make_reach(tests::play(io, tls), tests::play(io, plain), around);
    tls->then(200, "tls");
    plain->then(200, "plain");
    for (const bool secure : {true, false}) {
        HttpRequest request;
        request.origin = {.tls = secure, .host = "example.com", .port = 8443};
        CHECK(ok(tests::run(io, reach.exchange(request, deadline_after(60s)))).body == (secure ? "tls" : "plain"));
    }
    CHECK(tls->seen.at(0).origin == "https://example.com:8443");
    CHECK(plain->seen.at(0).origin == "http://example.com:8443");
    CHECK(reach.environment == &around);
}

}  // namespace aws_sts_test
