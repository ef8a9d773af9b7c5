#include "blueprint/faas/transport/impl/gunzip.hpp"

#include "support/gzip.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gunzip_test {

using namespace std::string_literals;
using blueprint::faas::detail::Gunzip;

namespace {

// What `gzip -n` wrote of "hello".
const std::string of_gzip = "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0"s;
// The same with every optional part of the header.
const std::string with_all =
    "\x1f\x8b\x08\x1e\0\0\0\0\x02\x03\x03\0"s + "abcname\0comment\0\xf5\x07"s + of_gzip.substr(10);

struct Outcome {
    std::string text{};
    std::string problem{};
    bool complete = false;
};

Outcome unpack(std::string_view packed, std::size_t piece, std::size_t most = std::string::npos) {
    Gunzip gunzip;
    Outcome outcome;
    for (std::size_t at = 0; at < packed.size() && outcome.problem.empty(); at += piece) {
        outcome.problem = gunzip.feed(packed.substr(at, piece), [&](std::string_view part) {
            outcome.text += part;
            return outcome.text.size() <= most;
        });
    }
    outcome.complete = gunzip.complete();
    return outcome;
}

// Text of which some repeats and some does not.
std::string mixed_text(std::size_t size) {
    std::mt19937 random{7};
    std::string text;
    while (text.size() < size) {
        text += "0,12,255,";
        for (int i = 0; i < 40; ++i) text += static_cast<char>(random());
    }
    text.resize(size);
    return text;
}

}  // namespace

TEST_CASE("gunzip: what gzip wrote is unpacked, in pieces of every size") {
    for (const auto& packed : {of_gzip, with_all, of_gzip + with_all}) {
        for (std::size_t piece = 1; piece <= packed.size(); ++piece) {
            CAPTURE(piece);
            const auto outcome = unpack(packed, piece);
            CHECK(outcome.problem == "");
            CHECK(outcome.complete);
            CHECK(outcome.text == (packed.size() > with_all.size() ? "hellohello" : "hello"));
        }
    }
}

TEST_CASE("gunzip: bodies larger than its window come out whole, wherever the pieces end") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{16 * 1024}, std::size_t{300'001}}) {
        const auto text = mixed_text(size);
        const auto packed = tests::gzip(text);
        for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, packed.size()}) {
            CAPTURE(size);
            CAPTURE(piece);
            const auto outcome = unpack(packed, piece);
            CHECK(outcome.problem == "");
            CHECK(outcome.complete);
            CHECK((outcome.text == text));
        }
    }
    const auto zeros = std::string(5'000'000, '0');
    CHECK((unpack(tests::gzip(zeros), 1000).text == zeros));
}

TEST_CASE("gunzip: where the last code ends within its byte makes no difference") {
    for (std::size_t size = 0; size < 300; ++size) {
        const auto text = std::string(size, 'a') + mixed_text(size / 3);
        const auto packed = tests::gzip(text) + of_gzip;
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{5}}) {
            CAPTURE(size);
            CAPTURE(piece);
            const auto outcome = unpack(packed, piece);
            CHECK(outcome.problem == "");
            CHECK(outcome.complete);
            CHECK((outcome.text == text + "hello"));
        }
    }
}

TEST_CASE("gunzip: a stream that is cut anywhere is not complete") {
    for (std::size_t length = 1; length < with_all.size(); ++length) {
        CAPTURE(length);
        const auto outcome = unpack(with_all.substr(0, length), length);
        CHECK(outcome.problem == "");
        CHECK_FALSE(outcome.complete);
    }
}

TEST_CASE("gunzip: damage is told, and never passes as a whole stream") {
    const std::pair<std::size_t, std::string> rows[] = {{0, "not gzip"},      {1, "not gzip"},  {2, "another method"},
                                                        {3, "unknown flags"}, {18, "checksum"}, {22, "length"}};
    for (const auto& [at, words] : rows) {
        CAPTURE(at);
        auto packed = of_gzip;
        packed[at] = static_cast<char>(packed[at] ^ 0x40);
        CHECK(unpack(packed, packed.size()).problem.find(words) != std::string::npos);
    }
    const auto text = mixed_text(5000);
    const auto packed = tests::gzip(text);
    for (std::size_t at = 10; at < packed.size(); ++at) {
        auto damaged = packed;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x11);
        const auto outcome = unpack(damaged, 512);
        // A few bits of deflate have no meaning; what passes must be the text all the same.
        if (outcome.problem.empty() && outcome.complete) CHECK((outcome.text == text));
    }
    CHECK(unpack(of_gzip + "x", 100).problem.find("not gzip") != std::string::npos);
}

TEST_CASE("gunzip: it stops when no more is wanted, however much is packed") {
    const auto bomb = tests::gzip(std::string(20'000'000, '\0'));
    const auto outcome = unpack(bomb, bomb.size(), 100'000);
    CHECK_FALSE(outcome.problem.empty());
    CHECK(outcome.text.size() <= 100'000 + 16 * 1024);
}

}  // namespace gunzip_test
