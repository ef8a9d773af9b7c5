#ifndef BLUEPRINT_FAAS_AUTH_AWS_ENVIRONMENT_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_ENVIRONMENT_HPP

#include "blueprint/faas/auth/aws/settings_options.hpp"
#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <string_view>

namespace blueprint::faas::aws::credentials {

/// The variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION (a time as RFC
/// 3339 writes it) and AWS_ACCOUNT_ID. An empty one counts as not set. Not here if there is no access key id; an error
/// if there is one and no secret, or the time has come.
/// Source: AWS SDKs and Tools Reference Guide, "AWS access keys".
class Environment {
public:
    static constexpr std::string_view name = "the environment's variables";

    Environment() = default;
    /// Credentials are never here if the caller chose a profile: he wants that one's.
    explicit Environment(const SettingsOptions& options) : passed_over_{!options.profile.empty()} {}

    BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> find(const Reach& reach, Deadline deadline) const;

private:
    bool passed_over_ = false;
};
static_assert(CredentialSource<Environment>);

}  // namespace blueprint::faas::aws::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/environment.ipp"
#endif

#endif
