// expect: JobId
// expect: constant expression
#include "blueprint/faas/job.hpp"

#include <cstdint>

blueprint::faas::JobId id_of(std::uint64_t number);
blueprint::faas::JobId id_of(std::uint64_t number) {
#ifdef CONTROL
    return blueprint::faas::JobId::from(number).value();
#else
    return number;  // cutting it to 32 bits would make two jobs one
#endif
}
