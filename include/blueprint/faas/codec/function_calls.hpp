#ifndef BLUEPRINT_FAAS_CODEC_FUNCTION_CALLS_HPP
#define BLUEPRINT_FAAS_CODEC_FUNCTION_CALLS_HPP

#include "blueprint/faas/codec/impl/call_forms.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// How calls of jobs travel over HTTP to a program that answers as serve() does, and back: requests out of calls,
/// results out of answers. What a platform's front end says in the program's place is for a derived class to know.
/// Immutable after construction.
class FunctionCalls {
public:
    /// How a call's bytes are written: bare, or in JSON as numbers or as Base64.
    enum class Form { bare, numbers, base64 };

    /// What an answer to a warming call says: who answered it.
    struct Warmed {
        std::string instance{};  ///< empty: the function does not know such calls
        std::string why_not{};
    };
    /// What an answer means that is no result.
    struct Meaning {
        errc code{};
        bool retryable = false;
        Execution execution = Execution::unknown;
        std::string_view advice{};
    };
    /// The options that messages about calls name, where a user can do something about it. Static lifetime.
    struct Words {
        std::string_view body_limit{};     ///< "AnOption::max_body_bytes, of which the platform takes 33554432"
        std::string_view too_many{};       ///< "; send fewer calls at once, or …"
        std::string_view other_address{};  ///< "give that address in …"
    };

    /// Ends a call when its body is written: deadline, trace, metadata. Refuses what could not travel.
    BLUEPRINT_FAAS_DECL std::optional<Error> end_form(CallForm& form, const JobCall& call, Deadline deadline) const;

    BLUEPRINT_FAAS_DECL static result<Invocation> read_invocation(const HttpResponse& answer, JobId id,
                                                                  bool metered = true);
    BLUEPRINT_FAAS_DECL static Warmed read_warmed(const HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static Health read_health(const HttpResponse& answer);

protected:
    FunctionCalls(std::size_t max_body_bytes, std::chrono::milliseconds warm_hold, const Words& words) noexcept
        : max_body_bytes_{max_body_bytes}, warm_hold_{warm_hold}, words_{words} {}

    /// Begins a call of the job: what is to hold for all its calls may be added then, and `form.fix` ends that.
    BLUEPRINT_FAAS_DECL void begin_form(CallForm& form, JobId id, const Url& url, Form bytes) const;
    /// A call that runs no job and is held for a moment, so that the next one needs another instance.
    BLUEPRINT_FAAS_DECL HttpRequest warm_request(const Url& url) const;
    /// Asks the function whether it is there; runs no job.
    BLUEPRINT_FAAS_DECL static HttpRequest health_request(const Url& url);

    /// Says what an answer means as a failure that the function itself tells of; nothing: somebody else answered.
    BLUEPRINT_FAAS_DECL static std::optional<Error> function_failure(const HttpResponse& answer, const Words& words);
    /// Makes the error of an answer that somebody else gave, who says `text`. No meaning: no call has such an answer.
    BLUEPRINT_FAAS_DECL static Error front_failure(const HttpResponse& answer, std::string text,
                                                   const std::optional<Meaning>& meaning);

private:
    std::size_t max_body_bytes_;
    std::chrono::milliseconds warm_hold_;
    Words words_;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/function_calls.ipp"
#endif

#endif
