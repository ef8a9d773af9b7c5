#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_EXCHANGES_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_EXCHANGES_HPP

#include "blueprint/faas/codec/impl/poll_pause.hpp"
#include "blueprint/faas/codec/impl/warm_calls.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/codec/openwhisk_action.hpp"
#include "blueprint/faas/codec/openwhisk_api.hpp"
#include "blueprint/faas/codec/openwhisk_calls.hpp"
#include "blueprint/faas/deployment.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// What the program of an action says of itself, and the call by which it was asked.
struct OpenWhiskWord {
    Health health{};
    std::string activation{};  ///< the call's id, as far as the platform told it
};

/// The exchanges with OpenWhisk's API that the operations on actions share, over a link `L`. The credential is in the
/// requests; one that is refused is looked up anew, and the request sent once more. `Caller` knows where the actions
/// are, and asks `LookUp` when it does not. All that it refers to outlives it, and it outlives its awaitables.
template <class L, class Caller, class LookUp>
class OpenWhiskExchanges {
    using Step = DeployProgress::Step;

public:
    OpenWhiskExchanges(const OpenWhiskApi& api, const Caller& caller, L& link, LookUp look_up,
                       const DeployObserver& observer)
        : api_{api}, caller_{caller}, link_{link}, look_up_{std::move(look_up)}, observer_{observer} {}
    OpenWhiskExchanges(const OpenWhiskExchanges&) = delete;
    OpenWhiskExchanges& operator=(const OpenWhiskExchanges&) = delete;

    const OpenWhiskApi& api() const noexcept { return api_; }
    const OpenWhiskActionOptions& options() const noexcept { return api_.options(); }
    L& link() const noexcept { return link_; }
    /// Where the last request went to.
    const OpenWhiskAccess& used() const noexcept { return used_; }
    PollPause pause() const { return {options().first_poll, options().max_poll}; }

    void tell(Step step, std::string detail, std::uint64_t bytes_total = 0) const {
        if (observer_) observer_(DeployProgress{step, std::move(detail), 0, bytes_total});
    }
    /// Has the observer told how far an upload has gone.
    void watch_upload(HttpRequest& request, std::string detail) const {
        if (!observer_) return;
        request.upload_progress = [&observer = observer_, detail = std::move(detail)](std::uint64_t sent,
                                                                                      std::uint64_t total) {
            observer(DeployProgress{Step::uploading, detail, sent, total});
        };
    }

    /// Finds out where the actions are, if that is not known.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> reach() {
        auto access = co_await caller_.access(link_, look_up_);
        if (!access) co_return std::move(access).error();
        used_ = std::move(*access);
        co_return result<void>{};
    }
    /// Sends what `make(access)` writes, which may be sent twice.
    template <class Make>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(Make make) {
        return ask(std::move(make), &OpenWhiskApi::judge);
    }
    /// The same with another meaning of answers.
    template <class Make>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(Make make, JudgeAnswer judge) {
        for (bool again = false;; again = true) {
            auto reached = co_await reach();
            if (!reached) co_return std::move(reached).error();
            HttpRequest request = make(std::as_const(used_));
            const purpose::Invocation credential_is_there{};
            auto answer = co_await link_.exchange(request, credential_is_there, Repeat::safe, judge);
            if (answer || again || !caller_.outdated(used_, answer.error())) co_return answer;
        }
    }

    /// Tells whether the API says that what it was asked for is not there (C11). A namespace that is not there is
    /// another thing, and no answer of this API.
    static bool is_absent(const Error& error) noexcept {
        return error.code == errc::not_found && error.http_status == 404;
    }
    /// Reads the action; nothing if there is none. That there is no namespace is `errc::not_found`.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<OpenWhiskAction>>> find(JobId id) {
        const auto look = [this, id](const OpenWhiskAccess& access) { return api_.get_action(access, id); };
        auto answer = co_await ask(look);
        if (!answer && is_absent(answer.error())) co_return std::optional<OpenWhiskAction>{};
        if (!answer) co_return std::move(answer).error();
        auto action = OpenWhiskActions::read_action(*answer);
        if (!action) co_return std::move(action).error();
        co_return std::optional<OpenWhiskAction>{std::move(*action)};
    }
    /// Asks what the host offers, which it tells anybody.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<OpenWhiskOffer>> offer(bool at_api_root) {
        auto reached = co_await reach();
        if (!reached) co_return std::move(reached).error();
        auto request = api_.get_offer(used_, at_api_root);
        const purpose::Invocation nobody{};
        auto answer = co_await link_.exchange(request, nobody, Repeat::safe, &OpenWhiskApi::judge);
        if (!answer) co_return std::move(answer).error();
        co_return OpenWhiskActions::read_offer(*answer);
    }
    /// Asks the action's program, which runs no job.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<OpenWhiskWord>> ask_program(JobId id) {
        const auto call = [this, id](const OpenWhiskAccess& access) {
            return caller_.calls().health_request(access, id);
        };
        auto answer = co_await ask(call, &OpenWhiskCalls::judge);
        if (!answer) co_return std::move(answer).error();
        OpenWhiskWord word;
        word.health = OpenWhiskCalls::read_health(*answer);
        word.activation = OpenWhiskCalls::activation_id(*answer);
        co_return word;
    }
    /// Completes `text` by what the call wrote to its log. That there is none, or none to be had, changes nothing.
    BLUEPRINT_FAAS_COLD asio::awaitable<std::string> with_log(std::string text, std::string activation) {
        if (activation.empty()) co_return text;
        text += "; activation " + activation;
        auto log = co_await caller_.logs(link_, used_, activation);
        if (log && !log->empty()) text += ", its log: " + *log;
        co_return text;
    }

    /// Makes as many marked calls at once as keep `wanted` instances busy, at most 100, and counts the instances that
    /// answered.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(JobId id, std::uint32_t wanted) {
        for (bool again = false;; again = true) {
            auto reached = co_await reach();
            if (!reached) co_return std::move(reached).error();
            WarmReport report;
            const auto number = warming_calls(wanted, options().instance_calls, report);
            auto request = caller_.calls().warm_request(used_, id);
            auto warming = warm_at_once(link_, std::move(request), std::string{}, number, &OpenWhiskCalls::judge,
                                        &OpenWhiskCalls::read_warmed, std::move(report));
            auto warmed = co_await std::move(warming);
            if (warmed || again || !caller_.outdated(used_, warmed.error())) co_return warmed;
        }
    }

    /// Waits; an error tells what for. Whoever waits keeps the text.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> wait(std::chrono::milliseconds length,
                                                           std::string_view what_for) {
        auto waited = co_await link_.wait(length);
        if (waited) co_return waited;
        Error error = std::move(waited).error();
        add_reason(error, what_for);
        co_return error;
    }

private:
    const OpenWhiskApi& api_;
    const Caller& caller_;
    L& link_;
    LookUp look_up_;
    const DeployObserver& observer_;
    OpenWhiskAccess used_{};
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
