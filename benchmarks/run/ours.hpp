#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_OURS_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_OURS_HPP

#include "blueprint/faas/job.hpp"
#include "client.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace bench {

namespace asio = boost::asio;

/// Calls through an executor of the library, whichever it is. `Metered`: the caller wants to know what was measured.
template <class Executor, bool Metered>
class Ours : public Client {
public:
    template <class Create>
    Ours(const Setting& setting, Create create)
        : in_flight_{setting.in_flight}, args_{arguments(setting)}, executor_{good(create(io_.get_executor()))} {}

    void run(Meter& meter) override {
        running_ = in_flight_;
        for (std::size_t i = 0; i < in_flight_; ++i) asio::co_spawn(io_, call_on(meter), asio::detached);
        io_.restart();
        io_.run();
    }

private:
    asio::awaitable<void> call_on(Meter& meter) {
        while (const auto began = meter.start()) {
            faas::JobCall call{.job_id = 0, .args = args_};
            if constexpr (Metered) {
                const auto answer = co_await executor_.invoke_with_metrics(std::move(call));
                meter.done(*began, answer && answer->result.outcome && *answer->result.outcome == args_ &&
                                       !answer->metrics.request_id.empty());
            } else {
                const auto answer = co_await executor_.invoke(std::move(call));
                meter.done(*began, answer && answer->outcome && *answer->outcome == args_);
            }
        }
        if (--running_ == 0) io_.stop();  // the pool's timers would go on
    }

    asio::io_context io_{1};
    std::size_t in_flight_;
    std::size_t running_ = 0;
    faas::Bytes args_;
    Executor executor_;
};

/// `create` makes an executor of the library out of one of Asio.
template <bool Metered = false, class Create>
std::unique_ptr<Client> make_ours(const Setting& setting, Create create) {
    using Executor = typename std::invoke_result_t<Create, asio::any_io_executor>::value_type;
    return std::make_unique<Ours<Executor, Metered>>(setting, create);
}

}  // namespace bench

#endif
