// Where credentials come from: what metadata services, token endpoints, cached sign-ins and programs of the user's
// give, read by the sources themselves, one question after the other. Whatever comes, no secret that was sent is told.
#include "blueprint/faas/auth/aws/container.hpp"
#include "blueprint/faas/auth/aws/credential_process.hpp"
#include "blueprint/faas/auth/aws/instance_metadata.hpp"
#include "blueprint/faas/auth/aws/profile.hpp"
#include "blueprint/faas/auth/aws/sso.hpp"
#include "blueprint/faas/auth/aws/web_identity.hpp"
#include "blueprint/faas/auth/azure/client_secret.hpp"
#include "blueprint/faas/auth/azure/managed_identity.hpp"
#include "blueprint/faas/auth/azure/workload_identity.hpp"
#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/auth/gcp/metadata_server.hpp"
#include "blueprint/faas/auth/oauth2.hpp"
#include "blueprint/faas/detail/bearer_text.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/shell_words.hpp"
#include "targets.hpp"
#include "world.hpp"

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::fuzz {

namespace {

void good(const aws::TimedCredentials& given, const World& world) {
    FAAS_REQUIRE(!given.credentials.access_key_id.empty() && !given.credentials.secret_access_key.empty());
    if (given.expires) FAAS_REQUIRE(*given.expires > world.now());
}

void good(const result<aws::Search>& search, const World& world) {
    if (!search) return;
    FAAS_REQUIRE(search->found.has_value() == search->not_here.empty());
    if (search->found) good(*search->found, world);
}

// A token that can be sent, and that has not ended.
template <class Token>
void good_token(const result<Token>& token, const World& world) {
    if (!token) return;
    FAAS_REQUIRE(detail::is_bearer_token(token->value.reveal()));
    FAAS_REQUIRE(token->expires > world.now());
}

template <class Search, class Request>
void fetch(World& world, const result<Search>& search, const Request& request) {
    if (!search) return;
    FAAS_REQUIRE(search->found.has_value() == search->not_here.empty());
    if (search->found) good_token(world.run(search->found->fetch(world.reach, request, World::soon())), world);
}

}  // namespace

void aws_metadata(Input input) {
    Reader reader{input};
    const auto how = reader.byte();
    World world{reader};
    if (how % 2 == 0) {
        world.secrets = {"token-of-the-container"};
        world.variables = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role"},
                           {"AWS_CONTAINER_AUTHORIZATION_TOKEN", world.secrets[0]}};
        good(world.run(aws::credentials::Container{}.find(world.reach, World::soon())), world);
        return;
    }
    const aws::credentials::InstanceMetadata source{};
    good(world.run(source.find(world.reach, World::soon())), world);
    good(world.run(source.find(world.reach, World::soon())), world);  // with the session token of before
    const auto region = world.run(source.region(world.reach, World::soon()));
    if (region && *region)
        FAAS_REQUIRE((*region)->find_first_of(std::string_view{"/:. \r\n\0", 7}) == std::string::npos);
}

void aws_sign_in(Input input) {
    Reader reader{input};
    const auto how = reader.byte();
    World world{reader};
    if (how % 3 == 0) {
        world.secrets = {"web-token-of-a-pod"};
        world.variables = {{"AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/jobs"},
                           {"AWS_REGION", "us-east-1"},
                           {"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"}};
        world.files["/token"] = world.secrets[0];
        good(world.run(aws::credentials::WebIdentity{}.find(world.reach, World::soon())), world);
        return;
    }
    world.variables["HOME"] = "/h";
    if (how % 3 == 1) {
        const std::string profile{reader.until('\x1d')};
        world.files = {{"/h/.aws/config", profile},
                       {"/h/.aws/credentials",
                        "[keys]\naws_access_key_id=AKIDEXAMPLE\naws_secret_access_key=secret-of-the-profile\n"}};
        world.secrets = {"secret-of-the-profile"};
        // Programs that a file names are run, and those that are invented here are not worth it.
        if (profile.find("process") != std::string::npos) return;
        good(world.run(aws::credentials::Profile{}.find(world.reach, World::soon())), world);
        return;
    }
    const aws::SsoRole role{.profile = "dev",
                            .session = "corp",
                            .start_url = "https://corp.awsapps.com/start",
                            .region = "us-east-1",
                            .account_id = "123456789012",
                            .role_name = "jobs"};
    const auto path = aws::sso_token_path(role, world);
    FAAS_REQUIRE(path.has_value());
    world.files[*path] = reader.until('\x1d');
    const auto given = world.run(aws::sso_credentials(world.reach, role, {.url = "https://portal.example"},
                                                      {.url = "https://oidc.example"}, World::soon()));
    if (given) good(*given, world);
    if (world.replaced.empty()) return;
    // What is put in the file's place can be read again: the fresh token does for the next time.
    World later{reader};
    later.variables = world.variables;
    later.files[*path] = world.replaced;
    const auto again = later.run(aws::sso_credentials(later.reach, role, {.url = "https://portal.example"},
                                                      {.url = "https://oidc.example"}, World::soon()));
    if (!again) FAAS_REQUIRE(again.error().message.find("that can be read") == std::string::npos);
}

void aws_process(Input input) {
    const Secret printed{detail::text_of(input)};
    const auto now = std::chrono::sys_days{std::chrono::year{2026} / 1 / 2};
    const auto given = detail::read_process_credentials(printed, "the program", now);
    if (fits(given)) {
        FAAS_REQUIRE(!given->credentials.access_key_id.empty() && !given->credentials.secret_access_key.empty());
        if (given->expires) FAAS_REQUIRE(*given->expires > now);
    } else {
        FAAS_REQUIRE(given.error().message.size() <= 160);  // fixed sentences: any of it may be a secret
    }
    const auto words = detail::shell_words(printed.reveal());
    if (!words) return;
    // Each word in quotes, split again, is the same.
    std::string again;
    for (const auto& word : *words) {
        again += " '";
        for (const char c : word) again.append(c == '\'' ? "'\\''" : std::string(1, c));
        again += '\'';
    }
    FAAS_REQUIRE(detail::shell_words(again) == words);
}

void google_source(Input input) {
    static constexpr std::string_view user = R"({"type":"authorized_user","client_id":"7.apps.example",)"
                                             R"("client_secret":"client-secret-of-gcloud",)"
                                             R"("refresh_token":"refresh-token-of-the-user"})";
    static constexpr std::string_view workload =
        R"({"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/)"
        R"(workloadIdentityPools/p/providers/x","subject_token_type":"urn:ietf:params:oauth:token-type:jwt",)"
        R"("token_url":"https://sts.googleapis.com/v1/token","client_id":"c","client_secret":"client-secret-of-gcloud",)"
        R"("service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/)"
        R"(a@p.iam.gserviceaccount.com:generateAccessToken","credential_source":{"url":)"
        R"("http://169.254.169.254/token","format":{"type":"json","subject_token_field_name":"value"}}})";
    static constexpr std::string_view amazon =
        R"({"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/)"
        R"(workloadIdentityPools/p/providers/x","subject_token_type":"urn:ietf:params:aws:token-type:aws4_request",)"
        R"("token_url":"https://sts.googleapis.com/v1/token","credential_source":{"environment_id":"aws1",)"
        R"("region_url":"http://169.254.169.254/latest/meta-data/placement/availability-zone",)"
        R"("url":"http://169.254.169.254/latest/meta-data/iam/security-credentials",)"
        R"("imdsv2_session_token_url":"http://169.254.169.254/latest/api/token",)"
        R"("regional_cred_verification_url":"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"}})";
    static constexpr std::string_view person =
        R"({"type":"external_account_authorized_user","audience":"//iam.googleapis.com/locations/global/)"
        R"(workforcePools/p/providers/x","client_id":"c","client_secret":"client-secret-of-gcloud",)"
        R"("refresh_token":"refresh-token-of-the-user","token_url":"https://sts.googleapis.com/v1/oauthtoken"})";
    Reader reader{input};
    const auto how = reader.byte();
    World world{reader};
    // Those that the file has: of others the source knows nothing.
    for (const std::string secret : {"client-secret-of-gcloud", "refresh-token-of-the-user"})
        if (how % 5 != 4 && std::array{user, workload, amazon, person}[how % 5].find(secret) != std::string_view::npos)
            world.secrets.push_back(secret);
    const auto request =
        how / 8 % 2 == 0 ? gcp::TokenRequest::access() : gcp::TokenRequest::identity("https://service-abc.run.app");
    if (how % 5 == 4) {
        const gcp::credentials::MetadataServer server{};
        if (how / 16 % 2 == 1) world.variables["K_SERVICE"] = "service";
        fetch(world, world.run(server.find(world.reach, World::soon())), request);
        world.run(server.region(world.reach, World::soon()));
        return;
    }
    constexpr std::string_view files[] = {user, workload, amazon, person};
    const auto made = gcp::read_credential(Secret{files[how % 5]}, "/cred.json", world);
    if (fits(made)) good_token(world.run(made->fetch(world.reach, request, World::soon())), world);
}

void azure_source(Input input) {
    static const azure::TokenRequest request{.scope = "https://management.azure.com/.default"};
    Reader reader{input};
    const auto how = reader.byte();
    World world{reader};
    // Of those of another source this one knows nothing.
    world.secrets = {std::array{"client-secret-of-an-app", "web-token-of-a-pod", "header-of-the-identity"}[how % 3]};
    if (how % 3 == 0) {
        const auto made = azure::client_secret(world, {.tenant = "corp.example",
                                                       .client_id = "0a1b2c3d-0000-4000-8000-111111111111",
                                                       .secret = std::string_view{world.secrets[0]}});
        if (fits(made)) good_token(world.run(made->fetch(world.reach, request, World::soon())), world);
        return;
    }
    if (how % 3 == 1) {
        world.variables = {{"AZURE_TENANT_ID", "corp.example"},
                           {"AZURE_CLIENT_ID", "0a1b2c3d-0000-4000-8000-111111111111"},
                           {"AZURE_FEDERATED_TOKEN_FILE", "/token"}};
        world.files["/token"] = world.secrets[0];
        const azure::credentials::WorkloadIdentity source{};
        fetch(world, world.run(source.find(world.reach, World::soon())), request);
        return;
    }
    if (how / 3 % 3 == 1)
        world.variables = {{"IDENTITY_ENDPOINT", "http://127.0.0.1:4711/msi/token"},
                           {"IDENTITY_HEADER", world.secrets[0]}};
    if (how / 3 % 3 == 2)
        world.variables = {{"IDENTITY_ENDPOINT", "http://127.0.0.1:4711/metadata/identity/oauth2/token"},
                           {"IMDS_ENDPOINT", "http://127.0.0.1:4711"}};
    const azure::credentials::ManagedIdentity source{};
    fetch(world, world.run(source.find(world.reach, World::soon())), request);
}

void oauth2_answer(Input input) {
    static const detail::ClientCredentialsProtocol protocol{[] {
        ClientCredentialsOptions options;
        options.token_url = "https://login.example/token";
        options.client_id = "jobs";
        options.client_secret = Secret{"client-secret-of-the-jobs"};
        return options;
    }()};
    FAAS_REQUIRE(!protocol.misconfigured());
    Reader reader{input};
    const auto asked = std::chrono::sys_days{std::chrono::year{2026} / 1 / 2};
    const auto token = protocol.read(take_answer(reader), asked);
    if (!fits(token)) {
        FAAS_REQUIRE(token.error().message.find("client-secret-of-the-jobs") == std::string::npos);
        FAAS_REQUIRE(token.error().execution == Execution::not_started);
        return;
    }
    FAAS_REQUIRE(token->value.reveal().starts_with("Bearer "));
    FAAS_REQUIRE(detail::is_bearer_token(token->value.reveal().substr(7)));
}

}  // namespace blueprint::faas::fuzz
