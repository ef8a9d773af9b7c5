#ifndef BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_JOBS_HPP
#define BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_JOBS_HPP

#include <blueprint/faas/job_set.hpp>

#include <cstdint>
#include <string>

/// The three jobs of the quick start. The runner and the function binary are made from this one list, so where a job
/// runs is decided in one line of quickstart.cpp.
namespace quickstart {

/// Job 0: how many steps the Collatz sequence of `n` takes to reach 1.
inline std::uint64_t collatz(std::uint64_t n) {
    std::uint64_t steps = 0;
    for (; n > 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    return steps;
}

/// Job 1: the digits of `n`, reversed.
inline std::string mirror(std::uint64_t n) {
    const std::string digits = std::to_string(n);
    return {digits.rbegin(), digits.rend()};
}

/// Job 2: the number that gives 1 when multiplied by `n` modulo 97. Multiples of 97 have none, so this job fails then.
inline blueprint::faas::result<std::uint64_t> inverse(std::uint64_t n) {
    for (std::uint64_t candidate = 1; candidate < 97; ++candidate)
        if (n % 97 * candidate % 97 == 1) return candidate;
    return blueprint::faas::Error{.message = "a multiple of 97 has no inverse modulo 97"};
}

using Collatz = blueprint::faas::Job<0, &collatz>;
using Mirror = blueprint::faas::Job<1, &mirror>;
using Inverse = blueprint::faas::Job<2, &inverse>;
using Jobs = blueprint::faas::JobSet<Collatz, Mirror, Inverse>;

}  // namespace quickstart

#endif
