#ifndef BLUEPRINT_FAAS_AUTH_AWS_STS_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_STS_HPP

#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace blueprint::faas::aws {

/// Where the Security Token Service is asked.
struct StsPlace {
    std::string endpoint{};  ///< "https://sts.eu-central-1.amazonaws.com"
    std::string region{};    ///< that signatures are made for: "eu-central-1"
};

/// Which role is taken on, and as whom.
struct AssumeRole {
    std::string role_arn{};
    std::string session_name{};        ///< shows in the account's logs; empty: "blueprint-faas-" and the time
    std::string external_id{};         ///< empty: not sent
    std::string mfa_serial{};          ///< not empty: `errc::unsupported`, because there is nobody to ask for a code
    std::chrono::seconds duration{0};  ///< 0: not sent, and STS gives an hour
};

/// Which role is taken on with a token that others have put into a file, such as a Kubernetes service account's.
struct WebIdentityRole {
    std::string role_arn{};
    std::string session_name{};  ///< as in `AssumeRole`
    std::string token_file{};
};

/// Whose credentials they are, as AWS sees it.
struct CallerIdentity {
    std::string account{};
    std::string arn{};
    std::string user_id{};
};

/// Takes on a role with the credentials `by`. What may pass by itself (throttling, a server's problem, no network) is
/// tried three times within `deadline`. `errc::authentication` if STS refuses, and if what it gives has ended already.
/// Source: AWS STS API Reference, "AssumeRole".
BLUEPRINT_FAAS_DECL asio::awaitable<result<TimedCredentials>> assume_role(Reach reach, StsPlace place, AssumeRole role,
                                                                          Credentials by, Deadline deadline);

/// Takes on a role with the token in a file, which is read anew by each call. No credentials are needed.
/// `errc::invalid_configuration` if there is no such file; else as `assume_role`.
/// Source: AWS STS API Reference, "AssumeRoleWithWebIdentity".
BLUEPRINT_FAAS_DECL asio::awaitable<result<TimedCredentials>> assume_role_with_web_identity(Reach reach, StsPlace place,
                                                                                            WebIdentityRole role,
                                                                                            Deadline deadline);

/// Asks AWS whose the credentials `by` are: the cheapest way to see that they are good. No permission is needed.
/// Source: AWS STS API Reference, "GetCallerIdentity".
BLUEPRINT_FAAS_DECL asio::awaitable<result<CallerIdentity>> get_caller_identity(Reach reach, StsPlace place,
                                                                                Credentials by, Deadline deadline);

}  // namespace blueprint::faas::aws

namespace blueprint::faas::detail {

/// Reads what STS answered to `action`, such as "AssumeRole", at `now`. `what` was asked for, in messages.
BLUEPRINT_FAAS_DECL result<aws::TimedCredentials> read_sts_credentials(std::string_view action, std::string_view what,
                                                                       const HttpResponse& answer,
                                                                       std::chrono::system_clock::time_point now);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/sts.ipp"
#endif

#endif
