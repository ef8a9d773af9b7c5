#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_ENVIRONMENT_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_ENVIRONMENT_IPP

#include "blueprint/faas/auth/aws/environment.hpp"
#include "blueprint/faas/detail/timestamp.hpp"

#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::environment_source {

BLUEPRINT_FAAS_COLD inline Error wrong(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline result<aws::Search> read(const Environment& environment) {
    const auto variable = [&](const char* what) { return environment.variable(what).value_or(""); };
    aws::TimedCredentials timed;
    timed.credentials.access_key_id = variable("AWS_ACCESS_KEY_ID");
    if (timed.credentials.access_key_id.empty()) return aws::Search{.not_here = "AWS_ACCESS_KEY_ID is not set"};
    timed.credentials.secret_access_key = variable("AWS_SECRET_ACCESS_KEY");
    if (timed.credentials.secret_access_key.empty())
        return wrong(errc::invalid_configuration,
                     "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not; set both, or neither");
    timed.credentials.session_token = variable("AWS_SESSION_TOKEN");
    if (timed.credentials.session_token.empty()) timed.credentials.session_token = variable("AWS_SECURITY_TOKEN");
    timed.credentials.account_id = variable("AWS_ACCOUNT_ID");
    const std::string end = variable("AWS_CREDENTIAL_EXPIRATION");
    if (!end.empty()) {
        timed.expires = read_timestamp(end);
        if (!timed.expires)
            return wrong(errc::invalid_configuration,
                         "AWS_CREDENTIAL_EXPIRATION is no time such as 2026-01-02T03:04:05Z");
        if (*timed.expires <= environment.now())
            return wrong(errc::authentication,
                         "the credentials in the environment's variables ended at AWS_CREDENTIAL_EXPIRATION; start the "
                         "program with new ones, or use a source that renews them, such as a profile");
    }
    return aws::Search{.found = std::move(timed)};
}

}  // namespace blueprint::faas::detail::environment_source

namespace blueprint::faas::aws::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> Environment::find(const Reach& reach,
                                                                                          Deadline /*deadline*/) const {
    if (passed_over_) {
        Search search;
        search.not_here = "it was not asked, because a profile was chosen";
        co_return search;
    }
    co_return faas::detail::environment_source::read(*reach.environment);
}

}  // namespace blueprint::faas::aws::credentials
BLUEPRINT_FAAS_COROUTINES_END

#endif
