#ifndef BLUEPRINT_FAAS_CODEC_IMPL_CALL_FORMS_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_CALL_FORMS_HPP

#include "blueprint/faas/codec/repeat.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/job.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

/// A request that is used again for call after call of one job: address, fixed header fields and memory stay, and a
/// call writes only what is its own. Used by one call at a time.
class CallForm {
public:
    HttpRequest request{};
    std::string audience{};             ///< whom a token for the job's calls is made for
    std::size_t longest_body = 0;       ///< that may be sent
    bool honours_keys = false;          ///< a call with an idempotency key may be sent twice
    Repeat repeat = Repeat::if_unsent;  ///< of the call at hand
    std::string scratch{};              ///< memory for what is being written
    std::string scratch_base64{};

    /// Tells whether it is one for the job's calls, as they are at `state`: a number that the codec counts up when it
    /// learns something. One that an Auth has altered is none.
    bool is_for(JobId job, std::uint64_t state) const noexcept {
        return job_ == job && state_ == state && request.target == target_ && request.headers.text() == fields_.text();
    }
    /// Takes off everything, for a form that is written anew.
    void clear() noexcept {
        job_.reset();
        request.headers.begin_again(0);
        request.target.clear();
    }
    /// Says that what the request is now holds for all calls of the job.
    void fix(JobId job, std::uint64_t state) {
        target_ = request.target;
        fields_ = request.headers;
        state_ = state;
        job_ = job;
    }
    std::optional<JobId> job() const noexcept { return job_; }
    std::uint64_t state() const noexcept { return state_; }
    /// Wipes what the call has written among the header fields, which includes its credential, and gives back the
    /// memory of a large one.
    void end_call() noexcept {
        static constexpr std::size_t largest_kept = 64U * 1024U;
        request.headers.begin_again(job_ ? fields_.text().size() : 0);
        for (auto* text : {&request.body.begin_text(), &scratch, &scratch_base64})
            if (text->capacity() > largest_kept) std::string{}.swap(*text);
    }

private:
    std::optional<JobId> job_{};
    std::uint64_t state_ = 0;
    std::string target_{};
    Headers fields_{};  // which are wiped: a key may be among them
};

/// The forms of a codec that no call is using at the moment. For all threads, without a lock.
class CallForms {
public:
    /// A form for the length of one call. The forms must outlive it.
    class Lease {
    public:
        Lease() = default;
        Lease(CallForms& owner, std::unique_ptr<CallForm> form) noexcept : owner_{&owner}, form_{std::move(form)} {}
        Lease(Lease&&) noexcept = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease() {
            if (form_) owner_->put_back(std::move(form_));
        }
        CallForm& operator*() const noexcept { return *form_; }
        CallForm* operator->() const noexcept { return form_.get(); }

    private:
        CallForms* owner_ = nullptr;
        std::unique_ptr<CallForm> form_{};
    };

    CallForms() = default;
    CallForms(const CallForms&) = delete;
    CallForms& operator=(const CallForms&) = delete;
    ~CallForms() {
        for (auto& place : idle_) delete place.load(std::memory_order_acquire);
    }
    /// Returns an idle form, one of the same job if there is one, or a new one.
    Lease take(JobId job) {
        const auto first = job.value() % places;
        for (std::size_t i = 0; i < places; ++i) {
            auto& place = idle_[(first + i) % places];
            if (place.load(std::memory_order_relaxed) == nullptr) continue;
            std::unique_ptr<CallForm> form{place.exchange(nullptr, std::memory_order_acquire)};
            if (form) return Lease{*this, std::move(form)};
        }
        return Lease{*this, std::make_unique<CallForm>()};
    }

private:
    // Of calls under way at once few begin and end at once: a form that is given back is taken by the next one.
    static constexpr std::size_t places = 16;

    void put_back(std::unique_ptr<CallForm> form) noexcept {
        form->end_call();
        const auto first = form->job().value_or(JobId{}).value() % places;
        for (std::size_t i = 0; i < places; ++i) {
            auto& place = idle_[(first + i) % places];
            CallForm* none = place.load(std::memory_order_relaxed);
            if (none != nullptr) continue;
            if (place.compare_exchange_strong(none, form.get(), std::memory_order_release, std::memory_order_relaxed)) {
                form.release();
                return;
            }
        }
    }

    std::array<std::atomic<CallForm*>, places> idle_{};
};

}  // namespace blueprint::faas::detail

#endif
