// expect: a JobSet is made of Job<id, &function> types
#include "blueprint/faas/job_set.hpp"

namespace faas = blueprint::faas;

struct Square {};
inline std::uint64_t square(std::uint64_t x) { return x * x; }

#ifdef CONTROL
using Jobs = faas::JobSet<faas::Job<0, &square>>;
#else
using Jobs = faas::JobSet<Square>;
#endif

bool has(const Jobs& jobs);
bool has(const Jobs& jobs) { return jobs.contains(0U); }
