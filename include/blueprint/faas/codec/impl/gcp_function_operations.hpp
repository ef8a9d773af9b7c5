#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_FUNCTION_OPERATIONS_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_FUNCTION_OPERATIONS_HPP

#include "blueprint/faas/codec/gcp_functions_api.hpp"
#include "blueprint/faas/codec/impl/gcp_exchanges.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// The operations on a function that is there: looking, removing, checking. All that it refers to outlives it, and it
/// outlives its awaitables.
template <class L>
class GoogleFunctionOperations {
    using Step = DeployProgress::Step;

public:
    GoogleFunctionOperations(GoogleExchanges<L>& exchanges, const GoogleFunctions& functions)
        : exchanges_{exchanges}, functions_{functions} {}
    GoogleFunctionOperations(const GoogleFunctionOperations&) = delete;
    GoogleFunctionOperations& operator=(const GoogleFunctionOperations&) = delete;

    /// Reads the function; nothing if there is none. Only the API's own word for that counts (C11): every other failure
    /// is an error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<GoogleFunction>>> look() {
        auto request = functions_.get(exchanges_.id());
        auto answer = co_await exchanges_.ask(request);
        if (!answer && answer.error().code == errc::not_found) co_return std::optional<GoogleFunction>{};
        if (!answer) co_return std::move(answer).error();
        auto function = GoogleFunctions::read_function(*answer);
        if (!function) co_return std::move(function).error();
        if (function->first_generation) co_return first_generation();
        co_return std::optional<GoogleFunction>{std::move(*function)};
    }
    /// Looks until Google has finished what it is at.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<GoogleFunction>>> settled() {
        GooglePause pause{exchanges_.options()};
        for (;;) {
            auto function = co_await look();
            if (!function || !*function || !(*function)->is_changing()) co_return function;
            const auto what_for = (*function)->status();
            exchanges_.tell(Step::waiting, what_for);
            auto waited = co_await exchanges_.wait(pause, what_for);
            if (!waited) co_return std::move(waited).error();
        }
    }
    /// The same of one that has to be there.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<GoogleFunction>> needed() {
        auto function = co_await look();
        if (!function) co_return std::move(function).error();
        if (!*function) co_return absent();
        co_return std::move(**function);
    }
    /// Where its calls go; one that cannot be called yet is an error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<GoogleAddress>> address() {
        auto function = co_await needed();
        if (!function) co_return std::move(function).error();
        co_return address_of(*function);
    }
    result<GoogleAddress> address_of(const GoogleFunction& function) const {
        if (function.uri.empty())
            return Error{
                .code = errc::invocation_failed,
                .message = exchanges_.name() + " has no URL: " + function.status() + "; deploy the job, or wait",
                .execution = Execution::not_started};
        return GoogleCalls::address(function.uri);
    }

    /// Removes the function; that it is absent is no error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove() {
        static constexpr int most_rounds = 20;
        GooglePause pause{exchanges_.options()};
        auto request = functions_.remove(exchanges_.id());
        for (int round = 1;; ++round) {
            auto done = co_await exchanges_.change(GoogleService::functions, request);
            if (done) co_return done;
            const Error cause = std::move(done).error();
            if (cause.code == errc::not_found) co_return result<void>{};
            // It is being changed, or being removed already, perhaps by the first attempt of this request.
            if (cause.code != errc::conflict || round == most_rounds) co_return cause;
            exchanges_.tell(Step::waiting, cause.message);
            auto waited = co_await exchanges_.wait(pause, cause.message);
            if (!waited) co_return waited;
            auto there = co_await settled();
            if (!there) co_return std::move(there).error();
            if (!*there) co_return result<void>{};
        }
    }

    /// Tells whether a call would run now (C12): the function's state, then its own answer.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health() {
        auto function = co_await look();
        if (!function) co_return std::move(function).error();
        Health health;
        if (!*function) {
            health.state = HealthState::absent;
            health.reason = "there is no function " + exchanges_.name();
            co_return health;
        }
        if (!(*function)->is_active()) {
            health.state = (*function)->is_changing() ? HealthState::deploying : HealthState::unhealthy;
            health.reason = (*function)->status();
            co_return health;
        }
        auto address = address_of(**function);
        if (!address) co_return std::move(address).error();
        co_return co_await exchanges_.health(std::move(*address));
    }

    /// Asks whether the one who asks may call.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> check_invoke() {
        auto function = co_await needed();
        if (!function) co_return std::move(function).error();
        auto allowed = co_await exchanges_.may_invoke(function->service);
        if (!allowed) co_return std::move(allowed).error();
        if (!*allowed) co_return exchanges_.may_not_invoke();
        co_return result<void>{};
    }

private:
    Error absent() const {
        return Error{.code = errc::not_found,
                     .message = "there is no function " + exchanges_.name() +
                                "; deploy the job first, and check project, region and prefix",
                     .execution = Execution::not_started};
    }
    Error first_generation() const {
        return Error{.code = errc::conflict,
                     .message = exchanges_.name() +
                                " is a function of the 1st generation, which this library does not run; remove it, or "
                                "choose another prefix",
                     .execution = Execution::not_started};
    }

    GoogleExchanges<L>& exchanges_;
    const GoogleFunctions& functions_;
};

/// Lists the functions that are jobs.
template <class L>
BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list_google_functions(
    const GoogleFunctions& functions, L& link) {
    std::vector<FaasDeployment> jobs;
    std::string token;
    do {
        auto request = functions.list(token);
        const purpose::ControlPlane management;
        auto answer = co_await link.exchange(request, management, Repeat::safe, &GoogleApi::judge);
        if (!answer) co_return std::move(answer).error();
        auto page = GoogleFunctions::read_page(*answer);
        if (!page) co_return std::move(page).error();
        if (!page->unreachable.empty())
            co_return Error{
                .code = errc::infrastructure,
                .message = "Google cannot list the functions of " + page->unreachable + " now; try again later",
                .retryable = true,
                .execution = Execution::not_started};
        for (const auto& function : page->functions) {
            const auto id = functions.api().job_of(function.name);
            if (id && !function.first_generation) jobs.push_back(GoogleFunctions::deployment(*id, function));
        }
        if (page->next == token) break;  // a platform that does not turn the page would be asked for ever
        token = std::move(page->next);
    } while (!token.empty());
    co_return jobs;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
