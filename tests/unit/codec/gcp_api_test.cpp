#include "blueprint/faas/codec/gcp_api.hpp"

#include "blueprint/faas/codec/gcp_service_config.hpp"
#include "gcp_fixture.hpp"

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gcp_api_test {

using namespace blueprint::faas;
using detail::GoogleApi;
using detail::GoogleDeployed;
using tests::failed;
using tests::google_options;
using tests::ok;

namespace {

HttpResponse answered(unsigned status, std::string body) { return {.status = status, .body = std::move(body)}; }

std::string status_json(int code, const std::string& name, const std::string& message,
                        const std::string& details = "[]") {
    return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":")" + message + R"(","status":")" + name +
           R"(","details":)" + details + "}}";
}

Error judged(const HttpResponse& answer) {
    auto error = GoogleApi::judge(answer);
    REQUIRE(error.has_value());
    return *error;
}

detail::GoogleServiceConfig checked(const GoogleCloudOptions& options, const FaasConfig& config) {
    GoogleDeployed what;
    what.job = 7U;
    what.package_sha256 = std::string(32, 'a') + std::string(32, 'b');
    return ok(detail::google_service_config(options, config, what));
}
Error refused(const GoogleCloudOptions& options, const FaasConfig& config) {
    return failed(detail::google_service_config(options, config, GoogleDeployed{}));
}
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("google: refusals of its APIs are read by status, and say whether asking again may help") {
    struct Row {
        unsigned status;
        std::string name;
        errc code;
        bool retryable;
    };
    const std::vector<Row> rows{{400, "INVALID_ARGUMENT", errc::invalid_configuration, false},
                                {400, "FAILED_PRECONDITION", errc::invocation_failed, false},
                                {401, "UNAUTHENTICATED", errc::authentication, true},
                                {403, "PERMISSION_DENIED", errc::authentication, false},
                                {404, "NOT_FOUND", errc::not_found, false},
                                {409, "ALREADY_EXISTS", errc::conflict, false},
                                {409, "ABORTED", errc::conflict, false},
                                {429, "RESOURCE_EXHAUSTED", errc::throttled, true},
                                {500, "INTERNAL", errc::infrastructure, true},
                                {501, "UNIMPLEMENTED", errc::unsupported, false},
                                {503, "UNAVAILABLE", errc::infrastructure, true},
                                {504, "DEADLINE_EXCEEDED", errc::infrastructure, true}};
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto error = judged(answered(row.status, status_json(static_cast<int>(row.status), row.name, "why")));
        CHECK(error.code == row.code);
        CHECK(error.retryable == row.retryable);
        CHECK(error.platform_code == row.name);
        CHECK(error.http_status == row.status);
        CHECK(error.message.starts_with("why"));
    }
    CHECK_FALSE(GoogleApi::judge(answered(200, "{}")).has_value());
    CHECK(judged(answered(302, "")).code == errc::infrastructure);
    CHECK(judged(answered(418, "")).code == errc::serialization);
    auto slow =
        answered(429, status_json(429, "RESOURCE_EXHAUSTED", "quota",
                                  R"([{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.5s"}])"));
    CHECK(judged(slow).retry_after == std::chrono::milliseconds{3500});
    slow = answered(503, "busy");
    slow.headers.set("Retry-After", "7");
    CHECK(judged(slow).retry_after == std::chrono::seconds{7});
}

TEST_CASE("C11: only the API's own word says that something is absent, not a page of somebody's") {
    CHECK(judged(answered(404, status_json(404, "NOT_FOUND", "no function"))).code == errc::not_found);
    const auto page = judged(answered(404, "<!DOCTYPE html><html><title>Error 404 (Not Found)!!1</title></html>"));
    CHECK(page.code == errc::invalid_configuration);
    CHECK(says(page, "Error 404 (Not Found)!!1"));
    CHECK(says(page, "check the endpoint"));
    CHECK(judged(answered(502, "<html>Bad Gateway</html>")).retryable);
}

TEST_CASE("google: Storage's two other forms of refusals are read, and no signature is shown") {
    const auto legacy = judged(answered(
        404, R"({"error":{"code":404,"message":"The specified bucket does not exist.","errors":[{"domain":"global",)"
             R"("reason":"notFound","message":"The specified bucket does not exist."}]}})"));
    CHECK(legacy.code == errc::not_found);
    CHECK(legacy.platform_code == "notFound");
    CHECK(judged(answered(403, R"({"error":{"code":403,"message":"slow","errors":[{"reason":"rateLimitExceeded"}]}})"))
              .code == errc::throttled);
    const auto xml =
        judged(answered(403,
                        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>SignatureDoesNotMatch</Code>"
                        "<Message>It does not match.</Message><StringToSign>PUT secret</StringToSign></Error>"));
    CHECK(xml.code == errc::authentication);
    CHECK(xml.platform_code == "SignatureDoesNotMatch");
    CHECK(says(xml, "It does not match."));
    CHECK_FALSE(says(xml, "secret"));
}

TEST_CASE("GCP pitfall 12: a disabled API is told with its name and the address where it is enabled") {
    const auto error = judged(answered(
        403,
        status_json(403, "PERMISSION_DENIED", "Cloud Run Admin API has not been used in project 1 before.",
                    R"([{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED",)"
                    R"("domain":"googleapis.com","metadata":{"service":"run.googleapis.com","activationUrl":)"
                    R"("https://console.developers.google.com/apis/api/run.googleapis.com/overview?project=1"}}])")));
    CHECK(error.code == errc::authentication);
    CHECK_FALSE(error.retryable);
    CHECK(says(error, "SERVICE_DISABLED"));
    CHECK(says(error, "enable run.googleapis.com"));
    CHECK(says(error, "https://console.developers.google.com/apis/api/run.googleapis.com/overview?project=1"));
    const auto by_help = judged(answered(
        403, status_json(403, "PERMISSION_DENIED", "disabled",
                         R"([{"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"x","url":)"
                         R"("https://console.example/enable"}]},{"@type":"type.googleapis.com/google.rpc.ErrorInfo",)"
                         R"("reason":"SERVICE_DISABLED","metadata":{"service":"run.googleapis.com"}}])")));
    CHECK(says(by_help, "https://console.example/enable"));
    const auto lacking = judged(answered(
        403, status_json(403, "PERMISSION_DENIED", "denied",
                         R"([{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED",)"
                         R"("metadata":{"permission":"run.services.create"}}])")));
    CHECK(says(lacking, "grant the credential run.services.create"));
    const auto field = judged(answered(
        400, status_json(400, "INVALID_ARGUMENT", "bad",
                         R"([{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":)"
                         R"("service_config.timeout","description":"too long"}]}])")));
    CHECK(says(field, "service_config.timeout: too long"));
}

TEST_CASE("google: operations tell how they go on; GCP pitfall 15: code 8 alone may be tried again") {
    const auto going = ok(GoogleApi::read_operation(
        answered(200, R"({"name":"projects/p/locations/r/operations/o","metadata":{"stages":[)"
                      R"({"name":"ARTIFACT_REGISTRY","state":"COMPLETE"},)"
                      R"({"name":"BUILD","state":"IN_PROGRESS","message":"Build in progress"},)"
                      R"({"name":"SERVICE","state":"NOT_STARTED"}]}})")));
    CHECK_FALSE(going.done);
    CHECK(going.progress == "BUILD: Build in progress");
    CHECK_FALSE(going.failed.has_value());
    CHECK(ok(GoogleApi::read_operation(answered(200, R"({"name":"operations/o","done":true,"response":{}})"))).done);
    const auto failure = [](int code) {
        return ok(GoogleApi::read_operation(answered(200, R"({"name":"operations/o","done":true,"error":{"code":)" +
                                                              std::to_string(code) + R"(,"message":"it failed"}})")));
    };
    for (int code = 1; code <= 16; ++code) {
        CAPTURE(code);
        const auto operation = failure(code);
        REQUIRE(operation.failed.has_value());
        CHECK(operation.failed->retryable == (code == 8));
        CHECK(operation.failed->message.starts_with("it failed"));
    }
    CHECK(failure(3).failed->code == errc::invalid_configuration);
    CHECK(failure(7).failed->code == errc::authentication);
    CHECK(failure(8).failed->code == errc::throttled);
    CHECK(failure(13).failed->code == errc::invocation_failed);
    for (const std::string bad : {"[]", "{}", R"({"name":"operations/../secrets"})", R"({"name":"operations/o?x=1"})"})
        CHECK(failed(GoogleApi::read_operation(answered(200, bad))).code == errc::serialization);
}

TEST_CASE("G7: callers are added to a policy, and all else in it stays") {
    const std::vector<std::string> members{"serviceAccount:a@p.iam.gserviceaccount.com", "group:b@example.com"};
    const auto policy = answered(
        200, R"({"version":3,"etag":"BwX","bindings":[{"role":"roles/run.admin","members":["user:x@example.com"]},)"
             R"({"role":"roles/run.invoker","members":["group:B@Example.com"],"condition":{"title":"office hours",)"
             R"("expression":"request.time.getHours() < 17"}},)"
             R"({"role":"roles/run.invoker","members":["serviceAccount:A@p.iam.gserviceaccount.com"]}],)"
             R"("auditConfigs":[{"service":"allServices"}]})");
    const auto body = ok(GoogleApi::add_invokers(policy, members));
    REQUIRE(body.has_value());
    // The group is in a binding that holds at times only, so it lacks the role; the account has it, spelt otherwise.
    CHECK((boost::json::parse(*body) ==
           boost::json::parse(
               R"({"updateMask":"bindings,etag,version","policy":{"version":3,"etag":"BwX","bindings":[)"
               R"({"role":"roles/run.admin","members":["user:x@example.com"]},)"
               R"({"role":"roles/run.invoker","members":["group:B@Example.com"],"condition":{"title":"office hours",)"
               R"("expression":"request.time.getHours() < 17"}},)"
               R"({"role":"roles/run.invoker","members":["serviceAccount:A@p.iam.gserviceaccount.com",)"
               R"("group:b@example.com"]}],"auditConfigs":[{"service":"allServices"}]}})")));
    const auto first = ok(GoogleApi::add_invokers(answered(200, R"({"etag":"ACAB"})"), {"allUsers"}));
    REQUIRE(first.has_value());
    CHECK((boost::json::parse(*first) ==
           boost::json::parse(R"({"policy":{"etag":"ACAB","version":3,"bindings":[{"role":"roles/run.invoker",)"
                              R"("members":["allUsers"]}]},"updateMask":"bindings,etag,version"})")));
    CHECK_FALSE(ok(GoogleApi::add_invokers(policy, {members[0]})).has_value());
    CHECK_FALSE(ok(GoogleApi::add_invokers(policy, {})).has_value());
    CHECK(failed(GoogleApi::add_invokers(answered(200, "[]"), members)).code == errc::serialization);
    CHECK(failed(GoogleApi::add_invokers(answered(200, R"({"bindings":1})"), members)).code == errc::serialization);
}

TEST_CASE("google: options that cannot work are told at once, and calls of known services need no project") {
    const auto wrong = [](auto alter) {
        auto options = google_options();
        alter(options);
        const GoogleApi api{options};
        return api.misconfigured().has_value();
    };
    CHECK_FALSE(wrong([](GoogleCloudOptions&) {}));
    CHECK_FALSE(wrong([](GoogleCloudOptions& o) { o.prefix = ""; }));
    CHECK_FALSE(wrong([](GoogleCloudOptions& o) { o.prefix = std::string(34, 'a'); }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.prefix = std::string(35, 'a'); }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.prefix = "Blue"; }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.prefix = "1st"; }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.prefix = "a_b"; }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.project = ""; }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.project = "p/../q"; }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.region = ""; }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.region = "europe west1"; }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.run_endpoint = "run.googleapis.com"; }));
    CHECK(wrong([](GoogleCloudOptions& o) { o.universe_domain = "a b"; }));
    GoogleCloudOptions known;
    known.job_urls = {{JobId{0U}, "https://job.example.com"}};
    const GoogleApi api{known};
    CHECK_FALSE(api.misconfigured().has_value());
    CHECK(api.cannot_manage().has_value());
    auto elsewhere = google_options();
    elsewhere.universe_domain = "example.org";
    const GoogleApi sovereign{elsewhere};
    CHECK(sovereign.request(detail::GoogleService::run, Verb::get, "/v2/x").origin.host == "run.example.org");
    CHECK(sovereign.is_googles(detail::GoogleService::run));
    CHECK(sovereign.job_of("projects/p/locations/r/services/blueprint-job-42") == JobId{42U});
    CHECK_FALSE(sovereign.job_of("blueprint-job-042").has_value());
    CHECK_FALSE(sovereign.job_of("blueprint-job-").has_value());
    CHECK_FALSE(sovereign.job_of("other-job-1").has_value());
}

TEST_CASE("G7: sizes of memory and shares of processors are read in all spellings") {
    const std::vector<std::pair<std::string, std::uint64_t>> sizes{
        {"512Mi", 512ULL << 20U}, {"1Gi", 1ULL << 30U},   {"512M", 512'000'000},  {"1G", 1'000'000'000},
        {"0.5Gi", 512ULL << 20U}, {"64k", 64'000},        {"64Ki", 65'536},       {"536870912", 512ULL << 20U},
        {"1.5G", 1'500'000'000},  {"32Gi", 32ULL << 30U}, {".5Gi", 512ULL << 20U}};
    for (const auto& [text, bytes] : sizes) {
        CAPTURE(text);
        CHECK(detail::read_memory_bytes(text) == bytes);
    }
    for (const std::string bad : {"", "Mi", "512MB", "512mi", "-1Gi", "1 Gi", "1.2.3Gi", "99999999999999999Gi"}) {
        CAPTURE(bad);
        CHECK_FALSE(detail::read_memory_bytes(bad).has_value());
    }
    const std::vector<std::pair<std::string, std::uint32_t>> shares{
        {"1", 1000}, {"0.5", 500}, {"500m", 500}, {"2.0", 2000}, {"0.3333", 333}, {"8", 8000}, {"1000m", 1000}};
    for (const auto& [text, milli] : shares) {
        CAPTURE(text);
        CHECK(detail::read_milli_cpu(text) == milli);
    }
    for (const std::string bad : {"", "m", "one", "1vCPU", "-1", "1Gi"}) CHECK_FALSE(detail::read_milli_cpu(bad));
}

TEST_CASE("G6: simultaneous calls are instances times the calls that each takes, exactly") {
    auto options = google_options();
    options.instance_concurrency = 8;
    FaasConfig config;
    auto out = checked(options, config);
    CHECK(out.concurrency == 8);
    CHECK(out.max_instances == 20);  // pitfall 10: never Google's own limit
    CHECK(out.environment.at("BLUEPRINT_CONCURRENCY").reveal() == "8");
    config.max_concurrency = 40;
    config.keep_warm = 3;
    out = checked(options, config);
    CHECK(out.max_instances == 5);
    CHECK(out.min_instances == 3);
    config.max_concurrency = 4;
    config.keep_warm = 1;
    out = checked(options, config);
    CHECK(out.concurrency == 4);
    CHECK(out.max_instances == 1);
    config.max_concurrency = 42;
    const auto error = refused(options, config);
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "40 or 48"));
    config.max_concurrency = 0;
    CHECK(says(refused(options, config), "max_concurrency is 0"));
    config.max_concurrency.reset();
    options.instance_concurrency = 0;
    CHECK(says(refused(options, config), "instance_concurrency"));
    options.instance_concurrency = 1001;
    CHECK(says(refused(options, config), "instance_concurrency"));
}

TEST_CASE("GCP pitfalls 10 and 11: instances at most and at least are explicit, and refusals name our settings") {
    auto options = google_options();
    FaasConfig config;
    config.keep_warm = 21;
    CHECK(says(refused(options, config), "keep_warm is 21"));
    options.max_instances = 0;
    config.keep_warm = 0;
    CHECK(says(refused(options, config), "max_instances is 0"));
    CHECK(says(judged(answered(400, status_json(400, "INVALID_ARGUMENT",
                                                "spec.template.metadata.annotations[autoscaling.knative.dev/maxScale]: "
                                                "maxScale may not exceed 10"))),
               "GoogleCloudOptions::max_instances"));
    CHECK(says(judged(answered(400, status_json(400, "INVALID_ARGUMENT",
                                                "metadata.annotations[autoscaling.knative.dev/minScale]: invalid"))),
               "keep_warm"));
}

TEST_CASE("google: processors go with the memory, and what Google has not is refused") {
    auto options = google_options();
    FaasConfig config;
    const auto cpu = [&](std::string text, std::uint32_t memory) {
        options.cpu = std::move(text);
        config.memory_mib = memory;
        return checked(options, config).cpu;
    };
    CHECK(cpu("", 512) == "1");
    CHECK(cpu("", 4096) == "1");
    CHECK(cpu("", 4097) == "2");
    CHECK(cpu("", 32'768) == "8");
    CHECK(cpu("500m", 512) == "500m");
    CHECK(cpu("0.5", 1024) == "500m");
    CHECK(cpu("2.0", 512) == "2");
    const auto no_cpu = [&](std::string text, std::uint32_t memory) {
        options.cpu = std::move(text);
        config.memory_mib = memory;
        return says(refused(options, config), "GoogleCloudOptions::cpu");
    };
    CHECK(no_cpu("3", 4096));
    CHECK(no_cpu("0.05", 128));
    CHECK(no_cpu("0.505", 512));
    CHECK(no_cpu("0.4", 1024));
    CHECK(no_cpu("0.5", 2048));
    CHECK(no_cpu("1", 8192));
    CHECK(no_cpu("4", 1024));
    CHECK(no_cpu("many", 512));
    options.instance_concurrency = 2;
    CHECK(no_cpu("0.5", 512));
}

TEST_CASE("google: settings that Google would refuse are refused first, and name the value") {
    const auto problem = [](auto alter) {
        auto options = google_options();
        FaasConfig config;
        alter(options, config);
        return refused(options, config).message;
    };
    using O = GoogleCloudOptions;
    using C = FaasConfig;
    const std::vector<std::pair<std::string, std::string>> told{
        {problem([](O&, C& c) { c.memory_mib = 127; }), "memory_mib is 127"},
        {problem([](O&, C& c) { c.memory_mib = 32'769; }), "memory_mib is 32769"},
        {problem([](O&, C& c) { c.timeout = std::chrono::seconds{0}; }), "timeout is 0 s"},
        {problem([](O&, C& c) { c.timeout = std::chrono::seconds{3601}; }), "timeout is 3601 s"},
        {problem([](O&, C& c) { c.env_vars = {{"PORT", "1"}}; }), "'PORT'"},
        {problem([](O&, C& c) { c.env_vars = {{"K_SERVICE", "1"}}; }), "'K_SERVICE'"},
        {problem([](O&, C& c) { c.env_vars = {{"FUNCTION_TARGET", "1"}}; }), "'FUNCTION_TARGET'"},
        {problem([](O&, C& c) { c.env_vars = {{"X_GOOGLE_A", "1"}}; }), "'X_GOOGLE_A'"},
        {problem([](O&, C& c) { c.env_vars = {{"BLUEPRINT_HTTP", "1"}}; }), "'BLUEPRINT_HTTP'"},
        {problem([](O&, C& c) { c.env_vars = {{"A-B", "1"}}; }), "'A-B'"},
        {problem([](O&, C& c) { c.env_vars = {{"A", "\xff"}}; }), "no UTF-8"},
        {problem([](O&, C& c) { c.env_vars = {{"A", std::string(32'769, 'x')}}; }), "32769 bytes"},
        {problem([](O& o, C&) { o.labels = {{"Team", "x"}}; }), "'Team'"},
        {problem([](O& o, C&) { o.labels = {{"team", "X"}}; }), "'team'"},
        {problem([](O& o, C&) { o.labels = {{"managed-by", "x"}}; }), "'managed-by'"},
        {problem([](O& o, C&) { o.labels = {{"blueprint-job", "x"}}; }), "'blueprint-job'"},
        {problem([](O& o, C&) { o.labels = {{"team", std::string(64, 'x')}}; }), "63"},
        {problem([](O& o, C&) {
             for (int i = 0; i < 57; ++i) o.labels.emplace("team-" + std::to_string(i), "x");
         }),
         "labels has 57"},
        {problem([](O& o, C&) { o.service_account = "jobs"; }), "service_account"},
        {problem([](O& o, C&) { o.ingress = "all"; }), "ingress"},
        {problem([](O& o, C&) { o.invokers = {"somebody"}; }), "'somebody'"},
    };
    for (const auto& [message, part] : told) {
        CAPTURE(message);
        CHECK(message.find(part) != std::string::npos);
    }
    CHECK(problem([](O&, C& c) { c.env_vars = {{"PORT", "a-value-not-to-be-seen"}}; }).find("not-to-be-seen") ==
          std::string::npos);
    auto options = google_options();
    options.labels = {{"team", "blue"}};
    const auto out = checked(options, FaasConfig{});
    CHECK(out.labels.at("blueprint-job") == "7");
    CHECK(out.labels.at("managed-by") == "blueprint-faas");
    CHECK(out.labels.at("team") == "blue");
    CHECK(detail::labelled_package(out.labels) == std::string(32, 'a') + std::string(32, 'b'));
    CHECK(out.memory == "512Mi");
    for (int i = 1; i < 56; ++i) options.labels.emplace("team-" + std::to_string(i), "x");
    CHECK(checked(options, FaasConfig{}).labels.contains("team-55"));
}

TEST_CASE("google: labels may be written in the letters of other languages, and are counted by letters") {
    auto options = google_options();
    const std::string fish = "\xd1\x80\xd1\x8b\xd0\xb1\xd0\xb0";
    const std::string letter = "\xd1\x80";
    options.labels = {{fish, letter}, {"team", "gr\xc3\xbcn-1"}};
    CHECK(checked(options, FaasConfig{}).labels.at(fish) == letter);
    CHECK(checked(options, FaasConfig{}).labels.at("team") == "gr\xc3\xbcn-1");
    std::string longest;
    for (int i = 0; i < 63; ++i) longest += letter;
    options.labels = {{"team", longest}};
    CHECK(checked(options, FaasConfig{}).labels.at("team") == longest);
    options.labels = {{"team", longest + letter}};
    CHECK(says(refused(options, FaasConfig{}), "63"));
    for (const std::string broken : {"\x80", "\xd1", "a\xc0\x80"}) {
        options.labels = {{"team", broken}};
        CHECK(says(refused(options, FaasConfig{}), "'team' has no value that Google takes"));
    }
}

}  // namespace gcp_api_test
