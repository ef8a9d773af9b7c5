#ifndef BLUEPRINT_FAAS_MAP_OPTIONS_HPP
#define BLUEPRINT_FAAS_MAP_OPTIONS_HPP

#include "blueprint/faas/map/resume_file.hpp"
#include "blueprint/faas/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas {

/// What became of one input. `value` is what the job gave or the call's `Error`, whose `execution` tells whether the
/// job may have run.
template <class T>
struct Completion {
    std::uint64_t index = 0;  ///< the input's place in the range, counted from 0
    result<T> value{};
    FaasMetrics metrics{};  ///< as far as known; nothing of a stored result
    bool stored = false;    ///< nothing was sent: told by the resume file, from an earlier run
};

/// What a map is doing, and so whom it waits for.
enum class MapState {
    not_started,           ///< `next` was not called yet: the range was not touched
    running,               ///< inputs are being submitted
    waiting_for_input,     ///< the source of inputs has none at the moment
    waiting_for_calls,     ///< the in-flight limit is reached or the inputs are used up: the platform has the next move
    waiting_for_consumer,  ///< finished completions are not taken: call `next`
    stopping,              ///< nothing more is submitted; calls in flight are coming to their end
    ended,                 ///< everything was taken
};

/// Why a map submitted no more.
enum class MapEnd {
    inputs_ended,
    stop_requested,
    max_failures,
    max_failure_ratio,
    time_limit,
    source_failed,  ///< the range or its producer; `next` gives the error last
    resume_failed,  ///< the resume file; `next` gives the error last
    refused,        ///< the options were wrong; `next` gives the error
    abandoned,      ///< the stream was destroyed
};

/// A moment of a map. Counts are of this run; each input counts once.
/// taken = succeeded + failed + resumed + in_flight.
struct MapProgress {
    MapState state = MapState::not_started;
    std::uint64_t taken = 0;      ///< inputs taken from the range
    std::uint64_t submitted = 0;  ///< calls made
    std::uint64_t succeeded = 0;  ///< of calls made
    std::uint64_t failed = 0;
    std::uint64_t unknown = 0;              ///< of `failed`: the job may have run
    std::uint64_t resumed = 0;              ///< known from the resume file to have succeeded
    std::size_t in_flight = 0;              ///< calls that run
    std::size_t untaken = 0;                ///< finished, and waiting for `next` (or, ordered, for an earlier input)
    std::optional<std::uint64_t> total{};   ///< inputs in the range, if that can be known
    double per_second = 0;                  ///< finished inputs a second, over the last 10 s
    std::chrono::milliseconds elapsed{};    ///< since the first `next`
    std::optional<std::uint64_t> oldest{};  ///< the input whose call has run longest
    std::chrono::milliseconds oldest_running_for{};  ///< and for how long
    std::string last_failure{};                      ///< the latest failed input's message
    std::optional<MapEnd> end{};                     ///< once nothing more is submitted and all calls have ended
    /// Inputs that the map has not taken from the range when it ended; empty while it runs, or if that cannot be known.
    std::optional<std::uint64_t> not_submitted{};
};

std::string_view to_string(MapState state) noexcept;
std::string_view to_string(MapEnd end) noexcept;

/// Writes one line for a person: "120 of 1000 done (3 failed), 64 in flight, 21.5/s; waiting for calls, input 97 for
/// 12 s".
std::string describe(const MapProgress& progress);

/// How a map runs. Whatever is not said has no limit.
struct MapOptions {
    /// At most so many inputs are in flight or finished and not taken yet, so the range is read at most so far ahead of
    /// what was taken. At least 1.
    std::size_t in_flight = 64;
    /// Completions come in the order of the inputs, not as they complete.
    bool ordered = false;
    /// Each call's own limit; the executor's if empty.
    std::optional<std::chrono::milliseconds> timeout{};
    /// Running an input twice does no harm.
    bool idempotent = false;

    /// Submits no more once so many calls have failed (1: the first failure stops).
    std::optional<std::uint64_t> max_failures{};
    /// Submits no more once more than this share of the finished calls has failed, looked at from
    /// `failure_ratio_after` on.
    std::optional<double> max_failure_ratio{};
    std::uint64_t failure_ratio_after = 20;
    /// Submits no more after this time.
    std::optional<std::chrono::milliseconds> time_limit{};
    /// What one of these stops does to calls in flight: cancel them, or else let them finish.
    bool cancel_when_stopped = false;

    /// Names this run over all its attempts, for resume file and idempotency keys.
    std::string run_id{};
    /// Sends "idempotency-key" metadata made of run id and index with each call, so that a platform that honours it
    /// runs no input twice. An input that is known to have failed gets a fresh one when it is tried again.
    bool idempotency_keys = false;
    /// Metadata of every call.
    Metadata metadata{};
    /// Keeps what was done in a file, so that a later run does the rest only. Needs a `run_id`.
    std::optional<ResumeOptions> resume{};

    /// How many inputs there are, where the range cannot tell.
    std::optional<std::uint64_t> total{};
    /// Is told the progress at every interval, also when nothing moves, and at the end. Called on the map's strand.
    std::function<void(const MapProgress&)> on_progress{};
    std::chrono::milliseconds progress_interval{std::chrono::seconds{1}};
};

namespace detail {

// Tells whether the failures so far end a map.
std::optional<MapEnd> too_many_failures(const MapOptions& options, std::uint64_t succeeded,
                                        std::uint64_t failed) noexcept;

// Tells what is wrong with options; nothing if a map can run with them.
std::optional<Error> check_options(const MapOptions& options);

// The metadata "idempotency-key" of an input that has failed `failures` times in ways that are certain.
std::string idempotency_key(std::string_view run_id, std::uint64_t index, std::uint32_t failures);

}  // namespace detail

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/map/impl/options.ipp"
#endif

#endif
