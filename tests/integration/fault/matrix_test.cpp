// Every fault met by every operation: the right error, the truth about whether the job ran, an end within the deadline,
// nothing left behind, and an executor that works again as soon as the fault is gone.
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "fault_rows.hpp"
#include "judgement.hpp"
#include "lab.hpp"
#include "support/fault_proxy.hpp"
#include "support/run.hpp"
#include "world.hpp"

#include <algorithm>
#include <iostream>
#include <sstream>
#include <vector>

namespace matrix_test {

using namespace tests;

namespace {

using Kind = Fault::Kind;

// One cell: the operation meets the fault, `times` times, after `skip` exchanges that do not.
struct Cell {
    const Row& row;
    Named operation;
    bool tls = false;
    bool always = true;
    std::size_t skip = 0;
};

struct Report {
    bool memory_left = false;
    std::string problems{};
    std::string saw{};
};

template <class TransportPolicy>
Report run_cell(World& world, const Cell& cell, std::uint64_t number, std::size_t descriptors_before) {
    const auto& [row, named, tls, always, skip] = cell;
    Report report;
    const auto complain = [&report](const std::string& what) {
        report.problems += (report.problems.empty() ? "" : "; ") + what;
    };
    const bool late = row.expect == Expect::late || row.expect == Expect::late_unsent;
    const auto timeout = late ? 300ms : 20'000ms;
    const auto ran_before = world.runs();
    std::optional<Outcome> kept;  // a copy that does not count
    std::chrono::nanoseconds overrun{0};
    std::size_t passed_on = 0;
    std::size_t ran = 0;
    lookup_milliseconds = row.lookup_milliseconds;
    {
        FaultProxy::Options options;
        options.upstream = world.port;
        options.fault = row.fault;
        options.skip = skip;
        if (!always) options.times = 1;
        if (tls)
            options.certificate = certificate_for(row.certificate, world.authority, world.stranger,
                                                  {"localhost", "127.0.0.1", "slow.faas.test"});
        FaultProxy proxy{std::move(options)};

        HeapScope heap;
        {
            std::optional<Outcome> outcome;
            asio::io_context io{1};
            {
                const ExecutorOptions limits{
                    .invoke_timeout = timeout, .control_timeout = timeout, .deploy_timeout = timeout};
                FaasExecutor<TransportPolicy, NoAuth, CustomCodec<>> executor{
                    make_transport<TransportPolicy>(io, world), NoAuth{},
                    CustomCodec<>{{.base_url = proxy.url(row.host)}}, StandardResilience{}, limits};
                const auto deadline = Clock::now() + timeout;
                Lateness lateness{deadline};
                outcome =
                    run_within(io, perform(executor, named.operation, number, world.package, world.config, timeout),
                               timeout + 10s);
                const auto ended = Clock::now();
                overrun = ended - deadline - lateness.end();
                passed_on = proxy.passed_on();
                if (!outcome) complain("it did not end");
                proxy.settle();
                if (named.operation == Operation::invoke_async && passed_on > 0)  // runs when it has been answered
                    eventually([&] { return world.runs() > ran_before; });
                ran = world.runs() - ran_before;

                // The fault goes: the same executor works at once.
                const bool curable =
                    row.certificate == Certificate::good && !std::string_view{row.host}.ends_with("invalid");
                lookup_milliseconds = 0;
                proxy.set({});
                if (row.fault.kind == Kind::closed_after || row.fault.kind == Kind::told_408_after)
                    eventually([&] { return proxy.sessions() == 0; });
                if (curable && outcome) {
                    const auto after = run_within(
                        io, perform(executor, Operation::invoke_idempotent, 0, world.package, world.config, 10s), 15s);
                    judge_afterwards(after, named.operation, complain);
                }
            }
            io.restart();
            io.run_for(5s);
            if (!io.stopped()) complain("something of it still waits on the io_context");
            heap.stop();
            if (outcome && outcome->error) outcome->error->metrics.reset();  // not to be shared with the copy
            kept = outcome;
        }
        report.memory_left = HeapScope::live() != 0;
        if (report.memory_left)
            complain(std::to_string(HeapScope::live()) + " blocks of memory are left: " + HeapScope::sizes() +
                     " bytes");
        proxy.settle();
    }
    if (descriptors_before != 0 && !eventually([&] { return open_descriptors() == descriptors_before; }, 1s))
        complain(std::to_string(open_descriptors()) + " descriptors in place of " + std::to_string(descriptors_before));
    if (!kept) return report;
    const Outcome* const outcome = &*kept;

    std::ostringstream saw;
    if (outcome->error) {
        saw << *outcome->error << " {" << name_of(outcome->error->execution) << '}';
    } else {
        saw << "success" << (outcome->wrong.empty() ? "" : " with ") << outcome->wrong;
    }
    if (runs_job(named.operation)) saw << ", ran " << ran;
    report.saw = saw.str();

    if (overrun > margin)
        complain("ended " + std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(overrun).count()) +
                 " ms after its deadline");
    const bool unhealthy_is_right = named.operation == Operation::health_check && row.fault.kind == Kind::status &&
                                    row.fault.at == 503 && outcome->health == HealthState::unhealthy;
    if (!outcome->wrong.empty() && !unhealthy_is_right) complain("a success that is none");

    // What it says of the job's run must be true, whatever else it says.
    if (runs_job(named.operation)) {
        if (outcome->error && outcome->error->execution == Execution::not_started && ran != 0)
            complain("it says that the job did not start, and it ran");
        if (outcome->error && outcome->error->execution == Execution::started && ran == 0)
            complain("it says that the job started, and it did not");
        if (!outcome->error && ran == 0) complain("it succeeded, and nothing ran");
        if (!repeatable(named.operation) && ran > 1) complain("it ran more than once");
    } else if (!outcome->error && passed_on == 0 && row.fault.kind != Kind::status) {
        complain("it succeeded, and nothing reached the platform");
    }

    // One failure is survived by what may be repeated.
    Expect expect = row.expect;
    const bool quick = expect == Expect::infra || expect == Expect::unsent || expect == Expect::throttled;
    const bool cured =
        row.certificate == Certificate::good && std::string_view{row.host} == "127.0.0.1" && row.fault.at != 302;
    const bool again = repeatable(named.operation) || expect == Expect::throttled || expect == Expect::unsent;
    if (!always && quick && cured && again) expect = Expect::success;
    if (row.body_matters && named.operation == Operation::undeploy_job) expect = Expect::success;
    if (unhealthy_is_right) expect = Expect::success;
    // Who is faster decides whether a byte goes out before the end is seen; if none did, the call is sent again.
    if (!always && row.fault.kind == Kind::hang_up && !outcome->error) expect = Expect::success;
    const auto code = outcome->error ? std::optional{outcome->error->code} : std::nullopt;
    const bool certainly_not = outcome->error && outcome->error->execution == Execution::not_started;
    switch (expect) {
        case Expect::success:
            if (code) complain("it should have succeeded");
            break;
        case Expect::unsent:
            if (code != errc::infrastructure) complain("it should have been `infrastructure`");
            if (!certainly_not) complain("it should have said that nothing started");
            break;
        case Expect::infra:
            if (code != errc::infrastructure) complain("it should have been `infrastructure`");
            break;
        case Expect::late:
            if (code != errc::timed_out) complain("it should have been `timed_out`");
            break;
        case Expect::late_unsent:
            if (code != errc::timed_out) complain("it should have been `timed_out`");
            if (!certainly_not) complain("it should have said that nothing started");
            break;
        case Expect::unreadable:
            if (code != errc::serialization) complain("it should have been `serialization`");
            break;
        case Expect::throttled:
            if (code != errc::throttled) complain("it should have been `throttled`");
            break;
    }
    return report;
}

template <class TransportPolicy>
void run_matrix(bool always) {
    const bool tls = TransportPolicy::confidential;
    World world;
    std::uint64_t number = 0;
    std::size_t cells = 0;
    std::ostringstream failed_cells;
    std::size_t failed = 0;
    // The first run fills what the process keeps for good.
    for (const auto& row : {rows()[0], rows()[1], rows()[2]}) {
        world.deploy();
        (void)run_cell<TransportPolicy>(world, {row, all_operations[0], tls}, ++number, 0);
    }
    const auto descriptors = settled_descriptors();
    for (const auto& row : rows()) {
        if (row.wire == (tls ? Wire::plain : Wire::tls)) continue;
        const bool late = row.expect == Expect::late || row.expect == Expect::late_unsent;
        const bool lasting = row.certificate != Certificate::good || std::string_view{row.host} != "127.0.0.1";
        if (!always && (late || lasting || row.fault.kind == Kind::refuse || row.expect == Expect::success)) continue;
        for (const auto& named : all_operations) {
            if (!exists(named.operation)) continue;
            // A deployment looks first and then uploads; each may be the one that meets the fault.
            const std::size_t exchanges = !always && named.operation == Operation::deploy_job ? 2 : 1;
            for (std::size_t skip = 0; skip < exchanges; ++skip) {
                world.deploy();
                const Cell cell{row, named, tls, always, skip};
                auto report = run_cell<TransportPolicy>(world, cell, ++number, descriptors);
                if (report.memory_left) {  // OpenSSL keeps some for good when something happens for the first time
                    world.deploy();
                    report = run_cell<TransportPolicy>(world, cell, ++number, descriptors);
                }
                ++cells;
                if (report.problems.empty()) continue;
                ++failed;
                failed_cells << "\n  " << row.name << " | " << named.name << (skip > 0 ? ", 2nd exchange" : "") << " | "
                             << report.problems << " | saw: " << report.saw;
            }
        }
    }
    MESSAGE("cells: ", cells, ", failed: ", failed);
    CHECK_MESSAGE(failed == 0, "fault | operation | what is wrong | what was seen" << failed_cells.str());
}

}  // namespace

TEST_CASE("matrix: a fault that stays, over plain HTTP") { run_matrix<LoopbackTransport>(true); }
TEST_CASE("matrix: a fault that stays, over TLS") { run_matrix<HttpsTransport>(true); }
TEST_CASE("matrix: a fault that comes once, over plain HTTP") { run_matrix<LoopbackTransport>(false); }
TEST_CASE("matrix: a fault that comes once, over TLS") { run_matrix<HttpsTransport>(false); }

TEST_CASE("matrix: thirty seconds of silence, met by all operations at once") {
    World world;
    world.deploy();
    FaultProxy::Options options;
    options.upstream = world.port;
    options.fault = {.kind = Kind::silent};
    FaultProxy proxy{std::move(options)};
    asio::io_context io{1};
    const ExecutorOptions limits{.invoke_timeout = 30s, .control_timeout = 30s, .deploy_timeout = 30s};
    FaasExecutor<LoopbackTransport, NoAuth, CustomCodec<>> executor{LoopbackTransport{io.get_executor()}, NoAuth{},
                                                                    CustomCodec<>{{.base_url = proxy.url()}},
                                                                    StandardResilience{}, limits};
    struct Ended {
        std::optional<Outcome> outcome{};
        Clock::time_point when{};
    };
    std::array<Ended, all_operations.size()> ended{};
    std::size_t left = 0;
    const auto deadline = Clock::now() + 30s;
    Lateness lateness{deadline};
    for (std::size_t i = 0; i < ended.size(); ++i) {
        if (!exists(all_operations[i].operation)) continue;
        ++left;
        asio::co_spawn(io, perform(executor, all_operations[i].operation, i, world.package, world.config, 30s),
                       [&left, &one = ended[i]](std::exception_ptr, Outcome outcome) {
                           one.outcome = std::move(outcome);
                           one.when = Clock::now();
                           --left;
                       });
    }
    while (left > 0 && Clock::now() < deadline + 20s) io.run_one_until(deadline + 20s);
    const auto late = lateness.end();
    for (std::size_t i = 0; i < ended.size(); ++i) {
        if (!exists(all_operations[i].operation)) continue;
        CAPTURE(all_operations[i].name);
        REQUIRE(ended[i].outcome);
        REQUIRE(ended[i].outcome->error);
        CHECK(ended[i].outcome->error->code == errc::timed_out);
        CHECK(ended[i].when >= deadline - 50ms);
        CHECK(ended[i].when <= deadline + margin + late);
    }
    CHECK(proxy.settle());
}

}  // namespace matrix_test
