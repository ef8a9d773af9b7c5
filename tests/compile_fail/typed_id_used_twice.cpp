// expect: a job id is used twice in this JobSet
#include "blueprint/faas/job_set.hpp"

namespace faas = blueprint::faas;

inline std::uint64_t square(std::uint64_t x) { return x * x; }
inline std::uint64_t twice(std::uint64_t x) { return x + x; }

#ifdef CONTROL
using Jobs = faas::JobSet<faas::Job<0, &square>, faas::Job<1, &twice>>;
#else
using Jobs = faas::JobSet<faas::Job<0, &square>, faas::Job<0, &twice>>;
#endif

bool has(const Jobs& jobs);
bool has(const Jobs& jobs) { return jobs.contains(0U); }
