// expect: no match
// expect: make_call
#include "blueprint/faas/typed_job.hpp"

namespace faas = blueprint::faas;

inline std::uint64_t square(std::uint64_t x) { return x * x; }
using Square = faas::Job<0, &square>;

faas::JobCall call();
faas::JobCall call() {
#ifdef CONTROL
    return faas::make_call<Square>(7);
#else
    return faas::make_call<Square>("seven");
#endif
}
