#include "blueprint/faas/detail/json_bytes.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "support/plain_codecs.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace json_bytes_test {

namespace {

using namespace blueprint::faas;
using detail::append_json_bytes;
using detail::parse_object_with_bytes;
using detail::read_json_bytes;

// A fixed sequence that looks random: the tests must see the same bytes every time.
Bytes scrambled(std::size_t size, std::uint32_t seed = 1) {
    Bytes out(size);
    for (auto& byte : out) {
        seed = seed * 1664525U + 1013904223U;
        byte = static_cast<std::uint8_t>(seed >> 24);
    }
    return out;
}

std::string written(const Bytes& bytes) {
    std::string out = "x";
    append_json_bytes(out, bytes);
    return out.substr(1);
}

struct Parsed {
    result<boost::json::object> object;
    std::optional<Bytes> bytes{};
};

Parsed parse(std::string_view text, std::string_view member = "result") {
    Parsed out{.object = boost::json::object{}};
    out.object = parse_object_with_bytes(text, member, out.bytes);
    return out;
}

std::string refused(std::string_view text) {
    const auto parsed = parse(text);
    REQUIRE_FALSE(parsed.object.has_value());
    CHECK(parsed.object.error().code == errc::serialization);
    return parsed.object.error().message;
}

bool says(const std::string& message, std::string_view part) { return message.find(part) != std::string::npos; }

// Reads `text` in memory that ends with it, so that a sanitizer sees who reads on; what comes of it has to be what the
// plain reader says, to the offset.
bool agrees(std::string_view text) {
    const auto alone = std::make_unique<char[]>(text.size());
    std::copy(text.begin(), text.end(), alone.get());
    const auto plain = test::read_plain_array(text);
    Bytes out{9, 9, 9};
    const auto used = read_json_bytes({alone.get(), text.size()}, out);
    if (used) return plain.why.empty() && *used == plain.at && out == plain.bytes;
    const auto message = "offset " + std::to_string(plain.at) + ": " + std::string{plain.why};
    return !plain.why.empty() && used.error().message.ends_with(message);
}

// A number from 0 to `below - 1`; the same ones in every run.
class Dice {
public:
    explicit Dice(std::uint32_t seed) : state_{seed} {}
    std::size_t operator()(std::size_t below) {
        state_ = state_ * 1664525U + 1013904223U;
        return (state_ >> 8U) % below;
    }

private:
    std::uint32_t state_;
};

// Random bytes with commas as one writer has them, or none.
std::string random_array(Dice& dice) {
    const auto size = dice(120);
    auto bytes = scrambled(size, static_cast<std::uint32_t>(dice(1U << 24U)));
    const auto width = 1 + dice(3);  // some have short numbers alone
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(width == 3 ? byte : byte % (width == 2 ? 100 : 10));
    constexpr std::string_view commas[] = {",", ", ", ",  ", " ,", ",\n\t", ","};
    const auto style = dice(7);
    if (style < 6) return test::write_plain_array(bytes, commas[style]);
    std::string text = test::write_plain_array(bytes);
    for (std::size_t at = text.size(); at > 0; --at)  // white space here and there, inside numbers too
        if (dice(40) == 0) text.insert(at - 1, 1, " \t\r\n"[dice(4)]);
    return text;
}

}  // namespace

TEST_CASE("json bytes: every byte is written in its shortest form") {
    CHECK(written({}) == "[]");
    CHECK(written({1, 2, 255}) == "[1,2,255]");
    for (unsigned value = 0; value < 256; ++value)
        CHECK(written({static_cast<std::uint8_t>(value)}) == "[" + std::to_string(value) + "]");
}

TEST_CASE("json bytes: what is written is read back at sizes around the inner block") {
    for (const std::size_t size : {0UL, 1UL, 2UL, 255UL, 4095UL, 4096UL, 4097UL, 8192UL, 100'000UL}) {
        CAPTURE(size);
        const auto bytes = scrambled(size);
        const auto text = written(bytes);
        Bytes out{9, 9, 9};
        const auto used = read_json_bytes(text + ",tail", out);
        REQUIRE(used.has_value());
        CHECK(*used == text.size());
        CHECK(out == bytes);
    }
}

TEST_CASE("json bytes: what is written is what a plain writer writes, after what stood there") {
    for (const std::size_t size : {1UL, 2UL, 63UL, 4095UL, 4096UL, 4097UL, 8192UL, 8193UL}) {
        CAPTURE(size);
        const auto bytes = scrambled(size);
        CHECK(written(bytes) == test::write_plain_array(bytes));
        const Bytes longest(size, 255), shortest(size, 0);
        CHECK(written(longest) == test::write_plain_array(longest));
        CHECK(written(shortest) == test::write_plain_array(shortest));
    }
}

TEST_CASE("json bytes: white space of JSON is allowed everywhere inside the array") {
    Bytes out;
    const auto used = read_json_bytes("[ \n1\t,\r 20,3 ,\n255 ] ", out);
    REQUIRE(used.has_value());
    CHECK(*used == 20);
    CHECK(out == Bytes{1, 20, 3, 255});
    REQUIRE(read_json_bytes("[ \t]", out).has_value());
    CHECK(out.empty());
}

TEST_CASE("R12: an element that is no integer from 0 to 255 is an error with its offset, never cut or dropped") {
    const std::vector<std::pair<std::string_view, std::string_view>> table{
        {"", "offset 0: an array of numbers is expected"},
        {"{}", "offset 0: an array of numbers is expected"},
        {"[", "offset 1: the text ends inside the array"},
        {"[1", "offset 2: the text ends inside the array"},
        {"[1,", "offset 3: the text ends inside the array"},
        {"[,1]", "offset 1: a number from 0 to 255 is expected"},
        {"[1,]", "offset 3: a number from 0 to 255 is expected"},
        {"[1,,2,3,4]", "offset 3: a number from 0 to 255 is expected"},
        {"[1 2]", "offset 3: a comma or the end of the array is expected"},
        {"[256]", "offset 1: the number is above 255"},
        {"[1,256,1,1]", "offset 3: the number is above 255"},
        {"[1,300,1,1]", "offset 3: the number is above 255"},
        {"[1,999,1,1]", "offset 3: the number is above 255"},
        {"[1,1000,1,1]", "offset 3: the number is above 255"},
        {"[4294967296]", "offset 1: the number is above 255"},
        {"[-1]", "offset 1: a number from 0 to 255 is expected"},
        {"[+1]", "offset 1: a number from 0 to 255 is expected"},
        {"[1.5]", "offset 2: the number is not an integer"},
        {"[1e2,1,1]", "offset 2: the number is not an integer"},
        {"[1E2]", "offset 2: the number is not an integer"},
        {"[00]", "offset 1: the number has a leading zero"},
        {"[01,1,1,1]", "offset 1: the number has a leading zero"},
        {"[007,1,1]", "offset 1: the number has a leading zero"},
        {"[0x1]", "offset 2: a comma or the end of the array is expected"},
        {"[null]", "offset 1: a number from 0 to 255 is expected"},
        {"[\"1\"]", "offset 1: a number from 0 to 255 is expected"},
        {"[[1]]", "offset 1: a number from 0 to 255 is expected"},
        {"[1}", "offset 2: a comma or the end of the array is expected"},
        {"[1,2\v]", "offset 4: a comma or the end of the array is expected"},
    };
    for (const auto& [text, why] : table) {
        CAPTURE(text);
        Bytes out;
        const auto used = read_json_bytes(text, out);
        REQUIRE_FALSE(used.has_value());
        CHECK(used.error().code == errc::serialization);
        CAPTURE(used.error().message);
        CHECK(says(used.error().message, why));
    }
}

TEST_CASE("json bytes: an array that is cut short is refused at every length") {
    const auto text = written({0, 9, 10, 99, 100, 255, 7, 77});
    for (std::size_t size = 0; size < text.size(); ++size) {
        CAPTURE(size);
        Bytes out;
        CHECK_FALSE(read_json_bytes(std::string_view{text}.substr(0, size), out).has_value());
    }
}

TEST_CASE("json bytes: the fast reader agrees with a full JSON parser on every change of one character") {
    const std::string good = "[0,10,255,99, 1,200]";
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int c = 0; c < 256; ++c) {
            auto text = good;
            text[at] = static_cast<char>(c);
            CAPTURE(text);
            boost::system::error_code failed;
            const auto value = boost::json::parse(text, failed);
            bool valid = !failed && value.is_array();
            Bytes expected;
            if (valid) {
                for (const auto& element : value.get_array()) {
                    const auto* number = element.if_int64();
                    valid = valid && number != nullptr && *number >= 0 && *number <= 255;
                    if (valid) expected.push_back(static_cast<std::uint8_t>(*number));
                }
            }
            if (text.find("-0") != std::string::npos) valid = false;  // an integer to the parser, a sign to us
            Bytes out;
            const auto used = read_json_bytes(text, out);
            const bool whole = used.has_value() && *used == text.size();
            CHECK(whole == valid);
            if (whole && valid) CHECK(out == expected);
        }
    }
}

TEST_CASE("json bytes: the fast reader agrees with a plain one on random arrays, changed and cut at each length") {
    Dice dice{1};
    constexpr std::string_view strange = "0123456789,, ]?[-+.eE\n\x0c\x1c<L\\|\x7f\x80\xac\xb0\xff";
    for (int turn = 0; turn < 400; ++turn) {
        auto text = random_array(dice);
        CAPTURE(text);
        REQUIRE(agrees(text));
        REQUIRE(agrees(text + ",1,2]}"));
        if (turn < 60)
            for (std::size_t size = 0; size < text.size(); ++size) REQUIRE(agrees(text.substr(0, size)));
        for (int change = 0; change < 30; ++change) {
            auto changed = text;
            for (std::size_t left = 1 + dice(2); left > 0; --left)
                changed[dice(text.size())] = strange[dice(strange.size())];
            CAPTURE(changed);
            REQUIRE(agrees(changed));
        }
    }
}

TEST_CASE("json bytes: every number is judged as by a plain reader at every place of a window") {
    for (const std::string_view comma : {",", ", "}) {
        for (std::size_t place = 0; place < 10; ++place) {
            for (int number = 0; number < 11'110; ++number) {
                // "0" ... "9", "00" ... "99", "000" ... "999", "0000" ... "9999"
                const auto digits = number < 10 ? 1UL : number < 110 ? 2UL : number < 1110 ? 3UL : 4UL;
                if (digits == 4 && number % 97 != 0) continue;
                auto text = std::to_string(number - (digits == 1 ? 0 : digits == 2 ? 10 : digits == 3 ? 110 : 1110));
                text.insert(0, digits - text.size(), '0');
                std::string array = "[";
                for (std::size_t i = 0; i < 24; ++i)
                    array.append(i == 0 ? "" : comma).append(i == place ? text : i % 2 == 0 ? "255" : "7");
                CAPTURE(array);
                REQUIRE(agrees(array + ']'));
            }
        }
    }
}

TEST_CASE("json bytes: every character is judged as by a plain reader at every place of a window") {
    for (const std::string_view comma : {",", ", "}) {
        const auto good = test::write_plain_array(scrambled(24), comma);
        for (std::size_t at = 0; at < good.size(); ++at) {
            for (int c = 0; c < 256; ++c) {
                auto text = good;
                text[at] = static_cast<char>(c);
                CAPTURE(text);
                REQUIRE(agrees(text));
            }
        }
    }
}

TEST_CASE("envelope: the byte member is decoded and the others are kept") {
    const auto parsed = parse(R"( {"job_id":0,"result":[25],"success":true,"more":{"a":[1,"]"]}} )");
    REQUIRE(parsed.object.has_value());
    REQUIRE(parsed.bytes.has_value());
    CHECK(*parsed.bytes == Bytes{25});
    CHECK(boost::json::serialize(*parsed.object) == R"({"job_id":0,"success":true,"more":{"a":[1,"]"]}})");
}

TEST_CASE("R12: bytes may come as a Base64 string too") {
    for (const std::string_view text : {R"({"result":"AQL/"})", R"({"result":"AQL\/"})", R"({"result":"\u0041QL/"})"}) {
        CAPTURE(text);
        const auto parsed = parse(text);
        REQUIRE(parsed.object.has_value());
        REQUIRE(parsed.bytes.has_value());
        CHECK(*parsed.bytes == Bytes{1, 2, 255});
        CHECK(parsed.object->empty());
    }
    const auto empty = parse(R"({"result":""})");
    REQUIRE(empty.object.has_value());
    REQUIRE(empty.bytes.has_value());
    CHECK(empty.bytes->empty());
    const auto large = scrambled(100'000);
    const auto back = parse("{\"result\":\"" + detail::base64_encode(large) + "\"}");
    REQUIRE(back.object.has_value());
    REQUIRE(back.bytes.has_value());
    CHECK(*back.bytes == large);
    CHECK(says(refused(R"({"result":"AQL"})"), "offset 10: the string is not Base64"));
    CHECK(says(refused(R"({"result":"A\qL/"})"), "offset 10: the string is not Base64"));
}

TEST_CASE("envelope: an absent byte member and a null one are told apart from empty bytes") {
    const auto absent = parse(R"({"success":true})");
    REQUIRE(absent.object.has_value());
    CHECK_FALSE(absent.bytes.has_value());
    const auto null = parse(R"({"result":null,"success":true})");
    REQUIRE(null.object.has_value());
    CHECK_FALSE(null.bytes.has_value());
    CHECK(null.object->contains("result"));
    const auto none = parse(R"({"result":[]})");
    REQUIRE(none.object.has_value());
    REQUIRE(none.bytes.has_value());
    CHECK(none.bytes->empty());
    const auto bare = parse("{}");
    REQUIRE(bare.object.has_value());
    CHECK(bare.object->empty());
}

TEST_CASE("envelope: a member of that name deeper down is not the byte member") {
    const auto parsed = parse(R"({"a":{"result":[1,2]},"b":"\"result\":[3]}","result":[4],"c":[{"result":"x"}]})");
    REQUIRE(parsed.object.has_value());
    REQUIRE(parsed.bytes.has_value());
    CHECK(*parsed.bytes == Bytes{4});
    CHECK(boost::json::serialize(*parsed.object) ==
          R"({"a":{"result":[1,2]},"b":"\"result\":[3]}","c":[{"result":"x"}]})");
}

TEST_CASE("envelope: an escaped name is the same name, and a second one is refused") {
    const auto parsed = parse(R"({"\u0072esult":[5],"k\"[{":1})");
    REQUIRE(parsed.object.has_value());
    REQUIRE(parsed.bytes.has_value());
    CHECK(*parsed.bytes == Bytes{5});
    CHECK(parsed.object->contains("k\"[{"));
    CHECK(says(refused(R"({"result":[1],"\u0072esult":[2]})"), "offset 14: the member with the bytes stands there"));
    CHECK(says(refused(R"({"result":null,"result":[2]})"), "offset 15: the member with the bytes stands there"));
}

TEST_CASE("envelope: what is not one object is refused, with the offset and without the payload") {
    const std::vector<std::pair<std::string, std::string_view>> table{
        {"", "offset 0: a JSON object is expected"},
        {"[1]", "offset 0: a JSON object is expected"},
        {"hello", "offset 0: a JSON object is expected"},
        {"{", "offset 1: the text ends inside the object"},
        {R"({"result":[1]}{)", "offset 14: something follows the object"},
        {R"({"result":[1]} x)", "offset 15: something follows the object"},
        {R"({"result":[1],})", "offset 14: a member's name is expected"},
        {R"({"result" [1]})", "offset 10: a colon is expected"},
        {R"({"result":[1] "a":1})", "offset 14: a comma or the end of the object is expected"},
        {R"({"result":5})", "offset 10: an array of numbers or a Base64 string is expected"},
        {R"({"result":{}})", "offset 10: an array of numbers or a Base64 string is expected"},
        {R"({"result":[1,"secret"]})", "offset 13: a number from 0 to 255 is expected"},
        {R"({"result":[1],"a":secret})", "offset 18"},
        {R"({"a":secret,"result":[1]})", "offset 5"},
        {R"({"a":[1},"result":[1]})", "offset 7"},
        {R"({"a":1 2,"result":[1]})", "offset"},
        {R"({"a":,"result":[1]})", "offset"},
        {"{\"a\":\"secret\n\",\"result\":[1]}", "offset"},
        {"{\"a\":\"\xff\",\"result\":[1]}", "offset"},
        {"\xef\xbb\xbf{}", "offset 0: a JSON object is expected"},
    };
    for (const auto& [text, why] : table) {
        CAPTURE(text);
        const auto message = refused(text);
        CAPTURE(message);
        CHECK(says(message, why));
        CHECK_FALSE(says(message, "secret"));
    }
}

TEST_CASE("envelope: strings end at the quote that no backslash stands before, however many there are") {
    for (const std::size_t count : {0UL, 1UL, 2UL, 3UL, 100'000UL}) {
        CAPTURE(count);
        const std::string escaped(2 * count, '\\');
        const auto even = parse("{\"s\":\"" + escaped + "\",\"result\":[1]}");
        REQUIRE(even.object.has_value());
        CHECK(even.object->at("s").as_string().size() == count);
        CHECK(even.bytes == Bytes{1});
        CHECK(says(refused("{\"s\":\"" + escaped + "\\\",\"result\":[1]}"), "offset"));
        const auto quoted = parse("{\"s\":\"" + escaped + "\\\"],\",\"result\":[1]}");
        REQUIRE(quoted.object.has_value());
        CHECK(quoted.object->at("s").as_string().size() == count + 3);
    }
    CHECK(says(refused("{\"s\":\""), "offset 6: the text ends inside a string"));
    CHECK(says(refused("{\"s\":\"\\"), "offset 7: the text ends inside a string"));
    CHECK(says(refused("{\"s\":\"\\\""), "offset 8: the text ends inside a string"));
}

TEST_CASE("envelope: nesting is limited to 32") {
    const auto nested = [](std::size_t depth) {
        return R"({"result":[1],"deep":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
    };
    CHECK(parse(nested(31)).object.has_value());
    CHECK_FALSE(parse(nested(32)).object.has_value());
    CHECK_FALSE(parse(nested(100'000)).object.has_value());
}

TEST_CASE("envelope: every shortened text is refused") {
    const std::string good = R"({"job_id":0,"x":{"y":["z\"",null]},"result":[1,22,255],"s":"AQL/"})";
    REQUIRE(parse(good).object.has_value());
    for (std::size_t size = 0; size < good.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(parse(std::string_view{good}.substr(0, size)).object.has_value());
    }
}

TEST_CASE("envelope: it accepts what a full JSON parser accepts, on every change of one character") {
    const std::string good = R"({"i":0,"x":{"y":["\"",null]},"result":[1,22,255],"s":""})";
    std::size_t accepted = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int c = 1; c < 256; ++c) {
            auto text = good;
            text[at] = static_cast<char>(c);
            CAPTURE(text);
            const auto parsed = parse(text);
            boost::system::error_code failed;
            const auto whole = boost::json::parse(text, failed);
            if (parsed.object.has_value()) {
                ++accepted;
                CHECK_FALSE(failed);
                CHECK(whole.get_object().size() == parsed.object->size() + (parsed.bytes.has_value() ? 1 : 0));
            } else if (!failed && whole.is_object()) {
                // Only the byte member's own rules may refuse what is good JSON.
                const auto* member = whole.get_object().if_contains("result");
                REQUIRE(member != nullptr);
                bool bytes = member->is_array();
                if (bytes)
                    for (const auto& element : member->get_array())
                        bytes = bytes && element.is_int64() && element.get_int64() >= 0 && element.get_int64() <= 255;
                CHECK((!bytes || says(parsed.object.error().message, "second time")));
            }
        }
    }
    CHECK(accepted > 100);
}

}  // namespace json_bytes_test
