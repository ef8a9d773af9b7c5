#ifndef BLUEPRINT_FAAS_CODEC_IMPL_WARM_CALLS_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_WARM_CALLS_HPP

#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/run_all.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Says what an answer means as a failure.
using JudgeAnswer = std::optional<Error> (*)(const HttpResponse&);

/// Says how many calls at once keep `wanted` instances busy, and begins the report of them. An instance that takes
/// several calls at a time is kept busy by as many.
inline std::uint32_t warming_calls(std::uint32_t wanted, std::uint32_t instance_concurrency, WarmReport& report) {
    static constexpr std::uint64_t most_at_once = 100;
    report.requested = wanted;
    const auto needed = std::uint64_t{wanted} * instance_concurrency;
    if (needed > most_at_once)
        report.reason = "at most 100 warming calls are made at once; FaasConfig::keep_warm keeps more";
    return static_cast<std::uint32_t>(std::min(needed, most_at_once));
}

/// One warming call, which owns all that it uses.
template <class L>
struct WarmCall {
    WarmCall(L fork, HttpRequest call, std::string whom)
        : link{std::move(fork)}, request{std::move(call)}, audience{std::move(whom)} {}
    L link;
    HttpRequest request;
    std::string audience;
    result<HttpResponse> answer{Error{.code = errc::cancelled, .message = "the call was not made"}};
};

template <class L>
BLUEPRINT_FAAS_COLD asio::awaitable<void> make_warm_call(std::shared_ptr<WarmCall<L>> call, JudgeAnswer judge) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const purpose::Invocation invocation{call->audience};
    auto answer = co_await call->link.exchange(call->request, invocation, Repeat::safe, judge);
    call->answer = std::move(answer);
}

/// Makes `number` marked calls at once, each of which keeps an instance busy for a moment, and completes `report` with
/// the instances that answered. `read` has of each answer an `instance`, or `why_not` where the function does not know
/// the mark. Calls that failed are told in the report, if not all did. `link` outlives the awaitable.
template <class L, class Warmed>
BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm_at_once(L& link, HttpRequest request, std::string audience,
                                                                     std::uint32_t number, JudgeAnswer judge,
                                                                     Warmed (*read)(const HttpResponse&),
                                                                     WarmReport report) {
    std::vector<std::shared_ptr<WarmCall<L>>> calls;
    std::vector<asio::awaitable<void>> running;
    for (std::uint32_t i = 0; i < number; ++i) {
        calls.push_back(std::make_shared<WarmCall<L>>(link.fork(), request, audience));
        running.push_back(make_warm_call(calls.back(), judge));
    }
    if (!running.empty()) co_await run_all(std::move(running));
    std::set<std::string> instances;
    std::optional<Error> failed;
    std::size_t failures = 0;
    for (auto& call : calls) {
        link.join(call->link);
        if (!call->answer) {
            ++failures;
            if (!failed) failed = std::move(call->answer).error();
            continue;
        }
        auto warmed = read(*call->answer);
        if (warmed.instance.empty()) {
            report.supported = false;
            report.reason = std::move(warmed.why_not);
        } else {
            instances.insert(std::move(warmed.instance));
        }
    }
    if (failed && (failures == calls.size() || failed->code == errc::cancelled)) co_return std::move(*failed);
    if (!report.supported) co_return report;
    report.instances = static_cast<std::uint32_t>(instances.size());
    if (failed)
        report.reason =
            std::to_string(failures) + " of " + std::to_string(calls.size()) + " calls failed: " + failed->message;
    co_return report;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
