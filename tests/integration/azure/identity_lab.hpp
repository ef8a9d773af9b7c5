#ifndef BLUEPRINT_FAAS_TESTS_AZURE_IDENTITY_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_AZURE_IDENTITY_LAB_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/azure_platform.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "support/hand_clock.hpp"
#include "support/http_client.hpp"
#include "support/token_key.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

namespace json = boost::json;
using namespace std::chrono_literals;

inline const std::string tenant = "0a1b2c3d-0000-4000-8000-000000000001";
inline const std::string application = "aaaaaaaa-0000-4000-8000-000000000001";
inline const std::string guest = "bbbbbbbb-0000-4000-8000-000000000002";
inline const std::string management = "https://management.azure.com";
inline const std::string storage = "https://storage.azure.com";
inline const std::string token_path = '/' + tenant + "/oauth2/v2.0/token";

using Form = std::vector<std::pair<std::string, std::string>>;

/// A form with another value, or without the parameter.
inline Form with(Form form, const std::string& name, const std::string& value) {
    std::erase_if(form, [&](const auto& each) { return each.first == name; });
    if (!value.empty()) form.emplace_back(name, value);
    return form;
}

inline json::value text_value(std::string_view text) { return json::value(json::string{text.data(), text.size()}); }

/// The base64url of a certificate's digest.
inline std::string thumbprint(const std::string& pem, const EVP_MD* kind) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> text{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                         &BIO_free};
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{
        PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), &X509_free};
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    X509_digest(certificate.get(), kind, reinterpret_cast<unsigned char*>(digest.data()), &size);
    return url_safe(std::string_view{digest}.substr(0, size));
}

/// Two doors instead of the APIs: what stands below "/subscriptions" opens to tokens for the management API, what
/// stands below "/storage" to those for blobs.
class Doors final : public local::AzureApis {
public:
    Doors(const local::AzureGate& gate, std::string named_tenant)
        : gate_{gate}, named_tenant_{std::move(named_tenant)} {}

    local::Admission admit(const local::ServerRequest& /*head*/) override { return {.body_bytes = 1024}; }
    asio::awaitable<local::ServerAnswer> answer(local::ServerRequest request) override { co_return opened(request); }
    void serve_at(std::string url, std::weak_ptr<void> /*owner*/) override { reached_at = std::move(url); }
    void end_processes() override {}
    asio::awaitable<void> stop(std::chrono::milliseconds /*grace*/) override { co_return; }

    std::string reached_at{};

private:
    static local::ServerAnswer welcome(const local::AzureCaller& who) {
        return {.content_type = "text/plain",
                .body = who.client_id + '|' + who.object_id + '|' + who.audience + '|' + who.resource_id};
    }
    local::ServerAnswer opened(const local::ServerRequest& request) const {
        const bool blobs = request.target.starts_with("/storage");
        const auto who = blobs ? gate_.judge_storage(request) : gate_.judge_management(request);
        if (!who) {
            auto refused = local::azure_failure(who.error(), named_tenant_);
            if (blobs) refused.headers.assign({{"WWW-Authenticate", gate_.storage_challenge()}});
            return refused;
        }
        const auto may =
            blobs ? gate_.require_storage(*who) : gate_.require(*who, "Microsoft.Web/sites/write", "/subscriptions/s");
        return may ? welcome(*who) : local::azure_failure(may.error(), named_tenant_);
    }

    const local::AzureGate& gate_;
    std::string named_tenant_;
};

/// What the cloud of these tests knows. Its clock stands at 2024-12-18 00:00:00.
inline local::AzureOptions known_to_all() {
    constexpr std::time_t start = 86400LL * 365 * 55;
    local::AzureOptions options;
    options.tenant = tenant;
    options.applications.push_back({
        .client_id = application,
        .secrets = {"first-secret", "second-secret"},
        .expired_secrets = {"old-secret"},
        .certificates = {TokenKey::known().certificate(start - 3600, start + 86400)},
        .federated = {{.issuer = "https://ci.example.com", .subject = "repo:a/b:ref:main"},
                      {.issuer = "https://ci.example.com", .subject = "repo:a/c", .audience = "api://other"}},
    });
    options.applications.push_back({.client_id = guest, .secrets = {"guest-secret"}});
    options.administrators = std::vector<std::string>{application, "cccccccc-0000-4000-8000-000000000003"};
    return options;
}

/// The identity side of the local Azure on loopback, with a clock that the test moves.
class IdentityLab {
public:
    explicit IdentityLab(local::AzureOptions options = known_to_all())
        : platform{std::make_shared<local::AzurePlatform>(std::move(options), clock)},
          server{io.get_executor(), *platform} {
        auto made = std::make_unique<Doors>(platform->gate(), platform->options().tenant);
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
    HttpReply post_form(const std::string& target, const Form& form, HttpFields fields = {}) {
        std::string body;
        for (const auto& [name, value] : form)
            body += (body.empty() ? "" : "&") + name + '=' + faas::detail::percent_encode(value);
        fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        return ask({.method = "POST", .target = target, .fields = std::move(fields), .body = std::move(body)});
    }
    HttpReply show(const std::string& target, const std::string& token) {
        return get(target, {{"Authorization", "Bearer " + token}});
    }
    HttpReply manage(const std::string& token) { return show("/subscriptions/s", token); }
    HttpReply blobs(const std::string& token) { return show("/storage/a/b", token); }

    std::int64_t now() const {
        return std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count();
    }
    /// A request for a token that is right.
    static Form secret_form(const std::string& resource = management) {
        return {{"grant_type", "client_credentials"},
                {"client_id", application},
                {"client_secret", "first-secret"},
                {"scope", resource + "/.default"}};
    }
    static Form assertion_form(const std::string& assertion) {
        auto form = with(secret_form(), "client_secret", "");
        form.emplace_back("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        form.emplace_back("client_assertion", assertion);
        return form;
    }
    HttpReply show_assertion(const std::string& assertion) { return post_form(token_path, assertion_form(assertion)); }
    /// The claims of an assertion that is right.
    json::object assertion_claims() const {
        return {{"aud", server.url() + token_path},
                {"iss", application},
                {"sub", application},
                {"jti", "11111111-0000-4000-8000-000000000001"},
                {"nbf", now()},
                {"exp", now() + 600}};
    }
    std::string certificate() const { return platform->options().applications.front().certificates.front(); }
    json::object header(bool newer) const {
        json::object made{{"alg", newer ? "PS256" : "RS256"}, {"typ", "JWT"}};
        made[newer ? "x5t#S256" : "x5t"] = text_value(thumbprint(certificate(), newer ? EVP_sha256() : EVP_sha1()));
        return made;
    }
    std::string signed_by_known(const json::object& claims, bool newer = true) const {
        return TokenKey::known().sign(json::serialize(header(newer)), json::serialize(claims),
                                      newer ? std::optional{32} : std::nullopt);
    }
    std::string token(const std::string& resource = management) {
        return value(post_form(token_path, secret_form(resource)), "access_token");
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
    std::shared_ptr<local::AzurePlatform> platform;
    Doors* doors = nullptr;
    local::HttpServer server;
};

/// "401 invalid_client 7000215: text" of a refusal in Entra ID's shape, the text up to the trace.
inline std::string login_verdict(const HttpReply& reply) {
    if (reply.status == 200) return "200";
    const auto content = json::parse(reply.body).as_object();
    CHECK(content.size() == 7);
    const auto text = [&](const char* name) { return std::string{content.at(name).as_string().c_str()}; };
    const auto number = std::to_string(content.at("error_codes").as_array().at(0).to_number<std::int64_t>());
    const auto description = text("error_description");
    const auto trace =
        description.find(" Trace ID: " + text("trace_id") + " Correlation ID: " + text("correlation_id") +
                         " Timestamp: " + text("timestamp"));
    CHECK(trace != std::string::npos);
    const auto beginning = "AADSTS" + number + ": ";
    CHECK(description.starts_with(beginning));
    CHECK(text("error_uri").ends_with("/error?code=" + number));
    return std::to_string(reply.status) + ' ' + text("error") + ' ' + number + ": " +
           description.substr(beginning.size(), trace - beginning.size());
}

/// "401 AuthenticationFailed: text" of a refusal in the management API's shape.
inline std::string management_verdict(const HttpReply& reply) {
    if (reply.status == 200) return "200 " + reply.body;
    const auto error = json::parse(reply.body).as_object().at("error").as_object();
    CHECK(error.size() == 2);
    return std::to_string(reply.status) + ' ' + error.at("code").as_string().c_str() + ": " +
           error.at("message").as_string().c_str();
}

}  // namespace blueprint::faas::test

#endif
