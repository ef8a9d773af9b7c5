#ifndef BLUEPRINT_FAAS_AUTH_SIGV4_SIGNING_HPP
#define BLUEPRINT_FAAS_AUTH_SIGV4_SIGNING_HPP

#include "blueprint/faas/auth/aws/credentials.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace blueprint::faas::aws {

// AWS Signature Version 4, stage by stage, so that a client signs, a server verifies and a test compares with the same
// functions. Source: AWS IAM User Guide, "Create a signed AWS API request".

/// Where a signature holds: in one region ("us-east-1"), for one service by its signing name ("lambda").
struct SigningScope {
    std::string region{};
    std::string service{};
};

/// What becomes of a path before it is signed.
struct PathRules {
    bool normalize = true;  ///< empty and "." segments are dropped, ".." takes the one before it away
    bool encode = true;     ///< what is sent is percent-encoded once more: "/a%3Ab" is signed as "/a%253Ab"

    friend bool operator==(const PathRules&, const PathRules&) = default;
};

/// Returns the rules of a service: S3 and its kin sign the path as it is sent, all others by both rules.
BLUEPRINT_FAAS_DECL PathRules path_rules(std::string_view service) noexcept;

/// A header field that is signed, as it stands in the message; the name in either case.
struct SignedField {
    std::string_view name{};
    std::string_view value{};
};

/// What is signed of a request.
struct SignedParts {
    std::string_view method{};              ///< "POST"
    std::string_view path{};                ///< as it is sent
    std::string_view query{};               ///< as it is sent, without '?'
    std::span<const SignedField> fields{};  ///< in any order, but those of one name in the order of the message
    std::string_view payload_hash{};        ///< 64 hexadecimal digits, or "UNSIGNED-PAYLOAD"
};

/// Signed in the place of the body's hash where the body is not signed.
inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
/// The hash of no body at all.
inline constexpr std::string_view empty_payload_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Returns the path as it is signed.
BLUEPRINT_FAAS_DECL std::string canonical_uri(std::string_view path, PathRules rules = {});
/// Returns the query as it is signed: "b=%2f&a" is "a=&b=%2F". Escapes are not doubled, every other byte that is not
/// unreserved is escaped, and parameters are sorted by name, then value, in that form. Empty ones ("a&&b") are dropped.
BLUEPRINT_FAAS_DECL std::string canonical_query(std::string_view query);
/// Returns the query without the parameters of that name: what is signed of a presigned request lacks X-Amz-Signature.
BLUEPRINT_FAAS_DECL std::string without_parameter(std::string_view query, std::string_view name);
/// Returns the names of the fields in the form "host;x-amz-date".
BLUEPRINT_FAAS_DECL std::string signed_headers(std::span<const SignedField> fields);
/// Returns the text whose hash is signed. Values are trimmed, blanks within them become one, and those of one name are
/// joined by commas.
BLUEPRINT_FAAS_DECL std::string canonical_request(const SignedParts& parts, PathRules rules = {});

/// Writes a time as "20150830T123600Z".
BLUEPRINT_FAAS_DECL std::string amz_date(std::chrono::system_clock::time_point time);
/// Reads what `amz_date` writes; nothing if it is anything else.
BLUEPRINT_FAAS_DECL std::optional<std::chrono::sys_seconds> read_amz_date(std::string_view text) noexcept;
/// Returns "20150830/us-east-1/lambda/aws4_request".
BLUEPRINT_FAAS_DECL std::string credential_scope(std::string_view amz_date, const SigningScope& scope);
/// Returns the text that is signed.
BLUEPRINT_FAAS_DECL std::string string_to_sign(std::string_view amz_date, std::string_view credential_scope,
                                               std::string_view canonical_request);

/// A key that signs for one day, region and service; wiped when it goes.
class SigningKey {
public:
    explicit SigningKey(const std::array<std::uint8_t, 32>& bytes) noexcept : bytes_{bytes} {}
    SigningKey(const SigningKey&) = default;
    SigningKey& operator=(const SigningKey&) = default;
    ~SigningKey() { detail::wipe(bytes_.data(), bytes_.size()); }
    std::span<const std::uint8_t> reveal() const noexcept { return bytes_; }

private:
    std::array<std::uint8_t, 32> bytes_;
};

/// Derives the key of a day; of `amz_date` the first eight digits count.
BLUEPRINT_FAAS_DECL SigningKey signing_key(const Secret& secret_access_key, std::string_view amz_date,
                                           const SigningScope& scope);
/// Returns the signature of a text: 64 hexadecimal digits.
BLUEPRINT_FAAS_DECL std::string signature(const SigningKey& key, std::string_view string_to_sign);

/// How a request is signed where a service wants it otherwise.
struct SigningOptions {
    /// The body is not signed. Over TLS alone, which then guards it; S3 accepts it, most others do not.
    bool unsigned_payload = false;
    /// Send the body's hash as X-Amz-Content-Sha256, which S3 demands and gets in any case.
    bool send_payload_hash = false;
    /// The session token is added after signing, as a few services (IoT) want it.
    bool token_after_signing = false;
};

/// Signs requests, and keeps what the next signature can use: keys of the day, hash states, buffers. After the first
/// signature for a scope a further one allocates nothing but what `request.headers` needs to grow. May be used from
/// several threads. Of the header fields it signs those that must be: Host, Content-Type and X-Amz-*; others may be
/// rewritten on the way. Nothing that it keeps outlives it unwiped.
class Signer {
public:
    BLUEPRINT_FAAS_DECL Signer();
    Signer(const Signer&) = delete;
    Signer& operator=(const Signer&) = delete;
    BLUEPRINT_FAAS_DECL ~Signer();

    /// Signs `request` for the moment `now`, which it must be sent at: servers accept five minutes more or less. What
    /// an earlier signing added is replaced: Authorization, X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256. The
    /// target is brought into the form that all servers read alike ("/a:b" becomes "/a%3Ab"). A body that is a source
    /// is read once. `errc::authentication` without credentials, `errc::invalid_configuration` without region or
    /// service or where the body of a request without TLS would be unsigned, and what the source says.
    BLUEPRINT_FAAS_DECL result<void> sign(HttpRequest& request, const Credentials& credentials,
                                          const SigningScope& scope, std::chrono::system_clock::time_point now,
                                          const SigningOptions& options = {});

    /// Signs by the query instead, so that the URL alone is the permission for `lifetime` (1 second to 7 days): who
    /// sees the target may use it. Fields that are signed (Content-Type and X-Amz-*) must be sent by the user, too. S3
    /// takes any body; for other services it is signed unless the options say otherwise.
    BLUEPRINT_FAAS_DECL result<void> presign(HttpRequest& request, const Credentials& credentials,
                                             const SigningScope& scope, std::chrono::system_clock::time_point now,
                                             std::chrono::seconds lifetime, const SigningOptions& options = {});

private:
    class Desk;
    class Lease;
    std::array<std::atomic<Desk*>, 8> idle_{};
};

/// Signs one request: `Signer::sign` where nothing need be kept.
BLUEPRINT_FAAS_DECL result<void> sign_request(HttpRequest& request, const Credentials& credentials,
                                              const SigningScope& scope, std::chrono::system_clock::time_point now);

/// Returns a URL that is the permission to make `request`; see `Signer::presign`.
BLUEPRINT_FAAS_DECL result<Secret> presigned_url(HttpRequest request, const Credentials& credentials,
                                                 const SigningScope& scope, std::chrono::system_clock::time_point now,
                                                 std::chrono::seconds lifetime, const SigningOptions& options = {});

}  // namespace blueprint::faas::aws

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/impl/sigv4_signing.ipp"
#include "blueprint/faas/auth/impl/sigv4_stages.ipp"
#endif

#endif
