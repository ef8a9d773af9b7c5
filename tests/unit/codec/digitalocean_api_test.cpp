#include "blueprint/faas/codec/digitalocean_api.hpp"

#include "support/run.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace digitalocean_api_test {

using namespace blueprint::faas;
using detail::DigitalOceanApi;
using detail::DigitalOceanNamespace;
using tests::failed;
using tests::ok;

namespace {

HttpResponse answered(unsigned status, std::string body) { return {.status = status, .body = std::move(body)}; }
HttpResponse with(HttpResponse answer, std::string_view name, std::string_view value) {
    answer.headers.set(name, value);
    return answer;
}
std::string error_json(const std::string& id, const std::string& message) {
    return R"({"id":")" + id + R"(","message":")" + message + R"(","request_id":"4d9d8375-3c56"})";
}
Error judged(const HttpResponse& answer) {
    auto error = DigitalOceanApi::judge(answer);
    REQUIRE(error.has_value());
    return *error;
}
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }
DigitalOceanOptions options() {
    DigitalOceanOptions options;
    options.region = "nyc1";
    return options;
}
DigitalOceanNamespace space(std::string id, std::string label, std::string region) {
    DigitalOceanNamespace out;
    out.id = std::move(id);
    out.label = std::move(label);
    out.region = std::move(region);
    return out;
}
result<std::vector<DigitalOceanNamespace>> namespaces(std::string body) {
    auto answer = answered(200, std::move(body));
    auto read = DigitalOceanApi::read_namespaces(answer);
    CHECK(answer.body.empty());
    return read;
}

}  // namespace

TEST_CASE("D1: requests of namespaces and keys are the API's, in its flat form") {
    const DigitalOceanApi api{options()};
    REQUIRE_FALSE(api.misconfigured());
    const auto listed = api.list_namespaces();
    CHECK(to_string(listed.origin) == "https://api.digitalocean.com");
    CHECK(listed.verb == Verb::get);
    CHECK(listed.target == "/v2/functions/namespaces");
    CHECK(listed.body.size() == 0);

    const auto made = api.create_namespace();
    CHECK(made.verb == Verb::post);
    CHECK(made.target == "/v2/functions/namespaces");
    CHECK(made.headers.get("Content-Type") == "application/json");
    CHECK(boost::json::parse(made.body.view()) == boost::json::parse(R"({"region":"nyc1","label":"blueprint"})"));

    const auto key = api.create_key("fn-1/../2", "blueprint-faas-01");
    CHECK(key.verb == Verb::post);
    CHECK(key.target == "/v2/functions/namespaces/fn-1%2F..%2F2/keys");
    CHECK(boost::json::parse(key.body.view()) ==
          boost::json::parse(R"({"name":"blueprint-faas-01","expires_in":"24h"})"));

    const auto removed = api.delete_key("fn-1", "dof_v1_ab");
    CHECK(removed.verb == Verb::del);
    CHECK(removed.target == "/v2/functions/namespaces/fn-1/keys/dof_v1_ab");
    for (const auto& request : {listed, made, key, removed}) CHECK_FALSE(request.headers.get("Authorization"));

    auto local = options();
    local.endpoint = "https://127.0.0.1:8443/do/";
    const DigitalOceanApi other{local};
    CHECK(to_string(other.list_namespaces().origin) == "https://127.0.0.1:8443");
    CHECK(other.list_namespaces().target == "/do/v2/functions/namespaces");
}

TEST_CASE("D1: a region is told as the API writes it, and one without functions is refused with those that have them") {
    const std::vector<std::pair<std::string_view, std::string_view>> good{
        {"nyc1", "nyc1"}, {"nyc", "nyc1"},  {"NYC", "nyc1"}, {"Ams3", "ams3"}, {"ams", "ams3"},
        {"blr", "blr1"},  {"fra", "fra1"},  {"lon", "lon1"}, {"sfo", "sfo3"},  {"sgp", "sgp1"},
        {"syd", "syd1"},  {"tor1", "tor1"}, {"tor", "tor1"}, {"atl1", "atl1"},  // a city that was added later
    };
    for (const auto& [given, slug] : good) {
        CAPTURE(given);
        CHECK(ok(DigitalOceanApi::region_slug(given)) == slug);
    }
    const std::vector<std::pair<std::string_view, std::string_view>> near{
        {"nyc3", "nyc1"}, {"sfo2", "sfo3"}, {"ams2", "ams3"}, {"nyc12", "nyc1"}};
    for (const auto& [given, there] : near) {
        const auto error = failed(DigitalOceanApi::region_slug(given));
        CAPTURE(error.message);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK(says(error, "the one there is " + std::string{there}));
    }
    for (const std::string_view given : {"", "ny", "us-east-1", "nyc-1", "xyz", "paris", "1nyc", "n\nyc", "atl12"}) {
        const auto error = failed(DigitalOceanApi::region_slug(given));
        CAPTURE(error.message);
        CHECK(says(error, "ams3, blr1, fra1, lon1, nyc1, sfo3, sgp1, syd1, tor1"));
        CHECK_FALSE(says(error, "\n"));
    }
    auto wrong = options();
    wrong.region = "nyc3";
    REQUIRE(DigitalOceanApi{wrong}.misconfigured());
    CHECK(says(*DigitalOceanApi{wrong}.misconfigured(), "DigitalOceanOptions: region: 'nyc3'"));
    wrong.region = "SFO";
    CHECK(DigitalOceanApi{wrong}.region() == "sfo3");
}

TEST_CASE("digitalocean: options that cannot be meant are told by their name, and no secret with them") {
    using Change = std::function<void(DigitalOceanOptions&)>;
    const std::vector<std::pair<std::string_view, Change>> wrong{
        {"endpoint: bad URL", [](auto& o) { o.endpoint = "api.digitalocean.com"; }},
        {"endpoint has a query", [](auto& o) { o.endpoint = "https://api.digitalocean.com/?a=b"; }},
        {"one of App Platform's", [](auto& o) { o.namespace_id = "ap-01"; }},
        {"namespace_id is no id", [](auto& o) { o.namespace_id = "fn-1/../2"; }},
        {"label has a control character", [](auto& o) { o.label = "a\nb"; }},
        {"label and namespace_id are empty", [](auto& o) { o.label = ""; }},
        {"access_key is none", [](auto& o) { o.access_key = "not-a-real-value"; }},
        {"access_key is none", [](auto& o) { o.access_key = ":not-a-real-value"; }},
        {"access_key is none", [](auto& o) { o.access_key = "not-a-real-value:"; }},
        {"access_key is none", [](auto& o) { o.access_key = "not-a-real-value:x\n"; }},
        {"key_name is no name", [](auto& o) { o.key_name = ""; }},
        {"key_name is no name", [](auto& o) { o.key_name = std::string(65, 'a'); }},
        {"key_life is 0 h", [](auto& o) { o.key_life = std::chrono::hours{0}; }},
        {"key_life is 1000000 h", [](auto& o) { o.key_life = std::chrono::hours{1'000'000}; }},
    };
    for (const auto& [text, change] : wrong) {
        auto given = options();
        change(given);
        const DigitalOceanApi api{given};
        REQUIRE_MESSAGE(api.misconfigured(), text);
        CAPTURE(api.misconfigured()->message);
        CHECK(api.misconfigured()->code == errc::invalid_configuration);
        CHECK(says(*api.misconfigured(), text));
        CHECK_FALSE(says(*api.misconfigured(), "not-a-real-value"));
    }
    // What looks nothing up needs no name of a namespace.
    auto given = options();
    given.label = "";
    given.api_host = "https://faas.example.com";
    given.access_key = "dof_v1_example:not-a-real-value";
    CHECK_FALSE(DigitalOceanApi{given}.misconfigured());
}

TEST_CASE(
    "D1: namespaces are read by `namespace`, those of App Platform are dropped, and no `uuid` or `key` is needed") {
    const auto read = ok(namespaces(R"({"namespaces":[
        {"api_host":"https://faas-nyc1-00.doserverless.io","namespace":"fn-1","label":"blueprint","region":"nyc1",
         "uuid":"u","key":"not-a-real-value","created_at":"2026-01-02T03:04:05Z","new_member":[1]},
        {"api_host":"https://faas-ams3-00.doserverless.io","namespace":"ap-2","label":"blueprint","region":"nyc1"},
        {"api_host":"https://faas-ams3-00.doserverless.co/","namespace":"fn-3","label":"x","region":"ams3","uuid":"u",
         "key":""},
        {"namespace":"fn-4"}],"count":4})"));
    REQUIRE(read.size() == 3);
    CHECK(read[0].id == "fn-1");
    CHECK(read[0].label == "blueprint");
    CHECK(read[0].region == "nyc1");
    CHECK(read[0].api_host == "https://faas-nyc1-00.doserverless.co");
    CHECK(read[0].legacy_key.reveal() == "u:not-a-real-value");
    CHECK(read[1].id == "fn-3");
    CHECK(read[1].api_host == "https://faas-ams3-00.doserverless.co");
    CHECK(read[1].legacy_key.empty());
    CHECK(read[2].api_host.empty());

    CHECK(ok(namespaces(R"({"namespaces":[]})")).empty());
    CHECK(ok(namespaces(R"({"namespaces":null})")).empty());
}

TEST_CASE("D1: what is no list of namespaces does not pass for an empty one") {
    for (const std::string_view body :
         {"", "{}", "[]", "null", R"({"namespaces":{}})", R"({"namespaces":[1]})", R"({"namespaces":[{"id":"fn-1"}]})",
          R"({"namespaces":[{"namespace":""}]})", R"({"namespaces":[{"namespace":7}]})", R"({"namespaces":[)",
          "<html><body>Sign in</body></html>"}) {
        CAPTURE(body);
        const auto error = failed(namespaces(std::string{body}));
        CHECK(error.code == errc::serialization);
        CHECK_FALSE(error.retryable);
        CHECK(error.execution == Execution::not_started);
    }
}

TEST_CASE("digitalocean: only the host of a namespace `fn-` that ends in .io is asked by another name") {
    const std::vector<std::pair<std::string_view, std::string_view>> hosts{
        {"https://faas-nyc1-00.doserverless.io", "https://faas-nyc1-00.doserverless.co"},
        {"https://faas-nyc1-00.doserverless.io/", "https://faas-nyc1-00.doserverless.co"},
        {"https://faas-nyc1-00.doserverless.co", "https://faas-nyc1-00.doserverless.co"},
        {"https://127.0.0.1:8443", "https://127.0.0.1:8443"},
        {"https://faas.io.example.com", "https://faas.io.example.com"},
    };
    for (const auto& [told, asked] : hosts) {
        const auto list = [&](const std::string& id) {
            return ok(namespaces(R"({"namespaces":[{"namespace":")" + id + R"(","api_host":")" + std::string{told} +
                                 R"("}]})"));
        };
        CAPTURE(told);
        CHECK(list("fn-1").at(0).api_host == asked);
        if (told.ends_with(".io")) CHECK(list("other-1").at(0).api_host == told);
    }
}

TEST_CASE("digitalocean: a namespace and a key that were made are read, and a key without a secret is none") {
    auto made =
        answered(200, R"({"namespace":{"namespace":"fn-1","label":"l","region":"nyc1","api_host":"https://h"}})");
    CHECK(ok(DigitalOceanApi::read_namespace(made)).id == "fn-1");
    CHECK(made.body.empty());
    for (const std::string_view body : {"{}", R"({"namespace":[]})", R"({"namespace":{}})"}) {
        auto answer = answered(200, std::string{body});
        CHECK(failed(DigitalOceanApi::read_namespace(answer)).code == errc::serialization);
    }

    const auto key_of = [](const std::string& members) {
        auto answer = answered(201, R"({"access_key":{)" + members + "}}");
        auto read = DigitalOceanApi::read_key(answer);
        CHECK(answer.body.empty());
        return read;
    };
    const std::string good = R"("id":"dof_v1_ab","name":"n","secret":"not-a-real-value")";
    const auto key = ok(
        key_of(good + R"(,"created_at":"2026-12-19T10:30:00Z","expires_at":"2026-12-20T09:30:00Z","updated_at":"")"));
    CHECK(key.id == "dof_v1_ab");
    CHECK(key.secret.reveal() == "not-a-real-value");
    CHECK(key.life == std::chrono::hours{23});
    CHECK_FALSE(ok(key_of(good + R"(,"created_at":"2026-12-19T10:30:00Z","expires_at":null)")).life);
    CHECK_FALSE(ok(key_of(good + R"(,"created_at":"2026-12-19T10:30:00Z","expires_at":"2026-12-19T10:30:00Z")")).life);
    CHECK_FALSE(ok(key_of(good)).life);
    for (const std::string_view members :
         {R"("id":"dof_v1_ab")", R"("secret":"not-a-real-value")", R"("id":"dof:v1","secret":"not-a-real-value")",
          R"("id":"dof_v1\r\nX: y","secret":"not-a-real-value")", ""}) {
        const auto error = failed(key_of(std::string{members}));
        CHECK(error.code == errc::serialization);
        CHECK_FALSE(says(error, "not-a-real-value"));
    }
}

TEST_CASE("D1: a namespace is found by id, else by label and region, and never guessed") {
    const std::vector<DigitalOceanNamespace> there{space("fn-1", "blueprint", "nyc1"), space("fn-2", "other", "nyc1"),
                                                   space("fn-3", "twice", "nyc1"),     space("fn-4", "twice", "ams3"),
                                                   space("fn-5", "again", "fra1"),     space("fn-6", "again", "fra1")};
    const auto choose = [&](std::string label, std::string region, std::string id = {}) {
        DigitalOceanOptions given;
        given.label = std::move(label);
        given.region = std::move(region);
        given.namespace_id = std::move(id);
        return DigitalOceanApi{given}.choose(there);
    };
    const auto id_of = [&](std::string label, std::string region, std::string id = {}) {
        auto chosen = ok(choose(std::move(label), std::move(region), std::move(id)));
        return chosen ? chosen->id : "none";
    };
    CHECK(id_of("blueprint", "nyc1") == "fn-1");
    CHECK(id_of("blueprint", "nyc") == "fn-1");
    CHECK(id_of("blueprint", "") == "fn-1");
    CHECK(id_of("blueprint", "", "fn-2") == "fn-2");  // whatever its label is
    CHECK(id_of("twice", "ams3") == "fn-4");
    CHECK(id_of("Blueprint", "") == "none");
    CHECK(id_of("absent", "nyc1") == "none");

    struct Refused {
        std::string label, region, id;
        std::vector<std::string_view> texts;
    };
    for (const auto& [label, region, id, texts] : std::vector<Refused>{
             {"blueprint", "ams3", "", {"'blueprint' in nyc1 (fn-1)", "is not in ams3", "DigitalOceanOptions::region"}},
             {"blueprint", "ams3", "fn-2", {"(fn-2)", "is not in ams3"}},
             {"twice", "", "", {"fn-3", "fn-4", "DigitalOceanOptions::namespace_id or DigitalOceanOptions::region"}},
             {"again", "fra1", "", {"fn-5", "fn-6", "DigitalOceanOptions::namespace_id"}},
             {"blueprint", "", "fn-9", {"has no namespace fn-9", "it has 'blueprint' in nyc1 (fn-1)"}},
         }) {
        const auto error = failed(choose(label, region, id));
        CAPTURE(error.message);
        CHECK(error.code == errc::invalid_configuration);
        for (const auto text : texts) CHECK(says(error, text));
    }
    CHECK_FALSE(says(failed(choose("again", "fra1")), "or DigitalOceanOptions::region"));
}

TEST_CASE("D1: of a namespace that is absent it is told what to do about it") {
    using Change = std::function<void(DigitalOceanOptions&)>;
    const std::vector<std::pair<std::string_view, Change>> ways{
        {"deploy a job first, which makes it", [](auto&) {}},
        {"set DigitalOceanOptions::create", [](auto& o) { o.create = false; }},
        {"give DigitalOceanOptions::region, such as nyc1", [](auto& o) { o.region = ""; }},
        {"DigitalOceanOptions::access_key opens", [](auto& o) { o.access_key = "dof_v1_example:not-a-real-value"; }},
    };
    for (const auto& [text, change] : ways) {
        auto given = options();
        change(given);
        const DigitalOceanApi api{given};
        const auto error = api.absent({space("fn-2", "other", "fra1")});
        CAPTURE(error.message);
        CHECK(error.code == errc::not_found);
        CHECK(error.execution == Execution::not_started);
        CHECK(says(error, "'blueprint'"));
        CHECK(says(error, "only 'other' in fra1 (fn-2)"));
        CHECK(says(error, text));
        CHECK(api.can_make() == text.starts_with("deploy"));
    }
}

TEST_CASE("digitalocean: each refusal is told as what it means, with the platform's name and request id") {
    struct Row {
        unsigned status;
        std::string_view id;
        errc code;
        bool retryable;
        Execution execution;
    };
    for (const auto& row : std::vector<Row>{
             {400, "bad_request", errc::invalid_configuration, false, Execution::not_started},
             {401, "unauthorized", errc::authentication, true, Execution::not_started},
             {403, "forbidden", errc::authentication, false, Execution::not_started},
             {404, "not_found", errc::not_found, false, Execution::not_started},
             {404, "bad_request", errc::invalid_configuration, false, Execution::not_started},
             {405, "method_not_allowed", errc::unsupported, false, Execution::not_started},
             {409, "conflict", errc::conflict, false, Execution::not_started},
             {422, "unprocessable_entity", errc::invalid_configuration, false, Execution::not_started},
             {429, "too_many_requests", errc::throttled, true, Execution::not_started},
             {500, "server_error", errc::infrastructure, true, Execution::unknown},
             {503, "service_unavailable", errc::infrastructure, true, Execution::unknown},
             {418, "teapot", errc::serialization, false, Execution::unknown},
         }) {
        const auto error = judged(answered(row.status, error_json(std::string{row.id}, "what it says")));
        CAPTURE(row.status);
        CAPTURE(error.message);
        CHECK(error.code == row.code);
        CHECK(error.retryable == row.retryable);
        CHECK(error.execution == row.execution);
        CHECK(error.http_status == row.status);
        CHECK(error.platform_code == row.id);
        CHECK(error.request_id == "4d9d8375-3c56");
        CHECK(error.message.starts_with("what it says"));
    }
    for (const unsigned status : {200U, 201U, 204U}) CHECK_FALSE(DigitalOceanApi::judge(answered(status, "")));
    CHECK(says(judged(answered(403, error_json("forbidden", "no"))), "access keys need function:admin"));
    CHECK(says(judged(answered(422, error_json("unprocessable_entity", "namespace limit reached"))),
               "name a namespace that is there"));
    // An optional request id, and texts for people.
    const auto bare = judged(answered(500, R"({"id":"server_error","message":"a\nb"})"));
    CHECK(bare.request_id.empty());
    CHECK(bare.message.starts_with("a b"));
}

TEST_CASE("C11: a page of somebody else is no word of DigitalOcean's about what is there") {
    const auto page = judged(answered(404, "<html><body><h1>Not Found</h1></body></html>"));
    CHECK(page.code == errc::invalid_configuration);
    CHECK(page.message.starts_with("Not Found; that was not said by DigitalOcean's API"));
    CHECK(judged(answered(404, R"({"message":"no route"})")).code == errc::invalid_configuration);
    CHECK(judged(answered(502, "<html><body>Bad Gateway</body></html>")).code == errc::infrastructure);
    CHECK(says(judged(answered(502, "")), "DigitalOcean answered HTTP 502"));

    const auto moved = judged(with(answered(302, ""), "Location", "https://elsewhere.example/login?state=secret"));
    CHECK(moved.code == errc::infrastructure);
    CHECK(says(moved, "https://elsewhere.example/login;"));
    CHECK_FALSE(says(moved, "secret"));
    CHECK_FALSE(moved.retryable);
}

TEST_CASE("digitalocean: a limit tells how long to wait, by its own clock") {
    using std::chrono::seconds;
    struct Row {
        unsigned status;
        std::string_view after, remaining, reset, date;
        std::optional<std::chrono::milliseconds> wait;
    };
    // Sun, 06 Nov 1994 08:49:37 GMT is 784111777.
    static constexpr std::string_view date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (const auto& row : std::vector<Row>{
             {429, "17", "", "", "", seconds{17}},
             {429, "17", "0", "784112777", date, seconds{17}},
             {429, "", "0", "784112777", date, seconds{1000}},
             {429, "", "0", "784111777", date, seconds{1}},
             {429, "", "0", "784111000", date, seconds{1}},
             {429, "", "12", "784112777", date, {}},  // it was another limit
             {429, "", "", "784112777", date, {}},
             {429, "", "0", "784112777", "", {}},
             {429, "", "0", "soon", date, {}},
             {429, "", "0", "99999999999999999999", date, {}},
             {429, "", "zero", "784112777", date, {}},
             {503, "", "0", "784112777", date, {}},
             {503, "3", "", "", "", seconds{3}},
         }) {
        auto answer = answered(row.status, error_json("too_many_requests", "API rate limit exceeded."));
        for (const auto& [name, value] :
             {std::pair{"retry-after", row.after}, std::pair{"ratelimit-remaining", row.remaining},
              std::pair{"ratelimit-reset", row.reset}, std::pair{"Date", row.date}})
            if (!value.empty()) answer.headers.set(name, value);
        CAPTURE(row.after);
        CAPTURE(row.remaining);
        CAPTURE(row.reset);
        CHECK((judged(answer).retry_after == row.wait));
    }
}

}  // namespace digitalocean_api_test
