#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_DIGITALOCEAN_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_DIGITALOCEAN_FIXTURE_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/codec/impl/digitalocean_place.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/resilience/standard.hpp"
#include "support/fake_rest.hpp"
#include "support/fake_transport.hpp"
#include "support/hand_clock.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

namespace faas = blueprint::faas;

/// DigitalOcean's API in memory, as far as namespaces and their keys go.
class NamespaceApi {
public:
    struct Key {
        std::string name{};
        std::string secret{};
        std::string expires_in{};
    };
    struct Space {
        std::string id{};
        std::string label{};
        std::string region{};
        std::string api_host{};
        std::string uuid{};
        std::string key{};
        std::map<std::string, Key, std::less<>> keys{};
    };
    using Answer = rest::Answer;

    std::vector<Space> spaces{};
    bool may_make_keys = true;  ///< the token has the scope function:admin
    std::vector<std::string> lines{};
    std::vector<rest::Object> bodies{};
    /// Asked first about each request, with its number; what it returns is answered instead.
    std::function<std::optional<Answer>(std::size_t number, const rest::Call& call)> fault{};
    /// The same after the request was carried out: what it returns is answered.
    std::function<std::optional<Answer>(std::size_t number, const rest::Call& call)> lost{};

    Space& add(std::string id, std::string label, std::string region) {
        Space space{.id = std::move(id), .label = std::move(label), .region = std::move(region)};
        space.api_host = "https://faas-" + space.region + "-0a1b.doserverless.io";
        return spaces.emplace_back(std::move(space));
    }
    std::size_t keys() const {
        std::size_t count = 0;
        for (const auto& space : spaces) count += space.keys.size();
        return count;
    }
    static rest::Response error(unsigned status, std::string_view id, std::string_view message) {
        return rest::reply(status, {{"id", id}, {"message", message}, {"request_id", "4d9d8375"}});
    }

    Answer answer(const rest::Request& request) {
        auto call = rest::taken_apart(request);
        const auto number = lines.size();
        lines.push_back(std::string{to_string(call.verb)} + ' ' + call.path);
        CHECK(call.host == "api.digitalocean.com");
        CHECK(call.query.empty());
        CHECK(call.authorization == "Bearer api-token");
        if (request.body.size() != 0) call.body = boost::json::parse(request.body.view()).get_object();
        bodies.push_back(call.body);
        if (fault)
            if (auto instead = fault(number, call)) return *instead;
        auto done = carried_out(call);
        if (lost)
            if (auto instead = lost(number, call)) return *instead;
        return done;
    }

private:
    static rest::Object told(const Space& space) {
        rest::Object out{{"namespace", space.id}, {"label", space.label}, {"region", space.region}};
        out["api_host"] = space.api_host;
        if (!space.uuid.empty()) out["uuid"] = space.uuid;
        if (!space.key.empty()) out["key"] = space.key;
        return out;
    }
    Answer carried_out(const rest::Call& call) {
        static constexpr std::string_view root = "/v2/functions/namespaces";
        const std::string_view path = call.path;
        REQUIRE(path.starts_with(root));
        if (path == root && call.verb == rest::Verb::get) {
            boost::json::array all;
            for (const auto& space : spaces) all.emplace_back(told(space));
            return rest::reply(200, {{"namespaces", std::move(all)}});
        }
        if (path == root) {
            REQUIRE(call.verb == rest::Verb::post);
            CHECK(call.body.size() == 2);
            auto& made = add("fn-made-" + std::to_string(spaces.size()), rest::text(call.body, "label"),
                             rest::text(call.body, "region"));
            return rest::reply(200, {{"namespace", told(made)}});
        }
        const auto rest_of_path = path.substr(root.size() + 1);
        const auto id = rest_of_path.substr(0, rest_of_path.find('/'));
        const auto space = std::find_if(spaces.begin(), spaces.end(), [&](const Space& one) { return one.id == id; });
        if (space == spaces.end()) return error(404, "not_found", "namespace not found");
        return key(call, *space, rest_of_path.substr(id.size()));
    }
    Answer key(const rest::Call& call, Space& space, std::string_view below) {
        REQUIRE(below.starts_with("/keys"));
        if (!may_make_keys) return error(403, "forbidden", "not allowed to manage access keys");
        if (call.verb == rest::Verb::post) {
            const auto name = rest::text(call.body, "name");
            for (const auto& [id, key] : space.keys)
                if (key.name == name) return error(409, "conflict", "an access key of that name exists");
            const auto number = std::to_string(++keys_made_);
            const auto id = "dof_v1_example" + number;
            const Key key{name, "not-a-real-secret-" + number, rest::text(call.body, "expires_in")};
            space.keys[id] = key;
            return rest::reply(201, {{"access_key", {{"id", id}, {"name", name}, {"secret", key.secret}}}});
        }
        REQUIRE(call.verb == rest::Verb::del);
        const auto found = space.keys.find(below.substr(std::string_view{"/keys/"}.size()));
        if (found == space.keys.end()) return error(404, "not_found", "access key not found");
        space.keys.erase(found);
        return rest::reply(200, {});
    }

    int keys_made_ = 0;
};

/// Shows the API token to DigitalOcean's API and nobody else.
class ApiToken {
public:
    static constexpr bool reveals_secret = true;
    boost::asio::awaitable<faas::result<void>> authorize(faas::HttpRequest& request,
                                                         faas::purpose::ControlPlane) const {
        request.headers.set("Authorization", "Bearer api-token");
        co_return faas::result<void>{};
    }
    boost::asio::awaitable<faas::result<void>> authorize(faas::HttpRequest&, faas::purpose::Invocation) const {
        co_return faas::result<void>{};
    }
    boost::asio::awaitable<faas::result<void>> authorize(faas::HttpRequest&, faas::purpose::Upload) const {
        co_return faas::result<void>{};
    }
    bool invalidate() noexcept { return false; }
};
static_assert(faas::Auth<ApiToken>);

/// A place before DigitalOcean's API in memory. Nothing is waited for.
struct DigitalOceanWorld {
    using Transport = FakeTransport<NamespaceApi>;
    using L = faas::Link<Transport, ApiToken, faas::StandardResilience>;

    static faas::DigitalOceanOptions in_nyc() {
        faas::DigitalOceanOptions options;
        options.region = "nyc1";
        return options;
    }
    explicit DigitalOceanWorld(faas::DigitalOceanOptions options = in_nyc())
        : transport{io.get_executor(), fake, {}}, place{std::move(options), clock} {}
    DigitalOceanWorld(const DigitalOceanWorld&) = delete;
    DigitalOceanWorld& operator=(const DigitalOceanWorld&) = delete;

    faas::result<faas::detail::OpenWhiskAccess> access(std::optional<faas::detail::OpenWhiskAccess> refused = {},
                                                       bool make = false) {
        L link{transport, token, resilience, faas::Deadline::max(), clock};
        return run(io, place.access(link, std::move(refused), make));
    }
    faas::result<void> release() {
        L link{transport, token, resilience, faas::Deadline::max(), clock};
        return run(io, place.release(link));
    }
    /// The lines since the last time.
    std::vector<std::string> news() {
        std::vector<std::string> lines{fake->lines.begin() + static_cast<std::ptrdiff_t>(seen_), fake->lines.end()};
        seen_ = fake->lines.size();
        return lines;
    }

    boost::asio::io_context io{};
    std::shared_ptr<NamespaceApi> fake = std::make_shared<NamespaceApi>();
    HandClock clock{};
    Transport transport;
    ApiToken token{};
    faas::StandardResilience resilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}};
    faas::detail::DigitalOceanPlace place;

private:
    std::size_t seen_ = 0;
};

}  // namespace tests

#endif
