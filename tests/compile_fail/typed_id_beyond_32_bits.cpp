// expect: a job id is an integer from 0 to 4294967295
#include "blueprint/faas/typed_job.hpp"

inline std::uint64_t square(std::uint64_t x) { return x * x; }

#ifdef CONTROL
using Square = blueprint::faas::Job<4294967295, &square>;
#else
using Square = blueprint::faas::Job<4294967296, &square>;
#endif

static_assert(Square::id.value() > 0);
