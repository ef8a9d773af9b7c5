#include "blueprint/faas/auth/gcp/subject_token.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/child_command.hpp"
#include "google_federated_fixture.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace google_subject_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::audience;
using tests::external;
using tests::object_of;
using tests::ok;
using tests::says;
using World = tests::FederatedWorld;

namespace {

template <class T>
Error failed(result<T> outcome) {
    return tests::failed_telling_nothing(std::move(outcome));
}

// A script that is run as an executable of credential_source, and the source that names it.
struct Program {
    test::TemporaryDirectory directory{};
    explicit Program(const std::string& text) { std::ofstream{directory / "a program"} << text; }
    std::string source(const std::string& more = "", const std::string& arguments = "") const {
        return R"({"executable":{"command":"/bin/sh \")" + (directory / "a program").string() + R"(\" )" + arguments +
               '"' + more + "}}";
    }
};

std::string printing(const std::string& text) { return "cat <<'END'\n" + text + "\nEND\n"; }

const std::string jwt_answer =
    R"({"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"subject-token-1",)"
    R"("expiration_time":1767315600})";

}  // namespace

TEST_CASE("google federation: a token file is read anew each time, as a text or as a member of a JSON object") {
    World world;
    world.around.files["/token"] = "subject-token-1\n";
    CHECK(ok(world.proof(R"({"file":"/token"})")).reveal() == "subject-token-1");
    world.around.files["/token"] = "subject-token-2";
    CHECK(ok(world.proof(R"({"file":"/token","format":{"type":"text"}})")).reveal() == "subject-token-2");
    const std::string as_json =
        R"({"file":"/token","format":{"type":"json","subject_token_field_name":"access_token"}})";
    CHECK(says(failed(world.proof(as_json)), "is no JSON object"));
    world.around.files["/token"] = R"({"id":"subject-token-3","access_token":"subject-token-4"})";
    CHECK(ok(world.proof(as_json)).reveal() == "subject-token-4");
    for (const auto* text :
         {R"({"id":"subject-token-3"})", R"({"access_token":["subject-token-3"]})", R"({"access_token":""})"}) {
        CAPTURE(text);
        world.around.files["/token"] = text;
        CHECK(says(failed(world.proof(as_json)), "check subject_token_field_name"));
    }
    world.around.files["/token"] = " \n";
    CHECK(says(failed(world.proof(R"({"file":"/token"})")), "is empty"));
    world.around.files.clear();
    CHECK(says(failed(world.proof(R"({"file":"/token"})")), "'/token' of credential_source does not exist"));
    world.around.forbidden.insert("/token");
    CHECK(says(failed(world.proof(R"({"file":"/token"})")), "Permission denied"));
}

TEST_CASE("google federation: a URL is asked with its headers, what passes is tried again, and nothing is told") {
    World world;
    const std::string source = R"({"url":"http://169.254.169.254/oauth2/token?resource=x","headers":)"
                               R"({"Metadata":"True","Authorization":"Bearer header-secret-1"}})";
    world.script->then(503);
    world.script->then(Error{.code = errc::infrastructure, .message = "reset"});
    world.script->then(200, " subject-token-1 ");
    CHECK(ok(world.proof(source)).reveal() == "subject-token-1");
    CHECK(world.url(2) == "GET http://169.254.169.254/oauth2/token?resource=x");
    CHECK(world.header(2, "Metadata") == "True");
    CHECK(world.header(2, "Authorization") == "Bearer header-secret-1");

    world.script->then(403, R"({"error":"denied","error_description":"not header-secret-1"})");
    const auto refused = failed(world.proof(source));
    CHECK(refused.code == errc::authentication);
    CHECK(refused.http_status == 403);
    CHECK(says(refused, "http://169.254.169.254/oauth2/token gives no token for credential_source (denied)"));
    world.script->then(302, "subject-token-1");
    CHECK(says(failed(world.proof(source)), "elsewhere"));
    world.script->then(200, "");
    CHECK(says(failed(world.proof(source)), "what http://169.254.169.254/oauth2/token answered is empty"));
    world.script->then(Error{.code = errc::invalid_configuration, .message = "no http:// to header-secret-1"});
    CHECK(failed(world.proof(source)).code == errc::invalid_configuration);
    CHECK(world.asked() == 7);
    const std::string as_json =
        R"({"url":"https://idp.example.com/","format":{"type":"json","subject_token_field_name":"value"}})";
    world.script->then(200, R"({"value":"subject-token-2"})");
    CHECK(ok(world.proof(as_json)).reveal() == "subject-token-2");
}

TEST_CASE("google federation: a credential_source that cannot be used is refused before anything is asked or run") {
    struct Row {
        std::string source, told;
    };
    const std::string program = R"({"executable":{"command":"/bin/true")";
    for (const auto& row : {
             Row{"{}", "names no source"},
             {R"({"file":"/a","url":"https://b"})", "leave one"},
             {R"({"file":7})", "file that is no text"},
             {R"({"file":""})", "empty file"},
             {R"({"file":"/a","format":{}})", "neither text nor json"},
             {R"({"file":"/a","format":{"type":"json"}})", "add subject_token_field_name"},
             {R"({"url":"ftp://a"})", "does not begin with https://"},
             {R"({"url":"https://a","headers":[]})", "headers that are no JSON object"},
             {R"({"url":"https://a","headers":{"X":7}})", "headers that cannot be sent"},
             {R"({"url":"https://a","headers":{"X":"header-secret-1\r\nY: z"}})", "headers that cannot be sent"},
             {R"({"executable":"argument-secret-1"})", "no JSON object"},
             {R"({"executable":{}})", "without a command"},
             {program + R"(,"timeout_millis":4999}})", "5000 to 120000"},
             {program + R"(,"timeout_millis":120001}})", "5000 to 120000"},
             {program + R"(,"timeout_millis":"6000"}})", "5000 to 120000"},
             {R"({"environment_id":"aws2"})", "not aws1"},
             {R"({"environment_id":"aws1"})", "no regional_cred_verification_url"},
             {R"({"environment_id":"aws1","regional_cred_verification_url":"http://sts.{region}.amazonaws.com"})",
              "no regional_cred_verification_url"},
             {R"({"environment_id":"aws1","regional_cred_verification_url":"https://sts.{region}}.amazonaws.com"})",
              "no regional_cred_verification_url"},
             {R"({"environment_id":"aws1","region_url":7})", "region_url that is no text"},
             {R"({"certificate":{"use_default_certificate_config":true}})", "client certificate"},
         }) {
        CAPTURE(row.source);
        World world;
        world.around.variables["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"] = "1";
        const auto error = failed(world.credential(external("", row.source)));
        CHECK(says(error, row.told));
        CHECK(says(error, "credential_source of '/cred.json'"));
        CHECK((error.code == errc::invalid_configuration || row.told == "client certificate"));
    }
    World world;
    CHECK(failed(world.proof(R"({"certificate":{}})")).code == errc::unsupported);
}

TEST_CASE(
    "google federation: an executable runs only where it is allowed, without a shell, and is told what it is for") {
    World world;
    Program program{
        "[ \"$#\" = 3 ] && [ \"$1\" = 'two words' ] && [ \"$2\" = 'a\\b' ] && [ \"$3\" = '$HOME' ] || exit 9\n"
        "printf '{\"version\":1,\"success\":true,\"token_type\":\"%s\",\"id_token\":\"%s\"}' "
        "\"$GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE\" \"$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE "
        "$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE $GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL "
        "${GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE-none} ${PATH:+path}\"\n"};
    const std::string source = program.source("", R"(two\" \"words a\\b   $HOME)");
    for (const auto* value : {"", "0", "true"}) {
        CAPTURE(value);
        world.around.variables["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"] = value;
        const auto error = failed(world.proof(source));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1"));
    }
    world.around.variables["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"] = "1";
    CHECK(ok(world.proof(source)).reveal() == std::string{audience} + " 0 jobs@p.iam.gserviceaccount.com none path");
    CHECK(says(failed(world.proof(R"({"executable":{"command":"/bin/echo \"argument-secret-1"}})")), "not closed"));
    const auto missing = failed(world.proof(R"({"executable":{"command":"/nowhere/argument-secret-1"}})"));
    CHECK(missing.code == errc::invalid_configuration);
    CHECK(says(missing, "cannot start the executable of credential_source"));
}

TEST_CASE("child command: further variables stand beside those of this process, and in the place of equal names") {
    World world;
    ::setenv("BLUEPRINT_FAAS_TEST_KEPT", "1", 1);
    ::setenv("BLUEPRINT_FAAS_TEST_REPLACED", "2", 1);
    detail::ChildCommand command{.words = {"env"}};
    command.variables = {{"BLUEPRINT_FAAS_TEST_REPLACED", "3"}, {"BLUEPRINT_FAAS_TEST_NEW", "4"}};
    const auto end = ok(tests::run(world.io, detail::run_child(command, "the command", world.deadline)));
    std::vector<std::string> found;
    std::istringstream lines{std::string{end.output.reveal()}};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("BLUEPRINT_FAAS_TEST_")) found.push_back(line.substr(20));
    std::sort(found.begin(), found.end());
    CHECK((found == std::vector<std::string>{"KEPT=1", "NEW=4", "REPLACED=3"}));
    ::unsetenv("BLUEPRINT_FAAS_TEST_KEPT");
    ::unsetenv("BLUEPRINT_FAAS_TEST_REPLACED");
}

TEST_CASE("child command: it runs in the directory that it is given, and one without a program is told as such") {
    World world;
    const test::TemporaryDirectory directory;
    detail::ChildCommand command{.words = {"pwd"}};
    command.directory = directory.path().string();
    const auto end = ok(tests::run(world.io, detail::run_child(command, "the command", world.deadline)));
    CHECK((std::string{end.output.reveal()} == std::filesystem::canonical(directory.path()).string() + '\n'));
    command.words = {"no-program-of-this-name"};
    CHECK(failed(tests::run(world.io, detail::run_child(command, "the command", world.deadline))).platform_code ==
          "ENOENT");
}

TEST_CASE("google federation: what an executable prints is judged as AIP-4117 says, and never shown") {
    World world;
    world.around.variables["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"] = "1";
    const auto outcome = [&](const std::string& printed) {
        return world.proof(Program{printing(printed)}.source("", "argument-secret-1"));
    };
    const std::string good = R"({"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:)";
    CHECK(ok(outcome(good + R"(jwt","id_token":"subject-token-1"})")).reveal() == "subject-token-1");
    CHECK(ok(outcome(good + R"(id_token","id_token":"subject-token-2"})")).reveal() == "subject-token-2");
    CHECK(ok(outcome(good + R"(saml2","saml_response":"subject-token-3"})")).reveal() == "subject-token-3");
    for (const auto& [printed, told] : {
             std::pair{std::string{"subject-token-1"}, "no JSON object"},
             {R"(["subject-token-1"])", "no JSON object"},
             {R"({"success":true,"id_token":"subject-token-1"})", "its version is not 1"},
             {R"({"version":2,"success":true,"id_token":"subject-token-1"})", "its version is not 1"},
             {R"({"version":"1","success":true,"id_token":"subject-token-1"})", "its version is not 1"},
             {R"({"version":1,"id_token":"subject-token-1"})", "success is neither"},
             {R"({"version":1,"success":"true","id_token":"subject-token-1"})", "success is neither"},
             {R"({"version":1,"success":true,"token_type":"subject-token-1","id_token":"x"})", "its token_type"},
             {good + R"(saml2","id_token":"subject-token-1"})", "no saml_response"},
             {good + R"(jwt","saml_response":"subject-token-1"})", "no id_token"},
             {good + R"(jwt","id_token":"subject-token-1","expiration_time":"soon"})", "expiration_time"},
             {R"({"version":1,"success":false,"message":"subject-token-1"})", "not by code and message"},
         }) {
        CAPTURE(printed);
        const auto error = failed(outcome(printed));
        CHECK(error.code == errc::serialization);
        CHECK(says(error, told));
        CHECK(says(error, "run it by hand"));
    }
    const auto ended = failed(outcome(good + R"(jwt","id_token":"subject-token-1","expiration_time":1767312000})"));
    CHECK(ended.code == errc::authentication);
    CHECK(says(ended, "ended already"));
    const auto refused =
        failed(outcome(R"({"version":1,"success":false,"code":"401","message":"argument-secret-1 is unknown"})"));
    CHECK(refused.code == errc::authentication);
    CHECK(refused.platform_code == "401");
    CHECK(says(refused, "reports a failure (401): [redacted] is unknown"));

    const auto exited = failed(world.proof(Program{"echo subject-token-1; echo subject-token-1 >&2; exit 3"}.source()));
    CHECK(exited.code == errc::authentication);
    CHECK(says(exited, "exit code 3"));
    CHECK(says(failed(world.proof(Program{"echo subject-token-1; kill -9 $$"}.source())), "signal 9"));
    gcp::ExecutableSubject slow{.command = "/bin/sleep 1000", .timeout = 50ms};
    const auto late = failed(world.proof(gcp::SubjectSource{slow}));
    CHECK(late.code == errc::timed_out);
    CHECK(says(late, "timeout_millis (50)"));
    slow.timeout = 30s;
    world.deadline = deadline_after(50ms);
    CHECK_FALSE(says(failed(world.proof(gcp::SubjectSource{slow})), "timeout_millis"));
}

TEST_CASE("google federation: an executable's output file is used while its token is good, else the program runs") {
    World world;
    world.around.variables["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"] = "1";
    const Program program{printing(R"({"version":1,"success":true,"token_type":)"
                                   R"("urn:ietf:params:oauth:token-type:jwt","id_token":"subject-token-2",)"
                                   R"("expiration_time":1767315600})")};
    const std::string source = program.source(R"(,"output_file":"/kept.json")");
    const auto proof = [&] { return std::string{ok(world.proof(source)).reveal()}; };
    CHECK(proof() == "subject-token-2");
    world.around.files["/kept.json"] = jwt_answer;
    CHECK(proof() == "subject-token-1");
    world.around.time += 1h;
    CHECK(says(failed(world.proof(source)), "ended already"));  // both have
    world.around.time -= 1h;
    for (
        const auto* kept :
        {"", "{", R"({"version":1,"success":false,"code":"1","message":"no"})",
         R"({"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"subject-token-1"})",
         R"({"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt",)"
         R"("id_token":"subject-token-1","expiration_time":1767312000})"}) {
        CAPTURE(kept);
        world.around.files["/kept.json"] = kept;
        CHECK(proof() == "subject-token-2");
    }
    world.around.files.clear();
    const Program timeless{printing(
        R"({"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"subject-token-3"})")};
    CHECK(says(failed(world.proof(timeless.source(R"(,"output_file":"/kept.json")"))), "printed no expiration_time"));
    const Program telling{
        "printf '{\"version\":1,\"success\":true,\"token_type\":"
        "\"urn:ietf:params:oauth:token-type:jwt\",\"expiration_time\":1767315600,\"id_token\":\"%s\"}' "
        "\"$GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE\"\n"};
    CHECK(ok(world.proof(telling.source(R"(,"output_file":"/kept.json")"))).reveal() == "/kept.json");
    world.around.forbidden.insert("/kept.json");
    CHECK(says(failed(world.proof(source)), "'/kept.json': Permission denied"));
}

namespace {

const std::string aws_source =
    R"({"environment_id":"aws1","region_url":"http://169.254.169.254/latest/meta-data/placement/availability-zone",)"
    R"("url":"http://169.254.169.254/latest/meta-data/iam/security-credentials",)"
    R"("regional_cred_verification_url":)"
    R"("https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15")";
const std::string with_session =
    aws_source + R"(,"imdsv2_session_token_url":"http://169.254.169.254/latest/api/token"})";
const std::string role_answer =
    R"({"Code":"Success","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"wJalrXUtnFEMI/given",)"
    R"("Token":"session-token-of-the-role","Expiration":"2026-01-02T06:00:00Z"})";

// What Google's token service is given: the URL, and the header fields, of the request that it sends to AWS.
struct SignedRequest {
    std::string url{}, method{};
    std::vector<std::pair<std::string, std::string>> fields{};

    explicit SignedRequest(const Secret& proof) {
        const auto object = object_of(detail::percent_decode(proof.reveal()).value());
        url = object.at("url").as_string();
        method = object.at("method").as_string();
        for (const auto& one : object.at("headers").as_array())
            fields.emplace_back(one.at("key").as_string(), one.at("value").as_string());
    }
    std::string field(std::string_view name) const {
        for (const auto& [key, value] : fields)
            if (detail::iequals(key, name)) return value;
        return "(none)";
    }
    // Computes the signature anew, as AWS does: of those fields alone that SignedHeaders names.
    std::string signature(const Secret& key, const std::string& region, std::string_view query) const {
        const auto authorization = field("Authorization");
        const auto begin = authorization.find("SignedHeaders=") + 14;
        std::string names = authorization.substr(begin, authorization.find(',', begin) - begin) + ';';
        std::vector<aws::SignedField> signed_fields;
        std::vector<std::string> values;
        values.reserve(fields.size());
        for (std::string_view rest = names; !rest.empty(); rest.remove_prefix(rest.find(';') + 1)) {
            const auto name = rest.substr(0, rest.find(';'));
            signed_fields.push_back({name, values.emplace_back(field(name))});
        }
        const auto canonical = aws::canonical_request({.method = method,
                                                       .path = "/",
                                                       .query = query,
                                                       .fields = signed_fields,
                                                       .payload_hash = aws::empty_payload_hash});
        const auto date = field("x-amz-date");
        const aws::SigningScope scope{.region = region, .service = "sts"};
        const auto text = aws::string_to_sign(date, aws::credential_scope(date, scope), canonical);
        return aws::signature(aws::signing_key(key, date, scope), text);
    }
};

}  // namespace

TEST_CASE("google federation: an AWS identity is proved by a signed request that holds for our audience alone") {
    World world;
    world.around.variables = {{"AWS_REGION", "eu-central-1"},
                              {"AWS_DEFAULT_REGION", "us-east-1"},
                              {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                              {"AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG"}};
    const SignedRequest lasting{ok(world.proof(with_session))};
    CHECK(world.asked() == 0);
    CHECK(lasting.method == "POST");
    CHECK(lasting.url == "https://sts.eu-central-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15");
    CHECK(lasting.field("host") == "sts.eu-central-1.amazonaws.com");
    CHECK(lasting.field("x-amz-date") == "20260102T000000Z");
    CHECK(lasting.field("x-goog-cloud-target-resource") == audience);
    CHECK(lasting.field("x-amz-security-token") == "(none)");
    const std::string query = "Action=GetCallerIdentity&Version=2011-06-15";
    CHECK(lasting.field("Authorization") ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/sts/aws4_request, "
          "SignedHeaders=host;x-amz-date;x-goog-cloud-target-resource, Signature=" +
              lasting.signature("wJalrXUtnFEMI/K7MDENG", "eu-central-1", query));

    // The region may be the end of the host.
    const std::string short_host =
        R"({"environment_id":"aws1","regional_cred_verification_url":"https://sts.{region}?Action=GetCallerIdentity"})";
    const SignedRequest elsewhere{ok(world.proof(short_host))};
    CHECK(elsewhere.url == "https://sts.eu-central-1?Action=GetCallerIdentity");
    CHECK(elsewhere.field("host") == "sts.eu-central-1");
    // And it may stand in more places than one.
    const std::string twice =
        R"({"environment_id":"aws1","regional_cred_verification_url":"https://sts.{region}.amazonaws.com?in={region}"})";
    const SignedRequest named_twice{ok(world.proof(twice))};
    CHECK(named_twice.url == "https://sts.eu-central-1.amazonaws.com?in=eu-central-1");

    world.around.variables["AWS_SESSION_TOKEN"] = "session-token-of-the-asker";
    world.around.variables.erase("AWS_REGION");
    const SignedRequest passing{ok(world.proof(with_session))};
    CHECK(passing.field("host") == "sts.us-east-1.amazonaws.com");
    CHECK(passing.field("x-amz-security-token") == "session-token-of-the-asker");
    CHECK(passing.field("Authorization")
              .find("SignedHeaders=host;x-amz-date;x-amz-security-token;"
                    "x-goog-cloud-target-resource, Signature=" +
                    passing.signature("wJalrXUtnFEMI/K7MDENG", "us-east-1", query)) != std::string::npos);
    CHECK(world.asked() == 0);

    for (const auto* region : {"us-east-1.example.com/", "us east", "a{region}"}) {
        CAPTURE(region);
        world.around.variables["AWS_REGION"] = region;
        CHECK(says(failed(world.proof(with_session)), "AWS_REGION is no AWS region"));
    }
}

TEST_CASE("google federation: an AWS instance is asked for its zone and its role, in one session of two questions") {
    World world;
    world.script->then(200, "imds-token-1\n");
    world.script->then(200, "us-west-2b");
    world.script->then(200, "jobs\n");
    world.script->then(200, role_answer);
    const SignedRequest given{ok(world.proof(with_session))};
    CHECK(given.field("host") == "sts.us-west-2.amazonaws.com");
    CHECK(given.field("x-amz-security-token") == "session-token-of-the-role");
    CHECK(given.field("Authorization").starts_with("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20260102/us-west-2/sts/"));
    CHECK(world.url(0) == "PUT http://169.254.169.254/latest/api/token");
    CHECK(world.header(0, "x-aws-ec2-metadata-token-ttl-seconds") == "300");
    CHECK(world.url(1) == "GET http://169.254.169.254/latest/meta-data/placement/availability-zone");
    CHECK(world.url(2) == "GET http://169.254.169.254/latest/meta-data/iam/security-credentials");
    CHECK(world.url(3) == "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/jobs");
    for (std::size_t i = 1; i < 4; ++i) CHECK(world.header(i, "x-aws-ec2-metadata-token") == "imds-token-1");

    world.around.variables["AWS_REGION"] = "us-east-1";
    world.script->then(200, "jobs");
    world.script->then(200, role_answer);
    CHECK(SignedRequest{ok(world.proof(aws_source + "}"))}.field("host") == "sts.us-east-1.amazonaws.com");
    CHECK(world.header(4, "x-aws-ec2-metadata-token") == "(none)");

    const std::string bare =
        R"({"environment_id":"aws1","regional_cred_verification_url":"https://sts.{region}.amazonaws.com?A=b"})";
    CHECK(says(failed(world.proof(bare)), "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
    world.around.variables.clear();
    CHECK(says(failed(world.proof(bare)), "set AWS_REGION"));
    CHECK(world.asked() == 6);
}

TEST_CASE("google federation: whichever answer of an AWS instance fails, there is no proof, and nothing leaks") {
    const std::vector<std::string> answers{"imds-token-1", "us-west-2b", "jobs", role_answer};
    for (std::size_t nth = 0; nth < answers.size(); ++nth) {
        CAPTURE(nth);
        const auto play = [&](tests::Script::Answer broken) {
            World world;
            for (std::size_t i = 0; i < nth; ++i) world.script->then(200, answers[i]);
            world.script->answers.push_back(std::move(broken));
            return failed(world.proof(with_session));
        };
        const auto answer = [](unsigned status, std::string body) {
            HttpResponse response;
            response.status = status;
            response.body = std::move(body);
            return response;
        };
        CHECK(play(Error{.code = errc::cancelled, .message = "stop"}).code == errc::cancelled);
        const auto late = play(Error{.code = errc::timed_out, .message = "no answer"});
        CHECK(late.code == errc::timed_out);
        CHECK(says(late, nth == 0 ? "hop limit" : "no answer"));
        const std::string echo = nth == 0 ? "nothing" : "imds-token-1";  // which is given by the first answer only
        CHECK(play(answer(404, echo)).http_status == 404);
        const std::string told = R"({"error":")" + echo + R"(","error_description":"not )" + echo + "\"}";
        CHECK(play(answer(401, told)).http_status == 401);
        play(answer(200, ""));
        CHECK_FALSE(play(answer(200, "a\r\nb")).message.empty());
        // What passes is tried again, until the script ends.
        CHECK(play(answer(503, "")).code == errc::infrastructure);
    }
    World world;
    for (std::size_t i = 0; i < 3; ++i) world.script->then(200, answers[i]);
    world.script->then(200, R"({"Code":"Failed","AccessKeyId":"A","SecretAccessKey":"wJalrXUtnFEMI"})");
    CHECK(says(failed(world.proof(with_session)), "check the role of the instance"));
}

}  // namespace google_subject_test
