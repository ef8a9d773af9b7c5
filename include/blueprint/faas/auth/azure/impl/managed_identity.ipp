#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_MANAGED_IDENTITY_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_MANAGED_IDENTITY_IPP

#include "blueprint/faas/auth/azure/impl/arc_challenge.hpp"
#include "blueprint/faas/auth/azure/impl/identity_answer.hpp"
#include "blueprint/faas/auth/azure/impl/identity_place.hpp"
#include "blueprint/faas/auth/azure/impl/identity_refusal.hpp"
#include "blueprint/faas/auth/azure/impl/identity_schedule.hpp"
#include "blueprint/faas/auth/azure/managed_identity.hpp"
#include "blueprint/faas/auth/azure/names.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/wait.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::azure_identity {

BLUEPRINT_FAAS_COLD inline HttpRequest request_of(const Place& place, std::string_view resource) {
    HttpRequest request;
    request.origin = place.url.origin;
    request.target = place.url.target;
    request.max_response_bytes = 64U * 1024;
    std::string query = "resource=" + percent_encode(resource);
    if (place.kind == Kind::cloud_shell) {
        request.verb = Verb::post;
        request.headers.set("Content-Type", "application/x-www-form-urlencoded");
        request.body = std::move(query);
    } else {
        query.insert(0, std::string{"api-version="}.append(place.version) + '&');
        if (!place.id.empty()) query.append("&").append(place.id_name).append("=").append(percent_encode(place.id));
        request.target += (request.target.find('?') == std::string::npos ? '?' : '&') + query;
    }
    request.headers.set("Accept", "application/json");
    if (place.secret.empty())
        request.headers.set("Metadata", "true");
    else
        request.headers.set(place.secret_field, place.secret.reveal());
    return request;
}

/// Asks once; of the agent of Azure Arc twice, because it wants a proof that it names itself.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::TimedToken>> ask_once(Reach reach, Place place,
                                                                               std::string resource,
                                                                               Deadline deadline) {
    HttpRequest request = request_of(place, resource);
    Headers sent = request.headers;
    const auto asked = reach.environment->now();
    const Deadline patience = std::min(deadline, deadline_after(place.options.timeout));
    HttpRequest copy = request;
    auto answer = co_await reach.exchange(std::move(copy), patience);
    if (answer && place.kind == Kind::arc && answer->status == 401) {
        auto proof = arc_proof(answer->headers.get("WWW-Authenticate").value_or(""), *reach.environment);
        if (!proof) co_return std::move(proof).error();
        request.headers.set("Authorization", proof->reveal());
        sent = request.headers;
        answer = co_await reach.exchange(std::move(request), patience);
    }
    if (!answer) {
        Error error = std::move(answer).error();
        error.message.insert(0, place.what + " could not be asked for a token: ");
        error.retryable = error.code == errc::infrastructure || error.code == errc::timed_out;
        error.execution = Execution::not_started;
        redact(error, sent);
        co_return error;
    }
    const Secret text{std::move(answer->body)};
    if (answer->status != 200) co_return refusal(place.what, *answer, text.reveal(), sent);
    co_return read_identity_answer(text, place.what, asked);
}

/// Tells whether a failure means that nobody has an identity to give here.
BLUEPRINT_FAAS_COLD inline bool is_absent(const Place& place, const Error& error) {
    const auto status = error.http_status;
    const bool by_entra =
        error.message.find("AADSTS") != std::string::npos || error.platform_code == "invalid_resource";
    if (place.kind == Kind::imds && status == 400) return !by_entra;
    // Somebody else's metadata service, which speaks no JSON.
    if (place.kind == Kind::imds && error.platform_code.empty()) return status == 401 || status == 403 || status == 404;
    const bool silent = status == 0 && (error.code == errc::infrastructure || error.code == errc::timed_out);
    return place.kind == Kind::arc && !place.certain && silent;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::TimedToken>> fetch(Place place, Reach reach,
                                                                            azure::TokenRequest request,
                                                                            Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    // Claims that Azure demands are for tokens of its own endpoint: no managed identity takes them.
    if (auto good = azure::check_scope(request.scope); !good) co_return std::move(good).error();
    const std::string resource{azure::resource_of(request.scope)};
    IdentitySchedule schedule{place.options};
    for (;;) {
        auto asking = ask_once(reach, place, resource, deadline);
        auto token = co_await std::move(asking);
        if (token) co_return std::move(token);
        Error error = std::move(token).error();
        const auto delay = schedule.after(error, reach.environment->jitter());
        if (!delay || *delay >= time_left(deadline)) {
            if (is_absent(place, error)) error.code = errc::not_found;
            co_return error;
        }
        const bool waited = co_await wait_for(*delay);
        if (!waited) co_return failure(errc::cancelled, "cancelled between two requests for a token");
    }
}

/// Looks once whether a metadata service is there; text: why not. Without the field Metadata nobody gives out a token,
/// and Azure's own service refuses at once.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<std::string>> look(Reach reach, Place place, Deadline deadline) {
    HttpRequest request;
    request.origin = place.url.origin;
    request.target = place.url.target;
    request.max_response_bytes = 64U * 1024;
    const Deadline patience = std::min(deadline, deadline_after(place.options.probe_timeout));
    auto answer = co_await reach.exchange(std::move(request), patience);
    if (!answer && answer.error().code == errc::cancelled)
        co_return failure(errc::cancelled, "cancelled while looking for a metadata service");
    if (!answer) co_return "nobody is there to answer: " + answer.error().message;
    // A container of Docker Desktop has somebody who answers for all addresses that cannot be reached.
    if (answer->status == 403 && answer->body.find("unreachable") != std::string::npos)
        co_return "the network of the metadata service is unreachable";
    const bool amazon = answer->headers.get("Server").value_or("") == "EC2ws";
    if (amazon || answer->headers.get("Metadata-Flavor"))
        co_return std::string{"the metadata service that answers is that of "} + (amazon ? "Amazon" : "Google");
    co_return std::string{};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::CredentialSearch>> find(Reach reach,
                                                                                 ManagedIdentityOptions options,
                                                                                 Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    azure::CredentialSearch search;
    auto place = plan(*reach.environment, std::move(options));
    if (!place) co_return std::move(place).error();
    search.not_here = place->none;
    if (search.not_here.empty() && place->kind == Kind::imds && !place->certain) {
        auto looking = look(reach, *place, deadline);
        auto nobody = co_await std::move(looking);
        if (!nobody) co_return std::move(nobody).error();
        search.not_here = std::move(*nobody);
    }
    if (!search.not_here.empty()) co_return search;
    azure::Credential credential;
    credential.what = "the managed identity" + place->whose + " of " + place->what;
    credential.fetch = [known = std::move(*place)](Reach way, azure::TokenRequest request, Deadline until) {
        return fetch(known, std::move(way), std::move(request), until);
    };
    search.found = std::move(credential);
    co_return search;
}

}  // namespace blueprint::faas::detail::azure_identity

namespace blueprint::faas::azure::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> ManagedIdentity::find(
    const Reach& reach, Deadline deadline) const {
    return faas::detail::azure_identity::find(reach, options_, deadline);
}

}  // namespace blueprint::faas::azure::credentials
BLUEPRINT_FAAS_COROUTINES_END

#endif
