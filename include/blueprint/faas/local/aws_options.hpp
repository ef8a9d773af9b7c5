#ifndef BLUEPRINT_FAAS_LOCAL_AWS_OPTIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_OPTIONS_HPP

#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace blueprint::faas::local {

/// How the local cloud plays AWS: Lambda and its runtime API, STS, S3 as far as packages need it, and the metadata
/// services that hand out credentials. All on one address of their own, with the `CloudOptions`' listening address.
struct AwsOptions {
    std::uint16_t port = 0;  ///< 0: any free one
    std::string account_id = "123456789012";
    std::string region = "us-east-1";
    /// Who may sign: access key ids and their secrets. Requests signed by nobody known are refused.
    std::map<std::string, Secret> keys{};
    /// How long a function is Pending after it was created, and InProgress after it was changed.
    std::chrono::milliseconds settle{300};
    /// How long after it was first named a role cannot be assumed yet.
    std::chrono::milliseconds role_delay{0};
    /// How far a request's time may be from the server's; for S3, as there, three times that.
    std::chrono::seconds max_skew{300};
    /// Refuses requests whose Content-Type is not signed, as AWS's document wants it. AWS itself lets them pass, and so
    /// does this with `false`: for `curl --aws-sigv4 -d`, which signs it only where it is given.
    bool content_type_must_be_signed = true;
    /// How far the server's clock is ahead of the machine's: for tests of clients whose clock is wrong.
    std::chrono::seconds clock_offset{0};
    /// Between the attempts of an asynchronous invocation whose function failed. AWS waits a minute, then two.
    std::chrono::milliseconds retry_pause{std::chrono::seconds{1}};
    std::chrono::seconds session{3600};  ///< the life of temporary credentials of the metadata services
    std::uint32_t concurrency = 1000;    ///< of the account
    /// Which tokens AssumeRoleWithWebIdentity takes. Empty: any that has the shape of a JWT and has not expired.
    std::vector<Secret> web_identity_tokens{};
    /// What the container endpoint wants in Authorization, as it is, without "Bearer". Empty: nothing.
    Secret container_token{};
    std::string metadata_role = "local-instance-role";  ///< whose credentials the metadata services give
    std::uint64_t storage_bytes = 512ULL << 20;         ///< of all objects and parts that S3 keeps, in memory
};

}  // namespace blueprint::faas::local

#endif
