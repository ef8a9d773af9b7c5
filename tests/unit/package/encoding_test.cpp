#include "blueprint/faas/detail/encoding.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

using namespace blueprint::faas;
using detail::bytes_of;

namespace {

Bytes pattern(std::size_t size) {
    Bytes data(size);
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
    return data;
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
          "Zm 9",     "Zm9-", "Zm9_",     "Zm9*",     "Zm9v\xc3\xa4==", "Z\0==", "A=A="}) {
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
