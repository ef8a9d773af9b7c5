#ifndef BLUEPRINT_FAAS_PROVIDER_IMPL_OPENWHISK_IPP
#define BLUEPRINT_FAAS_PROVIDER_IMPL_OPENWHISK_IPP

#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/provider/openwhisk.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::openwhisk_provider {

BLUEPRINT_FAAS_COLD inline Error wrong(std::string message) {
    return Error{
        .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
}

/// Tells whether a place tells of the API at `api`: of no other scheme, port or path either, because its credential
/// goes there.
BLUEPRINT_FAAS_COLD inline bool is_of(const openwhisk::Properties& place, const Url& api) {
    if (place.api_host.empty()) return false;
    const auto there = openwhisk_api_url(place.api_host);
    return there && there->origin == api.origin && there->target == api.target;
}

/// Takes what is open from a place, if it has all of that; false: it has not.
BLUEPRINT_FAAS_COLD inline bool take(OpenWhiskOptions& options, const openwhisk::Properties& place,
                                     const std::optional<Url>& given) {
    if (given ? !is_of(place, *given) : place.api_host.empty()) return false;
    if (options.auth.empty() && place.auth.empty()) return false;
    if (options.api_host.empty()) options.api_host = place.api_host;
    if (options.auth.empty()) options.auth = place.auth;
    return true;
}

/// Says what a place has, and shows neither address nor credential.
BLUEPRINT_FAAS_COLD inline std::string account_of(const openwhisk::Properties& place, bool other) {
    if (place.api_host.empty() && place.auth.empty()) return place.by + ": nothing";
    if (place.api_host.empty()) return place.by + ": a credential, and not for which address";
    if (place.auth.empty()) return place.by + ": an address, and no credential";
    return place.by + (other ? ": those of another address" : ": both");
}

}  // namespace blueprint::faas::detail::openwhisk_provider

namespace blueprint::faas::openwhisk {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Options> resolve(Options options, const faas::Environment& environment) {
    using namespace faas::detail::openwhisk_provider;
    if (!options.api_host.empty() && !options.auth.empty()) return options;
    std::optional<faas::detail::Url> given;
    if (!options.api_host.empty()) {
        auto url = faas::detail::openwhisk_api_url(options.api_host);
        if (!url) return wrong("OpenWhiskOptions::api_host: " + url.error().message);
        given = std::move(*url);
    }
    const auto action = properties_of_action(environment);
    if (take(options, action, given)) return options;
    const auto user = properties_of_user(environment);
    if (!user) return user.error();
    if (take(options, *user, given)) return options;
    const bool no_host = options.api_host.empty();
    const bool no_auth = options.auth.empty();
    return wrong(std::string{"no "} +
                 (no_host && no_auth ? "OpenWhisk, and nothing that opens a namespace of it,"
                  : no_host          ? "address of an OpenWhisk"
                                     : "credential for the address of OpenWhiskOptions::api_host") +
                 " is known: set OpenWhiskOptions::" +
                 (no_host && no_auth ? "api_host and auth"
                  : no_host          ? "api_host"
                                     : "auth") +
                 ", or run 'wsk property set --apihost HOST --auth USER:PASSWORD'; looked at " +
                 account_of(action, given.has_value()) + "; " + account_of(*user, given.has_value()));
}

}  // namespace blueprint::faas::openwhisk

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
namespace blueprint::faas {

template asio::awaitable<result<JobResult>> FaasExecutor<HttpsTransport, NoAuth, OpenWhiskCodec<Base64Json>>::invoke(
    JobCall);
template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, NoAuth, OpenWhiskCodec<Base64Json>>::invoke_with_metrics(JobCall);

template result<openwhisk::Executor> openwhisk::create<Base64Json>(asio::any_io_executor, openwhisk::Options,
                                                                   const openwhisk::ClientOptions&, const Environment&);

}  // namespace blueprint::faas
#endif

#endif
