// The main job, end to end: some jobs on a FaaS platform, the others here. See quickstart --help.
#include "jobs.hpp"
#include "options.hpp"
#include "platform.hpp"
#include "statistics.hpp"
#include <blueprint/faas/runner/json_lines.hpp>
#include <blueprint/faas/runner/runner.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace quickstart;
namespace asio = boost::asio;

// Shows how far the run is, on a terminal only: piped output stays readable.
class Progress {
public:
    Progress(std::shared_ptr<const Statistics> statistics, std::uint64_t expected)
        : statistics_{std::move(statistics)}, expected_{expected} {}
    asio::awaitable<faas::result<void>> start() {
        if (::isatty(STDOUT_FILENO) == 0) co_return faas::result<void>{};
        const auto io = co_await asio::this_coro::executor;
        asio::steady_timer timer{io};
        for (;;) {
            timer.expires_after(std::chrono::milliseconds{100});
            const auto [stopped] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
            const auto done = static_cast<unsigned long long>(statistics_->count());
            if (expected_ != 0)
                std::printf("\r  %llu of %llu calls answered", done, static_cast<unsigned long long>(expected_));
            else
                std::printf("\r  %llu calls answered", done);
            std::fflush(stdout);
            if (stopped) break;
        }
        std::printf("\r%60s\r", "");
        co_return faas::result<void>{};
    }

private:
    std::shared_ptr<const Statistics> statistics_;
    std::uint64_t expected_;
};

faas::JobCall made_up_call(std::uint64_t n) {
    switch (n % 3) {
        case 0: return faas::make_call<Collatz>(n + 1);
        case 1: return faas::make_call<Mirror>(n);
        default: return faas::make_call<Inverse>(n);
    }
}

int complain(const std::string& what, const faas::Error& error) {
    std::ostringstream text;
    text << error;
    std::fprintf(stderr, "quickstart: %s: %s\n", what.c_str(), text.str().c_str());
    return 1;
}

faas::Error cannot(const std::string& what) {
    return faas::Error{.code = faas::errc::invalid_configuration, .message = what};
}

const std::map<std::string, std::string_view> names{{"0", "collatz"}, {"1", "mirror"}, {"2", "inverse mod 97"}};

const std::array deployed_jobs{faas::JobId{0}, faas::JobId{2}};

// Where calls come from and results go; the files are open as long as the runner runs.
struct Streams {
    std::ifstream input{};
    std::ofstream output{};
};

// No coroutine: g++ 12 destroys the temporaries of such a chain twice in one.
faas::result<faas::Runner> make_runner(const asio::any_io_executor& io, const Options& options,
                                       const faas::AnyFaasExecutor& executor, Streams& streams,
                                       const std::shared_ptr<Statistics>& statistics) {
    const bool made_up = options.input.empty();
    faas::Router router;
    router.add(Jobs{});  // any job that no executor has runs here
    auto builder =
        faas::Runner::builder(io)
            .router(std::move(router))
            .consumer(faas::CallbackConsumer{[statistics](const faas::Invocation& done) { statistics->add(done); }})
            .background_service(Progress{statistics, made_up ? options.calls : 0})
            .max_in_flight(options.in_flight)
            .error_policy(faas::ErrorPolicy::report)
            .handle_signals()
            .with_faas_executor<0, 2>(executor);  // jobs 0 and 2 run there, job 1 here
    if (!options.output.empty()) {
        streams.output.open(options.output);
        if (!streams.output) return cannot("--output " + options.output + " cannot be written");
        builder = std::move(builder).consumer(faas::JsonLinesConsumer{streams.output});
    }
    if (made_up) {
        auto next = [n = std::uint64_t{0}, calls = options.calls]() mutable -> std::optional<faas::JobCall> {
            if (n == calls) return std::nullopt;
            return made_up_call(n++);
        };
        builder = std::move(builder).producer(faas::GeneratorProducer{std::move(next)});
    } else if (options.input == "-") {
        builder = std::move(builder).producer(faas::JsonLinesProducer::from_descriptor(STDIN_FILENO));
    } else {
        streams.input.open(options.input);
        if (!streams.input) return cannot("--input " + options.input + " cannot be read");
        builder = std::move(builder).producer(faas::JsonLinesProducer{streams.input});
    }
    return std::move(builder).build();
}

asio::awaitable<int> run_calls(const Options& options, const faas::AnyFaasExecutor& executor) {
    const auto io = co_await asio::this_coro::executor;
    const auto statistics = std::make_shared<Statistics>();
    Streams streams;
    auto runner = make_runner(io, options, executor, streams, statistics);
    if (!runner) co_return complain("the run was not begun", runner.error());

    const auto begun = std::chrono::steady_clock::now();
    const auto report = co_await runner->run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    statistics->print(names);
    const auto& counts = runner->report();
    std::printf("%llu calls: %llu ok, %llu failed, %llu unfinished, in %.1f s (%s)\n",
                static_cast<unsigned long long>(counts.produced), static_cast<unsigned long long>(counts.succeeded),
                static_cast<unsigned long long>(counts.failed), static_cast<unsigned long long>(counts.unfinished),
                took.count(), std::string{to_string(counts.reason)}.c_str());
    statistics->print_failures();
    for (const auto& problem : counts.problems) complain(problem.where, problem.error);
    if (!report) co_return complain("the run", report.error());
    co_return counts.unfinished == 0 && statistics->trouble() == 0 && counts.problems.empty() ? 0 : 1;
}

asio::awaitable<int> deploy_run_remove(const Options& options, const Platform& platform) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto package = faas::Package::from_binary_file(options.function);
    if (!package) co_return complain("the function binary", package.error());
    const auto& executor = *platform.executor;
    std::vector<faas::JobId> deployed;
    int status = 0;
    for (const auto id : deployed_jobs) {
        faas::FaasConfig config;
        config.memory_mib = options.provider == "azure" ? 512 : 256;  // there, the least that can be had
        config.timeout = std::chrono::seconds{10};
        const bool keeps_warm = options.provider != "digitalocean" && options.provider != "openwhisk";
        config.keep_warm = keeps_warm ? 4 : 0;
        const auto done = co_await executor.deploy_job(id, *package, std::move(config));
        if (!done) {
            std::ostringstream what;
            what << "job " << id << " could not be deployed";
            status = complain(what.str(), done.error());
            break;
        }
        deployed.push_back(id);
        std::printf("job %u is deployed as %s (%zu bytes%s)\n", id.value(), done->function_id.c_str(),
                    package->size_bytes(), done->unchanged ? ", unchanged" : "");
    }
    std::fflush(stdout);
    if (status == 0) status = co_await run_calls(options, executor);
    for (const auto id : deployed) {
        const auto removed = co_await executor.undeploy_job(id);
        if (removed) {
            std::printf("job %u is removed\n", id.value());
        } else {
            status = complain("a job could not be removed", removed.error());
        }
    }
    // Where an access key was made for this run, it goes.
    const auto released = co_await executor.release();
    if (!released) status = complain("what was made for this run could not be removed", released.error());
    co_return status;
}

asio::awaitable<int> whole(const Options& options, Platform& platform) {
    const int status = co_await deploy_run_remove(options, platform);
    if (platform.cloud) co_await platform.cloud->stop();
    co_return status;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = parse(argc, argv);
    if (!options) return 2;
    if (options->show_help) {
        std::cout << help;
        return 0;
    }
    asio::io_context io;
    const bool aws = options->provider == "aws";
    const bool ours = options->url.empty() && options->endpoint_url.empty() && options->role.empty() &&
                      options->project.empty() && options->subscription.empty() && options->region.empty();
    auto platform = ours                            ? start_local_cloud(io, *options)
                    : aws                           ? reach_aws(io, *options)
                    : options->provider == "custom" ? reach(io, *options)
                                                    : reach_cloud(io, *options);
    if (!platform) return complain("the platform", platform.error());
    std::printf("platform: %s%s\n", platform->url.c_str(),
                platform->cloud ? " (a local cloud of this program, over TLS with its own certificate authority)" : "");
    std::fflush(stdout);
    int status = 1;
    asio::co_spawn(io, whole(*options, *platform), [&](std::exception_ptr failure, int ended) {
        if (failure) std::rethrow_exception(failure);
        status = ended;
    });
    io.run();
    return status;
}
