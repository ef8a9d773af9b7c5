#include "blueprint/faas/auth/aws/instance_metadata.hpp"
#include "blueprint/faas/auth/aws/reach.hpp"
#include "blueprint/faas/file_body.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "blueprint/faas/transport/metadata.hpp"
#include "support/aws_world.hpp"
#include "support/gzip.hpp"
#include "support/raw_peer.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using namespace std::string_literals;
using tests::failed;
using tests::ok;
using tests::RawPeer;

namespace {

// A peer, a transport, and one exchange after another.
struct Talk {
    explicit Talk(std::vector<RawPeer::Step> script) : peer{io, std::move(script)}, transport{io.get_executor()} {}

    HttpRequest request(Verb verb = Verb::post) const {
        HttpRequest request;
        request.origin = {.tls = false, .host = "127.0.0.1", .port = peer.port()};
        request.verb = verb;
        return request;
    }
    result<HttpResponse> exchange(const HttpRequest& asked, std::chrono::milliseconds timeout = 60s) {
        return tests::run_beside(io, transport.exchange(asked, deadline_after(timeout)));
    }
    result<HttpResponse> get() { return exchange(request(Verb::get)); }

    asio::io_context io;
    RawPeer peer;
    LoopbackTransport transport;
};

std::string answer(const std::string& headers, const std::string& body) {
    return "HTTP/1.1 200 OK\r\n" + headers + "\r\n" + body;
}
std::string sized(const std::string& headers, const std::string& body) {
    return answer(headers + "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}
std::string chunked(const std::string& headers, const std::string& body, std::size_t piece) {
    std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + headers + "\r\n";
    for (std::size_t at = 0; at < body.size(); at += piece) {
        const auto part = body.substr(at, piece);
        char size[20];
        std::snprintf(size, sizeof size, "%zx\r\n", part.size());
        text += size + part + "\r\n";
    }
    return text + "0\r\n\r\n";
}

struct Collect : BodySink {
    std::vector<std::string> begun{};
    std::string text{};
    std::size_t pieces = 0;
    std::size_t fail_after = std::string::npos;

    result<void> begin(const HttpResponse& head) override {
        begun.push_back(std::to_string(head.status) + head.body);
        text.clear();
        return {};
    }
    result<void> write(std::string_view piece) override {
        text += piece;
        ++pieces;
        if (text.size() > fail_after) return Error{.code = errc::invalid_configuration, .message = "the disk is full"};
        return {};
    }
};

const std::string long_text = [] {
    std::string text;
    for (int i = 0; i < 60'000; ++i) text += std::to_string(i) + ',';
    return text;
}();

}  // namespace

TEST_CASE("http: a gzip answer is unpacked whatever its framing, and its headers tell of the unpacked body") {
    const auto packed = tests::gzip(long_text);
    const std::string coded = "Content-Encoding: gzip\r\n";
    const RawPeer::Step steps[] = {
        {.answer = sized(coded, packed)},
        {.answer = chunked("Content-Encoding: X-GZIP\r\n", packed, 999)},
        {.answer = answer(coded, packed), .close = true},
        {.answer = sized(coded, packed), .piece = 1},
    };
    for (const auto& step : steps) {
        Talk talk{{step}};
        const auto got = ok(talk.get());
        CHECK((got.body == long_text));
        CHECK_FALSE(got.headers.get("Content-Encoding"));
        CHECK_FALSE(got.headers.get("Content-Length"));
    }
}

TEST_CASE("http: gzip is offered only where it is asked for") {
    Talk talk{{{.answer = sized("", "x")}}};
    auto request = talk.request();
    ok(talk.exchange(request));
    request.accept_gzip = true;
    ok(talk.exchange(request));
    CHECK(talk.peer.requests()[0].find("Accept-Encoding") == std::string::npos);
    CHECK(talk.peer.requests()[1].find("\r\nAccept-Encoding: gzip\r\n") != std::string::npos);
}

TEST_CASE("bad input: a body that cannot be unpacked is an error that says why") {
    const auto packed = tests::gzip("hello");
    const std::string coded = "Content-Encoding: gzip\r\n";
    auto damaged = packed;
    damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);
    const std::pair<RawPeer::Step, std::string> rows[] = {
        {{.answer = sized(coded, "no gzip")}, "not gzip"},
        {{.answer = sized(coded, damaged)}, "checksum"},
        {{.answer = sized(coded, packed.substr(0, 12))}, "in the middle of its gzip data"},
        {{.answer = answer(coded, packed.substr(0, 12)), .close = true}, "in the middle of its gzip data"},
        {{.answer = sized("Content-Encoding: br\r\n", "x")}, "'br', which nobody asked for"},
        {{.answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"}, "another protocol"},
    };
    for (const auto& [step, words] : rows) {
        CAPTURE(words);
        Talk talk{{step}};
        const auto error = failed(talk.get());
        CHECK(error.code == errc::serialization);
        CHECK(error.message.find(words) != std::string::npos);
        CHECK(error.execution == Execution::unknown);
    }
}

TEST_CASE("bad input: a small body that unpacks to a large one is stopped at the limit") {
    Talk talk{{{.answer = sized("Content-Encoding: gzip\r\n", tests::gzip(std::string(3'000'000, '0')))}}};
    auto request = talk.request(Verb::get);
    request.max_response_bytes = 2'999'999;
    CHECK(failed(talk.exchange(request)).message.find("more than the 2999999 bytes") != std::string::npos);
    request.max_response_bytes = 3'000'000;
    CHECK(ok(talk.exchange(request)).body.size() == 3'000'000);
}

TEST_CASE("bad input: the limit of a body holds to the byte in every framing") {
    const std::string body(1000, 'x');
    const RawPeer::Step steps[] = {
        {.answer = sized("", body)}, {.answer = chunked("", body, 300)}, {.answer = answer("", body), .close = true}};
    for (const auto& step : steps) {
        Talk talk{{step}};
        auto request = talk.request(Verb::get);
        request.max_response_bytes = 1000;
        CHECK(ok(talk.exchange(request)).body == body);
        request.max_response_bytes = 999;
        CHECK(failed(talk.exchange(request)).message.find("more than the 999 bytes") != std::string::npos);
    }
}

TEST_CASE("bad input: interim answers without end are no answer") {
    std::string flood;
    for (int i = 0; i < 1000; ++i) flood += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    Talk talk{{{.answer = flood + sized("", "x")}}};
    CHECK(failed(talk.get()).message.find("interim answers") != std::string::npos);
}

TEST_CASE("bad input: an answer that nobody asked for is given to nobody") {
    const std::string stolen = sized("", "stolen");
    for (const auto& first :
         {sized("", "mine"), chunked("", "mine", 2), sized("Content-Encoding: identity\r\n", "mine")}) {
        CAPTURE(first);
        Talk talk{{{.answer = first + stolen}, {.answer = sized("", "next")}}};
        CHECK(ok(talk.get()).body == "mine");
        CHECK(ok(talk.get()).body == "next");
        CHECK(talk.peer.connections() == 2);
    }
}

TEST_CASE("bad input: a target that would split the request's head, or is no path, is not sent") {
    Talk talk{{{.answer = sized("", "x")}}};
    for (const std::string target : {"", "x", "/a b", "/a\tb", "/a\rb", "/a\nX: y", "/a\x7f", "/a\x01"}) {
        CAPTURE(target);
        auto request = talk.request();
        request.target = target;
        const auto error = failed(talk.exchange(request));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
    }
    auto request = talk.request();
    request.target = "/a\0b"s;
    CHECK(failed(talk.exchange(request)).code == errc::invalid_configuration);
    CHECK(talk.peer.requests().empty());
    request.target = "/%20?x=~&y=\xc3\xa4";
    CHECK(ok(talk.exchange(request)).status == 200);
}

TEST_CASE("http: a trailer is no header") {
    Talk talk{{{.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-early: 1\r\n\r\n"
                          "1\r\nx\r\n0\r\nx-early: 2\r\nx-late: 3\r\n\r\n"},
               {.answer = sized("", "next")}}};
    const auto got = ok(talk.get());
    CHECK(got.body == "x");
    CHECK(got.headers.get("x-early") == "1");
    CHECK_FALSE(got.headers.get("x-late"));
    CHECK(ok(talk.get()).body == "next");
    CHECK(talk.peer.connections() == 1);
}

TEST_CASE("http: an empty chunked body and its trailers may come byte by byte") {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string rest : {"0\r\n\r\n", "0\r\nabc: d\r\n\r\n", "1\r\nx\r\n0\r\n\r\n", "0;e=f\r\n\r\n"}) {
        CAPTURE(rest);
        Talk talk{{{.answer = head + rest, .piece = 1}, {.answer = sized("", "next")}}};
        CHECK(ok(talk.get()).body == (rest.front() == '1' ? "x" : ""));
        CHECK(ok(talk.get()).body == "next");
        CHECK(talk.peer.connections() == 1);
    }
    for (const std::string rest : {"", "0", "0\r\n", "0\r\n\r", "0\r\na", "1\r\nx\r\n0\r\n"}) {
        CAPTURE(rest);
        Talk talk{{{.answer = head + rest, .close = true, .piece = 1}}};
        CHECK(failed(talk.get()).message.find("in the middle") != std::string::npos);
    }
}

TEST_CASE("bad input: a connection that ends after an interim answer has brought none") {
    for (const char* const interim : {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 000 OK\r\nContent-Length: 9\r\n\r\n"})
        for (const auto verb : {Verb::get, Verb::head, Verb::post}) {
            CAPTURE(interim);
            Talk talk{{{.answer = interim, .close = true}}};
            const auto error = failed(talk.exchange(talk.request(verb)));
            CAPTURE(error.message);
            CHECK(error.execution != Execution::not_started);
            CHECK((error.code == errc::infrastructure || error.code == errc::serialization));
        }
}

TEST_CASE("http: a body is streamed into a sink, unpacked, and only that of a success") {
    const auto sink = std::make_shared<Collect>();
    Talk talk{{{.answer = chunked("Content-Encoding: gzip\r\n", tests::gzip(long_text), 1000)},
               {.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"},
               {.answer = sized("", "")}}};
    auto request = talk.request(Verb::get);
    request.sink = sink;
    const auto first = ok(talk.exchange(request));
    CHECK(first.body.empty());
    CHECK((sink->text == long_text));
    CHECK(sink->pieces > 5);
    CHECK(ok(talk.exchange(request)).body == "gone");
    CHECK(sink->begun.size() == 1);
    ok(talk.exchange(request));
    CHECK(sink->begun == std::vector<std::string>{"200", "200"});
    CHECK(sink->text.empty());
    CHECK(talk.peer.connections() == 1);
}

TEST_CASE("bad input: a sink that fails ends the exchange with its own error, and the connection is not kept") {
    const auto sink = std::make_shared<Collect>();
    sink->fail_after = 1000;
    Talk talk{{{.answer = sized("", long_text)}, {.answer = sized("", "x")}}};
    auto request = talk.request(Verb::get);
    request.sink = sink;
    const auto error = failed(talk.exchange(request));
    CHECK(error.message == "the disk is full");
    CHECK(ok(talk.get()).body == "x");
    CHECK(talk.peer.connections() == 2);
}

TEST_CASE("http: a file is sent without being read into memory, again from its beginning at every attempt") {
    const blueprint::faas::test::TemporaryDirectory directory;
    const auto path = (directory.path() / "job.zip").string();
    std::string content;
    while (content.size() < 700'000) content += long_text;
    std::ofstream{path, std::ios::binary} << content;
    Talk talk{{{.answer = sized("", "x")}}};
    auto request = talk.request(Verb::put);
    request.body = ok(FileBody::open(path));
    std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
    request.upload_progress = [&](std::uint64_t sent, std::uint64_t total) { told.emplace_back(sent, total); };
    for (std::size_t attempt = 0; attempt < 2; ++attempt) {
        told.clear();
        ok(talk.exchange(request));
        const auto& got = talk.peer.requests().at(attempt);
        CHECK((got.substr(got.find("\r\n\r\n") + 4) == content));
        REQUIRE(told.size() >= 3);
        CHECK(told.back() == std::pair<std::uint64_t, std::uint64_t>{content.size(), content.size()});
        for (std::size_t i = 1; i < told.size(); ++i) {
            CHECK(told[i].first > told[i - 1].first);
            CHECK(told[i].first - told[i - 1].first <= 256 * 1024);
        }
    }
}

TEST_CASE("http: the upload of a body in memory tells its progress too, and copies nothing") {
    const auto shared = std::make_shared<const Bytes>(Bytes(1'000'000, 'p'));
    Talk talk{{{.answer = sized("", "x")}}};
    auto request = talk.request(Verb::put);
    request.body = shared;
    std::vector<std::uint64_t> told;
    request.upload_progress = [&](std::uint64_t sent, std::uint64_t) { told.push_back(sent); };
    ok(talk.exchange(request));
    CHECK(told.size() == 4);
    CHECK(told.back() == 1'000'000);
    request.body = "short"s;
    told.clear();
    ok(talk.exchange(request));
    CHECK(told == std::vector<std::uint64_t>{5});
    CHECK(shared.use_count() == 1);
}

TEST_CASE("bad input: a file that is not there, is a directory, or changes while it is sent is told by name") {
    const blueprint::faas::test::TemporaryDirectory directory;
    const auto path = (directory.path() / "job.zip").string();
    CHECK(failed(FileBody::open(path)).message.find(path) != std::string::npos);
    CHECK(failed(FileBody::open(directory.path().string())).code == errc::invalid_configuration);
    std::ofstream{path} << long_text;
    Talk talk{{{.answer = sized("", "x")}}};
    auto request = talk.request(Verb::put);
    request.body = ok(FileBody::open(path));
    std::ofstream{path} << "shorter now";
    const auto error = failed(talk.exchange(request));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.message.find("has not the " + std::to_string(long_text.size()) + " bytes") != std::string::npos);
    CHECK(talk.peer.requests().empty());
}

TEST_CASE("metadata: plain HTTP goes to this machine, and no byte to an address that is no metadata service's") {
    asio::io_context io;
    RawPeer peer{io, {{.answer = sized("", "role")}}};
    MetadataTransport metadata{io.get_executor()};
    const auto ask = [&](Origin origin) {
        HttpRequest request;
        request.origin = std::move(origin);
        return tests::run_beside(io, metadata.exchange(request, deadline_after(60s)));
    };
    CHECK(ok(ask({.tls = false, .host = "127.0.0.1", .port = peer.port()})).body == "role");
    CHECK(ok(ask({.tls = false, .host = "localhost", .port = peer.port()})).body == "role");
    CHECK(peer.connections() == 2);

    for (const auto* host : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::ffff:127.0.0.1"}) {
        CAPTURE(host);
        const auto error = failed(ask({.tls = false, .host = host, .port = peer.port()}));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK_FALSE(error.retryable);
        CHECK(error.message.find("neither this machine nor a metadata address") != std::string::npos);
    }
    CHECK(failed(ask({.tls = true, .host = "127.0.0.1", .port = peer.port()})).message.find("HttpsTransport") !=
          std::string::npos);
    CHECK(peer.connections() == 2);  // 0.0.0.0 would have reached it
    CHECK(metadata.statistics().requests_sent == 2);
    CHECK(metadata.statistics().connections_opened == 2);
}

TEST_CASE("exchange: a 408 that ends a kept connection means that the request was not taken") {
    const auto fine = sized("", "fine");
    const auto gave_up = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"s;
    Talk talk{{{.answer = fine}, {.answer = gave_up, .close = true}, {.answer = gave_up, .close = true}}};
    CHECK(ok(talk.get()).body == "fine");
    const auto error = failed(talk.get());
    CHECK(error.code == errc::infrastructure);
    CHECK(error.retryable);
    CHECK(error.execution == Execution::not_started);
    CHECK(ok(talk.get()).status == 408);  // of a new connection it is the answer

    // One that keeps the connection is about the request: so some platforms tell of a function that took too long.
    Talk other{{{.answer = fine}, {.answer = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"}}};
    CHECK(ok(other.get()).status == 200);
    CHECK(ok(other.get()).status == 408);
}

TEST_CASE("AWS pitfall 13: over sockets too, a token that never comes costs its bounded wait, and no more") {
    asio::io_context io;
    const auto credentials = sized("", R"({"Code":"Success","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"s",)"
                                       R"("Token":"t","Expiration":"2026-01-02T06:00:00Z"})");
    RawPeer peer{io, {{.silent = true}, {.answer = sized("", "jobs")}, {.silent = true}, {.answer = credentials}}};
    tests::AwsWorld around;
    around.variables = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", peer.url()}, {"AWS_METADATA_SERVICE_TIMEOUT", "0.2"}};
    const auto reach = aws::make_reach(HttpsTransport{io.get_executor()}, MetadataTransport{io.get_executor()}, around);
    const aws::credentials::InstanceMetadata source;
    std::optional<result<aws::Search>> outcome;
    const auto begin = std::chrono::steady_clock::now();
    asio::co_spawn(io, source.find(reach, deadline_after(60s)),
                   [&](std::exception_ptr failure, result<aws::Search> search) {
                       if (failure) std::rethrow_exception(failure);
                       outcome.emplace(std::move(search));
                   });
    while (!outcome && io.run_one() != 0) {
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    REQUIRE(outcome.has_value());
    CHECK(ok(*outcome).found.value().credentials.access_key_id == "ASIAEXAMPLE");
    CHECK(took >= 400ms);
    CHECK(took < 20s);
    REQUIRE(peer.requests().size() == 4);
    CHECK(peer.requests()[0].starts_with("PUT /latest/api/token HTTP/1.1\r\n"));
    CHECK(peer.requests()[3].starts_with("GET /latest/meta-data/iam/security-credentials/jobs HTTP/1.1\r\n"));
}
