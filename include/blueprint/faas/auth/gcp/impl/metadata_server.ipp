#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_METADATA_SERVER_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_METADATA_SERVER_IPP

#include "blueprint/faas/auth/gcp/impl/file_members.hpp"
#include "blueprint/faas/auth/gcp/impl/id_token.hpp"
#include "blueprint/faas/auth/gcp/metadata_server.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_metadata {

using gcp::credentials::MetadataServerOptions;
using gcp_auth::failure;
using gcp_auth::variable;

inline constexpr std::string_view account_path = "/computeMetadata/v1/instance/service-accounts/default/";

/// Whom to ask, and how it was found out that somebody is there.
struct Server {
    MetadataServerOptions options{};
    Url url{};
    bool certain = false;  ///< it must be there: nobody has to look
    std::string none{};    ///< why there is none; empty: there may be one
};

/// What came of one question: text, or that the server has no such thing.
struct Told {
    Secret text{};  ///< it may be a token
    bool missing = false;
};

BLUEPRINT_FAAS_COLD inline Error wrong(std::string_view name, std::string_view why) {
    return failure(errc::invalid_configuration, std::string{name} + ": " + std::string{why});
}

BLUEPRINT_FAAS_COLD inline bool on_google_hardware(const Environment& environment) {
    for (const auto* path : {"/sys/class/dmi/id/product_name", "/sys/class/dmi/id/bios_vendor"}) {
        const auto text = environment.read_file(path, 4096);
        if (text && *text && (*text)->reveal().find("Google") != std::string_view::npos) return true;
    }
    return false;
}

BLUEPRINT_FAAS_COLD inline bool is_serverless(const Environment& environment) {
    for (const auto* name : {"K_SERVICE", "CLOUD_RUN_JOB", "FUNCTION_NAME"})
        if (!variable(environment, name).empty()) return true;
    return false;
}

BLUEPRINT_FAAS_COLD inline result<Server> plan(const Environment& environment, MetadataServerOptions options) {
    Server server{.options = options};
    const auto detection = variable(environment, "METADATA_SERVER_DETECTION");
    const auto is = [&](std::string_view mode) { return iequals(trimmed(detection), mode); };
    if (is("none")) server.none = "METADATA_SERVER_DETECTION is none";
    if (iequals(variable(environment, "NO_GCE_CHECK"), "true")) server.none = "NO_GCE_CHECK is true";
    if (!server.none.empty()) return server;
    if (!detection.empty() && !is("assume-present") && !is("bios-only") && !is("ping-only"))
        return wrong("METADATA_SERVER_DETECTION", "it is none of assume-present, none, bios-only and ping-only");

    std::string by = "GCE_METADATA_HOST";
    auto host = variable(environment, by.c_str());
    if (host.empty()) host = variable(environment, (by = "GCE_METADATA_ROOT").c_str());
    const bool named = !host.empty();
    if (host.empty()) host = variable(environment, (by = "GCE_METADATA_IP").c_str());
    if (host.empty()) host = "169.254.169.254";  // its name would ask a name server that may take its time
    if (host.find("://") == std::string::npos) host.insert(0, "http://");
    auto url = parse_url(host);
    if (!url) return wrong(by, url.error().message);
    if (url->target != "/") return wrong(by, "it has a path or a query, and should be a host with its port");
    server.url = std::move(*url);

    server.certain = is("assume-present");
    if (!server.certain && !is("ping-only"))
        server.certain = is_serverless(environment) || (!named && on_google_hardware(environment));
    if (!server.certain && is("bios-only"))
        server.none = "METADATA_SERVER_DETECTION is bios-only, and this machine is none of Google's";

    const auto patience = variable(environment, "GCE_METADATA_TIMEOUT");
    if (!patience.empty()) {
        double seconds = 0;
        const auto [end, bad] = std::from_chars(patience.data(), patience.data() + patience.size(), seconds);
        if (bad != std::errc{} || end != patience.data() + patience.size() || !(seconds >= 0.001 && seconds <= 3600))
            return wrong("GCE_METADATA_TIMEOUT", "it is no number of seconds from 0.001 to 3600");
        server.options.detection_timeout = std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
    }
    return server;
}

BLUEPRINT_FAAS_COLD inline bool is_googles(const HttpResponse& answer) {
    return iequals(answer.headers.get("Metadata-Flavor").value_or(""), "Google");
}

BLUEPRINT_FAAS_COLD inline HttpRequest request_of(const Server& server, std::string_view path) {
    HttpRequest request;
    request.origin = server.url.origin;
    request.target = path;
    request.max_response_bytes = 64U * 1024;
    request.headers.set("Metadata-Flavor", "Google");
    return request;
}

BLUEPRINT_FAAS_COLD inline Error status_error(const HttpResponse& answer, std::string_view what) {
    Error error = failure(errc::infrastructure, "the metadata server was asked for the " + std::string{what} +
                                                    " and answered HTTP " + std::to_string(answer.status));
    error.http_status = answer.status;
    error.retryable = answer.status == 429 || answer.status >= 500;
    if (error.retryable) error.retry_after = read_retry_after(answer);
    if (answer.status == 429) error.code = errc::throttled;
    if (answer.status == 403) {
        error.code = errc::authentication;
        error.message +=
            "; what runs here may not have that: give it the scope cloud-platform, and its service account the right";
    }
    if (answer.status == 404) {
        error.code = errc::authentication;
        error.message += "; attach a service account to what runs here";
    }
    if (answer.status == 400) {
        error.code = errc::invalid_configuration;
        error.message += "; check the audience or the scopes";
    }
    return error;
}

/// Asks for what is at `path`, again if that may help. 404 is an answer if `may_lack`.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Told>> get(Reach reach, Server server, std::string path,
                                                             std::string what, bool may_lack, Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    RetrySchedule schedule{server.options.retry};
    for (;;) {
        HttpRequest request = request_of(server, path);
        const Deadline patience = std::min(deadline, deadline_after(server.options.timeout));
        auto answer = co_await reach.exchange(std::move(request), patience);
        Error error;
        if (answer && !is_googles(*answer)) {
            error = failure(errc::serialization, "who answers at " + to_string(server.url.origin) +
                                                     " is not Google's metadata server (no 'Metadata-Flavor: Google')");
        } else if (answer && answer->status == 200) {
            co_return Told{.text = std::move(answer->body)};
        } else if (answer && answer->status == 404 && may_lack) {
            co_return Told{.missing = true};
        } else if (answer) {
            error = status_error(*answer, what);
        } else {
            error = std::move(answer).error();
            error.message.insert(0, "the metadata server could not be asked for the " + what + ": ");
            error.retryable = error.code == errc::infrastructure || error.code == errc::timed_out;
            error.execution = Execution::not_started;
        }
        const auto delay = schedule.after(error, reach.environment->jitter());
        if (!delay || *delay >= time_left(deadline)) co_return error;
        const bool waited = co_await wait_for(*delay);
        if (!waited) co_return failure(errc::cancelled, "cancelled between two requests to the metadata server");
    }
}

/// Looks once whether somebody is there; text: why not.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<std::string>> look(Reach reach, Server server, Deadline deadline) {
    HttpRequest request = request_of(server, "/");
    const Deadline patience = std::min(deadline, deadline_after(server.options.detection_timeout));
    auto answer = co_await reach.exchange(std::move(request), patience);
    if (!answer && answer.error().code == errc::cancelled) co_return std::move(answer).error();
    if (!answer) co_return "nobody is there to answer: " + answer.error().message;
    if (!is_googles(*answer)) co_return "who answers at " + to_string(server.url.origin) + " is not Google's";
    co_return std::string{};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<gcp::TimedToken>> fetch_token(Server server, Reach reach,
                                                                                gcp::TokenRequest request,
                                                                                Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const bool access = request.kind == gcp::TokenRequest::Kind::access;
    std::string target;
    if (access) {
        for (const auto scope : gcp_auth::scopes_of(request)) target.append(target.empty() ? "" : ",").append(scope);
    } else {
        target = request.target;
    }
    target = percent_encode(target);
    const auto path = std::string{account_path} +
                      (access ? "token?scopes=" + target : "identity?audience=" + target + "&format=full");
    const std::string what = access ? "access token" : "ID token for '" + one_line(request.target) + "'";
    const auto asked = reach.environment->now();
    auto asking = get(reach, server, path, what, false, deadline);
    auto told = co_await std::move(asking);
    if (!told) co_return std::move(told).error();
    const Secret& text = told->text;
    gcp_auth::Question question;  // for messages
    question.url = server.url;
    question.what = access ? "access token" : "ID token";
    if (!access)
        co_return gcp_auth::id_token_of(question, Secret{trimmed(text.reveal())}, request.target, *reach.environment);
    auto grant = gcp_auth::read_grant(question, text, asked);
    if (!grant) co_return std::move(grant).error();
    co_return gcp_auth::access_token_of(question, std::move(*grant), *reach.environment);
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<gcp::CredentialSearch>> find(Reach reach,
                                                                               MetadataServerOptions options,
                                                                               Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto server = plan(*reach.environment, options);
    if (!server) co_return std::move(server).error();
    if (server->none.empty() && !server->certain) {
        auto looking = look(reach, *server, deadline);
        auto nobody = co_await std::move(looking);
        if (!nobody) co_return std::move(nobody).error();
        server->none = std::move(*nobody);
    }
    if (!server->none.empty()) co_return gcp::CredentialSearch{.not_here = std::move(server->none)};
    auto asking_email = get(reach, *server, std::string{account_path} + "email", "service account", true, deadline);
    auto email = co_await std::move(asking_email);
    if (!email) co_return std::move(email).error();
    if (email->missing) co_return gcp::CredentialSearch{.not_here = "no service account is attached to what runs here"};
    auto asking_project = get(reach, *server, "/computeMetadata/v1/project/project-id", "project", true, deadline);
    auto project = co_await std::move(asking_project);
    if (!project) co_return std::move(project).error();
    auto asking_universe =
        get(reach, *server, "/computeMetadata/v1/universe/universe-domain", "universe domain", true, deadline);
    auto universe = co_await std::move(asking_universe);
    if (!universe) co_return std::move(universe).error();

    gcp::Credential credential{.email = std::string{trimmed(email->text.reveal())},
                               .project = std::string{trimmed(project->text.reveal())},
                               .universe_domain = std::string{trimmed(universe->text.reveal())}};
    if (credential.universe_domain.empty()) credential.universe_domain = gcp_auth::usual_universe;
    if (!gcp_auth::is_domain(credential.universe_domain))
        co_return failure(errc::serialization, "the universe domain that the metadata server told is no domain name");
    credential.what = "the service account '" + one_line(credential.email) + "' of the metadata server";
    credential.fetch = [known = std::move(*server)](Reach way, gcp::TokenRequest request, Deadline until) {
        return fetch_token(known, std::move(way), std::move(request), until);
    };
    gcp::CredentialSearch search;
    search.found = std::move(credential);
    co_return search;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<std::optional<std::string>>> region(Reach reach,
                                                                                      MetadataServerOptions options,
                                                                                      Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto server = plan(*reach.environment, options);
    if (!server) co_return std::move(server).error();
    if (server->none.empty() && !server->certain) {
        auto looking = look(reach, *server, deadline);
        auto nobody = co_await std::move(looking);
        if (!nobody) co_return std::move(nobody).error();
        server->none = std::move(*nobody);
    }
    if (!server->none.empty()) co_return std::optional<std::string>{};
    // A function or a service knows its region; a machine its zone: "projects/1/zones/europe-west1-b".
    auto asking = get(reach, *server, "/computeMetadata/v1/instance/region", "region", true, deadline);
    auto told = co_await std::move(asking);
    if (!told) co_return std::move(told).error();
    const bool by_zone = told->missing;
    if (by_zone) {
        auto asking_zone = get(reach, *server, "/computeMetadata/v1/instance/zone", "zone", true, deadline);
        told = co_await std::move(asking_zone);
        if (!told) co_return std::move(told).error();
    }
    if (told->missing) co_return std::optional<std::string>{};
    std::string place{trimmed(told->text.reveal())};
    place.erase(0, place.rfind('/') + 1);
    if (by_zone) place.erase(std::min(place.rfind('-'), place.size()));
    if (place.empty() || place.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
        co_return failure(errc::serialization, "what the metadata server told as the region is none");
    co_return std::optional<std::string>{std::move(place)};
}

}  // namespace blueprint::faas::detail::gcp_metadata

namespace blueprint::faas::gcp::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> MetadataServer::find(
    const Reach& reach, Deadline deadline) const {
    return faas::detail::gcp_metadata::find(reach, options_, deadline);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<std::optional<std::string>>> MetadataServer::region(
    const Reach& reach, Deadline deadline) const {
    return faas::detail::gcp_metadata::region(reach, options_, deadline);
}

}  // namespace blueprint::faas::gcp::credentials
BLUEPRINT_FAAS_COROUTINES_END

#endif
