#include "blueprint/faas/auth/openwhisk/wskprops.hpp"

#include "support/aws_world.hpp"
#include "support/run.hpp"
#include "support/source_world.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace wskprops_test {

using namespace blueprint::faas;
using tests::ok;
using tests::says;

TEST_CASE("wskprops: a file of wsk tells where the system is and what opens it") {
    auto found = openwhisk::read_wskprops(
        "APIHOST=https://ow.example.com\nNAMESPACE=guest\nAUTH=user-1:secret-of-the-user\nAPIVERSION=v1\n");
    CHECK(found.api_host == "https://ow.example.com");
    CHECK(found.auth.reveal() == "user-1:secret-of-the-user");

    // As people leave it, and with what is not ours; what comes last counts.
    found = openwhisk::read_wskprops(
        "# APIHOST=commented.example.com\r\n\r\nno equals sign\r\n AUTH = first \r\napihost=other\r\n"
        "APIHOST =\tow.example.com\r\nAUTH=user=1:c2VjcmV0LQ==\r\nAUTHORITY=x");
    CHECK(found.api_host == "ow.example.com");
    CHECK(found.auth.reveal() == "user=1:c2VjcmV0LQ==");

    for (const std::string_view nothing : {"", "\n\n", "=", "APIHOST", "APIHOST=\nAUTH=\n"}) {
        CAPTURE(nothing);
        found = openwhisk::read_wskprops(nothing);
        CHECK(found.api_host.empty());
        CHECK(found.auth.empty());
    }
}

TEST_CASE("wskprops: the file is the one that WSK_CONFIG_FILE names, else .wskprops at home") {
    tests::AwsWorld world;
    auto found = ok(openwhisk::properties_of_user(world));
    CHECK(found.api_host.empty());
    CHECK(found.by == "'~/.wskprops' (HOME is not set)");
    world.variables["HOME"] = "/h/ann";
    found = ok(openwhisk::properties_of_user(world));
    CHECK(found.auth.empty());
    CHECK(found.by == "'/h/ann/.wskprops' (which is not there)");
    world.files["/h/ann/.wskprops"] = "APIHOST=home.example.com\nAUTH=a:b\n";
    found = ok(openwhisk::properties_of_user(world));
    CHECK(found.api_host == "home.example.com");
    CHECK(found.auth.reveal() == "a:b");
    CHECK(found.by == "'/h/ann/.wskprops'");

    world.variables["WSK_CONFIG_FILE"] = "/etc/wskprops";
    const auto error = tests::failed(openwhisk::properties_of_user(world));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "WSK_CONFIG_FILE names the file '/etc/wskprops', which does not exist"));
    world.files["/etc/wskprops"] = "APIHOST=etc.example.com\nAUTH=c:d\n";
    CHECK(ok(openwhisk::properties_of_user(world)).api_host == "etc.example.com");
    world.forbidden.insert("/etc/wskprops");
    CHECK(says(tests::failed(openwhisk::properties_of_user(world)), "/etc/wskprops"));
}

TEST_CASE("wskprops: an action knows its own system") {
    tests::AwsWorld world;
    CHECK(openwhisk::properties_of_action(world).api_host.empty());
    world.variables = {{"__OW_API_HOST", "http://controller:3233"}, {"__OW_API_KEY", "user-1:secret-of-the-user"}};
    const auto found = openwhisk::properties_of_action(world);
    CHECK(found.api_host == "http://controller:3233");
    CHECK(found.auth.reveal() == "user-1:secret-of-the-user");
    CHECK(found.by == "__OW_API_HOST and __OW_API_KEY");
}

}  // namespace wskprops_test
