#include "blueprint/faas/local/digitalocean_platform.hpp"
#include "platform_lab.hpp"
#include "support/local_cloud_lab.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace local_api_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;
namespace json = boost::json;

constexpr std::int64_t start = 86'400LL * 365 * 55;

std::string label_body(const std::string& label) {
    return json::serialize(json::object{{"label", label}, {"region", "nyc1"}});
}

TEST_CASE("local digitalocean: who asks the API shows a token that it knows") {
    DigitalOceanLab lab;
    const auto verdict = [&](HttpFields fields) {
        return DigitalOceanLab::brief(lab.lab.ask({.target = namespaces_path, .fields = std::move(fields)}));
    };
    const std::string refused = "401 unauthorized: Unable to authenticate you.";
    CHECK(verdict({}) == refused);
    CHECK(verdict({{"Authorization", "Bearer "}}) == refused);
    CHECK(verdict({{"Authorization", "Bearer stranger"}}) == refused);
    CHECK(verdict({{"Authorization", "Basic bWF5LWFsbDo="}}) == refused);
    CHECK(verdict({{"Authorization", "Bearer may-all"}}) == R"(200 {"namespaces":[]})");
    CHECK(verdict({{"Authorization", "bearer may-all-too"}}) == R"(200 {"namespaces":[]})");
    // An access key of a namespace opens no API.
    const auto key = lab.make_key(lab.make());
    CHECK(verdict({{"Authorization", "Bearer " + key.substr(key.find(':') + 1)}}) == refused);
}

TEST_CASE("local digitalocean: without tokens of its own it takes any, and readers stay readers") {
    auto options = DigitalOceanLab::known_to_all();
    options.tokens.clear();
    DigitalOceanLab lab{std::move(options)};
    CHECK(lab.send("POST", namespaces_path, json::object{{"label", "a"}, {"region", "nyc1"}}, "whatever").status ==
          200);
    CHECK(lab.send("POST", namespaces_path, json::object{{"label", "a"}, {"region", "nyc1"}}, "may-read").status ==
          403);
    CHECK(lab.lab.ask({.target = namespaces_path}).status == 401);
}

TEST_CASE("local digitalocean: who may only read lists, and does nothing else") {
    DigitalOceanLab lab;
    const auto id = lab.make();
    const auto key = lab.make_key(id);
    const auto one = namespaces_path + '/' + id;
    const auto verdict = [&](const std::string& method, const std::string& target,
                             std::optional<json::object> body = {}) {
        return DigitalOceanLab::brief(lab.send(method, target, std::move(body), "may-read"));
    };
    CHECK(DigitalOceanLab::json_of(lab.get(namespaces_path, "may-read")).at("namespaces").as_array().size() == 1);
    CHECK(verdict("GET", one) == "403 forbidden: not allowed to get namespace");
    const std::string forbidden = "403 forbidden: You do not have access for the attempted action.";
    CHECK(verdict("DELETE", one) == forbidden);
    CHECK(verdict("POST", namespaces_path, json::object{{"label", "b"}, {"region", "nyc1"}}) == forbidden);
    CHECK(verdict("GET", one + "/keys") == forbidden);
    CHECK(verdict("POST", one + "/keys", json::object{{"name", "b"}}) == forbidden);
    CHECK(verdict("DELETE", one + "/keys/" + key.substr(0, key.find(':'))) == forbidden);
    CHECK(lab.verdict(key).starts_with("200 " + id));
}

TEST_CASE("D1: a namespace of the local digitalocean is called by its id, and tells its region and its host") {
    DigitalOceanLab lab;
    const auto made = DigitalOceanLab::member(
        lab.send("POST", namespaces_path, json::object{{"label", "jobs"}, {"region", "fra1"}}), "namespace");
    const auto id = DigitalOceanLab::text(made, "namespace");
    CHECK(id.size() == 39);
    CHECK(id.starts_with("fn-"));
    CHECK(DigitalOceanLab::text(made, "label") == "jobs");
    CHECK(DigitalOceanLab::text(made, "region") == "fra1");
    CHECK(DigitalOceanLab::text(made, "api_host") == lab.lab.server.url());
    CHECK(DigitalOceanLab::text(made, "created_at") == "2024-12-18T00:00:00Z");
    for (const auto* const absent : {"id", "uuid", "key"}) CHECK_FALSE(made.contains(absent));
    CHECK(DigitalOceanLab::member(lab.get(namespaces_path + '/' + id), "namespace") == made);
    CHECK(DigitalOceanLab::json_of(lab.get(namespaces_path)).at("namespaces") == json::array{made});
    CHECK(DigitalOceanLab::brief(lab.get(namespaces_path + "/jobs")) == "404 not_found: namespace not found");
    CHECK(lab.lab.doorkeeper->reached_at == lab.lab.server.url());
}

TEST_CASE("local digitalocean: what makes no namespace is refused as documented") {
    auto options = DigitalOceanLab::known_to_all();
    options.max_namespaces = 2;
    DigitalOceanLab lab{std::move(options)};
    const auto post = [&](json::object body) {
        return DigitalOceanLab::brief(lab.send("POST", namespaces_path, std::move(body)));
    };
    CHECK(post({{"region", "nyc1"}}) == "404 bad_request: Invalid request payload: missing label field");
    CHECK(post({{"label", ""}, {"region", "nyc1"}}) == "404 bad_request: Invalid request payload: missing label field");
    CHECK(post({{"label", 7}, {"region", "nyc1"}}) == "404 bad_request: Invalid request payload: missing label field");
    CHECK(post({{"label", "a"}}) == "404 bad_request: Invalid request payload: missing region field");
    for (const auto* const region : {"nyc3", "nyc", "NYC1", "mars1"}) {
        CAPTURE(region);
        CHECK(post({{"label", "a"}, {"region", region}}) == "404 bad_request: Invalid request payload: invalid region");
    }
    const auto raw = [&](const std::string& body, const std::string& type) {
        return DigitalOceanLab::brief(
            lab.lab.ask({.method = "POST",
                         .target = namespaces_path,
                         .fields = {{"Authorization", "Bearer may-all"}, {"Content-Type", type}},
                         .body = body}));
    };
    CHECK(raw("{", "application/json").starts_with("404 bad_request: "));
    CHECK(raw("[]", "application/json").starts_with("404 bad_request: "));
    CHECK(raw(label_body("a"), "text/plain").starts_with("404 bad_request: "));
    CHECK(raw(std::string(65'537, ' '), "application/json").starts_with("413 request_entity_too_large: "));
    // Nothing says that labels are looked at.
    CHECK(lab.make("a") != lab.make("a"));
    CHECK(post({{"label", "b"}, {"region", "nyc1"}}) == "422 unprocessable_entity: namespace limit reached");
}

TEST_CASE("local digitalocean: every region of functions is known, by its data centre") {
    for (const auto* const slug : {"ams3", "blr1", "fra1", "lon1", "nyc1", "sfo3", "sgp1", "syd1", "tor1"})
        CHECK(local::DigitalOceanNamespaces::is_region(slug));
    for (const auto* const slug : {"", "nyc", "nyc2", "nyc3", "sfo1", "ams2"})
        CHECK_FALSE(local::DigitalOceanNamespaces::is_region(slug));
}

TEST_CASE("local digitalocean: a namespace goes with its keys and its functions") {
    DigitalOceanLab lab;
    const auto id = lab.make();
    const auto other = lab.make("others");
    const auto key = lab.make_key(id);
    const auto kept = lab.make_key(other);
    const auto gone = lab.send("DELETE", namespaces_path + '/' + id);
    CHECK(gone.status == 204);
    CHECK(gone.body.empty());
    CHECK_FALSE(gone.field("ratelimit-remaining").empty());
    CHECK(lab.lab.doorkeeper->removed == std::vector{id});
    CHECK(lab.verdict(key) == "401 The supplied authentication is invalid");
    CHECK(lab.verdict(kept).starts_with("200 " + other));
    CHECK(DigitalOceanLab::brief(lab.send("DELETE", namespaces_path + '/' + id)) ==
          "404 not_found: namespace not found");
    CHECK(DigitalOceanLab::brief(lab.get(DigitalOceanLab::keys_of(id))) == "404 not_found: namespace not found");
    CHECK(lab.lab.doorkeeper->removed.size() == 1);
}

TEST_CASE("local digitalocean: an access key tells its secret once, and may have a name of its own alone") {
    DigitalOceanLab lab;
    const auto id = lab.make();
    const auto keys = DigitalOceanLab::keys_of(id);
    CHECK(DigitalOceanLab::brief(lab.get(keys)) == R"(200 {"access_keys":[],"count":0})");
    const auto made = DigitalOceanLab::member(lab.send("POST", keys, json::object{{"name", "one"}}), "access_key");
    const auto key = DigitalOceanLab::text(made, "id");
    CHECK(key.starts_with("dof_v1_"));
    CHECK(key.size() == 39);
    CHECK(DigitalOceanLab::text(made, "secret").size() > 32);
    CHECK(made.at("expires_at").is_null());
    auto listed = made;
    listed.erase("secret");
    CHECK(DigitalOceanLab::json_of(lab.get(keys)) == json::object{{"access_keys", json::array{listed}}, {"count", 1}});

    const auto brief = [&](const std::string& method, const std::string& target, json::object body) {
        return DigitalOceanLab::brief(lab.send(method, target, std::move(body)));
    };
    CHECK(brief("POST", keys, {{"name", "one"}}).starts_with("409 conflict: "));
    CHECK(brief("POST", keys, {}) == "400 bad_request: Invalid request payload: missing name field");
    const auto second = lab.make_key(id, {{"name", "two"}});
    CHECK(brief("PUT", keys + '/' + key, {{"name", "two"}}).starts_with("409 conflict: "));
    CHECK(brief("PUT", keys + '/' + key, {}).starts_with("400 bad_request: "));
    CHECK(brief("PUT", keys + "/dof_v1_none", {{"name", "x"}}) == "404 not_found: access key not found");
    lab.clock.advance(60s);
    const auto renamed =
        DigitalOceanLab::member(lab.send("PUT", keys + '/' + key, json::object{{"name", "1"}}), "access_key");
    CHECK(DigitalOceanLab::text(renamed, "name") == "1");
    CHECK(DigitalOceanLab::text(renamed, "updated_at") == "2024-12-18T00:01:00Z");
    CHECK(DigitalOceanLab::text(renamed, "created_at") == "2024-12-18T00:00:00Z");
    CHECK_FALSE(renamed.contains("secret"));
    CHECK(lab.make_key(id, {{"name", "one"}}) != second);

    CHECK(DigitalOceanLab::brief(lab.send("DELETE", keys + '/' + key)) == "200 {}");
    CHECK(DigitalOceanLab::brief(lab.send("DELETE", keys + '/' + key)) == "404 not_found: access key not found");
    CHECK(DigitalOceanLab::brief(lab.get(keys + '/' + key)).starts_with("404 not_found: "));
}

TEST_CASE("local digitalocean: an access key lives for hours or days, one hour at least, or for ever") {
    DigitalOceanLab lab;
    const auto id = lab.make();
    const auto life = [&](const char* name, json::value expires_in) {
        const auto reply = lab.send("POST", DigitalOceanLab::keys_of(id),
                                    json::object{{"name", name}, {"expires_in", std::move(expires_in)}});
        return reply.status == 201 ? DigitalOceanLab::text(DigitalOceanLab::member(reply, "access_key"), "expires_at")
                                   : DigitalOceanLab::brief(reply).substr(0, 15);
    };
    CHECK(life("a", "1h") == "2024-12-18T01:00:00Z");
    CHECK(life("b", "24h") == "2024-12-19T00:00:00Z");
    CHECK(life("c", "7d") == "2024-12-25T00:00:00Z");
    for (const auto& wrong : json::array{"never", "0h", "30m", "-1h", "1.5h", "h", "", " 1h", "1h ", "+1h", "7", "1w",
                                         "99999999999999h", 24, nullptr}) {
        CAPTURE(json::serialize(wrong));
        CHECK(life("d", wrong) == "400 bad_request");
    }
}

TEST_CASE("local digitalocean: an access key opens its own namespace's functions until it ends") {
    DigitalOceanLab lab;
    const auto first = lab.make("a");
    const auto second = lab.make("b");
    const auto of_first = lab.make_key(first, {{"name", "x"}, {"expires_in", "2h"}});
    const auto of_second = lab.make_key(second, {{"name", "x"}});
    CHECK(lab.verdict(of_first) == "200 " + first + " /api/v1/namespaces");
    CHECK(lab.verdict(of_second) == "200 " + second + " /api/v1/namespaces");
    const std::string refused = "401 The supplied authentication is invalid";
    CHECK(lab.verdict(of_first + 'x') == refused);
    CHECK(lab.verdict(of_first.substr(0, of_first.find(':')) + of_second.substr(of_second.find(':'))) == refused);
    CHECK(lab.verdict("no-colon") == refused);
    lab.clock.advance(2h - 1s);
    CHECK(lab.verdict(of_first).starts_with("200 "));
    lab.clock.advance(1s);
    CHECK(lab.verdict(of_first) == refused);
    CHECK(lab.verdict(of_second).starts_with("200 "));

    const auto none = lab.lab.ask({.target = "/api/v1/namespaces"});
    CHECK(DigitalOceanLab::brief(none) ==
          "401 The resource requires authentication, which was not supplied with the request");
    CHECK(none.field("www-authenticate").starts_with("Basic "));
    // A token of the API opens no functions.
    CHECK(DigitalOceanLab::brief(lab.get("/api/v1/namespaces")) == refused);
}

TEST_CASE("local digitalocean: the pair of uuid and key opens a namespace only where it is to be so") {
    const auto pair_of = [](DigitalOceanLab& lab) {
        const auto shown = DigitalOceanLab::member(lab.get(namespaces_path + '/' + lab.make()), "namespace");
        return DigitalOceanLab::text(shown, "uuid") + ':' + DigitalOceanLab::text(shown, "key");
    };
    DigitalOceanLab today;
    CHECK(pair_of(today) == ":");
    CHECK(today.verdict(":").starts_with("401 "));
    auto options = DigitalOceanLab::known_to_all();
    options.legacy_keys = true;
    DigitalOceanLab before{std::move(options)};
    const auto pair = pair_of(before);
    CHECK(pair.size() == 36 + 1 + 64);
    CHECK(before.verdict(pair).starts_with("200 fn-"));
    CHECK(before.verdict(pair + 'x').starts_with("401 "));
}

TEST_CASE("local digitalocean: a namespace of App Platform's is told of, and nobody's to touch") {
    auto options = DigitalOceanLab::known_to_all();
    options.app_label = "blueprint";
    options.max_namespaces = 1;
    DigitalOceanLab lab{std::move(options)};
    const auto listed = DigitalOceanLab::json_of(lab.get(namespaces_path)).at("namespaces").as_array();
    REQUIRE(listed.size() == 1);
    const auto id = DigitalOceanLab::text(listed.at(0).as_object(), "namespace");
    CHECK(id.starts_with("ap-"));
    CHECK(DigitalOceanLab::text(listed.at(0).as_object(), "label") == "blueprint");
    const std::string forbidden = "403 forbidden: You do not have access for the attempted action.";
    CHECK(DigitalOceanLab::brief(lab.get(namespaces_path + '/' + id)) == forbidden);
    CHECK(DigitalOceanLab::brief(lab.send("DELETE", namespaces_path + '/' + id)) == forbidden);
    CHECK(DigitalOceanLab::brief(lab.send("POST", DigitalOceanLab::keys_of(id), json::object{{"name", "x"}})) ==
          forbidden);
    CHECK(lab.lab.doorkeeper->removed.empty());
    // It is none of those that the account may have.
    CHECK(lab.make().starts_with("fn-"));
}

TEST_CASE("local digitalocean: too many requests in a minute are told when to come again") {
    auto options = DigitalOceanLab::known_to_all();
    options.requests_per_minute = 3;
    DigitalOceanLab lab{std::move(options)};
    const auto rate = [](const HttpReply& reply) {
        return std::to_string(reply.status) + ' ' + reply.field("ratelimit-limit") + ' ' +
               reply.field("ratelimit-remaining") + ' ' +
               std::to_string(std::stoll(reply.field("ratelimit-reset")) - start) + ' ' + reply.field("retry-after");
    };
    CHECK(rate(lab.get(namespaces_path)) == "200 5000 4999 3600 ");
    lab.clock.advance(20s);
    CHECK(rate(lab.get(namespaces_path)) == "200 5000 4998 3600 ");
    CHECK(rate(lab.get("/v2/nothing")) == "404 5000 0 3600 ");
    const auto refused = lab.get(namespaces_path);
    CHECK(rate(refused) == "429 5000 0 3600 40");
    CHECK(DigitalOceanLab::brief(refused) == "429 too_many_requests: API rate limit exceeded.");
    // Each token has its own, and who is unknown has one too.
    CHECK(rate(lab.get(namespaces_path, "may-all-too")) == "200 5000 4999 3620 ");
    CHECK(rate(lab.get(namespaces_path, "stranger")) == "401 5000 4999 3620 ");
    // What was refused does not count, and the first request is forgotten before the others.
    lab.clock.advance(40s);
    CHECK(rate(lab.get(namespaces_path)) == "200 5000 0 3600 ");
    CHECK(rate(lab.get(namespaces_path)) == "429 5000 0 3600 20");
}

TEST_CASE("local digitalocean: too many requests in an hour are not told when to come again") {
    auto options = DigitalOceanLab::known_to_all();
    options.requests_per_hour = 2;
    DigitalOceanLab lab{std::move(options)};
    CHECK(lab.get(namespaces_path).status == 200);
    lab.clock.advance(10min);
    CHECK(lab.get(namespaces_path).field("ratelimit-remaining") == "0");
    const auto refused = lab.get(namespaces_path);
    CHECK(refused.status == 429);
    CHECK(refused.field("retry-after").empty());
    CHECK(refused.field("ratelimit-remaining") == "0");
    CHECK(refused.field("ratelimit-reset") == std::to_string(start + 3600));
    lab.clock.advance(50min);
    const auto again = lab.get(namespaces_path);
    CHECK(again.status == 200);
    CHECK(again.field("ratelimit-reset") == std::to_string(start + 4200));
}

TEST_CASE("local digitalocean: what runs is told to anybody, and asking for functions costs no requests of the API") {
    auto options = DigitalOceanLab::known_to_all();
    options.requests_per_minute = 3;
    DigitalOceanLab lab{std::move(options)};
    const auto key = lab.make_key(lab.make());
    for (int i = 0; i < 5; ++i) CHECK(lab.verdict(key).starts_with("200 "));
    CHECK(lab.get(namespaces_path).status == 200);
    const auto offer = lab.lab.ask({.target = "/api/v1"});
    CHECK(DigitalOceanLab::brief(offer) == R"(200 {"runtimes":{}})");
    CHECK(offer.field("ratelimit-limit").empty());
}

TEST_CASE("local digitalocean: a body that is too long for a function is refused by what plays functions") {
    DigitalOceanLab lab;
    const auto key = lab.make_key(lab.make());
    const auto encoded = blueprint::faas::detail::base64_encode(blueprint::faas::detail::bytes_of(key));
    const auto reply = lab.lab.ask({.method = "POST",
                                    .target = "/api/v1/namespaces/_/actions/a",
                                    .fields = {{"Authorization", "Basic " + encoded}},
                                    .body = std::string(1025, 'x')});
    CHECK(DigitalOceanLab::brief(reply).starts_with("413 the body has 1025 bytes"));
    const auto malformed = lab.lab.ask({.target = namespaces_path, .fields = {{"Transfer-Encoding", "gzip"}}});
    CHECK(DigitalOceanLab::brief(malformed).starts_with("400 bad_request: "));
}

TEST_CASE("local digitalocean: without functions there is the API alone") {
    local::DigitalOceanPlatform platform{DigitalOceanLab::known_to_all()};
    const auto admission = platform.admit({.method = "GET", .target = "/api/v1"});
    REQUIRE(admission.refusal.has_value());
    CHECK(admission.refusal->status == 404);
    const auto judged =
        platform.admit({.method = "GET", .target = namespaces_path, .fields = {{"Authorization", "Bearer may-all"}}});
    CHECK_FALSE(judged.refusal.has_value());
}

TEST_CASE("local digitalocean: a test may answer in its place, and its clock may be wrong") {
    auto options = DigitalOceanLab::known_to_all();
    options.clock_offset = 90s;
    options.fault = [](const local::ServerRequest& head) -> std::optional<local::ServerAnswer> {
        if (head.method != "DELETE") return std::nullopt;
        return local::ServerAnswer{.status = 503, .content_type = "text/html", .body = "<p>busy</p>"};
    };
    DigitalOceanLab lab{std::move(options)};
    const auto listed = lab.get(namespaces_path);
    CHECK(listed.field("date") == "Wed, 18 Dec 2024 00:01:30 GMT");
    CHECK(listed.field("ratelimit-reset") == std::to_string(start + 90 + 3600));
    const auto faulted = lab.lab.ask({.method = "DELETE", .target = namespaces_path + "/fn-1"});
    CHECK(faulted.status == 503);
    CHECK(faulted.body == "<p>busy</p>");
    CHECK(faulted.field("date") == "Wed, 18 Dec 2024 00:01:30 GMT");
    CHECK(lab.lab.as_user("a:b").field("date") == "Wed, 18 Dec 2024 00:01:30 GMT");
}

TEST_CASE("local digitalocean: functions have DigitalOcean's limits") {
    const local::DigitalOceanOptions options;
    CHECK(options.functions.digitalocean);
    CHECK(options.functions.blocking_wait == 30s);
    CHECK(options.functions.max_timeout == 15min);
    CHECK(options.functions.max_memory_mib == 1024);
}

TEST_CASE("local openwhisk: without users of its own any opens the namespace guest") {
    PlatformLab<local::OpenWhiskPlatform> lab{local::OpenWhiskOptions{}};
    CHECK(DigitalOceanLab::brief(lab.as_user("who:ever")) == "200 guest /api/v1/namespaces");
    CHECK(lab.ask({.target = "/api/v1/namespaces"}).status == 401);
    CHECK(lab.as_user("no-colon").status == 401);
    CHECK(lab.ask({.target = "/api/v1"}).status == 200);
    CHECK(lab.doorkeeper->reached_at == lab.server.url());
}

TEST_CASE("local openwhisk: a user opens the namespace that is its own") {
    local::OpenWhiskOptions options;
    options.users.push_back({.name_space = "first", .user = "u1", .password = "p:1"});
    options.users.push_back({.name_space = "second", .user = "u2", .password = "p2"});
    options.fault = [](const local::ServerRequest& head) -> std::optional<local::ServerAnswer> {
        if (!head.target.ends_with("/fault")) return std::nullopt;
        return local::ServerAnswer{.status = 502, .body = "{}"};
    };
    PlatformLab<local::OpenWhiskPlatform> lab{std::move(options)};
    const auto verdict = [&](const std::string& pair) { return DigitalOceanLab::brief(lab.as_user(pair)); };
    const std::string refused = "401 The supplied authentication is invalid";
    CHECK(verdict("u1:p:1") == "200 first /api/v1/namespaces");
    CHECK(verdict("u2:p2") == "200 second /api/v1/namespaces");
    CHECK(verdict("u1:p2") == refused);
    CHECK(verdict("u1:p") == refused);
    CHECK(verdict("u2:") == refused);
    CHECK(verdict(":p2") == refused);
    CHECK(lab.as_user("u1:p2").field("www-authenticate").starts_with("Basic realm="));
    CHECK(lab.as_user("u1:p:1", "/fault").status == 502);
    const auto encoded = blueprint::faas::detail::base64_encode(blueprint::faas::detail::bytes_of("u1:p:1"));
    CHECK(lab.ask({.target = "/x", .fields = {{"Authorization", "bAsIc " + encoded}}}).status == 200);
    CHECK(lab.ask({.target = "/x", .fields = {{"Authorization", "Bearer " + encoded}}}).status == 401);
    const auto long_one = lab.ask({.method = "POST",
                                   .target = "/x",
                                   .fields = {{"Authorization", "Basic " + encoded}},
                                   .body = std::string(1025, 'x')});
    CHECK(DigitalOceanLab::brief(long_one).starts_with("413 "));
}

TEST_CASE("local cloud: DigitalOcean and OpenWhisk are on addresses of their own, until it stops") {
    local::CloudOptions options;
    options.digitalocean.emplace().tokens = {"may-all"};
    options.openwhisk.emplace();
    LocalCloudLab lab{std::move(options)};
    const auto digitalocean = lab.cloud.digitalocean_url();
    CHECK(digitalocean.starts_with("http://127.0.0.1:"));
    CHECK(lab.cloud.openwhisk_url().starts_with("http://127.0.0.1:"));
    CHECK(digitalocean != lab.cloud.openwhisk_url());
    const auto made = lab.send_to(
        digitalocean, {.method = "POST",
                       .target = namespaces_path,
                       .fields = {{"Authorization", "Bearer may-all"}, {"Content-Type", "application/json"}},
                       .body = label_body("jobs")});
    REQUIRE_MESSAGE(made.status == 200, made.body);
    CHECK(LocalCloudLab::text(LocalCloudLab::json_of(made), "namespace.api_host") == digitalocean);
    CHECK(lab.send_to(digitalocean, {.target = "/api/v1/namespaces"}).status == 401);
    CHECK(lab.send_to(lab.cloud.openwhisk_url(), {.target = "/api/v1/namespaces"}).status == 401);
    CHECK(lab.cloud.stats().requests == 3);
    auto stopping = lab.cloud.stop();
    wait_for(lab.io, std::move(stopping));
    CHECK_THROWS(lab.send_to(digitalocean, {.target = namespaces_path}));
    CHECK(lab.cloud.stats().open_connections == 0);
}

TEST_CASE("local cloud: what it is not asked to play has no address") {
    LocalCloudLab lab{local::CloudOptions{}};
    CHECK(lab.cloud.digitalocean_url().empty());
    CHECK(lab.cloud.openwhisk_url().empty());
}

TEST_CASE("local cloud: an address of theirs that is taken is told, and nothing stays open") {
    asio::io_context io{1};
    asio::ip::tcp::acceptor taken{io, {asio::ip::make_address("127.0.0.1"), 0}};
    local::CloudOptions options;
    options.digitalocean.emplace();
    options.openwhisk.emplace().port = taken.local_endpoint().port();
    local::Cloud cloud{io, std::move(options)};
    const auto started = cloud.start();
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().message.find(std::to_string(taken.local_endpoint().port())) != std::string::npos);
    REQUIRE_FALSE(cloud.digitalocean_url().empty());
    CHECK_THROWS(HttpClient(io, cloud.digitalocean_url()));
}

}  // namespace local_api_test
