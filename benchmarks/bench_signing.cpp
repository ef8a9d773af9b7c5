// What a signature costs: `aws::Signer` against the bare SHA-256 blocks that the algorithm needs for the same request,
// measured in turn in one process. The request is Lambda's Invoke, signed again and again as a retry would be, at a
// time that goes on by a second every 64 signatures; or there are two that are told apart by a header field, so that
// none is like the one before. `--json` prints JSON instead of the table. Exit 1 if signing allocates.
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
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

constexpr std::size_t rounds = 101;

faas::HttpRequest invocation(std::size_t body_bytes) {
    faas::HttpRequest request;
    request.origin.host = "lambda.eu-central-1.amazonaws.com";
    request.verb = faas::Verb::post;
    request.target = "/2015-03-31/functions/blueprint-job-0/invocations?Qualifier=live";
    request.headers.add("Content-Type", "application/json");
    request.headers.add("X-Amz-Invocation-Type", "RequestResponse");
    request.headers.add("X-Amz-Log-Type", "Tail");
    request.body = faas::Body{std::string(body_bytes, 'x')};
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

struct Outcome {
    std::string name{};
    std::size_t blocks = 0;
    double sign_us = 0;
    double bare_us = 0;
    std::uint64_t allocated = 0;
    std::uint64_t signatures = 0;

    double ratio() const { return sign_us / bare_us; }
};

template <class Run>
double microseconds(std::size_t turns, Run run) {
    const auto before = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < turns; ++i) run();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - before;
    return took.count() / static_cast<double>(turns);
}

double median(std::vector<double>& all) {
    std::nth_element(all.begin(), all.begin() + rounds / 2, all.end());
    return all[rounds / 2];
}

Outcome measure(std::string name, std::size_t body_bytes, std::size_t token_bytes, std::size_t turns,
                bool two = false) {
    faas::aws::Signer signer;
    const faas::aws::SigningScope scope{.region = "eu-central-1", .service = "lambda"};
    const faas::aws::Credentials credentials{.access_key_id = "AKIDEXAMPLE",
                                             .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                             .session_token = std::string(token_bytes, 't')};
    std::vector<faas::HttpRequest> requests(2, invocation(body_bytes));
    for (std::size_t i = 0; two && i < 2; ++i)
        requests[i].headers.add("X-Amz-Client-Context", i == 0 ? "eyJjdXN0b20iOnt9fQ==" : "eyJjdXN0b20iOm51bGx9");
    auto& request = requests[0];
    const std::chrono::system_clock::time_point begin{std::chrono::seconds{1'440'938'160}};
    std::uint64_t count = 0;
    const auto sign = [&] {
        const auto now = begin + std::chrono::seconds{++count / 64 % 3600};
        if (!signer.sign(requests[two ? count % 2 : 0], credentials, scope, now)) std::abort();
    };
    for (int i = 0; i < 4; ++i) sign();  // the fields of the first one are replaced
    const auto needed = needed_blocks(request, scope);
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
    return {.name = std::move(name),
            .blocks = needed,
            .sign_us = median(signing),
            .bare_us = median(hashing),
            .allocated = allocated,
            .signatures = rounds * turns};
}

}  // namespace

int main(int argc, char** argv) {
    const bool json = argc > 1 && std::string_view{argv[1]} == "--json";
    std::vector<Outcome> outcomes;
    outcomes.push_back(measure("64 B", 64, 0, 1000));
    outcomes.push_back(measure("1 KiB", 1024, 0, 1000));
    outcomes.push_back(measure("1 MiB", 1U << 20U, 0, 4));
    outcomes.push_back(measure("64 B, none alike", 64, 0, 1000, true));
    outcomes.push_back(measure("1 KiB, none alike", 1024, 0, 1000, true));
    outcomes.push_back(measure("64 B, token of 1,000 B", 64, 1000, 1000));
    outcomes.push_back(measure("1 KiB, token of 1,000 B", 1024, 1000, 1000));
    outcomes.push_back(measure("1 MiB, token of 1,000 B", 1U << 20U, 1000, 4));

    std::uint64_t allocated = 0;
    if (!json) std::printf("one signature and its bare SHA-256 blocks: medians of %zu rounds in turn\n", rounds);
    if (json) std::printf("[");
    for (const auto& one : outcomes) {
        allocated += one.allocated;
        const double each = static_cast<double>(one.allocated) / static_cast<double>(one.signatures);
        if (json)
            std::printf(
                "%s{\"body\":\"%s\",\"blocks\":%zu,\"us\":%.3f,\"bare_us\":%.3f,\"ratio\":%.3f,"
                "\"allocations\":%.3f}",
                &one == outcomes.data() ? "" : ",", one.name.c_str(), one.blocks, one.sign_us, one.bare_us, one.ratio(),
                each);
        else
            std::printf("  %-24s %6zu blocks %9.3f us   bare %9.3f us   ratio %.3f   allocations each %.3f\n",
                        one.name.c_str(), one.blocks, one.sign_us, one.bare_us, one.ratio(), each);
    }
    if (json) std::printf("]\n");
    return allocated == 0 ? 0 : 1;
}
