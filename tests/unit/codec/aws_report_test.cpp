#include "blueprint/faas/codec/aws_report.hpp"

#include "aws_fixture.hpp"
#include "blueprint/faas/codec/aws_event_stream.hpp"
#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/detail/encoding.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aws_report_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::EventStreamDecoder;
using detail::EventStreamHeader;
using detail::find_lambda_report;
using detail::LambdaReport;
using tests::chunk;
using tests::complete;
using tests::failed;
using tests::frame;
using tests::header;
using tests::ok;

namespace {

using Micros = std::optional<std::chrono::microseconds>;
using Number = std::optional<std::uint32_t>;

std::string unhex(std::string_view text) {
    const auto bytes = detail::hex_decode(text);
    REQUIRE(bytes.has_value());
    return std::string{detail::text_of(*bytes)};
}

// Every message of `bytes`, as text that tells one from another; the last says how it ended.
std::vector<std::string> decoded(std::string_view bytes, std::size_t piece) {
    EventStreamDecoder decoder;
    std::vector<std::string> messages;
    do {
        const auto next = bytes.substr(0, piece);
        bytes.remove_prefix(next.size());
        decoder.feed(next);
        for (;;) {
            const auto message = decoder.next();
            if (!message) {
                messages.push_back(message.error().message);
                return messages;
            }
            if (!*message) break;
            messages.push_back(std::string{(*message)->text(":event-type")} + ' ' + std::string{(*message)->payload});
        }
    } while (!bytes.empty());
    messages.emplace_back(decoder.between_messages() ? "end" : "cut");
    return messages;
}

std::string decoding_fails(std::string_view bytes) {
    const auto messages = decoded(bytes, bytes.size());
    REQUIRE_FALSE(messages.empty());
    return messages.back();
}

}  // namespace

TEST_CASE("A1: REPORT lines are read in all their forms") {
    struct Row {
        std::string_view log;
        Micros duration;
        Number billed;
        Micros init;
        Micros restore;
        Number size;
        Number used;
        std::string_view status;
    };
    const Row rows[] = {
        {"REPORT RequestId: ID\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t"
         "Init Duration: 110.10 ms\t\n",
         3010us,
         4,
         110'100us,
         {},
         128,
         36,
         ""},
        {"REPORT RequestId: ID\tDuration: 3.10 ms\tBilled Duration: 546 ms\tMemory Size: 2048 MB\tMax Memory Used: 95 "
         "MB\t"
         "Init Duration: 542.01 ms\t\nXRAY TraceId: 1-a\tSegmentId: b\tSampled: true\t\n",
         3100us,
         546,
         542'010us,
         {},
         2048,
         95,
         ""},
        {"REPORT RequestId: ID\tDuration: 45.00 ms\tBilled Duration: 563 ms\tMemory Size: 1024 MB\tMax Memory Used: "
         "210 MB\t"
         "Restore Duration: 518.37 ms\tBilled Restore Duration: 519 ms\n",
         45ms,
         563,
         {},
         518'370us,
         1024,
         210,
         ""},
        {"REPORT RequestId: ID\tDuration: 30000.00 ms\tBilled Duration: 30000 ms\tMemory Size: 256 MB\tMax Memory "
         "Used: "
         "134 MB\tStatus: timeout",
         30s,
         30'000,
         {},
         {},
         256,
         134,
         "timeout"},
        // The emulator's order.
        {"REPORT RequestId: ID\tInit Duration: 0.26 ms\tDuration: 1.5 ms\tBilled Duration: 2 ms\tMemory Size: 3008 MB\t"
         "Max Memory Used: 3008 MB\t\n",
         1500us,
         2,
         260us,
         {},
         3008,
         3008,
         ""},
        // Managed Instances.
        {"REPORT RequestId: ID\tDuration: 12.0004 ms\n", 12ms, {}, {}, {}, {}, {}, ""},
        {"REPORT RequestId: ID\tDuration: 46.31 ms\tBilled Duration: 47 ms \tMemory Size: 128 MB\tMax Memory Used: 39 "
         "MB\n",
         46'310us,
         47,
         {},
         {},
         128,
         39,
         ""},
        // As log viewers show it.
        {"REPORT RequestId: ID Duration: 3.01 ms Billed Duration: 4 ms Memory Size: 128 MB Max Memory Used: 36 MB "
         "Status: "
         "error Error Type: Runtime.ExitError Init Duration: 110.1006 ms\r\n",
         3010us,
         4,
         110'101us,
         {},
         128,
         36,
         "error"},
        // What the job printed last, without a line's end; and fields that are new or spoilt.
        {"doneREPORT RequestId: ID\tFoo Duration: 9 ms\tDuration: 3 s\tMemory Size: -1 MB\tMax Memory Used: 1.5 "
         "MB\tBilled "
         "Duration: 4. ms\tno colon\tInit Duration: 1x ms",
         {},
         {},
         {},
         {},
         {},
         {},
         ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.log);
        const auto report = find_lambda_report(row.log, "ID");
        REQUIRE(report.has_value());
        CHECK(report->request_id == "ID");
        CHECK((report->duration == row.duration));
        CHECK(report->billed_duration.has_value() == row.billed.has_value());
        if (row.billed) CHECK((report->billed_duration == std::chrono::milliseconds{*row.billed}));
        CHECK((report->init_duration == row.init));
        CHECK((report->restore_duration == row.restore));
        CHECK((report->memory_size_mib == row.size));
        CHECK((report->max_memory_used_mib == row.used));
        CHECK(report->status == row.status);
        CHECK(report->error_type == (row.status == "error" ? "Runtime.ExitError" : ""));
        FaasMetrics metrics;
        detail::apply_lambda_report(*report, metrics);
        CHECK(metrics.cold_start == (row.init || row.restore));
        CHECK((metrics.init_duration == (row.init ? row.init : row.restore)));
        CHECK((metrics.execution_duration == row.duration));
        CHECK((metrics.memory_limit_mib == row.size));
        CHECK((metrics.memory_used_mib == row.used));
    }
}

TEST_CASE("report: records of the log format JSON are read") {
    const auto report = find_lambda_report(
        R"({"time":"t","type":"platform.start","record":{"requestId":"ID"}})"
        "\n"
        R"({"time":"t","type":"platform.report","record":{"requestId":"ID","metrics":{"durationMs":3.01,"billedDurationMs":4,)"
        R"("memorySizeMB":128,"maxMemoryUsedMB":36,"initDurationMs":110.1},"status":"success"}})"
        "\n",
        "ID");
    REQUIRE(report.has_value());
    CHECK((report->duration == 3010us));
    CHECK((report->billed_duration == 4ms));
    CHECK((report->init_duration == 110'100us));
    CHECK(report->memory_size_mib == 128);
    CHECK(report->max_memory_used_mib == 36);
    CHECK(report->status.empty());

    const auto failure = find_lambda_report(
        R"({"type":"platform.report","record":{"requestId":"ID","metrics":{"durationMs":1e300,"restoreDurationMs":2},)"
        R"("status":"error","errorType":"Runtime.ExitError"}})",
        "ID");
    REQUIRE(failure.has_value());
    CHECK_FALSE(failure->duration.has_value());
    CHECK((failure->restore_duration == 2ms));
    CHECK(failure->status == "error");
    CHECK(failure->error_type == "Runtime.ExitError");
    for (const std::string_view other : {R"({"type":"platform.report"})", R"({"type":"platform.report","record":[]})",
                                         R"("type":"platform.report","record":{"requestId":"ID"}})"})
        CHECK_FALSE(find_lambda_report(other, "ID").has_value());
}

TEST_CASE("report: the last one of this call counts, and a beginning that was cut off does not") {
    CHECK_FALSE(find_lambda_report("", "ID").has_value());
    CHECK_FALSE(find_lambda_report("questId: ID\tDuration: 1.00 ms\nEND RequestId: ID\n", "ID").has_value());
    CHECK_FALSE(find_lambda_report("REPORT RequestId: other\tDuration: 1.00 ms\n", "ID").has_value());
    const std::string_view log =
        "RT RequestId: ID\tDuration: 9.00 ms\nREPORT RequestId: ID\tDuration: 1.00 ms\nREPORT RequestId: ID\tDuration: "
        "2.00 ms\nREPORT RequestId: next\tDuration: 3.00 ms\n";
    CHECK((find_lambda_report(log, "ID")->duration == 2ms));
    CHECK((find_lambda_report(log, "")->duration == 3ms));
}

TEST_CASE("report: a start that took too long is told of apart, and is a cold start all the same") {
    const std::string_view log =
        "REPORT RequestId: before\tDuration: 1.00 ms\nINIT_REPORT Init Duration: 9999.47 ms\tPhase: init\tStatus: "
        "timeout\nSTART RequestId: ID Version: $LATEST\nREPORT RequestId: ID\tDuration: 2.00 ms\n";
    FaasMetrics metrics;
    detail::apply_lambda_report(*find_lambda_report(log, "ID"), metrics);
    CHECK(metrics.cold_start == true);
    CHECK((metrics.init_duration == 9'999'470us));
    FaasMetrics before;
    detail::apply_lambda_report(*find_lambda_report(log, "before"), before);
    CHECK(before.cold_start == false);
    FaasMetrics after;
    const auto later = std::string{log} + "REPORT RequestId: after\tDuration: 1.00 ms\n";
    detail::apply_lambda_report(*find_lambda_report(later, "after"), after);
    CHECK(after.cold_start == false);
}

TEST_CASE("event stream: the computed frames are written and read byte for byte") {
    const auto abc = unhex(
        "0000006d0000005a8f3ed47f0b3a6576656e742d7479706507000c5061796c6f61644368756e6b0d3a636f6e74656e742d747970650700"
        "18"
        "6170706c69636174696f6e2f6f637465742d73747265616d0d3a6d6573736167652d747970650700056576656e7461626330c8fa65");
    const auto end = unhex(
        "00000066000000541f56c8690b3a6576656e742d7479706507000e496e766f6b65436f6d706c6574650d3a636f6e74656e742d74797065"
        "07"
        "00106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b7d7006d467");
    const auto empty = unhex("000000100000000005c248eb7d98c8ff");
    CHECK(chunk("abc") == abc);
    CHECK(complete() == end);
    CHECK(frame({}, "") == empty);
    const auto all = abc + empty + end;
    const std::vector<std::string> expected{"PayloadChunk abc", " ", "InvokeComplete {}", "end"};
    for (std::size_t piece = 1; piece <= all.size(); ++piece) {
        CAPTURE(piece);
        CHECK((decoded(all, piece) == expected));
    }
    for (std::size_t size = 1; size < abc.size(); ++size)
        CHECK((decoded(std::string_view{abc}.substr(0, size), 7) == std::vector<std::string>{"cut"}));
}

TEST_CASE("event stream: a header of every type is read as it was written") {
    using Time = EventStreamHeader::Time;
    const std::vector<EventStreamHeader> headers{
        header("yes", true),
        header("no", false),
        header("i8", std::int8_t{-128}),
        header("i16", std::int16_t{-2}),
        header("i32", std::numeric_limits<std::int32_t>::min()),
        header("i64", std::numeric_limits<std::int64_t>::max()),
        header("bytes", Bytes{0, 255}),
        header("text", std::string(65'535, 't')),
        header("time", Time{std::chrono::milliseconds{-1}}),
        header("uuid", EventStreamHeader::Uuid{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255}),
    };
    EventStreamDecoder decoder;
    decoder.feed(frame(headers, "payload"));
    const auto message = ok(decoder.next());
    REQUIRE(message.has_value());
    CHECK((message->headers == headers));
    CHECK(message->payload == "payload");
    CHECK(message->text("text").size() == 65'535);
    CHECK(message->text("i8").empty());
    CHECK(message->text("absent").empty());
    CHECK(decoder.between_messages());
    // By the bytes of the format's document, so that reader and writer do not share a mistake.
    const auto one = frame({header("a", std::int32_t{0x01020304}), header("b", true), header("c", false)}, "");
    CHECK(one.substr(12, 13) == unhex("01610401020304016200016301"));
}

TEST_CASE("event stream: what is no stream is refused, and nothing after it is read") {
    const auto good = chunk("abc");
    for (std::size_t at = 0; at < good.size(); ++at) {
        CAPTURE(at);
        auto bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        const auto why = decoding_fails(bad + good);
        CHECK(why == (at < 12 ? "the event stream cannot be read: the checksum of a message's lengths is wrong"
                              : "the event stream cannot be read: the checksum of a message is wrong"));
    }
    // Lengths with a checksum that is right.
    const auto number = [](std::size_t value) {
        std::string text;
        for (int shift = 24; shift >= 0; shift -= 8)
            text += static_cast<char>(static_cast<unsigned char>(value >> shift));
        return text;
    };
    const auto checksum = [&](const std::string& text) { return number(detail::crc32(detail::bytes_of(text))); };
    const std::vector<std::pair<std::string, std::string>> lengths{
        {"0000000f00000000", "contradict"},
        {"0000001000000001", "contradict"},
        {"0180000100000000", "24 MiB"},
        {"0002001100020001", "128 KiB"},
    };
    for (const auto& [hex, why] : lengths) {
        CAPTURE(hex);
        const auto text = unhex(hex);
        CHECK(decoding_fails(text + checksum(text)).find(why) != std::string::npos);
    }
    CHECK(decoding_fails(frame({header("a", true), header("b", true), header("a", true)}, "")).find("twice") !=
          std::string::npos);
    // Headers that end inside one, or have a type that there is not: written by hand, with checksums that are right.
    const std::vector<std::pair<std::string, std::string>> headers{
        {"05616263", "end inside"}, {"016107ffff", "end inside"}, {"01610a", "a type that there is not"},
        {"0161", "end inside"},     {"0000", "no name"},          {"016109aabb", "end inside"},
    };
    for (const auto& [hex, why] : headers) {
        CAPTURE(hex);
        const auto raw = unhex(hex);
        auto text = number(16 + raw.size()) + number(raw.size());
        text += checksum(text);
        text += raw;
        CHECK(decoding_fails(text + checksum(text)).find(why) != std::string::npos);
    }
    EventStreamDecoder decoder;
    decoder.feed(std::string(12, 'x'));
    const auto first = failed(decoder.next());
    decoder.feed(good);
    CHECK(failed(decoder.next()).message == first.message);
    CHECK_FALSE(decoder.between_messages());
}

TEST_CASE("event stream: what the format has no room for is not written") {
    const auto refused = [](std::vector<EventStreamHeader> headers, std::size_t payload) {
        return failed(detail::encode_event_stream(headers, std::string(payload, 'x'))).message;
    };
    CHECK(refused({header("", true)}, 0).find("1 to 255") != std::string::npos);
    CHECK(refused({header(std::string(256, 'n'), true)}, 0).find("1 to 255") != std::string::npos);
    CHECK(refused({header("n", std::string(65'536, 'v'))}, 0).find("65535") != std::string::npos);
    const std::string large(65'000, 'v');
    CHECK(refused({header("a", large), header("b", large), header("c", large)}, 0).find("128 KiB") !=
          std::string::npos);
    CHECK(refused({}, (24U << 20U) - 15).find("24 MiB") != std::string::npos);
    CHECK(detail::encode_event_stream({}, std::string((24U << 20U) - 16, 'x')).has_value());
}

}  // namespace aws_report_test
