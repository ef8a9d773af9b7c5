#include "blueprint/faas/runner/consumer.hpp"

#include "blueprint/faas/runner/channel.hpp"
#include "blueprint/faas/runner/json_lines.hpp"
#include "support.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace consumer_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using faas::errc;
using faas::Error;
using faas::Invocation;
using faas::JobId;
using faas::result;

namespace {

Invocation numbered(std::uint8_t n) {
    Invocation one;
    one.result.job_id = 3;
    one.result.outcome = faas::Bytes{n};
    one.result.ran_on = "local";
    return one;
}

}  // namespace

TEST_CASE("callback consumer: the function may return nothing, a result or an awaitable") {
    int seen = 0;
    faas::CallbackConsumer plain{[&seen](const Invocation&) { ++seen; }};
    faas::CallbackConsumer refusing{[&seen](const Invocation&) -> result<void> {
        ++seen;
        return Error{.code = errc::infrastructure, .message = "full"};
    }};
    faas::CallbackConsumer coroutine{[&seen](const Invocation&) -> asio::awaitable<result<void>> {
        ++seen;
        co_return result<void>{};
    }};
    static_assert(faas::Consumer<decltype(plain)>);
    const auto one = numbered(1);
    CHECK(finish(plain.consume(one)).has_value());
    CHECK(finish(refusing.consume(one)).error().message == "full");
    CHECK(finish(coroutine.consume(one)).has_value());
    CHECK(seen == 3);
}

TEST_CASE("collector: copies share what is kept, and beyond the limit it fails") {
    faas::CollectorConsumer kept{2}, copy = kept;
    for (std::uint8_t n = 0; n < 2; ++n) {
        const auto one = numbered(n);
        CHECK(finish(kept.consume(one)).has_value());
    }
    const auto third = numbered(2);
    auto full = finish(kept.consume(third));
    REQUIRE(full.has_error());
    CHECK(full.error().message.find("full with 2 results") != std::string::npos);
    CHECK(copy.size() == 2);
    CHECK(copy.take().size() == 2);
    CHECK(kept.size() == 0);
}

TEST_CASE("channel consumer: results come out in order, finish ends the receiver, and without one it fails") {
    asio::io_context io;
    auto [consumer, receiver] = faas::make_result_channel(1);
    const auto first = numbered(1), second = numbered(2);
    CHECK(finish(consumer.consume(first)).has_value());
    Operation<result<void>> waiting{io, consumer.consume(second)};
    io.poll();
    CHECK(!waiting.ended());
    CHECK(receiver.try_receive()->result.outcome.value() == faas::Bytes{1});
    io.restart();
    io.run();
    REQUIRE(waiting.ended());
    CHECK(finish(consumer.finish()).has_value());
    CHECK(finish(receiver.receive()).value()->result.outcome.value() == faas::Bytes{2});
    CHECK(!finish(receiver.receive()).value());

    auto other = faas::make_result_channel(1);
    {
        const auto gone = std::move(other.receiver);
    }
    CHECK(finish(other.consumer.consume(first)).error().code == errc::cancelled);
}

TEST_CASE("json lines: results are written one a line, good, failed and nameless ones") {
    auto good = numbered(255);
    good.result.metadata.set("call_id", "a \"b\"");
    good.metrics.total_duration = std::chrono::microseconds{12};
    CHECK(faas::format_result(good) == R"({"job_id":3,"ok":true,"base64":"/w==","ran_on":"local","duration_us":12,)"
                                       R"("metadata":{"call_id":"a \"b\""}})");
    Invocation failed;
    failed.result.outcome = Error{.code = errc::timed_out, .message = "too slow"};
    CHECK(faas::format_result(failed) ==
          R"({"job_id":null,"ok":false,"error":{"kind":"timed out","message":"too slow"},)"
          R"("ran_on":"","duration_us":0,"metadata":{}})");
    std::ostringstream out;
    faas::JsonLinesConsumer consumer{out};
    CHECK(finish(consumer.consume(good)).has_value());
    CHECK(finish(consumer.finish()).has_value());
    CHECK(out.str() == faas::format_result(good) + '\n');
    out.setstate(std::ios::badbit);
    CHECK(finish(consumer.consume(good)).error().code == errc::infrastructure);
    CHECK(finish(consumer.finish()).error().code == errc::infrastructure);
}

}  // namespace consumer_test
