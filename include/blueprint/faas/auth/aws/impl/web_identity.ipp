#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_WEB_IDENTITY_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_WEB_IDENTITY_IPP

#include "blueprint/faas/auth/aws/impl/metadata_answer.hpp"
#include "blueprint/faas/auth/aws/sts.hpp"
#include "blueprint/faas/auth/aws/web_identity.hpp"

#include <boost/asio/this_coro.hpp>

#include <string>
#include <utility>

namespace blueprint::faas::detail::web_identity {

using metadata::failure;
using metadata::variable;

// Returns where STS is asked, as far as variables tell it.
inline result<aws::StsPlace> sts_place(const Environment& environment) {
    aws::StsPlace place;
    place.region = variable(environment, "AWS_REGION");
    if (place.region.empty()) place.region = variable(environment, "AWS_DEFAULT_REGION");
    if (place.region.empty())
        return failure(errc::invalid_configuration, "STS is asked in a region, and none is set: set AWS_REGION");
    const bool ignored = metadata::is_true(variable(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"));
    if (!ignored) place.endpoint = variable(environment, "AWS_ENDPOINT_URL_STS");
    if (!ignored && place.endpoint.empty()) place.endpoint = variable(environment, "AWS_ENDPOINT_URL");
    if (!place.endpoint.empty()) return place;
    const std::string_view region = place.region;
    std::string_view suffix = "amazonaws.com";
    if (region.starts_with("cn-")) suffix = "amazonaws.com.cn";
    if (region.starts_with("eusc-")) suffix = "amazonaws.eu";
    if (region.starts_with("us-iso-")) suffix = "c2s.ic.gov";
    if (region.starts_with("us-isob-")) suffix = "sc2s.sgov.gov";
    place.endpoint.append("https://sts.").append(region).append(".").append(suffix);
    return place;
}

inline asio::awaitable<result<aws::Search>> find(aws::Reach reach, Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto& environment = *reach.environment;
    aws::WebIdentityRole role{.role_arn = variable(environment, "AWS_ROLE_ARN"),
                              .session_name = variable(environment, "AWS_ROLE_SESSION_NAME"),
                              .token_file = variable(environment, "AWS_WEB_IDENTITY_TOKEN_FILE")};
    if (role.token_file.empty()) co_return metadata::not_here("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    if (role.role_arn.empty())
        co_return failure(errc::invalid_configuration,
                          "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN, the role to take on, is not");
    auto place = sts_place(environment);
    if (!place) co_return std::move(place).error();
    auto taking_on = aws::assume_role_with_web_identity(std::move(reach), std::move(*place), std::move(role), deadline);
    auto given = co_await std::move(taking_on);
    if (!given) co_return std::move(given).error();
    aws::Search search;
    search.found = std::move(*given);
    co_return search;
}

}  // namespace blueprint::faas::detail::web_identity

namespace blueprint::faas::aws::credentials {

BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> WebIdentity::find(const Reach& reach, Deadline deadline) const {
    return faas::detail::web_identity::find(reach, deadline);
}

}  // namespace blueprint::faas::aws::credentials

#endif
