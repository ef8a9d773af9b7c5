#include "blueprint/faas/provider/digitalocean.hpp"
#include "support/aws_world.hpp"
#include "support/run.hpp"
#include "support/script.hpp"
#include "support/source_world.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace digitalocean_provider_test {

using namespace blueprint::faas;
using tests::ok;
using tests::says;

namespace {

const std::string access_key = "dof_v1_abc:secret-of-the-namespace";

Error refused(result<digitalocean::Options> options) {
    Error error = tests::failed(std::move(options));
    std::ostringstream text;
    text << error;
    CHECK_MESSAGE(text.str().find("secret-of") == std::string::npos, text.str());
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    return error;
}

}  // namespace

TEST_CASE("digitalocean: what options leave open is filled in by variables, and nothing else is") {
    tests::AwsWorld world;
    auto options = ok(digitalocean::resolve({}, world));
    CHECK(options.region.empty());
    CHECK(options.namespace_id.empty());
    CHECK(options.api_host.empty());
    CHECK(options.endpoint.empty());
    CHECK(options.access_key.empty());
    CHECK(options.label == "blueprint");

    world.variables = {{"BLUEPRINT_DIGITALOCEAN_ACCESS_KEY", access_key + "\n"},
                       {"BLUEPRINT_DIGITALOCEAN_API_HOST", "https://faas-nyc1-abc.doserverless.co/"},
                       {"BLUEPRINT_DIGITALOCEAN_NAMESPACE", "fn-72f988bf-0000-4000-8000-000000000000"},
                       {"BLUEPRINT_DIGITALOCEAN_REGION", " nyc1 "},
                       {"DIGITALOCEAN_API_URL", "https://127.0.0.1:7443"}};
    options = ok(digitalocean::resolve({}, world));
    CHECK(options.access_key.reveal() == access_key);
    CHECK(options.api_host == "https://faas-nyc1-abc.doserverless.co");
    CHECK(options.namespace_id == "fn-72f988bf-0000-4000-8000-000000000000");
    CHECK(options.region == "nyc1");
    CHECK(options.endpoint == "https://127.0.0.1:7443");

    digitalocean::Options given{.region = "ams3", .namespace_id = "fn-1"};
    given.api_host = "https://functions.example.com";
    given.access_key = "dof_v1_given:other";
    given.endpoint = "https://api.example.com";
    options = ok(digitalocean::resolve(given, world));
    CHECK(options.access_key.reveal() == "dof_v1_given:other");
    CHECK(options.api_host == "https://functions.example.com");
    CHECK(options.namespace_id == "fn-1");
    CHECK(options.region == "ams3");
    CHECK(options.endpoint == "https://api.example.com");
}

TEST_CASE("digitalocean: a variable that cannot be what it should be is named, and not shown") {
    for (const auto& [variable, value, told] : std::vector<std::tuple<std::string, std::string, std::string>>{
             {"BLUEPRINT_DIGITALOCEAN_NAMESPACE", "secret-of-somebody", "begins with 'fn-'"},
             {"BLUEPRINT_DIGITALOCEAN_NAMESPACE", "fn-secret-of/../x", "begins with 'fn-'"},
             {"BLUEPRINT_DIGITALOCEAN_REGION", "secret-of_somebody", "such as nyc1"},
             {"BLUEPRINT_DIGITALOCEAN_REGION", "New York", "such as nyc1"},
             {"BLUEPRINT_DIGITALOCEAN_API_HOST", "secret-of-somebody", "address"},
             {"BLUEPRINT_DIGITALOCEAN_API_HOST", "https://secret-of:x@example.com", "address"},
             {"BLUEPRINT_DIGITALOCEAN_API_HOST", "https://example.com/?secret-of=1", "it has a query"},
             {"DIGITALOCEAN_API_URL", "ftp://secret-of-somebody", "address"},
             {"BLUEPRINT_DIGITALOCEAN_ACCESS_KEY", "secret-of-the-namespace", "a colon and its secret"},
             {"BLUEPRINT_DIGITALOCEAN_ACCESS_KEY", ":secret-of-the-namespace", "a colon and its secret"},
             {"BLUEPRINT_DIGITALOCEAN_ACCESS_KEY", "secret-of-the-namespace:", "a colon and its secret"},
             {"BLUEPRINT_DIGITALOCEAN_ACCESS_KEY", "'dof_v1_a:secret-of-the-namespace'", "a colon and its secret"},
             {"BLUEPRINT_DIGITALOCEAN_ACCESS_KEY", "dof_v1_a: secret-of-the-namespace", "a colon and its secret"},
         }) {
        CAPTURE(variable);
        CAPTURE(value);
        tests::AwsWorld world;
        world.variables = {{variable, value}};
        const auto error = refused(digitalocean::resolve({}, world));
        CHECK(says(error, variable + " is no "));
        CHECK(says(error, told));
    }
    // What the options say is not looked at in the variables.
    tests::AwsWorld world;
    world.variables = {{"BLUEPRINT_DIGITALOCEAN_REGION", "New York"}};
    CHECK(ok(digitalocean::resolve({.region = "nyc1"}, world)).region == "nyc1");
}

TEST_CASE("digitalocean: an executor is made without asking anybody, and a token that cannot be one is told at once") {
    boost::asio::io_context io;
    tests::AwsWorld world;
    world.variables = {{"BLUEPRINT_DIGITALOCEAN_REGION", "fra1"}};
    auto made = digitalocean::create(io.get_executor(), {}, {}, world);
    REQUIRE(made.has_value());
    CHECK(made->codec().options().region == "fra1");
    CHECK(made->provider_name() == "DigitalOcean Functions");

    made = digitalocean::create(io.get_executor(), {}, {.token = access_key}, world);
    REQUIRE(made.has_error());
    CHECK(made.error().code == errc::invalid_configuration);
    CHECK(says(made.error(), "ClientOptions::token is no API token of DigitalOcean's"));
    CHECK(made.error().message.find("secret-of") == std::string::npos);
    CHECK(digitalocean::create(io.get_executor(), {}, {.token = "dop_v1_good"}, world).has_value());
    world.variables = {{"BLUEPRINT_DIGITALOCEAN_REGION", "New York"}};
    CHECK(digitalocean::create(io.get_executor(), {}, {}, world).has_error());

    auto own = digitalocean::create<JsonBytes>(tests::play(io, std::make_shared<tests::Script>()),
                                               DigitalOceanAuth{"dop_v1_good"}, {.region = "nyc1"}, {}, world);
    REQUIRE(own.has_value());
    CHECK(own->codec().options().region == "nyc1");
}

TEST_CASE("digitalocean: the token of the client goes to DigitalOcean's API") {
    boost::asio::io_context io;
    tests::AwsWorld world;
    const auto script = std::make_shared<tests::Script>();
    script->then(401, R"({"id":"Unauthorized","message":"Unable to authenticate you"})");
    auto made = ok(digitalocean::create(tests::play(io, script), DigitalOceanAuth{"dop_v1_good"}, {}, {}, world));
    const auto error = tests::failed(tests::run(io, made.invoke(JobCall{.job_id = JobId{7U}})));
    CHECK(error.code == errc::authentication);
    CHECK(error.execution == Execution::not_started);
    REQUIRE(script->seen.size() == 1);
    CHECK(script->seen[0].line == "GET /v2/functions/namespaces");
    CHECK(script->seen[0].origin == "https://api.digitalocean.com");
    CHECK(script->seen[0].headers.get("Authorization") == "Bearer dop_v1_good");
}

}  // namespace digitalocean_provider_test
