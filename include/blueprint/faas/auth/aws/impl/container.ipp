#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_CONTAINER_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_CONTAINER_IPP

#include "blueprint/faas/auth/aws/container.hpp"
#include "blueprint/faas/auth/aws/impl/metadata_answer.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wait.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::container {

using metadata::failure;
using metadata::variable;

inline constexpr const char* relative_variable = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
inline constexpr const char* full_variable = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

// Hosts that plain HTTP may carry the token to. Names are refused, but for this machine's: who answers for a name is
// not known, and the token would go there.
BLUEPRINT_FAAS_COLD inline bool is_allowed(const std::string& host) {
    if (host == "localhost") return true;
    boost::system::error_code no_literal;
    const auto address = asio::ip::make_address(host, no_literal);
    if (no_literal) return false;
    static constexpr std::array<const char*, 3> services{"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};
    return address.is_loopback() || std::any_of(services.begin(), services.end(), [&](const char* service) {
               return address == asio::ip::make_address(service);
           });
}

// Returns where the variables lead to; nothing if they are not set.
BLUEPRINT_FAAS_COLD inline result<std::optional<Url>> endpoint_of(const Environment& environment) {
    const auto refused = [](const char* name, std::string_view why) {
        return failure(errc::invalid_configuration, std::string{name} + ": " + std::string{why});
    };
    const auto relative = variable(environment, relative_variable);
    const auto full = variable(environment, full_variable);
    if (!relative.empty()) {
        if (!relative.starts_with('/')) return refused(relative_variable, "it must begin with '/'");
        auto url = parse_url("http://169.254.170.2" + relative);
        if (!url) return refused(relative_variable, url.error().message);
        return std::optional<Url>{std::move(*url)};
    }
    if (full.empty()) return std::optional<Url>{};
    auto url = parse_url(full);
    if (!url) return refused(full_variable, url.error().message);
    if (!url->origin.tls && !is_allowed(url->origin.host))
        return refused(full_variable,
                       "plain HTTP goes to this machine, 169.254.170.2, 169.254.170.23 and fd00:ec2::23 "
                       "only, and not to '" +
                           url->origin.host + "'; use https://");
    return std::optional<Url>{std::move(*url)};
}

// Returns the token that is sent, which may be empty.
BLUEPRINT_FAAS_COLD inline result<Secret> token_of(const Environment& environment) {
    static constexpr const char* file_variable = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    static constexpr const char* token_variable = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    const auto path = variable(environment, file_variable);
    Secret text;
    if (!path.empty()) {
        auto file = environment.read_file(path, 64U * 1024);
        if (!file) return std::move(file).error();
        if (*file) text = std::move(**file);
        if (trimmed(text.reveal()).empty())
            return failure(errc::invalid_configuration, std::string{file_variable} + ": the file '" + path + "' " +
                                                            (*file ? "is empty" : "does not exist"));
    } else {
        text = variable(environment, token_variable);
    }
    Secret token = trimmed(text.reveal());
    // It would end the header field, and what follows would be a field of its own.
    if (token.reveal().find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos)
        return failure(errc::invalid_configuration, std::string{path.empty() ? token_variable : file_variable} +
                                                        ": the token holds a line break or a NUL");
    return token;
}

BLUEPRINT_FAAS_COLD inline Error refusal(const HttpResponse& answer) {
    const auto told = metadata::read_answer(answer.body);
    Error error = failure(errc::authentication, "it gives no credentials");
    error.http_status = answer.status;
    error.platform_code = told.code;
    error.message += " (" + (told.code.empty() ? "HTTP " + std::to_string(answer.status) : told.code) + ")";
    if (!told.told.empty()) error.message += ": " + told.told;
    if (answer.status == 429 || answer.status >= 500) {
        error.code = answer.status == 429 ? errc::throttled : errc::infrastructure;
        error.retryable = true;
        error.retry_after = read_retry_after(answer);
    } else {
        error.message +=
            "; check the role of the task or of the pod's service account, and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE "
            "or AWS_CONTAINER_AUTHORIZATION_TOKEN";
    }
    return error;
}

BLUEPRINT_FAAS_COLD inline result<aws::Search> read(const HttpResponse& answer,
                                                    std::chrono::system_clock::time_point now) {
    if (answer.status != 200) return refusal(answer);
    auto told = metadata::read_answer(answer.body);
    if (!told.complete) {
        Error error = failure(errc::serialization, told.readable ? "it answered 200, but not with credentials"
                                                                 : "it answered 200, but with no JSON object");
        error.http_status = answer.status;
        error.platform_code = told.code;
        if (!told.told.empty()) error.message += ": " + told.told;
        return error;
    }
    if (told.timed.expires && *told.timed.expires <= now)
        return failure(errc::authentication, "it gave credentials that have ended already; check this machine's clock");
    aws::Search search;
    search.found = std::move(told.timed);
    return search;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<aws::Search>> find(aws::Reach reach,
                                                                     aws::credentials::ContainerOptions options,
                                                                     Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto& environment = *reach.environment;
    auto url = endpoint_of(environment);
    if (!url) co_return std::move(url).error();
    if (!*url)
        co_return metadata::not_here(std::string{"neither "} + relative_variable + " nor " + full_variable + " is set");
    HttpRequest request;
    request.origin = (*url)->origin;
    request.target = (*url)->target;
    request.max_response_bytes = 64U * 1024;
    request.headers.set("Accept", "application/json");
    RetrySchedule schedule{options.retry};
    for (;;) {
        auto token = token_of(environment);
        if (!token) co_return std::move(token).error();
        if (!token->empty()) request.headers.set("Authorization", token->reveal());
        auto answer = co_await reach.exchange(request, std::min(deadline, deadline_after(options.timeout)));
        Error error;
        if (answer) {
            auto search = read(*answer, environment.now());
            wipe(answer->body);
            if (search) co_return std::move(search);
            error = std::move(search).error();
            error.message.insert(0, to_string(request.origin) + ": ");
        } else {
            error = std::move(answer).error();
            error.execution = Execution::not_started;
            if (error.code == errc::timed_out) error.retryable = true;
        }
        redact(error, request.headers);
        const auto delay = schedule.after(error, environment.jitter());
        if (!delay || *delay >= time_left(deadline)) co_return error;
        const bool waited = co_await wait_for(*delay);
        if (!waited) co_return failure(errc::cancelled, "cancelled between two requests for credentials");
    }
}

}  // namespace blueprint::faas::detail::container

namespace blueprint::faas::aws::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> Container::find(const Reach& reach,
                                                                                        Deadline deadline) const {
    return faas::detail::container::find(reach, options_, deadline);
}

}  // namespace blueprint::faas::aws::credentials
BLUEPRINT_FAAS_COROUTINES_END

#endif
