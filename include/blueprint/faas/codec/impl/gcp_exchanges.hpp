#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_EXCHANGES_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_EXCHANGES_HPP

#include "blueprint/faas/codec/gcp_api.hpp"
#include "blueprint/faas/codec/gcp_calls.hpp"
#include "blueprint/faas/codec/impl/poll_pause.hpp"
#include "blueprint/faas/codec/impl/warm_calls.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/deployment.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

class GooglePause : public PollPause {
public:
    explicit GooglePause(const GoogleCloudOptions& options) : PollPause{options.first_poll, options.max_poll} {}
};

inline PlannedCall planned_google_call(const HttpRequest& request, std::string why, bool writes) {
    return {.what = std::string{to_string(request.verb)} + ' ' + to_string(request.origin) + request.target,
            .why = std::move(why),
            .writes = writes};
}

/// The exchanges that operations on functions and on services share, over a link `L`. All that it refers to outlives
/// it, and it outlives its awaitables.
template <class L>
class GoogleExchanges {
    using Step = DeployProgress::Step;

public:
    GoogleExchanges(const GoogleApi& api, const GoogleCalls& calls, L& link, JobId id,
                    const DeployObserver& observer) noexcept
        : api_{api}, calls_{calls}, link_{link}, id_{id}, observer_{observer} {}
    GoogleExchanges(const GoogleExchanges&) = delete;
    GoogleExchanges& operator=(const GoogleExchanges&) = delete;

    const GoogleApi& api() const noexcept { return api_; }
    const GoogleCalls& calls() const noexcept { return calls_; }
    const GoogleCloudOptions& options() const noexcept { return api_.options(); }
    L& link() const noexcept { return link_; }
    JobId id() const noexcept { return id_; }
    /// "blueprint-job-0".
    std::string name() const { return api_.id_of(id_); }

    void tell(Step step, std::string detail, std::uint64_t bytes_total = 0) const {
        if (observer_) observer_(DeployProgress{step, std::move(detail), 0, bytes_total});
    }
    /// Has the observer told how far an upload has gone; `before` of `whole` bytes went in other requests.
    void watch_upload(HttpRequest& request, std::string detail, std::uint64_t before = 0,
                      std::uint64_t whole = 0) const {
        if (!observer_) return;
        request.upload_progress = [&observer = observer_, detail = std::move(detail), before, whole](
                                      std::uint64_t sent, std::uint64_t total) {
            observer(DeployProgress{Step::uploading, detail, before + sent, whole != 0 ? whole : total});
        };
    }

    /// Sends a request to an API that may be sent twice.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(HttpRequest& request) {
        const purpose::ControlPlane management;
        return link_.exchange(request, management, Repeat::safe, &GoogleApi::judge);
    }
    /// The same with another meaning of answers.
    template <class Judge>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(HttpRequest& request, Judge judge) {
        const purpose::ControlPlane management;
        return link_.exchange(request, management, Repeat::safe, judge);
    }
    /// Asks for a change and waits for its end (G4). Where Google lacks resources for it, it is asked for again, after
    /// a pause (pitfall 15). A refusal of the request, `errc::conflict` too, is the caller's to deal with.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> change(GoogleService service, HttpRequest& request) {
        GooglePause pause{options()};
        for (;;) {
            auto done = co_await change_once(service, request);
            if (done) co_return done;
            const Error cause = std::move(done).error();
            if (!cause.retryable) co_return cause;
            tell(Step::waiting, "Google lacks resources for the change: " + cause.message);
            auto waited = co_await wait(pause, cause.message);
            if (!waited) co_return waited;
        }
    }
    /// The same without asking again: for what leaves something behind when it fails. Of a lack of resources the error
    /// is `retryable`, of nothing else.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> change_once(GoogleService service, HttpRequest& request) {
        auto answer = co_await ask(request);
        if (answer) co_return co_await await_operation(service, std::move(*answer));
        Error refused = std::move(answer).error();
        refused.retryable = false;
        co_return refused;
    }
    /// Looks at the operation that a change was answered with until it has ended. A look that fails for a reason that
    /// may pass does not end it. Only of an operation that failed for a lack of resources the error is `retryable`.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> await_operation(GoogleService service, HttpResponse begun) {
        auto operation = GoogleApi::read_operation(begun);
        if (!operation) co_return std::move(operation).error();
        auto look = api_.operation(service, operation->name);
        GooglePause pause{options()};
        std::string what_for = operation->progress;
        while (!operation->done) {
            if (what_for.empty()) what_for = "Google is making the change";
            tell(Step::waiting, what_for);
            auto waited = co_await wait(pause, what_for);
            if (!waited) co_return std::move(waited).error();
            auto answer = co_await ask(look);
            if (answer) {
                operation = GoogleApi::read_operation(*answer);
                if (!operation) co_return std::move(operation).error();
                what_for = operation->progress;
            } else if (answer.error().retryable) {
                what_for = "it cannot be seen how the change goes on: " + answer.error().message;
            } else {
                co_return std::move(answer).error();
            }
        }
        if (operation->failed) co_return named(std::move(*operation->failed));
        co_return result<void>{};
    }
    /// Waits; an error tells what for. Whoever waits keeps the text.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> wait(GooglePause& pause, std::string_view what_for) {
        const auto length = pause.next();
        auto waited = co_await link_.wait(length);
        if (!waited) {
            Error error = std::move(waited).error();
            add_reason(error, name() + ": " + std::string{what_for});
            co_return error;
        }
        co_return waited;
    }

    /// Gives the callers of the options the role on the Cloud Run service (G7, pitfall 5), and tells whether any lacked
    /// it. A policy that somebody else changed meanwhile is read and changed anew.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> bind_invokers(std::string service) {
        static constexpr int most_rounds = 8;
        if (options().invokers.empty()) co_return false;
        GooglePause pause{options()};
        for (int round = 1;; ++round) {
            auto look = api_.get_policy(service);
            auto policy = co_await ask(look);
            if (!policy) co_return std::move(policy).error();
            auto body = GoogleApi::add_invokers(*policy, options().invokers);
            if (!body) co_return std::move(body).error();
            if (!*body) co_return round > 1;  // a repeated request may have met its own first attempt
            tell(Step::waiting, "callers are given the role roles/run.invoker");
            auto write = api_.set_policy(service, std::move(**body));
            auto written = co_await ask(write);
            if (written) co_return true;
            Error error = std::move(written).error();
            if (error.code != errc::conflict || round == most_rounds) {
                if (error.platform_code == "FAILED_PRECONDITION")
                    add_reason(error,
                               "the organisation's policies may forbid these members of GoogleCloudOptions::invokers");
                error.message.insert(0, name() + " is deployed, and who may call was not set: ");
                co_return error;
            }
            auto waited = co_await wait(pause, error.message);
            if (!waited) co_return std::move(waited).error();
        }
    }
    /// Tells whether the one who asks may call.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> may_invoke(std::string service) {
        auto request = api_.test_invoker(service);
        auto answer = co_await ask(request);
        if (!answer) co_return std::move(answer).error();
        co_return GoogleApi::read_invoker_test(*answer);
    }
    Error may_not_invoke() const {
        return Error{.code = errc::authentication,
                     .message = name() +
                                " is there, and whoever deploys may not call it: name the callers in "
                                "GoogleCloudOptions::invokers, such as serviceAccount:EMAIL",
                     .platform_code = "PERMISSION_DENIED",
                     .execution = Execution::not_started};
    }

    /// Makes sure of who may call, and then that the service answers (C8); tells whether the policy was changed.
    /// `written`: the service was just made or changed. If the callers are others than the one who deploys, its answer
    /// is not asked for, and neither is it where `ingress` may not let this network in.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> open(std::string service, GoogleAddress address, bool written) {
        auto bound = co_await bind_invokers(service);
        if (!bound) co_return bound;
        const bool others = !options().invokers.empty();
        if (written || *bound) {
            auto allowed = co_await allowed_by_now(service, *bound);
            if (!allowed) co_return allowed;
            if (!*allowed && !others) co_return may_not_invoke();
            if (!*allowed) {
                tell(Step::waiting, "whether it answers is not seen: whoever deploys is not among the callers");
                co_return bound;
            }
        }
        if (options().ingress != "INGRESS_TRAFFIC_ALL") co_return bound;
        auto answered = co_await answers(std::move(address), written || *bound);
        if (answered) co_return bound;
        Error error = std::move(answered).error();
        if (error.code == errc::authentication && others) {
            tell(Step::waiting, "whether it answers is not seen: " + error.message);
            co_return bound;
        }
        if (error.code != errc::cancelled && error.code != errc::timed_out)
            error.message.insert(0, name() + " is deployed and does not answer: ");
        co_return error;
    }

    /// Asks the function itself. Absent and unhealthy are answers; only what does not come from there is an error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health(GoogleAddress address) {
        auto answer = co_await ask_service(std::move(address));
        if (answer) co_return GoogleCalls::read_health(*answer);
        Error error = std::move(answer).error();
        if (error.http_status == 0) co_return error;
        Health health;
        health.state = HealthState::unhealthy;
        health.reason = std::move(error.message);
        co_return health;
    }

    /// Makes `wanted` marked calls at once, each of which keeps an instance busy for a moment, and counts the instances
    /// that answered.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(GoogleAddress address, std::uint32_t wanted) {
        WarmReport report;
        const auto number = warming_calls(wanted, options().instance_concurrency, report);
        auto request = calls_.warm_request(address);
        auto warming = warm_at_once(link_, std::move(request), std::move(address.audience), number, &GoogleCalls::judge,
                                    &GoogleCalls::read_warmed, std::move(report));
        co_return co_await std::move(warming);
    }

    /// Makes the error of somebody else's change.
    Error conflict(Error cause, const std::string& what) const {
        cause.code = errc::conflict;
        cause.message = name() + ": " + what + "; somebody else is deploying it, and that one goes ahead" +
                        (cause.message.empty() ? "" : " (" + cause.message + ')');
        cause.retryable = false;
        cause.execution = Execution::not_started;
        return cause;
    }
    Error named(Error error) const {
        error.message.insert(0, name() + ": ");
        return error;
    }

private:
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask_service(GoogleAddress address) {
        auto request = calls_.health_request(address);
        const purpose::Invocation invocation{address.audience};
        auto answer = co_await link_.exchange(request, invocation, Repeat::safe, &GoogleCalls::judge);
        co_return answer;
    }
    // A policy that was just changed takes a while to be known everywhere.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> allowed_by_now(std::string service, bool just_changed) {
        static constexpr int most_looks = 5;
        GooglePause pause{options()};
        for (int looks = 1;; ++looks) {
            auto allowed = co_await may_invoke(service);
            if (!allowed || *allowed || !just_changed || looks == most_looks) co_return allowed;
            auto waited = co_await wait(pause, "the change of who may call is not known everywhere yet");
            if (!waited) co_return std::move(waited).error();
        }
    }
    // The same holds for the address of a new service, and for what it answers to callers who were just allowed.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> answers(GoogleAddress address, bool just_changed) {
        static constexpr int most_looks = 30;
        static constexpr int most_failures = 3;
        GooglePause pause{options()};
        for (int looks = 1, failures = 1;; ++looks) {
            auto answer = co_await ask_service(address);
            if (answer) co_return result<void>{};
            Error error = std::move(answer).error();
            // A program that is not ours may know nothing of this question, and so answers.
            if (error.code == errc::unsupported || error.code == errc::invalid_configuration) co_return result<void>{};
            const bool spreading = error.http_status == 403 || error.http_status == 404;
            if (!just_changed || error.http_status == 0 || looks == most_looks) co_return error;
            if (!spreading && failures++ == most_failures) co_return error;
            tell(Step::waiting, "it does not answer yet: " + error.message);
            auto waited = co_await wait(pause, error.message);
            if (!waited) co_return waited;
        }
    }

    const GoogleApi& api_;
    const GoogleCalls& calls_;
    L& link_;
    JobId id_;
    const DeployObserver& observer_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
