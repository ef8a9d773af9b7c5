#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_OPERATIONS_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_OPERATIONS_HPP

#include "blueprint/faas/codec/impl/openwhisk_exchanges.hpp"
#include "blueprint/faas/codec/openwhisk_runtimes.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Puts the action's name before what went wrong with it.
BLUEPRINT_FAAS_COLD inline Error named_action(std::string_view name, Error error) {
    error.message.insert(0, ": ").insert(0, name).insert(0, "action ");
    return error;
}

/// Tells a platform's limits: those that are the same for all, in which the host's own word counts.
BLUEPRINT_FAAS_COLD inline PlatformDescription describe_openwhisk(const OpenWhiskBounds& usual,
                                                                  const OpenWhiskOffer& offer,
                                                                  const OpenWhiskActionOptions& options) {
    const auto bounds = with_offer(usual, offer);
    PlatformDescription out;
    out.spec = "v1";  // of OpenWhisk's API
    out.features = {"async", "list", "warm", "plan"};
    for (const auto& [family, kinds] : offer.families)
        for (const auto& one : kinds)
            if (!one.deprecated) out.features.push_back(one.kind);
    const auto add = [&out](std::string_view name, std::uint64_t value) {
        if (value != 0) out.limits.emplace_back(name, value);
    };
    // The job's bytes are Base64 in a body of that size.
    add("request_bytes", options.max_body_bytes);
    add("response_bytes", options.max_body_bytes);
    add("package_bytes", bounds.zip_bytes);
    add("memory_mb.min", bounds.min_memory_mib);
    add("memory_mb.max", bounds.max_memory_mib);
    add("timeout_secs.min", 1);
    add("timeout_secs.max", static_cast<std::uint64_t>(bounds.max_timeout.count() / 1000));
    add("blocking_wait_secs", static_cast<std::uint64_t>(bounds.blocking_wait.count() / 1000));
    add("calls_per_minute", bounds.calls_per_minute);
    add("concurrent_calls", bounds.concurrent_calls);
    return out;
}

/// The operations on actions that are there: looking, listing, removing, checking. `Exchanges` is an
/// OpenWhiskExchanges. All that it refers to outlives it, and it outlives its awaitables.
template <class Exchanges>
class OpenWhiskOperations {
public:
    explicit OpenWhiskOperations(Exchanges& exchanges) noexcept : exchanges_{exchanges} {}
    OpenWhiskOperations(const OpenWhiskOperations&) = delete;
    OpenWhiskOperations& operator=(const OpenWhiskOperations&) = delete;

    /// Tells of the job's action; `errc::not_found` if it is not there.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get(JobId id) {
        auto action = co_await exchanges_.find(id);
        if (!action) co_return named(id, std::move(action).error());
        if (!*action) co_return absent(id);
        co_return OpenWhiskActions::deployment(exchanges_.api(), exchanges_.used(), id, **action);
    }

    /// Lists the actions that are jobs, in the order of their ids; none if there is no such namespace or package.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list() {
        static constexpr std::uint32_t most_pages = 1000;
        std::vector<FaasDeployment> jobs;
        std::uint32_t skip = 0;
        for (std::uint32_t page = 0; page < most_pages; ++page) {
            const auto look = [this, skip](const OpenWhiskAccess& access) {
                return exchanges_.api().list_actions(access, skip);
            };
            auto answer = co_await exchanges_.ask(look);
            if (!answer && answer.error().code == errc::not_found) break;
            if (!answer) co_return std::move(answer).error();
            auto actions = OpenWhiskActions::read_actions(*answer);
            if (!actions) co_return std::move(actions).error();
            for (const auto& action : *actions) {
                const auto id = exchanges_.api().job_of(action.name);
                if (id) add(jobs, OpenWhiskActions::deployment(exchanges_.api(), exchanges_.used(), *id, action));
            }
            if (actions->size() < OpenWhiskApi::page_size) break;
            skip += static_cast<std::uint32_t>(actions->size());
        }
        std::sort(jobs.begin(), jobs.end(),
                  [](const FaasDeployment& a, const FaasDeployment& b) { return a.job_id < b.job_id; });
        co_return jobs;
    }

    /// Removes the action; that it, or all it is in, is not there is no error. The package stays, for others may use
    /// it.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove(JobId id) {
        static constexpr int most_rounds = 8;
        auto pause = exchanges_.pause();
        for (int round = 1;; ++round) {
            const auto remove = [this, id](const OpenWhiskAccess& access) {
                return exchanges_.api().delete_action(access, id);
            };
            auto answer = co_await exchanges_.ask(remove);
            if (answer) co_return result<void>{};
            Error error = std::move(answer).error();
            if (error.code == errc::not_found) co_return result<void>{};
            if (!OpenWhiskApi::is_concurrent_change(error) || round == most_rounds)
                co_return named(id, std::move(error));
            auto waited = co_await exchanges_.wait(pause.next(), error.message);
            if (!waited) co_return named(id, std::move(waited).error());
        }
    }

    /// Tells whether a call would run now (C12): the action is there, and its program answers.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health(JobId id) {
        auto action = co_await exchanges_.find(id);
        if (!action && action.error().code == errc::not_found)
            co_return Health{.state = HealthState::absent, .reason = std::move(action).error().message};
        if (!action) co_return named(id, std::move(action).error());
        if (!*action) co_return Health{.state = HealthState::absent, .reason = absent(id).message};
        auto word = co_await exchanges_.ask_program(id);
        if (!word && word.error().http_status == 0) co_return named(id, std::move(word).error());
        if (!word) co_return Health{.state = HealthState::unhealthy, .reason = std::move(word).error().message};
        if (word->health.state == HealthState::unhealthy)
            word->health.reason =
                co_await exchanges_.with_log(std::move(word->health.reason), std::move(word->activation));
        co_return std::move(word->health);
    }

    /// Asks whether the job may be called: the action takes a call with this credential, and its program answers.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> check(JobId id) {
        auto word = co_await exchanges_.ask_program(id);
        if (!word) co_return named(id, std::move(word).error());
        if (word->health.state != HealthState::unhealthy) co_return result<void>{};
        auto why = co_await exchanges_.with_log(std::move(word->health.reason), word->activation);
        co_return named(
            id, Error{.code = errc::invocation_failed, .message = std::move(why), .execution = Execution::not_started});
    }

    Error absent(JobId id) const {
        const auto& access = exchanges_.used();
        return Error{.code = errc::not_found,
                     .message = "there is no action " + exchanges_.api().action(id) + " in the namespace " +
                                (access.name_space == "_" ? std::string{"of the credential"} : access.name_space) +
                                " at " + to_string(access.api.origin) +
                                "; deploy the job first, and check namespace, package and prefix",
                     .platform_code = "NOT_FOUND",
                     .execution = Execution::not_started};
    }
    Error named(JobId id, Error error) const { return named_action(exchanges_.api().action(id), std::move(error)); }

private:
    // An action that was made while pages are turned moves others to the next page.
    static void add(std::vector<FaasDeployment>& jobs, FaasDeployment one) {
        const auto same = [&one](const FaasDeployment& other) { return other.job_id == one.job_id; };
        if (std::none_of(jobs.begin(), jobs.end(), same)) jobs.push_back(std::move(one));
    }

    Exchanges& exchanges_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
