// Every fault met by every operation: the right error, the truth about whether the job ran, an end within the deadline,
// nothing left behind, and an executor that works again as soon as the fault is gone.
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "lab.hpp"
#include "support/fault_proxy.hpp"
#include "support/run.hpp"
#include "support/self_signed.hpp"
#include "world.hpp"

#include <algorithm>
#include <iostream>
#include <sstream>
#include <vector>

namespace matrix_test {

using namespace tests;

namespace {

using Kind = Fault::Kind;

enum class Wire : std::uint8_t { both, plain, tls };

// What an operation that meets the fault every time has to say.
enum class Expect : std::uint8_t {
    success,
    unsent,       // infrastructure, and it certainly did not run
    infra,        // infrastructure
    late,         // timed out at the deadline
    late_unsent,  // the same, and it certainly did not run
    unreadable,   // serialization
    throttled,
};

// Certificates that the proxy may have.
enum class Certificate : std::uint8_t { good, other_host, expired, future, stranger, self_signed };

struct Row {
    const char* name;
    Fault fault;
    Expect expect;
    Wire wire = Wire::both;
    const char* host = "127.0.0.1";
    Certificate certificate = Certificate::good;
    int lookup_milliseconds = 0;
    bool body_matters = false;  // who needs no body of the answer succeeds
};

const std::vector<Row>& rows() {
    static const std::vector<Row> table{
        {"nothing", {}, Expect::success},
        {"refused", {.kind = Kind::refuse}, Expect::unsent},
        {"the name does not exist", {}, Expect::unsent, Wire::both, "none.invalid"},
        {"the look-up takes too long", {}, Expect::late_unsent, Wire::both, "slow.faas.test", Certificate::good, 700},
        {"never accepted", {.kind = Kind::never_accept}, Expect::late, Wire::plain},
        {"never accepted, TLS", {.kind = Kind::never_accept}, Expect::late_unsent, Wire::tls},
        {"no answer to the connection request", {.kind = Kind::full_queue}, Expect::late_unsent},
        {"closed when accepted", {.kind = Kind::hang_up}, Expect::infra, Wire::plain},
        {"reset when accepted", {.kind = Kind::hang_up, .reset = true}, Expect::infra, Wire::plain},
        {"closed when accepted, TLS", {.kind = Kind::hang_up}, Expect::unsent, Wire::tls},
        {"reset when accepted, TLS", {.kind = Kind::hang_up, .reset = true}, Expect::unsent, Wire::tls},
        {"no TLS", {.kind = Kind::not_tls}, Expect::unsent, Wire::tls},
        {"another host's certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::other_host},
        {"an expired certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::expired},
        {"a future certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::future},
        {"a stranger's certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::stranger},
        {"a self-signed certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::self_signed},
        {"handshake closed after 0 bytes", {.kind = Kind::cut_raw, .at = 0}, Expect::unsent, Wire::tls},
        {"handshake closed after 1 byte", {.kind = Kind::cut_raw, .at = 1}, Expect::unsent, Wire::tls},
        {"handshake closed after 5 bytes", {.kind = Kind::cut_raw, .at = 5}, Expect::unsent, Wire::tls},
        {"handshake closed after 90 bytes", {.kind = Kind::cut_raw, .at = 90}, Expect::unsent, Wire::tls},
        {"handshake closed after 300 bytes", {.kind = Kind::cut_raw, .at = 300}, Expect::unsent, Wire::tls},
        {"handshake reset after 5 bytes", {.kind = Kind::cut_raw, .at = 5, .reset = true}, Expect::unsent, Wire::tls},
        {"handshake reset after 300 bytes",
         {.kind = Kind::cut_raw, .at = 300, .reset = true},
         Expect::unsent,
         Wire::tls},
        {"closed with the request unread", {.kind = Kind::unread}, Expect::infra},
        {"reset with the request unread", {.kind = Kind::unread, .reset = true}, Expect::infra},
        {"closed inside the request", {.kind = Kind::half_read, .at = 20}, Expect::infra},
        {"reset inside the request", {.kind = Kind::half_read, .at = 20, .reset = true}, Expect::infra},
        {"closed before it is passed on", {.kind = Kind::swallow}, Expect::infra},
        {"reset before it is passed on", {.kind = Kind::swallow, .reset = true}, Expect::infra},
        {"held and not passed on", {.kind = Kind::hold}, Expect::late},
        {"closed in place of the answer", {.kind = Kind::lost}, Expect::infra},
        {"reset in place of the answer", {.kind = Kind::lost, .reset = true}, Expect::infra},
        {"half-closed in place of the answer", {.kind = Kind::half_close}, Expect::infra},
        {"closed inside the head", {.kind = Kind::cut_head}, Expect::infra},
        {"reset inside the head", {.kind = Kind::cut_head, .reset = true}, Expect::infra},
        {"closed inside the body", {.kind = Kind::cut_body}, Expect::infra},
        {"reset inside the body", {.kind = Kind::cut_body, .reset = true}, Expect::infra},
        {"half-closed inside the body", {.kind = Kind::half_close_in_body}, Expect::infra},
        {"silent inside the body", {.kind = Kind::stop_in_body}, Expect::late},
        {"in chunks", {.kind = Kind::chunked}, Expect::success},
        {"closed inside a chunk", {.kind = Kind::chunk_cut}, Expect::infra},
        {"closed before the last chunk", {.kind = Kind::chunk_no_end}, Expect::infra},
        {"a chunk size that is no number", {.kind = Kind::chunk_garbage}, Expect::unreadable},
        {"length too long, closed", {.kind = Kind::length_long}, Expect::infra},
        {"length too long, silent", {.kind = Kind::length_long_silent}, Expect::late},
        {.name = "length too short",
         .fault = {.kind = Kind::length_short},
         .expect = Expect::unreadable,
         .body_matters = true},
        {"two lengths", {.kind = Kind::lengths_differ}, Expect::unreadable},
        {"one byte a write", {.kind = Kind::bytewise}, Expect::success},
        {"one byte every 20 ms", {.kind = Kind::bytewise, .pause = 20ms}, Expect::late},
        {"silence", {.kind = Kind::silent}, Expect::late},
        {"another protocol", {.kind = Kind::garbage}, Expect::unreadable},
        {"zeros", {.kind = Kind::zeros}, Expect::unreadable},
        {"garbage behind the answer", {.kind = Kind::garbage_after}, Expect::success},
        {"a head of 128 KiB", {.kind = Kind::big_head}, Expect::unreadable},
        {"eight interim answers", {.kind = Kind::interim_some, .at = 8}, Expect::success},
        {"closed after each answer", {.kind = Kind::closed_after}, Expect::success},
        {"reset after each answer", {.kind = Kind::closed_after, .reset = true}, Expect::success},
        {"an unasked 408 after each answer", {.kind = Kind::told_408_after}, Expect::success},
        {"a TLS record with a wrong bit", {.kind = Kind::corrupt_record}, Expect::infra, Wire::tls},
        {.name = "no JSON", .fault = {.kind = Kind::no_json}, .expect = Expect::unreadable, .body_matters = true},
        {.name = "an empty answer", .fault = {.kind = Kind::empty}, .expect = Expect::unreadable, .body_matters = true},
        {"HTTP 500", {.kind = Kind::status, .at = 500}, Expect::infra},
        {"HTTP 503", {.kind = Kind::status, .at = 503}, Expect::infra},
        {"HTTP 429", {.kind = Kind::status, .at = 429}, Expect::throttled},
        {"HTTP 302", {.kind = Kind::status, .at = 302}, Expect::infra},
    };
    return table;
}

local::Certificate certificate_for(const World& world, Certificate which) {
    using namespace std::chrono_literals;
    switch (which) {
        case Certificate::good: break;
        case Certificate::other_host: return ok(world.authority.issue({"other.example"}));
        case Certificate::expired: return ok(world.authority.issue({"localhost"}, {.begins = -2h, .ends = -1h}));
        case Certificate::future: return ok(world.authority.issue({"localhost"}, {.begins = 1h, .ends = 2h}));
        case Certificate::stranger: return ok(world.stranger.issue({"localhost"}));
        case Certificate::self_signed: {
            auto made = blueprint::faas::test::make_self_signed();
            return {.certificate = made.certificate, .private_key = Secret{made.key}};
        }
    }
    return ok(world.authority.issue({"localhost", "127.0.0.1", "slow.faas.test", "none.invalid"}));
}

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
        if (tls) options.certificate = certificate_for(world, row.certificate);
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
