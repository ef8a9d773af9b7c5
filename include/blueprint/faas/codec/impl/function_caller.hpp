#ifndef BLUEPRINT_FAAS_CODEC_IMPL_FUNCTION_CALLER_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_FUNCTION_CALLER_HPP

#include "blueprint/faas/codec/function_calls.hpp"
#include "blueprint/faas/codec/impl/function_addresses.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/detail/redact.hpp"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Calls jobs of a codec that writes bytes as `Format`: keeps the addresses of their functions, so that a warm call is
/// one request (G2, Z2), and the forms of requests. `Calls` derives from FunctionCalls and has `Address`;
/// `one_address`, whether all jobs are behind the same one; `given()`, the addresses of the options by job, or by job
/// 0; `begin_form` and `judge`. One that also has `refuses_key(error)` tells by it that a call failed for a part of the
/// address which does not hold any more: that is looked up anew, and the call repeated, once. Usable from all threads;
/// it outlives its awaitables.
template <PayloadFormat Format, class Calls>
class FunctionCaller {
    using Addresses = FunctionAddresses<typename Calls::Address>;
    static constexpr auto form_of_bytes = !Format::is_json                   ? FunctionCalls::Form::bare
                                          : std::same_as<Format, Base64Json> ? FunctionCalls::Form::base64
                                                                             : FunctionCalls::Form::numbers;

public:
    using Address = typename Calls::Address;

    /// A call that is written down: see `CanPrepare`.
    class Prepared {
    public:
        Prepared() = default;
        Prepared(const FunctionCaller& caller, CallForms::Lease form, JobId job) noexcept
            : caller_{&caller}, form_{std::move(form)}, job_{job} {}
        explicit operator bool() const noexcept { return caller_ != nullptr; }
        HttpRequest& request() const noexcept { return form_->request; }
        purpose::Invocation purpose() const noexcept { return {form_->audience}; }
        Repeat repeat() const noexcept { return form_->repeat; }
        static std::optional<Error> judge(const HttpResponse& answer) { return Calls::judge(answer); }
        result<Invocation> finish(result<HttpResponse> answer, bool metered) const {
            // One object, made where it is returned: moving it is what a call would notice.
            result<Invocation> done = answer ? FunctionCalls::read_invocation(*answer, job_, metered)
                                             : result<Invocation>{std::move(answer).error()};
            if (!done) done = failed(std::move(done).error(), answer.has_value());
            return done;
        }
        bool outdated(const Error& error) const
            requires requires(const Calls& calls) { calls.refuses_key(error); }
        {
            if (!caller_->calls_.refuses_key(error)) return false;
            caller_->addresses_.spoil(place_of(job_), form_->state());
            // An attempt before the refused one may have run the job, of which another exchange would know nothing.
            return error.execution == Execution::not_started;
        }

    private:
        BLUEPRINT_FAAS_COLD Error failed(Error error, bool answered) const {
            // The program sees what it is called with, and may tell it in its answer.
            if (answered) redact(error, form_->request.headers);
            // Who answers 404, or cannot be connected to, may be gone for good, and the function be somewhere else.
            const bool unreachable = error.http_status == 0 && error.code == errc::infrastructure &&
                                     error.execution == Execution::not_started;
            if (!answered && (error.http_status == 404 || unreachable))
                caller_->addresses_.forget(place_of(job_), form_->state());
            return error;
        }

        const FunctionCaller* caller_ = nullptr;
        CallForms::Lease form_{};
        JobId job_{};
    };

    template <class Options>
    explicit FunctionCaller(const Options& options) : calls_{options}, addresses_{calls_.given()} {}
    FunctionCaller(const FunctionCaller&) = delete;
    FunctionCaller& operator=(const FunctionCaller&) = delete;

    const Calls& calls() const noexcept { return calls_; }
    /// Keeps the address of the job's function, which another operation came to know.
    void keep(JobId id, Address address) const { addresses_.set(place_of(id), std::move(address)); }
    void forget(JobId id) const { addresses_.forget(place_of(id)); }
    /// The address that is, or was, known of the job, also if a part of it does not hold any more.
    std::optional<Address> remembered(JobId id) const { return addresses_.remembered(place_of(id)); }

    /// Tells whether something else than a call failed because a part of `address` does not hold any more; it is looked
    /// up anew then.
    bool outdated(JobId id, const Address& address, const Error& error) const
        requires requires(const Calls& calls) { calls.refuses_key(error); }
    {
        if (!calls_.refuses_key(error)) return false;
        addresses_.spoil(place_of(id), address);
        return true;
    }

    /// Writes the call down if the job's address is known; else, or if it cannot be written, `invoke` is to be asked.
    template <class L>
    Prepared prepare(L& link, const JobCall& call) const {
        auto form = forms_.take(call.job_id);
        if (!form->is_for(call.job_id, addresses_.changes())) {
            const auto known = addresses_.find(place_of(call.job_id));
            if (!known) return {};
            calls_.begin_form(*form, call.job_id, known->address, known->state, form_of_bytes);
        }
        if (write_call(*form, call, link.deadline())) return {};
        return Prepared{*this, std::move(form), call.job_id};
    }

    /// Calls the job, whose address is looked up first if it is not known: `look_up(link, id)` is an awaitable of
    /// `result<Address>`.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> invoke(L& link, const JobCall& call, LookUp look_up) const {
        for (bool again = false;; again = true) {
            auto known = addresses_.find(place_of(call.job_id));
            const bool looked_up = !known;
            if (looked_up) {
                auto found = co_await locate(link, call.job_id, look_up);
                if (!found) {
                    Error error = std::move(found).error();
                    error.execution = Execution::not_started;
                    co_return error;
                }
                known = std::move(*found);
            }
            auto form = forms_.take(call.job_id);
            calls_.begin_form(*form, call.job_id, known->address, known->state, form_of_bytes);
            auto wrong = write_call(*form, call, link.deadline());
            if (wrong) co_return std::move(*wrong);
            const Prepared prepared{*this, std::move(form), call.job_id};
            auto& request = prepared.request();
            const auto purpose = prepared.purpose();
            const auto repeat = prepared.repeat();
            auto answer = co_await link.exchange(request, purpose, repeat, &Calls::judge);
            if (!outdated(prepared, answer) || looked_up || again) co_return prepared.finish(std::move(answer), true);
        }
    }

    /// Returns where the job's calls go.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Address>> address(L& link, JobId id, LookUp look_up) const {
        auto known = co_await locate(link, id, look_up);
        if (!known) co_return std::move(known).error();
        co_return std::move(known->address);
    }

private:
    static constexpr JobId place_of(JobId id) noexcept {
        if constexpr (Calls::one_address)
            return JobId{0U};
        else
            return id;
    }
    static bool outdated(const Prepared& prepared, const result<HttpResponse>& answer) {
        if constexpr (requires { prepared.outdated(answer.error()); })
            return !answer && prepared.outdated(answer.error());
        else
            return false;
    }
    // One operation looks an address up and the others wait for the outcome. They look instead of being woken: they may
    // be on other threads, and this happens once in a function's life.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<typename Addresses::Known>> locate(L& link, JobId id,
                                                                                  LookUp look_up) const {
        const auto place = place_of(id);
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
                auto found = co_await look_up(link, id);
                if (found) {
                    const auto state = addresses_.set(place, *found);
                    co_return typename Addresses::Known{std::move(*found), state};
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
    std::optional<Error> write_call(CallForm& form, const JobCall& call, Deadline deadline) const {
        auto& body = form.request.body.begin_text();
        if constexpr (Format::is_json)
            body.append("{\"job_id\":").append(std::to_string(call.job_id.value())).append(",\"args\":");
        Format::append(body, call.args);
        if constexpr (Format::is_json) body += '}';
        return calls_.end_form(form, call, deadline);
    }

    Calls calls_;
    mutable Addresses addresses_;
    mutable CallForms forms_{};
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
