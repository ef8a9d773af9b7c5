#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_PROFILE_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_PROFILE_IPP

#include "blueprint/faas/auth/aws/container.hpp"
#include "blueprint/faas/auth/aws/environment.hpp"
#include "blueprint/faas/auth/aws/instance_metadata.hpp"
#include "blueprint/faas/auth/aws/profile.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <system_error>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace aws_profile {

using First = decltype(aws::ProfilePlan::first);

BLUEPRINT_FAAS_COLD inline Error wrong(std::string_view profile, std::string_view why,
                                       errc code = errc::invalid_configuration) {
    std::string message = "the profile '" + std::string{profile} + "' ";
    message.append(why);
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

/// Keys of one section. Half a pair is an error: it is a slip, and what comes after would hide it.
BLUEPRINT_FAAS_COLD inline result<std::optional<aws::Credentials>> keys_in(const aws::ConfigSection& section,
                                                                           std::string_view profile) {
    const bool id = section.has("aws_access_key_id");
    const bool secret = section.has("aws_secret_access_key");
    if (!id && !secret) return std::optional<aws::Credentials>{};
    if (!secret) return wrong(profile, "has aws_access_key_id and no aws_secret_access_key; set both, or neither");
    if (!id) return wrong(profile, "has aws_secret_access_key and no aws_access_key_id; set both, or neither");
    const bool token = section.has("aws_session_token");
    return std::optional{
        aws::Credentials{.access_key_id = std::string{section.text("aws_access_key_id")},
                         .secret_access_key = section.text("aws_secret_access_key"),
                         .session_token = section.text(token ? "aws_session_token" : "aws_security_token"),
                         .account_id = std::string{section.text("aws_account_id")}}};
}

BLUEPRINT_FAAS_COLD inline const aws::ConfigSection* keys_in_credentials_file(const aws::ConfigFiles& files,
                                                                              std::string_view profile) {
    const auto found = files.credentials.profiles.find(profile);
    const bool there = found != files.credentials.profiles.end() && found->second.has("aws_access_key_id");
    return there ? &found->second : nullptr;
}

/// The session token must come from the file that the keys come from, or it is another pair's.
BLUEPRINT_FAAS_COLD inline result<std::optional<aws::Credentials>> keys_of(const aws::ConfigFiles& files,
                                                                           std::string_view profile) {
    const auto* section = keys_in_credentials_file(files, profile);
    return section != nullptr ? keys_in(*section, profile) : keys_in(files.profile(profile), profile);
}

BLUEPRINT_FAAS_COLD inline result<aws::SsoRole> sso_role_of(const aws::ConfigFiles& files,
                                                            const aws::ConfigSection& section,
                                                            std::string_view profile) {
    aws::SsoRole role{.profile = std::string{profile},
                      .session = std::string{section.text("sso_session")},
                      .start_url = std::string{section.text("sso_start_url")},
                      .region = std::string{section.text("sso_region")},
                      .account_id = std::string{section.text("sso_account_id")},
                      .role_name = std::string{section.text("sso_role_name")}};
    std::string where = "the profile";
    if (!role.session.empty()) {
        const auto session = files.config.sso_sessions.find(role.session);
        if (session == files.config.sso_sessions.end())
            return wrong(profile, "names with sso_session a section [sso-session ...] that '" + files.config.path +
                                      "' does not have; add it with 'aws configure sso-session', or correct the name");
        where = "its [sso-session] section";
        for (auto [key, value] : {std::pair{"sso_start_url", &role.start_url}, std::pair{"sso_region", &role.region}}) {
            const auto shared = session->second.text(key);
            if (!value->empty() && *value != shared)
                return wrong(profile, "has another " + std::string{key} + " than " + where + "; take out its own");
            *value = shared;
        }
    }
    if (role.start_url.empty()) return wrong(profile, "needs sso_start_url in " + where);
    if (role.region.empty()) return wrong(profile, "needs sso_region in " + where);
    if (role.account_id.empty()) return wrong(profile, "needs sso_account_id beside sso_role_name");
    if (role.role_name.empty()) return wrong(profile, "needs sso_role_name beside sso_account_id");
    return role;
}

/// What a profile says about credentials of its own, its role with a source left aside.
BLUEPRINT_FAAS_COLD inline result<std::optional<First>> own_of(const aws::ConfigFiles& files,
                                                               const aws::ConfigSection& section,
                                                               std::string_view profile) {
    if (section.has("web_identity_token_file")) {
        if (!section.has("role_arn")) return wrong(profile, "has web_identity_token_file and no role_arn; set it too");
        return std::optional<First>{
            aws::WebIdentityRole{.role_arn = std::string{section.text("role_arn")},
                                 .session_name = std::string{section.text("role_session_name")},
                                 .token_file = std::string{section.text("web_identity_token_file")}}};
    }
    if (section.has("sso_account_id") || section.has("sso_role_name")) {
        auto role = sso_role_of(files, section, profile);
        if (!role) return std::move(role).error();
        return std::optional<First>{std::move(*role)};
    }
    if (keys_in_credentials_file(files, profile) == nullptr) {
        if (section.has("login_session"))
            return wrong(profile,
                         "has login_session, whose credentials only 'aws login' and AWS's own tools can renew; use "
                         "'credential_process = aws configure export-credentials --profile ...' in another profile, "
                         "or 'aws sso login'",
                         errc::unsupported);
        if (section.has("credential_process"))
            return std::optional<First>{
                aws::CredentialProcess{.command = section.text("credential_process"), .profile = std::string{profile}}};
    }
    auto keys = keys_of(files, profile);
    if (!keys) return std::move(keys).error();
    if (!*keys) return std::optional<First>{};
    return std::optional<First>{std::move(**keys)};
}

BLUEPRINT_FAAS_COLD inline result<aws::AssumeRole> role_of(const aws::ConfigSection& section,
                                                           std::string_view profile) {
    aws::AssumeRole role{.role_arn = std::string{section.text("role_arn")},
                         .session_name = std::string{section.text("role_session_name")},
                         .external_id = std::string{section.text("external_id")}};
    if (section.has("mfa_serial"))
        return wrong(
            profile,
            "has mfa_serial, and there is nobody here to type a code; sign in elsewhere, for example with 'aws "
            "sts get-session-token', and use the credentials of that session",
            errc::unsupported);
    if (const auto text = section.text("duration_seconds"); !text.empty()) {
        unsigned seconds = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (failed != std::errc{} || end != text.data() + text.size() || seconds < 900 || seconds > 43'200)
            return wrong(profile, "has a duration_seconds that is no number from 900 to 43200");
        role.duration = std::chrono::seconds{seconds};
    }
    return role;
}

BLUEPRINT_FAAS_COLD inline result<aws::NamedSource> named_source(std::string_view text, std::string_view profile) {
    static constexpr std::array<std::pair<std::string_view, aws::NamedSource>, 3> names{
        {{"Environment", aws::NamedSource::environment},
         {"Ec2InstanceMetadata", aws::NamedSource::instance_metadata},
         {"EcsContainer", aws::NamedSource::container}}};
    for (const auto& [name, source] : names)
        if (iequals(name, text)) return source;
    return wrong(profile, "has a credential_source that is none of Environment, Ec2InstanceMetadata, EcsContainer");
}

BLUEPRINT_FAAS_COLD inline std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "'" : ", '") + name + '\'';
    return text;
}

/// One source that must have credentials, because a profile names it.
template <class Source>
BLUEPRINT_FAAS_COLD asio::awaitable<result<aws::TimedCredentials>> must_find(Source source, const aws::Reach& reach,
                                                                             std::string profile, Deadline deadline) {
    auto search = co_await source.find(reach, deadline);
    if (!search) co_return std::move(search).error();
    if (!search->found)
        co_return wrong(profile, "wants credentials of " + std::string{Source::name} +
                                     " (credential_source), and there are none: " + search->not_here);
    co_return std::move(*search->found);
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<aws::TimedCredentials>> first_of(
    aws::ProfilePlan plan, aws::credentials::InstanceMetadata instance, const aws::Reach& reach, aws::Settings settings,
    aws::StsPlace sts, Deadline deadline) {
    if (auto* keys = std::get_if<aws::Credentials>(&plan.first))
        co_return aws::TimedCredentials{.credentials = std::move(*keys)};
    if (const auto* named = std::get_if<aws::NamedSource>(&plan.first)) {
        if (*named == aws::NamedSource::environment) {
            auto finding = must_find(aws::credentials::Environment{}, reach, plan.first_profile, deadline);
            co_return co_await std::move(finding);
        }
        if (*named == aws::NamedSource::container) {
            auto finding = must_find(aws::credentials::Container{}, reach, plan.first_profile, deadline);
            co_return co_await std::move(finding);
        }
        auto finding = must_find(std::move(instance), reach, plan.first_profile, deadline);
        co_return co_await std::move(finding);
    }
    if (auto* process = std::get_if<aws::CredentialProcess>(&plan.first)) {
        auto running = aws::run_credential_process(reach, std::move(*process), deadline);
        co_return co_await std::move(running);
    }
    if (auto* role = std::get_if<aws::WebIdentityRole>(&plan.first)) {
        auto asking = aws::assume_role_with_web_identity(reach, std::move(sts), std::move(*role), deadline);
        co_return co_await std::move(asking);
    }
    auto& role = std::get<aws::SsoRole>(plan.first);
    auto portal = settings.endpoint_for(aws::Service::sso, role.region);
    if (!portal) co_return wrong(role.profile, "cannot use IAM Identity Center: " + portal.error().message);
    auto sign_in = settings.endpoint_for(aws::Service::sso_oidc, role.region);
    if (!sign_in) co_return wrong(role.profile, "cannot use IAM Identity Center: " + sign_in.error().message);
    auto asking = aws::sso_credentials(reach, std::move(role), std::move(*portal), std::move(*sign_in), deadline);
    co_return co_await std::move(asking);
}

}  // namespace aws_profile

}  // namespace blueprint::faas::detail

namespace blueprint::faas::aws {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::optional<ProfilePlan>> plan_profile(const ConfigFiles& files,
                                                                                        std::string_view profile) {
    using namespace faas::detail::aws_profile;
    ProfilePlan plan;
    std::vector<std::string> seen{std::string{profile}};
    for (;;) {
        const std::string current = seen.back();
        const ConfigSection section = files.profile(current);
        plan.first_profile = current;
        if (plan.region.empty()) plan.region = section.text("region");

        auto keys = std::optional<Credentials>{};
        if (seen.size() > 1) {
            auto found = keys_of(files, current);
            if (!found) return std::move(found).error();
            keys = std::move(*found);
        }
        const bool takes_role = section.has("role_arn") && !section.has("web_identity_token_file");
        if (keys || !takes_role) {
            auto own = keys ? result<std::optional<First>>{std::optional<First>{std::move(*keys)}}
                            : own_of(files, section, current);
            if (!own) return std::move(own).error();
            if (!*own && seen.size() == 1) return std::optional<ProfilePlan>{};
            if (!*own)
                return wrong(current, "has no credentials, and the profile '" + seen[seen.size() - 2] +
                                          "' names it as its source_profile");
            plan.first = std::move(**own);
            break;
        }

        auto role = role_of(section, current);
        if (!role) return std::move(role).error();
        plan.roles.push_back(std::move(*role));
        const bool by_name = section.has("credential_source");
        const std::string next{section.text("source_profile")};
        if (by_name == !next.empty())
            return wrong(current, by_name ? "has role_arn with both source_profile and credential_source; take out one"
                                          : "has role_arn without source_profile or credential_source; say by one of "
                                            "them with whose credentials the role is taken on");
        if (by_name) {
            const auto named = named_source(section.text("credential_source"), current);
            if (!named) return named.error();
            plan.first = *named;
            break;
        }
        if (next == current) {
            auto found = keys_of(files, current);
            if (!found) return std::move(found).error();
            if (!*found) return wrong(current, "names itself as its source_profile, and has no keys for that");
            plan.first = std::move(**found);
            break;
        }
        if (!files.has_profile(next))
            return files.no_such_profile(next, "source_profile of the profile '" + current + '\'');
        if (std::find(seen.begin(), seen.end(), next) != seen.end())
            return wrong(current, "names the source_profile '" + next + "', which closes a loop: " + joined(seen) +
                                      "; one of them must have credentials of its own");
        seen.push_back(next);
    }
    std::reverse(plan.roles.begin(), plan.roles.end());
    return std::optional{std::move(plan)};
}

namespace credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> Profile::find(const Reach& reach,
                                                                                      Deadline deadline) const {
    using namespace faas::detail::aws_profile;
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto files = read_config_files(*reach.environment);
    if (!files) co_return files.error();
    auto settings = resolve_settings(*reach.environment, *files, options_);
    if (!settings) co_return std::move(settings).error();
    auto plan = plan_profile(*files, settings->profile);
    if (!plan) co_return std::move(plan).error();
    if (!*plan) {
        Search search;
        if (files->has_profile(settings->profile))
            search.not_here = "the profile '" + settings->profile + "' says nothing about credentials";
        else
            search.not_here = "there is no profile '" + settings->profile + "' in '" + files->config.path + "' or '" +
                              files->credentials.path + '\'';
        co_return search;
    }

    StsPlace sts;
    const bool asks_sts = !(*plan)->roles.empty() || std::holds_alternative<WebIdentityRole>((*plan)->first);
    if (asks_sts) {
        const std::string other = settings->region.empty() ? (*plan)->region : std::string{};
        auto place = settings->endpoint_for(Service::sts, other);
        if (!place) co_return wrong(settings->profile, "takes on a role: " + place.error().message);
        sts = {.endpoint = std::move(place->url), .region = std::move(place->region)};
    }
    auto roles = std::move((*plan)->roles);
    auto finding = first_of(std::move(**plan), instance_, reach, std::move(*settings), sts, deadline);
    auto found = co_await std::move(finding);
    for (auto& role : roles) {
        if (!found) break;
        auto asking = assume_role(reach, sts, std::move(role), std::move(found->credentials), deadline);
        found = co_await std::move(asking);
    }
    if (!found) co_return std::move(found).error();
    Search search;
    search.found = std::move(*found);
    co_return search;
}

}  // namespace credentials

}  // namespace blueprint::faas::aws
BLUEPRINT_FAAS_COROUTINES_END

#endif
