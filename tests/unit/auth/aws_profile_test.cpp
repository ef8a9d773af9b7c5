#include "blueprint/faas/auth/aws/environment.hpp"
#include "blueprint/faas/auth/aws/profile.hpp"
#include "blueprint/faas/auth/aws/web_identity.hpp"
#include "support/aws_sources.hpp"
#include "support/run.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace aws_profile_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using aws::ConfigFileKind;
using aws::Search;
using tests::failed_quietly;
using tests::found_key;
using tests::ok;
using tests::says;

namespace {

const std::string secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const std::string keys = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = " + secret + "\n";

aws::ConfigFiles files(std::string_view config, std::string_view credentials = {}) {
    aws::ConfigFiles both;
    both.config = ok(aws::read_config(config, "/c", ConfigFileKind::config));
    both.credentials = ok(aws::read_config(credentials, "/k", ConfigFileKind::credentials));
    return both;
}

aws::ProfilePlan plan(std::string_view config, std::string_view credentials = {}, std::string_view profile = "a") {
    auto made = ok(aws::plan_profile(files(config, credentials), profile));
    REQUIRE(made.has_value());
    return std::move(*made);
}

std::string role_block(const std::string& name, const std::string& rest) {
    return "[profile " + name + "]\nrole_arn = arn:aws:iam::123456789012:role/" + name + '\n' + rest + '\n';
}

// The key id that a plan begins with, and the roles it takes on: "AKIDEXAMPLE>b>a".
std::string way(const aws::ProfilePlan& plan) {
    const auto* fixed = std::get_if<aws::Credentials>(&plan.first);
    std::string text = fixed != nullptr ? fixed->access_key_id : "?";
    for (const auto& role : plan.roles) text += '>' + role.role_arn.substr(role.role_arn.find('/') + 1);
    return text;
}

// A process with these variables, asked for credentials.
struct World : tests::SourceWorld {
    result<Search> environment(const aws::SettingsOptions& options = {}) {
        return find(aws::credentials::Environment{options});
    }
};

// A user whose config file has this text, and servers that a test writes.
struct User : tests::SourceWorld {
    explicit User(std::string config = {}) {
        around.variables["HOME"] = "/h";
        if (!config.empty()) around.files["/h/.aws/config"] = std::move(config);
    }
    result<aws::Search> profile(aws::SettingsOptions options = {}) {
        return find(aws::credentials::Profile{std::move(options)});
    }
};

aws::TimedCredentials found(result<Search> outcome) {
    auto search = ok(std::move(outcome));
    REQUIRE_MESSAGE(search.found.has_value(), search.not_here);
    return std::move(*search.found);
}

}  // namespace

TEST_CASE("environment source: an empty variable is none, and without a key id there is nothing here") {
    World world;
    CHECK(found_key(world.environment()) == "not here: AWS_ACCESS_KEY_ID is not set");
    world.around.variables["AWS_ACCESS_KEY_ID"] = "";
    world.around.variables["AWS_SECRET_ACCESS_KEY"] = secret;
    CHECK(found_key(world.environment()) == "not here: AWS_ACCESS_KEY_ID is not set");
}

TEST_CASE("environment source: keys, token, account and end are read") {
    World world;
    world.around.variables = {{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}, {"AWS_SECRET_ACCESS_KEY", secret}};
    auto timed = found(world.environment());
    CHECK(timed.credentials.access_key_id == "AKIDEXAMPLE");
    CHECK((timed.credentials.secret_access_key == Secret{secret}));
    CHECK(timed.credentials.session_token.empty());
    CHECK_FALSE(timed.expires.has_value());
    world.around.variables["AWS_SECURITY_TOKEN"] = "old-token";
    CHECK((found(world.environment()).credentials.session_token == Secret{"old-token"}));
    world.around.variables["AWS_SESSION_TOKEN"] = "token";
    world.around.variables["AWS_ACCOUNT_ID"] = "123456789012";
    world.around.variables["AWS_CREDENTIAL_EXPIRATION"] = "2026-01-02T00:00:01Z";
    timed = found(world.environment());
    CHECK((timed.credentials.session_token == Secret{"token"}));
    CHECK(timed.credentials.account_id == "123456789012");
    CHECK((timed.expires == world.around.time + 1s));
}

TEST_CASE("environment source: half a pair, an end that is no time or has come are errors") {
    World world;
    world.around.variables = {{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}, {"AWS_SECRET_ACCESS_KEY", ""}};
    auto error = failed_quietly(world.environment());
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "AWS_SECRET_ACCESS_KEY"));
    world.around.variables["AWS_SECRET_ACCESS_KEY"] = secret;
    for (const auto& [end, code] : {std::pair{secret, errc::invalid_configuration},
                                    std::pair{std::string{"2026-01-02T00:00:00Z"}, errc::authentication}}) {
        world.around.variables["AWS_CREDENTIAL_EXPIRATION"] = end;
        error = failed_quietly(world.environment());
        CHECK(error.code == code);
        CHECK(says(error, "AWS_CREDENTIAL_EXPIRATION"));
        CHECK_FALSE(says(error, secret));
    }
}

TEST_CASE("environment source: a profile chosen by the caller takes it out of the search, AWS_PROFILE does not") {
    World world;
    world.around.variables = {
        {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"}, {"AWS_SECRET_ACCESS_KEY", secret}, {"AWS_PROFILE", "dev"}};
    CHECK(found(world.environment()).credentials.access_key_id == "AKIDEXAMPLE");
    CHECK(found_key(world.environment({.profile = "dev"})).starts_with("not here: it was not asked"));
}

TEST_CASE("profile plan: keys come whole from the credentials file, else from both") {
    const auto credentials_of = [](std::string_view config, std::string_view credentials) {
        return std::get<aws::Credentials>(plan(config, credentials).first);
    };
    auto both = credentials_of("[profile a]\naws_access_key_id = C\naws_secret_access_key = c\naws_session_token = ct",
                               "[a]\naws_access_key_id = K\naws_secret_access_key = k");
    CHECK(both.access_key_id == "K");
    CHECK((both.secret_access_key == Secret{"k"}));
    CHECK(both.session_token.empty());  // the config file's belongs to other keys
    both = credentials_of("[profile a]\naws_access_key_id = C\naws_session_token = t\naws_account_id = 7",
                          "[a]\naws_secret_access_key = k");
    CHECK(both.access_key_id == "C");
    CHECK((both.secret_access_key == Secret{"k"}));
    CHECK((both.session_token == Secret{"t"}));
    CHECK(both.account_id == "7");
    CHECK((credentials_of("[profile a]\n" + keys + "aws_security_token = s", "").session_token == Secret{"s"}));
}

TEST_CASE("profile plan: roles are taken on from the source outwards") {
    const std::string b = role_block("b", "source_profile = c");
    const std::string c = "[profile c]\n" + keys;
    CHECK(way(plan(role_block("a", "source_profile = c") + c)) == "AKIDEXAMPLE>a");
    CHECK(way(plan(role_block("a", "source_profile = b") + b + c)) == "AKIDEXAMPLE>b>a");
    // A profile's own keys do not count when it says whose to use, but may be named.
    CHECK(way(plan(role_block("a", "source_profile = c\naws_access_key_id = X\naws_secret_access_key = y") + c)) ==
          "AKIDEXAMPLE>a");
    CHECK(way(plan(role_block("a", "source_profile = a\n" + keys))) == "AKIDEXAMPLE>a");
    // A source that has keys is taken by them, whatever role it would take on as a profile.
    CHECK(way(plan(role_block("a", "source_profile = b") + role_block("b", "source_profile = c\n" + keys) +
                   "[profile c]\naws_access_key_id = X\naws_secret_access_key = y")) == "AKIDEXAMPLE>a");
    CHECK(way(plan(role_block("a", "source_profile = c"), "[c]\n" + keys)) == "AKIDEXAMPLE>a");
}

TEST_CASE("profile plan: what a role says is handed on") {
    const auto made = plan(role_block("a",
                                      "source_profile = c\nrole_session_name = me\nexternal_id = x-1\n"
                                      "duration_seconds = 900\n") +
                           "[profile c]\nregion = eu-west-1\n" + keys);
    REQUIRE(made.roles.size() == 1);
    CHECK(made.roles[0].session_name == "me");
    CHECK(made.roles[0].external_id == "x-1");
    CHECK(made.roles[0].duration == 900s);
    CHECK(made.region == "eu-west-1");
    CHECK(made.first_profile == "c");
}

TEST_CASE("profile plan: credential_source names where the first credentials are") {
    using aws::NamedSource;
    for (const auto& [name, source] : {std::pair{"Environment", NamedSource::environment},
                                       std::pair{"Ec2InstanceMetadata", NamedSource::instance_metadata},
                                       std::pair{"ecscontainer", NamedSource::container}}) {
        const auto made = plan(role_block("a", "credential_source = " + std::string{name}));
        CHECK((std::get<NamedSource>(made.first) == source));
        CHECK(way(made) == "?>a");
    }
}

TEST_CASE("profile plan: web identity comes before a source, and may be a source") {
    auto made = plan(role_block("a", "web_identity_token_file = /t\nrole_session_name = s\nsource_profile = c") +
                     "[profile c]\n" + keys);
    CHECK(made.roles.empty());
    const auto& role = std::get<aws::WebIdentityRole>(made.first);
    CHECK(role.role_arn == "arn:aws:iam::123456789012:role/a");
    CHECK(role.token_file == "/t");
    CHECK(role.session_name == "s");
    made = plan(role_block("a", "source_profile = b") + role_block("b", "web_identity_token_file = /t"));
    CHECK(std::holds_alternative<aws::WebIdentityRole>(made.first));
    CHECK(way(made) == "?>a");
}

TEST_CASE("profile plan: the order of what one profile says") {
    const std::string sso = "sso_account_id = 1\nsso_role_name = r\nsso_start_url = u\nsso_region = eu-west-1\n";
    const std::string process = "credential_process = run me\n";
    CHECK(plan("[profile a]\n" + sso + process + keys, "[a]\n" + keys).first.index() == 3);
    CHECK(plan("[profile a]\n" + process, "[a]\n" + keys).first.index() == 0);
    CHECK(plan("[profile a]\n" + process + keys).first.index() == 4);
    CHECK(plan("[profile a]\nlogin_session = x", "[a]\n" + keys).first.index() == 0);
    CHECK_FALSE(ok(aws::plan_profile(files("[profile a]\nregion = r\nsso_session = s"), "a")).has_value());
    CHECK_FALSE(ok(aws::plan_profile(files(""), "a")).has_value());
}

TEST_CASE("profile plan: the Identity Center of a section and of a profile") {
    const std::string role = "sso_account_id = 1\nsso_role_name = r\n";
    const std::string session = "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = u\n";
    auto sso = std::get<aws::SsoRole>(plan("[profile a]\nsso_session = s\n" + role + session).first);
    CHECK(sso.session == "s");
    CHECK(sso.start_url == "u");
    CHECK(sso.region == "eu-west-1");
    CHECK(sso.account_id == "1");
    CHECK(sso.role_name == "r");
    CHECK(sso.profile == "a");
    sso = std::get<aws::SsoRole>(plan("[profile a]\nsso_start_url = v\nsso_region = eu-west-2\n" + role).first);
    CHECK(sso.session.empty());
    CHECK(sso.start_url == "v");
}

TEST_CASE("profile plan: each slip is told with the profile and the key, and no secret") {
    struct Row {
        std::string config;
        errc code;
        std::vector<std::string_view> parts;
    };
    const std::string c = "[profile c]\n" + keys;
    const std::string sso = "sso_account_id = 1\nsso_role_name = r\n";
    const auto wrong = errc::invalid_configuration;
    const std::vector<Row> table{
        {role_block("a", keys), wrong, {"'a'", "without source_profile or credential_source"}},
        {role_block("a", "source_profile = c\ncredential_source = Environment") + c, wrong, {"'a'", "both"}},
        {role_block("a", "credential_source = " + secret), wrong, {"'a'", "credential_source", "EcsContainer"}},
        {role_block("a", "source_profile = gone"), wrong, {"'gone'", "source_profile of the profile 'a'"}},
        {role_block("a", "source_profile = b") + "[profile b]\nregion = r", wrong, {"'b'", "'a'", "no credentials"}},
        {role_block("a", "source_profile = a"), wrong, {"'a'", "itself"}},
        {role_block("a", "source_profile = b\n" + keys) + role_block("b", "source_profile = a"),
         wrong,
         {"'b'", "loop", "'a', 'b'"}},
        {role_block("a", "source_profile = b") + role_block("b", "source_profile = d") +
             role_block("d", "source_profile = b"),
         wrong,
         {"loop", "'a', 'b', 'd'"}},
        {role_block("a", "source_profile = c\nmfa_serial = arn:aws:iam::1:mfa/me") + c,
         errc::unsupported,
         {"'a'", "mfa_serial", "get-session-token"}},
        {role_block("a", "source_profile = c\nduration_seconds = 899") + c, wrong, {"duration_seconds"}},
        {role_block("a", "source_profile = c\nduration_seconds = 43201") + c, wrong, {"duration_seconds"}},
        {role_block("a", "source_profile = c\nduration_seconds = 900s" + secret) + c, wrong, {"duration_seconds"}},
        {"[profile a]\nweb_identity_token_file = /t", wrong, {"'a'", "role_arn"}},
        {"[profile a]\naws_access_key_id = AKIDEXAMPLE", wrong, {"'a'", "no aws_secret_access_key"}},
        {"[profile a]\naws_secret_access_key = " + secret, wrong, {"'a'", "no aws_access_key_id"}},
        {role_block("a", "source_profile = b") + "[profile b]\naws_secret_access_key = " + secret,
         wrong,
         {"'b'", "no aws_access_key_id"}},
        {"[profile a]\nlogin_session = " + secret, errc::unsupported, {"'a'", "login_session"}},
        {"[profile a]\nsso_session = s\n" + sso, wrong, {"'a'", "sso_session", "'/c'"}},
        {"[profile a]\nsso_session = s\n" + sso + "[sso-session s]\nsso_region = r",
         wrong,
         {"sso_start_url in its [sso-session] section"}},
        {"[profile a]\nsso_session = s\nsso_region = x\n" + sso + "[sso-session s]\nsso_region = r\nsso_start_url = u",
         wrong,
         {"another sso_region than its [sso-session] section"}},
        {"[profile a]\nsso_start_url = u\n" + sso, wrong, {"sso_region in the profile"}},
        {"[profile a]\nsso_start_url = u\nsso_region = r\nsso_account_id = 1", wrong, {"sso_role_name"}},
        {"[profile a]\nsso_start_url = u\nsso_region = r\nsso_role_name = x", wrong, {"sso_account_id"}},
    };
    for (const auto& row : table) {
        CAPTURE(row.config);
        const auto error = failed_quietly(aws::plan_profile(files(row.config), "a"));
        CHECK(error.code == row.code);
        for (const auto part : row.parts) {
            CAPTURE(part);
            CHECK(says(error, part));
        }
        CHECK_FALSE(says(error, secret));
    }
}

TEST_CASE("profile source: without files, profile or credentials there is nothing here, and it says what is missing") {
    CHECK(found_key(User{}.profile()).find("no profile 'default' in '/h/.aws/config'") != std::string::npos);
    CHECK(found_key(User{"[profile dev]\n" + keys}.profile()).find("no profile 'default'") != std::string::npos);
    CHECK(found_key(User{"[default]\nregion = eu-west-1"}.profile()) ==
          "not here: the profile 'default' says nothing about credentials");
}

TEST_CASE("profile source: it reads the chosen profile anew each time, and a broken file stops the search") {
    User user{"[default]\n" + keys + "[profile dev]\naws_access_key_id = DEV\naws_secret_access_key = s"};
    CHECK(found_key(user.profile()) == "AKIDEXAMPLE");
    CHECK(found_key(user.profile({.profile = "dev"})) == "DEV");
    user.around.variables["AWS_PROFILE"] = "dev";
    CHECK(found_key(user.profile()) == "DEV");
    user.around.files["/h/.aws/credentials"] = "[dev]\naws_access_key_id = NEW\naws_secret_access_key = s";
    CHECK(found_key(user.profile()) == "NEW");
    user.around.variables["AWS_PROFILE"] = "gone";
    CHECK(says(failed_quietly(user.profile()), "AWS_PROFILE"));
    user.around.files["/h/.aws/config"] = secret;
    CHECK(says(failed_quietly(user.profile()), "line 1"));
    CHECK(user.asked() == 0);
}

TEST_CASE("profile source: a chain of roles is taken on step by step, each with the credentials before") {
    User user{
        "[default]\nrole_arn = arn:aws:iam::1:role/outer\nsource_profile = inner\nregion = eu-central-1\n"
        "[profile inner]\nrole_arn = arn:aws:iam::1:role/inner\nsource_profile = keys\nexternal_id = external-id-7\n"
        "[profile keys]\n" +
        keys};
    user.script->then(200, tests::sts_answer("AssumeRole", "2026-01-02T00:30:00Z"));
    user.script->then(200, tests::sts_answer("AssumeRole"));
    const auto search = ok(user.profile());
    REQUIRE(search.found.has_value());
    CHECK((search.found->expires == user.around.time + 1h));
    REQUIRE(user.asked() == 2);
    CHECK(user.url(0) == "POST https://sts.eu-central-1.amazonaws.com/");
    CHECK(user.script->seen[0].body.find("role%2Finner") != std::string::npos);
    CHECK(user.script->seen[0].body.find("ExternalId=external-id-7") != std::string::npos);
    CHECK(user.header(0, "Authorization").find("Credential=AKIDEXAMPLE/") != std::string::npos);
    CHECK(user.script->seen[1].body.find("role%2Fouter") != std::string::npos);
    CHECK(user.header(1, "Authorization").find("Credential=ASIAEXAMPLE/") != std::string::npos);
    CHECK(user.header(1, "X-Amz-Security-Token") == "session-token-of-the-role");
}

TEST_CASE("profile source: each step of a chain that fails ends it with that error") {
    for (std::size_t good = 0; good < 2; ++good) {
        User user{
            "[default]\nrole_arn = arn:aws:iam::1:role/outer\nsource_profile = inner\nregion = eu-central-1\n"
            "[profile inner]\nrole_arn = arn:aws:iam::1:role/inner\nsource_profile = keys\n[profile keys]\n" +
            keys};
        for (std::size_t i = 0; i < good; ++i) user.script->then(200, tests::sts_answer("AssumeRole"));
        const std::string by = good == 0 ? secret : "wJalrXUtnFEMI/given";  // a server that echoes what signed
        user.script->then(403, tests::sts_error("AccessDenied", "no, " + by));
        const auto error = failed_quietly(user.profile());
        CHECK(error.code == errc::authentication);
        CHECK(says(error, good == 0 ? "role/inner" : "role/outer"));
        CHECK(user.asked() == good + 1);
    }
}

TEST_CASE("profile source: STS is asked in the region and at the endpoint that the settings say") {
    User user{"[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = keys\n[profile keys]\n" + keys};
    CHECK(says(failed_quietly(user.profile()), "AWS_REGION"));
    user.around.files["/h/.aws/config"] += "region = eu-west-3\n";
    user.script->then(200, tests::sts_answer("AssumeRole"));
    CHECK(found_key(user.profile()) == "ASIAEXAMPLE");
    CHECK(user.url(0) == "POST https://sts.eu-west-3.amazonaws.com/");
    user.around.variables["AWS_REGION"] = "us-west-2";
    user.around.variables["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:9000";
    user.script->then(200, tests::sts_answer("AssumeRole"));
    CHECK(found_key(user.profile()) == "ASIAEXAMPLE");
    CHECK(user.url(1) == "POST http://127.0.0.1:9000/");
    CHECK(user.header(1, "Authorization").find("/us-west-2/sts/") != std::string::npos);
}

TEST_CASE("profile source: credential_source takes the first credentials where it says, or says what is missing") {
    const std::string role = "[default]\nrole_arn = arn:aws:iam::1:role/r\nregion = eu-west-1\ncredential_source = ";
    User user{role + "Environment"};
    auto error = failed_quietly(user.profile());
    CHECK(says(error, "AWS_ACCESS_KEY_ID is not set"));
    CHECK(says(error, "'default'"));
    user.around.variables["AWS_ACCESS_KEY_ID"] = "AKIDENV";
    user.around.variables["AWS_SECRET_ACCESS_KEY"] = secret;
    user.script->then(200, tests::sts_answer("AssumeRole"));
    // The caller's choice of a profile does not take away what that profile itself points to.
    CHECK(found_key(user.profile({.profile = "default"})) == "ASIAEXAMPLE");
    CHECK(user.header(0, "Authorization").find("Credential=AKIDENV/") != std::string::npos);

    User container{role + "EcsContainer"};
    CHECK(says(failed_quietly(container.profile()), "'default'"));
    container.around.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/task";
    container.script->then(200, tests::json_answer("2026-01-02T06:00:00Z", "AKIDTASK"));
    container.script->then(200, tests::sts_answer("AssumeRole"));
    CHECK(found_key(container.profile()) == "ASIAEXAMPLE");
    CHECK(container.header(1, "Authorization").find("Credential=AKIDTASK/") != std::string::npos);

    User instance{role + "Ec2InstanceMetadata"};
    instance.around.variables["AWS_EC2_METADATA_DISABLED"] = "true";
    CHECK(says(failed_quietly(instance.profile()), "'default'"));
}

TEST_CASE("profile source: an instance that a profile names is asked for its session token once") {
    User user{
        "[default]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = Ec2InstanceMetadata\nregion = eu-west-1"};
    const aws::credentials::Profile source;
    for (int i = 0; i < 2; ++i) {
        if (i == 0) user.script->then(200, "imds-token-1");
        user.script->then(200, "jobs");
        user.script->then(200, tests::json_answer());
        user.script->then(200, tests::sts_answer("AssumeRole"));
        CHECK(found_key(user.find(source)) == "ASIAEXAMPLE");
    }
    CHECK(user.asked() == 7);
    CHECK(user.header(4, "x-aws-ec2-metadata-token") == "imds-token-1");
}

TEST_CASE("profile source: a web identity is taken on without a signature") {
    User user{"[default]\nrole_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = /token\nregion = eu-west-1"};
    CHECK(says(failed_quietly(user.profile()), "/token"));
    user.around.files["/token"] = "web-token-of-a-pod";
    user.script->then(200, tests::sts_answer("AssumeRoleWithWebIdentity"));
    CHECK(found_key(user.profile()) == "ASIAEXAMPLE");
    CHECK(user.header(0, "Authorization") == "(none)");
}

TEST_CASE("web identity source: STS is asked where the settings say, and nobody is if the caller chose a profile") {
    User user{"[default]\nregion = eu-north-1\n[profile dev]\n" + keys};
    user.around.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
    user.around.variables["AWS_ROLE_ARN"] = tests::role_arn;
    user.around.files["/token"] = "web-token-of-a-pod";
    for (int i = 0; i < 3; ++i) user.script->then(200, tests::sts_answer("AssumeRoleWithWebIdentity"));
    CHECK(found_key(user.find(aws::credentials::WebIdentity{})) == "ASIAEXAMPLE");
    CHECK(user.url(0) == "POST https://sts.eu-north-1.amazonaws.com/");
    const aws::SettingsOptions given{.region = "cn-north-1", .dual_stack = true};
    CHECK(found_key(user.find(aws::credentials::WebIdentity{given})) == "ASIAEXAMPLE");
    CHECK(user.url(1) == "POST https://sts.cn-north-1.api.amazonwebservices.com.cn/");
    const aws::SettingsOptions chosen{.profile = "dev"};
    CHECK(found_key(user.find(aws::credentials::WebIdentity{chosen})).starts_with("not here: it was not asked"));
    user.around.variables["AWS_REGION"] = "evil.example/";
    CHECK(says(failed_quietly(user.find(aws::credentials::WebIdentity{})), "AWS_REGION"));
    CHECK(user.asked() == 2);
}

}  // namespace aws_profile_test
