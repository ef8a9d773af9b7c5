// expect: only the last parameter of a job may have a variable size
#include "blueprint/faas/job_set.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
inline std::string repeat(std::uint8_t times, const std::string& text) { return times == 0 ? "" : text; }
#else
inline std::string repeat(const std::string& text, std::uint8_t times) { return times == 0 ? "" : text; }
#endif

using Jobs = faas::JobSet<faas::Job<0, &repeat>>;

boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs);
boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs) { return jobs.run({}); }
