// How many calls a second the local cloud carries to a function in a loop, over TLS or `--plain`: the client in this
// process on one thread, the cloud in a second process, the function in processes of the cloud's. Measures 1, 64 and
// 1,024 calls in flight in turn, five times, and prints the medians: calls a second, CPU time a call, peak memory.
// `--rounds N` for other times, `--seconds N` for the length of each, `--in-flight A,B` for other numbers; `--json`
// prints one JSON object. Exit 1 if a call failed.
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/job_set.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/serve/serve.hpp"
#include "blueprint/faas/transport/loopback.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

std::uint64_t square(std::uint64_t x) { return x * x; }

[[noreturn]] void fail(const std::string& why) {
    std::fprintf(stderr, "bench_loop: %s\n", why.c_str());
    std::exit(1);
}

template <class T>
T good(faas::result<T> outcome) {
    if (!outcome) fail(outcome.error().message);
    return std::move(outcome).value();
}

/// CPU time of a process with one thread.
std::chrono::nanoseconds cpu_time(const std::string& pid) {
    std::ifstream file{"/proc/" + pid + "/schedstat"};
    std::int64_t on_cpu = 0;
    file >> on_cpu;
    return std::chrono::nanoseconds{on_cpu};
}

std::vector<std::string> children_of(const std::string& pid) {
    std::ifstream file{"/proc/" + pid + "/task/" + pid + "/children"};
    return {std::istream_iterator<std::string>{file}, {}};
}

double peak_mib(const std::string& pid) {
    std::ifstream file{"/proc/" + pid + "/status"};
    for (std::string line; std::getline(file, line);)
        if (line.compare(0, 6, "VmHWM:") == 0) return std::strtod(line.c_str() + 6, nullptr) / 1024.0;
    return 0;
}

/// The second process: serves until the other end of `stop` is closed.
[[noreturn]] void be_the_cloud(const std::optional<faas::local::Certificate>& identity, int url, int stop) {
    asio::io_context io{1};
    faas::local::CloudOptions options;
    if (identity) options.tls = faas::local::TlsIdentity{identity->certificate, identity->private_key};
    options.single_thread = true;
    faas::local::Cloud cloud{io, std::move(options)};
    good(cloud.start());
    const auto address = cloud.url();
    if (::write(url, address.data(), address.size()) != static_cast<ssize_t>(address.size())) std::_Exit(1);
    ::close(url);
    asio::posix::stream_descriptor stopped{io, stop};
    stopped.async_wait(asio::posix::stream_descriptor::wait_read, [&](boost::system::error_code) {
        asio::co_spawn(io, cloud.stop(), [&](std::exception_ptr) { io.stop(); });
    });
    io.run();
    std::_Exit(0);
}

template <class Executor>
struct Work {
    Executor& executor;
    std::chrono::steady_clock::time_point end{};
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;
    std::size_t running = 0;
    std::string why{};
};

template <class Executor>
asio::awaitable<void> call_again_and_again(Work<Executor>& work, std::uint32_t job) {
    ++work.running;
    while (std::chrono::steady_clock::now() < work.end) {
        faas::JobCall call{.job_id = faas::JobId{job}, .args = {7, 0, 0, 0, 0, 0, 0, 0}};
        const auto answer = co_await work.executor.invoke(std::move(call));
        const bool fine = answer.has_value() && answer->outcome.has_value();
        ++(fine ? work.calls : work.failures);
        if (!fine && work.why.empty()) work.why = answer ? answer->outcome.error().message : answer.error().message;
    }
    --work.running;
}

template <class Executor>
void run(asio::io_context& io, Work<Executor>& work, std::size_t in_flight, std::chrono::milliseconds time) {
    work.end = std::chrono::steady_clock::now() + time;
    for (std::size_t i = 0; i < in_flight; ++i)
        asio::co_spawn(io, call_again_and_again(work, static_cast<std::uint32_t>(i % 2)), asio::detached);
    io.restart();
    while ((work.running > 0 || work.calls + work.failures == 0) && io.run_one() > 0) {
    }
}

struct Measured {
    double rate = 0;  // calls a second
    double client_us = 0, cloud_us = 0, function_us = 0;
    std::size_t processes = 0;
    double client_mib = 0, cloud_mib = 0;  // peaks since the start
};

template <class Executor>
Measured measure(asio::io_context& io, Work<Executor>& work, std::size_t in_flight, double seconds,
                 const std::string& cloud) {
    const auto functions_before = children_of(cloud);
    std::chrono::nanoseconds before[3] = {cpu_time("self"), cpu_time(cloud), {}};
    for (const auto& child : functions_before) before[2] += cpu_time(child);
    const auto began = std::chrono::steady_clock::now();
    run(io, work, in_flight, std::chrono::milliseconds{static_cast<int>(seconds * 1000)});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::chrono::nanoseconds after[3] = {cpu_time("self"), cpu_time(cloud), {}};
    const auto functions = children_of(cloud);
    for (const auto& child : functions) after[2] += cpu_time(child);
    const auto calls = static_cast<double>(std::max<std::uint64_t>(work.calls, 1));
    const auto us = [&](int i) { return static_cast<double>((after[i] - before[i]).count()) / 1000 / calls; };
    return {.rate = calls / took.count(),
            .client_us = us(0),
            .cloud_us = us(1),
            .function_us = us(2),
            .processes = functions.size(),
            .client_mib = peak_mib("self"),
            .cloud_mib = peak_mib(cloud)};
}

struct Spread {
    double least = 0, median = 0, most = 0;
};

Spread spread(const std::vector<Measured>& all, double Measured::* which) {
    std::vector<double> values;
    for (const auto& one : all) values.push_back(one.*which);
    std::sort(values.begin(), values.end());
    return {values.front(), values[values.size() / 2], values.back()};
}

template <class Transport>
asio::awaitable<faas::result<faas::HttpResponse>> put(Transport& transport, faas::HttpRequest request) {
    co_return co_await transport.exchange(request, faas::deadline_after(30s));
}

std::string read_file(const char* path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

struct Arguments {
    double seconds = 1;
    std::size_t rounds = 5;
    bool json = false;
    std::vector<std::size_t> sizes{1, 64, 1024};
};

// Deploys the function, measures and prints; false if a call failed.
template <class Transport>
bool measure_all(asio::io_context& io, Transport transport, const Arguments& arguments, const std::string& url,
                 const std::string& cloud) {
    const auto& [seconds, rounds, json, sizes] = arguments;
    faas::ZipWriter zip;
    good(zip.add("bootstrap", faas::detail::bytes_of(read_file("/proc/self/exe")), 0755));
    good(zip.add("blueprint.json", faas::detail::bytes_of(R"({"loop":true})"), 0644));
    const auto package = zip.finish();
    for (const auto* const id : {"job0", "job1"}) {
        faas::HttpRequest request;
        request.verb = faas::Verb::put;
        request.origin = good(faas::detail::parse_url(url)).origin;
        request.target = std::string{"/api/functions/"} + id;
        request.headers.set("Content-Type", "application/zip");
        request.body = std::string{faas::detail::text_of(package)};
        unsigned status = 0;
        asio::co_spawn(io, put(transport, std::move(request)),
                       [&](std::exception_ptr, auto answer) { status = answer ? answer->status : 0; });
        io.restart();
        io.run();
        if (status != 201) fail("the function was not deployed: status " + std::to_string(status));
    }
    auto executor = good(faas::custom::create(transport, {.base_url = url}));
    using Executor = decltype(executor);

    std::vector<std::vector<Measured>> all(sizes.size());
    bool failed = false;
    for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t at = 0; at < sizes.size(); ++at) {
            Work<Executor> warm_up{executor};
            run(io, warm_up, sizes[at], 500ms);  // connections are made, processes started
            Work<Executor> work{executor};
            all[at].push_back(measure(io, work, sizes[at], seconds, cloud));
            if (work.failures > 0)
                std::fprintf(stderr, "%llu calls failed: %s\n", static_cast<unsigned long long>(work.failures),
                             work.why.c_str());
            failed |= work.failures > 0;
        }
    }

    if (json)
        std::printf("{");
    else
        std::printf(
            "in flight   calls/s  (slowest, fastest)   CPU us/call: client  cloud  function   processes   peak MiB: "
            "client  cloud\n");
    double at_64 = 0;
    double ratio = 1;
    for (std::size_t at = 0; at < sizes.size(); ++at) {
        const auto rate = spread(all[at], &Measured::rate);
        const auto us = [&](double Measured::* which) { return spread(all[at], which).median; };
        const auto& last = all[at].back();
        if (sizes[at] == 64) at_64 = rate.median;
        if (sizes[at] == 1024 && at_64 > 0) ratio = rate.median / at_64;
        std::printf(json ? "\"%zu\":{\"calls_per_second\":%.0f,\"slowest\":%.0f,\"fastest\":%.0f,\"client_us\":%.1f,"
                           "\"cloud_us\":%.1f,\"function_us\":%.1f,\"processes\":%zu,\"client_mib\":%.0f,"
                           "\"cloud_mib\":%.0f},"
                         : "%9zu %9.0f  (%7.0f, %7.0f) %21.1f %6.1f %9.1f %11zu %18.0f %6.0f\n",
                    sizes[at], rate.median, rate.least, rate.most, us(&Measured::client_us), us(&Measured::cloud_us),
                    us(&Measured::function_us), last.processes, last.client_mib, last.cloud_mib);
    }
    if (json)
        std::printf("\"ratio\":%.3f}\n", ratio);
    else
        std::printf("throughput at 1,024 in flight is %.2f of that at 64\n", ratio);
    return !failed;
}

}  // namespace

int main(int argc, char** argv) {
    // The same program is the function.
    if (std::getenv("BLUEPRINT_LOOP") != nullptr)
        return faas::serve(faas::JobSet<faas::Job<0, &square>, faas::Job<1, &square>>{});

    Arguments arguments;
    bool plain = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--json") arguments.json = true;
        if (name == "--plain") plain = true;
        if (name == "--seconds" && i + 1 < argc) arguments.seconds = std::strtod(argv[++i], nullptr);
        if (name == "--rounds" && i + 1 < argc)
            arguments.rounds = std::max<std::size_t>(std::strtoul(argv[++i], nullptr, 10), 1);
        if (name == "--in-flight" && i + 1 < argc) {
            arguments.sizes.clear();
            for (char* at = argv[++i]; *at != '\0'; at += *at == ',' ? 1 : 0)
                arguments.sizes.push_back(std::strtoul(at, &at, 10));
        }
    }
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);

    const auto authority = good(faas::local::CertificateAuthority::create());
    std::optional<faas::local::Certificate> identity;
    if (!plain) identity = good(authority.issue({"127.0.0.1"}));
    int url_pipe[2];
    int stop_pipe[2];
    if (::pipe(url_pipe) != 0 || ::pipe(stop_pipe) != 0) fail("there are no pipes");
    const pid_t cloud_pid = ::fork();
    if (cloud_pid == 0) {
        ::close(url_pipe[0]);
        ::close(stop_pipe[1]);
        be_the_cloud(identity, url_pipe[1], stop_pipe[0]);
    }
    ::close(url_pipe[1]);
    ::close(stop_pipe[0]);
    std::string url(128, '\0');
    url.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(url_pipe[0], url.data(), url.size()), 0)));
    if (url.empty()) fail("the cloud did not start");
    const auto cloud = std::to_string(cloud_pid);

    asio::io_context io{1};
    const faas::ConnectionOptions connections{.max_idle = 2048};
    const bool fine =
        plain ? measure_all(io, faas::LoopbackTransport{io.get_executor(), connections}, arguments, url, cloud)
              : measure_all(io,
                            faas::HttpsTransport{io.get_executor(),
                                                 {.system_roots = false, .extra_roots = authority.certificate()},
                                                 connections},
                            arguments, url, cloud);
    ::close(stop_pipe[1]);
    int status = 0;
    ::waitpid(cloud_pid, &status, 0);
    return fine ? 0 : 1;
}
