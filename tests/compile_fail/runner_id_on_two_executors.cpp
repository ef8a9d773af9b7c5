// expect: a job id is bound twice: each job has one executor
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/runner/runner.hpp"

#include <boost/asio/io_context.hpp>

namespace faas = blueprint::faas;

using Platform = faas::custom::HttpFaasExecutor<>;

#ifdef CONTROL
inline constexpr unsigned second = 1;
#else
inline constexpr unsigned second = 0;
#endif

void use(boost::asio::io_context& io, Platform& one, Platform& other) {
    auto builder = faas::Runner::builder(io).with_faas_executor<0>(one).with_faas_executor<second>(other);
    (void)builder;
}
