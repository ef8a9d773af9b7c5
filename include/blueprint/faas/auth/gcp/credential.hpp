#ifndef BLUEPRINT_FAAS_AUTH_GCP_CREDENTIAL_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_CREDENTIAL_HPP

#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::gcp {

/// What Google's APIs want a token for, where nothing narrower is asked for.
inline constexpr std::string_view cloud_platform_scope = "https://www.googleapis.com/auth/cloud-platform";

/// What a token is to be good for. An access token is for Google's APIs, an ID token proves to one service, its
/// audience, who calls: neither is ever taken for the other.
struct TokenRequest {
    enum class Kind { access, identity };
    Kind kind = Kind::access;
    std::string target{};  ///< scopes parted by blanks, or the audience

    static TokenRequest access(std::string scopes = std::string{cloud_platform_scope}) {
        return {.kind = Kind::access, .target = std::move(scopes)};
    }
    static TokenRequest identity(std::string audience) {
        return {.kind = Kind::identity, .target = std::move(audience)};
    }
    friend bool operator==(const TokenRequest&, const TokenRequest&) = default;
};

/// A token, without "Bearer", and when it ends, by the wall clock.
struct TimedToken {
    Secret value{};
    std::chrono::system_clock::time_point expires{};
};

/// Somebody who can get tokens from Google: a service account, a user, a foreign identity. What kind it is was decided
/// when it was found, off the way of a warm call, hence erased.
struct Credential {
    std::string what{};             ///< in messages: "the service account 'a@b.iam.gserviceaccount.com' of '/key.json'"
    std::string email{};            ///< of the service account; empty: not known, or none
    std::string project{};          ///< that it belongs to; empty: not known
    std::string quota_project{};    ///< that pays for API calls; empty: nobody else
    std::string universe_domain{};  ///< "googleapis.com", or the domain of a sovereign cloud

    /// Gets a fresh token: called again for every one. What may pass by itself (throttling, a server's problem, no
    /// network) it has tried again itself, within the deadline. It owns what it uses but for the reach's environment.
    std::function<asio::awaitable<result<TimedToken>>(Reach reach, TokenRequest request, Deadline deadline)> fetch{};
};

/// What a place says: a credential, or why it has none to give here ("GOOGLE_APPLICATION_CREDENTIALS is not set").
struct CredentialSearch {
    std::optional<Credential> found{};
    std::string not_here{};
};

/// One place where a credential may be found. "Not here" is a value, and a chain goes on to the next source; "here, but
/// broken" is an error, and a chain stops at it. `name` is for messages: "the metadata server". Nothing is read or
/// asked before `find`. Copies are alike. Models: see `gcp::credentials`.
template <class S>
concept CredentialSource =
    std::copy_constructible<S> && requires(const S& source, const Reach& reach, Deadline deadline) {
        { S::name } -> std::convertible_to<std::string_view>;
        { source.find(reach, deadline) } -> std::same_as<asio::awaitable<result<CredentialSearch>>>;
    };

}  // namespace blueprint::faas::gcp

#endif
