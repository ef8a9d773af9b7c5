// The operations of every provider meet every fault of the wire, over TLS and a proxy that stands before all hosts of a
// platform in memory: identity services, management APIs, storage, and the functions themselves. And two warm
// operations of each provider at each of their steps: system calls, TLS, the clock. What must hold: it ends, nothing is
// left behind, its success is one, what it says of the job's run is true, it tells no secret, and the same executor
// works again at once. By default each operation of each provider meets one fault, which is another one for each, so
// that all faults are met; and each fifth step fails. BLUEPRINT_FAAS_FAULTS=all: all of them.
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/start.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "fault_rows.hpp"
#include "judgement.hpp"
#include "lab.hpp"
#include "passing_world.hpp"
#include "platform.hpp"
#include "support/fault_proxy.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <time.h>
#include <vector>

namespace wire_test {

using namespace tests;
using Kind = Fault::Kind;

namespace {

bool all_cells() {
    const char* text = std::getenv("BLUEPRINT_FAAS_FAULTS");
    return text != nullptr && std::string_view{text} == "all";
}

// Not the clock that StepFault moves.
std::chrono::nanoseconds real_time() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

// Runs something to its end, or nothing if it has none within `limit`.
template <class T>
std::optional<T> drive(asio::io_context& io, asio::awaitable<T> operation, std::chrono::milliseconds limit = 20s) {
    std::optional<T> outcome;
    start(io, std::move(operation), [&outcome](T value) { outcome.emplace(std::move(value)); });
    const auto end = real_time() + limit;
    io.restart();
    while (!outcome && real_time() < end) {
        io.run_one_for(20ms);
        if (io.stopped()) io.restart();
    }
    return outcome;
}

HttpRequest request_of(const ProxyRequest& text) {
    HttpRequest request;
    std::istringstream head{text.head()};
    std::string verb;
    std::string line;
    head >> verb >> request.target;
    for (const auto one : {Verb::get, Verb::head, Verb::post, Verb::put, Verb::patch, Verb::del})
        if (verb == to_string(one)) request.verb = one;
    std::getline(head, line);
    while (std::getline(head, line) && line != "\r") {
        const auto colon = line.find(": ");
        const auto name = line.substr(0, colon);
        const auto value = line.substr(colon + 2, line.size() - colon - 3);
        if (name == "Host") request.origin.host = value;
        // Platforms in memory know requests as transports get them.
        static const std::set<std::string> of_the_transport{"Host", "Content-Length", "Connection", "Accept-Encoding",
                                                            "User-Agent"};
        if (!of_the_transport.contains(name)) request.headers.add(name, value);
    }
    request.body = text.body();
    return request;
}
std::string text_of(const HttpResponse& answer, Verb asked) {
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\n" + std::string{answer.headers.text()};
    if (answer.status != 204 && !answer.headers.get("Content-Length"))
        text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
    return text + "\r\n" + (asked == Verb::head ? std::string{} : answer.body);
}

// A platform in memory that is asked from several threads, and whose names are known.
class Served {
public:
    explicit Served(MakePlatform make) : make_{make} { renew(); }
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;
    ~Served() { time_passed = before_; }

    // A platform with a deployed job, of which there are two revisions where there may be several.
    void renew() {
        platform_ = make_();
        asio::io_context io{1};
        AnyTransport transport{io.get_executor(),
                               [this](const HttpRequest& request, Deadline) -> asio::awaitable<result<HttpResponse>> {
                                   co_return ask(request);
                               }};
        const auto client = platform_->client(transport, {});
        for (const std::uint64_t number : {std::uint64_t{999'999}, std::uint64_t{0}}) {
            const auto done = drive(io, client->perform(Operation::deploy_job, number, 60s), 60s);
            REQUIRE(done);
            if (done->error) FAIL(done->error->message);
        }
        platform_->job.truth.revision = drive(io, client->older_revision()).value_or("");
        for (const auto operation : {Operation::invoke, Operation::get_deployment})
            drive(io, client->perform(operation, 1, 60s));
    }
    result<HttpResponse> ask(const HttpRequest& request) {
        const std::lock_guard lock{mutex_};
        names_.insert(request.origin.host);
        return platform_->answer(request);
    }
    std::string answer(const ProxyRequest& text) {
        const auto request = request_of(text);
        try {
            return text_of(ask(request).value(), request.verb);
        } catch (const std::exception&) {
            return answer_text(500, "{}");
        }
    }
    std::size_t runs() {
        const std::lock_guard lock{mutex_};
        return platform_->runs();
    }
    std::vector<std::string> names() {
        const std::lock_guard lock{mutex_};
        return {names_.begin(), names_.end()};
    }
    Platform& platform() noexcept { return *platform_; }

private:
    MakePlatform make_;
    decltype(time_passed.load()) before_ = time_passed.exchange(&real_time);
    std::mutex mutex_{};
    std::unique_ptr<Platform> platform_{};
    std::set<std::string> names_{};
};

struct Provider {
    const char* name;
    MakePlatform make;
};
constexpr Provider providers[] = {{"custom", &make_custom},         {"AWS Lambda", &make_aws},
                                  {"Cloud Run", &make_cloud_run},   {"Cloud Functions", &make_cloud_functions},
                                  {"Azure Functions", &make_azure}, {"DigitalOcean", &make_digitalocean},
                                  {"OpenWhisk", &make_openwhisk}};

const local::CertificateAuthority& authority() {
    static const auto made = ok(local::CertificateAuthority::create());
    return made;
}
const local::CertificateAuthority& stranger() {
    static const auto made = ok(local::CertificateAuthority::create());
    return made;
}

// An executor over TLS.
std::unique_ptr<Client> client_of(asio::io_context& io, Served& served, std::chrono::milliseconds timeout) {
    const auto https = std::make_shared<HttpsTransport>(
        io.get_executor(), TlsOptions{.system_roots = false, .extra_roots = authority().certificate()});
    AnyTransport transport{io.get_executor(), [https](const HttpRequest& request, Deadline deadline) {
                               return https->exchange(request, deadline);
                           }};
    return served.platform().client(transport,
                                    {.invoke_timeout = timeout, .control_timeout = timeout, .deploy_timeout = timeout});
}

// What one cell does between the making of its executor and the look at what it left.
using Perform = std::function<std::optional<Outcome>(asio::io_context&, Client&, Seen&)>;

// Runs what must leave nothing behind, and judges its outcome.
class Cell {
public:
    Cell(Served& served, FaultProxy& proxy, Operation operation)
        : served_{served}, proxy_{proxy}, operation_{operation} {}

    void complain(const std::string& what) {
        const HeapScope::Pause what_is_kept;
        problems += (problems.empty() ? "" : "; ") + what;
    }

    // `cured` makes the fault go.
    Seen run(std::chrono::milliseconds timeout, bool warm, bool spoiled, const Perform& perform,
             const std::function<bool()>& cured) {
        Seen seen;
        std::optional<Outcome> kept;
        std::size_t ran = 0;
        std::size_t passed_on = 0;
        HeapScope heap;
        {
            std::optional<Outcome> ended;
            asio::io_context io{1};
            asio::steady_timer reactor{io};  // made now, so that what it needs for itself is not what fails
            {
                const auto client = client_of(io, served_, timeout);
                if (warm) {
                    const auto before = drive(io, client->perform(operation_, 5, timeout));
                    if (!before || before->error) complain("it did not work before");
                }
                proxy_.settle();
                const auto ran_before = served_.runs();
                const auto passed_before = proxy_.passed_on();
                ended = perform(io, *client, seen);
                if (!ended) complain("it did not end");
                proxy_.settle();
                ran = served_.runs() - ran_before;
                passed_on = proxy_.passed_on() - passed_before;
                if (ended && cured()) work_again(io, *client);
            }
            io.restart();
            const auto end = real_time() + 3s;
            while (!io.stopped() && real_time() < end) io.run_one_for(20ms);
            if (!io.stopped()) complain("something of it still waits on the io_context");
            heap.stop();
            if (ended && ended->error) ended->error->metrics.reset();  // not to be shared with the copy
            kept = ended;
        }
        if (HeapScope::live() != 0)
            complain(std::to_string(HeapScope::live()) + " blocks of memory are left: " + HeapScope::sizes() +
                     " bytes");
        if (!kept || !seen.reached || !seen.injected) return seen;
        judge_outcome(*kept, operation_, seen,
                      {.ran = ran, .passed_on = passed_on, .spoiled = spoiled, .excused = excused},
                      [this](const std::string& what) { complain(what); });
        outcome = kept;
        if (!kept->error) return seen;
        std::ostringstream told;
        told << *kept->error;
        for (const auto& secret : served_.platform().secrets)
            if (told.str().find(secret) != std::string::npos) complain("it tells a secret");
        saw = told.str() + " {" + std::string{name_of(kept->error->execution)} + "}, ran " + std::to_string(ran);
        return seen;
    }

    bool excused = false;  // other bytes are another result
    std::string problems{};
    std::string saw{};
    std::optional<Outcome> outcome{};

private:
    void work_again(asio::io_context& io, Client& client) {
        const auto good = [this](const std::string& what) { complain(what); };
        if (changes(operation_))
            judge_afterwards(perform_again(io, client, Operation::deploy_job, 7), Operation::invoke, good);
        judge_afterwards(perform_again(io, client, Operation::invoke_idempotent, 8), Operation::invoke, good);
    }

    // A token that could not be had is not asked for again before a pause.
    std::optional<Outcome> perform_again(asio::io_context& io, Client& client, Operation operation,
                                         std::uint64_t number) {
        auto after = drive(io, client.perform(operation, number, 20s));
        const auto& host = served_.platform().token_host;
        if (!after || !after->error || host.empty() || after->error->message.find(host) == std::string::npos)
            return after;
        drive(io, pass(io, after->error->retry_after.value_or(1s)));
        return drive(io, client.perform(operation, number, 20s));
    }
    static asio::awaitable<bool> pass(asio::io_context& io, std::chrono::milliseconds time) {
        asio::steady_timer timer{io, time};
        co_await timer.async_wait(asio::use_awaitable);
        co_return true;
    }

    Served& served_;
    FaultProxy& proxy_;
    Operation operation_;
};

// --- faults of the wire

std::string meet_once(Served& served, const Named& named, const Row& row, std::size_t skip) {
    const bool late = row.expect == Expect::late || row.expect == Expect::late_unsent;
    const auto timeout = late ? 300ms : 20'000ms;
    const bool no_names = std::string_view{row.host}.ends_with("invalid");
    if (changes(named.operation)) served.renew();
    FaultProxy::Options options;
    options.backend = [&served](const ProxyRequest& request) { return served.answer(request); };
    options.fault = row.fault;
    options.skip = skip;
    options.certificate = certificate_for(row.certificate, authority(), stranger(), served.names());
    FaultProxy proxy{std::move(options)};
    std::optional<AllHosts> hosts;
    hosts.emplace(proxy.port(), !no_names);
    lookup_milliseconds = row.lookup_milliseconds;
    Cell cell{served, proxy, named.operation};
    cell.excused = row.body_matters && runs_job(named.operation) && served.platform().gives_results("/api/run");
    Clock::time_point deadline{};
    std::chrono::nanoseconds overrun{0};
    const auto seen = cell.run(
        timeout, false, row.fault.kind != Kind::none,
        [&](asio::io_context& io, Client& client, Seen&) {
            deadline = Clock::now() + timeout;
            Lateness lateness{deadline};
            auto outcome = drive(io, client.perform(named.operation, 3, timeout), timeout + 10s);
            overrun = Clock::now() - deadline - lateness.end();
            return outcome;
        },
        [&] {
            lookup_milliseconds = 0;
            proxy.set({});
            if (row.fault.kind == Kind::closed_after || row.fault.kind == Kind::told_408_after)
                eventually([&] { return proxy.sessions() == 0; });
            hosts.reset();
            hosts.emplace(proxy.port());
            return !late && row.certificate == Certificate::good;  // a deadline of 300 ms is no time to start anew
        });
    if (overrun > margin) cell.complain("ended " + std::to_string(overrun / 1ms) + " ms after its deadline");
    const auto& outcome = cell.outcome;
    const bool asks = named.operation != Operation::describe_platform || skip != 0 || served.names().size() == 1;
    if (outcome && asks && seen.reached) {
        const bool failed = outcome->error.has_value();
        const auto code = failed ? std::optional{outcome->error->code} : std::nullopt;
        const bool certainly_not = failed && outcome->error->execution == Execution::not_started;
        if (row.expect == Expect::success && failed) cell.complain("it should have succeeded");
        if (skip == 0 && failed && (row.expect == Expect::unsent || row.expect == Expect::late_unsent) &&
            !certainly_not)
            cell.complain("it should have said that nothing started");
        if (failed && late && code != errc::timed_out) cell.complain("it should have been `timed_out`");
    }
    return cell.problems.empty() ? std::string{} : cell.problems + " | saw: " + cell.saw;
}

void meet(Served& served, const Named& named, const Row& row, const std::string& what, std::size_t skip,
          Findings& findings) {
    auto problems = meet_once(served, named, row, skip);
    if (problems.find("memory") != std::string::npos)  // OpenSSL keeps some for good at the first time
        problems = meet_once(served, named, row, skip);
    ++findings.cells;
    if (!problems.empty())
        findings.add(what + " | " + named.name + (skip != 0 ? ", last exchange" : "") + " | " + row.name, problems);
}

// How many exchanges an undisturbed operation makes.
std::size_t exchanges_of(Served& served, const char* provider, const Named& named) {
    if (changes(named.operation)) served.renew();
    FaultProxy::Options options;
    options.backend = [&served](const ProxyRequest& request) { return served.answer(request); };
    options.certificate = certificate_for(Certificate::good, authority(), stranger(), served.names());
    FaultProxy proxy{std::move(options)};
    const AllHosts hosts{proxy.port()};
    asio::io_context io{1};
    {
        const auto client = client_of(io, served, 20s);
        const auto done = drive(io, client->perform(named.operation, 2, 20s));
        REQUIRE(done);
        const auto name = std::string{provider} + ", " + named.name;
        CAPTURE(name);
        if (done->error) FAIL(done->error->message);
        CHECK(done->wrong == "");
    }
    io.restart();
    io.run_for(1s);
    return proxy.passed_on();
}

// --- steps

void fail_steps(const Provider& provider, Operation operation, const char* name, Findings& findings) {
    Served served{provider.make};
    FaultProxy::Options options;
    options.backend = [&served](const ProxyRequest& request) { return served.answer(request); };
    options.certificate = certificate_for(Certificate::good, authority(), stranger(), served.names());
    FaultProxy proxy{std::move(options)};
    const AllHosts hosts{proxy.port()};
    const auto run = [&](std::size_t nth, std::size_t variant, Cell& cell) {
        return cell.run(
            10s, true, false,
            [&](asio::io_context& io, Client& client, Seen& seen) {
                std::optional<Outcome> outcome;
                {
                    const StepFault fault{nth, variant};
                    outcome = drive(io, client.perform(operation, 6, 10s), 8s);
                }
                seen.reached = StepFault::reached();
                seen.injected = StepFault::injected();
                seen.harmless = StepFault::harmless();
                return outcome;
            },
            [] { return true; });
    };
    for (int i = 0; i < 3; ++i) {  // the first runs fill what the process keeps for good
        Cell cell{served, proxy, operation};
        run(~std::size_t{0}, 0, cell);
    }
    eventually([&] { return proxy.sessions() == 0; });
    const auto descriptors = settled_descriptors();
    const std::size_t stride = all_cells() ? 1 : 5;
    bool over = false;
    for (std::size_t nth = 0; !over; nth += stride) {
        for (std::size_t variant = 0; !over; ++variant) {
            Seen seen;
            std::string problems;
            for (int time = 0; time < 2; ++time) {  // OpenSSL keeps some for good at the first time
                Cell cell{served, proxy, operation};
                seen = run(nth, variant, cell);
                if (!eventually([&] { return proxy.sessions() == 0; })) cell.complain("a connection stays open");
                if (!eventually([&] { return open_descriptors() == descriptors; }, 1s))
                    cell.complain("descriptors are left");
                problems = cell.problems.empty() ? "" : cell.problems + " | saw: " + cell.saw;
                if (problems.find("memory") == std::string::npos) break;
            }
            over = !seen.reached;
            if (!seen.reached || !seen.injected) break;
            ++findings.cells;
            if (!problems.empty())
                findings.add(std::string{provider.name} + " | " + name + " | step " + std::to_string(nth) + ", " +
                                 StepFault::what(),
                             problems);
        }
    }
}

}  // namespace

TEST_CASE("wire: every operation of every provider meets faults over TLS") {
    std::vector<const Row*> table;
    for (const auto& row : rows())
        if (row.wire != Wire::plain) table.push_back(&row);
    Findings findings{setting("BLUEPRINT_FAAS_FAULTS_SHOWN", 25)};
    std::set<const Row*> met;
    std::size_t turn = 0;
    std::ostringstream counts;
    for (const auto& provider : providers) {
        Served served{provider.make};
        const auto cells_before = findings.cells;
        for (const auto& named : all_operations) {
            if (!served.platform().has(named.operation)) continue;
            const auto exchanges = exchanges_of(served, provider.name, named);
            if (exchanges == 0) continue;
            for (const std::size_t skip : {std::size_t{0}, exchanges - 1}) {
                if (skip == 0 && exchanges > 1 && !all_cells() && turn % 2 == 1) {
                    // Of two places, each second operation meets its fault at the last exchange.
                    continue;
                }
                for (std::size_t i = 0; i < (all_cells() ? table.size() : 1); ++i) {
                    const auto* row = table[(turn + i) % table.size()];
                    meet(served, named, *row, provider.name, skip, findings);
                    met.insert(row);
                }
                if (!all_cells() || exchanges == 1) break;
            }
            ++turn;
        }
        counts << ' ' << provider.name << ' ' << findings.cells - cells_before << ',';
    }
    MESSAGE("cells: ", findings.cells, ", failed: ", findings.failed, " |", counts.str());
    CHECK(met.size() == table.size());
    CHECK_MESSAGE(findings.failed == 0, "provider | operation | fault | what is wrong" << findings.text.str());
}

TEST_CASE("wire: every step of a warm invoke and of get_deployment of every provider fails") {
    Findings findings{setting("BLUEPRINT_FAAS_FAULTS_SHOWN", 25)};
    std::ostringstream counts;
    for (const auto& provider : providers) {
        const auto before = findings.cells;
        fail_steps(provider, Operation::invoke, "invoke", findings);
        fail_steps(provider, Operation::get_deployment, "get_deployment", findings);
        counts << ' ' << provider.name << ' ' << findings.cells - before << ',';
        CHECK(findings.cells > before);
    }
    MESSAGE("cells: ", findings.cells, ", failed: ", findings.failed, " |", counts.str());
    CHECK_MESSAGE(findings.failed == 0, "provider | operation | step | what is wrong" << findings.text.str());
}

}  // namespace wire_test
