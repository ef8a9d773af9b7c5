#ifndef BLUEPRINT_FAAS_TYPED_JOB_HPP
#define BLUEPRINT_FAAS_TYPED_JOB_HPP

#include "blueprint/faas/detail/job_signature.hpp"
#include "blueprint/faas/executor_concept.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/result_sink.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <concepts>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace detail {

// Completes what a job's own failure leaves open: it is a function error of a job that ran unless it says otherwise.
inline Error job_failure(JobId id, Error error) {
    if (!error.code) error.code = errc::function_error;
    if (error.message.empty()) error.message = job_name(id) + " failed and gave no reason";
    if (error.execution == Execution::unknown) error.execution = Execution::started;
    return error;
}

inline Error job_threw(JobId id, std::string_view what) {
    return job_failure(id, Error{.message = job_name(id) + " failed: " + std::string{what}});
}

template <auto Id>
consteval bool is_job_id() {
    if constexpr (std::integral<decltype(Id)> && !std::same_as<decltype(Id), bool>)
        return std::in_range<std::uint32_t>(Id);
    return false;
}

}  // namespace detail

/// Binds the job number `Id` to `Function`: `using Square = Job<0, &square>;`.
///
/// The function is free, a static member, or a lambda without captures. Its parameters and result have `payload_traits`
/// (or are std::string_view and std::span<const std::uint8_t> parameters, valid while it runs); the arguments travel
/// one after the other. Its first parameter may be the `JobCall` itself, for id, metadata and timeout; if that is the
/// only one, the bytes are the function's own business. It gives T, result<T>, void, or an asio::awaitable of these. An
/// exception that it throws is a failed job (`errc::function_error`), never the end of the process.
///
/// A function whose last parameter is a `const ResultSink&` gives its result there piece by piece, and returns void or
/// result<void>: `result<void> lines(std::uint64_t count, const ResultSink& give)`. Where the platform can, the pieces
/// are on their way while it runs; elsewhere they are joined, and the result is the bytes of all of them.
template <auto Id, auto Function>
struct Job {
    using Signature = detail::JobSignature<std::decay_t<decltype(Function)>>;

    static constexpr JobId id{static_cast<std::uint32_t>(Id)};
    /// What callers get: what the function gives, without awaitable and result; may be void.
    using Value = typename Signature::Value;

    /// Decodes the arguments, calls the function and encodes what it gives. Arguments of another size or form are
    /// `errc::serialization`, and the function is not called.
    static asio::awaitable<result<Bytes>> run(JobCall call) {
        if constexpr (!Signature::usable)
            return {};  // the class does not compile: see its assertions
        else if constexpr (Signature::takes_sink)
            return collect(std::move(call));
        else
            return decode_and_run(std::move(call), nullptr);
    }

    /// The same, with the result given to `sink` piece by piece, in one piece if the function takes no sink.
    static asio::awaitable<result<void>> stream(JobCall call, ResultSink sink) {
        if constexpr (!Signature::usable)
            return {};
        else
            return run_into(std::move(call), std::move(sink));
    }

private:
    static constexpr bool gives_nothing = std::is_void_v<typename Signature::Returned> && !Signature::Returns::may_fail;

    static asio::awaitable<result<Bytes>> collect(JobCall call) {
        Bytes all;
        const ResultSink sink = [&all](std::span<const std::uint8_t> piece) {
            all.insert(all.end(), piece.begin(), piece.end());
            return result<void>{};
        };
        auto running = decode_and_run(std::move(call), &sink);
        auto outcome = co_await std::move(running);
        if (outcome) outcome = std::move(all);
        co_return outcome;
    }

    static asio::awaitable<result<void>> run_into(JobCall call, ResultSink sink) {
        auto running = decode_and_run(std::move(call), &sink);
        auto outcome = co_await std::move(running);
        if (!outcome) co_return std::move(outcome).error();
        if constexpr (!Signature::takes_sink) co_return sink(*outcome);
        co_return result<void>{};
    }

    // The sink outlives it, and is used only if the function takes one.
    static asio::awaitable<result<Bytes>> decode_and_run(JobCall call, const ResultSink* sink) {
        auto arguments = decode(call);
        if (!arguments) co_return std::move(arguments).error();
        Bytes out;
        std::optional<Error> failed;
        bool aborted = false;
        try {
            if constexpr (!Signature::Returns::is_coroutine && gives_nothing) {
                apply(call, *arguments, sink);
            } else if constexpr (!Signature::Returns::is_coroutine) {
                failed = take(apply(call, *arguments, sink), out);
            } else if constexpr (gives_nothing) {
                auto operation = apply(call, *arguments, sink);
                co_await std::move(operation);
            } else {
                auto operation = apply(call, *arguments, sink);
                auto outcome = co_await std::move(operation);
                failed = take(std::move(outcome), out);
            }
        } catch (const boost::system::system_error& thrown) {
            aborted = thrown.code() == asio::error::operation_aborted;
            failed = detail::job_threw(id, thrown.what());
        } catch (const std::exception& thrown) {
            failed = detail::job_threw(id, thrown.what());
        } catch (...) {
            failed = detail::job_threw(id, "it threw something that is no std::exception");
        }
        if (!failed) co_return std::move(out);
        if (aborted) {
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) failed->code = errc::cancelled;
        }
        co_return detail::job_failure(id, *std::move(failed));
    }

    static result<typename Signature::Encoded::Tuple> decode(const JobCall& call) {
        if constexpr (Signature::takes_call_alone)
            return std::tuple<>{};
        else
            return Signature::Encoded::decode(id, call.args);
    }

    static decltype(auto) apply(const JobCall& call, typename Signature::Encoded::Tuple& arguments,
                                [[maybe_unused]] const ResultSink* sink) {
        return std::apply(
            [&](auto&... argument) -> decltype(auto) {
                if constexpr (Signature::takes_call && Signature::takes_sink)
                    return Function(call, std::move(argument)..., *sink);
                else if constexpr (Signature::takes_call)
                    return Function(call, std::move(argument)...);
                else if constexpr (Signature::takes_sink)
                    return Function(std::move(argument)..., *sink);
                else
                    return Function(std::move(argument)...);
            },
            arguments);
    }

    template <class Outcome>
    static std::optional<Error> take(Outcome&& outcome, Bytes& out) {
        if constexpr (Signature::Returns::may_fail) {
            if (!outcome) return std::forward<Outcome>(outcome).error();
            if constexpr (!std::is_void_v<typename Signature::Returned>)
                payload_traits<detail::stored_t<Value>>::encode(*outcome, out);
        } else {
            payload_traits<detail::stored_t<Value>>::encode(outcome, out);
        }
        return std::nullopt;
    }

    // Last, so that a refused job still has its members and nothing else is reported.
    static_assert(detail::is_job_id<Id>(), "a job id is an integer from 0 to 4294967295");
    static_assert(Signature::check());
};

/// Is a `Job<Id, &function>`.
template <class T>
inline constexpr bool is_typed_job = false;
template <auto Id, auto Function>
inline constexpr bool is_typed_job<Job<Id, Function>> = true;
template <class T>
concept TypedJob = is_typed_job<T>;

/// Reads the result of a call of `J`: what its function gave, or the call's `Error`. A result of another job or of
/// another form is `errc::serialization`. The value of a job that gives a std::string_view is a std::string.
template <TypedJob J>
result<detail::stored_t<typename J::Value>> decode_result(const JobResult& answer) {
    if (!answer.outcome) return answer.outcome.error();
    if (answer.job_id != J::id) {
        return Error{.code = errc::serialization,
                     .message = "this is the result of " + detail::job_name(answer.job_id) + ", not of " +
                                detail::job_name(J::id)};
    }
    const Bytes& bytes = *answer.outcome;
    if constexpr (std::is_void_v<typename J::Value>) {
        if (bytes.empty()) return {};
        return Error{.code = errc::serialization,
                     .message = detail::job_name(J::id) + " gives nothing, but its result has " +
                                std::to_string(bytes.size()) + " bytes: is another version of it deployed?",
                     .execution = Execution::started};
    } else {
        using Value = detail::stored_t<typename J::Value>;
        auto value = payload_traits<Value>::decode(bytes);
        if (value) return value;
        auto error = std::move(value).error();
        error.message =
            "the result of " + detail::job_name(J::id) + ": " + error.message + ": is another version of it deployed?";
        error.execution = Execution::started;
        return error;
    }
}

namespace detail {

template <class J, class E>
asio::awaitable<result<stored_t<typename J::Value>>> invoke_typed(E& executor, JobCall call) {
    auto answer = co_await executor.invoke(std::move(call));
    if (!answer) co_return std::move(answer).error();
    co_return decode_result<J>(*answer);
}

// The parameters are spelled out, so that a call converts, and warns, as a call of the function itself would.
template <class J, class Encoded>
struct TypedCall;
template <class J, class... Args>
struct TypedCall<J, Arguments<Args...>> {
    struct Make {
        JobCall operator()(given_t<Args>... args) const {
            return JobCall{.job_id = J::id, .args = Arguments<Args...>::encode(args...)};
        }
    };
    struct Invoke {
        template <Executor E>
        auto operator()(E& executor, given_t<Args>... args) const {
            return invoke_typed<J>(executor, Make{}(args...));
        }
    };
};

}  // namespace detail

/// Makes the call of a typed job, for a producer or an executor: `make_call<Square>(7)`. Not for a job that takes the
/// `JobCall` alone: its bytes are its own.
template <TypedJob J>
    requires(!J::Signature::takes_call_alone)
inline constexpr typename detail::TypedCall<J, typename J::Signature::Encoded>::Make make_call{};

/// Calls a typed job through `executor` and reads its result: `co_await call_job<Square>(lambda, 7)` is a
/// result<std::uint64_t>. The arguments are encoded at once; the executor must outlive the awaitable.
template <TypedJob J>
    requires(!J::Signature::takes_call_alone)
inline constexpr typename detail::TypedCall<J, typename J::Signature::Encoded>::Invoke call_job{};

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
