#ifndef BLUEPRINT_FAAS_CODEC_FACTS_HPP
#define BLUEPRINT_FAAS_CODEC_FACTS_HPP

#include <cstdint>

namespace blueprint::faas {

/// Which members of `FaasMetrics` a platform tells of a call that succeeded, beside what is measured here (total time,
/// attempts, connection). One that is false stays empty.
struct MetricsTold {
    bool execution_duration = false;
    bool billed_duration = false;
    bool init_duration = false;  ///< of calls that started an instance
    bool queue_duration = false;
    bool cold_start = false;
    bool memory_used = false;
    bool memory_limit = false;
    bool request_id = false;
    bool executed_version = false;

    friend constexpr bool operator==(const MetricsTold&, const MetricsTold&) = default;
};

/// What only a codec can say of its platform, as its `static constexpr PlatformFacts facts`. A codec without them has
/// these values, which promise nothing.
struct PlatformFacts {
    std::uint64_t call_bytes = 0;  ///< the longest body of a call as it travels, with usual options; 0: not known
    std::uint64_t queued_call_bytes = 0;  ///< the same of an asynchronous call; 0: as `call_bytes`
    std::uint64_t result_bytes = 0;       ///< the longest body of a call's answer; 0: not known
    MetricsTold metrics{};
    /// A call with an idempotency key may be sent again although it may have arrived, where the platform announces it
    /// and the options ask for it.
    bool honours_idempotency_keys = false;
    bool deploys_by_build = false;      ///< the platform builds the package before it runs it, which takes minutes
    bool one_app_for_all_jobs = false;  ///< all jobs are in one deployed unit, and share its memory and its start
    /// A program that ended while it ran a job is told apart from a platform in trouble: `errc::function_error`, else
    /// `errc::infrastructure`.
    bool tells_crashes = false;
    /// A health check sees whether the job's program answers, and not only whether the platform has it.
    bool health_asks_program = false;

    friend constexpr bool operator==(const PlatformFacts&, const PlatformFacts&) = default;
};

}  // namespace blueprint::faas

#endif
