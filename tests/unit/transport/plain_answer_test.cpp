#include "blueprint/faas/transport/impl/plain_answer.hpp"

#include "blueprint/faas/transport/impl/exchange.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace plain_answer_test {

using namespace std::string_literals;
using blueprint::faas::HttpRequest;
using blueprint::faas::Verb;
using blueprint::faas::detail::find_plain_answer;
using blueprint::faas::detail::PlainAnswer;
namespace exchange = blueprint::faas::detail::http_exchange;

namespace {

using Kind = PlainAnswer::Kind;

const std::string plain =
    "HTTP/1.1 200 OK\r\nDate: Wed, 25 Nov 2026 22:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 5\r\n"
    "Connection: keep-alive\r\nx-amzn-RequestId: 8f5a\r\nX-Empty: \r\n\r\n[1,2]";

struct Parsed {
    unsigned status = 0;
    std::string fields{};
    std::string body{};
    bool keep_alive = false;
    std::size_t used = 0;
};

// What the parser makes of an answer that must be whole; nothing if it is not, or is none.
std::optional<Parsed> parse(std::string_view text) {
    HttpRequest request;
    request.verb = Verb::post;
    std::optional<exchange::Parser> parser;
    exchange::start_parser(parser, request);
    Parsed out;
    while (!parser->is_done()) {
        boost::system::error_code failed;
        const auto rest = text.substr(out.used);
        const auto used = parser->put(boost::asio::buffer(rest.data(), rest.size()), failed);
        if (failed || used == 0) return std::nullopt;
        out.used += used;
        parser->eager(true);
    }
    auto answer = exchange::take_answer(*parser);
    out.status = answer.status;
    out.fields = answer.headers.text();
    out.body = std::move(answer.body);
    out.keep_alive = parser->get().keep_alive();
    return out;
}

// Whatever is taken for a whole plain answer must be one for the parser too, and the same.
void check_agreement(const std::string& text) {
    CAPTURE(text);
    const auto found = find_plain_answer(text);
    if (found.kind != Kind::whole) return;
    const auto parsed = parse(text);
    REQUIRE(parsed.has_value());
    CHECK(found.status == parsed->status);
    CHECK(found.keep_alive == parsed->keep_alive);
    CHECK(found.head_bytes + found.body_bytes == parsed->used);
    CHECK(text.substr(found.head_bytes, found.body_bytes) == parsed->body);
    CHECK(found.fields == parsed->fields);
}

}  // namespace

TEST_CASE("plain answer: the parts of an answer are found") {
    const auto text = plain + "HTTP/1.1 200 OK\r\n";
    const auto found = find_plain_answer(text);
    REQUIRE(found.kind == Kind::whole);
    CHECK(found.status == 200);
    CHECK(found.keep_alive);
    CHECK(found.body_bytes == 5);
    CHECK(plain.substr(found.head_bytes) == "[1,2]");
    CHECK(found.fields.starts_with("Date: Wed"));
    CHECK(found.fields.ends_with("X-Empty: \r\n"));
    CHECK(parse(plain)->fields == found.fields);
}

TEST_CASE("plain answer: each byte ends a name or a value wherever it stands, or does not") {
    namespace plain_answer = blueprint::faas::detail::plain_answer;
    for (std::size_t size = 0; size < 40; ++size) {
        const std::string letters(size, 'x');
        for (std::size_t at = 0; at < size; ++at) {
            for (int code = 0; code < 256; ++code) {
                const auto c = static_cast<char>(code);
                auto text = letters;
                text[at] = c;
                const bool named = std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos ||
                                   (code < 128 && std::isalnum(code) != 0);
                const bool visible = code >= 0x20 && code < 0x7f;
                const auto name_end = plain_answer::end_of_name(text, 0);
                const auto value_end = plain_answer::end_of_value(text, 0);
                if (name_end != (named ? size : at) || value_end != (visible ? size : at))
                    FAIL(size, " ", at, " ", code);
            }
        }
        CHECK(plain_answer::end_of_name(letters, size / 2) == size);
        CHECK(plain_answer::end_of_value(letters, size / 2) == size);
    }
}

TEST_CASE("plain answer: as long as it is cut off it is incomplete") {
    for (std::size_t size = 0; size < plain.size(); ++size) {
        CAPTURE(size);
        CHECK(find_plain_answer(plain.substr(0, size)).kind == Kind::incomplete);
    }
    const auto head_alone = find_plain_answer(plain.substr(0, plain.size() - 5));
    CHECK(head_alone.head_bytes == plain.size() - 5);
    CHECK(find_plain_answer("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')).kind == Kind::other);
}

TEST_CASE("plain answer: what is not plain is left to the parser") {
    const auto with = [](const std::string& line) {
        return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + line + "\r\n\r\nab";
    };
    const std::vector<std::string> others{
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n" + plain,
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 O\tK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\nabcdef",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        with("Content-Length: 2"),
        with("content-length: 3"),
        with("Transfer-Encoding: chunked"),
        with("Content-Encoding: gzip"),
        with("Connection: upgrade"),
        with("Connection: close, x"),
        with("Connection: close\r\nConnection: keep-alive"),
        with("Proxy-Connection: close"),
        with("Upgrade: websocket"),
        with("Trailer: x"),
        with("X:y"),
        with("X:  y"),
        with("X: y "),
        with("X : y"),
        with(": y"),
        with(" X: y"),
        with("X: y\r\n z"),
        with("X: \x7f"),
        with("X: \xc3\xa4"),
        with("X: a\tb"),
        with("X: a\0b"s),
        with("X: aaaaaaaaaaaaaaa\rb"),
        with("X: y\n"),
        "\r\n" + plain,
        "HTTP/2 200\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
    };
    for (const auto& other : others) {
        CAPTURE(other);
        CHECK(find_plain_answer(other).kind == Kind::other);
    }
    CHECK_FALSE(find_plain_answer("HTTP/1.1 200 OK\r\nconnection: CLOSE\r\nCONTENT-LENGTH: 0\r\n\r\n").keep_alive);
}

TEST_CASE("plain answer: what is found in it is what the parser reads") {
    std::mt19937 random{11};
    const auto pick = [&](std::size_t below) {
        return std::uniform_int_distribution<std::size_t>{0, below - 1}(random);
    };
    const std::vector<std::string> pieces{"\r\n",
                                          " ",
                                          ":",
                                          "Content-Length: 3\r\n",
                                          "Connection: close\r\n",
                                          "200",
                                          "0",
                                          "Transfer-Encoding: chunked\r\n",
                                          "\t",
                                          "\x7f",
                                          "\x80",
                                          "\r",
                                          "\n",
                                          "A",
                                          "304"};
    check_agreement(plain);
    int whole = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto text = plain;
        for (std::size_t changes = 1 + pick(3); changes > 0; --changes) {
            const auto at = pick(text.size());
            switch (pick(4)) {
                case 0: text[at] = static_cast<char>(pick(256)); break;
                case 1: text.erase(at, 1 + pick(6)); break;
                case 2: text.insert(at, pieces[pick(pieces.size())]); break;
                default: text.insert(text.find("\r\n", std::min(at, text.size() - 8)) + 2, pieces[3 + pick(2)]);
            }
        }
        whole += find_plain_answer(text).kind == Kind::whole ? 1 : 0;
        check_agreement(text);
    }
    CHECK(whole > 1000);  // else nothing has been compared
}

}  // namespace plain_answer_test
