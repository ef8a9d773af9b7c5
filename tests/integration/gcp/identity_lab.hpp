#ifndef BLUEPRINT_FAAS_TESTS_GCP_IDENTITY_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_GCP_IDENTITY_LAB_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/gcp_platform.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "support/hand_clock.hpp"
#include "support/http_client.hpp"
#include "support/token_key.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

namespace json = boost::json;
using namespace std::chrono_literals;

inline const std::string deployer = "deployer@local-project.iam.gserviceaccount.com";
inline const std::string caller = "caller@local-project.iam.gserviceaccount.com";
inline const std::string cloud_platform = "https://www.googleapis.com/auth/cloud-platform";
inline const std::string service_url = "https://job-0-abc-ew.a.run.app";
inline const std::string pool = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci";
inline const std::string provider = pool + "/providers/here";

inline json::value text_value(std::string_view text) { return json::value(json::string{text.data(), text.size()}); }

/// Two doors instead of the APIs: what stands at "/v2/..." opens as an API does, what stands at "/call" as a service
/// does.
class Doors final : public local::GcpApis {
public:
    explicit Doors(const local::GcpGate& gate) : gate_{gate} {}

    local::Admission admit(const local::ServerRequest& /*head*/) override { return {.body_bytes = 1024}; }
    asio::awaitable<local::ServerAnswer> answer(local::ServerRequest request) override { co_return opened(request); }
    void serve_at(std::string url, std::weak_ptr<void> /*owner*/) override { reached_at = std::move(url); }
    void end_processes() override {}
    asio::awaitable<void> stop(std::chrono::milliseconds /*grace*/) override { co_return; }

    std::vector<std::string> audiences{service_url, "https://europe-west1-local-project.cloudfunctions.net/job-0"};
    std::string reached_at{};

private:
    static local::ServerAnswer welcome(const local::GcpCaller& who) {
        return {.content_type = "text/plain", .body = who.member + '|' + who.email + '|' + who.scopes};
    }
    local::ServerAnswer opened(const local::ServerRequest& request) const {
        if (request.target == "/call") {
            const auto who = gate_.judge_invocation(request, audiences);
            return who ? welcome(*who) : local::gcp_invocation_failure(who.error());
        }
        const auto who = gate_.judge_api(request, "run.googleapis.com");
        if (!who) return local::gcp_failure(who.error());
        if (const auto may =
                gate_.require(*who, "run.services.create", "projects/local-project/locations/europe-west1");
            !may)
            return local::gcp_failure(may.error());
        return welcome(*who);
    }

    const local::GcpGate& gate_;
};

/// What the cloud of these tests knows.
inline local::GcpOptions known_to_all() {
    local::GcpOptions options;
    options.service_accounts[deployer] = {.public_key = TokenKey::known().public_pem(), .key_id = "key-1"};
    options.service_accounts[caller] = {};
    options.users.push_back({.email = "alice@example.com",
                             .client_id = "764086051850-local.apps",
                             .client_secret = "client-secret",
                             .refresh_token = "refresh-1"});
    options.identities.push_back({.audience = provider, .issuers = {"https://ci.example.com"}});
    options.metadata_account = caller;
    return options;
}

/// The identity side of the local Google Cloud on loopback, with a clock that the test moves.
class IdentityLab {
public:
    explicit IdentityLab(local::GcpOptions options = known_to_all())
        : platform{std::make_shared<local::GcpPlatform>(std::move(options), clock)},
          server{io.get_executor(), *platform} {
        auto made = std::make_unique<Doors>(platform->gate());
        doors = made.get();
        platform->add_apis(std::move(made));
        REQUIRE(server.start({}, platform).has_value());
        platform->serve_at(server.url(), platform);
    }
    ~IdentityLab() {
        auto stopping = server.stop(1s);
        wait_for(io, std::move(stopping));
    }

    HttpReply ask(HttpAsk what) {
        HttpClient client{io, server.url()};
        auto exchange = client.exchange(std::move(what));
        return wait_for<HttpReply>(io, std::move(exchange));
    }
    HttpReply get(std::string target, HttpFields fields = {}) {
        return ask({.target = std::move(target), .fields = std::move(fields)});
    }
    HttpReply post_form(const std::string& target, const std::vector<std::pair<std::string, std::string>>& form,
                        HttpFields fields = {}) {
        std::string body;
        for (const auto& [name, value] : form)
            body += (body.empty() ? "" : "&") + name + '=' + faas::detail::percent_encode(value);
        fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        return ask({.method = "POST", .target = target, .fields = std::move(fields), .body = std::move(body)});
    }
    HttpReply post_json(const std::string& target, const json::object& body, const std::string& token) {
        return ask({.method = "POST",
                    .target = target,
                    .fields = {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + token}},
                    .body = json::serialize(body)});
    }
    HttpReply show(std::string target, const std::string& token, std::string field = "Authorization") {
        return get(std::move(target), {{std::move(field), "Bearer " + token}});
    }
    HttpReply api(const std::string& token) { return show("/v2/x", token); }
    HttpReply call(const std::string& token) { return show("/call", token); }
    HttpReply metadata(const std::string& path) {
        return get("/computeMetadata/v1" + path, {{"Metadata-Flavor", "Google"}});
    }

    std::int64_t now() const {
        return std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count();
    }
    std::string token_uri() const { return server.url() + "/token"; }
    /// The claims of an assertion that is right.
    json::object assertion_claims() const {
        return {
            {"iss", deployer}, {"aud", token_uri()}, {"iat", now()}, {"exp", now() + 3600}, {"scope", cloud_platform}};
    }
    HttpReply show_assertion(const std::string& assertion) {
        return post_form("/token",
                         {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion}});
    }
    /// An access token of the deployer, or of what the claims say.
    std::string access_token(json::object claims = {}) {
        if (claims.empty()) claims = assertion_claims();
        return value(show_assertion(signed_by_known(claims)), "access_token");
    }
    std::string id_token(const std::string& audience) {
        auto claims = assertion_claims();
        claims.erase("scope");
        claims["target_audience"] = audience;
        return value(show_assertion(signed_by_known(claims)), "id_token");
    }
    static std::string signed_by_known(const json::object& claims,
                                       std::string_view header = R"({"alg":"RS256","typ":"JWT","kid":"key-1"})") {
        return TokenKey::known().sign(header, json::serialize(claims));
    }
    /// A text of an answer that must be 200.
    static std::string value(const HttpReply& reply, std::string_view name) {
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        const auto found = json::parse(reply.body).as_object().at({name.data(), name.size()}).as_string();
        return {found.data(), found.size()};
    }
    static json::object claims_of(const std::string& token) {
        const auto first = token.find('.');
        return json::parse(from_url_safe(token.substr(first + 1, token.rfind('.') - first - 1))).as_object();
    }

    asio::io_context io{1};
    tests::HandClock clock;
    std::shared_ptr<local::GcpPlatform> platform;
    Doors* doors = nullptr;
    local::HttpServer server;
};

/// "400 invalid_grant: text" of a refusal in OAuth's shape.
inline std::string oauth_verdict(const HttpReply& reply) {
    if (reply.status == 200) return "200";
    const auto content = json::parse(reply.body).as_object();
    CHECK(content.size() == 2);
    const auto& error = content.at("error").as_string();
    const auto& text = content.at("error_description").as_string();
    return std::to_string(reply.status) + ' ' + std::string{error.data(), error.size()} + ": " +
           std::string{text.data(), text.size()};
}

/// "403 PERMISSION_DENIED REASON: text" of a refusal in the APIs' shape.
inline std::string api_verdict(const HttpReply& reply) {
    if (reply.status == 200) return "200 " + reply.body;
    const auto whole = json::parse(reply.body).as_object();
    const auto& error = whole.at("error").as_object();
    CHECK(error.at("code").to_number<unsigned>() == reply.status);
    std::string reason;
    if (const auto* details = error.if_contains("details")) {
        const auto& info = details->as_array().at(0).as_object();
        CHECK(info.at("@type").as_string() == "type.googleapis.com/google.rpc.ErrorInfo");
        const auto& text = info.at("reason").as_string();
        reason = ' ' + std::string{text.data(), text.size()};
    }
    const auto& status = error.at("status").as_string();
    const auto& message = error.at("message").as_string();
    return std::to_string(reply.status) + ' ' + std::string{status.data(), status.size()} + reason + ": " +
           std::string{message.data(), message.size()};
}

inline const std::string challenge =
    "Bearer error=\"invalid_token\" error_description=\"The access token could not be verified\"";
inline const std::string times =
    "400 invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim.";

/// Google's answer to a call that it does not let through.
inline void check_unauthorized(const HttpReply& reply) {
    CHECK(reply.status == 401);
    CHECK(reply.field("www-authenticate") == challenge);
    CHECK(reply.field("content-type").starts_with("text/html"));
}

using Form = std::vector<std::pair<std::string, std::string>>;

/// A form with another value, or without the parameter.
inline Form with(Form form, const std::string& name, const std::string& value) {
    std::erase_if(form, [&](const auto& each) { return each.first == name; });
    if (!value.empty()) form.emplace_back(name, value);
    return form;
}

}  // namespace blueprint::faas::test

#endif
