#ifndef BLUEPRINT_FAAS_LOCAL_GCP_TOKENS_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_TOKENS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/jwt.hpp"
#include "blueprint/faas/local/platform_clock.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

using GcpClock = PlatformClock;

/// Who calls.
struct GcpCaller {
    std::string
        member{};  ///< as in IAM policies: "serviceAccount:a@p.iam.gserviceaccount.com", "user:...", "principal://..."
    std::string email{};  ///< empty: a foreign identity that acts as no service account
    std::string
        scopes{};  ///< of an access token, parted by blanks; empty: of an ID token, or a JWT that names its audience
};

/// An access token that somebody was given.
struct GcpToken {
    Secret value{};
    GcpCaller caller{};
    std::chrono::system_clock::time_point expires{};
};

/// Returns how IAM policies name an email: "user:" and it, if it is one of the options' users, else as a service
/// account.
BLUEPRINT_FAAS_DECL std::string gcp_member(const GcpOptions& options, std::string_view email);

/// Returns the number by which Google knows an account, the same for the same email: 21 digits.
BLUEPRINT_FAAS_DECL std::string gcp_unique_id(std::string_view email);

/// Gives out access tokens, which only it understands, and ID tokens, which everybody can verify by its published key;
/// knows both again.
class GcpTokens {
public:
    static constexpr std::string_view issuer = "https://accounts.google.com";
    static constexpr std::chrono::seconds identity_life{3600};

    /// Makes the signing key. Throws `std::runtime_error` if OpenSSL cannot. Both must outlive it.
    GcpTokens(const GcpOptions& options, const GcpClock& clock);

    /// Gives `caller` a new access token, "local-...", for `life`.
    GcpToken issue_access(GcpCaller caller, std::chrono::seconds life);
    /// Returns whose access token that is; nothing if it never was one, or has expired.
    std::optional<GcpCaller> find_access(std::string_view token) const;

    /// What an ID token is to say.
    struct Identity {
        std::string email{};
        std::string audience{};
        std::string authorized_party{};  ///< "azp"; empty: the account's number
        bool with_email = true;
        bool full = false;  ///< tell also where the instance is, as the metadata server does for `format=full`
    };
    /// Signs an ID token that lives an hour.
    std::string issue_identity(const Identity& identity) const;
    /// Verifies an ID token: its signature, issuer, times, and that it is for one of `audiences`, letter by letter. The
    /// `Error` says what is wrong, for the log; Google tells its clients less.
    result<GcpCaller> judge_identity(std::string_view token, const std::vector<std::string>& audiences) const;

    /// The published key as a JWK set, and as certificates by key id, both JSON.
    std::string key_set() const;
    const std::string& certificates() const noexcept { return certificates_; }

private:
    const GcpOptions& options_;
    const GcpClock& clock_;
    JwtKey key_;
    std::string certificates_;
    struct Entry {
        GcpCaller caller{};
        std::chrono::system_clock::time_point expires{};
    };
    std::map<std::string, Entry, std::less<>> access_;  // by their SHA-256: no secrets
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_tokens.ipp"
#endif

#endif
