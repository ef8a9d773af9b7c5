// expect: LocalJobs
#include "blueprint/faas/job_set.hpp"
#include "blueprint/faas/serve/serve.hpp"

namespace faas = blueprint::faas;

inline std::uint64_t square(std::uint64_t x) { return x * x; }

#ifdef CONTROL
int main() { return faas::serve(faas::JobSet<faas::Job<0, &square>>{}); }
#else
int main() { return faas::serve(square); }
#endif
