#include "blueprint/faas/provider/openwhisk.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "support/aws_world.hpp"
#include "support/run.hpp"
#include "support/source_world.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace openwhisk_provider_test {

using namespace blueprint::faas;
using tests::ok;
using tests::says;

namespace {

Error refused(result<openwhisk::Options> options) {
    Error error = tests::failed(std::move(options));
    std::ostringstream text;
    text << error;
    for (const std::string_view hidden : {"secret-of", "ow.example.com"})
        CHECK_MESSAGE(text.str().find(hidden) == std::string::npos, text.str());
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    return error;
}

struct World {
    tests::AwsWorld around{};

    World() { around.variables = {{"HOME", "/h/ann"}}; }
    void has_file(const std::string& host, const std::string& auth) {
        around.files["/h/ann/.wskprops"] = "APIHOST=" + host + "\nAUTH=" + auth + '\n';
    }
    void is_action(const std::string& host, const std::string& key) {
        around.variables["__OW_API_HOST"] = host;
        if (key.empty())
            around.variables.erase("__OW_API_KEY");
        else
            around.variables["__OW_API_KEY"] = key;
    }
    /// What `resolve` makes of it: "host auth".
    std::string found(openwhisk::Options options = {}) const {
        const auto all = ok(openwhisk::resolve(std::move(options), around));
        return all.api_host + ' ' + std::string{all.auth.reveal()};
    }
};

}  // namespace

TEST_CASE("openwhisk: what options leave open is that of the action, else that of wsk's user") {
    World world;
    world.has_file("ow.example.com", "user:secret-of-the-file");
    CHECK(world.found() == "ow.example.com user:secret-of-the-file");
    CHECK(world.found({.auth = "given:x"}) == "ow.example.com given:x");
    world.is_action("http://controller:3233", "action:secret-of-the-action");
    CHECK(world.found() == "http://controller:3233 action:secret-of-the-action");
    CHECK(world.found({.auth = "given:x"}) == "http://controller:3233 given:x");
    // Then nothing has to be looked up, not even a file that cannot be read.
    world.around.forbidden.insert("/h/ann/.wskprops");
    CHECK(world.found({.api_host = "https://a.example.com", .auth = "given:x"}) == "https://a.example.com given:x");
    CHECK(world.found() == "http://controller:3233 action:secret-of-the-action");
}

TEST_CASE("openwhisk: a credential is never sent to another address than the one that it stands beside") {
    World world;
    world.has_file("ow.example.com", "user:secret-of-the-file");
    // An action knows its system's address, but mostly no key for it.
    world.is_action("http://controller:3233", "");
    CHECK(world.found() == "ow.example.com user:secret-of-the-file");
    for (const std::string same :
         {"ow.example.com", "https://OW.example.com", "https://ow.example.com:443/", "https://ow.example.com/api/v1"}) {
        CAPTURE(same);
        CHECK(world.found({.api_host = same}) == same + " user:secret-of-the-file");
    }
    for (const std::string other :
         {"ow.example.org", "http://ow.example.com", "https://ow.example.com:8443", "https://ow.example.com/other"}) {
        CAPTURE(other);
        const auto error = tests::failed(openwhisk::resolve({.api_host = other}, world.around));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "no credential for the address of OpenWhiskOptions::api_host"));
        CHECK(says(error, "'/h/ann/.wskprops': those of another address"));
        CHECK(error.message.find("secret-of") == std::string::npos);
    }
    world.is_action("ow.example.com", "action:secret-of-the-action");
    CHECK(world.found({.api_host = "https://ow.example.com"}) == "https://ow.example.com action:secret-of-the-action");
    // A key without an address is for nobody knows which.
    world.around.variables.erase("__OW_API_HOST");
    world.around.files.clear();
    CHECK(says(refused(openwhisk::resolve({}, world.around)), "a credential, and not for which address"));
}

TEST_CASE("openwhisk: who finds nothing says all that was looked at, and what to do") {
    World world;
    auto error = refused(openwhisk::resolve({}, world.around));
    for (const std::string_view told :
         {"set OpenWhiskOptions::api_host and auth", "wsk property set", "__OW_API_HOST and __OW_API_KEY: nothing",
          "'/h/ann/.wskprops' (which is not there): nothing"})
        CHECK(says(error, told));
    error = refused(openwhisk::resolve({.auth = "user:secret-of-the-options"}, world.around));
    CHECK(says(error, "no address of an OpenWhisk is known: set OpenWhiskOptions::api_host,"));
    world.is_action("ow.example.com", "");
    error = refused(openwhisk::resolve({}, world.around));
    CHECK(says(error, "__OW_API_HOST and __OW_API_KEY: an address, and no credential"));
    error = refused(openwhisk::resolve({.api_host = "https://secret-of@ow.example.com"}, world.around));
    CHECK(says(error, "OpenWhiskOptions::api_host: bad URL"));
    world.around.variables["WSK_CONFIG_FILE"] = "/etc/wskprops";
    error = refused(openwhisk::resolve({}, world.around));
    CHECK(says(error, "WSK_CONFIG_FILE"));
}

TEST_CASE("openwhisk: an executor is made without asking anybody, over TLS or on this machine") {
    boost::asio::io_context io;
    World world;
    world.has_file("ow.example.com", "user:secret-of-the-file");
    const auto made = openwhisk::create(io.get_executor(), {}, {}, world.around);
    REQUIRE(made.has_value());
    CHECK(made->codec().options().api_host == "ow.example.com");
    CHECK(made->provider_name() == "Apache OpenWhisk");
    world.around.files.clear();
    CHECK(openwhisk::create(io.get_executor(), {}, {}, world.around).has_error());

    const auto own =
        openwhisk::create(LoopbackTransport{io.get_executor()},
                          {.api_host = "http://127.0.0.1:3233", .auth = "user:password"}, {}, world.around);
    REQUIRE(own.has_value());
    CHECK(own->codec().options().api_host == "http://127.0.0.1:3233");
}

}  // namespace openwhisk_provider_test
