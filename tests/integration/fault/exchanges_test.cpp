// Every exchange of every operation of every provider fails in every way, once or for ever, and is the last one before
// a cancellation: over platforms in memory, with the real auths, whose exchanges count too, and by a hand clock, so
// that no pause takes time. What must hold: it ends by its deadline, it leaves nothing behind, its success is one and
// the platform is then as it says, what it says of the job's run is true, it tells no secret, and the executor works
// again at once.
#include "blueprint/faas/start.hpp"
#include "exchange_ways.hpp"
#include "judgement.hpp"
#include "lab.hpp"
#include "platform.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <iostream>
#include <map>
#include <set>

namespace exchanges_test {

using namespace tests;

namespace {

constexpr auto never = ~std::size_t{0};
constexpr auto exchange_time = 10ms;  // of each, so that who repeats for ever comes to his deadline
constexpr std::size_t most_exchanges = 500;
constexpr std::chrono::milliseconds longest_memory = 1s;  // of a refused token, by `TokenRules::max_bare_pause`

// What happens to which exchange.
struct Plan {
    std::size_t nth = never;
    NamedWay way = all_ways[0];
    bool lasting = false;  // to all later ones of the same address, too
    // Instead: the operation is cancelled, before or after the platform is asked.
    enum class Cancel : std::uint8_t { no, before, after } cancel = Cancel::no;
};

// What lies between one executor and its platform.
class Line {
public:
    Line(asio::io_context& io, Platform& platform) : io_{io}, platform_{platform} {}
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    AnyTransport transport() {
        return {io_.get_executor(),
                [this](const HttpRequest& request, Deadline deadline) { return exchange(request, deadline); }};
    }
    // Begins a plan; `cancel` is called where it says so.
    void begin(const Plan& plan, std::function<void()> cancel = {}) {
        plan_ = plan;
        cancel_ = std::move(cancel);
        counted_ = 0;
        passed_on_ = 0;
        address_.clear();
    }
    bool reached() const noexcept { return counted_ > plan_.nth; }
    std::size_t counted() const noexcept { return counted_; }
    std::size_t passed_on() const noexcept { return passed_on_; }
    const std::string& address() const noexcept { return address_; }
    std::string choked{};  // what the platform could not make anything of

private:
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline deadline) {
        co_await asio::this_coro::throw_if_cancelled(false);
        if (!request.headers.refused().empty()) co_return failure(errc::invalid_configuration, Execution::not_started);
        const auto where = address_of(request);
        const bool nth = counted_++ == plan_.nth;
        if (nth) address_ = where;
        const bool met = nth || (plan_.lasting && where == address_);
        const auto arrives_at = Clock::now() + exchange_time;
        if (!co_await waited(std::min(arrives_at, deadline)))
            co_return failure(errc::cancelled, Execution::not_started);
        if (Clock::now() >= deadline) co_return failure(errc::timed_out, Execution::not_started);
        if (met && plan_.cancel == Plan::Cancel::before) {
            asio::post(io_, cancel_);
            const bool passed = co_await waited(deadline);
            co_return failure(passed ? errc::timed_out : errc::cancelled, Execution::not_started);
        }
        const bool spoiled = met && plan_.cancel == Plan::Cancel::no;
        if (spoiled && plan_.way.way == Way::unsent) co_return failure(errc::infrastructure, Execution::not_started);
        if (spoiled && !plan_.way.arrives()) {
            HttpResponse refusal;
            spoil_answer(plan_.way, refusal, {});
            co_return refusal;
        }
        if (request.upload_progress) request.upload_progress(request.body.size(), request.body.size());
        auto given = ask(request);
        if (met && plan_.cancel == Plan::Cancel::after) {
            asio::post(io_, cancel_);
            const bool passed = co_await waited(deadline);
            co_return failure(passed ? errc::timed_out : errc::cancelled, Execution::unknown);
        }
        if (spoiled && plan_.way.way == Way::lost) co_return failure(errc::infrastructure, Execution::unknown);
        if (spoiled && plan_.way.way == Way::late) {
            const bool passed = co_await waited(deadline);
            co_return failure(passed ? errc::timed_out : errc::cancelled, Execution::unknown);
        }
        if (!given) co_return given;
        HttpResponse answer = *given;  // a copy is the client's, and counts
        if (spoiled) spoil_answer(plan_.way, answer, before_);
        before_ = given->body;
        if (request.sink && answer.status / 100 == 2) {
            const auto body = std::exchange(answer.body, {});
            if (auto begun = request.sink->begin(answer); !begun) co_return std::move(begun).error();
            if (auto taken = request.sink->write(body); !taken) co_return std::move(taken).error();
        }
        co_return answer;
    }
    static Error failure(errc code, Execution execution) {
        return {.code = code,
                .message = "the test has broken this exchange",
                .retryable = code == errc::infrastructure,
                .execution = execution};
    }
    static std::string address_of(const HttpRequest& request) {
        return std::string{to_string(request.verb)} + ' ' + to_string(request.origin) +
               request.target.substr(0, request.target.find('?'));
    }
    // False: cancelled before that.
    asio::awaitable<bool> waited(Deadline until) {
        asio::steady_timer timer{io_, until};
        const auto [failed] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        co_return !failed;
    }
    result<HttpResponse> ask(const HttpRequest& request) {
        const HeapScope::Pause the_platforms_own;
        ++passed_on_;
        try {
            return platform_.answer(request);
        } catch (const std::exception& failed) {
            choked = address_of(request) + ": " + failed.what();
            return HttpResponse{.status = 500};
        }
    }

    asio::io_context& io_;
    Platform& platform_;
    Plan plan_{};
    std::function<void()> cancel_{};
    std::size_t counted_ = 0;
    std::size_t passed_on_ = 0;
    std::string address_{};
    std::string before_{};  // the answer of the exchange before
};

constexpr ExecutorOptions limits{.invoke_timeout = 60s, .control_timeout = 30s, .deploy_timeout = 300s};
constexpr std::chrono::milliseconds limit_of(Operation operation) {
    if (operation == Operation::deploy_job) return limits.deploy_timeout;
    return operation < Operation::invoke_async ? limits.invoke_timeout : limits.control_timeout;
}

// Runs something to its end, with a limit of the hand clock's.
template <class T>
std::optional<T> drive(asio::io_context& io, asio::awaitable<T> operation, asio::cancellation_slot slot = {}) {
    std::optional<T> outcome;
    start(io, std::move(operation),
          asio::bind_cancellation_slot(slot, [&outcome](T value) { outcome.emplace(std::move(value)); }));
    const auto end = Clock::now() + 1h;
    io.restart();
    while (!outcome && Clock::now() < end && io.run_one_until(end) != 0) {
    }
    return outcome;
}

// Lets time pass by the hand clock.
asio::awaitable<bool> pass(asio::io_context& io, std::chrono::milliseconds time) {
    asio::steady_timer timer{io, time};
    co_await timer.async_wait(asio::use_awaitable);
    co_return true;
}

std::string text_of(const Error& error) {
    std::ostringstream text;
    text << error << ' ' << error.message << ' ' << error.platform_code << ' ' << error.request_id;
    for (const auto& line : error.stack_trace) text << ' ' << line;
    return text.str();
}

// One provider's platform, and what is done to its executors.
class Torture {
public:
    explicit Torture(MakePlatform make) : make_{make} { renew(); }

    bool has(Operation operation) const { return platform_->has(operation); }

    // Runs one cell. Not reached: it has no such exchange.
    Seen cell(const Named& named, const Plan& plan, const std::string& what, Findings& findings) {
        auto [seen, problems] = run_cell(named, plan);
        if (problems.find("memory") != std::string::npos)  // OpenSSL keeps some for good at the first time
            std::tie(seen, problems) = run_cell(named, plan);
        if (!seen.reached) return seen;
        ++findings.cells;
        if (!problems.empty()) findings.add(std::string{named.name} + " | " + what, problems);
        return seen;
    }
    // Where the last cell's exchange went.
    const std::string& address() const noexcept { return address_; }

private:
    // A platform with a deployed job, of which there are two revisions where there may be several.
    void renew() {
        platform_ = make_();
        asio::io_context io{1};
        Line line{io, *platform_};
        {
            const auto client = platform_->client(line.transport(), limits);
            for (const std::uint64_t number : {std::uint64_t{999'999}, std::uint64_t{0}}) {
                const auto done = drive(io, client->perform(Operation::deploy_job, number, 300s));
                REQUIRE(done);
                if (done->error) FAIL(done->error->message);
                if (!done->wrong.empty()) FAIL(done->wrong);
            }
            platform_->job.truth.revision = drive(io, client->older_revision()).value_or("");
            if (has(Operation::release)) drive(io, client->perform(Operation::release, 0, 30s));
        }
        io.restart();
        io.run();
        changed_ = false;
    }

    std::pair<Seen, std::string> run_cell(const Named& named, const Plan& plan) {
        if (changed_) renew();
        changed_ = changes(named.operation);
        Seen seen;
        std::string problems;
        const auto complain = [&problems](const std::string& what) {
            const HeapScope::Pause what_is_kept;
            problems += (problems.empty() ? "" : "; ") + what;
        };
        const auto number = ++last_number_;
        const auto descriptors = open_descriptors();
        std::optional<Outcome> kept;
        Reached reached;
        std::string left;
        std::string choked;
        HeapScope heap;
        {
            std::optional<Outcome> outcome;
            asio::io_context io{1};
            asio::cancellation_signal signal;
            Line line{io, *platform_};
            {
                const auto client = platform_->client(line.transport(), limits);
                // Only who has called has something to give back.
                if (named.operation == Operation::release)
                    judge_afterwards(drive(io, client->perform(Operation::invoke, number, 60s)), complain);
                const auto ran_before = platform_->runs();
                const auto limit = limit_of(named.operation);
                const auto begun = Clock::now();
                line.begin(plan, [&signal] { signal.emit(asio::cancellation_type::total); });
                outcome = drive(io, client->perform(named.operation, number, limit), signal.slot());
                const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
                reached.ran = platform_->runs() - ran_before;
                reached.passed_on = line.passed_on();
                seen.reached = line.reached();
                seen.cancelled = plan.cancel != Plan::Cancel::no;
                {
                    const HeapScope::Pause what_is_kept;
                    left = platform_->left();
                    choked = line.choked;
                    address_ = line.address();
                }
                if (!outcome) complain("it did not end");
                if (took > limit + 2ms) complain("it took " + std::to_string(took.count()) + " ms");
                if (line.counted() > most_exchanges)
                    complain("it made " + std::to_string(line.counted()) + " exchanges");
                // Who is told in place of the platform that it is done, or was never there, cannot know better.
                const bool lied_to =
                    plan.cancel == Plan::Cancel::no && changes(named.operation) &&
                    (plan.way.status == 204 || (plan.way.status == 404 && named.operation == Operation::undeploy_job));
                if (seen.reached && outcome) {
                    line.begin({});
                    if (!outcome->error && !lied_to) look_at_platform(io, named.operation, number, complain);
                    if (!lied_to || outcome->error) work_again(io, *client, named.operation, complain);
                }
            }
            io.restart();
            const auto end = Clock::now() + 2min;
            while (!io.stopped() && Clock::now() < end) io.run_one_until(end);
            if (!io.stopped()) complain("something of it still waits on the io_context");
            heap.stop();
            if (outcome && outcome->error) outcome->error->metrics.reset();  // not to be shared with the copy
            kept = outcome;
        }
        if (HeapScope::live() != 0)
            complain(std::to_string(HeapScope::live()) + " blocks of memory are left: " + HeapScope::sizes() +
                     " bytes");
        if (open_descriptors() != descriptors) complain("descriptors are left");
        if (!kept || !seen.reached) return {seen, problems};

        if (!choked.empty()) complain("the platform cannot read a request: " + choked);
        seen.must_end_well = plan.cancel == Plan::Cancel::no && !plan.lasting && plan.way.must_end_well;
        reached.spoiled = plan.cancel == Plan::Cancel::no && plan.way.answers();
        reached.excused = reached.spoiled && believed(named.operation, plan.way.way);
        judge_outcome(*kept, named.operation, seen, reached, complain);
        if (named.operation == Operation::release && !kept->error && !left.empty() && plan.way.status != 204)
            complain(left);
        if (kept->error) {
            const auto told = text_of(*kept->error);
            for (const auto& secret : platform_->secrets)
                if (told.find(secret) != std::string::npos) complain("it tells a secret");
            if (!problems.empty())
                complain(told + " {" + std::string{name_of(kept->error->execution)} + "}, ran " +
                         std::to_string(reached.ran));
        }
        return {seen, problems};
    }
    // Whether the operation cannot tell such an answer from the platform's: other bytes are another result, and where
    // nothing is listed there is nothing.
    bool believed(Operation operation, Way way) const {
        if (runs_job(operation)) return platform_->gives_results(address_);
        const bool lists = operation == Operation::list_deployments || operation == Operation::list_revisions;
        return lists && (way == Way::no_members || way == Way::no_object || way == Way::other_answer);
    }
    // Another executor sees what the successful one has said.
    template <class Complain>
    void look_at_platform(asio::io_context& io, Operation operation, std::uint64_t number, const Complain& complain) {
        if (!changes(operation)) return;
        Line line{io, *platform_};
        const auto client = platform_->client(line.transport(), limits);
        const auto difference = drive(io, client->difference(operation, number));
        if (!difference) return complain("the platform's state could not be read");
        if (!difference->empty()) complain("the platform is not as it says: " + *difference);
    }
    // The fault has gone: the same executor works at once, or, if it got no token, as soon as it may ask for one.
    template <class Complain>
    void work_again(asio::io_context& io, Client& client, Operation before, const Complain& complain) {
        if (changes(before)) {
            const auto number = ++last_number_;
            judge_afterwards(perform_again(io, client, Operation::deploy_job, number, 300s), complain);
            const auto difference = drive(io, client.difference(Operation::deploy_job, number));
            if (!difference || !difference->empty())
                complain("afterwards: the platform is not as it says: " + difference.value_or("it did not end"));
        } else {
            judge_afterwards(perform_again(io, client, Operation::get_deployment, 0, 30s), complain);
        }
        judge_afterwards(perform_again(io, client, Operation::invoke_idempotent, ++last_number_, 60s), complain);
    }
    std::optional<Outcome> perform_again(asio::io_context& io, Client& client, Operation operation,
                                         std::uint64_t number, std::chrono::milliseconds limit) {
        auto after = drive(io, client.perform(operation, number, limit));
        if (!after || !after->error || !got_no_token()) return after;
        if (!drive(io, pass(io, after->error->retry_after.value_or(longest_memory)))) return after;
        return drive(io, client.perform(operation, number, limit));
    }
    bool got_no_token() const {
        return !platform_->token_host.empty() && address_.find(platform_->token_host) != std::string::npos;
    }
    template <class Complain>
    static void judge_afterwards(const std::optional<Outcome>& after, const Complain& complain) {
        tests::judge_afterwards(after, Operation::invoke, complain);
    }

    MakePlatform make_;
    HandTime hand_{};
    std::unique_ptr<Platform> platform_{};
    bool changed_ = false;
    std::uint64_t last_number_ = 0;
    std::string address_{};
};

// Which cells are run: all, or each `stride`-th, counted through all operations, so that every way is met by every
// operation of some provider.
std::size_t stride() {
    const char* text = std::getenv("BLUEPRINT_FAAS_FAULTS");
    return text != nullptr && std::string_view{text} == "all" ? 1 : 7;
}

void torture(const char* provider, MakePlatform make) {
    Torture torture{make};
    Findings findings{setting("BLUEPRINT_FAAS_FAULTS_SHOWN", 25)};
    std::size_t passed = 0;
    std::set<std::string> skipped;
    std::ostringstream counts;
    for (const auto& named : all_operations) {
        if (!torture.has(named.operation)) continue;
        const auto cells_before = findings.cells;
        bool over = false;
        for (std::size_t nth = 0; !over; ++nth) {
            // The exchange is there if its first failure is met; that cell is always run.
            for (const bool lasting : {false, true}) {
                for (const auto& way : all_ways) {
                    const bool first = !lasting && &way == &all_ways[0];
                    if (!first && passed++ % stride() != 0) continue;
                    const Plan plan{.nth = nth, .way = way, .lasting = lasting};
                    const auto what = [&] {
                        return "exchange " + std::to_string(nth) + ", " + way.name + (lasting ? ", for ever" : "");
                    };
                    const auto seen = torture.cell(named, plan, what(), findings);
                    if (!seen.reached) over = true;
                    if (over) break;
                }
                if (over) break;
            }
            if (over) break;
            for (const auto cancel : {Plan::Cancel::before, Plan::Cancel::after}) {
                if (passed++ % stride() != 0) continue;
                const Plan plan{.nth = nth, .cancel = cancel};
                torture.cell(named, plan,
                             "exchange " + std::to_string(nth) +
                                 (cancel == Plan::Cancel::before ? ", cancelled before" : ", cancelled after"),
                             findings);
            }
        }
        counts << ' ' << named.name << ' ' << findings.cells - cells_before << ',';
    }
    MESSAGE(provider, ": cells: ", findings.cells, ", failed: ", findings.failed, " |", counts.str());
    CHECK(findings.cells > 0);
    CHECK_MESSAGE(findings.failed == 0, "operation | what failed | what is wrong" << findings.text.str());
}

}  // namespace

TEST_CASE("exchanges: every one fails, custom") { torture("custom", &make_custom); }
TEST_CASE("exchanges: every one fails, AWS Lambda") { torture("AWS Lambda", &make_aws); }
TEST_CASE("exchanges: every one fails, Cloud Run") { torture("Cloud Run", &make_cloud_run); }
TEST_CASE("exchanges: every one fails, Cloud Functions") { torture("Cloud Functions", &make_cloud_functions); }
TEST_CASE("exchanges: every one fails, Azure Functions") { torture("Azure Functions", &make_azure); }
TEST_CASE("exchanges: every one fails, DigitalOcean") { torture("DigitalOcean", &make_digitalocean); }
TEST_CASE("exchanges: every one fails, OpenWhisk") { torture("OpenWhisk", &make_openwhisk); }

}  // namespace exchanges_test
