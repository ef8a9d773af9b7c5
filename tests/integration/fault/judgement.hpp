#ifndef BLUEPRINT_FAAS_TESTS_FAULT_JUDGEMENT_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_JUDGEMENT_HPP

#include "operations.hpp"

#include <cstddef>
#include <functional>
#include <sstream>
#include <string>

namespace tests {

/// What a run was that something failed in.
struct Seen {
    bool reached = true;         ///< false: the operation has no such step
    bool injected = true;        ///< false: the step has no such way to fail
    bool harmless = false;       ///< it must have succeeded
    bool must_end_well = false;  ///< unless it cannot be repeated
    bool cancelled = false;      ///< then it ends so, or well
};

/// What reached the platform while the operation was under way.
struct Reached {
    std::size_t ran = 0;
    std::size_t passed_on = 0;
    bool spoiled = false;  ///< an answer may have been the test's
    bool excused = false;  ///< and can be read as the platform's, so that its lie is believed
};

/// Complains of what must be true of an outcome, whatever failed.
inline void judge_outcome(const Outcome& outcome, Operation operation, const Seen& seen, const Reached& reached,
                          const std::function<void(const std::string&)>& complain) {
    // By the contract a 404, or an answer that tells nothing, means: no warming here, or a platform of version 1.0.
    const bool lawful =
        reached.excused ||
        (reached.spoiled && (operation == Operation::warm || operation == Operation::describe_platform));
    // What a health check met is its answer; if it met nothing the job is healthy.
    const bool observed = operation == Operation::health_check && !seen.harmless && !seen.cancelled;
    if (!outcome.wrong.empty() && !observed && !lawful) complain(outcome.wrong);
    if (outcome.error && seen.harmless) complain("it failed");
    if (outcome.error && seen.cancelled && outcome.error->code != errc::cancelled)
        complain("it should have been `cancelled`");
    const auto ran = reached.ran;
    if (runs_job(operation)) {
        if (outcome.error && outcome.error->execution == Execution::not_started && ran != 0)
            complain("it says that the job did not start, and it ran");
        if (outcome.error && outcome.error->execution == Execution::started && ran == 0)
            complain("it says that the job started, and it did not");
        if (!outcome.error && ran == 0) complain("it succeeded, and nothing ran");
        if (!repeatable(operation) && ran > 1) complain("it ran more than once");
    } else if (!outcome.error && reached.passed_on == 0 && !reached.spoiled) {
        complain("it succeeded, and nothing reached the platform");
    }
    // What failed once is survived by what may be repeated.
    const bool unsent = outcome.error && outcome.error->execution == Execution::not_started;
    if (outcome.error && seen.must_end_well && (repeatable(operation) || unsent)) complain("it gave up");
}

/// What failed cells say.
class Findings {
public:
    explicit Findings(std::size_t most = 25) : most_{most} {}
    void add(const std::string& cell, const std::string& what) {
        ++failed;
        if (failed <= most_) text << "\n  " << cell << " | " << what;
    }
    std::size_t cells = 0;
    std::size_t failed = 0;
    std::ostringstream text{};

private:
    std::size_t most_;
};

/// Names what an error says of the job's run.
constexpr std::string_view name_of(Execution execution) noexcept {
    switch (execution) {
        case Execution::not_started: return "not started";
        case Execution::started: return "started";
        case Execution::unknown: break;
    }
    return "unknown";
}

}  // namespace tests

#endif
