// What OpenWhisk answers to a call: records of activations, ids of those that go on, logs, and what is none of these.
#include "blueprint/faas/codec/openwhisk_calls.hpp"

#include "fit.hpp"
#include "targets.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>

namespace blueprint::faas::fuzz {

namespace {

bool is_within(std::string_view part, std::string_view whole) {
    const std::less_equal<> not_after;
    return part.empty() ||
           (not_after(whole.data(), part.data()) && not_after(part.data() + part.size(), whole.data() + whole.size()));
}

void openwhisk_record(std::string_view text) {
    const auto record = detail::read_openwhisk_activation(text);
    const auto plain = detail::read_openwhisk_activation(text, false);
    FAAS_REQUIRE(record.has_value() == plain.has_value());
    const auto id = detail::read_openwhisk_activation_id(text);
    FAAS_REQUIRE(is_within(id, text));
    if (!record) return;
    FAAS_REQUIRE(id == record->id && !id.empty());
    FAAS_REQUIRE(record->status == plain->status && record->result == plain->result);
    FAAS_REQUIRE(!plain->init_time && !plain->wait_time && !plain->timed_out);
    for (const auto part : {record->name, record->version, record->result, record->logs, record->annotations})
        FAAS_REQUIRE(is_within(part, text));
    for (const std::size_t most : {std::size_t{1}, std::size_t{16}, std::size_t{4096}}) {
        const auto tail = detail::openwhisk_log_tail(record->logs, most);
        FAAS_REQUIRE(tail.size() <= most);
    }
}

}  // namespace

void openwhisk_activation(Input input) {
    using detail::OpenWhiskCalls;
    static const OpenWhiskCalls calls{OpenWhiskActionOptions{.log_tail = true}};
    Reader reader{input};
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 200, 200, 502, 502, 500, 202, 302, 400, 401,
                                            403, 404, 408, 409, 413, 418, 429, 503, 504};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    const auto fields = reader.byte();
    static constexpr std::string_view names[] = {"Retry-After", "Location", "X-OpenWhisk-Activation-Id"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        if ((fields >> i & 1U) != 0) answer.headers.set(names[i], reader.until('\n'));
    answer.body = reader.rest();
    openwhisk_record(answer.body);
    const auto id = OpenWhiskCalls::activation_id(answer);
    // It becomes a part of paths.
    FAAS_REQUIRE(id.size() <= 64 && id.find_first_of("/?#.%\r\n ") == std::string::npos);
    for (const auto& meant : {OpenWhiskCalls::judge(answer), OpenWhiskCalls::judge_look(answer)}) {
        if (!meant) continue;
        fit_for_people(*meant);
        FAAS_REQUIRE(meant->http_status == answer.status);
        // A job that ran is never called again by itself, and a refused credential is looked up anew by the codec.
        if (meant->execution == Execution::started) FAAS_REQUIRE(!meant->retryable);
        if (meant->code == errc::authentication) FAAS_REQUIRE(!meant->retryable);
        fit_for_people(calls.not_ended(JobId{7U}, id, *meant));
    }
    if (answer.status == 200 || answer.status == 202) FAAS_REQUIRE(!OpenWhiskCalls::judge(answer));
    const auto done = calls.read_invocation(answer, JobId{7U}, true);
    const auto plain = calls.read_invocation(answer, JobId{7U}, false);
    FAAS_REQUIRE(done.has_value() == plain.has_value());
    if (fits(done)) {
        FAAS_REQUIRE(done->result.outcome.has_value());
        FAAS_REQUIRE(done->result.outcome->size() <= answer.body.size());
        FAAS_REQUIRE(*plain->result.outcome == *done->result.outcome);
    } else if (done.error().execution == Execution::started) {
        FAAS_REQUIRE(!done.error().retryable);
    }
    const auto receipt = calls.read_receipt(answer, JobId{7U});
    if (fits(receipt)) FAAS_REQUIRE(receipt->invocation_id == id && !id.empty());
    if (calls.lacks_log(answer)) FAAS_REQUIRE(OpenWhiskCalls::read_log(answer).empty());
    FAAS_REQUIRE(OpenWhiskCalls::read_log(answer).size() <= 4096);
    const auto warmed = OpenWhiskCalls::read_warmed(answer);
    FAAS_REQUIRE(warmed.instance.empty() != warmed.why_not.empty());
    FAAS_REQUIRE(!OpenWhiskCalls::read_health(answer).reason.empty());
}

}  // namespace blueprint::faas::fuzz
