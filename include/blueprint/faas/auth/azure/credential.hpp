#ifndef BLUEPRINT_FAAS_AUTH_AZURE_CREDENTIAL_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_CREDENTIAL_HPP

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

namespace blueprint::faas::azure {

/// What a token is to be good for.
struct TokenRequest {
    std::string scope{};   ///< "https://management.azure.com/.default"
    std::string claims{};  ///< what Azure demanded of the next token when it refused the last one; mostly empty
    friend bool operator==(const TokenRequest&, const TokenRequest&) = default;
};

/// A token, without "Bearer", and its times by the wall clock.
struct TimedToken {
    Secret value{};
    std::chrono::system_clock::time_point expires{};
    /// When a new one is worth asking for although this one is still good; nothing: not told.
    std::optional<std::chrono::system_clock::time_point> refresh_at{};
};

/// Somebody who can get tokens from Microsoft Entra ID. What kind it is was decided when it was found, off the way of a
/// warm call, hence erased.
struct Credential {
    std::string what{};  ///< in messages: "the client secret of the application 1234… (AZURE_CLIENT_SECRET)"
    /// Gets a fresh token: called again for every one. What may pass by itself (throttling, a server's problem, no
    /// network) it has tried again itself, within the deadline. It owns what it uses but for the reach's environment.
    std::function<asio::awaitable<result<TimedToken>>(Reach reach, TokenRequest request, Deadline deadline)> fetch{};
};

/// What a place says: a credential, or why it has none to give here ("AZURE_CLIENT_ID is not set").
struct CredentialSearch {
    std::optional<Credential> found{};
    std::string not_here{};
};

/// One place where a credential may be found. "Not here" is a value, and a chain goes on to the next source; "here, but
/// broken" is an error, and a chain stops at it. `name` is what AZURE_TOKEN_CREDENTIALS calls it:
/// "EnvironmentCredential". Nothing is read or asked before `find`. Copies are alike. Models: see `azure::credentials`.
template <class S>
concept CredentialSource =
    std::copy_constructible<S> && requires(const S& source, const Reach& reach, Deadline deadline) {
        { S::name } -> std::convertible_to<std::string_view>;
        { source.find(reach, deadline) } -> std::same_as<asio::awaitable<result<CredentialSearch>>>;
    };

}  // namespace blueprint::faas::azure

#endif
