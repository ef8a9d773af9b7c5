#ifndef BLUEPRINT_FAAS_LOCAL_GCP_OPTIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_OPTIONS_HPP

#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// A service account of the project. The key's private half is its owner's: the cloud only verifies.
struct GcpServiceAccount {
    std::string public_key{};  ///< PEM, "-----BEGIN PUBLIC KEY-----"; empty: it has no key, and signs nothing
    std::string key_id{};      ///< of that key, as `private_key_id` in the account's file; empty: any `kid` will do
    /// Who may get tokens for it (`roles/iam.serviceAccountTokenCreator`), as in IAM policies:
    /// "serviceAccount:a@p.iam.gserviceaccount.com", "user:...", "principal://...". Empty: everybody whom the cloud
    /// knows.
    std::vector<std::string> token_creators{};
};

/// A user who has logged in with a client program, and what that program kept of it.
struct GcpUser {
    std::string email{};
    std::string client_id{};
    Secret client_secret{};
    Secret refresh_token{};
};

/// A key of AWS that a foreign identity may sign with.
struct GcpAwsKey {
    Secret secret_access_key{};
    Secret session_token{};  ///< of temporary credentials; empty: of a user
    /// Who it is: "arn:aws:sts::123456789012:assumed-role/ROLE/SESSION"; empty: a user of the account 123456789012.
    std::string arn{};
};

/// Whose foreign identities may be exchanged for Google's.
struct GcpWorkloadIdentity {
    /// What the exchange must name:
    /// "//iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/P/providers/X".
    std::string audience{};
    /// Which subject tokens are taken, as they are. Empty: every JWT that has not expired, by one of `issuers` if there
    /// are any, whose `aud` is `audience`, with or without "https:" before it; its signature is not checked.
    std::vector<Secret> subject_tokens{};
    std::vector<std::string> issuers{};
    std::map<std::string, GcpAwsKey> aws_keys{};  ///< by access key id: whose signed requests are taken, and verified
    /// What the exchange must show as its client (HTTP Basic); empty: it shows none.
    std::string client_id{};
    Secret client_secret{};
};

/// The error of an operation, as Google's `google.rpc.Status`.
struct GcpStatus {
    int code = 13;  ///< of `google.rpc.Code`: 13 is INTERNAL
    std::string message{};
};

/// How the local cloud plays Google Cloud: tokens, the metadata server, IAM Credentials, STS, Cloud Functions v2, Cloud
/// Run v2 and Cloud Storage as far as packages need it. All on one address of their own.
struct GcpOptions {
    std::uint16_t port = 0;  ///< 0: any free one
    std::string project = "local-project";
    std::string project_number = "123456789012";
    /// Where the metadata server says it runs. Functions and services may be made in every region.
    std::string region = "europe-west1";
    std::map<std::string, GcpServiceAccount> service_accounts{};  ///< by email
    std::vector<GcpUser> users{};
    std::vector<GcpWorkloadIdentity> identities{};
    /// Who may use the management APIs, as in IAM policies: "serviceAccount:...", "user:...". Nothing: everybody whom
    /// the cloud knows.
    std::optional<std::vector<std::string>> administrators{};
    /// Whose tokens the metadata server gives: an email of `service_accounts`. Empty: no account is attached.
    std::string metadata_account{};
    std::string universe_domain = "googleapis.com";
    /// Client programs with whose ID tokens users may call functions and services, as with gcloud's own.
    std::vector<std::string> invoking_clients{};
    /// How long an operation takes: a build, a deployment, a deletion.
    std::chrono::milliseconds settle{300};
    std::chrono::seconds token_life{3599};  ///< of access tokens; ID tokens live an hour
    /// How far the times in a client's assertion may be from the server's.
    std::chrono::seconds max_skew{300};
    /// How far the server's clock is ahead of the machine's: for tests of clients whose clock is wrong.
    std::chrono::seconds clock_offset{0};
    std::uint64_t storage_bytes = 512ULL << 20;  ///< of all objects that Storage keeps, in memory
    /// The program `functions-framework` of npm, by which functions with a Node.js runtime run. Empty: the program that
    /// the package's shim would start is started directly.
    std::filesystem::path functions_framework{};
    /// The program `node`, which checks and starts functions. Empty: the one that `PATH` names, if there is one.
    std::filesystem::path node{};
    /// Container images of which the local cloud knows what they would run: by their name, a program of this machine
    /// that serves HTTP on `PORT`. It runs no others: a service from a package is what it is for.
    std::map<std::string, std::filesystem::path> images{};
    /// Who may call every service and function, as by a role of the project: "serviceAccount:...", "user:...".
    std::vector<std::string> invokers{};
    std::uint32_t max_instances = 100;  ///< that one service may ask for: the project's quota
    /// How long a call waits for an instance that is free before it is answered 429.
    std::chrono::milliseconds queue_time{10'000};
    /// Names of buckets that belong to somebody else's project.
    std::vector<std::string> foreign_buckets{};
    /// APIs that the project has not enabled: "run.googleapis.com".
    std::vector<std::string> disabled_services{};
    /// Asked about each request, with its head alone: what it returns is answered instead. For tests of clients. Called
    /// on the server's strand.
    std::function<std::optional<ServerAnswer>(const ServerRequest& head)> fault{};
    /// Asked when an operation comes to its end: what it returns is the operation's error. `verb`: "create", "update"
    /// or "delete"; `name`: the resource's full one. Called on the server's strand.
    std::function<std::optional<GcpStatus>(std::string_view verb, std::string_view name)> operation_fault{};
};

}  // namespace blueprint::faas::local

#endif
