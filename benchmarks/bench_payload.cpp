// What it costs to write a job's bytes into a body and to read them back: `JsonBytes` beside a copy of the same text
// and beside Boost.JSON, `Base64Json` beside OpenSSL, all measured in turn in one process, in CPU time. The bytes are
// random, and small payloads are many, one after the other: the processor would learn a single one by heart. `--json`
// prints one JSON object instead of the tables, `--seconds N` takes about N seconds instead of 2.5. Exit 1 if any way
// writes or reads something else than the others.
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"

#include <boost/json/array.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace faas = blueprint::faas;

namespace {

using Clock = std::chrono::steady_clock;

// Of this thread, so that it matters little what else the machine does.
double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::vector<faas::Bytes> random_payloads(std::size_t count, std::size_t size) {
    std::vector<faas::Bytes> all(count, faas::Bytes(size));
    std::uint64_t state = 0x9e3779b97f4a7c15ULL;
    for (auto& one : all) {
        for (auto& byte : one) {
            state ^= state << 13U;
            state ^= state >> 7U;
            state ^= state << 17U;
            byte = static_cast<std::uint8_t>(state >> 40U);
        }
    }
    return all;
}

// Takes the events of an array of bytes; what else a document may hold ends the reading.
struct BytesHandler {
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
    using error_code = boost::system::error_code;
    using text = boost::json::string_view;

    static bool refuse(error_code& failed) {
        failed = boost::json::error::incomplete;
        return false;
    }
    static bool on_document_begin(error_code&) { return true; }
    static bool on_document_end(error_code&) { return true; }
    static bool on_array_begin(error_code&) { return true; }
    static bool on_array_end(std::size_t, error_code&) { return true; }
    static bool on_object_begin(error_code& failed) { return refuse(failed); }
    static bool on_object_end(std::size_t, error_code& failed) { return refuse(failed); }
    static bool on_string_part(text, std::size_t, error_code& failed) { return refuse(failed); }
    static bool on_string(text, std::size_t, error_code& failed) { return refuse(failed); }
    static bool on_key_part(text, std::size_t, error_code& failed) { return refuse(failed); }
    static bool on_key(text, std::size_t, error_code& failed) { return refuse(failed); }
    static bool on_number_part(text, error_code&) { return true; }
    bool on_int64(std::int64_t value, text, error_code& failed) {
        if (value < 0 || value > 255) return refuse(failed);
        out.push_back(static_cast<std::uint8_t>(value));
        return true;
    }
    static bool on_uint64(std::uint64_t, text, error_code& failed) { return refuse(failed); }
    static bool on_double(double, text, error_code& failed) { return refuse(failed); }
    static bool on_bool(bool, error_code& failed) { return refuse(failed); }
    static bool on_null(error_code& failed) { return refuse(failed); }
    static bool on_comment_part(text, error_code&) { return true; }
    static bool on_comment(text, error_code&) { return true; }

    faas::Bytes out{};
};

// A payload in each form, and where it is written to and read into.
struct Payload {
    faas::Bytes bytes{};
    std::string numbers{};
    std::string base64{};
    std::string answer{};  // a platform's, with the numbers
    std::string answer_base64{};
};
struct Results {
    std::string copy{}, json{}, json_dom{}, base64{}, base64_openssl{};
    faas::Bytes bytes{}, bytes_dom{}, bytes_openssl{};
    std::optional<faas::Bytes> bytes_base64{}, bytes_answer{}, bytes_answer_base64{};
    boost::json::basic_parser<BytesHandler> sax{boost::json::parse_options{}};

    bool right(const Payload& payload) const {
        return copy == payload.numbers && json == payload.numbers && json_dom == payload.numbers &&
               base64 == '"' + payload.base64 + '"' && base64_openssl == payload.base64 && bytes == payload.bytes &&
               bytes_dom == payload.bytes && sax.handler().out == payload.bytes && bytes_openssl == payload.bytes &&
               bytes_base64 == payload.bytes && bytes_answer == payload.bytes && bytes_answer_base64 == payload.bytes;
    }
};

// One way to do something with a payload, and how long it took in each round, for one payload.
struct Way {
    std::string_view name;
    std::function<double(const std::vector<Payload>&, std::size_t)> seconds_of;
    std::size_t turns = 1;
    bool cached = false;  // its memory is in the caches when a round begins: a slow way warms them by itself
    std::vector<double> seconds{};
};

template <class Run>
Way way(std::string_view name, Run run) {
    return {.name = name, .seconds_of = [run](const std::vector<Payload>& payloads, std::size_t turns) {
                const auto before = cpu_seconds();
                for (std::size_t turn = 0; turn < turns; ++turn) {
                    for (const auto& payload : payloads) {
                        run(payload);
                        asm volatile("" ::: "memory");  // each has to be done
                    }
                }
                return (cpu_seconds() - before) / static_cast<double>(turns * payloads.size());
            }};
}

std::vector<Way> ways_of(Results& to) {
    const auto openssl = [](auto& text) { return reinterpret_cast<unsigned char*>(text.data()); };
    std::vector<Way> ways;
    ways.push_back(way("memcpy_text", [&to](const Payload& from) {
        to.copy.resize(from.numbers.size());
        std::memcpy(to.copy.data(), from.numbers.data(), from.numbers.size());
    }));
    ways.push_back(way("json_encode", [&to](const Payload& from) {
        to.json.clear();
        faas::JsonBytes::append(to.json, from.bytes);
    }));
    ways.push_back(way("json_decode", [&to](const Payload& from) {
        if (!faas::detail::read_json_bytes(from.numbers, to.bytes)) std::abort();
    }));
    ways.push_back(way("answer_decode", [&to](const Payload& from) {
        if (!faas::detail::parse_object_with_bytes(from.answer, "result", to.bytes_answer)) std::abort();
    }));
    ways.push_back(way("boost_dom_encode", [&to](const Payload& from) {
        boost::json::array array;
        array.reserve(from.bytes.size());
        for (const auto byte : from.bytes) array.emplace_back(byte);
        to.json_dom = boost::json::serialize(array);
    }));
    ways.push_back(way("boost_dom_decode", [&to](const Payload& from) {
        const auto value = boost::json::parse(from.numbers);
        to.bytes_dom.clear();
        to.bytes_dom.reserve(value.as_array().size());
        for (const auto& element : value.as_array()) to.bytes_dom.push_back(element.to_number<std::uint8_t>());
    }));
    ways.push_back(way("boost_sax_decode", [&to](const Payload& from) {
        boost::system::error_code failed;
        to.sax.reset();
        to.sax.handler().out.clear();
        const auto& text = from.numbers;
        if (to.sax.write_some(false, text.data(), text.size(), failed) != text.size()) std::abort();
    }));
    ways.push_back(way("base64_encode", [&to](const Payload& from) {
        to.base64.clear();
        faas::Base64Json::append(to.base64, from.bytes);
    }));
    ways.push_back(way("base64_decode", [&to](const Payload& from) {
        to.bytes_base64.reset();
        to.bytes_base64 = faas::detail::base64_decode(from.base64);
        if (!to.bytes_base64) std::abort();
    }));
    ways.push_back(way("answer_base64_decode", [&to](const Payload& from) {
        if (!faas::detail::parse_object_with_bytes(from.answer_base64, "result", to.bytes_answer_base64)) std::abort();
    }));
    ways.push_back(way("openssl_encode", [&to, openssl](const Payload& from) {
        to.base64_openssl.resize(from.base64.size());  // its NUL stands where the string's is
        EVP_EncodeBlock(openssl(to.base64_openssl), from.bytes.data(), static_cast<int>(from.bytes.size()));
    }));
    ways.push_back(way("openssl_decode", [&to](const Payload& from) {
        to.bytes_openssl.resize(from.base64.size() / 4 * 3);
        const auto* text = reinterpret_cast<const unsigned char*>(from.base64.data());
        if (EVP_DecodeBlock(to.bytes_openssl.data(), text, static_cast<int>(from.base64.size())) < 0) std::abort();
        to.bytes_openssl.resize(from.bytes.size());  // without what it makes of the padding
    }));
    return ways;
}

double median(std::vector<double> all) {
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end());
    return *middle;
}

struct Ratio {
    std::string_view name;
    std::string_view dividend;
    std::string_view divisor;
};

// How many times as long the one takes as the other.
constexpr std::array ratios{
    Ratio{"json_encode_vs_memcpy", "json_encode", "memcpy_text"},
    Ratio{"json_decode_vs_memcpy", "json_decode", "memcpy_text"},
    Ratio{"answer_decode_vs_memcpy", "answer_decode", "memcpy_text"},
    Ratio{"boost_dom_encode_vs_json_encode", "boost_dom_encode", "json_encode"},
    Ratio{"boost_dom_decode_vs_json_decode", "boost_dom_decode", "json_decode"},
    Ratio{"boost_sax_decode_vs_json_decode", "boost_sax_decode", "json_decode"},
    Ratio{"openssl_encode_vs_base64_encode", "openssl_encode", "base64_encode"},
    Ratio{"openssl_decode_vs_base64_decode", "openssl_decode", "base64_decode"},
};

struct Outcome {
    std::size_t bytes = 0;
    std::vector<Way> ways{};
    std::size_t rounds = 0;
    bool right = true;

    const Way& find(std::string_view name) const {
        return *std::find_if(ways.begin(), ways.end(), [name](const Way& one) { return one.name == name; });
    }
    double gb_per_s(const Way& one) const { return static_cast<double>(bytes) / median(one.seconds) / 1e9; }
    double value(const Ratio& ratio) const {
        const auto& dividend = find(ratio.dividend).seconds;
        const auto& divisor = find(ratio.divisor).seconds;
        std::vector<double> each(rounds);
        for (std::size_t i = 0; i < rounds; ++i) each[i] = dividend[i] / divisor[i];
        return median(std::move(each));
    }
};

Outcome measure(std::size_t size, double seconds) {
    // No more than the second cache holds, so that it is not the memory that is measured, except with the largest.
    constexpr std::size_t most_bytes = 32U << 10U;
    std::vector<Payload> payloads;
    for (auto& bytes : random_payloads(std::max<std::size_t>(1, most_bytes / size), size)) {
        Payload one{.base64 = faas::detail::base64_encode(bytes)};
        faas::JsonBytes::append(one.numbers, bytes);
        const std::string before = "{\"job_id\":3,\"result\":", after = ",\"success\":true,\"execution_ms\":2}";
        one.answer = before + one.numbers + after;
        one.answer_base64 = before + '"' + one.base64 + '"' + after;
        one.bytes = std::move(bytes);
        payloads.push_back(std::move(one));
    }
    Results results;
    Outcome outcome{.bytes = size, .ways = ways_of(results)};
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        for (auto& one : outcome.ways) one.seconds_of({payloads[i]}, 1);
        outcome.right = outcome.right && results.right(payloads[i]);
    }
    for (auto& one : outcome.ways) {
        const auto all = one.seconds_of(payloads, 1) * static_cast<double>(payloads.size());
        one.turns = all < 0.005 ? 1 + static_cast<std::size_t>(2e-4 / std::max(all, 1e-7)) : 1;
        one.cached = all < 0.005;
    }
    const auto end = Clock::now() + std::chrono::duration<double>{seconds};
    while (outcome.rounds < 5 || Clock::now() < end) {
        for (auto& one : outcome.ways) {
            if (one.cached) one.seconds_of(payloads, 1);
            one.seconds.push_back(one.seconds_of(payloads, one.turns));
        }
        ++outcome.rounds;
    }
    return outcome;
}

void print_table(const Outcome& outcome) {
    std::printf("%zu bytes: medians of %zu rounds in turn\n", outcome.bytes, outcome.rounds);
    for (const auto& one : outcome.ways)
        std::printf("  %-34s %8.3f GB/s of raw bytes %12.3f us\n", std::string{one.name}.c_str(), outcome.gb_per_s(one),
                    median(one.seconds) * 1e6);
    for (const auto& ratio : ratios)
        std::printf("  %-34s %8.2f\n", std::string{ratio.name}.c_str(), outcome.value(ratio));
}

void print_json(const Outcome& outcome) {
    std::printf("{\"bytes\":%zu,\"rounds\":%zu,\"gb_per_s\":{", outcome.bytes, outcome.rounds);
    for (const auto& one : outcome.ways)
        std::printf("%s\"%s\":%.3f", &one == outcome.ways.data() ? "" : ",", std::string{one.name}.c_str(),
                    outcome.gb_per_s(one));
    std::printf("},\"ratios\":{");
    for (const auto& ratio : ratios)
        std::printf("%s\"%s\":%.3f", &ratio == ratios.data() ? "" : ",", std::string{ratio.name}.c_str(),
                    outcome.value(ratio));
    std::printf("}}");
}

}  // namespace

int main(int argc, char** argv) {
    bool json = false;
    double seconds = 2.5;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument{argv[i]};
        if (argument == "--json") {
            json = true;
        } else if (argument == "--seconds" && i + 1 < argc) {
            seconds = std::atof(argv[++i]);
        } else {
            std::fprintf(stderr, "usage: bench_payload [--seconds N] [--json]\n");
            return 2;
        }
    }
    // The largest is slow: a tree of 2^20 numbers takes longer to make than all the rest.
    constexpr std::array<std::pair<std::size_t, double>, 4> parts{
        {{64, 0.12}, {1024, 0.12}, {65536, 0.16}, {1U << 20U, 0.6}}};
    bool right = true;
    if (json) std::printf("{\"sizes\":[");
    for (const auto& [size, share] : parts) {
        const auto outcome = measure(size, seconds * share);
        right = right && outcome.right;
        if (!json) {
            print_table(outcome);
            continue;
        }
        if (size != parts.front().first) std::printf(",");
        print_json(outcome);
    }
    if (json) std::printf("],\"right\":%s}\n", right ? "true" : "false");
    if (!right) std::fprintf(stderr, "not all ways agree\n");
    return right ? 0 : 1;
}
