#ifndef BLUEPRINT_FAAS_AUTH_AWS_SOURCE_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_SOURCE_HPP

#include "blueprint/faas/auth/aws/credentials.hpp"
#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::aws {

using faas::Reach;

/// Credentials and when they end, by the wall clock; nothing: they do not.
struct TimedCredentials {
    Credentials credentials{};
    std::optional<std::chrono::system_clock::time_point> expires{};
};

/// What a source says: credentials, or why it has none to give here ("AWS_ACCESS_KEY_ID is not set").
struct Search {
    std::optional<TimedCredentials> found{};
    std::string not_here{};
};

/// One place where credentials may be found. "Not here" is a value, and a chain goes on to the next source; "here, but
/// broken" is an error, and a chain stops at it. `name` is for messages: "the environment". Nothing is read or asked
/// before `find`, which is called again for every refresh. Copies are alike.
/// Models: see `aws::credentials`.
template <class S>
concept CredentialSource =
    std::copy_constructible<S> && requires(const S& source, const Reach& reach, Deadline deadline) {
        { S::name } -> std::convertible_to<std::string_view>;
        { source.find(reach, deadline) } -> std::same_as<asio::awaitable<result<Search>>>;
    };

}  // namespace blueprint::faas::aws

#endif
