#include "blueprint/faas/auth/digitalocean/doctl_config.hpp"
#include "support/aws_world.hpp"
#include "support/run.hpp"
#include "support/source_world.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace digitalocean_config_test {

using namespace blueprint::faas;
using digitalocean::DoctlConfig;
using digitalocean::System;
using tests::ok;
using tests::says;

namespace {

const std::string path = "/etc/ann/doctl/config.yaml";

DoctlConfig read(std::string_view text) { return ok(digitalocean::read_doctl_config(text, path)); }

/// Returns what is wrong with a file, without its path, and sees to it that nothing of the file is shown.
std::string wrong(const std::string& text) {
    const auto error = tests::failed(digitalocean::read_doctl_config(Secret{std::string_view{text}}, path));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    CHECK_MESSAGE(error.message.find("not-to-be-seen") == std::string::npos, error.message);
    const std::string begin = "the file '" + path + "', ";
    REQUIRE_MESSAGE(error.message.starts_with(begin), error.message);
    return error.message.substr(begin.size());
}

std::map<std::string, std::string> contexts(const DoctlConfig& config) {
    std::map<std::string, std::string> all;
    for (const auto& [name, token] : config.contexts) all[name] = token.reveal();
    return all;
}

using Contexts = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("doctl: its file tells the token of `default`, those of other contexts, and which one is chosen") {
    const auto config = read(
        "access-token: token-of-default\n"
        "auth-contexts:\n"
        "  home: token-of-home\n"
        "  work: token-of-work\n"
        "context: work\n");
    CHECK(config.access_token.reveal() == "token-of-default");
    CHECK(contexts(config) == Contexts{{"home", "token-of-home"}, {"work", "token-of-work"}});
    CHECK(config.context == "work");

    const auto nothing = read("");
    CHECK(nothing.access_token.empty());
    CHECK(nothing.contexts.empty());
    CHECK(nothing.context.empty());
}

TEST_CASE("doctl: the defaults of all its commands, which it writes into that file, are let pass") {
    const auto config = read(
        "1-click:\n"
        "  list:\n"
        "    type: \"\"\n"
        "access-token: token-of-default\n"
        "api-url: \"\"\n"
        "apps:\n"
        "  create:\n"
        "    access-token: of-something-else\n"
        "    spec: \"\"\n"
        "    wait: false\n"
        "auth-contexts: {}\n"
        "compute:\n"
        "  droplet:\n"
        "    create:\n"
        "      tag-names: []\n"
        "      size: &size s-1vcpu-1gb\n"
        "  ssh:\n"
        "    user: *size\n"
        "config: /etc/ann/doctl/config.yaml\n"
        "context: default\n"
        "http-retry-max: 5\n"
        "list:\n"
        "- context: of-something-else\n"
        "- [a, {b: c}]\n"
        "note: |\n"
        "  context: of-something-else\n"
        "\n"
        "  \t- a tab in a text\n"
        "output: text\n"
        "verbose: false\n");
    CHECK(config.access_token.reveal() == "token-of-default");
    CHECK(config.contexts.empty());
    CHECK(config.context == "default");
}

TEST_CASE("doctl: a value may be bare, in quotes, or nothing, with blanks and a comment behind it") {
    for (const auto& [value, meant] : std::vector<std::pair<std::string, std::string>>{
             {" a-token", "a-token"},
             {"    a-token   ", "a-token"},
             {"\ta-token\t", "a-token"},
             {" a-token # of Ann's", "a-token"},
             {" a#token", "a#token"},
             {" a:token", "a:token"},
             {" -a-token", "-a-token"},
             {" 'a-token'", "a-token"},
             {" 'it''s'  # quoted", "it's"},
             {" ''", ""},
             {" \"a-token\"", "a-token"},
             {" \"a # token: it\"", "a # token: it"},
             {R"( "\"\\\/\x41\u0042\U00000043\t\e")", "\"\\/ABC\t\x1b"},
             {R"( "\u00a9\u00e9\u20AC\U0001F600")", "\xc2\xa9\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
             {"", ""},
             {"   ", ""},
             {" # none", ""},
             {" ~", ""},
             {" null", ""},
             {" 'null'", "null"},
         }) {
        CAPTURE(value);
        const auto config = read("access-token:" + value + "\nauth-contexts:\n  one:" + value + "\n");
        CHECK(config.access_token.reveal() == meant);
        CHECK(contexts(config) == Contexts{{"one", meant}});
    }
}

TEST_CASE("doctl: its file is read as editors leave it: comments, blank lines, Windows line ends, a BOM, `---`") {
    const auto config = read(
        "\xEF\xBB\xBF# accounts\r\n"
        "---\r\n"
        "\r\n"
        "  # of Ann\r\n"
        "'Access-Token': \"token-of-default\"\r\n"
        "auth-contexts:\r\n"
        "   # two\r\n"
        "    \"Ann@example.com\": token-of-home\r\n"
        "\r\n"
        "# the second\r\n"
        "    two words : token-of-work\r\n"
        "Context : Ann@Example.com");
    CHECK(config.access_token.reveal() == "token-of-default");
    CHECK(contexts(config) == Contexts{{"ann@example.com", "token-of-home"}, {"two words", "token-of-work"}});
    CHECK(config.context == "ann@example.com");
    for (const std::string none : {"auth-contexts:", "auth-contexts: {}  # none", "auth-contexts: ~",
                                   "auth-contexts: null", "auth-contexts: # none"}) {
        CAPTURE(none);
        const auto empty = read(none + "\ncontext: default\n");
        CHECK(empty.contexts.empty());
        CHECK(empty.context == "default");
    }
}

TEST_CASE("doctl: what cannot be read of its file is told with its line, and nothing of that is shown") {
    for (const auto& [text, told] : std::vector<std::pair<std::string, std::string>>{
             {"not-to-be-seen", "line 1: it is no 'key: value'"},
             {"context: work\nnot-to-be-seen\n", "line 2: it is no 'key: value'"},
             {"access-token:not-to-be-seen", "line 1: it is no 'key: value'"},
             {"a # b: not-to-be-seen", "line 1: it is no 'key: value'"},
             {": not-to-be-seen", "line 1: the key is neither bare text nor text in quotes"},
             {"? not-to-be-seen", "line 1: the key is neither bare text nor text in quotes"},
             {"- not-to-be-seen", "line 1: the key is neither bare text nor text in quotes"},
             {"%YAML 1.1", "line 1: the key is neither bare text nor text in quotes"},
             {"'not-to-be-seen: x", "line 1: the key has a quote that is not closed"},
             {"\tcontext: not-to-be-seen", "line 1: it begins with a tab"},
             {"  context: not-to-be-seen", "line 1: it is indented, and there is no key above it"},
             {"access-token: [not-to-be-seen]", "line 1: the value is neither bare text nor text in quotes"},
             {"access-token: {a: not-to-be-seen}", "line 1: the value is neither bare text nor text in quotes"},
             {"access-token: &a not-to-be-seen", "line 1: the value is neither bare text nor text in quotes"},
             {"access-token: *a", "line 1: the value is neither bare text nor text in quotes"},
             {"access-token: !!str not-to-be-seen", "line 1: the value is neither bare text nor text in quotes"},
             {"access-token: |\n  not-to-be-seen", "line 1: the value is neither bare text nor text in quotes"},
             {"access-token: >-\n  not-to-be-seen", "line 1: the value is neither bare text nor text in quotes"},
             {"access-token: - not-to-be-seen", "line 1: the value is neither bare text nor text in quotes"},
             {"access-token: a: not-to-be-seen", "line 1: the value has a colon"},
             {"access-token: not-to-be-seen:", "line 1: the value has a colon"},
             {"access-token: not-to\n  -be-seen", "line 2: it goes on with a value that ends on the line above"},
             {"access-token:\n  not-to-be-seen", "line 2: it goes on with a value that ends on the line above"},
             {"access-token: \"not-to-be-seen", "line 1: the value has a quote that is not closed"},
             {"access-token: \"not-to-be-seen\\", "line 1: the value has a quote that is not closed"},
             {"access-token: \"not-to-be-seen\\q\"", "line 1: the value has a quote that is not closed"},
             {"access-token: \"\\x4not-to-be-seen\"", "line 1: the value has a quote that is not closed"},
             {"access-token: \"\\ud800 not-to-be-seen\"", "line 1: the value has a quote that is not closed"},
             {"access-token: 'not-to-be-seen'x", "line 1: something follows the value"},
             {"access-token: 'not-to-be-seen'# x", "line 1: something follows the value"},
             {"access-token: a\naccess-token: not-to-be-seen", "line 2: 'access-token' is there twice"},
             {"context: a\nContext: not-to-be-seen", "line 2: 'context' is there twice"},
             {"auth-contexts:\nauth-contexts:\n", "line 2: 'auth-contexts' is there twice"},
             {"auth-contexts: not-to-be-seen", "line 1: the value of 'auth-contexts' is not one name and token a line"},
             {"auth-contexts: {a: not-to-be-seen}", "line 1: the value of 'auth-contexts' is not one name and token"},
             {"auth-contexts: [not-to-be-seen]", "line 1: the value of 'auth-contexts' is not one name and token"},
             {"auth-contexts: {}\n  a: not-to-be-seen", "line 2: it goes on with a value that ends on the line above"},
             {"auth-contexts:\n- not-to-be-seen", "line 2: the key is neither bare text nor text in quotes"},
             {"auth-contexts:\n  a: b\n   c: not-to-be-seen", "line 3: it is not indented as the other names"},
             {"auth-contexts:\n  a:\n    b: not-to-be-seen", "line 3: it is not indented as the other names"},
             {"auth-contexts:\n  a: b\n c: not-to-be-seen", "line 3: it is not indented as the other names"},
             {"auth-contexts:\n  a: b\n  A: not-to-be-seen", "line 3: a name below 'auth-contexts' is there twice"},
             {"auth-contexts:\n  a: [not-to-be-seen]", "line 2: the value is neither bare text nor text in quotes"},
             {"a: &x\n  access-token: not-to-be-seen\n<<: *x", "line 3: it merges another part of the file"},
             {"a: b\n---\ncontext: not-to-be-seen", "line 2: a second document begins"},
             {"a: b\n...\ncontext: not-to-be-seen", "line 2: the document ends"},
         }) {
        CAPTURE(text);
        const auto message = wrong(text);
        CHECK_MESSAGE(message.starts_with(told), message);
    }
}

TEST_CASE("doctl: its file is where its documentation says") {
    tests::AwsWorld world;
    const auto config = [&](System system) { return digitalocean::doctl_config_path(world, system); };
    for (const auto system : {System::linux_or_bsd, System::macos, System::windows}) CHECK(config(system).empty());
    world.variables = {{"HOME", "/h/ann"}};
    CHECK(config(System::linux_or_bsd) == "/h/ann/.config/doctl/config.yaml");
    CHECK(config(System::macos) == "/h/ann/Library/Application Support/doctl/config.yaml");
    CHECK(config(System::windows).empty());
    world.variables = {{"HOME", "/h/ann"}, {"XDG_CONFIG_HOME", "/x"}, {"APPDATA", "C:\\ann"}};
    CHECK(config(System::linux_or_bsd) == "/x/doctl/config.yaml");
    CHECK(config(System::macos) == "/h/ann/Library/Application Support/doctl/config.yaml");
    CHECK(config(System::windows) == "C:\\ann\\doctl\\config.yaml");
    world.variables["XDG_CONFIG_HOME"] = "";
    CHECK(config(System::linux_or_bsd) == "/h/ann/.config/doctl/config.yaml");
    world.variables["DIGITALOCEAN_CONFIG"] = "/etc/doctl.yaml";
    for (const auto system : {System::linux_or_bsd, System::macos, System::windows})
        CHECK(config(system) == "/etc/doctl.yaml");
}

}  // namespace digitalocean_config_test
