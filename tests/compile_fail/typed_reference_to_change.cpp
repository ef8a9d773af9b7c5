// expect: a job's parameter is a reference to something that the function could change
#include "blueprint/faas/job_set.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
inline std::size_t length(const std::string& text) { return text.size(); }
#else
inline std::size_t length(std::string& text) { return text.size(); }
#endif

using Jobs = faas::JobSet<faas::Job<0, &length>>;

boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs);
boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs) { return jobs.run({}); }
