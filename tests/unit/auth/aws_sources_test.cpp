#include "support/aws_sources.hpp"

#include "blueprint/faas/auth/aws/container.hpp"
#include "blueprint/faas/auth/aws/instance_metadata.hpp"
#include "blueprint/faas/auth/aws/web_identity.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aws_sources_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using aws::credentials::Container;
using aws::credentials::InstanceMetadata;
using aws::credentials::WebIdentity;
using tests::found_key;
using tests::json_answer;
using tests::late;
using tests::nobody;
using tests::ok;
using tests::says;
using tests::Script;
using tests::sts_answer;
using tests::sts_error;
using World = tests::SourceWorld;

namespace {

template <class T>
Error failed(result<T> outcome) {
    return tests::failed_quietly(std::move(outcome));
}

// The three answers of an instance whose role is "jobs".
void answer_as_instance(World& world, const std::string& credentials = json_answer()) {
    world.script->then(200, "imds-token-1");
    world.script->then(200, "jobs\n");
    world.script->then(200, credentials);
}

}  // namespace

TEST_CASE(
    "container: the relative URI goes to the fixed address and before the full one; without either it is not here") {
    World world;
    auto& variables = world.around.variables;
    CHECK(found_key(world.find(Container{})).starts_with("not here: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"));
    variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "";
    CHECK(found_key(world.find(Container{})).starts_with("not here: "));
    variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "https://example.com/creds?x=1";
    world.script->then(200, json_answer());
    const auto given = *ok(world.find(Container{})).found;
    CHECK(given.credentials.access_key_id == "ASIAEXAMPLE");
    CHECK(given.credentials.secret_access_key.reveal() == "wJalrXUtnFEMI/given");
    CHECK(given.credentials.session_token.reveal() == "session-token-of-the-role");
    CHECK((given.expires == world.around.time + 6h));
    CHECK(world.url(0) == "GET https://example.com/creds?x=1");
    CHECK(world.header(0, "Authorization") == "(none)");

    variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/7";
    world.script->then(200, R"({"AccessKeyId":"A","SecretAccessKey":"wJalrXUtnFEMI","AccountId":"123456789012"})");
    const auto timeless = *ok(world.find(Container{})).found;
    CHECK_FALSE(timeless.expires.has_value());
    CHECK(timeless.credentials.account_id == "123456789012");
    CHECK(world.url(1) == "GET http://169.254.170.2/v2/credentials/7");
    for (const auto* uri : {"v2", "@example.com/", "/a b", "/a\r\nb"}) {
        CAPTURE(uri);
        variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = uri;
        CHECK(failed(world.find(Container{})).code == errc::invalid_configuration);
    }
    CHECK(world.asked() == 2);
}

TEST_CASE("AWS pitfall 11: the container's token is sent as it stands, without Bearer") {
    World world;
    auto& variables = world.around.variables;
    variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = " container-token-of-variable\n";
    world.script->then(200, json_answer());
    CHECK(found_key(world.find(Container{})) == "ASIAEXAMPLE");
    CHECK(world.header(0, "Authorization") == "container-token-of-variable");

    // The file goes before the variable, and is read anew.
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/token";
    for (const auto* token : {"container-token-1\n", "container-token-2"}) {
        world.around.files["/token"] = token;
        world.script->then(200, json_answer());
        CHECK(found_key(world.find(Container{})) == "ASIAEXAMPLE");
    }
    CHECK(world.header(1, "Authorization") == "container-token-1");
    CHECK(world.header(2, "Authorization") == "container-token-2");

    for (const auto* token : {"", " \r\n", "container-token-1\r\nX-Evil: 1", "container-token\nx"}) {
        CAPTURE(token);
        world.around.files["/token"] = token;
        CHECK(says(failed(world.find(Container{})), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    }
    world.around.files.clear();
    CHECK(says(failed(world.find(Container{})), "does not exist"));
    variables.erase("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "container-token\nX-Evil: 1";
    CHECK(says(failed(world.find(Container{})), "line break"));
    CHECK(world.asked() == 3);
}

TEST_CASE("AWS pitfall 12: plain HTTP carries a container's token to this machine, ECS and EKS only") {
    for (const auto* uri :
         {"http://169.254.170.2/c", "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/c",
          "http://[fd00:0ec2:0::23]/c", "http://127.0.0.1:8080/c", "http://127.1.2.3/c", "http://[::1]/c",
          "http://localhost/c", "http://LOCALHOST/c", "https://example.com/c", "https://10.0.0.1/c"}) {
        CAPTURE(uri);
        World world;
        world.around.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
        world.script->then(200, json_answer());
        CHECK(found_key(world.find(Container{})) == "ASIAEXAMPLE");
    }
    for (const auto* uri :
         {"http://example.com/c", "http://169.254.170.3/c", "http://169.254.169.254/c", "http://10.0.0.1/c",
          "http://0.0.0.0/c", "http://[::]/c", "http://[fd00:ec2::24]/c", "http://[::ffff:127.0.0.1]/c",
          "http://localhost.example.com/c", "http://2130706433/c", "http://127.0.0.1.example.com/c",
          "http://127.0.0.1@example.com/c", "ftp://127.0.0.1/c", "127.0.0.1"}) {
        CAPTURE(uri);
        World world;
        world.around.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = uri;
        const auto error = failed(world.find(Container{}));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        CHECK(world.asked() == 0);
    }
}

TEST_CASE("container: a refusal tells code and message, what passes is tried thrice, and every request is bounded") {
    World world;
    world.around.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/c";
    world.around.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "container-token-of-variable";
    world.reach.exchange = [inner = world.reach.exchange](HttpRequest request, Deadline deadline) {
        CHECK(time_left(deadline) <= 2s);
        return inner(std::move(request), deadline);
    };
    world.script->then(400, R"({"code":"InvalidToken","message":"not container-token-of-variable"})");
    const auto refused = failed(world.find(Container{}));
    CHECK(refused.code == errc::authentication);
    CHECK(refused.platform_code == "InvalidToken");
    CHECK(says(refused, "http://169.254.170.2: it gives no credentials (InvalidToken): not [redacted]; check"));
    CHECK(world.asked() == 1);

    world.script->then(500, "");
    world.script->then(late());
    world.script->then(200, json_answer());
    CHECK(found_key(world.find(Container{})) == "ASIAEXAMPLE");
    for (int i = 0; i < 3; ++i) world.script->then(nobody());
    CHECK(failed(world.find(Container{})).code == errc::infrastructure);
    CHECK(world.asked() == 7);
    for (const auto& body :
         std::vector<std::string>{"", "[]", "{}", R"({"message":"wait"})", R"({"AccessKeyId":"A"})",
                                  R"({"SecretAccessKey":"wJalrXUtnFEMI"})", json_answer("soon"),
                                  R"({"AccessKeyId":"A","SecretAccessKey":"wJalrXUtnFEMI","Expiration":7})"}) {
        CAPTURE(body);
        world.script->then(200, body);
        CHECK(failed(world.find(Container{})).code == errc::serialization);
    }
    world.script->then(200, json_answer("2026-01-02T00:00:00Z"));
    CHECK(says(failed(world.find(Container{})), "ended already"));
}

TEST_CASE("instance metadata: a session token is asked for once, kept for its life, and sent with every question") {
    World world;
    const InstanceMetadata source;
    answer_as_instance(world);
    const auto given = *ok(world.find(source)).found;
    CHECK(given.credentials.access_key_id == "ASIAEXAMPLE");
    CHECK((given.expires == world.around.time + 6h));
    CHECK(world.url(0) == "PUT http://169.254.169.254/latest/api/token");
    CHECK(world.header(0, "x-aws-ec2-metadata-token-ttl-seconds") == "21600");
    CHECK(world.url(1) == "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/");
    CHECK(world.url(2) == "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/jobs");
    CHECK(world.header(1, "x-aws-ec2-metadata-token") == "imds-token-1");
    CHECK(world.header(2, "x-aws-ec2-metadata-token") == "imds-token-1");

    const auto copy = source;  // shares the token
    world.script->then(200, "jobs");
    world.script->then(200, json_answer("2026-01-02T12:00:00Z"));
    CHECK(found_key(world.find(copy)) == "ASIAEXAMPLE");
    CHECK(world.asked() == 5);

    world.around.time += 6h;
    answer_as_instance(world, json_answer("2026-01-02T18:00:00Z"));
    CHECK(found_key(world.find(source)) == "ASIAEXAMPLE");
    CHECK(world.url(5) == "PUT http://169.254.169.254/latest/api/token");
}

TEST_CASE("instance metadata: a refused token is renewed once, and a second refusal is told") {
    World world;
    const InstanceMetadata source;
    answer_as_instance(world);
    ok(world.find(source));
    world.script->then(401);
    world.script->then(200, "imds-token-2");
    world.script->then(200, "jobs");
    world.script->then(200, json_answer());
    CHECK(found_key(world.find(source)) == "ASIAEXAMPLE");
    CHECK(world.header(5, "x-aws-ec2-metadata-token") == "imds-token-2");

    world.script->then(401);
    world.script->then(200, "imds-token-3");
    world.script->then(401);
    const auto error = failed(world.find(source));
    CHECK(error.code == errc::authentication);
    CHECK(world.asked() == 10);
}

TEST_CASE(
    "AWS pitfall 13: a lost answer to the token's PUT costs one bounded wait, then version 1 is used or refused") {
    World world;
    std::vector<std::chrono::milliseconds> waits;
    world.reach.exchange = [&, inner = world.reach.exchange](HttpRequest request, Deadline deadline) {
        waits.push_back(time_left(deadline));
        return inner(std::move(request), deadline);
    };
    world.script->then(late());
    world.script->then(200, "jobs");
    world.script->then(late());  // no token was kept, so it is asked for again
    world.script->then(200, json_answer());
    CHECK(found_key(world.find(InstanceMetadata{})) == "ASIAEXAMPLE");
    CHECK(world.header(1, "x-aws-ec2-metadata-token") == "(none)");
    for (const auto wait : waits) CHECK(wait <= 1s);

    world.script->then(late());
    world.script->then(401);  // the instance wants version 2
    CHECK(says(failed(world.find(InstanceMetadata{})), "hop limit (HttpPutResponseHopLimit) to 2"));

    world.around.variables["AWS_EC2_METADATA_V1_DISABLED"] = "True";
    world.around.variables["AWS_METADATA_SERVICE_NUM_ATTEMPTS"] = "2";
    world.around.variables["AWS_METADATA_SERVICE_TIMEOUT"] = "0.25";
    waits.clear();
    for (int i = 0; i < 2; ++i) world.script->then(late());
    const auto error = failed(world.find(InstanceMetadata{}));
    CHECK(error.code == errc::timed_out);
    CHECK(says(error, "hop limit"));
    CHECK(says(error, "AWS_EC2_METADATA_V1_DISABLED"));
    REQUIRE(waits.size() == 2);
    for (const auto wait : waits) CHECK(wait <= 250ms);
    CHECK(world.script->answers.empty());
}

TEST_CASE(
    "instance metadata: version 1 is used where there is no version 2, unless it is disabled; a bad request fails") {
    for (const unsigned status : {403U, 404U, 405U}) {
        CAPTURE(status);
        World world;
        world.script->then(status);
        world.script->then(200, "jobs");
        world.script->then(status);
        world.script->then(200, json_answer());
        CHECK(found_key(world.find(InstanceMetadata{})) == "ASIAEXAMPLE");
        CHECK(world.header(1, "x-aws-ec2-metadata-token") == "(none)");

        world.around.variables["AWS_EC2_METADATA_V1_DISABLED"] = "true";
        world.script->then(status);
        const auto error = failed(world.find(InstanceMetadata{}));
        CHECK(error.http_status == status);
        CHECK(says(error, "AWS_EC2_METADATA_V1_DISABLED"));
    }
    for (const auto& [status, body] : {std::pair{400U, ""}, {200U, ""}, {200U, "imds-token-1\r\nX: y"}}) {
        World world;
        world.script->then(status, body);
        CHECK(failed(world.find(InstanceMetadata{})).retryable == false);
        CHECK(world.asked() == 1);
    }
}

TEST_CASE("instance metadata: variables say whether, where and how patiently it is asked") {
    World world;
    auto& variables = world.around.variables;
    variables["AWS_EC2_METADATA_DISABLED"] = "TRUE";
    CHECK(found_key(world.find(InstanceMetadata{})) == "not here: AWS_EC2_METADATA_DISABLED is true");
    CHECK(world.asked() == 0);
    variables["AWS_EC2_METADATA_DISABLED"] = "false";
    struct Row {
        std::string endpoint, mode, url;
    };
    for (const auto& row : {Row{"", "", "http://169.254.169.254/latest/api/token"},
                            Row{"", "ipv6", "http://[fd00:ec2::254]/latest/api/token"},
                            Row{"", "IPv4", "http://169.254.169.254/latest/api/token"},
                            Row{"http://127.0.0.1:1338/", "IPv6", "http://127.0.0.1:1338/latest/api/token"},
                            Row{"http://127.0.0.1/imds", "", "http://127.0.0.1/imds/latest/api/token"}}) {
        CAPTURE(row.url);
        variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = row.endpoint;
        variables["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = row.mode;
        world.script->seen.clear();
        answer_as_instance(world);
        CHECK(found_key(world.find(InstanceMetadata{})) == "ASIAEXAMPLE");
        CHECK(world.url(0) == "PUT " + row.url);
    }
    variables.clear();
    world.script->seen.clear();
    for (const auto& [name, value] : {std::pair{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "127.0.0.1"},
                                      {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1/?a"},
                                      {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "v6"},
                                      {"AWS_METADATA_SERVICE_TIMEOUT", "0"},
                                      {"AWS_METADATA_SERVICE_TIMEOUT", "1s"},
                                      {"AWS_METADATA_SERVICE_TIMEOUT", "nan"},
                                      {"AWS_METADATA_SERVICE_TIMEOUT", "1e9"},
                                      {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "0"},
                                      {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "-1"}}) {
        CAPTURE(value);
        variables = {{name, value}};
        const auto error = failed(world.find(InstanceMetadata{}));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, name));
    }
    CHECK(world.asked() == 0);
}

TEST_CASE("instance metadata: a machine without it, or without a role, is passed over; what is broken is told") {
    const auto outcome = [](const std::function<void(Script&)>& answer) {
        World world;
        answer(*world.script);
        auto search = world.find(InstanceMetadata{});
        CHECK(world.script->answers.empty());
        return search;
    };
    Error no_route = nobody();
    no_route.code = errc::timed_out;  // nothing was sent: it was the connecting that took too long
    for (const auto& error : {nobody(), no_route})
        CHECK(found_key(outcome([&](auto& script) { script.then(error); })).starts_with("not here: nobody is there"));
    for (const auto& [status, body] : {std::pair{404U, "<html>"}, {200U, ""}, {200U, "\n"}})
        CHECK(found_key(outcome([&](auto& script) {
                  script.then(200, "imds-token-1");
                  script.then(status, body);
              })) == "not here: the instance has no role");

    const auto broken = [&](unsigned status, const std::string& body) {
        return failed(outcome([&](auto& script) {
            script.then(200, "imds-token-1");
            script.then(200, "jobs\nothers");
            script.then(status, body);
        }));
    };
    CHECK(broken(404, "").http_status == 404);
    CHECK(broken(200, "{}").code == errc::serialization);
    CHECK(broken(200, "not JSON").code == errc::serialization);
    const auto refused = broken(200, R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume it"})");
    CHECK(refused.code == errc::authentication);
    CHECK(refused.platform_code == "AssumeRoleUnauthorizedAccess");
    CHECK(says(refused, "(AssumeRoleUnauthorizedAccess): EC2 cannot assume it; check the role"));
    CHECK(failed(outcome([&](auto& script) {
              script.then(200, "imds-token-1");
              script.then(200, "../../user-data");
          })).code == errc::serialization);
    CHECK(failed(outcome([&](auto& script) {
              script.then(200, "imds-token-1");
              for (int i = 0; i < 3; ++i) script.then(503, "");
          })).code == errc::infrastructure);
}

TEST_CASE("instance metadata: credentials near their end stay in use, asked for again after a quarter of an hour") {
    World world;
    const InstanceMetadata source;
    const auto begin = world.around.time;
    answer_as_instance(world, json_answer("2026-01-02T00:14:59Z"));
    CHECK((ok(world.find(source)).found->expires == begin + 17min));  // 15 and the least of 2 to 10 minutes
    world.script->then(200, "jobs");
    world.script->then(200, json_answer("2026-01-01T00:00:00Z"));  // ended long ago
    CHECK((ok(world.find(source)).found->expires == begin + 17min));

    world.script->then(200, "jobs");
    world.script->then(200, json_answer("2026-01-02T02:00:00Z"));
    CHECK((ok(world.find(source)).found->expires == begin + 2h));
    world.script->then(nobody());  // they are good for long: whoever has them goes on with them
    CHECK(found_key(world.find(source)).starts_with("not here: nobody is there"));

    world.around.time = begin + 1h + 50min;
    for (const auto& failure : {nobody(), late()}) {
        for (int i = 0; i < 3; ++i) world.script->then(failure);
        const auto kept = *ok(world.find(source)).found;
        CHECK(kept.credentials.secret_access_key.reveal() == "wJalrXUtnFEMI/given");
        CHECK((kept.expires == world.around.time + 17min));
        world.script->answers.clear();
    }
    world.around.time = begin + 5h;  // also long after they ended
    for (int i = 0; i < 3; ++i) world.script->then(503);
    CHECK((ok(world.find(source)).found->expires == world.around.time + 17min));
    world.script->then(200, "jobs");
    world.script->then(200, R"({"Code":"AssumeRoleUnauthorizedAccess"})");  // a verdict, and no failure
    CHECK(failed(world.find(source)).code == errc::authentication);
    world.script->then(404);  // the role was taken away
    CHECK(found_key(world.find(source)) == "not here: the instance has no role");
    world.script->then(nobody());
    CHECK(found_key(world.find(source)).starts_with("not here: nobody is there"));
}

TEST_CASE("instance metadata: the region is asked for, or made of the zone's name") {
    World world;
    const auto region = [&] {
        const InstanceMetadata source;
        const auto found = ok(tests::run(world.io, source.region(world.reach, deadline_after(60s))));
        return found.value_or("(none)");
    };
    world.script->then(200, "imds-token-1");
    world.script->then(200, "eu-central-1");
    CHECK(region() == "eu-central-1");
    CHECK(world.url(1) == "GET http://169.254.169.254/latest/meta-data/placement/region");
    world.script->then(200, "imds-token-1");
    world.script->then(404);
    world.script->then(200, "us-gov-west-1b\n");
    CHECK(region() == "us-gov-west-1");
    world.script->then(nobody());
    CHECK(region() == "(none)");
    world.around.variables["AWS_EC2_METADATA_DISABLED"] = "true";
    CHECK(region() == "(none)");
}

TEST_CASE(
    "credential sources: with each exchange failing in turn there is an error or a second try, and no secret told") {
    struct Row {
        std::function<result<aws::Search>(World&)> find;
        std::function<void(Script&)> answer;
        std::string sent;  // a secret that the server sees, and may tell in its answer
    };
    const auto sts = [](World& world) { return world.find(WebIdentity{}); };
    const auto container = [](World& world) { return world.find(Container{}); };
    const auto instance = [](World& world) { return world.find(InstanceMetadata{}); };
    const Row rows[] = {
        {sts, [](auto& script) { script.then(200, sts_answer("AssumeRoleWithWebIdentity")); }, "web-token-of-a-pod"},
        {container, [](auto& script) { script.then(200, json_answer()); }, "container-token-1"},
        {instance,
         [](auto& script) {
             script.then(200, "imds-token-1");
             script.then(200, "jobs");
             script.then(200, json_answer());
         },
         "imds-token-1"},
    };
    for (const auto& row : rows) {
        Script good;
        row.answer(good);
        for (std::size_t nth = 0; nth < good.answers.size(); ++nth) {
            CAPTURE(nth);
            // Plays one failure before the good answer that it is in the place of; says what came of it.
            const auto play = [&](Script::Answer failure) {
                World world;
                world.around.variables = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"},
                                          {"AWS_ROLE_ARN", tests::role_arn},
                                          {"AWS_REGION", "us-east-1"},
                                          {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/c"},
                                          {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token-1"}};
                world.around.files["/token"] = "web-token-of-a-pod";
                world.script->answers = good.answers;
                const auto at = world.script->answers.begin() + static_cast<std::ptrdiff_t>(nth);
                world.script->answers.insert(at, std::move(failure));
                const auto outcome = row.find(world);
                if (!outcome) return failed(outcome).code.message();
                if (!outcome->found) return "not here: " + outcome->not_here;
                CHECK(world.script->answers.empty());
                return "found " + outcome->found->credentials.access_key_id;
            };
            CHECK(play(Error{.code = errc::cancelled, .message = "stop", .execution = Execution::not_started}) ==
                  "cancelled");
            CHECK(play(Error{.code = errc::infrastructure, .message = "reset"}) == "infrastructure failed");
            for (const unsigned status : {200U, 400U, 401U, 403U, 404U, 405U, 429U, 500U, 503U}) {
                if (status == 200 && row.sent == "imds-token-1" && nth == 0) continue;  // that would be a token
                for (const auto& body : {std::string{}, R"({"Code":"Bad","Message":"I got )" + row.sent + "\"}",
                                         sts_error("Bad", "I got " + row.sent)}) {
                    CAPTURE(status);
                    HttpResponse answer;
                    answer.status = status;
                    answer.body = body;
                    const auto outcome = play(answer);
                    CHECK(outcome.find(row.sent) == std::string::npos);
                    // An instance goes on without a token, or with a new one.
                    const bool goes_on = status == 429 || status >= 500 || (row.sent == "imds-token-1" && nth == 0);
                    if (status != 400 && goes_on) CHECK((outcome == "found ASIAEXAMPLE" || status == 401));
                    if (!goes_on) CHECK(outcome != "found ASIAEXAMPLE");
                }
            }
        }
    }
}

}  // namespace aws_sources_test
