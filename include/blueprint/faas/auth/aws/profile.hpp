#ifndef BLUEPRINT_FAAS_AUTH_AWS_PROFILE_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_PROFILE_HPP

#include "blueprint/faas/auth/aws/config_file.hpp"
#include "blueprint/faas/auth/aws/credential_process.hpp"
#include "blueprint/faas/auth/aws/instance_metadata.hpp"
#include "blueprint/faas/auth/aws/settings.hpp"
#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/auth/aws/sso.hpp"
#include "blueprint/faas/auth/aws/sts.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace blueprint::faas::aws {

/// What `credential_source` may name.
enum class NamedSource : std::uint8_t { environment, instance_metadata, container };

/// How the credentials of a profile are come by: where the first ones are, and the roles that are taken on from there,
/// each with the credentials of the step before.
struct ProfilePlan {
    std::variant<Credentials, NamedSource, WebIdentityRole, SsoRole, CredentialProcess> first{};
    std::string first_profile{};      ///< that says where the first ones are
    std::vector<AssumeRole> roles{};  ///< in the order in which they are taken on
    std::string region{};             ///< that these profiles name, for STS; empty: none does
};

/// Works out what a profile says, without asking anybody; nothing if it says nothing about credentials.
/// A role with `source_profile` or `credential_source` comes first; then a web identity, IAM Identity Center, keys in
/// the credentials file, `login_session`, `credential_process`, keys in the config file. A profile that others name as
/// their source is taken by its keys if it has some. `errc::invalid_configuration` names profile and key: a role with
/// both sources or none, a loop (but a profile with keys may name itself), half a pair of keys, a missing profile.
/// `errc::unsupported` for `mfa_serial` and `login_session`, which need a person or keys that only `aws login` has.
/// Source: AWS SDKs and Tools Reference Guide, "Assume role credential provider" and "Standardized credential
/// providers".
BLUEPRINT_FAAS_DECL result<std::optional<ProfilePlan>> plan_profile(const ConfigFiles& files, std::string_view profile);

namespace credentials {

/// The profile of the config and credentials files that the caller, AWS_PROFILE, or nobody ("default") names; see
/// `plan_profile`. Not here if the profile says nothing about credentials; an error if it does, and cannot be followed.
/// STS and IAM Identity Center are asked at the endpoints that `resolve_settings` finds.
class Profile {
public:
    static constexpr std::string_view name = "the profile";

    Profile() = default;
    explicit Profile(SettingsOptions options) : options_{std::move(options)} {}

    BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> find(const Reach& reach, Deadline deadline) const;

private:
    SettingsOptions options_{};
    InstanceMetadata instance_{};  // keeps its session token, and what it gave last
};
static_assert(CredentialSource<Profile>);

}  // namespace credentials

}  // namespace blueprint::faas::aws

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/profile.ipp"
#endif

#endif
