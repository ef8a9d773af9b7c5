#ifndef BLUEPRINT_FAAS_AUTH_AWS_WEB_IDENTITY_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_WEB_IDENTITY_HPP

#include "blueprint/faas/auth/aws/settings_options.hpp"
#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <string_view>
#include <utility>

namespace blueprint::faas::aws::credentials {

/// The role of AWS_ROLE_ARN, taken on with the token in the file AWS_WEB_IDENTITY_TOKEN_FILE, as IAM roles for service
/// accounts of Kubernetes and continuous integration set them; AWS_ROLE_SESSION_NAME names the session in the account's
/// logs. The file is read anew each time, because whoever put it there renews it. STS is asked where `resolve_settings`
/// says.
/// Not here if there is no AWS_WEB_IDENTITY_TOKEN_FILE; an error if there is, and anything else is missing.
/// Source: AWS SDKs and Tools Reference Guide, "Assume role credential provider".
class WebIdentity {
public:
    static constexpr std::string_view name = "the web identity token";

    WebIdentity() = default;
    /// Credentials are never here if the caller chose a profile: he wants that one's.
    explicit WebIdentity(SettingsOptions options) : options_{std::move(options)} {}

    BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> find(const Reach& reach, Deadline deadline) const;

private:
    SettingsOptions options_{};
};
static_assert(CredentialSource<WebIdentity>);

}  // namespace blueprint::faas::aws::credentials

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/web_identity.ipp"
#endif

#endif
