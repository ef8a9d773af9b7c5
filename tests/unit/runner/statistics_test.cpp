#include "blueprint/faas/runner/statistics.hpp"

#include "blueprint/faas/runner/local_executor.hpp"
#include "blueprint/faas/runner/prometheus.hpp"
#include "support.hpp"
#include "support/run.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace statistics_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using namespace std::chrono_literals;
using faas::Bytes;
using faas::CollectorConsumer;
using faas::errc;
using faas::Error;
using faas::ErrorPolicy;
using faas::Execution;
using faas::JobCall;
using faas::JobId;
using faas::LocalExecutor;
using faas::OnError;
using faas::RangeProducer;
using faas::result;
using faas::Router;
using faas::Runner;
using faas::Statistics;

namespace {

// A strict reader of the text format: throws at whatever Prometheus would refuse, or would not expect.
class Exposition {
public:
    using Labels = std::map<std::string, std::string>;

    explicit Exposition(const std::string& text) {
        if (text.empty() || text.back() != '\n') throw std::runtime_error{"the last line has no end"};
        std::istringstream in{text};
        for (std::string line; std::getline(in, line);) read(line);
        for (const auto& [family, type] : types_)
            if (type == "histogram") check_histogram(family);
    }
    double at(const std::string& name, const Labels& labels) const {
        const auto found = samples_.find({name, labels});
        if (found == samples_.end()) throw std::runtime_error{"no sample " + name};
        return found->second;
    }
    const std::string& type(const std::string& family) const { return types_.at(family); }

private:
    void read(const std::string& line) {
        static const std::regex head{R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+))"};
        static const std::regex sample{
            R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)\{(([a-zA-Z_][a-zA-Z0-9_]*="(\\\\|\\"|\\n|[^"\\])*",?)*)\} ([0-9.e+-]+))re"};
        static const std::regex label{R"re(([a-zA-Z_][a-zA-Z0-9_]*)="((\\\\|\\"|\\n|[^"\\])*)"(,|$))re"};
        std::smatch match;
        if (std::regex_match(line, match, head)) {
            if (match[1] == "HELP") {
                if (!helped_.insert(match[2]).second) throw std::runtime_error{"two HELP lines: " + line};
                family_ = match[2];
                return;
            }
            static const std::set<std::string> known{"counter", "gauge", "histogram"};
            if (match[2] != family_ || known.count(match[3]) == 0 || !types_.emplace(match[2], match[3]).second)
                throw std::runtime_error{"a TYPE out of place: " + line};
            if (match[3] == "counter" && !family_.ends_with("_total")) throw std::runtime_error{"no _total: " + line};
            return;
        }
        if (!std::regex_match(line, match, sample)) throw std::runtime_error{"no sample: " + line};
        const std::string name = match[1], labels_text = match[2];
        const bool suffixed = name == family_ + "_bucket" || name == family_ + "_sum" || name == family_ + "_count";
        if (types_.count(family_) == 0 || (types_[family_] == "histogram" ? !suffixed : name != family_))
            throw std::runtime_error{"a sample outside its family: " + line};
        Labels labels;
        for (std::sregex_iterator at{labels_text.begin(), labels_text.end(), label}, end; at != end; ++at)
            if (!labels.emplace((*at)[1], unescaped((*at)[2])).second)
                throw std::runtime_error{"a label twice: " + line};
        if (!samples_.emplace(std::pair{name, labels}, std::stod(match[5])).second)
            throw std::runtime_error{"a sample twice: " + line};
    }
    static std::string unescaped(const std::string& text) {
        std::string out;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '\\') {
                out += text[i];
            } else {
                ++i;
                out += text[i] == 'n' ? '\n' : text[i];
            }
        }
        return out;
    }
    void check_histogram(const std::string& family) const {
        std::map<Labels, std::map<double, double>> buckets;
        for (const auto& [key, value] : samples_) {
            if (key.first != family + "_bucket") continue;
            Labels rest = key.second;
            const std::string le = rest.at("le");
            rest.erase("le");
            buckets[rest][le == "+Inf" ? std::numeric_limits<double>::infinity() : std::stod(le)] = value;
        }
        for (const auto& [labels, by_bound] : buckets) {
            double last = 0;
            for (const auto& [bound, value] : by_bound) {
                if (value < last) throw std::runtime_error{family + " is not cumulative"};
                last = value;
            }
            if (!std::isinf(by_bound.rbegin()->first) || at(family + "_count", labels) != last)
                throw std::runtime_error{family + " has no right +Inf"};
            at(family + "_sum", labels);
        }
    }

    std::map<std::string, std::string> types_;
    std::set<std::string> helped_;
    std::string family_;
    std::map<std::pair<std::string, Labels>, double> samples_;
};

}  // namespace

TEST_CASE("statistics: every attempt counts for who made it, every call once") {
    asio::io_context io;
    FakeExecutor fake{io}, other{io, "other"};
    fake.fails = [](const JobCall& call) -> std::optional<Error> {
        if (call.args.at(0) == 1) return Error{.code = errc::throttled, .execution = Execution::not_started};
        if (call.args.at(0) == 2) return Error{.code = errc::timed_out, .execution = Execution::unknown};
        return std::nullopt;
    };
    CollectorConsumer results;
    auto calls = calls_of(JobId{0}, 4);
    for (auto& call : calls_of(JobId{7}, 2)) calls.push_back(call);
    for (auto& call : calls_of(JobId{99}, 1)) calls.push_back(call);  // nobody's
    faas::StatisticsSource source;
    CHECK(source.read().jobs.empty());
    std::vector<Statistics> told;
    auto runner = Runner::builder(io)
                      .router(std::move(Router{}.route(7, Echo{})))
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .on_error(OnError{}.retry(1, {}).failover_to(other))
                      .publish_statistics(source)
                      .on_statistics([&](const Statistics& now) { told.push_back(now); }, 1h)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    REQUIRE(run(io, *runner).has_value());
    REQUIRE(told.size() == 1);
    const auto all = runner->statistics();
    REQUIRE(all.jobs.size() == 3);
    const auto& job = all.jobs[0];
    CHECK(job.job_id == JobId{0});
    CHECK(job.succeeded == 3);
    CHECK(job.failed == 1);
    CHECK(job.retries == 1);
    CHECK(job.failovers == 1);
    CHECK(job.in_flight == 0);
    CHECK(job.queue_wait.count() == 4);
    REQUIRE(job.providers.size() == 2);
    CHECK(job.providers[0].provider == "fake");
    CHECK(job.providers[0].succeeded == 2);
    CHECK(job.providers[0].errors_of(errc::throttled) == 2);
    CHECK(job.providers[0].errors_of(errc::timed_out) == 1);
    CHECK(job.providers[0].cold_starts == 2);
    CHECK(job.providers[0].duration.count() == 5);
    CHECK(job.providers[1].provider == "other");
    CHECK(job.providers[1].succeeded == 1);
    CHECK(all.jobs[1].providers.at(0).provider == "local");
    CHECK(all.jobs[1].succeeded == 2);
    CHECK(!all.jobs[2].job_id);
    CHECK(all.jobs[2].failed == 1);
    CHECK(source.read().jobs.at(0).succeeded == 3);

    const Exposition text{faas::to_prometheus(all)};
    const Exposition::Labels at_fake{{"job_id", "0"}, {"faas_invoked_provider", "fake"}};
    const auto with = [](Exposition::Labels labels, const std::string& name, const std::string& value) {
        labels[name] = value;
        return labels;
    };
    CHECK(text.at("faas_invocations_total", at_fake) == 2);
    CHECK(text.at("faas_errors_total", with(at_fake, "error_type", "throttled")) == 2);
    CHECK(text.at("faas_timeouts_total", at_fake) == 1);
    CHECK(text.at("faas_coldstarts_total", at_fake) == 2);
    CHECK(text.at("faas_invoke_duration_seconds_count", at_fake) == 5);
    CHECK(text.at("faas_invoke_duration_seconds_bucket", with(at_fake, "le", "+Inf")) == 5);
    CHECK(text.at("blueprint_faas_calls_total", {{"job_id", "other"}, {"outcome", "failed"}}) == 1);
    CHECK(text.at("blueprint_faas_retries_total", {{"job_id", "0"}}) == 1);
    CHECK(text.at("blueprint_faas_in_flight", {{"job_id", "0"}}) == 0);
    CHECK(text.type("faas_invoke_duration_seconds") == "histogram");
    CHECK(text.type("blueprint_faas_in_flight") == "gauge");
}

TEST_CASE("statistics: durations fall into the right bucket, bounds included") {
    faas::detail::StatisticsBoard::Histogram histogram;
    for (const auto duration : {0us, 5000us, 5001us, 1'000'000us, 10'000'000us, 10'000'001us}) histogram.add(duration);
    const auto read = histogram.read();
    CHECK(read.counts[0] == 2);
    CHECK(read.counts[1] == 1);
    CHECK(read.counts[9] == 1);
    CHECK(read.counts[13] == 1);
    CHECK(read.counts[14] == 1);
    CHECK(read.sum == 21'010'002us);
}

TEST_CASE("statistics: labels are escaped, and the histogram is cumulative in seconds") {
    Statistics statistics;
    faas::JobStatistics job{.job_id = JobId{3}};
    job.providers.push_back({.provider = "a\"b\\c\nd", .succeeded = 1});
    job.providers[0].duration.counts[0] = 2;
    job.providers[0].duration.counts[14] = 1;
    job.providers[0].duration.sum = 12'500'000us;
    statistics.jobs.push_back(job);
    const Exposition text{faas::to_prometheus(statistics)};
    Exposition::Labels labels{{"job_id", "3"}, {"faas_invoked_provider", "a\"b\\c\nd"}};
    CHECK(text.at("faas_invoke_duration_seconds_sum", labels) == 12.5);
    labels["le"] = "0.005";
    CHECK(text.at("faas_invoke_duration_seconds_bucket", labels) == 2);
    labels["le"] = "10";
    CHECK(text.at("faas_invoke_duration_seconds_bucket", labels) == 2);
    CHECK_THROWS(Exposition{"nonsense\n"});  // the reader itself does refuse
    CHECK_THROWS(Exposition{"# HELP a_total x\n# TYPE a_total counter\na_total{x=\"1\"} 1"});
    CHECK(Exposition{faas::to_prometheus(Statistics{})}.type("faas_invocations_total") == "counter");
}

TEST_CASE("statistics: more providers than there is room for are counted together, and foreign jobs too") {
    faas::detail::StatisticsBoard board{{JobId{1}, JobId{1}}};
    for (const char* name : {"a", "b", "c", "d", "e", "a"})
        board.of(JobId{1}).provider(name).add(Bytes{}, faas::FaasMetrics{}, 1us);
    faas::detail::count(board.of(JobId{5}).failed);
    const auto read = board.read();
    REQUIRE(read.jobs.size() == 2);
    REQUIRE(read.jobs[0].providers.size() == 4);
    CHECK(read.jobs[0].providers[0].succeeded == 2);
    CHECK(read.jobs[0].providers[3].provider == "other");
    CHECK(read.jobs[0].providers[3].succeeded == 2);
    CHECK(read.jobs[1].failed == 1);
}

TEST_CASE("statistics: another thread reads while the run goes on") {
    asio::io_context io;
    FakeExecutor fake{io};
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(faas::GeneratorProducer{[n = 0]() mutable -> std::optional<JobCall> {
                          if (++n > 20'000) return std::nullopt;
                          return JobCall{.args = {1}};
                      }})
                      .consumer(results)
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    std::atomic<bool> done{false};
    std::uint64_t last = 0;
    bool only_up = true;
    std::thread reader{[&] {
        while (!done) {
            const auto now = runner->statistics().jobs.at(0).succeeded;
            only_up = only_up && now >= last;
            last = now;
        }
    }};
    const auto report = run(io, *runner);
    done = true;
    reader.join();
    CHECK(report.has_value());
    CHECK(only_up);
    CHECK(runner->statistics().jobs.at(0).succeeded == 20'000);
}

TEST_CASE("local executor: runs the router's jobs as an executor would") {
    asio::io_context io;
    Router router;
    int around = 0;
    router.route(1, Echo{})
        .route(2, [](JobCall) { return std::vector<Bytes>{Bytes{1}, Bytes{2}}; })
        .route(3, [](JobCall) {})
        .route(4, [](JobCall) -> Bytes { throw std::runtime_error{"broken"}; })
        .always([&around](JobCall) { ++around; });
    LocalExecutor local{io.get_executor(), router};
    const auto call = [&](JobId id) {
        JobCall one{.job_id = id, .args = {1, 2}};
        one.metadata.set("k", "v");
        return ::tests::run(io, local.invoke_with_metrics(one));
    };
    const auto echoed = ::tests::ok(call(JobId{1}));
    CHECK(*echoed.result.outcome == Bytes{1, 2});
    CHECK(echoed.result.ran_on == "local");
    CHECK(echoed.result.metadata.get("k") == "v");
    CHECK(echoed.result.job_id == JobId{1});
    CHECK((::tests::failed(call(JobId{2})).code == errc::unsupported));
    CHECK(::tests::ok(call(JobId{3})).result.outcome->empty());
    const auto threw = ::tests::failed(call(JobId{4}));
    CHECK((threw.code == errc::function_error));
    CHECK(threw.execution == Execution::started);
    CHECK(threw.provider == "local");
    const auto unknown = ::tests::failed(call(JobId{9}));
    CHECK((unknown.code == errc::not_found));
    CHECK(unknown.execution == Execution::not_started);
    CHECK(around == 0);
    LocalExecutor owning{io.get_executor(), std::move(Router{}.route(1, Echo{}))};
    CHECK(*::tests::ok(::tests::run(io, owning.invoke(JobCall{.job_id = 1, .args = {5}}))).outcome == Bytes{5});
}

}  // namespace statistics_test
