#include "blueprint/faas/auth/azure/azure_cli.hpp"
#include "blueprint/faas/auth/azure/azure_developer_cli.hpp"
#include "blueprint/faas/auth/azure/default_chain.hpp"
#include "support/source_world.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace azure_sources_tools_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using azure::credentials::AzureCli;
using azure::credentials::AzureDeveloperCli;
using azure::credentials::Selected;
using tests::ok;
using tests::says;

namespace {

const std::string arm = "https://management.azure.com/.default";
const std::string storage = "https://storage.azure.com/.default";

/// A tool that a test makes, which writes down its arguments, one a line, and then does as its text says.
struct Tool {
    test::TemporaryDirectory directory{};
    std::string path = (directory / "a tool").string();

    explicit Tool(const std::string& text) { does(text); }
    void does(const std::string& text) const {
        std::ofstream{path} << "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done >> '" << path << ".seen'\n"
                            << "printf '%s\\n' '--' >> '" << path << ".seen'\n"
                            << text << '\n';
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    }
    void prints(const std::string& text) const { does("cat <<'END'\n" + text + "\nEND\n"); }
    std::vector<std::string> seen() const {
        std::vector<std::string> words;
        std::ifstream file{path + ".seen"};
        for (std::string line; std::getline(file, line);) words.push_back(line);
        return words;
    }
    std::size_t runs() const {
        const auto words = seen();
        return static_cast<std::size_t>(std::count(words.begin(), words.end(), "--"));
    }
};

struct World : tests::SourceWorld {
    template <class Source>
    azure::Credential credential(const Source& source) {
        auto search = ok(find(source));
        REQUIRE_MESSAGE(search.found.has_value(), search.not_here);
        return *search.found;
    }
    template <class Source>
    result<azure::TimedToken> token(const Source& source, azure::TokenRequest request = {.scope = arm}) {
        return tests::run(io, credential(source).fetch(reach, std::move(request), deadline_after(20s)));
    }
    result<azure::SharedAccessToken> get(azure::DefaultChain& chain, const std::string& scope = arm) {
        return tests::run(io, chain.get(scope, deadline_after(20s)));
    }
    void then_token(const std::string& token) {
        script->then(200, R"({"token_type":"Bearer","expires_in":3599,"access_token":")" + token + "\"}");
    }
    void selects(const std::string& what) { around.variables["AZURE_TOKEN_CREDENTIALS"] = what; }
    void has_application() {
        around.variables["AZURE_TENANT_ID"] = "tenant-1";
        around.variables["AZURE_CLIENT_ID"] = "client-1";
        around.variables["AZURE_CLIENT_SECRET"] = "secret-of-the-application";
    }
    void has_identity() {
        around.variables["IDENTITY_ENDPOINT"] = "http://127.0.0.1:1/msi/token";
        around.variables["IDENTITY_HEADER"] = "secret-of-the-header";
    }
};

template <class T>
Error failed(result<T> outcome) {
    Error error = tests::failed(std::move(outcome));
    std::ostringstream text;
    text << error;
    for (const std::string_view secret : {"secret-of-the", "token-of-the-cli", "eyJhbGciOi", "not-to-be-seen"})
        CHECK_MESSAGE(text.str().find(secret) == std::string::npos, text.str());
    CHECK(error.execution == Execution::not_started);
    return error;
}

std::string cli_answer(const std::string& ends) {
    return R"({"accessToken":"token-of-the-cli","subscription":"s","tenant":"t","tokenType":"Bearer",)" + ends + "}";
}

/// A chain whose tools are those of a test: the usual one would run what this machine has.
using ToolChain = azure::Chain<Selected<AzureCli>, Selected<AzureDeveloperCli>>;

}  // namespace

TEST_CASE("azure: the Azure CLI is run in /bin, without a shell, for each token that is wanted, and not before") {
    World world;
    const Tool az{"pwd > \"$0.directory\""};
    const AzureCli source{{.program = az.path}};
    const auto credential = world.credential(source);
    CHECK(az.runs() == 0);
    CHECK(credential.what == "whoever is signed in to the Azure CLI (az)");
    CHECK(says(failed(world.token(source)), "printed no JSON object"));
    std::string directory;
    std::getline(std::ifstream{az.path + ".directory"} >> std::ws, directory);
    CHECK(std::filesystem::equivalent(directory, "/bin"));

    az.prints(cli_answer(R"("expires_on":)" + std::to_string(world.now() + 3600)));
    const auto token = ok(world.token(source));
    CHECK(token.value.reveal() == "token-of-the-cli");
    CHECK((token.expires == world.around.time + 1h));
    ok(world.token(AzureCli{{.tenant = "contoso.example.com", .program = az.path}}, {.scope = storage}));
    ok(world.token(AzureCli{{.subscription = "Pay as you go", .program = az.path}}));
    const std::string management = "https://management.azure.com";
    CHECK((az.seen() == std::vector<std::string>{"account",
                                                 "get-access-token",
                                                 "--output",
                                                 "json",
                                                 "--resource",
                                                 management,
                                                 "--",
                                                 "account",
                                                 "get-access-token",
                                                 "--output",
                                                 "json",
                                                 "--resource",
                                                 management,
                                                 "--",
                                                 "account",
                                                 "get-access-token",
                                                 "--output",
                                                 "json",
                                                 "--resource",
                                                 "https://storage.azure.com",
                                                 "--tenant",
                                                 "contoso.example.com",
                                                 "--",
                                                 "account",
                                                 "get-access-token",
                                                 "--output",
                                                 "json",
                                                 "--resource",
                                                 management,
                                                 "--subscription",
                                                 "Pay as you go",
                                                 "--"}));
    CHECK(world.asked() == 0);
}

TEST_CASE("Azure pitfall 12: expires_on is believed, and expiresOn is the time of this place, not of Greenwich") {
    World world;  // it is 2026-01-02T00:00:00Z
    world.around.zone = 2h;
    const Tool az{""};
    const AzureCli source{{.program = az.path}};
    const auto ends = [&](const std::string& text) {
        az.prints(cli_answer(text));
        return std::chrono::floor<std::chrono::seconds>(ok(world.token(source)).expires - world.around.time);
    };
    const auto in_an_hour = std::to_string(world.now() + 3600);
    CHECK((ends(R"("expiresOn":"2026-01-02 03:00:00.000000","expires_on":)" + in_an_hour) == 1h));
    CHECK((ends(R"("expiresOn":"2026-01-02 09:00:00.000000","expires_on":")" + in_an_hour + '"') == 1h));
    CHECK((ends(R"("expiresOn":"2026-01-02 03:00:00.123456")") == 1h));
    CHECK((ends(R"("expiresOn":"2026-01-02 03:00:00.123456","expires_on":null)") == 1h));
    CHECK((ends(R"("expiresOn":"2026-01-02T03:00:00Z")") == 3h));
    CHECK((ends(R"("expiresOn":"2026-01-02T05:00:00+04:00")") == 1h));
    world.around.zone = -8h;
    CHECK((ends(R"("expiresOn":"2026-01-01 17:00:00")") == 1h));
    // By the clock of Greenwich this one would still be good for an hour.
    world.around.zone = 2h;
    az.prints(cli_answer(R"("expiresOn":"2026-01-02 01:00:00.000000")"));
    CHECK(says(failed(world.token(source)), "has ended already"));
}

TEST_CASE("azure: what the Azure CLI prints instead of a token is told, and not shown") {
    World world;
    const Tool az{""};
    const AzureCli source{{.program = az.path}};
    const std::string later = R"("expires_on":)" + std::to_string(world.now() + 3600);
    for (const auto& [printed, told] : std::vector<std::pair<std::string, std::string>>{
             {"", "printed no JSON object"},
             {R"(["not-to-be-seen"])", "printed no JSON object"},
             {"{" + later + "}", "printed no accessToken"},
             {R"({"accessToken":"not-to-be-seen\n",)" + later + "}", "printed no accessToken"},
             {cli_answer(R"("expires_on":"x")"), "neither expires_on nor expiresOn"},
             {cli_answer(R"("expiresOn":"tomorrow")"), "neither expires_on nor expiresOn"},
             {cli_answer(R"("expires_on":)" + std::to_string(world.now())), "has ended already"},
         }) {
        CAPTURE(printed);
        az.prints(printed);
        const auto error = failed(world.token(source));
        CHECK(says(error, "the Azure CLI (az)"));
        CHECK(says(error, told));
        CHECK(error.code == (told == "has ended already" ? errc::authentication : errc::serialization));
    }
    az.does("kill -9 $$");
    CHECK(failed(world.token(source)).code == errc::infrastructure);
    az.does("sleep 60");
    CHECK(failed(world.token(AzureCli{{.program = az.path, .timeout = 50ms}})).code == errc::timed_out);
    const auto claims = failed(world.token(source, {.scope = arm, .claims = "{}"}));
    CHECK(claims.code == errc::authentication);
    CHECK(says(claims, "run 'az login' again"));
}

TEST_CASE("azure: a tool that is not installed is told apart from one that nobody is signed in to") {
    World world;
    const auto absent = failed(world.token(AzureCli{{.program = "no-program-of-this-name"}}));
    CHECK(absent.code == errc::not_found);
    CHECK(absent.message == "the Azure CLI (az) is not installed");
    const Tool az{"exit 127"};
    const AzureCli source{{.program = az.path}};
    CHECK(says(failed(world.token(source)), "is not installed, or what it needs is not"));
    az.does("echo \"WARNING: old\nERROR: Please run 'az login' to setup account.\" >&2; exit 1");
    const auto stranger = failed(world.token(source));
    CHECK(stranger.code == errc::not_found);
    CHECK(stranger.message ==
          "nobody is signed in to the Azure CLI (az), or not any more: run 'az login' (exit code 1; ERROR: Please run "
          "'az login' to setup account.)");
    az.does("echo 'ERROR: it is broken: eyJhbGciOi.eyJhdWQi.x, eyJ' >&2; exit 3");
    const auto broken = failed(world.token(source));
    CHECK(broken.code == errc::not_found);
    CHECK(broken.message ==
          "the Azure CLI (az) gives no token: run it by hand, and look at what it says (exit code 3; ERROR: it is "
          "broken: [redacted], [redacted])");

    const Tool azd{
        R"(echo '{"type":"consoleMessage","data":{"message":"run `azd auth login`, not-to-be-seen"}}'; exit 1)"};
    const auto nobody = failed(world.token(AzureDeveloperCli{{.program = azd.path}}));
    CHECK(nobody.code == errc::not_found);
    CHECK(says(nobody, "nobody is signed in to the Azure Developer CLI (azd)"));
}

TEST_CASE("azure: the Azure Developer CLI is asked by scope, and says when a token ends by the clock of Greenwich") {
    World world;
    world.around.zone = 2h;
    const Tool azd{""};
    azd.prints(R"({"token":"token-of-the-cli","expiresOn":"2026-01-02T01:00:00Z"})");
    const auto token = ok(world.token(AzureDeveloperCli{{.program = azd.path}}));
    CHECK((token.expires == world.around.time + 1h));
    ok(world.token(AzureDeveloperCli{{.tenant = "t-1", .program = azd.path}}, {.scope = storage}));
    CHECK((azd.seen() == std::vector<std::string>{"auth", "token", "--output", "json", "--no-prompt", "--scope", arm,
                                                  "--", "auth", "token", "--output", "json", "--no-prompt", "--scope",
                                                  storage, "--tenant-id", "t-1", "--"}));
    for (const auto& [printed, told] : std::vector<std::pair<std::string, std::string>>{
             {"not-to-be-seen", "printed no JSON object"},
             {R"({"expiresOn":"2026-01-02T01:00:00Z"})", "printed no token"},
             {R"({"token":"token-of-the-cli","expiresOn":"2026-01-02 01:00:00"})", "expiresOn is no time"},
             {R"({"token":"token-of-the-cli","expiresOn":"2026-01-02T00:00:00Z"})", "has ended already"},
         }) {
        CAPTURE(printed);
        azd.prints(printed);
        CHECK(says(failed(world.token(AzureDeveloperCli{{.program = azd.path}})), told));
    }
}

TEST_CASE("azure: a tenant, a subscription or a scope that is none gets into no command line") {
    World world;
    const Tool tool{""};
    for (const std::string_view bad :
         {"--help", "-x", "a b", "a;b", "$(id)", "a`b", "a\nb", "a'b", "\xc3\xa4", "a/b"}) {
        CAPTURE(bad);
        const std::string text{bad};
        CHECK(failed(world.find(AzureCli{{.tenant = text, .program = tool.path}})).code == errc::invalid_configuration);
        CHECK(failed(world.find(AzureDeveloperCli{{.tenant = text, .program = tool.path}})).code ==
              errc::invalid_configuration);
        if (bad != "a b")
            CHECK(failed(world.find(AzureCli{{.subscription = text, .program = tool.path}})).code ==
                  errc::invalid_configuration);
        if (bad == "a/b") continue;
        CHECK(failed(world.token(AzureCli{{.program = tool.path}}, {.scope = text})).code ==
              errc::invalid_configuration);
        CHECK(failed(world.token(AzureDeveloperCli{{.program = tool.path}}, {.scope = text})).code ==
              errc::invalid_configuration);
    }
    CHECK(says(failed(world.find(AzureCli{{.tenant = "t", .subscription = "s"}})), "and not both"));
    CHECK(tool.runs() == 0);
}

TEST_CASE("azure: the chain goes on from a tool without a token to the next, and stays with the first that gives one") {
    World world;
    const Tool az{"exit 127"};
    const Tool azd{""};
    azd.prints(R"({"token":"token-of-the-cli","expiresOn":"2026-01-02T01:00:00Z"})");
    ToolChain chain{
        world.reach, {}, Selected{AzureCli{{.program = az.path}}}, Selected{AzureDeveloperCli{{.program = azd.path}}}};
    CHECK(ok(tests::run(world.io, chain.get(arm, deadline_after(20s))))->authorization.reveal() ==
          "Bearer token-of-the-cli");
    ok(tests::run(world.io, chain.get(storage, deadline_after(20s))));
    CHECK(az.runs() == 1);
    CHECK(azd.runs() == 2);

    azd.does("exit 1");
    ToolChain dry{
        world.reach, {}, Selected{AzureCli{{.program = az.path}}}, Selected{AzureDeveloperCli{{.program = azd.path}}}};
    const auto none = failed(tests::run(world.io, dry.get(arm, deadline_after(20s))));
    CHECK(none.code == errc::authentication);
    CHECK(says(none, "AzureCliCredential (the Azure CLI (az) is not installed"));
    CHECK(says(none, "AzureDeveloperCliCredential (the Azure Developer CLI (azd) gives no token"));
}

TEST_CASE("Z4: the variables and the managed identity of a deployed program are used, not only developers' tools") {
    World world;
    world.has_application();
    world.has_identity();
    auto by_variables = azure::default_chain(world.reach, {});
    world.then_token("token-of-the-application");
    CHECK(ok(world.get(by_variables))->authorization.reveal() == "Bearer token-of-the-application");
    CHECK(world.url(0) == "POST https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token");

    world.around.variables.erase("AZURE_CLIENT_SECRET");
    world.script->seen.clear();
    auto by_identity = azure::default_chain(world.reach, {});
    world.then_token("token-of-identity");
    CHECK(ok(world.get(by_identity))->authorization.reveal() == "Bearer token-of-identity");
    CHECK(world.url(0) ==
          "GET http://127.0.0.1:1/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com"
          "&client_id=client-1");
    CHECK(world.asked() == 1);
    // What was found first is asked for other scopes too.
    world.then_token("token-of-identity-2");
    CHECK(ok(world.get(by_identity, storage))->authorization.reveal() == "Bearer token-of-identity-2");

    world.around.variables["AZURE_FEDERATED_TOKEN_FILE"] = "/federated";
    world.around.files["/federated"] = "assertion";
    world.script->seen.clear();
    auto by_workload = azure::default_chain(world.reach, {});
    world.then_token("token-of-workload");
    CHECK(ok(world.get(by_workload))->authorization.reveal() == "Bearer token-of-workload");
    CHECK(world.form(0, "client_assertion") == "assertion");
}

TEST_CASE("azure: the cloud that the caller names holds for the application of the variables too") {
    World world;
    world.has_application();
    auto chain = azure::default_chain(world.reach, {.authority = "https://login.microsoftonline.us"});
    world.then_token("token-of-the-application");
    ok(world.get(chain));
    CHECK(world.url(0) == "POST https://login.microsoftonline.us/tenant-1/oauth2/v2.0/token");
}

TEST_CASE("azure: a credential that is there and refused ends the chain with its error") {
    World world;
    world.has_application();
    world.has_identity();
    auto chain = azure::default_chain(world.reach, {});
    world.script->then(401, R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret"})");
    const auto refused = failed(world.get(chain));
    CHECK(refused.code == errc::authentication);
    CHECK(says(refused, "AADSTS7000215"));
    CHECK(world.asked() == 1);
    CHECK(says({.message = world.url(0)}, "https://login.microsoftonline.com/"));
}

TEST_CASE("azure: AZURE_TOKEN_CREDENTIALS narrows the chain, in upper or lower case") {
    for (const std::string_view selected :
         {"prod", "PROD", " prod ", "ManagedIdentityCredential", "managedidentitycredential", ""}) {
        CAPTURE(selected);
        World world;
        world.has_application();
        world.has_identity();
        world.selects(std::string{selected});
        auto chain = azure::default_chain(world.reach, {});
        world.then_token("token-1");
        ok(world.get(chain));
        const bool managed = tests::says({.message = world.url(0)}, "/msi/token");
        CHECK(managed == (selected.size() > 10));
    }
    World world;
    world.has_application();
    world.has_identity();
    world.selects("Dev");
    const Tool az{"exit 127"};
    azure::Chain<Selected<azure::credentials::Environment>, Selected<azure::credentials::ManagedIdentity>,
                 Selected<AzureCli>>
        chain{world.reach,
              {},
              Selected<azure::credentials::Environment>{},
              Selected<azure::credentials::ManagedIdentity>{},
              Selected{AzureCli{{.program = az.path}}}};
    const auto none = failed(tests::run(world.io, chain.get(arm, deadline_after(20s))));
    CHECK(says(none,
               "EnvironmentCredential (AZURE_TOKEN_CREDENTIALS is Dev); ManagedIdentityCredential "
               "(AZURE_TOKEN_CREDENTIALS is Dev); AzureCliCredential (the Azure CLI (az) is not"));
    CHECK(az.runs() == 1);
    CHECK(world.asked() == 0);

    for (const std::string_view unknown : {"production", "AzurePowerShellCredential", "dev,prod", "Chained"}) {
        CAPTURE(unknown);
        world.selects(std::string{unknown});
        auto usual = azure::default_chain(world.reach, {});
        const auto error = failed(world.get(usual));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "AZURE_TOKEN_CREDENTIALS is '" + std::string{unknown} +
                              "'; it may be dev, prod, EnvironmentCredential, WorkloadIdentityCredential, "
                              "ManagedIdentityCredential, AzureCliCredential, AzureDeveloperCliCredential"));
    }
    CHECK(world.asked() == 0);
}

TEST_CASE("azure: what a machine's metadata service says at the first token lets the chain go on") {
    World world;
    const Tool az{""};
    az.prints(cli_answer(R"("expires_on":)" + std::to_string(world.now() + 3600)));
    azure::Chain<Selected<azure::credentials::ManagedIdentity>, Selected<AzureCli>> chain{
        world.reach, {}, Selected<azure::credentials::ManagedIdentity>{}, Selected{AzureCli{{.program = az.path}}}};
    world.script->then(400, R"({"error":"invalid_request"})");
    world.script->then(400, R"({"error":"invalid_request","error_description":"Identity not found"})");
    CHECK(ok(tests::run(world.io, chain.get(arm, deadline_after(20s))))->authorization.reveal() ==
          "Bearer token-of-the-cli");
    CHECK(world.asked() == 2);
    ok(tests::run(world.io, chain.get(storage, deadline_after(20s))));
    CHECK(world.asked() == 2);
}

}  // namespace azure_sources_tools_test
