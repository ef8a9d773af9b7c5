#include "blueprint/faas/detail/encoding.hpp"

#include "blueprint/faas/detail/impl/base64.ipp"
#include "support/plain_codecs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace encoding_test {

using namespace blueprint::faas;
using detail::bytes_of;

namespace {

Bytes pattern(std::size_t size) {
    Bytes data(size);
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
    return data;
}

std::vector<std::uint8_t> random_bytes(std::size_t size) {
    std::mt19937 random{static_cast<std::uint32_t>(size)};
    std::vector<std::uint8_t> data(size);
    for (auto& byte : data) byte = static_cast<std::uint8_t>(random());
    return data;
}

// Both ways to write and to read, into memory that ends where they may not write on.
std::string written(void (*write)(char*, std::span<const std::uint8_t>) noexcept, std::span<const std::uint8_t> data) {
    std::vector<char> out((data.size() + 2) / 3 * 4, '?');
    write(out.data(), data);
    return {out.begin(), out.end()};
}

std::optional<std::vector<std::uint8_t>> read(std::uint32_t (*read)(std::uint8_t*, std::string_view) noexcept,
                                              std::string_view text) {
    std::vector<std::uint8_t> out(text.size() / 4 * 3 + 1);
    if (std::bit_cast<std::array<std::uint8_t, 4>>(read(out.data(), text))[3] != 0) return std::nullopt;
    out.pop_back();
    return out;
}

}  // namespace

TEST_CASE("base64: RFC 4648's examples go both ways") {
    const std::pair<std::string_view, std::string_view> table[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+"},
    };
    for (const auto& [plain, encoded] : table) {
        CAPTURE(encoded);
        CHECK(detail::base64_encode(bytes_of(plain)) == encoded);
        const auto decoded = detail::base64_decode(encoded);
        REQUIRE(decoded.has_value());
        CHECK(detail::text_of(*decoded) == plain);
    }
}

TEST_CASE("base64: every size goes there and back, also beyond one chunk") {
    for (std::size_t size = 0; size < 300; ++size) {
        const auto data = pattern(size);
        const auto text = detail::base64_encode(data);
        CHECK(text.size() == (size + 2) / 3 * 4);
        CHECK((detail::base64_decode(text) == data));
    }
    for (const std::size_t size : {3U << 20, (3U << 20) + 1, (7U << 20) + 2}) {
        const auto data = pattern(size);
        const auto text = detail::base64_encode(data);
        CHECK(text.find_first_of("\r\n") == text.npos);
        CHECK((detail::base64_decode(text) == data));
    }
}

TEST_CASE("base64: a plain writer and a plain reader agree, also where one part ends and the next begins") {
    std::vector<std::size_t> sizes(100);
    for (std::size_t size = 0; size < sizes.size(); ++size) sizes[size] = size;
    for (const std::size_t end : {3UL * 1024, 12UL * 1024, 24UL * 1024})
        for (std::size_t size = end - 4; size < end + 4; ++size) sizes.push_back(size);
    for (const auto size : sizes) {
        CAPTURE(size);
        const auto data = pattern(size);
        const auto text = detail::base64_encode(data);
        REQUIRE((text == test::write_plain_base64(data)));
        REQUIRE((detail::base64_decode(text) == data));
        std::string after = "data:";
        detail::append_base64(after, data);
        REQUIRE((after == "data:" + text));
    }
}

TEST_CASE("base64: every character at every place, and every length, is judged as by a plain reader") {
    for (const std::size_t size : {9UL, 10UL, 11UL}) {
        const auto good = detail::base64_encode(pattern(size));
        for (std::size_t length = 0; length <= good.size(); ++length) {
            // In memory that ends with the text, so that a sanitizer sees who reads on.
            const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length));
            const std::string_view text{cut.data(), cut.size()};
            CAPTURE(text);
            CHECK((detail::base64_decode(text) == test::read_plain_base64(text)));
        }
        for (std::size_t at = 0; at < good.size(); ++at) {
            for (int c = 0; c < 256; ++c) {
                auto text = good;
                text[at] = static_cast<char>(c);
                CAPTURE(text);
                REQUIRE((detail::base64_decode(text) == test::read_plain_base64(text)));
            }
        }
    }
}

TEST_CASE("base64: 32 characters at a time and one by one give the same, for every length") {
    MESSAGE("the processor has the instructions: " << detail::has_base64_blocks());
    for (std::size_t size = 0; size <= 300; ++size) {
        CAPTURE(size);
        for (const auto& data : {random_bytes(size), std::vector<std::uint8_t>(pattern(size))}) {
            const auto text = written(detail::write_base64, data);
            REQUIRE(text == test::write_plain_base64(data));
            REQUIRE(written(detail::write_base64_fast, data) == text);
            const std::vector<char> whole(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size / 3 * 4));
            const std::string_view fours{whole.data(), whole.size()};
            const std::vector<std::uint8_t> bytes(data.begin(),
                                                  data.begin() + static_cast<std::ptrdiff_t>(size / 3 * 3));
            REQUIRE((read(detail::read_base64, fours) == bytes));
            REQUIRE((read(detail::read_base64_fast, fours) == bytes));
            if (!detail::has_base64_blocks() || fours.size() < 32) continue;
            std::vector<std::uint8_t> out(bytes.size() + 1);
            CHECK(detail::read_base64_blocks(out.data(), fours) == fours.size());
        }
    }
}

TEST_CASE("base64: 32 characters at a time and one by one refuse the same characters at every place") {
    for (const std::size_t length : {32UL, 36UL, 40UL, 44UL, 60UL, 64UL, 68UL, 72UL, 76UL, 108UL}) {
        const auto good = written(detail::write_base64, random_bytes(length / 4 * 3));
        REQUIRE(good.size() == length);
        std::vector<char> text(good.begin(), good.end());
        const std::string_view view{text.data(), text.size()};
        for (std::size_t at = 0; at < length; ++at) {
            for (int c = 0; c < 256; ++c) {
                text[at] = static_cast<char>(c);
                const auto bytes = read(detail::read_base64, view);
                const bool known = test::plain_alphabet.find(static_cast<char>(c)) != std::string_view::npos;
                // Without CAPTURE, which is slow half a million times.
                if (bytes.has_value() != known || read(detail::read_base64_fast, view) != bytes)
                    FAIL("length " << length << ", place " << at << ", character " << c);
                if (known || !detail::has_base64_blocks()) continue;
                std::vector<std::uint8_t> out(length / 4 * 3 + 1);
                if (detail::read_base64_blocks(out.data(), view) > at)
                    FAIL("a bad block was taken: " << length << ' ' << at);
            }
            text[at] = good[at];
        }
    }
}

TEST_CASE("base64: a bad character is seen in the first and in the last part of a long text") {
    const auto good = detail::base64_encode(pattern(30'000));
    for (const std::size_t at : {0UL, 4095UL, 4096UL, 8191UL, good.size() - 5, good.size() - 1}) {
        CAPTURE(at);
        auto text = good;
        text[at] = '-';
        CHECK_FALSE(detail::base64_decode(text).has_value());
    }
}

TEST_CASE("base64: appending keeps what stood there") {
    std::string text = "data:";
    detail::append_base64(text, bytes_of("fo"));
    detail::append_base64(text, {});
    CHECK(text == "data:Zm8=");
}

TEST_CASE("base64: what base64_encode would not write is refused") {
    for (const std::string_view text :
         {"Z",        "Zg",   "Zg=",      "Zm9",      "Zm9v=",          "Zg===", "====",   "=",        "Z===",
          "Zg==Zg==", "Zm=v", "Zm9vZ=g=", "Zm8=Zm9v", "Zh==",           "Zm9=",  "Zm9v\n", "Zm9v\r\n", " Zm9v",
          "Zm 9",     "Zm9-", "Zm9_",     "Zm9*",     "Zm9v\xc3\xa4==", "Z\0==", "A=A=",   "A===",     "Zm9vA==="}) {
        CAPTURE(text);
        CHECK_FALSE(detail::base64_decode(text).has_value());
    }
    using namespace std::string_view_literals;
    CHECK_FALSE(detail::base64_decode("Zm9\0"sv).has_value());
}

TEST_CASE("base64: of all bytes exactly the alphabet is taken at each place") {
    for (std::size_t place = 0; place < 4; ++place) {
        int taken = 0;
        for (int c = 0; c < 256; ++c) {
            std::string text = "AAAAAAAA";
            text[place] = static_cast<char>(c);
            taken += detail::base64_decode(text).has_value() ? 1 : 0;
        }
        CHECK(taken == 64);
    }
}

TEST_CASE("hex: bytes go both ways and either case is read") {
    CHECK(detail::hex_encode(bytes_of("")) == "");
    CHECK(detail::hex_encode(Bytes{0x00, 0x0a, 0xff, 0x9c}) == "000aff9c");
    CHECK((detail::hex_decode("000aFf9C") == Bytes{0x00, 0x0a, 0xff, 0x9c}));
    CHECK((detail::hex_decode("") == Bytes{}));
    for (const std::string_view text : {"0", "000", "0g", "g0", "0x", " 0", "0 ", "-1", "\xff\xff"}) {
        CAPTURE(text);
        CHECK_FALSE(detail::hex_decode(text).has_value());
    }
}

TEST_CASE("percent: only RFC 3986's unreserved characters stay as they are") {
    CHECK(detail::percent_encode("azAZ09-._~") == "azAZ09-._~");
    CHECK(detail::percent_encode("a/b c") == "a%2Fb%20c");
    CHECK(detail::percent_encode("%+&=?#:@!$'()*,;[]") == "%25%2B%26%3D%3F%23%3A%40%21%24%27%28%29%2A%2C%3B%5B%5D");
    CHECK(detail::percent_encode("\xc3\xa4") == "%C3%A4");
    CHECK(detail::percent_encode(std::string_view{"\0", 1}) == "%00");
}

TEST_CASE("percent: decoding undoes encoding for every byte") {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    CHECK(detail::percent_decode(detail::percent_encode(all)) == all);
    CHECK(detail::percent_decode("%2e%2E%2f") == "../");
    CHECK(detail::percent_decode("a+b") == "a+b");
}

TEST_CASE("percent: a '%' without two digits is refused") {
    for (const std::string_view text : {"%", "%2", "a%", "%g0", "%0g", "%%20", "%2%20", "% 20", "%-1"}) {
        CAPTURE(text);
        CHECK_FALSE(detail::percent_decode(text).has_value());
    }
}

}  // namespace encoding_test
