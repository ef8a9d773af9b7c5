#include "blueprint/faas/codec/impl/digitalocean_place.hpp"

#include "blueprint/faas/codec/impl/openwhisk_host.hpp"
#include "digitalocean_fixture.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace digitalocean_place_test {

using namespace blueprint::faas;
using detail::OpenWhiskAccess;
using detail::OpenWhiskHost;
using tests::DigitalOceanWorld;
using tests::failed;
using tests::NamespaceApi;
using tests::ok;
using tests::rest::Call;

namespace {

using Lines = std::vector<std::string>;
const std::string root = "/v2/functions/namespaces";

bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }
std::string basic(const std::string& user_and_password) {
    return "Basic " + detail::base64_encode(detail::bytes_of(user_and_password));
}
std::string address(const OpenWhiskAccess& access) { return to_string(access.api.origin) + access.api.target; }

NamespaceApi::Answer lost_connection() {
    return Error{.code = errc::infrastructure, .message = "connection reset", .retryable = true};
}
auto instead(Verb verb, std::string end, NamespaceApi::Answer answer, int times = 1'000) {
    return [=, left = times](std::size_t, const Call& call) mutable -> std::optional<NamespaceApi::Answer> {
        if (call.verb != verb || !call.path.ends_with(end) || left == 0) return std::nullopt;
        --left;
        return answer;
    };
}

}  // namespace

TEST_CASE("D1: a namespace that is there is found and opened by a key of its own, which is made once") {
    DigitalOceanWorld world;
    world.fake->add("fn-0", "blueprint", "ams3").api_host = "https://elsewhere.example";
    world.fake->add("fn-1", "other", "nyc1");
    world.fake->add("fn-2", "blueprint", "nyc1");
    const auto access = ok(world.access());
    CHECK(address(access) == "https://faas-nyc1-0a1b.doserverless.co/api/v1");
    CHECK(access.name_space == "_");
    CHECK(access.authorization.reveal() == basic("dof_v1_example1:not-a-real-secret-1"));
    CHECK(world.news() == Lines{"GET " + root, "POST " + root + "/fn-2/keys"});
    const auto& key = world.fake->spaces[2].keys.at("dof_v1_example1");
    CHECK(key.expires_in == "24h");
    CHECK(key.name.starts_with("blueprint-faas-"));
    CHECK(key.name.size() == std::string_view{"blueprint-faas-0a1b2c3d"}.size());
    CHECK(key.name.substr(15).find_first_not_of("0123456789abcdef") == std::string::npos);

    CHECK(ok(world.access()) == access);
    CHECK(ok(world.access({}, true)) == access);
    CHECK(world.news().empty());
}

TEST_CASE("D1: a namespace by its id needs no label and no region, and one that is not there is not made") {
    DigitalOceanOptions options;
    options.namespace_id = "fn-7";
    options.label = "";
    DigitalOceanWorld world{options};
    world.fake->add("fn-7", "of somebody", "sfo3");
    CHECK(address(ok(world.access())) == "https://faas-sfo3-0a1b.doserverless.co/api/v1");

    options.namespace_id = "fn-8";
    options.region = "sfo3";
    DigitalOceanWorld absent{options};
    const auto error = failed(absent.access({}, true));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(absent.news() == Lines{"GET " + root});
}

TEST_CASE("D1: a namespace that is missing is made where deploying wants it, with label and region, and only then") {
    DigitalOceanWorld world;
    const auto error = failed(world.access());
    CHECK(error.code == errc::not_found);
    CHECK(error.execution == Execution::not_started);
    CHECK(world.news() == Lines{"GET " + root});

    const auto access = ok(world.access({}, true));
    CHECK(world.news() == Lines{"GET " + root, "POST " + root, "POST " + root + "/fn-made-0/keys"});
    CHECK(tests::rest::text(world.fake->bodies.at(2), "label") == "blueprint");
    CHECK(tests::rest::text(world.fake->bodies.at(2), "region") == "nyc1");
    CHECK(address(access) == "https://faas-nyc1-0a1b.doserverless.co/api/v1");

    using Change = std::function<void(DigitalOceanOptions&)>;
    for (const auto& change : std::vector<Change>{[](auto& o) { o.create = false; }, [](auto& o) { o.region = ""; },
                                                  [](auto& o) { o.access_key = "dof_v1_x:not-a-real-secret"; }}) {
        auto options = DigitalOceanWorld::in_nyc();
        change(options);
        DigitalOceanWorld other{options};
        CHECK(failed(other.access({}, true)).code == errc::not_found);
        CHECK(other.news() == Lines{"GET " + root});
    }
}

TEST_CASE("D1: a listing that fails never leads to a namespace that is made") {
    for (const auto& answer : std::vector<NamespaceApi::Answer>{
             NamespaceApi::error(401, "unauthorized", "Unable to authenticate you."),
             NamespaceApi::error(403, "forbidden", "no"), NamespaceApi::error(404, "not_found", "no"),
             NamespaceApi::error(429, "too_many_requests", "no"), NamespaceApi::error(500, "server_error", "no"),
             tests::rest::page(200, "Sign in"), tests::rest::reply(200, {{"links", nullptr}}), lost_connection()}) {
        DigitalOceanWorld world;
        world.fake->fault = instead(Verb::get, "namespaces", answer);
        const auto error = failed(world.access({}, true));
        CAPTURE(error.message);
        CHECK(error.execution == Execution::not_started);
        for (const auto& line : world.news()) CHECK(line == "GET " + root);
        CHECK(world.fake->spaces.empty());
    }
}

TEST_CASE(
    "D1: a namespace whose making was answered by nobody, or that another one made, is found and not made twice") {
    for (const auto& answer :
         std::vector<NamespaceApi::Answer>{lost_connection(), tests::rest::page(502, "Bad Gateway"),
                                           NamespaceApi::error(409, "conflict", "exists")}) {
        DigitalOceanWorld world;
        world.fake->lost = instead(Verb::post, "namespaces", answer, 1);
        const auto access = ok(world.access({}, true));
        CHECK(world.fake->spaces.size() == 1);
        CHECK(world.news() == Lines{"GET " + root, "POST " + root, "GET " + root, "POST " + root + "/fn-made-0/keys"});

        DigitalOceanWorld in_vain;
        in_vain.fake->fault = instead(Verb::post, "namespaces", answer);
        const auto error = failed(in_vain.access({}, true));
        CHECK(error.code ==
              (answer ? (answer->status == 409 ? errc::conflict : errc::infrastructure) : errc::infrastructure));
        CHECK(error.execution == Execution::not_started);
        CHECK(in_vain.news() == Lines{"GET " + root, "POST " + root, "GET " + root});
    }
    DigitalOceanWorld full;
    full.fake->fault =
        instead(Verb::post, "namespaces", NamespaceApi::error(422, "unprocessable_entity", "namespace limit reached"));
    const auto error = failed(full.access({}, true));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.request_id == "4d9d8375");
    CHECK(full.news() == Lines{"GET " + root, "POST " + root});
}

TEST_CASE("digitalocean: a key that was refused is replaced, and the old one is deleted") {
    DigitalOceanWorld world;
    world.fake->add("fn-1", "blueprint", "nyc1");
    const auto first = ok(world.access());
    world.news();
    const auto second = ok(world.access(first));
    CHECK(second.authorization.reveal() == basic("dof_v1_example2:not-a-real-secret-2"));
    CHECK(world.news() ==
          Lines{"GET " + root, "POST " + root + "/fn-1/keys", "DELETE " + root + "/fn-1/keys/dof_v1_example1"});
    CHECK(world.fake->keys() == 1);
    // Whoever comes late with the old one is told the new one.
    CHECK(ok(world.access(first)) == second);
    CHECK(world.news().empty());
    CHECK(ok(world.access()) == second);
}

TEST_CASE("digitalocean: an old key that cannot be deleted holds nobody up, and is deleted later") {
    DigitalOceanWorld world;
    world.fake->add("fn-1", "blueprint", "nyc1");
    const auto first = ok(world.access());
    world.fake->fault = instead(Verb::del, "dof_v1_example1", NamespaceApi::error(500, "server_error", "no"));
    const auto second = ok(world.access(first));
    CHECK(second != first);
    CHECK(world.fake->keys() == 2);
    const auto error = failed(world.release());
    CHECK(says(error, "the access key dof_v1_example1 could not be removed: no"));
    CHECK(world.fake->keys() == 1);
    world.fake->fault = {};
    CHECK(world.release().has_value());
    CHECK(world.fake->keys() == 0);
}

TEST_CASE("digitalocean: a key near its end is replaced, by this machine's clock alone and the life that was told") {
    using namespace std::chrono_literals;
    for (const bool told : {false, true}) {
        auto options = DigitalOceanWorld::in_nyc();
        options.key_life = told ? 240h : 10h;
        DigitalOceanWorld world{options};
        world.fake->add("fn-1", "blueprint", "nyc1");
        // The platform may give less than it was asked for, and its clock is far off.
        if (told)
            world.fake->fault = instead(Verb::post, "keys",
                                        tests::rest::reply(201, {{"access_key",
                                                                  {{"id", "dof_v1_short"},
                                                                   {"secret", "not-a-real-secret"},
                                                                   {"created_at", "2001-01-01T00:00:00Z"},
                                                                   {"expires_at", "2001-01-01T10:00:00Z"}}}}),
                                        1);
        const auto first = ok(world.access());
        world.clock.advance(9h - 1ms);
        CHECK(ok(world.access()) == first);
        world.news();
        world.clock.advance(1ms);
        const auto second = ok(world.access());
        CHECK(second != first);
        CHECK(world.news().size() == 3);
        CHECK(world.fake->keys() == 1);
    }
    using detail::DigitalOceanKeys;
    CHECK(DigitalOceanKeys::margin(1h) == 6min);
    CHECK(DigitalOceanKeys::margin(10h) == 1h);
    CHECK(DigitalOceanKeys::margin(24h * 90) == 1h);
}

TEST_CASE("digitalocean: a key that cannot be replaced before its end serves until its end, unless it was refused") {
    using namespace std::chrono_literals;
    auto options = DigitalOceanWorld::in_nyc();
    options.key_life = 10h;
    for (const auto& [verb, end] : {std::pair{Verb::get, "namespaces"}, std::pair{Verb::post, "keys"}}) {
        DigitalOceanWorld world{options};
        world.fake->add("fn-1", "blueprint", "nyc1");
        const auto access = ok(world.access());
        world.fake->fault = instead(verb, end, NamespaceApi::error(500, "server_error", "no"));
        world.clock.advance(10h - 1ms);
        CHECK(ok(world.access()) == access);
        CHECK(failed(world.access(access)).code == errc::infrastructure);
        world.clock.advance(1ms);
        CHECK(failed(world.access()).code == errc::infrastructure);
        world.fake->fault = {};
        CHECK(ok(world.access()) != access);
        CHECK(world.fake->keys() == 1);
    }
}

TEST_CASE("digitalocean: the keys that were made are given back, once, and no others") {
    DigitalOceanWorld world;
    auto& space = world.fake->add("fn-1", "blueprint", "nyc1");
    space.keys["dof_v1_somebodys"] = {"of somebody", "x", ""};
    CHECK(world.release().has_value());
    CHECK(world.news().empty());
    const auto access = ok(world.access());
    world.news();
    CHECK(world.release().has_value());
    CHECK(world.news() == Lines{"DELETE " + root + "/fn-1/keys/dof_v1_example1"});
    CHECK(world.release().has_value());
    CHECK(world.news().empty());
    CHECK(world.fake->keys() == 1);
    // What is asked after that gets a key anew.
    CHECK(ok(world.access()) != access);
    // A key that somebody deleted, or whose namespace is gone, is given back too.
    world.fake->spaces.clear();
    CHECK(world.release().has_value());
}

TEST_CASE("digitalocean: a key whose making was answered by nobody is made once more, by another name if it was") {
    DigitalOceanWorld world;
    world.fake->add("fn-1", "blueprint", "nyc1");
    world.fake->lost = instead(Verb::post, "keys", lost_connection(), 1);
    const auto access = ok(world.access());
    CHECK(access.authorization.reveal() == basic("dof_v1_example2:not-a-real-secret-2"));
    std::set<std::string> names;
    for (const auto& body : world.fake->bodies)
        if (body.contains("name")) names.insert(tests::rest::text(body, "name"));
    CHECK(names.size() == 2);
    CHECK(world.fake->lines.size() == 4);  // the second one met the first one's name

    DigitalOceanWorld taken;
    taken.fake->add("fn-1", "blueprint", "nyc1");
    taken.fake->fault = instead(Verb::post, "keys", NamespaceApi::error(409, "conflict", "exists"));
    CHECK(failed(taken.access()).code == errc::conflict);
    CHECK(taken.fake->lines.size() == 3);
}

TEST_CASE(
    "digitalocean: the namespace's own key is taken only where none can be made, and its refusal says all of it") {
    DigitalOceanWorld world;
    auto& space = world.fake->add("fn-1", "blueprint", "nyc1");
    space.uuid = "0f1e2d3c";
    space.key = "not-a-real-secret";
    // Where keys can be made, it is not.
    CHECK(ok(world.access()).authorization.reveal() != basic("0f1e2d3c:not-a-real-secret"));
    CHECK(world.release().has_value());

    world.fake->may_make_keys = false;
    const auto access = ok(world.access());
    CHECK(access.authorization.reveal() == basic("0f1e2d3c:not-a-real-secret"));
    world.news();
    CHECK(ok(world.access()) == access);
    CHECK(world.news().empty());
    const auto error = failed(world.access(access));
    CAPTURE(error.message);
    CHECK(error.code == errc::authentication);
    CHECK_FALSE(error.retryable);
    CHECK(says(error, "refused the namespace's own key (uuid and key)"));
    CHECK(says(error, "no use after 3 June 2026"));
    CHECK(says(error, "no access key can be made for the namespace fn-1: not allowed to manage access keys"));
    CHECK(says(error, "function:admin"));
    CHECK(says(error, "DigitalOceanOptions::access_key"));
    CHECK_FALSE(says(error, "not-a-real-secret"));
    // A token that may do more by now is enough.
    world.fake->may_make_keys = true;
    CHECK(ok(world.access(access)) != access);

    for (const auto& [uuid, key] : {std::pair{"", ""}, std::pair{"0f1e2d3c", ""}, std::pair{"", "not-a-real-secret"}}) {
        DigitalOceanWorld without;
        auto& other = without.fake->add("fn-1", "blueprint", "nyc1");
        other.uuid = uuid;
        other.key = key;
        without.fake->may_make_keys = false;
        const auto told = failed(without.access());
        CHECK(told.code == errc::authentication);
        CHECK(told.http_status == 403);
        CHECK(says(told, "no access key can be made"));
        CHECK_FALSE(says(told, "own key"));
    }
    // What is not DigitalOcean's word, or passes, is no reason to take it.
    for (const auto& answer : std::vector<NamespaceApi::Answer>{tests::rest::page(403, "Blocked by your proxy"),
                                                                NamespaceApi::error(500, "server_error", "no"),
                                                                NamespaceApi::error(401, "unauthorized", "no")}) {
        DigitalOceanWorld other;
        auto& with_key = other.fake->add("fn-1", "blueprint", "nyc1");
        with_key.uuid = "0f1e2d3c";
        with_key.key = "not-a-real-secret";
        other.fake->fault = instead(Verb::post, "keys", answer);
        CHECK(other.access().has_error());
    }
}

TEST_CASE("digitalocean: with an address and a key that are given nothing is looked up, and a refusal is told") {
    auto options = DigitalOceanWorld::in_nyc();
    options.api_host = "faas-nyc1-0a1b.doserverless.co";
    options.access_key = "dof_v1_given:not-a-real-secret";
    DigitalOceanWorld world{options};
    const auto given = world.place.given();
    REQUIRE(given.has_value());
    CHECK(address(*given) == "https://faas-nyc1-0a1b.doserverless.co/api/v1");
    CHECK(given->authorization.reveal() == basic("dof_v1_given:not-a-real-secret"));
    CHECK(ok(world.access({}, true)) == *given);
    const auto error = failed(world.access(given));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "DigitalOceanOptions::access_key"));
    CHECK_FALSE(says(error, "not-a-real-secret"));
    CHECK(world.release().has_value());
    CHECK(world.news().empty());
}

TEST_CASE(
    "digitalocean: with a key that is given only its namespace is looked up, and with an address only its key made") {
    auto options = DigitalOceanWorld::in_nyc();
    options.access_key = "dof_v1_given:not-a-real-secret";
    DigitalOceanWorld world{options};
    world.fake->may_make_keys = false;
    world.fake->add("fn-1", "blueprint", "nyc1");
    CHECK_FALSE(world.place.given().has_value());
    const auto access = ok(world.access());
    CHECK(access.authorization.reveal() == basic("dof_v1_given:not-a-real-secret"));
    CHECK(ok(world.access()) == access);
    CHECK(world.news() == Lines{"GET " + root});
    CHECK(says(failed(world.access(access)), "refused DigitalOceanOptions::access_key"));
    CHECK(world.release().has_value());
    // An address that has changed is a reason why a key is refused.
    world.fake->spaces[0].api_host = "https://faas-nyc1-ffff.doserverless.io";
    CHECK(address(ok(world.access(access))) == "https://faas-nyc1-ffff.doserverless.co/api/v1");

    options.access_key = "";
    options.api_host = "https://faas.example.com/api/v1";
    DigitalOceanWorld other{options};
    other.fake->add("fn-1", "blueprint", "nyc1").api_host = "";
    CHECK_FALSE(other.place.given().has_value());
    CHECK(address(ok(other.access())) == "https://faas.example.com/api/v1");
    CHECK(other.fake->keys() == 1);
}

TEST_CASE("digitalocean: a namespace whose address is not told, or is none, is no place to send a key to") {
    for (const auto& [host, text] : {std::pair{"", "give it in DigitalOceanOptions::api_host"},
                                     std::pair{"https://user@host", "the api_host of the namespace fn-1"}}) {
        DigitalOceanWorld world;
        world.fake->add("fn-1", "blueprint", "nyc1").api_host = host;
        const auto error = failed(world.access());
        CAPTURE(error.message);
        CHECK(says(error, text));
        CHECK(world.fake->keys() == 0);
    }
}

TEST_CASE("digitalocean: wrong options are told before anything is sent") {
    auto options = DigitalOceanWorld::in_nyc();
    options.region = "nyc3";
    DigitalOceanWorld region{options};
    options = DigitalOceanWorld::in_nyc();
    options.api_host = "https://user@host";
    options.access_key = "dof_v1_given:not-a-real-secret";
    DigitalOceanWorld host{options};
    for (auto* const world : {&region, &host}) {
        REQUIRE(world->place.misconfigured());
        const auto text = world == &region ? "DigitalOceanOptions: region" : "DigitalOceanOptions::api_host: ";
        CHECK(world->place.misconfigured()->message.starts_with(text));
        CHECK(failed(world->access({}, true)).code == errc::invalid_configuration);
        CHECK(failed(world->release()).code == errc::invalid_configuration);
        CHECK_FALSE(world->place.given().has_value());
        CHECK(world->news().empty());
    }
}

TEST_CASE("digitalocean: whichever exchange fails, no namespace is made twice and no key is forgotten") {
    for (std::size_t broken = 0;; ++broken) {
        CAPTURE(broken);
        DigitalOceanWorld world;
        bool reached = false;
        world.fake->fault = [&](std::size_t number, const Call&) -> std::optional<NamespaceApi::Answer> {
            if (number != broken) return std::nullopt;
            reached = true;
            return NamespaceApi::error(400, "bad_request", "planted");
        };
        auto access = world.access({}, true);
        const bool first = access.has_value();
        if (!first) CHECK(says(access.error(), "planted"));
        if (first) access = world.access(*access);
        if (access.has_error()) access = world.access({}, true);
        REQUIRE(access.has_value());
        CHECK(world.fake->spaces.size() == 1);
        auto released = world.release();
        if (released.has_error()) released = world.release();
        CHECK(released.has_value());
        CHECK(world.fake->keys() == 0);
        if (!reached) break;
        REQUIRE(broken < 20);
    }
}

TEST_CASE("D4: DigitalOcean's bounds are its own") {
    using namespace std::chrono_literals;
    const auto bounds = detail::DigitalOceanPlace::bounds();
    CHECK(bounds.platform == "DigitalOcean Functions");
    CHECK(bounds.min_memory_mib == 128);
    CHECK(bounds.max_memory_mib == 1024);
    CHECK(bounds.min_timeout == 100ms);
    CHECK(bounds.max_timeout == 15min);
    CHECK(bounds.calls_per_minute == 600);
    CHECK(bounds.concurrent_calls == 120);
    CHECK(bounds.blocking_wait == 30s);
    CHECK(bounds.zip_bytes == 35U << 20U);
    CHECK(OpenWhiskHost::bounds().platform == "Apache OpenWhisk");
    CHECK(OpenWhiskHost::bounds().max_memory_mib == 512);
    CHECK(OpenWhiskHost::bounds().max_timeout == 300s);
    CHECK(OpenWhiskHost::bounds().calls_per_minute == 0);
}

TEST_CASE("openwhisk: the place of a self-hosted system is what its options say, and nothing is asked for it") {
    OpenWhiskOptions options;
    options.api_host = "http://127.0.0.1:3233";
    options.auth = "somebody:not-a-real-secret";
    options.name_space = "guest";
    DigitalOceanWorld world;  // for its link
    DigitalOceanWorld::L link{world.transport, world.token, world.resilience, Deadline::max(), world.clock};
    const OpenWhiskHost host{options, world.clock};
    REQUIRE_FALSE(host.misconfigured());
    REQUIRE(host.given().has_value());
    CHECK(address(*host.given()) == "http://127.0.0.1:3233/api/v1");
    CHECK(host.given()->name_space == "guest");
    CHECK(host.given()->authorization.reveal() == basic("somebody:not-a-real-secret"));
    CHECK(ok(tests::run(world.io, host.access(link, std::nullopt, true))) == *host.given());
    const auto error = failed(tests::run(world.io, host.access(link, host.given(), true)));
    CHECK(error.code == errc::authentication);
    CHECK_FALSE(error.retryable);
    CHECK(says(error, "http://127.0.0.1:3233"));
    CHECK(says(error, "OpenWhiskOptions::auth"));
    CHECK_FALSE(says(error, "not-a-real-secret"));
    CHECK(tests::run(world.io, host.release(link)).has_value());
    CHECK(world.news().empty());

    using Change = std::function<void(OpenWhiskOptions&)>;
    const std::vector<std::pair<std::string_view, Change>> wrong{
        {"api_host is empty", [](auto& o) { o.api_host = ""; }},
        {"OpenWhiskOptions::api_host: bad URL", [](auto& o) { o.api_host = "https://a b"; }},
        {"auth is empty", [](auto& o) { o.auth = ""; }},
        {"auth is no user and password", [](auto& o) { o.auth = "not-a-real-secret"; }},
        {"auth is no user and password", [](auto& o) { o.auth = "somebody:"; }},
        {"auth is no user and password", [](auto& o) { o.auth = ":not-a-real-secret"; }},
        {"auth is no user and password", [](auto& o) { o.auth = "somebody:not-a-real-secret\r\nX: y"; }},
        {"name_space is no name", [](auto& o) { o.name_space = ""; }},
        {"name_space is no name", [](auto& o) { o.name_space = "a/b"; }},
        {"name_space is no name", [](auto& o) { o.name_space = "-a"; }},
        {"name_space is no name", [](auto& o) { o.name_space = "a "; }},
    };
    for (const auto& [text, change] : wrong) {
        auto given = options;
        change(given);
        const OpenWhiskHost bad{given, world.clock};
        REQUIRE_MESSAGE(bad.misconfigured(), text);
        CAPTURE(bad.misconfigured()->message);
        CHECK(says(*bad.misconfigured(), text));
        CHECK_FALSE(says(*bad.misconfigured(), "not-a-real-secret"));
        CHECK_FALSE(bad.given().has_value());
        CHECK(failed(tests::run(world.io, bad.access(link, std::nullopt, true))).code == errc::invalid_configuration);
    }
}

}  // namespace digitalocean_place_test
