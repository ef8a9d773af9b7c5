// expect: a job's function is the address of a free or static member function, or a lambda
#include "blueprint/faas/job_set.hpp"

namespace faas = blueprint::faas;

struct Calculator {
#ifdef CONTROL
    static std::uint64_t square(std::uint64_t x) { return x * x; }
#else
    std::uint64_t square(std::uint64_t x) { return x * x; }
#endif
};

using Jobs = faas::JobSet<faas::Job<0, &Calculator::square>>;

boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs);
boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs) { return jobs.run({}); }
