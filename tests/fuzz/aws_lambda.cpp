// What Lambda answers: logs, event streams, calls.
#include "blueprint/faas/codec/aws_event_stream.hpp"
#include "blueprint/faas/codec/aws_lambda_stream.hpp"
#include "blueprint/faas/codec/aws_report.hpp"
#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "fit.hpp"
#include "targets.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas::fuzz {

namespace {

const detail::LambdaProtocol& lambda() {
    static const detail::LambdaProtocol instance{{.region = "us-east-1", .keep_log_text = true}};
    return instance;
}

std::string shown(std::chrono::microseconds time) {
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%lld.%03lld ms", static_cast<long long>(time.count() / 1000),
                  static_cast<long long>(time.count() % 1000));
    return text.data();
}

// The report as Lambda would have written it, with tabs or with blanks.
std::string written(const detail::LambdaReport& report, const std::string& gap) {
    std::string line = "REPORT RequestId: " + report.request_id;
    if (report.max_memory_used_mib)
        line += gap + "Max Memory Used: " + std::to_string(*report.max_memory_used_mib) + " MB";
    if (report.init_duration) line += gap + "Init Duration: " + shown(*report.init_duration);
    if (report.duration) line += gap + "Duration: " + shown(*report.duration);
    if (report.restore_duration) line += gap + "Restore Duration: " + shown(*report.restore_duration);
    if (report.billed_duration)
        line += gap + "Billed Duration: " + std::to_string(report.billed_duration->count()) + " ms";
    if (report.memory_size_mib) line += gap + "Memory Size: " + std::to_string(*report.memory_size_mib) + " MB";
    return line + gap + '\n';
}

void same(const detail::LambdaReport& a, const std::optional<detail::LambdaReport>& b) {
    FAAS_REQUIRE(b.has_value());
    FAAS_REQUIRE(b->request_id == a.request_id);
    FAAS_REQUIRE(b->duration == a.duration);
    FAAS_REQUIRE(b->billed_duration == a.billed_duration);
    FAAS_REQUIRE(b->init_duration == a.init_duration);
    FAAS_REQUIRE(b->restore_duration == a.restore_duration);
    FAAS_REQUIRE(b->memory_size_mib == a.memory_size_mib);
    FAAS_REQUIRE(b->max_memory_used_mib == a.max_memory_used_mib);
}

// Hands `bytes` over in pieces whose sizes `state` draws: 0 for all at once, 1 for one by one.
template <class Take>
void in_pieces(std::string_view bytes, std::uint32_t state, Take take) {
    do {
        auto size = bytes.size();
        if (state == 1) size = 1;
        if (state > 1) size = (state = (state * 1664525 + 1013904223) | 2U) >> 27U;
        const auto piece = bytes.substr(0, size);
        bytes.remove_prefix(piece.size());
        if (!take(piece)) return;
    } while (!bytes.empty());
}

// All messages, each written again; at the end how the stream ended.
std::vector<std::string> messages_in(std::string_view bytes, std::uint32_t split) {
    detail::EventStreamDecoder decoder;
    std::vector<std::string> all;
    bool broken = false;
    in_pieces(bytes, split, [&](std::string_view piece) {
        decoder.feed(piece);
        for (;;) {
            const auto message = decoder.next();
            broken = message.has_error();
            if (broken) all.push_back(message.error().message);
            if (broken || !*message) return !broken;
            const auto again = detail::encode_event_stream((*message)->headers, (*message)->payload);
            FAAS_REQUIRE(again.has_value());
            all.push_back(*again);
        }
    });
    FAAS_REQUIRE(!broken || !decoder.between_messages());
    if (!broken) all.emplace_back(decoder.between_messages() ? "end" : "cut");
    return all;
}

// What became of a streamed call: the bytes that were handed on, then the outcome.
std::pair<std::string, std::string> streamed(const std::string& bytes, std::uint32_t split) {
    std::string taken;
    const ResultSink sink = [&](std::span<const std::uint8_t> piece) -> result<void> {
        taken += detail::text_of(piece);
        return {};
    };
    detail::LambdaStream stream{lambda(), sink};
    HttpResponse head;
    head.status = 200;
    head.headers.set("Content-Type", "application/vnd.amazon.eventstream");
    FAAS_REQUIRE(stream.begin(head).has_value());
    std::optional<Error> failed;
    in_pieces(bytes, split, [&](std::string_view piece) {
        const auto written = stream.write(piece);
        if (!written) failed = stream.interrupted(written.error());
        return !failed;
    });
    auto done = failed ? result<Invocation>{std::move(*failed)} : stream.finish(head);
    if (fits(done)) return {taken, "well"};
    FAAS_REQUIRE(done.error().execution == Execution::started);
    return {taken, done.error().message};
}

void append_number(std::string& out, std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(static_cast<unsigned char>(value >> static_cast<unsigned>(shift)));
}

// A frame of any headers and payload whose checksums are right, which no fuzzer finds by itself.
std::string frame(std::string_view headers, std::string_view payload) {
    std::string out;
    append_number(out, 16 + headers.size() + payload.size());
    append_number(out, headers.size());
    append_number(out, detail::crc32(detail::bytes_of(out)));
    out.append(headers).append(payload);
    append_number(out, detail::crc32(detail::bytes_of(out)));
    return out;
}

std::string text_header(std::string_view name, std::string_view value) {
    std::string out(1, static_cast<char>(name.size()));
    out.append(name) += '\x07';
    out += static_cast<char>(static_cast<unsigned char>(value.size() >> 8U));
    out += static_cast<char>(static_cast<unsigned char>(value.size() & 0xffU));
    return out.append(value);
}

}  // namespace

void aws_report(Input input) {
    Reader reader{input};
    const std::string id{reader.until('\n')};
    const std::string log{reader.rest()};
    const auto found = detail::find_lambda_report(log, id);
    if (!found) return;
    FAAS_REQUIRE(id.empty() || found->request_id == id);
    FAAS_REQUIRE(found->status.size() + found->error_type.size() <= log.size());
    FaasMetrics metrics;
    detail::apply_lambda_report(*found, metrics);
    FAAS_REQUIRE(metrics.cold_start.has_value());
    FAAS_REQUIRE(*metrics.cold_start || !metrics.init_duration);
    FAAS_REQUIRE(metrics.execution_duration == found->duration);
    if (found->request_id.empty()) return;
    // An id of JSON may be any text.
    if (found->request_id.find_first_of(" \t\r\n") != std::string::npos) return;
    const std::string later = "\nEND RequestId: x\nREPORT RequestId: " + found->request_id + "x\tDuration: 1 ms\n";
    same(*found, detail::find_lambda_report(log + later, found->request_id));
    if (found->request_id.find("REPORT RequestId:") != std::string::npos) return;
    // Rounding may lead beyond what is read.
    const auto most = std::chrono::milliseconds{4'000'000'000};
    for (const auto& time : {found->duration, found->init_duration, found->restore_duration})
        if (time && *time >= most) return;
    if (found->billed_duration && *found->billed_duration >= most) return;
    same(*found, detail::find_lambda_report(written(*found, "\t"), found->request_id));
    same(*found, detail::find_lambda_report(written(*found, "  "), found->request_id));
}

void aws_event_stream(Input input) {
    Reader reader{input};
    const auto how = reader.byte();
    std::string bytes;
    if (how % 3 == 0) {
        bytes = reader.rest();
    } else {
        while (!reader.rest().empty() && bytes.size() < 16'384) {
            const auto kind = reader.byte();
            const auto headers = reader.rest().substr(0, kind);
            for (std::size_t i = 0; i < headers.size() && how % 3 == 1; ++i) (void)reader.byte();
            static constexpr std::string_view kinds[] = {"event", "exception", "error", "?"};
            static constexpr std::string_view events[] = {"PayloadChunk", "InvokeComplete", "InvokeComplete", "?"};
            const auto named = text_header(":message-type", kind % 8 < 4 ? "event" : kinds[kind % 4]) +
                               text_header(":event-type", events[kind / 8 % 4]) +
                               text_header(":exception-type", "ThrottlingException");
            const auto payload = reader.until('\n');
            bytes += frame(how % 3 == 1 ? headers : std::string_view{named}, payload);
        }
    }
    const auto whole = messages_in(bytes, 0);
    FAAS_REQUIRE(!whole.empty());
    FAAS_REQUIRE(messages_in(bytes, 1) == whole);
    FAAS_REQUIRE(messages_in(bytes, 2U + how) == whole);
    // What was read is what stood there.
    std::string again;
    for (std::size_t i = 0; i + 1 < whole.size(); ++i) again += whole[i];
    FAAS_REQUIRE(bytes.starts_with(again));
    FAAS_REQUIRE((whole.back() == "end") == (again.size() == bytes.size()));

    const auto call = streamed(bytes, 0);
    FAAS_REQUIRE(streamed(bytes, 1) == call);
    FAAS_REQUIRE(streamed(bytes, 2U + how) == call);
    FAAS_REQUIRE(call.first.size() <= bytes.size());
}

void lambda_answer(Input input) {
    Reader reader{input};
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 200, 202, 204, 302, 400, 401, 402, 403, 404, 405, 408, 409,
                                            410, 412, 413, 415, 418, 429, 431, 500, 501, 502, 503, 504};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    const auto fields = reader.byte();
    static constexpr std::string_view names[] = {"x-amzn-ErrorType",  "X-Amz-Function-Error", "X-Amz-Executed-Version",
                                                 "x-amz-retry-after", "Retry-After",          "Location"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        if ((fields >> i & 1U) != 0) answer.headers.set(names[i], reader.until('\n'));
    const auto log = reader.until('\n');
    answer.headers.set("X-Amz-Log-Result", detail::base64_encode(detail::bytes_of(log)));
    answer.body = reader.rest();

    const auto meant = detail::LambdaProtocol::judge(answer);
    const bool success = answer.status >= 200 && answer.status < 300;
    FAAS_REQUIRE(meant.has_value() != success);
    if (meant) {
        fit_for_people(*meant);
        FAAS_REQUIRE(meant->execution != Execution::started);
        FAAS_REQUIRE(meant->platform_code.find_first_of(":#") == std::string::npos);
        if (meant->code == errc::not_found) FAAS_REQUIRE(!meant->platform_code.empty());
    }
    const auto done = lambda().read_invocation(answer, 0);
    if (fits(done)) {
        FAAS_REQUIRE(!answer.headers.get("X-Amz-Function-Error"));
        FAAS_REQUIRE(done->result.outcome.has_value());
        FAAS_REQUIRE(done->result.outcome->size() <= answer.body.size());
        FAAS_REQUIRE(done->metrics.log_tail == log);
    } else {
        FAAS_REQUIRE(!done.error().retryable);
        FAAS_REQUIRE(done.error().metrics != nullptr);
        FAAS_REQUIRE(done.error().stack_trace.size() <= 64);
        for (const auto& line : done.error().stack_trace) FAAS_REQUIRE(line.size() <= 512);
    }
    const auto receipt = lambda().read_receipt(answer, 0);
    if (fits(receipt)) FAAS_REQUIRE(receipt->completed == (answer.status != 202));
    FAAS_REQUIRE(fits(detail::LambdaProtocol::read_check(answer)) == (answer.status == 204));
}

}  // namespace blueprint::faas::fuzz
