#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AZURE_APP_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AZURE_APP_FIXTURE_HPP

#include "blueprint/faas/auth/azure_ad.hpp"
#include "blueprint/faas/codec/azure_functions.hpp"
#include "blueprint/faas/executor.hpp"
#include "support/fake_transport.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tests {

namespace faas = blueprint::faas;

/// An app that is there, with its host and its place in the management API; what is asked of it is written down.
struct FakeAzureApp {
    std::vector<std::string> lines{};  ///< "POST https://my-app.azurewebsites.net/api/run"
    std::vector<faas::HttpRequest> calls{};
    std::string host = "my-app-abc123.westeurope-01.azurewebsites.net";
    std::string key = "function-key-of-the-app-1";
    std::string master_key = "master-key-of-the-app-1";
    bool there = true;
    std::string state = "Running";
    int keys_untold = 0;                               ///< so often the host cannot tell its keys yet
    std::vector<faas::HttpResponse> calls_answered{};  ///< to calls, in order; then comes `usual_answer`
    faas::HttpResponse usual_answer{.status = 200};
    faas::HttpResponse health{.status = 200, .body = R"({"status":"healthy","instance":"i1","jobs":[0,7]})"};
    faas::HttpResponse host_status{.status = 200, .body = R"({"id":"x","state":"Running","errors":[]})"};

    FakeAzureApp() { usual_answer.headers.set("Content-Type", "application/octet-stream"); }

    faas::HttpResponse answer(const faas::HttpRequest& request) {
        const auto line = std::string{to_string(request.verb)} + ' ' + to_string(request.origin) + request.target;
        lines.push_back(line.substr(0, line.find('?')));
        const auto path = request.target.substr(0, request.target.find('?'));
        return request.origin.host == "management.azure.com" ? manage(request, path) : run(request, path);
    }
    /// What was asked since the last time, shortened.
    std::vector<std::string> asked() {
        std::vector<std::string> out;
        for (auto& line : std::exchange(lines, {})) {
            const auto at = line.find("/sites/my-app");
            if (at != std::string::npos) line.replace(line.find(' ') + 1, at - line.find(' ') - 1, "site:");
            const auto base = line.find("https://" + host);
            if (base != std::string::npos) line.replace(base, host.size() + 8, "app:");
            out.push_back(line);
        }
        return out;
    }

private:
    faas::HttpResponse manage(const faas::HttpRequest& request, const std::string& path) {
        CHECK(request.headers.get("Authorization") == "Bearer management-token");
        CHECK_FALSE(request.headers.get("x-functions-key").has_value());
        if (!there)
            return {.status = 404, .body = R"({"error":{"code":"ResourceNotFound","message":"It was not found."}})"};
        if (path.ends_with("/host/default/listkeys")) {
            if (keys_untold-- > 0)
                return {.status = 400,
                        .body = R"({"Code":"BadRequest","Message":"Encountered an error (ServiceUnavailable) from )"
                                R"(host runtime.","Target":null,"Details":[],"Innererror":null})"};
            return {.status = 200,
                    .body = R"({"masterKey":")" + master_key + R"(","functionKeys":{"default":")" + key +
                            R"("},"systemKeys":{}})"};
        }
        if (path.ends_with("/sites/my-app") && request.verb == faas::Verb::get)
            return {.status = 200,
                    .body = R"({"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/my-app",)"
                            R"("name":"my-app","kind":"functionapp,linux","location":"West Europe","properties":)"
                            R"({"state":")" +
                            state + R"(","defaultHostName":")" + host + R"(","hostNameSslStates":[{"name":"scm.)" +
                            host + R"(","hostType":"Repository"}]}})"};
        FAIL("not expected: " << path);
        return {};
    }
    faas::HttpResponse run(const faas::HttpRequest& request, const std::string& path) {
        CHECK_FALSE(request.headers.get("Authorization").has_value());
        CHECK(request.target.find('?') == std::string::npos);
        if (request.origin.host != host)
            return {.status = 404, .body = "<html><h1>404 Web Site not found.</h1></html>"};
        const auto shown = request.headers.get("x-functions-key").value_or("");
        if (path == "/admin/host/status") {
            if (shown != master_key) return {.status = 401};
            return host_status;
        }
        if (path != "/api/run") return {.status = 404};
        if (shown != key) return {.status = 401};
        if (request.verb == faas::Verb::get) return health;
        calls.push_back(request);
        if (calls_answered.empty()) {
            auto out = usual_answer;
            if (out.body.empty()) out.body = request.body.view();
            return out;
        }
        auto next = std::move(calls_answered.front());
        calls_answered.erase(calls_answered.begin());
        return next;
    }
};

inline faas::AzureFunctionsOptions azure_app_options() {
    faas::AzureFunctionsOptions options;
    options.subscription = "11111111-2222-4333-8444-555555555555";
    options.resource_group = "g";
    options.app = "my-app";
    options.first_poll = {};
    options.max_poll = {};
    return options;
}
/// Those of one whose app is known, so that no management API is needed.
inline faas::AzureFunctionsOptions known_azure_app() {
    faas::AzureFunctionsOptions options;
    options.app_url = "https://" + FakeAzureApp{}.host;
    options.function_key = FakeAzureApp{}.key;
    return options;
}

/// An executor before such an app, with real authorisation. Nothing is waited for.
template <class Format = faas::Binary>
struct AzureOf {
    using Codec = faas::AzureFunctionsCodec<Format>;
    using Auth = faas::AzureAd<faas::azure::FixedTokens>;
    using executor_type = faas::FaasExecutor<FakeTransport<FakeAzureApp>, Auth, Codec>;

    explicit AzureOf(faas::AzureFunctionsOptions options = azure_app_options(),
                     std::shared_ptr<FakeAzureApp> shared = std::make_shared<FakeAzureApp>(),
                     std::function<int()> stops = {})
        : app{std::move(shared)},
          executor{FakeTransport<FakeAzureApp>{io.get_executor(), app, std::move(stops)},
                   Auth{faas::azure::FixedTokens{
                       {{faas::azure::public_cloud.management_scope(), faas::Secret{"management-token"}}}}},
                   Codec{std::move(options)},
                   faas::StandardResilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}}} {}

    faas::result<faas::Invocation> invoke(faas::JobCall call) {
        return run(io, executor.invoke_with_metrics(std::move(call)));
    }

    boost::asio::io_context io{};
    std::shared_ptr<FakeAzureApp> app;
    executor_type executor;
};
using Azure = AzureOf<>;

}  // namespace tests

#endif
