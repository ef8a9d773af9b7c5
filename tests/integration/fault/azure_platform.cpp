// Azure in memory; tokens are asked for with an application's secret.
#include "blueprint/faas/auth/azure/chain.hpp"
#include "blueprint/faas/auth/azure/client_secret.hpp"
#include "blueprint/faas/auth/azure_ad.hpp"
#include "blueprint/faas/codec/azure_functions.hpp"
#include "passing_world.hpp"
#include "platform.hpp"
#include "reach.hpp"
#include "support/fake_azure_app.hpp"
#include "support/source_world.hpp"

namespace azure_platform {

using namespace tests;
using Secrets = blueprint::faas::azure::credentials::ClientSecret;
using Tokens = blueprint::faas::azure::Chain<Secrets>;
using Auth = AzureAd<Tokens>;
using Executor = FaasExecutor<AnyTransport, Auth, AzureFunctionsCodec<>>;

namespace {

class AzurePlatform final : public Platform {
public:
    AzurePlatform() {
        secrets = {"client-secret-of-the-app", "access-token",       "storage-token",
                   fake_.arm.function_key,     fake_.arm.master_key, "sig="};
        token_host = "login.microsoftonline.com";
        job.truth.function_id.clear();  // the app's name, once there is one
        job.truth.spec = "v4";
        job.config.timeout = std::chrono::seconds{60};
    }
    bool has(Operation operation) const override { return tests::has<Executor>(operation); }
    std::unique_ptr<Client> client(AnyTransport transport, const ExecutorOptions& limits) override {
        Tokens tokens{reach_over(transport, around_),
                      {},
                      Secrets{{.tenant = "22222222-3333-4444-8555-666666666666",
                               .client_id = "33333333-4444-4555-8666-777777777777",
                               .secret = Secret{"client-secret-of-the-app"}}}};
        AzureFunctionsOptions options;
        options.subscription = tests::azure::subscription;
        options.resource_group = tests::azure::group;
        options.location = "westeurope";
        return std::make_unique<ClientOf<Executor>>(
            Executor{transport, Auth{std::move(tokens)}, AzureFunctionsCodec<>{std::move(options), around_},
                     resilience(), limits},
            job);
    }
    result<HttpResponse> answer(const HttpRequest& request) override {
        if (request.origin.host == "login.microsoftonline.com") return give_token(request);
        fake_.storage.now = around_.now();
        const bool called = request.verb == Verb::post && request.origin.host.ends_with(".azurewebsites.net") &&
                            request.target.starts_with("/api/run");
        if (called && request.headers.get("X-Blueprint-Warm-Ms"))
            return HttpResponse{.status = 200, .body = R"({"warm":true,"instance":"i","cold_start":true})"};
        if (request.target.starts_with("/admin/host/status"))
            return HttpResponse{.status = 200, .body = R"({"state":"Running","errors":[]})"};
        auto given = fake_.answer(request);
        if (!fake_.arm.sites.empty() && job.truth.function_id.empty())
            job.truth.function_id = fake_.arm.sites.begin()->first;
        if (!called || !given || given->status != 200) return given;
        ++runs_;
        given->body = request.body.view();
        return given;
    }
    std::size_t runs() const override { return runs_; }
    bool gives_results(const std::string& address) const override { return address.ends_with("/api/run"); }

private:
    static HttpResponse give_token(const HttpRequest& request) {
        const auto form = request.body.view();
        if (form_field(form, "client_secret") != "client-secret-of-the-app")
            return {.status = 401, .body = R"({"error":"invalid_client"})"};
        const bool storage = form_field(form, "scope").starts_with("https://storage.");
        return {.status = 200,
                .body = R"({"token_type":"Bearer","expires_in":3599,"access_token":")" +
                        std::string{storage ? "storage-token" : "access-token"} + "\"}"};
    }

    PassingWorld around_{};
    FakeAzureApps fake_{};
    std::size_t runs_ = 0;
};

}  // namespace
}  // namespace azure_platform

std::unique_ptr<tests::Platform> tests::make_azure() { return std::make_unique<azure_platform::AzurePlatform>(); }
