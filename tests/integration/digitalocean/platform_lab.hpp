#ifndef BLUEPRINT_FAAS_TESTS_DIGITALOCEAN_PLATFORM_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_DIGITALOCEAN_PLATFORM_LAB_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/digitalocean_platform.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/local/openwhisk_platform.hpp"
#include "support/hand_clock.hpp"
#include "support/http_client.hpp"
#include "support/served_record.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

namespace json = boost::json;
using namespace std::chrono_literals;

/// Says whose namespace a request was let into, in place of what plays the functions.
class Doorkeeper final : public local::OpenWhiskService {
public:
    std::optional<local::ServerAnswer> answer_anybody(const local::ServerRequest& request) override {
        if (request.method != "GET" || request.target != "/api/v1") return std::nullopt;
        return local::ServerAnswer{.body = R"({"runtimes":{}})"};
    }
    local::Admission admit(const local::ServerRequest& /*head*/) override { return {.body_bytes = 1024}; }
    asio::awaitable<local::ServerAnswer> answer(local::ServerRequest request, std::string name_space) override {
        co_return local::ServerAnswer{.content_type = "text/plain", .body = name_space + ' ' + request.target};
    }
    void remove_namespace(const std::string& name_space) override { removed.push_back(name_space); }
    local::ServerAnswer refusal(unsigned status, std::string_view message) override {
        return {.status = status, .body = json::serialize(json::object{{"error", message}, {"code", "a1"}})};
    }
    void serve_at(std::string url, std::weak_ptr<void> /*owner*/) override { reached_at = std::move(url); }
    void end_processes() override {}
    asio::awaitable<void> stop(std::chrono::milliseconds /*grace*/) override { co_return; }

    std::vector<std::string> removed{};
    std::string reached_at{};
};

/// A platform on loopback, and a client of it.
template <class Platform>
class PlatformLab {
public:
    template <class... Arguments>
    explicit PlatformLab(Arguments&&... arguments)
        : platform{std::make_shared<Platform>(std::forward<Arguments>(arguments)...)},
          server{io.get_executor(), *platform} {
        auto made = std::make_unique<Doorkeeper>();
        doorkeeper = made.get();
        platform->add_functions(std::move(made));
        REQUIRE(server.start({}, platform).has_value());
        platform->serve_at(server.url(), platform);
    }
    ~PlatformLab() {
        auto ending = platform->stop(1s);
        wait_for(io, std::move(ending));
        auto stopping = server.stop(1s);
        wait_for(io, std::move(stopping));
    }
    PlatformLab(const PlatformLab&) = delete;
    PlatformLab& operator=(const PlatformLab&) = delete;

    HttpReply ask(HttpAsk what) {
        HttpClient client{io, server.url()};
        auto exchange = client.exchange(std::move(what));
        return wait_for<HttpReply>(io, std::move(exchange));
    }
    /// Asks with a field Authorization "Basic …".
    HttpReply as_user(const std::string& pair, std::string target = "/api/v1/namespaces") {
        const auto encoded = faas::detail::base64_encode(faas::detail::bytes_of(pair));
        return ask({.target = std::move(target), .fields = {{"Authorization", "Basic " + encoded}}});
    }

    asio::io_context io{1};
    std::shared_ptr<Platform> platform;
    Doorkeeper* doorkeeper = nullptr;
    local::HttpServer server;
};

inline const std::string namespaces_path = "/v2/functions/namespaces";

/// The local DigitalOcean with a clock that the test moves, which begins at 2024-12-18 00:00:00.
class DigitalOceanLab {
public:
    static local::DigitalOceanOptions known_to_all() {
        local::DigitalOceanOptions options;
        options.tokens = {"may-all", "may-all-too"};
        options.readers = {"may-read"};
        return options;
    }
    explicit DigitalOceanLab(local::DigitalOceanOptions options = known_to_all()) : lab{std::move(options), clock} {}

    HttpReply send(std::string method, std::string target, std::optional<json::object> body = {},
                   const std::string& token = "may-all") {
        HttpAsk what{.method = std::move(method), .target = std::move(target)};
        what.fields.emplace_back("Authorization", "Bearer " + token);
        if (body) {
            what.fields.emplace_back("Content-Type", "application/json");
            what.body = json::serialize(*body);
        }
        auto reply = lab.ask(what);
        if (what.target.starts_with("/v2/")) record_served(what, reply);
        return reply;
    }
    HttpReply get(std::string target, const std::string& token = "may-all") {
        return send("GET", std::move(target), {}, token);
    }
    /// Makes a namespace and returns its id.
    std::string make(const std::string& label = "jobs", const std::string& region = "nyc1") {
        const auto made = send("POST", namespaces_path, json::object{{"label", label}, {"region", region}});
        REQUIRE_MESSAGE(made.status == 200, made.body);
        return text(member(made, "namespace"), "namespace");
    }
    static std::string keys_of(const std::string& id) { return namespaces_path + '/' + id + "/keys"; }
    /// Makes an access key and returns "id:secret".
    std::string make_key(const std::string& id, json::object body = {{"name", "one"}}) {
        const auto made = send("POST", keys_of(id), std::move(body));
        REQUIRE_MESSAGE(made.status == 201, made.body);
        const auto key = member(made, "access_key");
        return text(key, "id") + ':' + text(key, "secret");
    }
    std::string verdict(const std::string& pair) { return brief(lab.as_user(pair)); }

    static json::object json_of(const HttpReply& reply) {
        boost::system::error_code failed;
        const auto value = json::parse(reply.body, failed);
        REQUIRE_MESSAGE((!failed && value.is_object()), "the answer is no JSON object: " << reply.body);
        return value.get_object();
    }
    static json::object member(const HttpReply& reply, const char* name) {
        const auto whole = json_of(reply);
        const auto* const found = whole.if_contains(name);
        REQUIRE_MESSAGE((found != nullptr && found->is_object()), reply.body);
        return found->get_object();
    }
    static std::string text(const json::object& from, const char* name) {
        const auto* const found = from.if_contains(name);
        return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
    }
    /// "409 conflict: text" of a refusal in the API's shape, "401 text" of one of OpenWhisk's, else "200" and the body.
    static std::string brief(const HttpReply& reply) {
        const auto status = std::to_string(reply.status) + ' ';
        if (reply.status < 400) return status + reply.body;
        const auto body = json_of(reply);
        if (body.contains("error")) return status + text(body, "error");
        CHECK(body.size() == 3);
        CHECK(text(body, "request_id") == reply.field("x-request-id"));
        return status + text(body, "id") + ": " + text(body, "message");
    }

    tests::HandClock clock;
    PlatformLab<local::DigitalOceanPlatform> lab;
};

}  // namespace blueprint::faas::test

#endif
