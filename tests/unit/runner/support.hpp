#ifndef BLUEPRINT_FAAS_TESTS_UNIT_RUNNER_SUPPORT_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_RUNNER_SUPPORT_HPP

#include "blueprint/faas/runner/runner.hpp"
#include "support/fake_executor.hpp"

#include <utility>

namespace blueprint::faas::tests {

/// Runs a runner to its end.
inline result<RunReport> run(asio::io_context& io, Runner& runner) {
    Operation<result<RunReport>> running{io, runner.run()};
    io.restart();
    io.run();
    return std::move(running.outcome());
}

/// A local handler that answers with what it got.
struct Echo {
    Bytes operator()(JobCall call) const { return call.args; }
};

}  // namespace blueprint::faas::tests

#endif
