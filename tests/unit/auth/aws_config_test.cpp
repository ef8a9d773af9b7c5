#include "blueprint/faas/auth/aws/config_file.hpp"
#include "blueprint/faas/auth/aws/settings.hpp"
#include "blueprint/faas/detail/shell_words.hpp"
#include "support/aws_world.hpp"
#include "support/run.hpp"

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aws_config_test {

using namespace blueprint::faas;
using aws::ConfigFileKind;
using aws::Service;
using tests::AwsWorld;
using tests::failed;
using tests::ok;

namespace {

const std::string secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

aws::ConfigFile config(std::string_view text) { return ok(aws::read_config(text, "/c", ConfigFileKind::config)); }
aws::ConfigFile credentials(std::string_view text) {
    return ok(aws::read_config(text, "/k", ConfigFileKind::credentials));
}

// The value of the profile "p" of a config file.
std::string value(std::string_view text, std::string_view key = "k") {
    const auto file = config(text);
    REQUIRE(file.profiles.contains("p"));
    return std::string{file.profiles.at("p").text(key)};
}

using Words = std::vector<std::string>;

// A user with a home directory and these two files.
AwsWorld home(std::string config_text, std::string credentials_text = {}) {
    AwsWorld world;
    world.variables["HOME"] = "/h";
    if (!config_text.empty()) world.files["/h/.aws/config"] = std::move(config_text);
    if (!credentials_text.empty()) world.files["/h/.aws/credentials"] = std::move(credentials_text);
    return world;
}

std::string url(const AwsWorld& world, Service service = Service::lambda, const aws::SettingsOptions& options = {}) {
    return ok(ok(aws::resolve_settings(world, options)).endpoint_for(service)).url;
}

Error settings_error(const AwsWorld& world, const aws::SettingsOptions& options = {}) {
    const auto settings = aws::resolve_settings(world, options);
    return settings ? failed(settings->endpoint_for(Service::lambda)) : settings.error();
}

bool says(const Error& error, std::string_view part) { return error.message.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("shell words: a command is split as by a shell that expands nothing") {
    const std::vector<std::pair<std::string_view, std::optional<Words>>> table{
        {"", Words{}},
        {" \t\n ", Words{}},
        {"one", Words{"one"}},
        {"  one  two\tthree\r\nfour ", Words{"one", "two", "three", "four"}},
        {"'a b' \"c d\"", Words{"a b", "c d"}},
        {"a'b'\"c\"d", Words{"abcd"}},
        {"'' \"\"", Words{"", ""}},
        {R"(a\ b \' \\)", Words{"a b", "'", "\\"}},
        {R"('a\b' "a\b" "a\"b" "a\\b")", Words{R"(a\b)", R"(a\b)", "a\"b", R"(a\b)"}},
        {R"("it's" 'say "so"')", Words{"it's", "say \"so\""}},
        {"$HOME *.txt `x` # no comment", Words{"$HOME", "*.txt", "`x`", "#", "no", "comment"}},
        {"'open", std::nullopt},
        {"\"open", std::nullopt},
        {"end\\", std::nullopt},
    };
    for (const auto& [text, words] : table) {
        CAPTURE(text);
        CHECK((detail::shell_words(text) == words));
    }
}

TEST_CASE("config file: sections are profiles, sessions, lists of services, or nothing to us") {
    const auto file = config(
        "[default]\nregion=a\n[profile dev]\nregion=b\n[ \tprofile \t\"my team\"\t ]\nregion=c\n[profile "
        "'x]y']\nregion=d\n"
        "[sso-session corp]\nsso_region=e\n[services local]\nlambda =\n  endpoint_url = http://f\n"
        "[dev2]\nregion=g\n[preview]\n[profile in valid]\nregion=h\n[profile]\nregion=i");
    CHECK(file.present);
    CHECK(file.profiles.size() == 4);
    CHECK(file.profiles.at("default").text("region") == "a");
    CHECK(file.profiles.at("dev").text("region") == "b");
    CHECK(file.profiles.at("my team").text("region") == "c");
    CHECK(file.profiles.at("x]y").text("region") == "d");
    CHECK(file.sso_sessions.at("corp").text("sso_region") == "e");
    CHECK(file.services.at("local").text("lambda", "endpoint_url") == "http://f");
    CHECK(file.other_sections == Words{"dev2", "preview", "profile in valid", "profile"});
}

TEST_CASE("config file: in the credentials file the whole text of a section is a profile's name") {
    const auto file = credentials("[default]\nk=1\n[ my team ]\nk=2\n[it's]\nk=3\n[profile x]\nk=4");
    CHECK(file.profiles.size() == 4);
    CHECK(file.profiles.at("default").text("k") == "1");
    CHECK(file.profiles.at("my team").text("k") == "2");
    CHECK(file.profiles.at("it's").text("k") == "3");
    CHECK(file.profiles.at("profile x").text("k") == "4");
}

TEST_CASE("config file: values, blanks, comments and line ends") {
    const std::vector<std::pair<std::string_view, std::string_view>> table{
        {"[profile p]\nk=v", "v"},
        {"[profile p]\r\nk = v\r\n", "v"},
        {"\xEF\xBB\xBF[profile p]\nk = v", "v"},
        {"[profile p]\nk \t=  \tv w \t", "v w"},
        {"[profile p]\nk = a=b==", "a=b=="},
        {"[profile p]\nK = v", "v"},
        {"[profile p]\nk =", ""},
        {"[profile p]\nk = ; only a comment", ""},
        {"# c\n; c\n\n \t\n[profile p] # c\n; k = x\nk = v # c ; c\n#k = y", "v"},
        {"[profile p];c\nk = v;w#x", "v;w#x"},
        {"[profile p]\nk = run \"a ; b\" 'c # d' ; gone", "run \"a ; b\" 'c # d'"},
        {"[profile p]\nk = 1\nk = 2", "2"},
        {"[profile p]\nk = 1\n[profile q]\nk = 3\n[profile p]\nk = 2\n", "2"},
        {"[profile p]\n  k = v\n  other = w", "v"},
        {"[profile p]\nk = one\n  two # kept\n\tthree", "one\ntwo # kept\nthree"},
        {"[profile p]\nk = one\n  # a comment\n  two", "one\ntwo"},
        {"[profile p]\nk = one\n  [two]", "one\n[two]"},
        {"[profile p]\nin valid = x\nk = \xC3\xA4", "\xC3\xA4"},
    };
    for (const auto& [text, expected] : table) {
        CAPTURE(text);
        CHECK(value(text) == expected);
    }
}

TEST_CASE("config file: indented lines below a key without a value are one more level") {
    const auto file = config(
        "[profile p]\ns3 =\n  # first\n  Max = 7 ; c\n\n  empty =\n  addressing_style = path\nregion = r\n"
        "sts =\n\tendpoint_url = http://x\n[profile p]\ns3 =\n  max = 8");
    const auto& p = file.profiles.at("p");
    CHECK(p.text("s3", "max") == "8");
    CHECK(p.text("s3", "addressing_style").empty());  // what comes last counts, as a whole
    CHECK(p.text("sts", "endpoint_url") == "http://x");
    CHECK(p.text("region") == "r");
    CHECK(p.text("sts", "region").empty());
    CHECK(p.text("ec2", "region").empty());
    CHECK_FALSE(p.has("s3"));
}

TEST_CASE("config file: [profile default] takes the place of [default], wherever it stands") {
    for (const std::string_view text :
         {"[profile default]\na=1\n[default]\nb=2", "[default]\nb=2\n[profile default]\na=1"}) {
        const auto file = config(text);
        CHECK(file.profiles.at("default").text("a") == "1");
        CHECK_FALSE(file.profiles.at("default").has("b"));
    }
}

TEST_CASE("config file: what is broken is told by path and line, and never shown") {
    const std::vector<std::pair<std::string, std::string_view>> table{
        {secret + " = x\n", "line 1"},
        {"[default]\n\n# c\n" + secret + "\n", "line 4"},
        {"[default]\n= " + secret + "\n", "line 2"},
        {"[default]\ns3 =\n  " + secret + "\n", "line 3"},
        {"[default]\ns3 =\n  = " + secret + "\n", "line 3"},
        {"[" + secret + "\n", "line 1"},
        {"[default] " + secret + "\n", "line 1"},
        {"[profile \"" + secret + "]\n", "line 1"},
        {"[]\nk = " + secret, "line 1"},
        {"[default]\nk = " + secret + std::string(1, '\0'), "line 2"},
        {"  " + secret, "line 1"},
        {"[default]\n  " + secret, "line 2"},
        {"[default]\nk = v\n[default]\n  " + secret, "line 4"},
    };
    for (const auto& [text, line] : table) {
        CAPTURE(text);
        const auto error = failed(aws::read_config(std::string_view{text}, "/h/.aws/config", ConfigFileKind::config));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, std::string{line} + " of '/h/.aws/config'"));
        CHECK_FALSE(says(error, secret));
    }
}

TEST_CASE("config files: a value of the credentials file comes before one of the config file") {
    auto world = home("[default]\nregion=r\naws_access_key_id=config\n[profile only]\nregion=s",
                      "[default]\naws_access_key_id=credentials\n[keys]\nk=v");
    const auto files = ok(aws::read_config_files(world));
    CHECK(files.profile("default").text("aws_access_key_id") == "credentials");
    CHECK(files.profile("default").text("region") == "r");
    for (const auto* name : {"default", "only", "keys"}) CHECK(files.has_profile(name));
    CHECK_FALSE(files.has_profile("other"));
    CHECK(files.profile("other").values.empty());
}

TEST_CASE("config files: variables say where they are, and what is not there says nothing") {
    auto world = home("[default]\nregion=home");
    world.variables["AWS_CONFIG_FILE"] = "~/other/config";
    world.variables["AWS_SHARED_CREDENTIALS_FILE"] = "/etc/keys";
    world.files["/h/other/config"] = "[default]\nregion=other";
    world.files["/etc/keys"] = "[default]\nk=v";
    auto files = ok(aws::read_config_files(world));
    CHECK(files.profile("default").text("region") == "other");
    CHECK(files.profile("default").text("k") == "v");
    world.variables["AWS_CONFIG_FILE"] = "";
    CHECK(ok(aws::read_config_files(world)).profile("default").text("region") == "home");
    world.files.clear();
    files = ok(aws::read_config_files(world));
    CHECK_FALSE(files.config.present);
    CHECK(files.config.path == "/h/.aws/config");
    CHECK_FALSE(files.has_profile("default"));
}

TEST_CASE("config files: one that cannot be read or understood is an error, not a missing one") {
    for (const std::string path : {"/h/.aws/config", "/h/.aws/credentials"}) {
        auto world = home("[default]", "[default]");
        world.forbidden.insert(path);
        CHECK(says(failed(aws::read_config_files(world)), path));
        world.forbidden.clear();
        world.files[path] = "nonsense";
        CHECK(says(failed(aws::read_config_files(world)), path));
    }
}

TEST_CASE("settings: the region is the caller's, then that of the variables, then the profile's") {
    auto world = home("[default]\nregion = eu-west-1\n[profile dev]\nregion = eu-west-2");
    CHECK(ok(aws::resolve_settings(world)).region == "eu-west-1");
    world.variables["AWS_PROFILE"] = "dev";
    CHECK(ok(aws::resolve_settings(world)).region == "eu-west-2");
    CHECK(ok(aws::resolve_settings(world, {.profile = "default"})).region == "eu-west-1");
    world.variables["AWS_DEFAULT_REGION"] = "eu-west-3";
    CHECK(ok(aws::resolve_settings(world)).region == "eu-west-3");
    world.variables["AWS_REGION"] = "eu-south-1";
    CHECK(ok(aws::resolve_settings(world)).region == "eu-south-1");
    CHECK(ok(aws::resolve_settings(world, {.region = "eu-south-2"})).region == "eu-south-2");
    world.variables["AWS_REGION"] = "";
    CHECK(ok(aws::resolve_settings(world)).region == "eu-west-3");
}

TEST_CASE("settings: without a region the error says what to set") {
    const auto error = settings_error(AwsWorld{});
    CHECK(error.code == errc::invalid_configuration);
    for (const auto* part : {"AWS_REGION", "'region' of the profile 'default'", "option 'region'"})
        CHECK(says(error, part));
    AwsWorld world;
    world.variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1";  // an endpoint is no region to sign for
    CHECK(says(settings_error(world), "AWS_REGION"));
}

TEST_CASE("settings: a region that could name another host is refused, unseen") {
    for (const std::string bad : {"us_east_1", "US-EAST-1", "us-east-1.evil.example#", "evil.example/", "-us", "us-",
                                  "123", "us east", "eu@x", secret.c_str()}) {
        CAPTURE(bad);
        AwsWorld world;
        world.variables["AWS_REGION"] = bad;
        for (const auto& error : {settings_error(world), settings_error(AwsWorld{}, {.region = bad}),
                                  settings_error(home("[default]\nregion = " + bad))}) {
            CHECK(error.code == errc::invalid_configuration);
            CHECK(says(error, "region"));
            CHECK_FALSE(says(error, bad));
        }
    }
    CHECK(says(settings_error(AwsWorld{}, {.region = std::string(64, 'a')}), "'region'"));
    const auto settings = ok(aws::resolve_settings(AwsWorld{}, {.region = "eu-west-1"}));
    CHECK(failed(settings.endpoint_for(Service::sso, "a.b")).code == errc::invalid_configuration);
}

TEST_CASE("settings: a profile that somebody names must exist, and the error knows likely slips") {
    auto world = home("[default]\n[dev]\n[profile my team]", "[profile ops]\nk=v");
    const std::vector<std::pair<std::string, std::string_view>> table{
        {"other", "correct the name"},
        {"dev", "must be called [profile dev]"},
        {"my team", "[profile \"my team\"]"},
        {"ops", "must be called [ops]"},
    };
    for (const auto& [name, advice] : table) {
        CAPTURE(name);
        const auto error = failed(aws::resolve_settings(world, {.profile = name}));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, advice));
        CHECK(says(error, "the option 'profile'"));
    }
    world.variables["AWS_PROFILE"] = "other";
    CHECK(says(failed(aws::resolve_settings(world)), "AWS_PROFILE"));
    CHECK(says(failed(aws::resolve_settings(home(""), {.profile = "x"})), "exists"));
}

TEST_CASE("settings: AWS's own endpoints in every partition, with FIPS and dual stack") {
    struct Row {
        const char* region;
        const char* partition;
        std::array<const char*, 4> lambda;  // plain, dual stack, FIPS, both
        std::array<const char*, 4> sts;
    };
    const std::vector<Row> table{
        {"eu-central-1",
         "aws",
         {"lambda.eu-central-1.amazonaws.com", "lambda.eu-central-1.api.aws", "lambda-fips.eu-central-1.amazonaws.com",
          "lambda-fips.eu-central-1.api.aws"},
         {"sts.eu-central-1.amazonaws.com", "sts.eu-central-1.api.aws", "sts-fips.eu-central-1.amazonaws.com",
          "sts-fips.eu-central-1.api.aws"}},
        {"cn-north-1",
         "aws-cn",
         {"lambda.cn-north-1.amazonaws.com.cn", "lambda.cn-north-1.api.amazonwebservices.com.cn",
          "lambda-fips.cn-north-1.amazonaws.com.cn", "lambda-fips.cn-north-1.api.amazonwebservices.com.cn"},
         {"sts.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.api.amazonwebservices.com.cn",
          "sts-fips.cn-north-1.amazonaws.com.cn", "sts-fips.cn-north-1.api.amazonwebservices.com.cn"}},
        {"us-gov-west-1",
         "aws-us-gov",
         {"lambda.us-gov-west-1.amazonaws.com", "lambda.us-gov-west-1.api.aws",
          "lambda-fips.us-gov-west-1.amazonaws.com", "lambda-fips.us-gov-west-1.api.aws"},
         {"sts.us-gov-west-1.amazonaws.com", "sts.us-gov-west-1.api.aws", "sts.us-gov-west-1.amazonaws.com",
          "sts-fips.us-gov-west-1.api.aws"}},
        {"eusc-de-east-1",
         "aws-eusc",
         {"lambda.eusc-de-east-1.amazonaws.eu", "lambda.eusc-de-east-1.api.amazonwebservices.eu",
          "lambda-fips.eusc-de-east-1.amazonaws.eu", "lambda-fips.eusc-de-east-1.api.amazonwebservices.eu"},
         {"sts.eusc-de-east-1.amazonaws.eu", "sts.eusc-de-east-1.api.amazonwebservices.eu",
          "sts-fips.eusc-de-east-1.amazonaws.eu", "sts-fips.eusc-de-east-1.api.amazonwebservices.eu"}},
        {"us-iso-east-1",
         "aws-iso",
         {"lambda.us-iso-east-1.c2s.ic.gov", "lambda.us-iso-east-1.api.aws.ic.gov",
          "lambda-fips.us-iso-east-1.c2s.ic.gov", "lambda-fips.us-iso-east-1.api.aws.ic.gov"},
         {"sts.us-iso-east-1.c2s.ic.gov", "sts.us-iso-east-1.api.aws.ic.gov", "sts-fips.us-iso-east-1.c2s.ic.gov",
          "sts-fips.us-iso-east-1.api.aws.ic.gov"}},
        {"us-isob-east-1",
         "aws-iso-b",
         {"lambda.us-isob-east-1.sc2s.sgov.gov", "lambda.us-isob-east-1.api.aws.scloud",
          "lambda-fips.us-isob-east-1.sc2s.sgov.gov", "lambda-fips.us-isob-east-1.api.aws.scloud"},
         {"sts.us-isob-east-1.sc2s.sgov.gov", "sts.us-isob-east-1.api.aws.scloud",
          "sts-fips.us-isob-east-1.sc2s.sgov.gov", "sts-fips.us-isob-east-1.api.aws.scloud"}},
    };
    for (const auto& row : table) {
        CHECK(aws::partition_of(row.region) == row.partition);
        for (std::size_t way = 0; way < 4; ++way) {
            CAPTURE(row.region);
            CAPTURE(way);
            const aws::SettingsOptions options{.region = row.region, .fips = way >= 2, .dual_stack = way % 2 == 1};
            CHECK(url({}, Service::lambda, options) == std::string{"https://"} + row.lambda[way]);
            CHECK(url({}, Service::sts, options) == std::string{"https://"} + row.sts[way]);
        }
    }
    CHECK(aws::partition_of("mars-north-9") == "aws");
    const auto e = ok(aws::resolve_settings(AwsWorld{}, {.region = "eu-isoe-west-1"}));
    CHECK(ok(e.endpoint_for(Service::lambda)).url == "https://lambda.eu-isoe-west-1.cloud.adc-e.uk");
    CHECK(says(settings_error({}, {.region = "eu-isoe-west-1", .dual_stack = true}), "dual-stack"));
}

TEST_CASE("settings: hosts of storage and of the Identity Center") {
    struct Row {
        const char* region;
        bool fips, dual_stack;
        const char *s3, *sso, *oidc;
    };
    const std::vector<Row> table{
        {"eu-west-1", false, false, "s3.eu-west-1.amazonaws.com", "portal.sso.eu-west-1.amazonaws.com",
         "oidc.eu-west-1.amazonaws.com"},
        {"eu-west-1", false, true, "s3.dualstack.eu-west-1.amazonaws.com", "portal.sso.eu-west-1.api.aws",
         "oidc.eu-west-1.api.aws"},
        {"eu-west-1", true, false, "s3-fips.eu-west-1.amazonaws.com", "portal.sso-fips.eu-west-1.amazonaws.com",
         "oidc-fips.eu-west-1.amazonaws.com"},
        {"eu-west-1", true, true, "s3-fips.dualstack.eu-west-1.amazonaws.com", "portal.sso-fips.eu-west-1.api.aws",
         "oidc-fips.eu-west-1.api.aws"},
        {"us-gov-east-1", true, false, "s3-fips.us-gov-east-1.amazonaws.com", "portal.sso.us-gov-east-1.amazonaws.com",
         "oidc.us-gov-east-1.amazonaws.com"},
    };
    for (const auto& row : table) {
        const aws::SettingsOptions options{.region = row.region, .fips = row.fips, .dual_stack = row.dual_stack};
        CHECK(url({}, Service::s3, options) == std::string{"https://"} + row.s3);
        CHECK(url({}, Service::sso, options) == std::string{"https://"} + row.sso);
        CHECK(url({}, Service::sso_oidc, options) == std::string{"https://"} + row.oidc);
    }
    const auto china = ok(aws::resolve_settings(AwsWorld{}, {.region = "cn-north-1", .fips = true}));
    CHECK(says(failed(china.endpoint_for(Service::s3)), "China"));
    const auto other =
        ok(ok(aws::resolve_settings(AwsWorld{}, {.region = "eu-west-1"})).endpoint_for(Service::sso, "us-east-2"));
    CHECK(other.url == "https://portal.sso.us-east-2.amazonaws.com");
    CHECK(other.region == "us-east-2");
}

TEST_CASE("settings: of the configured URLs the caller's comes first, then variables before files, own before global") {
    auto world = home(
        "[default]\nregion = eu-west-1\nservices = local\nendpoint_url = http://profile\n"
        "[services local]\nlambda =\n  endpoint_url = http://section\nsso_oidc =\n  endpoint_url = http://oidc");
    CHECK(url(world) == "http://section");
    CHECK(url(world, Service::sts) == "http://profile");
    CHECK(url(world, Service::sso_oidc) == "http://oidc");
    world.variables["AWS_ENDPOINT_URL"] = "http://global";
    CHECK(url(world) == "http://global");
    CHECK(url(world, Service::sts) == "http://global");
    world.variables["AWS_ENDPOINT_URL_LAMBDA"] = "http://lambda";
    world.variables["AWS_ENDPOINT_URL_STS"] = "http://sts";
    world.variables["AWS_ENDPOINT_URL_S3"] = "http://s3";
    world.variables["AWS_ENDPOINT_URL_SSO"] = "http://sso";
    world.variables["AWS_ENDPOINT_URL_SSO_OIDC"] = "http://sso-oidc";
    CHECK(url(world) == "http://lambda");
    CHECK(url(world, Service::sts) == "http://sts");
    CHECK(url(world, Service::s3) == "http://s3");
    CHECK(url(world, Service::sso) == "http://sso");
    CHECK(url(world, Service::sso_oidc) == "http://sso-oidc");
    CHECK(url(world, Service::lambda, {.endpoint = "http://caller"}) == "http://caller");
    CHECK(url(world, Service::sts, {.endpoint = "http://caller"}) == "http://sts");
    const auto signed_for = ok(ok(aws::resolve_settings(world)).endpoint_for(Service::lambda)).region;
    CHECK(signed_for == "eu-west-1");
    world.variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "True";
    CHECK(url(world) == "https://lambda.eu-west-1.amazonaws.com");
    CHECK(url(world, Service::lambda, {.endpoint = "http://caller"}) == "http://caller");
    world.variables.erase("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    world.files["/h/.aws/config"] += "\n[default]\nignore_configured_endpoint_urls = true";
    CHECK(url(world) == "https://lambda.eu-west-1.amazonaws.com");
}

TEST_CASE("settings: FIPS and dual stack by variable and profile, but not with a URL of one's own") {
    auto world = home("[default]\nregion = eu-west-1\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true");
    CHECK(url(world) == "https://lambda-fips.eu-west-1.api.aws");
    world.variables["AWS_USE_FIPS_ENDPOINT"] = "false";
    CHECK(url(world) == "https://lambda.eu-west-1.api.aws");
    world.variables["AWS_USE_DUALSTACK_ENDPOINT"] = "false";
    CHECK(url(world) == "https://lambda.eu-west-1.amazonaws.com");
    CHECK(url(world, Service::lambda, {.fips = true}) == "https://lambda-fips.eu-west-1.amazonaws.com");
    world.variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9000";
    CHECK(url(world) == "http://127.0.0.1:9000");
    CHECK(says(settings_error(world, {.fips = true}), "AWS_ENDPOINT_URL"));
    CHECK(says(settings_error(world, {.fips = true}), "FIPS"));
    CHECK(says(settings_error(world, {.dual_stack = true}), "dual stack"));
}

TEST_CASE("settings: what cannot be read is named by where it stands, and not shown") {
    const std::string bad = "http://user:" + secret + "@host";
    struct Row {
        const char* variable;
        std::string value;
    };
    for (const auto& row : std::vector<Row>{{"AWS_ENDPOINT_URL", bad},
                                            {"AWS_ENDPOINT_URL_LAMBDA", secret},
                                            {"AWS_USE_FIPS_ENDPOINT", secret},
                                            {"AWS_USE_DUALSTACK_ENDPOINT", "yes" + secret},
                                            {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", secret}}) {
        auto world = home("[default]\nregion = eu-west-1");
        world.variables[row.variable] = row.value;
        const auto error = settings_error(world);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, row.variable));
        CHECK_FALSE(says(error, secret));
    }
    for (const std::string key : {"endpoint_url", "use_fips_endpoint", "ignore_configured_endpoint_urls", "services"}) {
        const auto error = settings_error(home("[default]\nregion = eu-west-1\n" + key + " = " + secret));
        CHECK(says(error, "'" + key + "' of the profile 'default'"));
        CHECK_FALSE(says(error, secret));
    }
}

TEST_CASE("settings: the CA bundle is the caller's, the variable's, or the profile's") {
    auto world = home("[default]\nca_bundle = ~/ca.pem");
    CHECK(ok(aws::resolve_settings(world)).ca_bundle == "/h/ca.pem");
    world.variables["AWS_CA_BUNDLE"] = "/etc/ca.pem";
    CHECK(ok(aws::resolve_settings(world)).ca_bundle == "/etc/ca.pem");
    CHECK(ok(aws::resolve_settings(world, {.ca_bundle = "/mine.pem"})).ca_bundle == "/mine.pem");
    CHECK(ok(aws::resolve_settings(AwsWorld{})).ca_bundle.empty());
}

}  // namespace aws_config_test
