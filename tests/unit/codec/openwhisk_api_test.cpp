#include "blueprint/faas/codec/openwhisk_api.hpp"

#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "support/run.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace openwhisk_api_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::basic_authorization;
using detail::openwhisk_api_url;
using detail::OpenWhiskAccess;
using detail::OpenWhiskApi;
using tests::failed;
using tests::ok;

namespace {

OpenWhiskAccess access_of(std::string_view host = "https://faas.example", std::string name_space = "_") {
    return {.api = ok(openwhisk_api_url(host)),
            .name_space = std::move(name_space),
            .authorization = basic_authorization(Secret{"user:not-a-real-password"})};
}
OpenWhiskApi api_of(std::string package = {}, std::string prefix = "blueprint") {
    OpenWhiskActionOptions options;
    options.prefix = std::move(prefix);
    options.package = std::move(package);
    return OpenWhiskApi{options};
}
Error judged(unsigned status, std::string body, std::string_view field = {}, std::string_view value = {}) {
    HttpResponse answer{.status = status, .body = std::move(body)};
    if (!field.empty()) answer.headers.set(field, value);
    auto error = OpenWhiskApi::judge(answer);
    REQUIRE(error.has_value());
    return *error;
}
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("openwhisk: a host is found however people and platforms write it") {
    struct Row {
        std::string_view given;
        std::string origin;
        std::string target;
    };
    const std::vector<Row> rows{
        {"faas-nyc1.example", "https://faas-nyc1.example", "/api/v1"},
        {"  faas-nyc1.example/\n", "https://faas-nyc1.example", "/api/v1"},
        {"HTTPS.example:8443", "https://https.example:8443", "/api/v1"},
        {"https://faas.example/", "https://faas.example", "/api/v1"},
        {"https://faas.example/api/v1", "https://faas.example", "/api/v1"},
        {"https://faas.example/api/v1//", "https://faas.example", "/api/v1"},
        {"https://faas.example/behind/a/proxy", "https://faas.example", "/behind/a/proxy/api/v1"},
        {"http://127.0.0.1:3233", "http://127.0.0.1:3233", "/api/v1"},
        {"http://[::1]:3233/api/v1", "http://[::1]:3233", "/api/v1"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.given);
        const auto url = ok(openwhisk_api_url(row.given));
        CHECK(to_string(url.origin) == row.origin);
        CHECK(url.target == row.target);
    }
    for (const auto* const given : {"", "ftp://faas.example", "https://user:s3cret-word@faas.example", "a b",
                                    "https://", "https://faas.example/?code=s3cret-word"}) {
        CAPTURE(given);
        const auto url = openwhisk_api_url(given);
        REQUIRE(!url.has_value());
        CHECK(url.error().code == errc::invalid_configuration);
        CHECK(url.error().execution == Execution::not_started);
        CHECK(!says(url.error(), "s3cret-word"));
    }
}

TEST_CASE("openwhisk: the credential is written as HTTP has it, and two accesses are the same only with the same one") {
    // The example of RFC 7617, section 2.
    CHECK(basic_authorization(Secret{"Aladdin:open sesame"}).reveal() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    const auto access = access_of();
    CHECK(access == access_of());
    auto other = access_of();
    other.authorization = basic_authorization(Secret{"user:not-a-real-passwore"});
    CHECK(!(access == other));
    CHECK(!(access == access_of("https://faas.example:444")));
    CHECK(!(access == access_of("https://faas.example/x")));
    CHECK(!(access == access_of("https://faas.example", "guest")));
}

TEST_CASE("D2: actions are deployed, read and removed through OpenWhisk's own API, with its own credential") {
    const auto api = api_of();
    const auto access = access_of();
    const auto put = api.put_action(access, JobId{7U}, Body{std::string{"{}"}});
    CHECK(put.verb == Verb::put);
    CHECK(put.target == "/api/v1/namespaces/_/actions/blueprint-job-7?overwrite=true");
    CHECK(put.headers.get("Content-Type") == "application/json");
    CHECK(put.body.view() == "{}");
    CHECK(api.get_action(access, JobId{7U}).target == "/api/v1/namespaces/_/actions/blueprint-job-7?code=false");
    const auto removal = api.delete_action(access, JobId{4294967295U});
    CHECK(removal.verb == Verb::del);
    CHECK(removal.target == "/api/v1/namespaces/_/actions/blueprint-job-4294967295");
    CHECK(api.list_actions(access, 400).target == "/api/v1/namespaces/_/actions?limit=200&skip=400");
    CHECK(api.get_namespaces(access).target == "/api/v1/namespaces");
    CHECK(api.get_activation(access, "0123abc").target == "/api/v1/namespaces/_/activations/0123abc");
    CHECK(api.get_logs(access, "0123abc").target == "/api/v1/namespaces/_/activations/0123abc/logs");
    CHECK(api.list_activations(access, JobId{7U}, 3).target ==
          "/api/v1/namespaces/_/activations?name=blueprint-job-7&limit=3");
    // OpenWhisk has no more than 200 in a page, and 0 would be that.
    CHECK(api.list_activations(access, JobId{7U}, 0).target.ends_with("&limit=1"));
    CHECK(api.list_activations(access, JobId{7U}, 500).target.ends_with("&limit=200"));
    for (const auto& request :
         {put, removal, api.get_action(access, JobId{0U}), api.list_actions(access, 0), api.get_namespaces(access),
          api.get_activation(access, "a"), api.get_logs(access, "a"), api.list_activations(access, JobId{0U}, 1)}) {
        CAPTURE(request.target);
        CHECK(to_string(request.origin) == "https://faas.example");
        CHECK(request.headers.get("Authorization") == access.authorization.reveal());
        CHECK(request.headers.get("Accept") == "application/json");
        CHECK(request.headers.refused().empty());
    }
}

TEST_CASE("pitfall 9 (OpenWhisk): an action in a package is addressed by both names, each of them encoded") {
    const auto api = api_of("my tools@1", "a&b");
    REQUIRE(!api.misconfigured());
    const auto access = access_of("https://faas.example/proxy", "some space");
    CHECK(api.action(JobId{3U}) == "my tools@1/a&b-job-3");
    const std::string below = "/proxy/api/v1/namespaces/some%20space";
    CHECK(api.action_target(access, JobId{3U}) == below + "/actions/my%20tools%401/a%26b-job-3");
    CHECK(api.get_action(access, JobId{3U}).target == api.action_target(access, JobId{3U}) + "?code=false");
    CHECK(api.list_actions(access, 0).target == below + "/actions/my%20tools%401/?limit=200&skip=0");
    const auto package = api.put_package(access);
    CHECK(package.verb == Verb::put);
    CHECK(package.target == below + "/packages/my%20tools%401?overwrite=true");
    CHECK(package.body.view() == "{}");
    CHECK(api.get_package(access).target == below + "/packages/my%20tools%401");
    CHECK(api.list_activations(access, JobId{3U}, 1).target ==
          below + "/activations?name=my%20tools%401/a%26b-job-3&limit=1");
    // What an answer calls an activation leads nowhere else.
    CHECK(api.get_activation(access, "../x?y#z").target == below + "/activations/..%2Fx%3Fy%23z");
    CHECK(api.get_namespaces(access).target == "/proxy/api/v1/namespaces");
}

TEST_CASE("openwhisk: what a host offers is asked for where it tells it, and without the credential") {
    const auto api = api_of();
    for (const auto& [host, digitalocean, target] :
         std::vector<std::tuple<std::string_view, bool, std::string>>{{"https://faas.example", true, "/api/v1"},
                                                                      {"https://faas.example", false, "/"},
                                                                      {"https://faas.example/ow", true, "/ow/api/v1"},
                                                                      {"https://faas.example/ow", false, "/ow/"}}) {
        const auto request = api.get_offer(access_of(host), digitalocean);
        CHECK(request.target == target);
        CHECK(request.verb == Verb::get);
        CHECK(to_string(request.origin) == "https://faas.example");
        CHECK(!request.headers.get("Authorization").has_value());
    }
}

TEST_CASE("openwhisk: answers that repeat code may be as long as the code is") {
    const auto api = api_of();
    const auto access = access_of();
    CHECK(api.put_action(access, JobId{7U}, Body{std::string(5U << 20U, 'a')}).max_response_bytes > 5U << 20U);
    CHECK(api.delete_action(access, JobId{7U}).max_response_bytes > 48U << 20U);
    CHECK(api.get_action(access, JobId{7U}).max_response_bytes < 8U << 20U);
    CHECK(api.get_package(access).max_response_bytes >= 16U << 20U);  // it lists its actions
}

TEST_CASE("openwhisk: an action is a job's only if its name is the one that the job has") {
    const auto api = api_of();
    CHECK(api.job_of("blueprint-job-7") == JobId{7U});
    CHECK(api.job_of("blueprint-job-0") == JobId{0U});
    CHECK(api.job_of("blueprint-job-4294967295") == JobId{4294967295U});
    for (const auto* const name :
         {"blueprint-job-07", "blueprint-job-", "blueprint-job-7x", "blueprint-job--7", "blueprint-job-+7",
          "blueprint-job-4294967296", "blueprint-job- 7", "other-job-7", "xblueprint-job-7", "blueprint-7", "",
          "package/blueprint-job-7", "blueprint-job-7/"})
        CHECK_MESSAGE(!api.job_of(name).has_value(), name);
    const auto packaged = api_of("tools");
    CHECK(packaged.job_of("tools/blueprint-job-7") == JobId{7U});
    CHECK(packaged.job_of("blueprint-job-7") == JobId{7U});
    CHECK(!packaged.job_of("other/blueprint-job-7").has_value());
    CHECK(!packaged.job_of("tools/tools/blueprint-job-7").has_value());
    CHECK(!packaged.job_of("toolsblueprint-job-7").has_value());
    // A prefix that ends as another's names do takes none of them.
    CHECK(!api_of({}, "blueprint-job-1").job_of("blueprint-job-1").has_value());
    for (const auto id : {JobId{0U}, JobId{7U}, JobId{4294967295U}}) {
        CHECK(api.job_of(api.action(id)) == id);
        CHECK(packaged.job_of(packaged.action(id)) == id);
    }
}

TEST_CASE("openwhisk: options that it would refuse are refused before anything is sent, and named") {
    struct Row {
        std::string names;
        std::function<void(OpenWhiskActionOptions&)> change;
    };
    const std::vector<Row> rows{
        {"prefix", [](auto& o) { o.prefix.clear(); }},
        {"prefix", [](auto& o) { o.prefix = "-blueprint"; }},
        {"prefix", [](auto& o) { o.prefix = "blue/print"; }},
        {"prefix", [](auto& o) { o.prefix = "bl\xc3\xbc"; }},
        {"prefix", [](auto& o) { o.prefix = std::string(242, 'a'); }},
        {"package", [](auto& o) { o.package = ".."; }},
        {"package", [](auto& o) { o.package = "a "; }},
        {"package", [](auto& o) { o.package = std::string(257, 'a'); }},
        {"package 'default'", [](auto& o) { o.package = "default"; }},
        {"kind", [](auto& o) { o.kind = "nodejs"; }},
        {"kind", [](auto& o) { o.kind = "nodejs:"; }},
        {"kind", [](auto& o) { o.kind = "nodejs:20:1"; }},
        {"kind", [](auto& o) { o.kind = "nodejs:2\"0"; }},
        {"'go:1.24'", [](auto& o) { o.kind = "go:1.24"; }},
        {"'nodejs:22'",
         [](auto& o) {
             o.kind = "nodejs:22";
             o.way = OpenWhiskWay::action_loop;
         }},
        {"exec_env", [](auto& o) { o.exec_env = "openwhisk/action-golang-v1.24"; }},
        {"exec_env",
         [](auto& o) {
             o.way = OpenWhiskWay::action_loop;
             o.exec_env = "a\nb";
         }},
        {"log_mib", [](auto& o) { o.log_mib = 11; }},
        {"instance_calls", [](auto& o) { o.instance_calls = 0; }},
        {"'final'", [](auto& o) { o.annotations["final"] = "true"; }},
        {"'web-export'", [](auto& o) { o.annotations["web-export"] = "true"; }},
        {"'provide-api-key'", [](auto& o) { o.annotations["provide-api-key"] = "true"; }},
        {"'blueprint-package'", [](auto& o) { o.annotations["blueprint-package"] = "x"; }},
        {"'a,b'", [](auto& o) { o.annotations["a,b"] = "x"; }},
        {"''", [](auto& o) { o.annotations[""] = "x"; }},
        {"'a b'", [](auto& o) { o.annotations["a\nb"] = "x"; }},
        {"'team'", [](auto& o) { o.annotations["team"] = "\xff"; }},
        {"1 MiB",
         [](auto& o) {
             o.annotations["a"] = std::string(1U << 19U, 'a');
             o.annotations["b"] = std::string(1U << 19U, 'a');
         }},
        {"max_body_bytes", [](auto& o) { o.max_body_bytes = 0; }},
        {"first_poll", [](auto& o) { o.first_poll = 0ms; }},
        {"max_poll", [](auto& o) { o.max_poll = 99ms; }},
        {"warm_hold", [](auto& o) { o.warm_hold = -1ms; }},
    };
    for (const auto& row : rows) {
        CAPTURE(row.names);
        OpenWhiskActionOptions options;
        row.change(options);
        const OpenWhiskApi api{options};
        REQUIRE(api.misconfigured().has_value());
        CHECK(api.misconfigured()->code == errc::invalid_configuration);
        CHECK(api.misconfigured()->execution == Execution::not_started);
        CHECK_MESSAGE(says(*api.misconfigured(), row.names), api.misconfigured()->message);
    }
    const std::vector<std::function<void(OpenWhiskActionOptions&)>> good{
        [](auto&) {},
        [](auto& o) { o.prefix = std::string(241, 'a'); },
        [](auto& o) { o.package = "_tools.v1-x y"; },
        [](auto& o) { o.kind = "nodejs:22"; },
        [](auto& o) { o.kind = "nodejs:default"; },
        [](auto& o) {
            o.way = OpenWhiskWay::action_loop;
            o.kind = "rust:1.34";
            o.exec_env = "openwhisk/action-rust-v1.34";
        },
        [](auto& o) { o.annotations["team"] = "data"; },
        [](auto& o) { o.warm_hold = 0ms; },
    };
    for (const auto& change : good) {
        OpenWhiskActionOptions options;
        change(options);
        const OpenWhiskApi api{options};
        CHECK_MESSAGE(!api.misconfigured().has_value(), api.misconfigured().value_or(Error{}).message);
    }
}

TEST_CASE("openwhisk: refusals are told as what they are, with the transaction that its support asks for") {
    struct Row {
        unsigned status;
        errc code;
        bool retryable;
        Execution execution;
    };
    const std::vector<Row> rows{
        {400, errc::invalid_configuration, false, Execution::not_started},
        {401, errc::authentication, false, Execution::not_started},
        {403, errc::authentication, false, Execution::not_started},
        {404, errc::not_found, false, Execution::not_started},
        {405, errc::unsupported, false, Execution::not_started},
        {408, errc::infrastructure, true, Execution::unknown},
        {409, errc::conflict, false, Execution::not_started},
        {413, errc::invalid_configuration, false, Execution::not_started},
        {415, errc::invalid_configuration, false, Execution::not_started},
        {429, errc::throttled, true, Execution::not_started},
        {500, errc::infrastructure, true, Execution::unknown},
        {502, errc::infrastructure, true, Execution::unknown},
        {503, errc::infrastructure, true, Execution::unknown},
        {418, errc::serialization, false, Execution::not_started},
    };
    for (const auto& row : rows) {
        CAPTURE(row.status);
        const auto error = judged(row.status, R"({"error":"said so","code":"4MljUiq9nU9JnOXMNTWlyT5NyIQTYZdZ"})");
        CHECK(error.code == row.code);
        CHECK(error.retryable == row.retryable);
        CHECK(error.execution == row.execution);
        CHECK(error.http_status == row.status);
        CHECK(says(error, "said so"));
        CHECK(error.request_id == "4MljUiq9nU9JnOXMNTWlyT5NyIQTYZdZ");
    }
    for (const unsigned status : {200U, 202U, 204U})
        CHECK(!OpenWhiskApi::judge(HttpResponse{.status = status, .body = R"({"error":"no"})"}).has_value());
    CHECK(judged(404, R"({"error":"gone","code":1234567})").request_id == "1234567");
    CHECK(judged(404, R"({"error":"gone"})", "X-Request-ID", "abcdef").request_id == "abcdef");
    CHECK(judged(404, R"({"error":"gone\nand away\u0007"})").message == "gone and away ");
    CHECK(says(judged(418, R"({"error":"odd"})"), "that is an answer which OpenWhisk's API does not have"));
    CHECK(judged(500, "").message.starts_with("OpenWhisk answered HTTP 500"));
    CHECK(judged(429, R"({"error":"Too many requests in the last minute (count: 121, allowed: 120)."})", "Retry-After",
                 "7")
              .retry_after == 7s);
    const auto moved = judged(301, "", "Location", "https://elsewhere.example/x?token=hidden-word");
    CHECK(moved.code == errc::infrastructure);
    CHECK(!moved.retryable);
    CHECK(says(moved, "https://elsewhere.example/x"));
    CHECK(!says(moved, "hidden-word"));
}

TEST_CASE("C11: an action is absent only if OpenWhisk itself says so, not a page or a proxy") {
    for (const auto* const body : {"<html><head><title>404 Not Found</title></head><body>nginx</body></html>", "",
                                   "not found", R"({"message":"no route"})", R"({"error":{"message":"x"}})", "[]"}) {
        CAPTURE(body);
        const auto error = judged(404, body);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "not said by OpenWhisk's API"));
    }
    CHECK(judged(404, R"({"error":"The requested resource does not exist.","code":"x"})").code == errc::not_found);
}

TEST_CASE("pitfalls 2 and 3 (OpenWhisk): what is too large is told as that, from whoever says it and however") {
    const std::string page = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>";
    for (const auto& [status, body] : std::vector<std::pair<unsigned, std::string>>{
             {413, page},
             {413, R"({"error":"The code size is too large.","code":"x"})"},
             {500, "EntityStreamSizeException: actual entity size exceeded content length limit (52428800 bytes)!"}}) {
        CAPTURE(body);
        const auto error = judged(status, body);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.platform_code == "TOO_LARGE");
        CHECK(error.http_status == status);
        CHECK(!error.retryable);
        CHECK(says(error, "35 MiB"));
    }
    CHECK(says(judged(413, page), "413 Request Entity Too Large"));
    CHECK(!says(judged(413, page), "<"));
    CHECK(judged(500, R"({"error":"There was an internal server error."})").code == errc::infrastructure);
}

TEST_CASE("pitfalls 9 and 13 (OpenWhisk): refusals whose words do not help say what to do") {
    const auto taken =
        judged(409, R"({"error":"Resource by this name exists but is not in this collection.","code":"x"})");
    CHECK(says(taken, "a package has that name"));
    CHECK(!OpenWhiskApi::is_concurrent_change(taken));
    const auto changed = judged(409, R"({"error":"Concurrent modification to resource detected.","code":"x"})");
    CHECK(changed.code == errc::conflict);
    CHECK(OpenWhiskApi::is_concurrent_change(changed));
    CHECK(!OpenWhiskApi::is_concurrent_change(judged(500, R"({"error":"Concurrent modification"})")));
    CHECK(says(judged(403, R"({"error":"The supplied authentication is not authorized to access this resource."})"),
               "leave the namespace `_`"));
    CHECK(says(judged(403, R"({"error":"not authorized to use actions of kind 'go:1.24'."})"),
               "OpenWhiskActionOptions::kind"));
    CHECK(says(judged(401, R"({"error":"The supplied authentication is invalid."})"), "check the credential"));
    // A refusal that repeats the credential is cleaned by what asks, with the header field that the request has.
    const auto request = api_of().get_namespaces(access_of());
    auto echoed = judged(401, R"({"error":"bad )" + std::string{access_of().authorization.reveal()} + R"("})");
    detail::redact(echoed, request.headers);
    CHECK(!says(echoed, access_of().authorization.reveal().substr(6)));
}

}  // namespace openwhisk_api_test
