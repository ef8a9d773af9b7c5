#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_OPENWHISK_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_OPENWHISK_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "support/fake_openwhisk_parts.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// An OpenWhisk in memory, and DigitalOcean's API of namespaces and access keys before it. One namespace has actions.
class FakeOpenWhisk {
public:
    using Answer = rest::Answer;
    using Request = rest::Request;
    using Object = rest::Object;

    /// How a request fails: it is refused, or done and its answer lost.
    enum class Fault { refused, lost };

    static constexpr std::string_view own_host = "openwhisk.example.com";
    static constexpr std::string_view functions_host = "faas-nyc1-2ef2e6cc.doserverless.co";
    static constexpr std::string_view namespace_id = "fn-11111111-2222-4333-8444-555555555555";

    whisk::Actions actions{};
    std::map<std::string, std::string> users{{"guest-user", "guest-password"}};  ///< of `own_host`
    bool has_namespace = true;
    std::string label = "blueprint";
    std::string region = "nyc1";
    std::map<std::string, std::string> keys{};  ///< the access keys that there are, with their secrets
    std::size_t keys_made = 0;
    bool no_keys = false;  ///< the token has no right to make any
    bool no_offer = false;
    bool takes_no_key = false;  ///< whatever key it is

    std::size_t fault_at = 0;  ///< which request fails, counted from 1; 0: none
    Fault fault = Fault::refused;
    std::vector<std::string> lines{};  ///< "PUT functions:/namespaces/_/actions/blueprint-job-0", without queries
    std::vector<std::string> bodies{};
    std::vector<std::string> targets{};  ///< with queries

    Answer answer(const Request& request) {
        auto call = rest::taken_apart(request);
        lines.push_back(std::string{to_string(request.verb)} + ' ' + shortened(call));
        bodies.emplace_back(request.body.view());
        targets.push_back(request.target);
        const auto number = lines.size();
        if (request.body.size() != 0) {
            CHECK(request.headers.get("Content-Type") == "application/json");
            call.body = boost::json::parse(request.body.view()).as_object();
        }
        if (number == fault_at && fault == Fault::refused) return refused(call);
        auto out = done(call);
        if (number == fault_at)
            return blueprint::faas::Error{.code = blueprint::faas::errc::infrastructure,
                                          .message = "the connection was reset",
                                          .retryable = true,
                                          .execution = blueprint::faas::Execution::unknown};
        return out;
    }
    /// What changes something; calls are left out, for they change no action.
    std::vector<std::string> writes(std::size_t from = 0) const {
        std::vector<std::string> out;
        for (auto at = from; at < lines.size(); ++at) {
            const auto& line = lines[at];
            const bool calls = line.starts_with("POST functions:");
            if (!line.starts_with("GET ") && !calls) out.push_back(line);
        }
        return out;
    }

private:
    static constexpr std::string_view api = "/api/v1";

    static bool is_functions(const rest::Call& call) { return call.host == own_host || call.host == functions_host; }
    static std::string shortened(const rest::Call& call) {
        if (!is_functions(call)) return "management:" + call.path;
        const std::string_view path{call.path};
        return "functions:" + std::string{path.starts_with(api) ? path.substr(api.size()) : path};
    }
    static rest::Response refused(const rest::Call& call) {
        if (is_functions(call)) return whisk::error(403, "The supplied authentication is not authorized.");
        return rest::reply(403, Object{{"id", "forbidden"}, {"message", "You are not allowed to do that."}});
    }
    Answer done(rest::Call& call) {
        if (!is_functions(call)) {
            CAPTURE(call.host);
            REQUIRE(call.host == "api.digitalocean.com");
            return manage(call);
        }
        const std::string_view path{call.path};
        const bool offered = call.host == own_host ? path == "/" : path == api;
        if (offered && no_offer) return rest::page(404, "no such page");
        if (offered) {
            CHECK(call.authorization.empty());
            return rest::reply(200, actions.offer);
        }
        if (!is_known(call)) return whisk::error(401, "The supplied authentication is invalid.");
        static constexpr std::string_view own = "/api/v1/namespaces/_";
        CAPTURE(path);
        REQUIRE(path.starts_with(own));
        return actions.answer(call, path.substr(own.size()));
    }
    bool is_known(const rest::Call& call) const {
        static constexpr std::string_view basic = "Basic ";
        if (takes_no_key || !call.authorization.starts_with(basic)) return false;
        const auto shown = blueprint::faas::detail::base64_decode(std::string_view{call.authorization}.substr(6));
        if (!shown) return false;
        const std::string pair{shown->begin(), shown->end()};
        const auto& known = call.host == own_host ? users : keys;
        return std::any_of(known.begin(), known.end(),
                           [&pair](const auto& one) { return pair == one.first + ':' + one.second; });
    }

    Object namespace_object() const {
        return Object{{"namespace", namespace_id},
                      {"label", label},
                      {"region", region},
                      {"api_host", "https://" + std::string{functions_host}},
                      {"created_at", "2026-01-02T03:04:05Z"},
                      {"updated_at", "2026-01-02T03:04:05Z"}};
    }
    rest::Response manage(const rest::Call& call) {
        if (call.authorization != "Bearer api-token")
            return rest::reply(401, Object{{"id", "unauthorized"}, {"message", "Unable to authenticate you"}});
        static constexpr std::string_view all = "/v2/functions/namespaces";
        if (call.path == all && call.verb == rest::Verb::get) {
            whisk::Array list;
            if (has_namespace) list.push_back(namespace_object());
            return rest::reply(200, Object{{"namespaces", list}});
        }
        if (call.path == all && call.verb == rest::Verb::post) {
            has_namespace = true;
            label = rest::text(call.body, "label");
            region = rest::text(call.body, "region");
            return rest::reply(200, Object{{"namespace", namespace_object()}});
        }
        const auto of_it = std::string{all} + '/' + std::string{namespace_id} + "/keys";
        if (!has_namespace || !call.path.starts_with(of_it))
            return rest::reply(404, Object{{"id", "not_found"}, {"message", "There is no such resource."}});
        if (no_keys) return refused(call);
        if (call.verb == rest::Verb::post) {
            const auto number = std::to_string(++keys_made);
            const auto id = "dof_v1_key" + number;
            keys[id] = "secret-of-key-" + number;
            return rest::reply(201, Object{{"access_key", Object{{"id", id},
                                                                 {"name", rest::text(call.body, "name")},
                                                                 {"secret", keys[id]},
                                                                 {"expires_at", nullptr},
                                                                 {"created_at", "2026-01-02T03:04:05Z"},
                                                                 {"updated_at", "2026-01-02T03:04:05Z"}}}});
        }
        REQUIRE(call.verb == rest::Verb::del);
        const auto id = call.path.substr(of_it.size() + 1);
        if (keys.erase(id) == 0)
            return rest::reply(404, Object{{"id", "not_found"}, {"message", "There is no such key."}});
        return rest::reply(200, Object{});
    }
};

/// Shows the API token to DigitalOcean's own API, and nothing to anybody else.
class ManagementToken {
public:
    static constexpr bool reveals_secret = true;
    boost::asio::awaitable<blueprint::faas::result<void>> authorize(blueprint::faas::HttpRequest& request,
                                                                    blueprint::faas::purpose::ControlPlane) const {
        request.headers.set("Authorization", "Bearer api-token");
        co_return blueprint::faas::result<void>{};
    }
    boost::asio::awaitable<blueprint::faas::result<void>> authorize(blueprint::faas::HttpRequest&,
                                                                    blueprint::faas::purpose::Invocation) const {
        co_return blueprint::faas::result<void>{};
    }
    boost::asio::awaitable<blueprint::faas::result<void>> authorize(blueprint::faas::HttpRequest&,
                                                                    blueprint::faas::purpose::Upload) const {
        co_return blueprint::faas::result<void>{};
    }
    bool invalidate() noexcept { return false; }
};
static_assert(blueprint::faas::Auth<ManagementToken>);

}  // namespace tests

#endif
