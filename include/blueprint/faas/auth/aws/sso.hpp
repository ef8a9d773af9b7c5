#ifndef BLUEPRINT_FAAS_AUTH_AWS_SSO_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_SSO_HPP

#include "blueprint/faas/auth/aws/settings.hpp"
#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace blueprint::faas::aws {

/// A role in an account that somebody who signed in with `aws sso login` (IAM Identity Center) may take on.
struct SsoRole {
    std::string profile{};    ///< that names it, for messages
    std::string session{};    ///< of a section `[sso-session ...]`; empty: the profile has the start URL itself
    std::string start_url{};  ///< "https://example.awsapps.com/start"
    std::string region{};     ///< of the Identity Center
    std::string account_id{};
    std::string role_name{};
};

/// Returns the path of the file in which sign-ins are kept that all of AWS's tools share:
/// ~/.aws/sso/cache/SHA1.json, where SHA1 is that of the session's name, else of the start URL.
BLUEPRINT_FAAS_DECL result<std::string> sso_token_path(const SsoRole& role, const faas::Environment& environment);

/// Asks `portal` for the role's credentials with the token of the last sign-in. A token that has less than 15 minutes
/// left is refreshed at `sign_in` first, if the sign-in allows that, and the file is replaced; as long as the old one
/// is good, a failure of that is none. `errc::authentication`, which says what command to run, if a person has to sign
/// in again. What may pass by itself is tried three times within `deadline`. Source: AWS SDKs and Tools Reference
/// Guide, "IAM Identity Center credential provider"; IAM Identity Center Portal API Reference, "GetRoleCredentials";
/// IAM Identity Center OIDC API Reference, "CreateToken".
BLUEPRINT_FAAS_DECL asio::awaitable<result<TimedCredentials>> sso_credentials(Reach reach, SsoRole role,
                                                                              Endpoint portal, Endpoint sign_in,
                                                                              Deadline deadline);

}  // namespace blueprint::faas::aws

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/sso.ipp"
#endif

#endif
