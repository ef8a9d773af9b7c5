// Google Cloud in memory; tokens are asked for by assertions of a service account.
#include "blueprint/faas/auth/gcp/chain.hpp"
#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/auth/google.hpp"
#include "blueprint/faas/codec/gcp_functions.hpp"
#include "blueprint/faas/codec/gcp_run.hpp"
#include "passing_world.hpp"
#include "platform.hpp"
#include "reach.hpp"
#include "support/fake_gcp_run.hpp"
#include "support/google_world.hpp"

#include <type_traits>

namespace gcp_platform {

using namespace tests;
using Tokens = blueprint::faas::gcp::Chain<blueprint::faas::gcp::credentials::JsonFile>;
using Auth = GoogleAuth<Tokens>;

namespace {

template <class Codec>
class GooglePlatform final : public Platform {
    using Executor = FaasExecutor<AnyTransport, Auth, Codec>;
    static constexpr bool run = std::same_as<Codec, CloudRunCodec<>>;

public:
    GooglePlatform() {
        const auto key = account_key().pkcs8();
        around_.files["/key.json"] = boost::json::serialize(service_account_json());
        secrets = {key.substr(40, 24), "access-token", "c2lnbmF0dXJl", "Bearer ey"};
        token_host = "oauth2.googleapis.com";
        job.truth.function_id = run ? "projects/p/locations/europe-west1/services/blueprint-job-0"
                                    : "projects/p/locations/europe-west1/functions/blueprint-job-0";
        job.truth.spec = "v2";
        fake_.invoked = [this](const HttpRequest& request) {
            ++runs_;
            HttpResponse echo{.status = 200};
            echo.headers.set("Content-Type", "application/octet-stream");
            echo.body = request.body.view();
            return echo;
        };
    }
    bool has(Operation operation) const override { return tests::has<Executor>(operation); }
    std::unique_ptr<Client> client(AnyTransport transport, const ExecutorOptions& limits) override {
        namespace source = blueprint::faas::gcp::credentials;
        Tokens tokens{reach_over(transport, around_), {}, source::JsonFile{"/key.json", {.self_signed = false}}};
        return std::make_unique<ClientOf<Executor>>(
            Executor{transport, Auth{std::move(tokens)}, codec(), resilience(), limits}, job);
    }
    result<HttpResponse> answer(const HttpRequest& request) override {
        if (request.origin.host == "oauth2.googleapis.com") return give_token(request);
        HttpRequest shown = request;
        const std::string field{request.headers.get("Authorization").value_or("")};
        // Who shows an ID token shows whom it is for.
        if (field.starts_with("Bearer ey"))
            shown.headers.set("Authorization",
                              "Bearer id-token for " + std::string{jwt_part(field.substr(7), 1).at("aud").as_string()});
        return fake_.answer(shown);
    }
    std::size_t runs() const override { return runs_; }
    bool gives_results(const std::string& address) const override {
        return address.find(".googleapis.com") == std::string::npos;
    }

private:
    Codec codec() {
        GoogleCloudOptions cloud;
        cloud.project = "p";
        cloud.region = "europe-west1";
        if constexpr (run) {
            CloudRunOptions options;
            options.cloud = std::move(cloud);
            return Codec{std::move(options), around_};
        } else {
            CloudFunctionOptions options;
            options.cloud = std::move(cloud);
            return Codec{std::move(options)};
        }
    }
    HttpResponse give_token(const HttpRequest& request) {
        const auto assertion = form_field(request.body.view(), "assertion");
        if (!account_key().has_signed(assertion)) return {.status = 400, .body = R"({"error":"invalid_grant"})"};
        const auto claims = jwt_part(assertion, 1);
        const auto now = std::chrono::system_clock::to_time_t(around_.now());
        if (const auto* audience = claims.if_contains("target_audience"))
            return {.status = 200, .body = R"({"id_token":")" + id_token(audience->as_string(), now + 3600) + "\"}"};
        return {.status = 200, .body = R"({"access_token":"access-token","token_type":"Bearer","expires_in":3600})"};
    }

    PassingWorld around_{};
    std::conditional_t<run, tests::gcp::FakeRun, tests::FakeGcp> fake_{};
    std::size_t runs_ = 0;
};

}  // namespace
}  // namespace gcp_platform

std::unique_ptr<tests::Platform> tests::make_cloud_run() {
    return std::make_unique<gcp_platform::GooglePlatform<blueprint::faas::CloudRunCodec<>>>();
}
std::unique_ptr<tests::Platform> tests::make_cloud_functions() {
    return std::make_unique<gcp_platform::GooglePlatform<blueprint::faas::CloudFunctionCodec<>>>();
}
