#include "blueprint/faas/http.hpp"

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/detail/redact.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/transport/in_memory.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace http_test {

using namespace blueprint::faas;

TEST_CASE("headers: a field is set, replaced, found without case, erased") {
    Headers headers;
    headers.set("Content-Type", "a");
    headers.set("X-Long-Name-Of-A-Field", "value");
    headers.set("content-type", "b");
    CHECK(headers.text() == "X-Long-Name-Of-A-Field: value\r\ncontent-type: b\r\n");
    CHECK(headers.get("CONTENT-TYPE") == "b");
    CHECK_FALSE(headers.get("Content"));
    CHECK_FALSE(headers.get("Type"));
    headers.erase("x-long-name-of-a-field");
    CHECK(headers.text() == "content-type: b\r\n");
}

TEST_CASE("headers: what is taken off is wiped") {
    Headers headers;
    headers.set("Authorization", "Bearer tok-0123456789");
    headers.set("X-A", "1");
    const auto* const memory = headers.text().data();
    const auto size = headers.text().size();
    const auto left = [&] { return std::string_view{memory, size}; };
    headers.set("X-A", "12");
    REQUIRE(left().find("tok-0123456789") != std::string_view::npos);
    headers.erase("authorization");
    CHECK(left().find("6789") == std::string_view::npos);
    headers.add("X-Key", "key-0123456789");
    REQUIRE(headers.text().data() == memory);
    headers.shorten(9);
    CHECK(headers.text() == "X-A: 12\r\n");
    CHECK(left().find("6789") == std::string_view::npos);
}

TEST_CASE("headers: a value or name that would split the head is not taken") {
    const std::pair<std::string, std::string> bad[] = {
        {"X-A", "1\r\nX-B: 2"}, {"X-A", "1\n"}, {"X-A", std::string{"1\0", 2}}, {"X A", "1"}, {"X:A", "1"}, {"", "1"}};
    for (const auto& [name, value] : bad) {
        CAPTURE(name);
        Headers headers;
        headers.set(name, value);
        CHECK(headers.empty());
        CHECK_FALSE(headers.refused().empty());
    }
}

TEST_CASE("headers: of all characters a name takes those of a token") {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    for (int code = 0; code < 256; ++code) {
        CAPTURE(code);
        const auto c = static_cast<char>(code);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        Headers headers;
        headers.add(std::string{'X', c}, "1");
        CHECK(headers.refused().empty() == (letter || marks.find(c) != std::string_view::npos));
    }
}

TEST_CASE("headers: an empty value is a value") {
    Headers headers;
    headers.set("X-A", "");
    CHECK(headers.get("x-a") == "");
    CHECK(Headers{headers}.text() == "X-A: \r\n");
}

TEST_CASE("body: text, bytes and shared bytes look alike, and shared bytes are not copied") {
    const auto shared = std::make_shared<const Bytes>(Bytes{'a', 'b'});
    CHECK(Body{}.view().empty());
    CHECK(Body{std::string{"ab"}}.view() == "ab");
    CHECK(Body{Bytes{'a', 'b'}}.view() == "ab");
    const Body body{shared};
    CHECK(static_cast<const void*>(body.view().data()) == static_cast<const void*>(shared->data()));
}

TEST_CASE("url: parts are found") {
    struct Row {
        std::string text, origin, target;
    };
    const Row rows[] = {{"https://Faas.Example.com", "https://faas.example.com", "/"},
                        {"https://a.b:8443/x/y?z=1#frag", "https://a.b:8443", "/x/y?z=1"},
                        {"http://127.0.0.1:80", "http://127.0.0.1", "/"},
                        {"http://[::1]:8080/x", "http://[::1]:8080", "/x"},
                        {"https://a?b=c", "https://a", "/?b=c"}};
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto url = tests::ok(detail::parse_url(row.text));
        CHECK(to_string(url.origin) == row.origin);
        CHECK(url.target == row.target);
    }
}

TEST_CASE("url: what is no URL, or holds a credential, is refused without being shown") {
    for (const std::string text : {"", "ftp://a", "https://", "https://user:pass-word@a", "https://a:0",
                                   "https://a:99999", "https://a:x", "https://a b", "https://a/\r\nX: 1",
                                   "https://[::1", "https://[::1]x", "a.example.com", "https://\xc3\xa4.example"}) {
        CAPTURE(text);
        const auto error = tests::failed(detail::parse_url(text));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.message.find("pass-word") == std::string::npos);
    }
}

TEST_CASE("C10: a credential that a platform echoes is taken out of the error") {
    Headers sent;
    sent.set("Authorization", "Bearer tok-123456");
    sent.set("X-Api-Key", "key-123456");
    sent.set("Content-Type", "application/json");
    Error error{.code = errc::infrastructure,
                .message = "bad request: Bearer tok-123456, tok-123456, key-123456, application/json",
                .platform_code = "key-123456"};
    detail::redact(error, sent);
    CHECK(error.message == "bad request: [redacted], [redacted], [redacted], application/json");
    CHECK(error.platform_code == "[redacted]");
}

TEST_CASE("C10: a credential that was cut off where an answer was is taken out of the error too") {
    const std::string token = "tok-0123456789abcdefghijklmnopqrstuvwxyz";
    Headers sent;
    sent.set("Authorization", "Bearer " + token);
    Error error{.code = errc::infrastructure, .message = "bad token " + token.substr(0, 30) + "; try again"};
    detail::redact(error, sent);
    CHECK(error.message == "bad token [redacted]; try again");

    // Ours are the cuts that could be anywhere in it.
    for (std::size_t before = 470; before < 520; ++before) {
        CAPTURE(before);
        Error cut{.code = errc::infrastructure};
        cut.message =
            detail::answer_reading::for_people(std::string(before - 1, '-') + " \"" + token + "\" is no good");
        detail::redact(cut, sent);
        CHECK(cut.message.find("tok-") == std::string::npos);
        cut.message = detail::one_line(std::string(before - 257, '-') + ' ' + token + " is no good");
        detail::redact(cut, sent);
        CHECK(cut.message.find("tok-") == std::string::npos);
    }
    CHECK(detail::answer_reading::for_people(std::string(600, 'x')).size() == 512);
}

TEST_CASE("C10: the password of a Basic credential is taken out of an error, encoded or not") {
    Headers sent;
    sent.set("Authorization", "Basic d29ya2VyOnBhc3M6d29yZA==");
    Error error{.code = errc::authentication,
                .message = "d29ya2VyOnBhc3M6d29yZA== is worker:pass:word, whose password pass:word is wrong"};
    detail::redact(error, sent);
    CHECK(error.message == "[redacted] is [redacted], whose password [redacted] is wrong");
}

TEST_CASE("C10: a credential that is echoed as the request's id or in a stack is taken out, the caller's id stays") {
    Headers sent;
    sent.set("X-Api-Key", "key-123456");
    sent.set("X-Request-Id", "call-000042");
    Error error{.code = errc::function_error, .message = "call-000042 failed"};
    error.request_id = "key-123456 call-000042";
    error.stack_trace = {"main.js:1", "with key-123456"};
    detail::redact(error, sent);
    CHECK(error.message == "call-000042 failed");
    CHECK(error.request_id == "[redacted] call-000042");
    CHECK((error.stack_trace == std::vector<std::string>{"main.js:1", "with [redacted]"}));
}

TEST_CASE("messages: what a terminal or a viewer would obey is a blank, everything else is shown") {
    const auto shown = [](std::string_view text) { return detail::answer_reading::for_people(text); };
    CHECK(shown("a\r\nb\tc\x1b[2Jd\x7f"
                "e") == "a  b c [2Jd e");
    CHECK(shown("a\xc2\x9b"
                "31mb") == "a 31mb");  // the same as ESC [ to many terminals
    CHECK(shown("a\x9b"
                "b\xff"
                "c\xe2\x80") == "a b c  ");
    CHECK(shown("a\xe2\x80\xae"
                "b\xe2\x81\xa6"
                "c\xe2\x80\xa8"
                "d\xe2\x80\x8f"
                "e") == "a b c d e");
    CHECK(shown("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xe2\x80\x93 \xc2\xa0.") ==
          "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xe2\x80\x93 \xc2\xa0.");
}

TEST_CASE("in memory: a refused header and a passed deadline are errors before the handler is called") {
    boost::asio::io_context io;
    int calls = 0;
    InMemoryTransport transport{io.get_executor(), [&](const HttpRequest&) -> result<HttpResponse> {
                                    ++calls;
                                    return HttpResponse{};
                                }};
    HttpRequest request;
    CHECK(tests::failed(tests::run(io, transport.exchange(request, std::chrono::steady_clock::now()))).code ==
          errc::timed_out);
    request.headers.set("X", "a\nb");
    CHECK(tests::failed(tests::run(io, transport.exchange(request, Deadline::max()))).code ==
          errc::invalid_configuration);
    CHECK(calls == 0);
}

TEST_CASE("Retry-After: seconds, and dates as the answer's own clock sees them") {
    const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
    const std::tuple<std::string, std::string, std::optional<long>> rows[] = {
        {"0", "", 0},
        {"120", "", 120'000},
        {"4294967295", "", 4'294'967'295'000},
        {"Sun, 06 Nov 1994 08:50:07 GMT", date, 30'000},
        {"Mon, 07 Nov 1994 08:49:37 GMT", date, 86'400'000},
        {"Sun, 06 Nov 1994 08:49:00 GMT", date, 0},
        {"Sun, 06 Nov 1994 08:50:07 GMT", "", std::nullopt},
        {"Sun, 06 Nov 1994 08:50:07 GMT", "yesterday", std::nullopt},
        {"Sun, 06 Nov 1994 08:50:07 CET", date, std::nullopt},
        {"Sun, 31 Feb 1994 08:50:07 GMT", date, std::nullopt},
        {"Sun, 06 Foo 1994 08:50:07 GMT", date, std::nullopt},
        {"Sun, 06 Nov 1994 24:50:07 GMT", date, std::nullopt},
        {"Sun, 06 Nov -994 08:50:07 GMT", date, std::nullopt},
        {"soon", date, std::nullopt},
        {"1.5", date, std::nullopt},
        {"-1", date, std::nullopt},
    };
    for (const auto& [text, now, expected] : rows) {
        CAPTURE(text);
        HttpResponse answer;
        answer.headers.set("Retry-After", text);
        if (!now.empty()) answer.headers.set("Date", now);
        const auto read = detail::read_retry_after(answer);
        CHECK(read.has_value() == expected.has_value());
        if (read && expected) CHECK(read->count() == *expected);
    }
    CHECK_FALSE(detail::read_retry_after(HttpResponse{}));
}

}  // namespace http_test
