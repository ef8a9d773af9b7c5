#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_EXCHANGES_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_EXCHANGES_HPP

#include "blueprint/faas/codec/aws_lambda_control.hpp"
#include "blueprint/faas/codec/link.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// How long to wait before the next look: doubles each time.
class LambdaPause {
public:
    explicit LambdaPause(const LambdaOptions& options) : next_{options.first_poll}, most_{options.max_poll} {}
    std::chrono::milliseconds next() {
        const auto pause = next_;
        next_ = std::min(std::max(next_ * 2, std::chrono::milliseconds{1}), std::max(most_, pause));
        return pause;
    }

private:
    std::chrono::milliseconds next_;
    std::chrono::milliseconds most_;
};

/// The looks and waits that the operations on one function share, over a link `L`. All that it refers to outlives it,
/// and it outlives its awaitables.
template <class L>
class LambdaExchanges {
    using Step = DeployProgress::Step;

public:
    LambdaExchanges(const LambdaControl& control, L& link, JobId id, const DeployObserver& observer) noexcept
        : control_{control}, link_{link}, id_{id}, observer_{observer} {}
    LambdaExchanges(const LambdaExchanges&) = delete;
    LambdaExchanges& operator=(const LambdaExchanges&) = delete;

    static constexpr std::string_view latest{};  ///< no qualifier: what the next deployment starts from

    const LambdaControl& control() const noexcept { return control_; }
    const LambdaOptions& options() const noexcept { return control_.options(); }
    L& link() const noexcept { return link_; }
    JobId id() const noexcept { return id_; }
    std::string name() const { return control_.protocol().function_name(id_); }

    void tell(Step step, std::string detail) const {
        if (observer_) observer_(DeployProgress{step, std::move(detail), 0, 0});
    }
    /// Has the observer told how far the package has gone, although it travels as a part of something larger.
    void watch_upload(HttpRequest& request, std::string detail, std::uint64_t done, std::uint64_t part,
                      std::uint64_t package) const {
        if (!observer_) return;
        request.upload_progress = [&observer = observer_, detail = std::move(detail), done, part, package](
                                      std::uint64_t sent, std::uint64_t total) {
            const auto share = total == 0 ? 1.0 : static_cast<double>(sent) / static_cast<double>(total);
            observer(DeployProgress{Step::uploading, detail,
                                    done + static_cast<std::uint64_t>(share * static_cast<double>(part)), package});
        };
    }

    /// Sends a request that may be sent twice.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(HttpRequest& request) {
        const purpose::ControlPlane management;
        return link_.exchange(request, management, Repeat::safe, &LambdaProtocol::judge);
    }
    /// Sends a change, and again as long as Lambda is still at the change before (pitfall 7).
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> change(HttpRequest& request) {
        LambdaPause pause{options()};
        for (;;) {
            auto answer = co_await ask(request);
            if (answer || lambda_refusal(answer.error()) != LambdaRefusal::busy) co_return answer;
            tell(Step::waiting, answer.error().message);
            auto waited = co_await wait(pause, answer.error().message);
            if (!waited) co_return std::move(waited).error();
        }
    }
    /// Waits; an error tells what for. Whoever waits keeps the text.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> wait(LambdaPause& pause, std::string_view what_for) {
        const auto length = pause.next();
        auto waited = co_await link_.wait(length);
        if (!waited) {
            Error error = std::move(waited).error();
            add_reason(error, name() + ": " + std::string{what_for});
            co_return error;
        }
        co_return waited;
    }

    /// Reads the function, or the version or alias `qualifier` of it; nothing if there is none. Only Lambda's own word
    /// for that counts (C11): every other failure is an error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<LambdaFunction>>> look(std::string_view qualifier) {
        auto request = control_.get_function(id_, qualifier);
        auto answer = co_await ask(request);
        if (!answer && answer.error().code == errc::not_found) co_return std::optional<LambdaFunction>{};
        if (!answer) co_return std::move(answer).error();
        auto function = LambdaControl::read_function(*answer);
        if (!function) co_return std::move(function).error();
        co_return std::optional<LambdaFunction>{std::move(*function)};
    }
    /// Looks until Lambda has finished what it is at.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<LambdaFunction>>> settled(std::string_view qualifier) {
        LambdaPause pause{options()};
        for (;;) {
            auto function = co_await look(qualifier);
            if (!function || !*function || (*function)->configuration.phase() != LambdaPhase::changing)
                co_return function;
            const auto what_for = (*function)->configuration.status();
            tell(Step::waiting, what_for);
            auto waited = co_await wait(pause, what_for);
            if (!waited) co_return std::move(waited).error();
        }
    }
    /// Looks until Lambda has finished what it is at, where the function has to be there: one that is gone was removed
    /// by somebody else. One that was just made may not be seen everywhere yet.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<LambdaFunction>> settled_function(bool just_made) {
        static constexpr int most_looks = 10;
        LambdaPause pause{options()};
        for (int looks = 0;; ++looks) {
            auto seen = co_await settled(latest);
            if (!seen) co_return std::move(seen).error();
            if (*seen) co_return std::move(**seen);
            Error cause;
            if (!just_made || looks == most_looks) co_return conflict(std::move(cause), "it was removed meanwhile");
            auto waited = co_await wait(pause, "the new function is not to be seen yet");
            if (!waited) co_return std::move(waited).error();
        }
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<LambdaAlias>>> alias() {
        auto request = control_.get_alias(id_);
        auto answer = co_await ask(request);
        if (!answer && answer.error().code == errc::not_found) co_return std::optional<LambdaAlias>{};
        if (!answer) co_return std::move(answer).error();
        auto alias = LambdaControl::read_alias(*answer);
        if (!alias) co_return std::move(alias).error();
        co_return std::optional<LambdaAlias>{std::move(*alias)};
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<LambdaProvisioned>>> provisioned() {
        auto request = control_.provisioned(Verb::get, id_);
        auto answer = co_await ask(request);
        if (!answer && answer.error().code == errc::not_found) co_return std::optional<LambdaProvisioned>{};
        if (!answer) co_return std::move(answer).error();
        auto provisioned = LambdaControl::read_provisioned(*answer);
        if (!provisioned) co_return std::move(provisioned).error();
        co_return std::optional<LambdaProvisioned>{std::move(*provisioned)};
    }
    /// Waits until the instances that are to be kept warm are.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> await_provisioned() {
        LambdaPause pause{options()};
        for (;;) {
            auto now = co_await provisioned();
            if (!now) co_return std::move(now).error();
            Error gone;
            if (!*now) co_return conflict(std::move(gone), "its provisioned concurrency was removed meanwhile");
            if ((*now)->status == "READY") co_return result<void>{};
            if ((*now)->status == "FAILED")
                co_return Error{.code = errc::invocation_failed,
                                .message = name() + ": no instances are kept warm: " + (*now)->reason,
                                .execution = Execution::not_started};
            tell(Step::waiting, "instances are being made to be kept warm");
            auto waited = co_await wait(pause, "instances are being made to be kept warm");
            if (!waited) co_return waited;
        }
    }
    /// Lists all versions, "$LATEST" too; `errc::not_found` if there is no function.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<LambdaConfiguration>>> versions() {
        std::vector<LambdaConfiguration> all;
        std::string marker;
        do {
            auto request = control_.list_versions(id_, marker);
            auto answer = co_await ask(request);
            if (!answer) co_return std::move(answer).error();
            auto page = LambdaControl::read_page(*answer);
            if (!page) co_return std::move(page).error();
            for (auto& entry : page->entries) all.push_back(std::move(entry));
            if (page->next == marker) break;  // a platform that does not turn the page would be asked for ever
            marker = std::move(page->next);
        } while (!marker.empty());
        co_return all;
    }

    /// Has the alias send calls where `target` says, if it still is as `before` (nothing: it is not there). A change
    /// that somebody else made meanwhile is `errc::conflict`, and stays.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> move_alias(std::optional<LambdaAlias> before,
                                                                 LambdaAlias target) {
        for (int round = 0;; ++round) {
            auto request = before ? control_.update_alias(id_, revised(target, before->revision_id))
                                  : control_.create_alias(id_, target.version);
            auto answer = co_await change(request);
            if (answer) co_return result<void>{};
            Error error = std::move(answer).error();
            const auto refusal = lambda_refusal(error);
            const bool gone = before && error.code == errc::not_found;
            if (refusal != LambdaRefusal::outdated && refusal != LambdaRefusal::exists && !gone) co_return error;
            // A repeated request meets what its first attempt left.
            auto now = co_await alias();
            if (!now) co_return std::move(now).error();
            if (*now && (*now)->same_route(target)) co_return result<void>{};
            const bool as_before = now->has_value() == before.has_value() && (!before || before->same_route(**now));
            if (!as_before || round == 3)
                co_return conflict(std::move(error), "the alias " + options().alias + " was changed meanwhile" +
                                                         (*now ? ", it names version " + (*now)->version : ""));
            before = std::move(*now);
        }
    }

    /// Makes the error of somebody else's change.
    Error conflict(Error cause, const std::string& what) const {
        cause.code = errc::conflict;
        cause.message = name() + ": " + what + "; somebody else is deploying it, and that one goes ahead" +
                        (cause.message.empty() ? "" : " (" + cause.message + ')');
        cause.retryable = false;
        cause.execution = Execution::not_started;
        return cause;
    }

private:
    static LambdaAlias revised(LambdaAlias alias, const std::string& revision_id) {
        alias.revision_id = revision_id;
        return alias;
    }

    const LambdaControl& control_;
    L& link_;
    JobId id_;
    const DeployObserver& observer_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
