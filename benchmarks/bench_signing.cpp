// What a signature costs: `aws::Signer` against the bare SHA-256 blocks that the algorithm needs for the same request,
// in processor time, measured in turn in one process. The request is Lambda's Invoke, at a time that goes on by a
// second every 64 signatures: signed again and again as a retry would be ("alike"), or with another
// X-Amz-Client-Context each time, which tells the deadline of each call ("differing"); with and without a session
// token. Then what other signers cost, by the scripts named: see signing/. `--json` prints one JSON object instead of
// the table. Exit 1 if signing allocates, or if a script fails other than by 77 (what it measures is not installed).
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <time.h>
#include <utility>
#include <vector>

namespace faas = blueprint::faas;

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

constexpr std::array<std::size_t, 3> bodies{64, 1024, 1U << 20U};
constexpr double aws_c_auth_us =
    12.6;  // at 1 KiB, as measured on this kind of machine, in one process with nothing else

// A client context as Lambda's codec writes it, of a call whose deadline is `turn` milliseconds later.
std::string client_context(std::size_t turn) {
    const auto text = R"({"custom":{"blueprint-deadline-ms":")" + std::to_string(1'764'110'000'000 + turn) + "\"}}";
    return faas::detail::base64_encode(faas::detail::bytes_of(text));
}

faas::HttpRequest invocation(std::shared_ptr<const faas::Bytes> body, std::size_t turn) {
    faas::HttpRequest request;
    request.origin.host = "lambda.eu-central-1.amazonaws.com";
    request.verb = faas::Verb::post;
    request.target = "/2015-03-31/functions/blueprint-job-0/invocations?Qualifier=live";
    request.headers.add("Content-Type", "application/json");
    request.headers.add("X-Amz-Invocation-Type", "RequestResponse");
    request.headers.add("X-Amz-Log-Type", "Tail");
    request.headers.add("X-Amz-Client-Context", client_context(turn));
    request.body = faas::Body{std::move(body)};
    return request;
}

// Of a text of that size with its padding: a one bit and eight bytes of length.
std::size_t blocks(std::size_t bytes) { return (bytes + 9 + 63) / 64; }

// What is hashed for a signed request: its body, the canonical request, and the string to sign after and before a
// block of key, whose states are kept.
std::size_t needed_blocks(const faas::HttpRequest& request, const faas::aws::SigningScope& scope) {
    std::vector<faas::aws::SignedField> fields{{"host", request.origin.host}};
    for (const auto name : {"Content-Type", "X-Amz-Invocation-Type", "X-Amz-Log-Type", "X-Amz-Client-Context",
                            "X-Amz-Date", "X-Amz-Security-Token"})
        if (const auto value = request.headers.get(name)) fields.push_back({name, *value});
    const auto path = request.target.substr(0, request.target.find('?'));
    const auto query = request.target.substr(path.size() + 1);
    const auto canonical = faas::aws::canonical_request({.method = to_string(request.verb),
                                                         .path = path,
                                                         .query = query,
                                                         .fields = fields,
                                                         .payload_hash = faas::aws::empty_payload_hash});
    const auto date = request.headers.get("X-Amz-Date").value_or("");
    const auto text = faas::aws::string_to_sign(date, faas::aws::credential_scope(date, scope), canonical);
    return blocks(request.body.size()) + blocks(canonical.size()) + blocks(text.size()) + 1;
}

struct Case {
    std::size_t body_bytes = 0;
    std::size_t token_bytes = 0;
    bool differing = false;
};

struct Outcome {
    Case of{};
    std::size_t blocks = 0;
    double sign_us = 0;
    double bare_us = 0;
    double allocations = 0;  // of each signature

    double ratio() const { return sign_us / bare_us; }
};

// Of this thread's time on a processor: what else the machine does costs us none of it.
double cpu_us() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

template <class Run>
double microseconds(std::size_t turns, Run run) {
    const auto before = cpu_us();
    for (std::size_t i = 0; i < turns; ++i) run();
    return (cpu_us() - before) / static_cast<double>(turns);
}

double median(std::vector<double>& all) {
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end());
    return *middle;
}

Outcome measure(const Case& of) {
    const bool large = of.body_bytes > 65'536;
    const std::size_t rounds = large ? 31 : 101, turns = large ? 2 : 500;
    faas::aws::Signer signer;
    const faas::aws::SigningScope scope{.region = "eu-central-1", .service = "lambda"};
    const faas::aws::Credentials credentials{.access_key_id = "AKIDEXAMPLE",
                                             .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                             .session_token = std::string(of.token_bytes, 't')};
    // One body for all, so that a large one stays in the processor's cache, as the bare blocks do.
    const auto body = std::make_shared<const faas::Bytes>(of.body_bytes, std::uint8_t{'x'});
    std::vector<faas::HttpRequest> requests;
    for (std::size_t turn = 0; turn < (of.differing ? 8U : 1U); ++turn) requests.push_back(invocation(body, turn));
    const std::chrono::system_clock::time_point begin{std::chrono::seconds{1'440'938'160}};
    std::uint64_t count = 0;
    const auto sign = [&] {
        const auto now = begin + std::chrono::seconds{++count / 64 % 3600};
        if (!signer.sign(requests[count % requests.size()], credentials, scope, now)) std::abort();
    };
    for (int i = 0; i < 16; ++i) sign();  // the fields of the first one are replaced
    const auto needed = needed_blocks(requests[0], scope);
    const std::string bytes(needed * 64, 'b');
    faas::detail::Sha256 hash;
    const auto bare = [&] { hash.update(faas::detail::bytes_of(bytes)); };

    std::vector<double> signing, hashing;
    signing.reserve(rounds);
    hashing.reserve(rounds);
    std::uint64_t allocated = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        const auto before = allocations.load(std::memory_order_relaxed);
        signing.push_back(microseconds(turns, sign));
        allocated += allocations.load(std::memory_order_relaxed) - before;
        hashing.push_back(microseconds(turns, bare));
    }
    return {.of = of,
            .blocks = needed,
            .sign_us = median(signing),
            .bare_us = median(hashing),
            .allocations = static_cast<double>(allocated) / static_cast<double>(rounds * turns)};
}

// What a script measured of another signer.
struct Peer {
    std::string name{};
    std::vector<double> us{};  // of each of `bodies`; none: not installed, and `name` says so
    bool broken = false;
};

Peer ask(const std::string& script) {
    auto command = (script.ends_with(".py") ? "python3 '" : "node '") + script + "'";
    for (const auto bytes : bodies) command += ' ' + std::to_string(bytes);
    command += " 2>&1";
    const auto run = [](const std::string& line, std::string& text) {
        std::FILE* const output = ::popen(line.c_str(), "r");
        if (output == nullptr) return -1;
        std::array<char, 4096> part{};
        while (const auto size = std::fread(part.data(), 1, part.size(), output)) text.append(part.data(), size);
        const int status = ::pclose(output);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    std::string text;
    int status = run(command, text);
    // What Debian packages for Python is the system's Python's alone.
    if (status == 77 && script.ends_with(".py")) {
        text.clear();
        status = run("/usr/bin/" + command, text);
    }
    Peer peer{.name = text.substr(0, text.find('\n'))};
    if (status == 77 || status == 127) return peer;
    std::istringstream lines{text.substr(std::min(peer.name.size() + 1, text.size()))};
    std::size_t bytes = 0;
    for (double us = 0; lines >> bytes >> us;) peer.us.push_back(us);
    peer.broken = status != 0 || peer.us.size() != bodies.size();
    if (peer.broken) std::fprintf(stderr, "bench_signing: %s failed:\n%s\n", script.c_str(), text.c_str());
    return peer;
}

std::string size_text(std::size_t bytes) {
    if (bytes < 1024) return std::to_string(bytes) + " B";
    return bytes < 1U << 20U ? std::to_string(bytes / 1024) + " KiB" : std::to_string(bytes >> 20U) + " MiB";
}

void print_table(const std::vector<Outcome>& outcomes, const std::vector<Peer>& peers) {
    std::printf("one signature and its bare SHA-256 blocks: medians of rounds in turn\n");
    std::printf("  %-8s %-10s %-8s %8s %12s %12s %8s %12s\n", "body", "calls", "token", "blocks", "us", "bare us",
                "ratio", "allocations");
    for (const auto& one : outcomes)
        std::printf("  %-8s %-10s %-8s %8zu %12.3f %12.3f %8.2f %12.3f\n", size_text(one.of.body_bytes).c_str(),
                    one.of.differing ? "differing" : "alike", one.of.token_bytes == 0 ? "none" : "1,000 B", one.blocks,
                    one.sign_us, one.bare_us, one.ratio(), one.allocations);
    std::printf("ratio at most 2.0 at 64 B and 1.4 at 1 KiB\n");
    const auto ours = [&](std::size_t body_bytes) {
        return std::find_if(outcomes.begin(), outcomes.end(),
                            [&](const Outcome& one) {
                                return one.of.differing && one.of.token_bytes == 0 && one.of.body_bytes == body_bytes;
                            })
            ->sign_us;
    };
    std::printf("other signers, beside our differing calls without token\n");
    std::printf("  %-8s %-32s %12.3f us %8.1fx, at least 10x\n", "1 KiB", "aws-c-auth, as measured once", aws_c_auth_us,
                aws_c_auth_us / ours(1024));
    for (const auto& peer : peers) {
        if (peer.us.empty() && !peer.broken) std::printf("  SKIPPED, not installed: %s\n", peer.name.c_str());
        for (std::size_t i = 0; i < peer.us.size(); ++i)
            std::printf("  %-8s %-32s %12.3f us %8.1fx\n", size_text(bodies[i]).c_str(), peer.name.c_str(), peer.us[i],
                        peer.us[i] / ours(bodies[i]));
    }
}

void print_json(const std::vector<Outcome>& outcomes, const std::vector<Peer>& peers) {
    std::printf("{\"signatures\":[");
    for (const auto& one : outcomes)
        std::printf(
            "%s{\"body_bytes\":%zu,\"differing\":%s,\"token_bytes\":%zu,\"blocks\":%zu,\"us\":%.3f,"
            "\"bare_us\":%.3f,\"ratio\":%.3f,\"allocations\":%.3f}",
            &one == outcomes.data() ? "" : ",", one.of.body_bytes, one.of.differing ? "true" : "false",
            one.of.token_bytes, one.blocks, one.sign_us, one.bare_us, one.ratio(), one.allocations);
    std::printf("],\"aws_c_auth_us\":%.1f,\"peers\":[", aws_c_auth_us);
    bool first = true;
    for (const auto& peer : peers) {
        for (std::size_t i = 0; i < peer.us.size(); ++i) {
            std::printf("%s{\"name\":\"%s\",\"body_bytes\":%zu,\"us\":%.3f}", first ? "" : ",", peer.name.c_str(),
                        bodies[i], peer.us[i]);
            first = false;
        }
    }
    std::printf("]}\n");
}

}  // namespace

int main(int argc, char** argv) {
    bool json = false, broken = false;
    std::vector<std::string> scripts;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view{argv[i]} == "--json")
            json = true;
        else
            scripts.emplace_back(argv[i]);
    }
    std::vector<Outcome> outcomes;
    for (const bool differing : {false, true})
        for (const std::size_t token_bytes : {0U, 1000U})
            for (const auto body_bytes : bodies)
                outcomes.push_back(
                    measure({.body_bytes = body_bytes, .token_bytes = token_bytes, .differing = differing}));
    std::vector<Peer> peers;
    for (const auto& script : scripts) peers.push_back(ask(script));
    json ? print_json(outcomes, peers) : print_table(outcomes, peers);
    for (const auto& one : outcomes) broken = broken || one.allocations > 0;
    for (const auto& peer : peers) broken = broken || peer.broken;
    return broken ? 1 : 0;
}
