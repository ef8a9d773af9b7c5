#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_CALLER_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_CALLER_HPP

#include "blueprint/faas/codec/gcp_calls.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/codec/payload.hpp"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace blueprint::faas::detail {

/// Calls jobs of a codec that writes bytes as `Format`: keeps the addresses of their services, so that a warm call is
/// one request (G2), and the forms of requests. Usable from all threads; it outlives its awaitables.
template <PayloadFormat Format>
class GoogleCaller {
    static constexpr auto form_of_bytes = !Format::is_json                   ? GoogleCalls::Form::bare
                                          : std::same_as<Format, Base64Json> ? GoogleCalls::Form::base64
                                                                             : GoogleCalls::Form::numbers;

public:
    /// A call that is written down: see `CanPrepare`.
    class Prepared {
    public:
        Prepared() = default;
        Prepared(const GoogleCaller& caller, CallForms::Lease form, JobId job) noexcept
            : caller_{&caller}, form_{std::move(form)}, job_{job} {}
        explicit operator bool() const noexcept { return caller_ != nullptr; }
        HttpRequest& request() const noexcept { return form_->request; }
        purpose::Invocation purpose() const noexcept { return {form_->audience}; }
        Repeat repeat() const noexcept { return form_->repeat; }
        static std::optional<Error> judge(const HttpResponse& answer) { return GoogleCalls::judge(answer); }
        result<Invocation> finish(result<HttpResponse> answer, bool metered) const {
            if (answer) return caller_->calls_.read_invocation(*answer, job_, metered);
            if (answer.error().http_status == 404) caller_->addresses_.forget(job_);
            return std::move(answer).error();
        }

    private:
        const GoogleCaller* caller_ = nullptr;
        CallForms::Lease form_{};
        JobId job_{};
    };

    explicit GoogleCaller(const GoogleCloudOptions& options) : calls_{options}, addresses_{calls_.given()} {}
    GoogleCaller(const GoogleCaller&) = delete;
    GoogleCaller& operator=(const GoogleCaller&) = delete;

    const GoogleCalls& calls() const noexcept { return calls_; }
    GoogleAddresses& addresses() const noexcept { return addresses_; }

    /// Writes the call down if the job's address is known; else, or if it cannot be written, `invoke` is to be asked.
    template <class L>
    Prepared prepare(L& link, const JobCall& call) const {
        auto form = forms_.take(call.job_id);
        const auto state = addresses_.changes();
        if (!form->is_for(call.job_id, state)) {
            const auto address = addresses_.find(call.job_id);
            if (!address) return {};
            calls_.begin_form(*form, call.job_id, *address, state, form_of_bytes);
        }
        if (write_call(*form, call, link.deadline())) return {};
        return Prepared{*this, std::move(form), call.job_id};
    }

    /// Calls the job, whose address is looked up first if it is not known: `look_up(link, id)` is an awaitable of
    /// `result<GoogleAddress>`.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> invoke(L& link, const JobCall& call, LookUp look_up) const {
        auto known = co_await address(link, call.job_id, look_up);
        if (!known) {
            Error error = std::move(known).error();
            error.execution = Execution::not_started;
            co_return error;
        }
        auto form = forms_.take(call.job_id);
        calls_.begin_form(*form, call.job_id, *known, addresses_.changes(), form_of_bytes);
        auto wrong = write_call(*form, call, link.deadline());
        if (wrong) co_return std::move(*wrong);
        const Prepared prepared{*this, std::move(form), call.job_id};
        auto& request = prepared.request();
        const auto purpose = prepared.purpose();
        const auto repeat = prepared.repeat();
        auto answer = co_await link.exchange(request, purpose, repeat, &GoogleCalls::judge);
        co_return prepared.finish(std::move(answer), true);
    }

    /// Returns where the job's calls go. One operation looks it up and the others wait for the outcome. They look
    /// instead of being woken: they may be on other threads, and this happens once in a service's life.
    template <class L, class LookUp>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<GoogleAddress>> address(L& link, JobId id, LookUp look_up) const {
        std::chrono::milliseconds pause{1};
        const auto ended_before = addresses_.ended_looks(id);
        for (;;) {
            auto known = addresses_.find(id);
            if (known) co_return std::move(*known);
            // What one look found out holds for all who waited for it.
            if (addresses_.ended_looks(id) != ended_before) {
                const auto failure = addresses_.last_failure(id);
                if (failure) co_return *failure;
            }
            auto turn = addresses_.take_turn(id);
            if (turn) {
                auto found = co_await look_up(link, id);
                if (found) {
                    addresses_.set(id, *found);
                } else if (found.error().code != errc::cancelled && found.error().code != errc::timed_out) {
                    turn->fail(found.error());
                }
                co_return found;
            }
            auto waited = co_await link.wait(pause);
            if (!waited) co_return std::move(waited).error();
            pause = std::min(pause * 2, std::chrono::milliseconds{50});
        }
    }

private:
    std::optional<Error> write_call(CallForm& form, const JobCall& call, Deadline deadline) const {
        auto& body = form.request.body.begin_text();
        if constexpr (Format::is_json)
            body.append("{\"job_id\":").append(std::to_string(call.job_id.value())).append(",\"args\":");
        Format::append(body, call.args);
        if constexpr (Format::is_json) body += '}';
        return calls_.end_form(form, call, deadline);
    }

    GoogleCalls calls_;
    mutable GoogleAddresses addresses_;
    mutable CallForms forms_{};
};

}  // namespace blueprint::faas::detail

#endif
