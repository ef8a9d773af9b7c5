#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_WEB_IDENTITY_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_WEB_IDENTITY_IPP

#include "blueprint/faas/auth/aws/impl/metadata_answer.hpp"
#include "blueprint/faas/auth/aws/settings.hpp"
#include "blueprint/faas/auth/aws/sts.hpp"
#include "blueprint/faas/auth/aws/web_identity.hpp"

#include <boost/asio/this_coro.hpp>

#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::web_identity {

using metadata::failure;
using metadata::variable;

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<aws::Search>> find(aws::Reach reach, aws::SettingsOptions options,
                                                                     Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto& environment = *reach.environment;
    if (!options.profile.empty()) co_return metadata::not_here("it was not asked, because a profile was chosen");
    aws::WebIdentityRole role{.role_arn = variable(environment, "AWS_ROLE_ARN"),
                              .session_name = variable(environment, "AWS_ROLE_SESSION_NAME"),
                              .token_file = variable(environment, "AWS_WEB_IDENTITY_TOKEN_FILE")};
    if (role.token_file.empty()) co_return metadata::not_here("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    if (role.role_arn.empty())
        co_return failure(errc::invalid_configuration,
                          "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN, the role to take on, is not");
    const auto settings = aws::resolve_settings(environment, options);
    if (!settings) co_return settings.error();
    auto endpoint = settings->endpoint_for(aws::Service::sts);
    if (!endpoint) co_return std::move(endpoint).error();
    aws::StsPlace place{.endpoint = std::move(endpoint->url), .region = std::move(endpoint->region)};
    auto taking_on = aws::assume_role_with_web_identity(std::move(reach), std::move(place), std::move(role), deadline);
    auto given = co_await std::move(taking_on);
    if (!given) co_return std::move(given).error();
    aws::Search search;
    search.found = std::move(*given);
    co_return search;
}

}  // namespace blueprint::faas::detail::web_identity

namespace blueprint::faas::aws::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> WebIdentity::find(const Reach& reach,
                                                                                          Deadline deadline) const {
    return faas::detail::web_identity::find(reach, options_, deadline);
}

}  // namespace blueprint::faas::aws::credentials
BLUEPRINT_FAAS_COROUTINES_END

#endif
