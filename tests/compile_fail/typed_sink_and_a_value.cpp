// expect: a job that takes a ResultSink gives its result there
#include "blueprint/faas/job_set.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
inline faas::result<void> lines(std::uint64_t, const faas::ResultSink&) { return {}; }
#else
inline faas::result<std::uint64_t> lines(std::uint64_t count, const faas::ResultSink&) { return count; }
#endif

using Jobs = faas::JobSet<faas::Job<0, &lines>>;

boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs);
boost::asio::awaitable<faas::result<faas::Bytes>> run(const Jobs& jobs) { return jobs.run({}); }
