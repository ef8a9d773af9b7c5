#include "blueprint/faas/auth/digitalocean.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/resilience/standard.hpp"
#include "blueprint/faas/transport/in_memory.hpp"
#include "support/run.hpp"
#include "support/source_world.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace digitalocean_auth_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using digitalocean::TokenOptions;
using tests::ok;
using tests::says;

namespace {

const std::string file = "/h/ann/.config/doctl/config.yaml";
const std::string two_contexts =
    "access-token: secret-of-the-default\n"
    "auth-contexts:\n"
    "  home: secret-of-home\n"
    "  work: secret-of-work\n";

struct World : tests::SourceWorld {
    World() { around.variables["HOME"] = "/h/ann"; }

    DigitalOceanAuth auth(TokenOptions options = {}) { return DigitalOceanAuth{around, std::move(options)}; }
    template <class Purpose>
    result<HttpRequest> authorized(DigitalOceanAuth& auth, Purpose purpose, HttpRequest request = {}) {
        auto done = tests::run(io, auth.authorize(request, purpose));
        if (!done) return std::move(done).error();
        return request;
    }
    std::string sent(DigitalOceanAuth& auth) {
        const auto request = ok(authorized(auth, purpose::ControlPlane{}));
        return std::string{request.headers.get("Authorization").value_or("(none)")};
    }
    /// What an auth of these surroundings sends.
    std::string sent(TokenOptions options = {}) {
        auto asking = auth(std::move(options));
        return sent(asking);
    }
    /// Why one sends nothing; it never shows a token.
    Error refused(TokenOptions options = {}) {
        auto asking = auth(std::move(options));
        Error error = tests::failed(authorized(asking, purpose::ControlPlane{}));
        std::ostringstream text;
        text << error;
        CHECK_MESSAGE(text.str().find("secret-of") == std::string::npos, text.str());
        CHECK(error.execution == Execution::not_started);
        CHECK_FALSE(error.retryable);
        return error;
    }
    /// What the API says of a request, which is sent once more if the auth has another token.
    result<HttpResponse> exchange(DigitalOceanAuth& auth) {
        auto transport = tests::play(io, script);
        StandardResilience resilience;
        Link<InMemoryTransport, DigitalOceanAuth, StandardResilience> link{transport, auth, resilience,
                                                                           deadline_after(1min), around};
        HttpRequest request;
        request.origin.host = "api.digitalocean.com";
        request.target = "/v2/functions/namespaces";
        const auto judge = [](const HttpResponse& answer) -> std::optional<Error> {
            if (answer.status != 401) return std::nullopt;
            return Error{.code = errc::authentication, .message = "Unable to authenticate you", .retryable = true};
        };
        return tests::run(io, link.exchange(request, purpose::ControlPlane{}, Repeat::safe, judge));
    }
};

}  // namespace

TEST_CASE("digitalocean: a token that is given is sent to the API, and to nobody else") {
    World world;
    DigitalOceanAuth auth{"secret-of-the-options"};
    CHECK(world.sent(auth) == "Bearer secret-of-the-options");
    CHECK(world.sent(auth) == "Bearer secret-of-the-options");
    CHECK(auth.found_in() == "the options");

    HttpRequest call;
    call.headers.set("Authorization", "Basic YWNjZXNzLWtleQ==");
    const purpose::Invocation calling{.audience = "https://faas.example.com"};
    CHECK(ok(world.authorized(auth, calling, call)).headers.text() == call.headers.text());
    CHECK(ok(world.authorized(auth, calling)).headers.empty());
    CHECK(ok(world.authorized(auth, purpose::Upload{})).headers.empty());
    CHECK(auth.try_authorize(call, calling));
    CHECK(call.headers.text() == "Authorization: Basic YWNjZXNzLWtleQ==\r\n");

    const auto error = tests::failed(world.authorized(auth, purpose::ControlPlane{.service = "spaces"}));
    CHECK(error.code == errc::unsupported);
    CHECK(says(error, "'spaces'"));
}

TEST_CASE("digitalocean: a request is authorised at once if the token is known, and has one Authorization") {
    World world;
    world.around.variables["DIGITALOCEAN_TOKEN"] = "secret-of-the-variable";
    auto auth = world.auth();
    HttpRequest request;
    CHECK_FALSE(auth.try_authorize(request, purpose::ControlPlane{}));
    CHECK(request.headers.empty());
    CHECK(world.sent(auth) == "Bearer secret-of-the-variable");
    CHECK(auth.try_authorize(request, purpose::ControlPlane{}));
    CHECK(auth.try_authorize(request, purpose::ControlPlane{}));
    CHECK(request.headers.text() == "Authorization: Bearer secret-of-the-variable\r\n");
    CHECK_FALSE(auth.try_authorize(request, purpose::ControlPlane{.service = "spaces"}));
    DigitalOceanAuth given{"secret-of-the-options"};
    HttpRequest other;
    CHECK(given.try_authorize(other, purpose::ControlPlane{}));
    CHECK(other.headers.text() == "Authorization: Bearer secret-of-the-options\r\n");
}

TEST_CASE("digitalocean: nothing is looked for before a request needs it, and once") {
    World world;
    auto auth = world.auth();
    CHECK(auth.found_in().empty());
    CHECK(ok(world.authorized(auth, purpose::Invocation{.audience = "https://a"})).headers.empty());
    CHECK(auth.found_in().empty());
    CHECK(tests::failed(world.authorized(auth, purpose::ControlPlane{})).code == errc::authentication);
    world.around.variables["DIGITALOCEAN_TOKEN"] = "secret-of-the-variable";
    auto copy = auth;
    CHECK(world.sent(auth) == "Bearer secret-of-the-variable");
    CHECK(auth.found_in() == "DIGITALOCEAN_TOKEN");
    world.around.variables["DIGITALOCEAN_TOKEN"] = "secret-of-later";
    CHECK(world.sent(auth) == "Bearer secret-of-the-variable");
    CHECK(world.sent(copy) == "Bearer secret-of-the-variable");
}

TEST_CASE("digitalocean: a token is found in the order that is documented") {
    World world;
    auto& variables = world.around.variables;
    world.around.files[file] = two_contexts;
    CHECK(world.sent() == "Bearer secret-of-the-default");
    variables["DIGITALOCEAN_ACCESS_TOKEN"] = "secret-of-doctl";
    CHECK(world.sent() == "Bearer secret-of-doctl");
    variables["DIGITALOCEAN_TOKEN"] = "secret-of-the-variable";
    CHECK(world.sent() == "Bearer secret-of-the-variable");
    variables["DIGITALOCEAN_CONTEXT"] = "Work";
    CHECK(world.sent() == "Bearer secret-of-work");
    CHECK(world.sent({.context = "home"}) == "Bearer secret-of-home");
    CHECK(world.sent({.context = "default"}) == "Bearer secret-of-the-variable");
    variables.erase("DIGITALOCEAN_TOKEN");
    CHECK(world.sent({.context = "Default"}) == "Bearer secret-of-doctl");
    variables.erase("DIGITALOCEAN_ACCESS_TOKEN");
    CHECK(world.sent({.context = "default"}) == "Bearer secret-of-the-default");
    // Blanks and line breaks around it come from files and shells, and a variable without anything is none.
    variables["DIGITALOCEAN_TOKEN"] = " \n";
    CHECK(world.sent({.context = "default"}) == "Bearer secret-of-the-default");
    variables["DIGITALOCEAN_TOKEN"] = " secret-of-the-variable\r\n";
    CHECK(world.sent({.context = "default"}) == "Bearer secret-of-the-variable");
}

TEST_CASE("digitalocean: of a context that doctl has chosen nothing but its own token counts, as for doctl") {
    World world;
    auto& variables = world.around.variables;
    world.around.files[file] = two_contexts + "context: work\n";
    variables["DIGITALOCEAN_ACCESS_TOKEN"] = "secret-of-doctl";
    CHECK(world.sent() == "Bearer secret-of-work");
    variables["DIGITALOCEAN_CONTEXT"] = "default";
    CHECK(world.sent() == "Bearer secret-of-doctl");
    variables.erase("DIGITALOCEAN_CONTEXT");
    // This variable is none of doctl's: for DigitalOcean's libraries and for Terraform it counts whatever doctl does.
    variables["DIGITALOCEAN_TOKEN"] = "secret-of-the-variable";
    CHECK(world.sent() == "Bearer secret-of-the-variable");
}

TEST_CASE("digitalocean: a file is read only if it may matter") {
    World world;
    world.around.forbidden.insert(file);
    world.around.variables["DIGITALOCEAN_TOKEN"] = "secret-of-the-variable";
    CHECK(world.sent() == "Bearer secret-of-the-variable");
    world.around.variables.erase("DIGITALOCEAN_TOKEN");
    world.around.variables["DIGITALOCEAN_ACCESS_TOKEN"] = "secret-of-doctl";
    const auto error = world.refused();
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, file));
    world.around.variables["DIGITALOCEAN_CONTEXT"] = "default";
    CHECK(world.sent() == "Bearer secret-of-doctl");
}

TEST_CASE("digitalocean: who finds no token says all that was looked at, and what to do") {
    World world;
    auto error = world.refused();
    CHECK(error.code == errc::authentication);
    for (const std::string_view told :
         {"DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN", "there is no file '/h/ann/.config/doctl/config.yaml'",
          "doctl auth init", "/account/api/tokens"})
        CHECK(says(error, told));

    world.around.files[file] = "context: default\naccess-token: ''\nauth-contexts:\n  work: secret-of-work\n";
    CHECK(says(world.refused(), "'access-token' in '/h/ann/.config/doctl/config.yaml' has no value"));

    error = world.refused({.context = "home"});
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "doctl context 'home' is known, which the option 'context' chooses: 'auth-contexts' in '" + file +
                          "' has only 'work'"));
    world.around.variables["DIGITALOCEAN_CONTEXT"] = "Other";
    CHECK(says(world.refused(), "doctl context 'other' is known, which DIGITALOCEAN_CONTEXT chooses"));
    world.around.variables.erase("DIGITALOCEAN_CONTEXT");
    world.around.files[file] = "context: gone\n";
    CHECK(says(world.refused(), "doctl context 'gone' is known, which 'context' in '" + file + "' chooses"));
    CHECK(says(world.refused(), "has none"));
    world.around.files[file] = "context: work\nauth-contexts:\n  work: ''\n";
    CHECK(says(world.refused(), "doctl context 'work' is known"));

    world.around.files.clear();
    world.around.variables.clear();
    CHECK(says(world.refused(), "no variable (XDG_CONFIG_HOME, HOME) says where doctl's config.yaml is"));
    // A token in the wrong variable is not shown.
    world.around.variables["DIGITALOCEAN_CONTEXT"] = "dop_v1_secret-of-the-variable";
    CHECK(says(world.refused(), "a name that is not shown"));
    world.around.variables["DIGITALOCEAN_CONTEXT"] =
        "secret-of-the-variable-that-has-sixty-four-characters-in-one-line";
    CHECK(says(world.refused(), "a name that is not shown"));
}

TEST_CASE("digitalocean: a file that is named must be there, and what is wrong in it is told") {
    World world;
    world.around.files["/etc/doctl.yaml"] = "access-token: secret-of-the-default\n";
    CHECK(world.sent({.config_file = "/etc/doctl.yaml"}) == "Bearer secret-of-the-default");
    auto auth = world.auth({.config_file = "/etc/doctl.yaml"});
    CHECK(world.sent(auth) == "Bearer secret-of-the-default");
    CHECK(auth.found_in() == "'access-token' in '/etc/doctl.yaml'");
    world.around.variables["DIGITALOCEAN_CONFIG"] = "/etc/doctl.yaml";
    CHECK(world.sent() == "Bearer secret-of-the-default");

    auto error = world.refused({.config_file = "/etc/missing.yaml"});
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "'/etc/missing.yaml', which does not exist"));
    world.around.files["/etc/doctl.yaml"] = "context: default\naccess-token: [secret-of-the-default]\n";
    error = world.refused();
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "'/etc/doctl.yaml', line 2"));
}

TEST_CASE("digitalocean: what can be no API token is sent to nobody") {
    World world;
    for (const auto& [token, told] : std::vector<std::pair<std::string, std::string>>{
             {"dof_v1_secret-of-a-namespace", "an access key of a Functions namespace"},
             {"dof_v1_secret-of-a-namespace:secret", "an access key of a Functions namespace"},
             {"dor_v1_secret-of-oauth", "a refresh token"},
             {"Bearer secret-of-the-variable", "give the token alone, without 'Bearer'"},
             {"user:secret-of-the-variable", "a colon"},
             {"'secret-of-the-variable'", "a quote"},
             {"secret-of\r\nX-Evil: 1", "a character that no token has"},
         }) {
        CAPTURE(token);
        world.around.variables["DIGITALOCEAN_TOKEN"] = token;
        auto error = world.refused();
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "DIGITALOCEAN_TOKEN is no API token of DigitalOcean's"));
        CHECK(says(error, told));

        DigitalOceanAuth given{Secret{std::string_view{token}}};
        HttpRequest request;
        CHECK_FALSE(given.try_authorize(request, purpose::ControlPlane{}));
        error = tests::failed(world.authorized(given, purpose::ControlPlane{}));
        CHECK(says(error, "the API token that was given is no API token"));
        CHECK(error.message.find("secret-of") == std::string::npos);
    }
    CHECK(says(tests::failed(digitalocean::check_token({}, "it")), "it is empty"));
    // Kinds that are known, the one before them, and one to come.
    for (const std::string good : {"dop_v1_0123456789abcdef", "doo_v1_0123456789abcdef", "dox_v2_0123",
                                   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}) {
        CAPTURE(good);
        CHECK(digitalocean::check_token(Secret{std::string_view{good}}, "it").has_value());
    }
}

TEST_CASE("digitalocean: a refused token is looked for anew, and the request sent once more with another one") {
    World world;
    world.around.files[file] = two_contexts;
    auto auth = world.auth();
    world.script->then(200, "{}");
    ok(world.exchange(auth));
    world.around.files[file] = "access-token: secret-of-tomorrow\n";
    world.script->then(401);
    world.script->then(200, "{}");
    ok(world.exchange(auth));
    REQUIRE(world.asked() == 3);
    CHECK(world.header(0, "Authorization") == "Bearer secret-of-the-default");
    CHECK(world.header(1, "Authorization") == "Bearer secret-of-the-default");
    CHECK(world.header(2, "Authorization") == "Bearer secret-of-tomorrow");

    // It is the same: then the platform's word stands, and nothing is sent twice for nothing.
    world.script->then(401);
    CHECK(tests::failed(world.exchange(auth)).message == "Unable to authenticate you");
    CHECK(world.asked() == 4);
    // Nor does it help that the file cannot be read any more.
    world.around.files[file] = "access-token: [";
    world.script->then(401);
    CHECK(tests::failed(world.exchange(auth)).message == "Unable to authenticate you");
    CHECK(world.asked() == 5);
    CHECK(world.sent(auth) == "Bearer secret-of-tomorrow");
}

TEST_CASE("digitalocean: only who was sent with a token of ours has one looked for anew") {
    World world;
    world.around.variables["DIGITALOCEAN_TOKEN"] = "secret-of-the-variable";
    auto auth = world.auth();
    HttpRequest request;
    CHECK_FALSE(auth.invalidate(request));
    CHECK_FALSE(auth.invalidate());
    request = ok(world.authorized(auth, purpose::ControlPlane{}));
    CHECK_FALSE(auth.invalidate(request));

    world.around.variables["DIGITALOCEAN_TOKEN"] = "secret-of-later";
    HttpRequest call;
    call.headers.set("Authorization", "Basic YWNjZXNzLWtleQ==");
    CHECK_FALSE(auth.invalidate(call));
    CHECK(world.sent(auth) == "Bearer secret-of-the-variable");
    CHECK(auth.invalidate(request));
    CHECK(world.sent(auth) == "Bearer secret-of-later");
    // Another request was sent with the old one: the new one stays, and is worth a try.
    world.around.variables["DIGITALOCEAN_TOKEN"] = "secret-of-much-later";
    CHECK(auth.invalidate(request));
    CHECK(world.sent(auth) == "Bearer secret-of-later");
    CHECK(auth.invalidate());
    CHECK(world.sent(auth) == "Bearer secret-of-much-later");

    DigitalOceanAuth given{"secret-of-the-options"};
    request = ok(world.authorized(given, purpose::ControlPlane{}));
    CHECK_FALSE(given.invalidate(request));
    CHECK_FALSE(given.invalidate());
    CHECK(world.sent(given) == "Bearer secret-of-the-options");
}

}  // namespace digitalocean_auth_test
