// expect: no payload_traits for this type
// expect: BOOST_DESCRIBE_STRUCT
#include "blueprint/faas/job_set.hpp"

namespace faas = blueprint::faas;

struct Point {
    std::int32_t x = 0;
};

#ifdef CONTROL
inline std::int32_t mirror(std::int32_t x) { return -x; }
#else
inline Point mirror(Point at) { return {-at.x}; }
#endif

using Jobs = faas::JobSet<faas::Job<0, &mirror>>;

boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs);
boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs) { return jobs.run({}); }
