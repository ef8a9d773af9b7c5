// Every step of every operation fails once: each system call, each step of TLS, each look at the clock, each exchange;
// and each operation is cancelled at each of its steps. What must hold whatever failed: it ends, it leaves nothing
// behind, its success is one, what it says of the job's run is true, and the executor works again at once.
#include "blueprint/faas/start.hpp"
#include "exchange_ways.hpp"
#include "judgement.hpp"
#include "lab.hpp"
#include "support/fault_proxy.hpp"
#include "world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <time.h>

namespace torture_test {

using namespace tests;

namespace {

constexpr const char* host = "torture.faas.test";
constexpr auto timeout = 10'000ms;  // far more than an operation takes, so that what waits for it hangs
constexpr auto hang_limit = 8'000ms;

// Not the clock that the tests move.
std::chrono::nanoseconds real_time() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

using Exchange = asio::awaitable<result<HttpResponse>>;

Exchange fail_exchange(NamedWay named, std::function<Exchange()> send) {
    Error error{.code = errc::infrastructure, .message = "spoiled", .retryable = true};
    if (named.way == Way::unsent) {
        error.execution = Execution::not_started;
        co_return error;
    }
    if (!named.arrives()) {
        HttpResponse refusal;
        spoil_answer(named, refusal, {});
        co_return refusal;
    }
    auto answer = co_await send();
    if (!answer) co_return answer;
    if (!named.answers()) {
        if (named.way == Way::late) error.code = errc::timed_out;
        co_return error;
    }
    spoil_answer(named, *answer, {});
    co_return answer;
}

// A transport of which the `nth` exchange (from 0) fails.
struct Spoil {
    std::size_t nth = ~std::size_t{0};
    NamedWay way = all_ways[0];
    std::size_t counted = 0;
    bool reached() const noexcept { return counted > nth; }
};
template <class Under>
class Spoiled {
public:
    static constexpr bool confidential = Under::confidential;
    Spoiled(Under under, std::shared_ptr<Spoil> spoil) : under_{std::move(under)}, spoil_{std::move(spoil)} {}
    asio::any_io_executor get_executor() { return under_.get_executor(); }
    Exchange exchange(const HttpRequest& request, Deadline deadline) {
        if (spoil_->counted++ != spoil_->nth) return under_.exchange(request, deadline);
        return fail_exchange(spoil_->way, [this, &request, deadline] { return under_.exchange(request, deadline); });
    }

private:
    Under under_;
    std::shared_ptr<Spoil> spoil_;
};

template <class TransportPolicy>
class Torture {
public:
    using Executor = FaasExecutor<Spoiled<TransportPolicy>, NoAuth, CustomCodec<>>;
    using Perform = std::function<std::optional<Outcome>(asio::io_context&, asio::awaitable<Outcome>, Seen&)>;

    Torture() {
        FaultProxy::Options options;
        options.upstream = world.port;
        if (TransportPolicy::confidential) options.certificate = ok(world.authority.issue({host}));
        proxy = std::make_unique<FaultProxy>(std::move(options));
        // The first runs fill what the process keeps for good.
        for (int i = 0; i < 3; ++i)
            for (const auto& named : all_operations) run_cell(named, false, std::make_shared<Spoil>(), plainly, false);
        descriptors = settled_descriptors();
    }

    // Runs one cell; false if its step was beyond the operation's end.
    Seen cell(const Named& named, bool warm, const std::shared_ptr<Spoil>& spoil, const Perform& perform_with,
              const std::function<std::string()>& what, Findings& findings) {
        const Spoil again = *spoil;
        auto [seen, problems] = run_cell(named, warm, spoil, perform_with, true);
        if (problems.find("memory") != std::string::npos) {  // OpenSSL keeps some for good at the first time
            *spoil = again;
            std::tie(seen, problems) = run_cell(named, warm, spoil, perform_with, true);
        }
        if (!seen.reached || !seen.injected) return seen;
        ++findings.cells;
        if (!problems.empty()) findings.add(std::string{named.name} + " | " + what(), problems);
        return seen;
    }

    static std::optional<Outcome> plainly(asio::io_context& io, asio::awaitable<Outcome> operation, Seen&) {
        return drive(io, std::move(operation), {}, nullptr);
    }

    // Runs an operation, `each` between two handlers; nothing if it does not end.
    static std::optional<Outcome> drive(asio::io_context& io, asio::awaitable<Outcome> operation,
                                        asio::cancellation_slot slot, const std::function<void()>& each) {
        std::optional<Outcome> outcome;
        start(io, std::move(operation),
              asio::bind_cancellation_slot(slot, [&outcome](Outcome value) { outcome.emplace(std::move(value)); }));
        const auto end = real_time() + hang_limit;
        io.restart();
        while (!outcome && real_time() < end) {
            if (each) each();
            io.run_one_for(20ms);
            if (io.stopped()) io.restart();
        }
        return outcome;
    }

    World world{};
    std::unique_ptr<FaultProxy> proxy{};

private:
    std::pair<Seen, std::string> run_cell(const Named& named, bool warm, const std::shared_ptr<Spoil>& spoil,
                                          const Perform& perform_with, bool judge) {
        Seen seen;
        std::string problems;
        const auto complain = [&problems](const std::string& what) {
            problems += (problems.empty() ? "" : "; ") + what;
        };
        if (!exists(named.operation)) return {Seen{.reached = false}, {}};
        if (changed) {
            world.deploy();
            changed = false;
        }
        changed = named.operation == Operation::deploy_job || named.operation == Operation::undeploy_job;
        const auto number = ++last_number;
        const bool spoiled = spoil->nth != ~std::size_t{0};
        std::optional<Outcome> kept;
        std::size_t ran_before = 0;
        std::size_t passed_before = 0;
        std::size_t passed_on = 0;
        std::size_t looks = 0;  // exchanges that are this test's own
        HeapScope heap;
        {
            std::optional<Outcome> outcome;
            asio::io_context io{1};
            asio::steady_timer reactor{io};  // made now, so that what it needs for itself is not what fails
            {
                const ExecutorOptions limits{
                    .invoke_timeout = timeout, .control_timeout = timeout, .deploy_timeout = timeout};
                const ResilienceOptions patience{
                    .retry = {.first_delay = 2ms, .first_throttled_delay = 2ms, .max_delay = 4ms}};
                Executor executor{{make_transport<TransportPolicy>(io, world), spoil},
                                  NoAuth{},
                                  CustomCodec<>{{.base_url = proxy->url(host)}},
                                  StandardResilience{patience},
                                  limits};
                if (warm) {
                    auto first = std::make_shared<Spoil>();
                    std::swap(*first, *spoil);
                    const auto before =
                        drive(io, perform(executor, Operation::get_deployment, 0, world.package, world.config, timeout),
                              {}, nullptr);
                    if (!before || before->error || !before->wrong.empty()) complain("it did not work before");
                    std::swap(*first, *spoil);
                }
                ran_before = world.runs();
                passed_before = proxy->passed_on();
                outcome = perform_with(
                    io, perform(executor, named.operation, number, world.package, world.config, timeout), seen);
                if (!outcome) complain("it did not end");
                proxy->settle();
                passed_on = proxy->passed_on() - passed_before;
                if (outcome && judge) {
                    *spoil = {};
                    const auto after =
                        drive(io, perform(executor, Operation::get_deployment, 0, world.package, world.config, timeout),
                              {}, nullptr);
                    judge_afterwards(after, named.operation, complain);
                    ++looks;
                }
            }
            io.restart();
            const auto end = real_time() + 3s;
            while (!io.stopped() && real_time() < end) io.run_one_for(20ms);
            if (!io.stopped()) complain("something of it still waits on the io_context");
            heap.stop();
            if (outcome && outcome->error) outcome->error->metrics.reset();  // not to be shared with the copy
            kept = outcome;
        }
        if (HeapScope::live() != 0)
            complain(std::to_string(HeapScope::live()) + " blocks of memory are left: " + HeapScope::sizes() +
                     " bytes");
        // Whatever is on its way has arrived when the proxy has seen the end of each connection.
        if (!eventually([&] { return proxy->sessions() == 0; })) complain("a connection stays open");
        proxy->settle();
        const auto arrived = proxy->passed_on() - passed_before;
        passed_on = std::max(passed_on, arrived - std::min(looks, arrived));
        if (named.operation == Operation::invoke_async && passed_on > 0)  // it runs when it has been answered
            eventually([&] { return world.runs() > ran_before; });
        const auto ran = world.runs() - ran_before;
        if (!judge || !kept || !seen.reached || !seen.injected) return {seen, problems};
        if (!eventually([&] { return open_descriptors() == descriptors; }, 1s))
            complain(std::to_string(open_descriptors()) + " descriptors in place of " + std::to_string(descriptors));

        judge_outcome(*kept, named.operation, seen, {.ran = ran, .passed_on = passed_on, .spoiled = spoiled}, complain);
        if (kept->error && !problems.empty()) {
            std::ostringstream saw;
            saw << *kept->error << " {" << name_of(kept->error->execution) << "}, ran " << ran;
            complain(saw.str());
        }
        return {seen, problems};
    }

    std::uint64_t last_number = 0;
    std::size_t descriptors = 0;
    bool changed = true;
};

template <class TransportPolicy>
void fail_each_step(bool warm) {
    Torture<TransportPolicy> torture;
    Findings findings;
    std::map<std::string, int> steps;
    for (const auto& named : all_operations) {
        bool over = !exists(named.operation);
        for (std::size_t nth = 0; !over; ++nth) {
            for (std::size_t variant = 0;; ++variant) {
                const auto step = [&](asio::io_context& io, asio::awaitable<Outcome> operation, Seen& seen) {
                    const StepFault fault{nth, variant};
                    auto outcome = Torture<TransportPolicy>::plainly(io, std::move(operation), seen);
                    seen.reached = StepFault::reached();
                    seen.injected = StepFault::injected();
                    seen.harmless = StepFault::harmless();
                    seen.must_end_well = !StepFault::leapt();
                    return outcome;
                };
                const auto what = [nth] { return "step " + std::to_string(nth) + ", " + StepFault::what(); };
                const auto seen = torture.cell(named, warm, std::make_shared<Spoil>(), step, what, findings);
                if (seen.injected) ++steps[StepFault::what()];
                over = !seen.reached;
                if (!seen.reached || !seen.injected) break;
            }
        }
    }
    std::ostringstream summary;
    for (const auto& [what, count] : steps) summary << "\n  " << count << " x " << what;
    MESSAGE("cells: ", findings.cells, ", failed: ", findings.failed, summary.str());
    CHECK(findings.cells > 0);
    CHECK_MESSAGE(findings.failed == 0, "operation | what failed | what is wrong" << findings.text.str());
}

template <class TransportPolicy>
void fail_each_exchange(bool warm) {
    Torture<TransportPolicy> torture;
    Findings findings;
    for (const auto& named : all_operations) {
        for (const auto& way : all_ways) {
            bool over = !exists(named.operation);
            for (std::size_t nth = 0; !over; ++nth) {
                const auto spoil = std::make_shared<Spoil>();
                const auto exchange = [&](asio::io_context& io, asio::awaitable<Outcome> operation, Seen& seen) {
                    auto outcome = Torture<TransportPolicy>::plainly(io, std::move(operation), seen);
                    seen.reached = spoil->reached();
                    seen.must_end_well = way.must_end_well;
                    return outcome;
                };
                const auto what = [&] { return "exchange " + std::to_string(nth) + ", " + way.name; };
                *spoil = {.nth = nth, .way = way};
                over = !torture.cell(named, warm, spoil, exchange, what, findings).reached;
            }
        }
    }
    MESSAGE("cells: ", findings.cells, ", failed: ", findings.failed);
    CHECK(findings.cells > 0);
    CHECK_MESSAGE(findings.failed == 0, "operation | what failed | what is wrong" << findings.text.str());
}

template <class TransportPolicy>
void cancel_at_each_step(bool warm) {
    using asio::cancellation_type;
    constexpr std::array kinds{cancellation_type::terminal, cancellation_type::partial, cancellation_type::total};
    Torture<TransportPolicy> torture;
    Findings findings;
    std::size_t cancelled = 0;
    for (const auto& named : all_operations) {
        bool over = !exists(named.operation);
        for (std::size_t nth = 0; !over; ++nth) {
            const auto cancelling = [&](asio::io_context& io, asio::awaitable<Outcome> operation, Seen& seen) {
                asio::cancellation_signal signal;
                std::size_t handlers = 0;
                const auto each = [&] {
                    if (handlers++ == nth) signal.emit(kinds[nth % kinds.size()]);
                };
                auto outcome = Torture<TransportPolicy>::drive(io, std::move(operation), signal.slot(), each);
                seen.reached = handlers > nth;
                seen.cancelled = true;
                if (outcome && outcome->error) ++cancelled;
                return outcome;
            };
            const auto what = [&] { return "cancelled at step " + std::to_string(nth); };
            over = !torture.cell(named, warm, std::make_shared<Spoil>(), cancelling, what, findings).reached;
        }
    }
    MESSAGE("cells: ", findings.cells, ", cancelled: ", cancelled, ", failed: ", findings.failed);
    CHECK(cancelled > 0);
    CHECK_MESSAGE(findings.failed == 0, "operation | when | what is wrong" << findings.text.str());
}

}  // namespace

TEST_CASE("torture: every step fails once, over plain HTTP on a new connection") {
    fail_each_step<LoopbackTransport>(false);
}
TEST_CASE("torture: every step fails once, over plain HTTP on a kept connection") {
    fail_each_step<LoopbackTransport>(true);
}
TEST_CASE("torture: every exchange fails once, over plain HTTP") { fail_each_exchange<LoopbackTransport>(false); }
TEST_CASE("torture: a cancellation at every step, over plain HTTP on a new connection") {
    cancel_at_each_step<LoopbackTransport>(false);
}
TEST_CASE("torture: a cancellation at every step, over plain HTTP on a kept connection") {
    cancel_at_each_step<LoopbackTransport>(true);
}

TEST_CASE("torture: every step fails once, over TLS on a new connection") { fail_each_step<HttpsTransport>(false); }
TEST_CASE("torture: every step fails once, over TLS on a kept connection") { fail_each_step<HttpsTransport>(true); }
TEST_CASE("torture: a cancellation at every step, over TLS on a new connection") {
    cancel_at_each_step<HttpsTransport>(false);
}
TEST_CASE("torture: a cancellation at every step, over TLS on a kept connection") {
    cancel_at_each_step<HttpsTransport>(true);
}

}  // namespace torture_test
