// AWS Lambda in memory; roles are taken on by a web identity token.
#include "blueprint/faas/auth/aws/chain.hpp"
#include "blueprint/faas/auth/aws/web_identity.hpp"
#include "blueprint/faas/auth/sigv4.hpp"
#include "blueprint/faas/codec/aws_event_stream.hpp"
#include "blueprint/faas/codec/aws_lambda.hpp"
#include "passing_world.hpp"
#include "platform.hpp"
#include "reach.hpp"
#include "support/aws_answers.hpp"
#include "support/fake_lambda.hpp"

#include <array>
#include <chrono>
#include <time.h>

namespace aws_platform {

using namespace tests;
using Auth = SigV4<aws::Chain<aws::credentials::WebIdentity>>;
using Executor = FaasExecutor<AnyTransport, Auth, LambdaCodec<>>;

namespace {

class AwsPlatform final : public Platform {
public:
    AwsPlatform() {
        around_.variables = {{"AWS_REGION", "eu-central-1"},
                             {"AWS_ROLE_ARN", role_arn},
                             {"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"},
                             {"AWS_ROLE_SESSION_NAME", "fault"}};
        around_.files["/token"] = "web-token-of-a-pod";
        for (const auto secret : aws_secrets) secrets.emplace_back(secret);
        token_host = "sts.eu-central-1.amazonaws.com";
        job.truth.function_id = "arn:aws:lambda:eu-central-1:123456789012:function:blueprint-job-0";
        job.config.memory_mib = 512;
        job.config.timeout = std::chrono::seconds{30};
        fake_.invoked = [this](const HttpRequest& request) { return invoked(request); };
    }
    bool has(Operation operation) const override { return tests::has<Executor>(operation); }
    std::unique_ptr<Client> client(AnyTransport transport, const ExecutorOptions& limits) override {
        LambdaOptions options{.region = "eu-central-1", .role_arn = role_arn};
        Auth auth{provider(transport), SigV4Options{.region = "eu-central-1"}, around_};
        return std::make_unique<ClientOf<Executor>>(
            Executor{transport, std::move(auth), LambdaCodec<>{std::move(options), around_}, resilience(), limits},
            job);
    }
    result<HttpResponse> answer(const HttpRequest& request) override {
        if (request.origin.host.starts_with("sts.")) {
            HttpResponse given{.status = 200};
            given.body = sts_answer("AssumeRoleWithWebIdentity", in_an_hour());
            return given;
        }
        const auto shown = request.headers.get("Authorization").value_or("");
        if (!shown.starts_with("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/") ||
            request.headers.get("X-Amz-Security-Token") != "session-token-of-the-role")
            return FakeLambda::error(403, "UnrecognizedClientException", "The security token is invalid.");
        if (request.target.find("/response-streaming-invocations") != std::string::npos) return streamed(request);
        return fake_.answer(request);
    }
    std::size_t runs() const override { return runs_; }

private:
    std::string in_an_hour() const {
        const auto then = std::chrono::system_clock::to_time_t(around_.now() + std::chrono::hours{1});
        std::tm fields{};
        ::gmtime_r(&then, &fields);
        std::array<char, 32> text{};
        const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &fields);
        return {text.data(), size};
    }
    aws::Chain<aws::credentials::WebIdentity> provider(const AnyTransport& transport) {
        return aws::Chain<aws::credentials::WebIdentity>{reach_over(transport, around_)};
    }
    HttpResponse invoked(const HttpRequest& request) {
        const auto body = boost::json::parse(request.body.view()).as_object();
        if (!body.contains("args"))
            return FakeLambda::reply(
                200, {{"job_id", 0}, {"success", true}, {"warm", true}, {"instance", "i"}, {"cold_start", true}});
        ++runs_;
        if (request.headers.get("X-Amz-Invocation-Type") == "Event") {
            HttpResponse taken{.status = 202};
            taken.headers.set("x-amzn-RequestId", "request-1");
            return taken;
        }
        return FakeLambda::reply(200, {{"job_id", 0}, {"success", true}, {"result", body.at("args")}});
    }
    HttpResponse streamed(const HttpRequest& request) {
        namespace detail = blueprint::faas::detail;
        using detail::EventStreamHeader;
        const auto body = boost::json::parse(request.body.view()).as_object();
        const auto bytes = detail::base64_decode(std::string_view{body.at("args").as_string()}).value();
        ++runs_;
        const auto frame = [](const char* event, std::string_view payload) {
            const std::vector<EventStreamHeader> headers{{":event-type", std::string{event}},
                                                         {":message-type", std::string{"event"}}};
            return ok(detail::encode_event_stream(headers, payload));
        };
        HttpResponse out{.status = 200};
        out.headers.set("Content-Type", "application/vnd.amazon.eventstream");
        out.body = frame("PayloadChunk", detail::text_of(bytes)) + frame("InvokeComplete", "{}");
        return out;
    }

    PassingWorld around_{};
    FakeLambda fake_{};
    std::size_t runs_ = 0;
};

}  // namespace
}  // namespace aws_platform

std::unique_ptr<tests::Platform> tests::make_aws() { return std::make_unique<aws_platform::AwsPlatform>(); }
