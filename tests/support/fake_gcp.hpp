#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_GCP_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_GCP_HPP

#include "support/fake_gcp_functions.hpp"
#include "support/fake_gcp_parts.hpp"

#include <boost/json/parse.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// Google Cloud in memory: the APIs of Cloud Functions, of Cloud Run as far as callers go, Storage's signed URLs, and
/// the services themselves behind Google's front end, which tells access tokens from ID tokens.
class FakeGcp {
public:
    using Answer = gcp::Answer;
    using Request = gcp::Request;
    using Response = gcp::Response;

    /// How a request fails: it is refused, or done and its answer lost.
    enum class Fault { refused, lost };

    gcp::Operations operations{};
    gcp::Iam iam{};
    gcp::Functions functions{operations};
    std::size_t fault_at = 0;  ///< which request fails, counted from 1; 0: none
    Fault fault = Fault::refused;
    /// Is told of each request before it is answered, with its number.
    std::function<void(std::size_t, const Request&)> before{};
    /// Answers first, if it has something to say: for more of Google than stands here.
    std::function<std::optional<Answer>(const gcp::Call&, const Request&)> more{};
    /// Answers what a service is called with; empty: the bytes that it was called with.
    std::function<Response(const Request&)> invoked{};
    /// Which service of Cloud Run is behind a URL; empty: that of a function.
    std::function<std::optional<std::string>(const std::string& url)> service_at{};

    std::vector<std::string>
        lines{};  ///< "PUT https://storage.googleapis.com/bucket/object?Signature=…" without queries
    std::vector<std::string> bodies{};

    Answer answer(const Request& request) {
        const auto call = taken_apart(request);
        lines.push_back(std::string{to_string(request.verb)} + ' ' + to_string(request.origin) +
                        request.target.substr(0, request.target.find('?')));
        bodies.emplace_back(request.body.view());
        const auto number = lines.size();
        if (before) before(number, request);
        if (number == fault_at && fault == Fault::refused) return gcp::error(403, "PERMISSION_DENIED", "not allowed");
        auto out = done(call, request);
        if (number == fault_at)
            return blueprint::faas::Error{.code = blueprint::faas::errc::infrastructure,
                                          .message = "the connection was reset",
                                          .retryable = true,
                                          .execution = blueprint::faas::Execution::unknown};
        return out;
    }
    /// What changes something; questions that are POSTs are left out.
    std::vector<std::string> writes(std::size_t from = 0) const {
        std::vector<std::string> out;
        for (auto at = from; at < lines.size(); ++at)
            if (!lines[at].starts_with("GET ") && !lines[at].ends_with(":testIamPermissions")) out.push_back(lines[at]);
        return out;
    }
    gcp::Object& function(std::string_view id = "blueprint-job-0") {
        const auto found = functions.all.find("projects/p/locations/europe-west1/functions/" + std::string{id});
        REQUIRE(found != functions.all.end());
        return found->second;
    }

private:
    static gcp::Call taken_apart(const Request& request) {
        auto call = rest::taken_apart(request);
        if (request.headers.get("Content-Type") == "application/json" && call.host.ends_with(".googleapis.com"))
            call.body = boost::json::parse(request.body.view()).as_object();
        return call;
    }
    Answer done(const gcp::Call& call, const Request& request) {
        if (more)
            if (auto answered = more(call, request)) return std::move(*answered);
        if (!call.host.ends_with(".googleapis.com")) return service(call, request);
        if (call.host == "storage.googleapis.com" && call.query.contains("Signature"))
            return functions.upload(call, request.headers.text(), request.body.view());
        if (call.authorization != "Bearer access-token")
            return gcp::error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
        if (call.host == "cloudfunctions.googleapis.com") return functions.answer(call);
        REQUIRE(call.host == "run.googleapis.com");
        const auto colon = call.path.rfind(':');
        REQUIRE(colon != std::string::npos);
        const auto resource = call.path.substr(4, colon - 4);
        CHECK(resource.find("/services/") != std::string::npos);
        return iam.answer(resource, call.path.substr(colon + 1), call);
    }
    // The front end: who calls must prove it to this very service.
    Answer service(const gcp::Call& call, const Request& request) {
        const auto url = to_string(request.origin);
        std::optional<std::string> name;
        if (service_at) name = service_at(url);
        if (const auto* behind = name ? nullptr : functions.behind(url))
            name = gcp::Functions::service_of(gcp::text(*behind, "name"));
        if (!name) return gcp::page(404, "Error: Page not found");
        if (call.authorization != "Bearer id-token for " + url) {
            auto refused = gcp::page(401, "Error: Unauthorized");
            refused.headers.set("WWW-Authenticate",
                                "Bearer error=\"invalid_token\" error_description=\"The access token could not be "
                                "verified\"");
            return refused;
        }
        if (!iam.allows(*name))
            return gcp::page(403, "Error: Forbidden. Your client does not have permission to get URL");
        if (call.verb == Verb::get) return gcp::reply(200, {{"status", "healthy"}, {"instance", "0123456789abcdef"}});
        if (request.headers.get("X-Blueprint-Warm-Ms"))
            return gcp::reply(
                200, {{"warm", true}, {"instance", "instance-" + std::to_string(++instances_)}, {"cold_start", true}});
        if (invoked) return invoked(request);
        Response echo;
        echo.status = 200;
        echo.headers.set("Content-Type", "application/octet-stream");
        echo.body = request.body.view();
        return echo;
    }
    using Verb = blueprint::faas::Verb;

    int instances_ = 0;
};

}  // namespace tests

#endif
