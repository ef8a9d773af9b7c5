// expect: job_id_must_be_between_0_and_4294967295
#include "blueprint/faas/job.hpp"

#ifdef CONTROL
constexpr blueprint::faas::JobId id = 4294967295;
#else
constexpr blueprint::faas::JobId id = 4294967296;
#endif

int main() { return id == blueprint::faas::JobId{1U} ? 1 : 0; }
