#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_INSTANCE_METADATA_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_INSTANCE_METADATA_IPP

#include "blueprint/faas/auth/aws/impl/metadata_answer.hpp"
#include "blueprint/faas/auth/aws/instance_metadata.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wait.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::instance_metadata {

using metadata::failure;
using metadata::variable;
using Time = std::chrono::system_clock::time_point;

inline constexpr std::chrono::seconds token_life{21'600};
inline constexpr std::string_view roles_path = "/latest/meta-data/iam/security-credentials/";

/// What is kept from one question to the next.
struct Memory {
    std::mutex mutex;  // guards what follows; never held over a co_await
    Secret token{};
    Time token_until{};
    std::optional<aws::TimedCredentials> last{};

    BLUEPRINT_FAAS_COLD Secret kept_token(Time now) {
        const std::lock_guard lock{mutex};
        return now < token_until ? token : Secret{};
    }
    BLUEPRINT_FAAS_COLD void keep_token(Secret fresh, Time until) {
        const std::lock_guard lock{mutex};
        token = std::move(fresh);
        token_until = until;
    }
    BLUEPRINT_FAAS_COLD void drop_token(const Secret& refused) {
        const std::lock_guard lock{mutex};
        if (token == refused) token_until = Time{};
    }
    BLUEPRINT_FAAS_COLD void keep(std::optional<aws::TimedCredentials> credentials) {
        const std::lock_guard lock{mutex};
        last = std::move(credentials);
    }
    BLUEPRINT_FAAS_COLD std::optional<aws::TimedCredentials> kept() {
        const std::lock_guard lock{mutex};
        return last;
    }
};

/// One visit: where to, how, and what was met.
struct Visit {
    aws::Reach reach{};
    aws::credentials::InstanceMetadataOptions options{};
    std::shared_ptr<Memory> memory{};
    Deadline deadline{};
    Origin origin{};
    std::string prefix{};  ///< of every target
    bool v1_allowed = true;
    bool disabled = false;
    bool nobody = false;  ///< there is no service to connect to
};

BLUEPRINT_FAAS_COLD inline Error wrong(const char* name, std::string_view why) {
    return failure(errc::invalid_configuration, std::string{name} + ": " + std::string{why});
}

BLUEPRINT_FAAS_COLD inline result<void> read_patience(const Environment& environment,
                                                      aws::credentials::InstanceMetadataOptions& options) {
    static constexpr const char* timeout_variable = "AWS_METADATA_SERVICE_TIMEOUT";
    static constexpr const char* attempts_variable = "AWS_METADATA_SERVICE_NUM_ATTEMPTS";
    const auto timeout = variable(environment, timeout_variable);
    if (!timeout.empty()) {
        double seconds = 0;
        const auto [end, failed] = std::from_chars(timeout.data(), timeout.data() + timeout.size(), seconds);
        if (failed != std::errc{} || end != timeout.data() + timeout.size() || !(seconds >= 0.001 && seconds <= 3600))
            return wrong(timeout_variable, "it is no number of seconds from 0.001 to 3600");
        options.timeout = std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
    }
    const auto attempts = variable(environment, attempts_variable);
    if (!attempts.empty()) {
        std::uint32_t number = 0;
        const auto [end, failed] = std::from_chars(attempts.data(), attempts.data() + attempts.size(), number);
        if (failed != std::errc{} || end != attempts.data() + attempts.size() || number < 1 || number > 100)
            return wrong(attempts_variable, "it is no number from 1 to 100");
        options.retry.max_attempts = number;
    }
    return {};
}

BLUEPRINT_FAAS_COLD inline result<Visit> plan(aws::Reach reach, aws::credentials::InstanceMetadataOptions options,
                                              std::shared_ptr<Memory> memory, Deadline deadline) {
    static constexpr const char* endpoint_variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    static constexpr const char* mode_variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
    Visit visit{.reach = std::move(reach), .options = options, .memory = std::move(memory), .deadline = deadline};
    const auto& environment = *visit.reach.environment;
    visit.disabled = metadata::is_true(variable(environment, "AWS_EC2_METADATA_DISABLED"));
    if (visit.disabled) return visit;
    visit.v1_allowed = !metadata::is_true(variable(environment, "AWS_EC2_METADATA_V1_DISABLED"));
    auto patience = read_patience(environment, visit.options);
    if (!patience) return std::move(patience).error();

    const auto mode = variable(environment, mode_variable);
    const bool v6 = iequals(mode, "IPv6");
    if (!v6 && !mode.empty() && !iequals(mode, "IPv4")) return wrong(mode_variable, "it is neither IPv4 nor IPv6");
    auto endpoint = variable(environment, endpoint_variable);
    if (endpoint.empty()) endpoint = v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    auto url = parse_url(endpoint);
    if (!url) return wrong(endpoint_variable, url.error().message);
    if (url->target.find('?') != std::string::npos) return wrong(endpoint_variable, "it has a query");
    visit.origin = std::move(url->origin);
    visit.prefix = std::move(url->target);
    while (visit.prefix.ends_with('/')) visit.prefix.pop_back();
    return visit;
}

BLUEPRINT_FAAS_COLD inline HttpRequest request_of(const Visit& visit, Verb verb, std::string_view path) {
    HttpRequest request;
    request.origin = visit.origin;
    request.verb = verb;
    request.target = visit.prefix + std::string{path};
    request.max_response_bytes = 64U * 1024;
    return request;
}

BLUEPRINT_FAAS_COLD inline Error status_error(const HttpResponse& answer, std::string_view what) {
    Error error =
        failure(errc::infrastructure, std::string{what} + " was answered with HTTP " + std::to_string(answer.status));
    error.http_status = answer.status;
    if (answer.status == 401 || answer.status == 403) error.code = errc::authentication;
    if (answer.status == 429) error.code = errc::throttled;
    error.retryable = answer.status == 429 || answer.status >= 500;
    if (error.retryable) error.retry_after = read_retry_after(answer);
    return error;
}

// Makes one exchange after another until there is an answer that more of them would not better. `once_if_late`: silence
// after the request was sent is an answer, too.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<HttpResponse>> exchange(Visit& visit, HttpRequest request,
                                                                          bool once_if_late) {
    RetrySchedule schedule{visit.options.retry};
    for (;;) {
        const auto limit = deadline_after(visit.options.timeout);
        auto answer = co_await visit.reach.exchange(request, std::min(visit.deadline, limit));
        Error error;
        if (answer) {
            if (answer->status != 429 && answer->status < 500) co_return std::move(answer);
            error = status_error(*answer, request.target);
        } else {
            error = std::move(answer).error();
            const bool late = error.code == errc::timed_out;
            const bool connected = error.execution != Execution::not_started;
            const bool in_time = time_left(visit.deadline).count() > 0;
            visit.nobody = !connected && ((late && in_time) || error.code == errc::infrastructure);
            error.execution = Execution::not_started;  // of the job that all this is for
            error.retryable = (error.retryable || late) && !visit.nobody && !(late && once_if_late);
        }
        const auto delay = schedule.after(error, visit.reach.environment->jitter());
        if (!delay || *delay >= time_left(visit.deadline)) co_return error;
        const bool waited = co_await wait_for(*delay);
        if (!waited) co_return failure(errc::cancelled, "cancelled between two requests to the metadata service");
    }
}

// Keeps a token for what the service says, less a minute, and never for longer than it was asked for.
BLUEPRINT_FAAS_COLD inline std::chrono::seconds life_of(const HttpResponse& answer) {
    const auto text = answer.headers.get("x-aws-ec2-metadata-token-ttl-seconds").value_or("");
    std::int64_t seconds = token_life.count();
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failed != std::errc{} || end != text.data() + text.size()) seconds = token_life.count();
    seconds = std::clamp<std::int64_t>(seconds, 0, token_life.count());
    return std::chrono::seconds{seconds - std::min<std::int64_t>(60, seconds / 4)};
}

// Returns the token of the session, kept or asked for; an empty one means that the service is asked as version 1.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Secret>> session_token(Visit& visit) {
    const auto now = visit.reach.environment->now();
    Secret kept = visit.memory->kept_token(now);
    if (!kept.empty()) co_return kept;
    HttpRequest request = request_of(visit, Verb::put, "/latest/api/token");
    request.headers.set("x-aws-ec2-metadata-token-ttl-seconds", std::to_string(token_life.count()));
    auto answer = co_await exchange(visit, std::move(request), visit.v1_allowed);
    static constexpr std::string_view no_v1 =
        "; version 1 of the service is not used, because AWS_EC2_METADATA_V1_DISABLED is true";
    if (!answer) {
        Error error = std::move(answer).error();
        if (error.code != errc::timed_out || visit.nobody) co_return error;
        if (visit.v1_allowed && time_left(visit.deadline).count() > 0) co_return Secret{};
        error.message +=
            "; in a container the answer with the token is lost if the instance's hop limit "
            "(HttpPutResponseHopLimit) is 1: set it to 2";
        if (!visit.v1_allowed) error.message.append(no_v1);
        co_return error;
    }
    if (answer->status == 403 || answer->status == 404 || answer->status == 405) {
        if (visit.v1_allowed) co_return Secret{};
        Error error = status_error(*answer, "the request for a session token");
        error.message.append(no_v1);
        co_return error;
    }
    if (answer->status != 200) co_return status_error(*answer, "the request for a session token");
    const Secret body{std::move(answer->body)};
    Secret token = trimmed(body.reveal());
    const bool sendable = token.reveal().find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
    if (token.empty() || !sendable)
        co_return failure(errc::serialization, "the session token that it gave is empty or more than one line");
    visit.memory->keep_token(token, now + life_of(*answer));
    co_return token;
}

// Asks for what is at `path`, with a new session token if the service does not take the kept one any more.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<HttpResponse>> get(Visit& visit, std::string path) {
    for (bool renewed = false;; renewed = true) {
        auto token = co_await session_token(visit);
        if (!token) co_return std::move(token).error();
        HttpRequest request = request_of(visit, Verb::get, path);
        if (!token->empty()) request.headers.set("x-aws-ec2-metadata-token", token->reveal());
        auto answer = co_await exchange(visit, std::move(request), false);
        if (!answer || answer->status != 401) co_return std::move(answer);
        if (renewed || token->empty()) {
            Error error = status_error(*answer, path);
            error.message += token->empty() ? "; the instance wants a session token, and the answer with it is lost: "
                                              "set its hop limit (HttpPutResponseHopLimit) to 2"
                                            : "; it takes no session token of its own";
            co_return error;
        }
        visit.memory->drop_token(*token);
    }
}

BLUEPRINT_FAAS_COLD inline bool ends_soon(const aws::TimedCredentials& credentials, Time now) {
    return credentials.expires && *credentials.expires - now < std::chrono::minutes{15};
}

// Credentials near their end are given as if they ended later, so that they are used, and asked for again in a while
// that differs from one machine to the next.
BLUEPRINT_FAAS_COLD inline aws::Search lasting(aws::TimedCredentials credentials, Time now, double jitter) {
    if (ends_soon(credentials, now)) {
        const std::chrono::duration<double, std::ratio<60>> spread{2 + 8 * jitter};
        credentials.expires =
            now + std::chrono::minutes{15} + std::chrono::duration_cast<std::chrono::milliseconds>(spread);
    }
    aws::Search search;
    search.found = std::move(credentials);
    return search;
}

BLUEPRINT_FAAS_COLD inline result<std::string> role_in(const std::string& body) {
    const auto text = trimmed(body);
    const auto role = trimmed(text.substr(0, text.find('\n')));
    // Source: AWS IAM API Reference, "CreateRole", RoleName.
    const bool good = role.size() <= 64 && std::all_of(role.begin(), role.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                 std::string_view{"_+=,.@-"}.find(c) != std::string_view::npos;
                      });
    if (!good) return failure(errc::serialization, "what it gave as the name of the role is none");
    return std::string{role};
}

BLUEPRINT_FAAS_COLD inline result<aws::TimedCredentials> read(const HttpResponse& answer, const std::string& role) {
    auto told = metadata::read_answer(answer.body);
    const bool success = told.code.empty() || told.code == "Success";
    if (told.complete && success) return std::move(told.timed);
    Error error = failure(errc::serialization, "it gave no credentials of the role '" + role + "'");
    error.http_status = answer.status;
    if (!success) {
        error.code = errc::authentication;
        error.platform_code = told.code;
        error.message += " (" + told.code + ")";
    }
    if (!told.told.empty()) error.message += ": " + told.told;
    error.message += success ? ", but something else" : "; check the role of the instance and whom it trusts";
    return error;
}

// Says what follows when the service fails: its last credentials if they are near their end, else the failure.
// Credentials that are good for longer are with whoever asked for them.
BLUEPRINT_FAAS_COLD inline result<aws::Search> after(const Visit& visit, Error error) {
    const auto now = visit.reach.environment->now();
    const Secret token = visit.memory->kept_token(now);  // what the service tells of a request may hold it
    redact(error.message, token.reveal());
    redact(error.platform_code, token.reveal());
    const bool passing = error.code == errc::infrastructure || error.code == errc::timed_out ||
                         error.code == errc::throttled || error.code == errc::serialization;
    auto last = visit.memory->kept();
    if (passing && last && ends_soon(*last, now))
        return lasting(std::move(*last), now, visit.reach.environment->jitter());
    if (visit.nobody) return metadata::not_here("nobody is there to answer: " + error.message);
    return error;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<aws::Search>> find(aws::Reach reach,
                                                                     aws::credentials::InstanceMetadataOptions options,
                                                                     std::shared_ptr<Memory> memory,
                                                                     Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto planned = plan(std::move(reach), options, std::move(memory), deadline);
    if (!planned) co_return std::move(planned).error();
    Visit& visit = *planned;
    if (visit.disabled) co_return metadata::not_here("AWS_EC2_METADATA_DISABLED is true");
    auto roles = co_await get(visit, std::string{roles_path});
    if (!roles) co_return after(visit, std::move(roles).error());
    if (roles->status != 200 && roles->status != 404)
        co_return after(visit, status_error(*roles, "the question for the instance's role"));
    auto role = role_in(roles->status == 200 ? roles->body : std::string{});
    if (!role) co_return after(visit, std::move(role).error());
    if (role->empty()) {
        visit.memory->keep(std::nullopt);
        co_return metadata::not_here("the instance has no role");
    }
    auto answer = co_await get(visit, std::string{roles_path} + *role);
    if (!answer) co_return after(visit, std::move(answer).error());
    if (answer->status != 200)
        co_return after(visit, status_error(*answer, "the question for credentials of the role '" + *role + "'"));
    auto credentials = read(*answer, *role);
    wipe(answer->body);
    if (!credentials) co_return after(visit, std::move(credentials).error());
    visit.memory->keep(*credentials);
    const auto& environment = *visit.reach.environment;
    co_return lasting(std::move(*credentials), environment.now(), environment.jitter());
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<std::optional<std::string>>> region(
    aws::Reach reach, aws::credentials::InstanceMetadataOptions options, std::shared_ptr<Memory> memory,
    Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto planned = plan(std::move(reach), options, std::move(memory), deadline);
    if (!planned) co_return std::move(planned).error();
    Visit& visit = *planned;
    if (visit.disabled) co_return std::optional<std::string>{};
    auto answer = co_await get(visit, "/latest/meta-data/placement/region");
    const bool by_zone = answer && answer->status == 404;  // as services of before 2020 answer
    if (by_zone) answer = co_await get(visit, "/latest/meta-data/placement/availability-zone");
    if (!answer && visit.nobody) co_return std::optional<std::string>{};
    if (!answer) co_return std::move(answer).error();
    if (answer->status != 200) co_return status_error(*answer, "the question for the region");
    std::string region{trimmed(answer->body)};
    if (by_zone && !region.empty()) region.pop_back();
    const bool good =
        !region.empty() && region.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    if (!good) co_return failure(errc::serialization, "what the metadata service gave as the region is none");
    co_return std::optional<std::string>{std::move(region)};
}

}  // namespace blueprint::faas::detail::instance_metadata

namespace blueprint::faas::aws::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL InstanceMetadata::InstanceMetadata(InstanceMetadataOptions options)
    : options_{options}, memory_{std::make_shared<faas::detail::instance_metadata::Memory>()} {}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<Search>> InstanceMetadata::find(
    const Reach& reach, Deadline deadline) const {
    return faas::detail::instance_metadata::find(reach, options_, memory_, deadline);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<std::optional<std::string>>> InstanceMetadata::region(
    const Reach& reach, Deadline deadline) const {
    return faas::detail::instance_metadata::region(reach, options_, memory_, deadline);
}

}  // namespace blueprint::faas::aws::credentials
BLUEPRINT_FAAS_COROUTINES_END

#endif
