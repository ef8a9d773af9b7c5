// A platform of the custom contract in memory: 1.1, with one function.
#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/codec/custom.hpp"
#include "platform.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <optional>

namespace custom_platform {

using namespace tests;
using Executor = FaasExecutor<AnyTransport, NoAuth, CustomCodec<>>;

namespace {

class CustomPlatform final : public Platform {
public:
    bool has(Operation operation) const override { return tests::has<Executor>(operation); }
    std::unique_ptr<Client> client(AnyTransport transport, const ExecutorOptions& limits) override {
        return std::make_unique<ClientOf<Executor>>(
            Executor{std::move(transport), NoAuth{}, CustomCodec<>{{.base_url = "https://faas.example.com"}},
                     resilience(), limits},
            job);
    }
    result<HttpResponse> answer(const HttpRequest& request) override {
        const std::string_view path = request.target;
        if (path == "/api/platform")
            return reply(200, R"({"spec":"1.1","features":["async","list","replace"],"limits":{}})");
        if (path == "/api/functions") return reply(200, R"({"functions":[)" + (revision_ ? deployment() : "") + "]}");
        if (!path.starts_with("/api/functions/job0")) return absent();
        const auto what = path.substr(std::string_view{"/api/functions/job0"}.size());
        if (what.empty() && request.verb == Verb::put) return put(request);
        if (!revision_) return absent();
        if (what.empty() && request.verb == Verb::del) {
            revision_.reset();
            return reply(204, {});
        }
        if (what.empty()) return reply(200, deployment());
        if (what == "/health") return reply(200, R"({"status":"healthy"})");
        if (what == "/warm") return reply(200, R"({"function_id":"job0","instances_warmed":1})");
        if (what != "/invoke") return absent();
        ++runs_;
        if (request.headers.get("Prefer") == "respond-async") return reply(202, R"({"invocation_id":"call-1"})");
        const auto body = boost::json::parse(request.body.view()).as_object();
        return reply(200, boost::json::serialize(boost::json::object{{"success", true}, {"result", body.at("args")}}));
    }
    std::size_t runs() const override { return runs_; }

private:
    static HttpResponse reply(unsigned status, std::string body) {
        HttpResponse answer{.status = status};
        answer.headers.set("Content-Type", "application/json");
        answer.body = std::move(body);
        return answer;
    }
    static HttpResponse absent() { return reply(404, R"({"code":"NOT_FOUND","error":"no such function"})"); }
    std::string deployment() const {
        return R"({"function_id":"job0","status":"deployed","revision":")" + *revision_ + "\"}";
    }
    HttpResponse put(const HttpRequest& request) {
        const auto wanted = request.headers.get("If-Match");
        if (wanted && !revision_) return reply(412, R"({"code":"CONFLICT","error":"there is none"})");
        if (!wanted && revision_) return reply(409, R"({"code":"CONFLICT","error":"it exists"})");
        revision_ = request.headers.get("X-Blueprint-Revision").value_or("");
        return reply(201, deployment());
    }

    std::optional<std::string> revision_{};
    std::size_t runs_ = 0;
};

}  // namespace
}  // namespace custom_platform

std::unique_ptr<tests::Platform> tests::make_custom() { return std::make_unique<custom_platform::CustomPlatform>(); }
