#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_CALLER_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_CALLER_HPP

#include "blueprint/faas/codec/impl/function_addresses.hpp"
#include "blueprint/faas/codec/impl/poll_pause.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/codec/openwhisk_api.hpp"
#include "blueprint/faas/codec/openwhisk_calls.hpp"
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/detail/redact.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Calls jobs as actions of one namespace, and writes their bytes as `Format`: keeps where that is and what opens it,
/// so that a warm call is one request, and the forms of requests. Where something is looked up, `look_up(link,
/// refused)` is an awaitable of `result<OpenWhiskAccess>`; `refused` is what answered 401. An access that is refused is
/// looked up anew, and the call repeated, once; one that was given is not. Usable from all threads; it outlives its
/// awaitables, and the API outlives it.
template <PayloadFormat Format>
class OpenWhiskCaller {
    static_assert(Format::is_json, "the parameters of an action are JSON: use Base64Json or JsonBytes");
    using Addresses = FunctionAddresses<OpenWhiskAccess>;
    static constexpr JobId place{0U};  // all jobs are behind the same access

public:
    /// A call that is written down: see `CanPrepare`.
    class Prepared {
    public:
        Prepared() = default;
        Prepared(const OpenWhiskCaller& caller, CallForms::Lease form, JobId job) noexcept
            : caller_{&caller}, form_{std::move(form)}, job_{job} {}
        explicit operator bool() const noexcept { return caller_ != nullptr; }
        HttpRequest& request() const noexcept { return form_->request; }
        static purpose::Invocation purpose() noexcept { return {}; }
        Repeat repeat() const noexcept { return form_->repeat; }
        static std::optional<Error> judge(const HttpResponse& answer) { return OpenWhiskCalls::judge(answer); }
        result<Invocation> finish(result<HttpResponse> answer, bool metered) const {
            // One object, made where it is returned: moving it is what a call would notice.
            result<Invocation> done = answer ? caller_->calls_.read_invocation(*answer, job_, metered)
                                             : result<Invocation>{std::move(answer).error()};
            if (!done) redact_sent(done);
            return done;
        }
        /// Tells whether the platform has answered without the call's end, or without its log, which is wanted.
        bool goes_on(const HttpResponse& answer, bool metered) const {
            return answer.status == 202 || (metered && caller_->calls_.lacks_log(answer));
        }
        bool outdated(const Error& error) const {
            if (!caller_->refuses(error)) return false;
            caller_->addresses_.spoil(place, form_->state());
            // An attempt before the refused one may have run the job, of which another exchange would know nothing.
            return error.execution == Execution::not_started;
        }
        JobId job() const noexcept { return job_; }

    private:
        friend OpenWhiskCaller;
        // A function sees what it is called with, and may tell it in its answer.
        BLUEPRINT_FAAS_COLD void redact_sent(result<Invocation>& done) const {
            Error error = std::move(done).error();
            redact(error, form_->request.headers);
            done = std::move(error);
        }

        const OpenWhiskCaller* caller_ = nullptr;
        CallForms::Lease form_{};
        JobId job_{};
    };

    /// `given`: what the options say; nothing is looked up then.
    explicit OpenWhiskCaller(const OpenWhiskApi& api, std::optional<OpenWhiskAccess> given = {})
        : api_{api},
          calls_{api.options()},
          given_{given.has_value()},
          addresses_{given ? std::map<JobId, OpenWhiskAccess>{{place, std::move(*given)}}
                           : std::map<JobId, OpenWhiskAccess>{}} {}
    OpenWhiskCaller(const OpenWhiskCaller&) = delete;
    OpenWhiskCaller& operator=(const OpenWhiskCaller&) = delete;

    const OpenWhiskCalls& calls() const noexcept { return calls_; }
    /// Keeps an access that another operation came to know.
    void keep(OpenWhiskAccess access) const { addresses_.set(place, std::move(access)); }
    void forget() const { addresses_.forget(place); }
    /// Tells whether something else than a call failed because the access was refused; it is looked up anew then.
    bool outdated(const OpenWhiskAccess& access, const Error& error) const {
        if (!refuses(error)) return false;
        addresses_.spoil(place, access);
        return true;
    }

    /// Writes the call down if the access is known; else, or if it cannot be written, `invoke` is to be asked.
    template <class L>
    Prepared prepare(L& link, const JobCall& call) const {
        auto form = forms_.take(call.job_id);
        if (!form->is_for(call.job_id, addresses_.changes())) {
            const auto known = addresses_.find(place);
            if (!known) return {};
            calls_.begin_form(*form, call.job_id, known->address, known->state);
        }
        if (write_call(*form, call, link.deadline(), link.now())) return {};
        return Prepared{*this, std::move(form), call.job_id};
    }

    /// Calls the job and waits for its end.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> invoke(L& link, const JobCall& call, LookUp look_up) const {
        for (bool again = false;; again = true) {
            bool looked_up = false;
            auto known = co_await locate(link, look_up, looked_up);
            if (!known) co_return not_started(std::move(known).error());
            auto form = forms_.take(call.job_id);
            calls_.begin_form(*form, call.job_id, known->address, known->state);
            auto wrong = write_call(*form, call, link.deadline(), link.now());
            if (wrong) co_return std::move(*wrong);
            const Prepared prepared{*this, std::move(form), call.job_id};
            auto& request = prepared.request();
            const purpose::Invocation purpose;
            const auto repeat = prepared.repeat();
            auto answer = co_await link.exchange(request, purpose, repeat, &OpenWhiskCalls::judge);
            if (answer && prepared.goes_on(*answer, true)) {
                auto done = co_await complete(link, prepared, *answer, look_up);
                co_return done;
            }
            const bool refused = !answer && prepared.outdated(answer.error());
            if (!refused || looked_up || again) co_return prepared.finish(std::move(answer), true);
        }
    }

    /// Ends a call that was answered before it was at its end: looks at its record until that is there, and gets its
    /// log if that is wanted and not in the record. `errc::timed_out` at the call's deadline: the job goes on.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> complete(L& link, const Prepared& prepared,
                                                                     const HttpResponse& answer, LookUp look_up) const {
        const auto id = OpenWhiskCalls::activation_id(answer);
        auto last = std::make_unique<result<HttpResponse>>(answer);
        if (answer.status == 202) {
            if (id.empty())
                co_return Error{.code = errc::serialization,
                                .message = "the platform has the call go on, and does not tell as which activation",
                                .http_status = answer.status,
                                .execution = Execution::started};
            auto looked = co_await wait_for_end(link, id, look_up);
            *last = std::move(looked);
        }
        if (!*last) co_return calls_.not_ended(prepared.job(), id, last->error());
        auto done = std::make_unique<result<Invocation>>(calls_.read_invocation(**last, prepared.job(), true));
        if (!*done) prepared.redact_sent(*done);
        if (calls_.lacks_log(**last)) {
            auto log = co_await log_of(link, id, look_up);
            add_log(*done, std::move(log));
        }
        co_return std::move(*done);
    }
    /// The same without looking anything up.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> complete(L& link, const Prepared& prepared,
                                                                     const HttpResponse& answer) const {
        return complete(link, prepared, answer, Nowhere{});
    }

    /// Hands the call over; the receipt has the id of its activation.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Receipt>> invoke_async(L& link, const JobCall& call,
                                                                      LookUp look_up) const {
        for (bool again = false;; again = true) {
            bool looked_up = false;
            auto known = co_await locate(link, look_up, looked_up);
            if (!known) co_return not_started(std::move(known).error());
            auto form = forms_.take(call.job_id);
            calls_.begin_form(*form, call.job_id, known->address, known->state);
            // The time that the caller has for handing over is none that the job should be held to.
            auto wrong = write_call(*form, call, Deadline::max(), link.now());
            if (wrong) co_return std::move(*wrong);
            form->request.target = calls_.target(known->address, call.job_id, false);
            const Prepared prepared{*this, std::move(form), call.job_id};
            auto& request = prepared.request();
            const purpose::Invocation purpose;
            const auto repeat = prepared.repeat();
            auto answer = co_await link.exchange(request, purpose, repeat, &OpenWhiskCalls::judge);
            if (answer) co_return calls_.read_receipt(*answer, call.job_id);
            if (!prepared.outdated(answer.error()) || looked_up || again) co_return std::move(answer).error();
        }
    }

    /// Returns where actions are and what opens them.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<OpenWhiskAccess>> access(L& link, LookUp look_up) const {
        bool looked_up = false;
        auto known = co_await locate(link, look_up, looked_up);
        if (!known) co_return std::move(known).error();
        co_return std::move(known->address);
    }

    /// Gets the end of an activation's log; empty if it has none.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::string>> logs(L& link, const OpenWhiskAccess& access,
                                                                  std::string_view id) const {
        auto request = api_.get_logs(access, id);
        request.max_response_bytes = calls_.record_bytes();
        const purpose::Invocation purpose;
        auto answer = co_await link.exchange(request, purpose, Repeat::safe, &OpenWhiskCalls::judge);
        if (!answer) co_return std::move(answer).error();
        co_return OpenWhiskCalls::read_log(*answer);
    }

private:
    // Looks nothing up, for who cannot.
    struct Nowhere {
        template <class L>
        BLUEPRINT_FAAS_COLD asio::awaitable<result<OpenWhiskAccess>> operator()(L&,
                                                                                std::optional<OpenWhiskAccess>) const {
            co_return Error{.code = errc::authentication,
                            .message = "the platform does not take the credential of the namespace any more",
                            .execution = Execution::not_started};
        }
    };

    // What was given is all there is.
    bool refuses(const Error& error) const noexcept {
        return !given_ && error.http_status == 401 && error.code == errc::authentication;
    }
    static Error not_started(Error error) {
        error.execution = Execution::not_started;
        return error;
    }

    std::optional<Error> write_call(CallForm& form, const JobCall& call, Deadline deadline, Moment now) const {
        auto& body = form.request.body.begin_text();
        if (auto wrong = calls_.begin_body(body, call, deadline, now)) return wrong;
        Format::append(body, call.args);
        body += '}';
        return calls_.end_form(form, call);
    }

    // Looks at the record of an activation until it tells the end. What goes wrong meanwhile harms nothing: the job
    // goes on; so a few failures in a row are none.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> wait_for_end(L& link, std::string id,
                                                                           LookUp look_up) const {
        static constexpr int most_failures = 3;
        PollPause pause{api_.options().first_poll, api_.options().max_poll};
        bool renewed = false;
        for (int failures = 0;;) {
            auto waited = co_await link.wait(pause.next());
            if (!waited) co_return std::move(waited).error();
            auto access = co_await this->access(link, look_up);
            if (!access) co_return std::move(access).error();
            auto request = api_.get_activation(*access, id);
            request.max_response_bytes = calls_.record_bytes();
            const purpose::Invocation purpose;
            auto answer = co_await link.exchange(request, purpose, Repeat::safe, &OpenWhiskCalls::judge_look);
            if (answer) {
                failures = 0;
                if (answer->status == 404) continue;  // it is stored some time after the end
                const auto record = read_openwhisk_activation(answer->body, false);
                if (!record || record->ended()) co_return std::move(answer);
                continue;
            }
            const auto code = answer.error().code;
            if (code == errc::cancelled || time_left(link.deadline()) == std::chrono::milliseconds{0}) {
                if (code == errc::cancelled) co_return std::move(answer);
                co_return Error{.code = errc::timed_out, .message = answer.error().message};
            }
            if (outdated(*access, answer.error()) && !renewed) {
                renewed = true;
                continue;
            }
            if (++failures > most_failures) co_return std::move(answer);
        }
    }

    // A log that cannot be had takes nothing from the call.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<std::string> log_of(L& link, std::string id, LookUp look_up) const {
        if (id.empty()) co_return std::string{};
        auto access = co_await this->access(link, look_up);
        if (!access) co_return std::string{};
        auto log = co_await logs(link, *access, id);
        co_return log ? std::move(*log) : std::string{};
    }
    static void add_log(result<Invocation>& done, std::string log) {
        if (done) {
            done->metrics.log_tail = std::move(log);
            return;
        }
        Error error = std::move(done).error();
        FaasMetrics metrics = error.metrics ? *error.metrics : FaasMetrics{};
        metrics.log_tail = std::move(log);
        error.metrics = std::make_shared<const FaasMetrics>(std::move(metrics));
        done = std::move(error);
    }

    // One operation looks the access up and the others wait for the outcome. They look instead of being woken: they may
    // be on other threads, and this happens seldom.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Addresses::Known>> locate(L& link, LookUp look_up,
                                                                         bool& looked_up) const {
        std::chrono::milliseconds pause{1};
        const auto ended_before = addresses_.ended_looks(place);
        for (;;) {
            auto known = addresses_.find(place);
            if (known) co_return std::move(*known);
            // What one look found out holds for all who waited for it.
            if (addresses_.ended_looks(place) != ended_before) {
                const auto failure = addresses_.last_failure(place);
                if (failure) co_return *failure;
            }
            auto turn = addresses_.take_turn(place);
            if (turn) {
                looked_up = true;
                auto refused = addresses_.remembered(place);
                auto found = co_await look_up(link, std::move(refused));
                if (found) {
                    const auto state = addresses_.set(place, *found);
                    co_return Addresses::Known{std::move(*found), state};
                }
                const auto code = found.error().code;
                if (code != errc::cancelled && code != errc::timed_out) turn->fail(found.error());
                co_return std::move(found).error();
            }
            auto waited = co_await link.wait(pause);
            if (!waited) co_return std::move(waited).error();
            pause = std::min(pause * 2, std::chrono::milliseconds{50});
        }
    }

    const OpenWhiskApi& api_;
    OpenWhiskCalls calls_;
    bool given_;
    mutable Addresses addresses_;
    mutable CallForms forms_{};
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
