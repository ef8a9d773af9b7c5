// What an invoke costs above the transport: executor, codec, authorisation, retry policy and metrics. The transport is
// in memory and answers with what it was given; its own cost, measured in turn in the same process, is taken off. Each
// call has 1 KiB of arguments and as much of a result, and makes its arguments anew, which is one of the allocations.
// Times are the processor's, so that other programs do not count. `--in-flight N` (64), `--json` for one JSON object
// instead of the table. Exit 1 if a call fails.
#include "blueprint/faas/auth/api_key.hpp"
#include "blueprint/faas/auth/sigv4.hpp"
#include "blueprint/faas/codec/aws_lambda.hpp"
#include "blueprint/faas/codec/custom.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/executor.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace faas = blueprint::faas;
namespace asio = boost::asio;

namespace {

std::atomic<std::uint64_t> allocations{0};

void count() noexcept { allocations.store(allocations.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

}  // namespace

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// glibc's own functions under their second names. `new` comes here too, and Asio takes its frames from aligned_alloc.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
    count();
    return __libc_malloc(size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    count();
    return __libc_memalign(alignment, size);
}
}
#else
[[gnu::noinline]] void* operator new(std::size_t size) {
    count();
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace {

constexpr std::size_t rounds = 31;
constexpr std::size_t calls_a_round = 640;
std::uint64_t failures = 0;

// Gives every request the same answer, a turn of the io_context later, as one that comes over a socket does.
class CannedTransport {
public:
    static constexpr bool confidential = true;
    CannedTransport(asio::any_io_executor executor, faas::HttpResponse answer)
        : executor_{std::move(executor)}, answer_{std::move(answer)} {}
    asio::any_io_executor get_executor() const { return executor_; }
    asio::awaitable<faas::result<faas::HttpResponse>> exchange(const faas::HttpRequest&, faas::Deadline) {
        co_await asio::post(executor_, asio::use_awaitable);
        co_return answer_;
    }

private:
    asio::any_io_executor executor_;
    faas::HttpResponse answer_;
};
static_assert(faas::Transport<CannedTransport>);

const faas::Bytes& arguments() {
    static const faas::Bytes bytes = [] {
        faas::Bytes all(1024);
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i * 37 + (i >> 3));
        return all;
    }();
    return bytes;
}

faas::HttpResponse begin_answer(std::string_view type) {
    faas::HttpResponse answer;
    answer.status = 200;
    answer.connection_reused = true;
    answer.headers.add("Date", "Sun, 30 Aug 2015 12:36:00 GMT");
    answer.headers.add("Content-Type", type);
    answer.headers.add("Content-Length", "1450");
    return answer;
}

template <class Format>
std::string written_result() {
    if constexpr (Format::is_json) {
        std::string body = "{\"job_id\":7,\"result\":";
        Format::append(body, arguments());
        return body += ",\"success\":true,\"execution_ms\":1,\"memory_used_mb\":3}";
    } else {
        std::string body;
        Format::append(body, arguments());
        return body;
    }
}

faas::HttpResponse answer_of_lambda() {
    static constexpr std::string_view log =
        "START RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95 Version: 7\n"
        "END RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95\n"
        "REPORT RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95\tDuration: 3.01 ms\tBilled Duration: 4 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 36 MB\t\n";
    auto answer = begin_answer("application/json");
    answer.headers.add("Connection", "keep-alive");
    answer.headers.add("x-amzn-RequestId", "8f507cfc-xmpl-4697-b07a-ac58fc914c95");
    answer.headers.add("X-Amz-Executed-Version", "7");
    answer.headers.add("X-Amz-Log-Result", faas::detail::base64_encode(faas::detail::bytes_of(log)));
    answer.headers.add("X-Amzn-Trace-Id", "root=1-5759e988-bd862e3fe1be46a994272793;sampled=0");
    answer.body = written_result<faas::Base64Json>();
    return answer;
}

template <class Format>
faas::HttpResponse answer_of_custom() {
    auto answer = begin_answer(Format::is_json ? "application/json" : "application/octet-stream");
    answer.headers.add("X-Request-Id", "8f507cfc-xmpl-4697-b07a-ac58fc914c95");
    if (!Format::is_json) answer.headers.add("X-Blueprint-Execution-Ms", "1");
    answer.body = written_result<Format>();
    return answer;
}

template <class Executor>
asio::awaitable<void> invoke(Executor& executor, std::size_t times) {
    for (; times != 0; --times) {
        faas::JobCall call;
        call.job_id = faas::JobId{7U};
        call.args = arguments();
        auto done = co_await executor.invoke(std::move(call));
        if (!done || !done->outcome || *done->outcome != arguments()) ++failures;
    }
}

asio::awaitable<void> exchange(CannedTransport& transport, const faas::HttpRequest& request, std::size_t times) {
    for (; times != 0; --times) {
        auto answer = co_await transport.exchange(request, faas::Deadline::max());
        if (!answer) ++failures;
    }
}

struct Measured {
    std::vector<double> nanoseconds{};
    std::uint64_t allocated = 0;

    double median() {
        std::nth_element(nanoseconds.begin(), nanoseconds.begin() + rounds / 2, nanoseconds.end());
        return nanoseconds[rounds / 2];
    }
    double allocations_each() const {
        return static_cast<double>(allocated) / static_cast<double>(rounds * calls_a_round);
    }
};

// `begin(times)` starts one of those that are in flight.
template <class Begin>
void measure(Measured& into, asio::io_context& io, std::size_t in_flight, Begin begin) {
    for (std::size_t i = 0; i < in_flight; ++i) asio::co_spawn(io, begin(calls_a_round / in_flight), asio::detached);
    io.restart();
    const auto allocated = allocations.load(std::memory_order_relaxed);
    const auto before = std::clock();
    io.run();
    const auto took = static_cast<double>(std::clock() - before) * 1e9 / CLOCKS_PER_SEC;
    into.allocated += allocations.load(std::memory_order_relaxed) - allocated;
    into.nanoseconds.push_back(took / static_cast<double>(calls_a_round));
}

struct Outcome {
    std::string_view name{};
    double invoke_ns = 0;
    double exchange_ns = 0;
    double allocations = 0;
};

template <class Make>
Outcome measure(std::string_view name, const faas::HttpResponse& answer, std::size_t in_flight, Make make) {
    asio::io_context io{1};
    CannedTransport transport{io.get_executor(), answer};
    auto executor = make(transport);
    const faas::HttpRequest request;
    Measured whole, bare, warming;
    for (auto* each : {&whole, &bare}) each->nanoseconds.reserve(rounds);
    measure(warming, io, in_flight, [&](std::size_t times) { return invoke(executor, times); });
    for (std::size_t round = 0; round < rounds; ++round) {
        measure(whole, io, in_flight, [&](std::size_t times) { return invoke(executor, times); });
        measure(bare, io, in_flight, [&](std::size_t times) { return exchange(transport, request, times); });
    }
    return {.name = name,
            .invoke_ns = whole.median(),
            .exchange_ns = bare.median(),
            .allocations = whole.allocations_each() - bare.allocations_each()};
}

template <class Format>
Outcome measure_custom(std::string_view name, std::size_t in_flight) {
    return measure(name, answer_of_custom<Format>(), in_flight, [](const CannedTransport& transport) {
        return faas::FaasExecutor{transport, faas::Bearer{"fixed-token"},
                                  faas::CustomCodec<Format>{{.base_url = "https://faas.example.com/platform"}}};
    });
}

Outcome measure_lambda(std::string_view name, std::size_t in_flight) {
    return measure(name, answer_of_lambda(), in_flight, [](const CannedTransport& transport) {
        const faas::aws::FixedCredentials credentials{
            {.access_key_id = "AKIDEXAMPLE", .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}};
        return faas::FaasExecutor{transport, faas::SigV4{credentials, {.region = "eu-central-1"}},
                                  faas::LambdaCodec<>{{.region = "eu-central-1"}}};
    });
}

}  // namespace

int main(int argc, char** argv) {
    bool json = false;
    std::size_t in_flight = 64;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument{argv[i]};
        if (argument == "--json") json = true;
        if (argument == "--in-flight" && i + 1 < argc)
            in_flight = std::clamp<std::size_t>(std::strtoul(argv[++i], nullptr, 10), 1, calls_a_round);
    }
    const std::array outcomes{
        measure_lambda("aws", in_flight),
        measure_custom<faas::JsonBytes>("custom, JSON", in_flight),
        measure_custom<faas::Base64Json>("custom, Base64", in_flight),
        measure_custom<faas::Binary>("custom, binary", in_flight),
    };
    if (json) std::printf("{\"in_flight\":%zu,\"payload\":1024", in_flight);
    if (!json)
        std::printf("one invoke of 1 KiB, %zu in flight: CPU, medians of %zu rounds in turn\n", in_flight, rounds);
    for (const auto& one : outcomes) {
        const auto above = one.invoke_ns - one.exchange_ns;
        if (json)
            std::printf(",\"%s\":{\"invoke_ns\":%.0f,\"exchange_ns\":%.0f,\"above_ns\":%.0f,\"allocations\":%.2f}",
                        std::string{one.name}.c_str(), one.invoke_ns, one.exchange_ns, above, one.allocations);
        else
            std::printf("  %-16s %7.0f ns   the transport %5.0f   above it %7.0f   allocations above it %.2f\n",
                        std::string{one.name}.c_str(), one.invoke_ns, one.exchange_ns, above, one.allocations);
    }
    if (json) std::printf("}\n");
    if (failures != 0) std::fprintf(stderr, "%llu calls failed\n", static_cast<unsigned long long>(failures));
    return failures == 0 ? 0 : 1;
}
