#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_DEPLOYMENT_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_DEPLOYMENT_HPP

#include "blueprint/faas/codec/impl/openwhisk_operations.hpp"
#include "blueprint/faas/codec/openwhisk_action.hpp"
#include "blueprint/faas/codec/openwhisk_runtimes.hpp"
#include "blueprint/faas/config.hpp"
#include "blueprint/faas/detail/wiped_body.hpp"
#include "blueprint/faas/package/openwhisk_action.hpp"
#include "blueprint/faas/package/package.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

inline PlannedCall planned_openwhisk_call(const HttpRequest& request, std::string why, bool writes) {
    return {.what = std::string{to_string(request.verb)} + ' ' + to_string(request.origin) + request.target,
            .why = std::move(why),
            .writes = writes};
}

/// Puts one job's action in place: looks, writes the whole of it if anything differs, reads back what became of it, and
/// sees that its program answers. `Place` says what the platform takes, `Exchanges` is an OpenWhiskExchanges. All that
/// it refers to outlives it, and it outlives its awaitables.
template <class Exchanges, class Place>
class OpenWhiskDeployment {
    using Step = DeployProgress::Step;
    using Fields = std::vector<std::string>;

public:
    OpenWhiskDeployment(Exchanges& exchanges, const Place& place, JobId id, const Package& package,
                        const FaasConfig& config)
        : exchanges_{exchanges}, place_{place}, id_{id}, package_{package}, config_{config} {}
    OpenWhiskDeployment(const OpenWhiskDeployment&) = delete;
    OpenWhiskDeployment& operator=(const OpenWhiskDeployment&) = delete;

    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy() {
        auto fit = co_await check();
        if (!fit) co_return named(std::move(fit).error());
        exchanges_.tell(Step::checking, name());
        auto written = co_await put();
        if (!written) co_return named(std::move(written).error());
        auto answers = co_await wait_for_program();
        if (!answers) co_return named(std::move(answers).error());
        auto deployment = OpenWhiskActions::deployment(exchanges_.api(), exchanges_.used(), id_, *there_);
        deployment.unchanged = !*written;
        deployment.package_sha256 = wanted_.package_sha256;
        deployment.binary_size_bytes = wanted_.binary_size_bytes;
        exchanges_.tell(Step::done, deployment.function_id);
        co_return deployment;
    }

    /// Decides as `deploy` does, and changes nothing. `makes_namespace`: one that is not there would be made; where it
    /// will be stands as a word then: "NAMESPACE".
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan(bool makes_namespace) {
        auto fit = co_await check();
        if (!fit) co_return named(std::move(fit).error());
        DeployPlan plan;
        auto reached = co_await exchanges_.reach();
        if (!reached && reached.error().code == errc::not_found && makes_namespace) {
            plan_namespace(plan);
            co_return plan;
        }
        if (!reached) co_return named(std::move(reached).error());
        auto found = co_await look();
        if (!found) co_return named(std::move(found).error());
        const auto& api = exchanges_.api();
        const auto access = exchanges_.used();
        const auto add = [&plan](const HttpRequest& request, std::string why, bool writes) {
            plan.calls.push_back(planned_openwhisk_call(request, std::move(why), writes));
        };
        add(api.get_action(access, id_), "is the action there, and what is it like", false);
        auto fields = differing();
        if (!fields.empty()) {
            add(api.get_offer(access, Place::offer_at_api_root), "which runtimes there are", false);
            auto chosen = co_await choose_kind();
            if (!chosen) co_return named(std::move(chosen).error());
            fields = differing();
        }
        if (!fields.empty()) {
            auto planned = co_await plan_package(plan);
            if (!planned) co_return named(std::move(planned).error());
            add(api.put_action(access, id_, Body{}),
                there_ ? "these differ: " + listed(fields) : std::string{"there is no such action"}, true);
        }
        plan.calls.push_back({.what = "POST " + to_string(access.api.origin) + api.action_target(access, id_),
                              .why = "until its program answers",
                              .writes = false});
        plan.unchanged = fields.empty();
        co_return plan;
    }

private:
    static constexpr int most_rounds = 8;

    std::string name() const { return exchanges_.api().action(id_); }
    Error named(Error error) const { return named_action(name(), std::move(error)); }
    const OpenWhiskActionOptions& options() const { return exchanges_.options(); }
    static std::string listed(const Fields& fields) {
        std::string text;
        for (const auto& field : fields) text.append(text.empty() ? "" : ", ").append(field);
        return text;
    }
    Fields differing() const { return OpenWhiskActions::difference(wanted_, there_ ? &*there_ : nullptr); }
    static bool has(const Fields& fields, std::string_view field) {
        return std::find(fields.begin(), fields.end(), field) != fields.end();
    }

    result<void> want(std::string kind, const OpenWhiskBounds& bounds) {
        const auto digest = openwhisk_shim_digest(options().way, options().exec_env);
        auto wanted =
            OpenWhiskActions::wanted(exchanges_.api(), id_, package_, config_, std::move(kind), bounds, digest);
        if (!wanted) return std::move(wanted).error();
        wanted_ = std::move(*wanted);
        return result<void>{};
    }
    // Checks what is wanted before anything is sent (D4). Whoever runs a host sets its limits, and it tells them: what
    // is beyond the usual ones there is asked for.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> check() {
        const auto bounds = place_.bounds();
        auto fit = want(options().kind, bounds);
        const std::chrono::milliseconds timeout{config_.timeout};
        const bool beyond = config_.memory_mib < bounds.min_memory_mib || config_.memory_mib > bounds.max_memory_mib ||
                            timeout < bounds.min_timeout || timeout > bounds.max_timeout;
        if (fit || !beyond || Place::offer_at_api_root) co_return fit;
        auto offer = co_await exchanges_.offer(false);
        if (!offer) co_return fit;
        offer_ = std::move(*offer);
        co_return want(options().kind, with_offer(bounds, *offer_));
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> look() {
        auto found = co_await exchanges_.find(id_);
        if (!found) co_return std::move(found).error();
        there_ = std::move(*found);
        co_return result<void>{};
    }
    // Chooses the runtime among those that there are (pitfall 10). A host that does not tell them is left to refuse
    // the one that the options name.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> choose_kind() {
        if (chosen_) co_return result<void>{};
        if (!offer_) {
            auto offer = co_await exchanges_.offer(Place::offer_at_api_root);
            const bool untold = !offer && offer.error().http_status != 0 && !offer.error().retryable;
            if (!offer && (!untold || options().kind.empty())) {
                Error error = std::move(offer).error();
                error.message.insert(0, "what runtimes there are could not be read: ");
                if (untold) add_reason(error, "name one in OpenWhiskActionOptions::kind");
                co_return error;
            }
            offer_ = offer ? std::move(*offer) : OpenWhiskOffer{};
        }
        auto kind = OpenWhiskActions::pick_kind(*offer_, options());
        if (!kind) co_return std::move(kind).error();
        auto fit = want(std::move(*kind), with_offer(place_.bounds(), *offer_));
        if (fit) chosen_ = true;
        co_return fit;
    }

    // Writes the action if anything differs, and tells whether it was written. What is refused because of another
    // change is looked at again: a repeated request may have met its own first attempt.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> put() {
        auto pause = exchanges_.pause();
        bool sent = false;
        for (int round = 1;; ++round) {
            auto looked = co_await look();
            if (!looked) co_return std::move(looked).error();
            if (differing().empty()) co_return sent;
            auto chosen = co_await choose_kind();
            if (!chosen) co_return std::move(chosen).error();
            if (differing().empty()) co_return sent;
            sent = true;
            auto written = co_await write();
            if (written) co_return true;
            Error cause = std::move(written).error();
            if (!OpenWhiskApi::is_concurrent_change(cause) || round == most_rounds) co_return cause;
            exchanges_.tell(Step::waiting, "somebody else is changing the action");
            auto waited = co_await exchanges_.wait(pause.next(), cause.message);
            if (!waited) co_return std::move(waited).error();
        }
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> write() {
        if (code_.empty()) {
            auto code = options().way == OpenWhiskWay::node ? openwhisk_node_code(package_)
                                                            : openwhisk_action_loop_code(package_, options().exec_env);
            if (!code) co_return std::move(code).error();
            code_ = std::move(*code);
        }
        if (!there_) {
            auto ready = co_await have_package();
            if (!ready) co_return ready;
        }
        const auto body = OpenWhiskActions::put_action_body(wanted_, code_, there_ ? &*there_ : nullptr);
        const auto json = body.body();
        const auto detail = std::to_string(json.size()) + " bytes to " + name();
        exchanges_.tell(Step::uploading, detail, json.size());
        const auto make = [this, &json, &detail](const OpenWhiskAccess& access) {
            auto request = exchanges_.api().put_action(access, id_, json);
            exchanges_.watch_upload(request, detail);
            return request;
        };
        auto answer = co_await exchanges_.ask(make);
        if (!answer) co_return std::move(answer).error();
        auto read = OpenWhiskActions::read_action(*answer);
        co_return co_await read_back(std::move(read));
    }
    // Looks at what was really made: hosts were seen to take another runtime than the one that was asked for, without a
    // word (pitfall 10). An answer that does not tell everything is completed by a look.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> read_back(result<OpenWhiskAction> told) {
        there_.reset();
        if (told) there_ = std::move(*told);
        if (!there_ || !differing().empty()) {
            auto looked = co_await look();
            if (!looked) co_return looked;
        }
        const auto fields = differing();
        if (fields.empty()) co_return result<void>{};
        if (!there_ || has(fields, "package") || has(fields, "shim"))
            co_return Error{.code = errc::conflict,
                            .message = std::string{there_ ? "it was changed" : "it was removed"} +
                                       " meanwhile; somebody else is at it, and that one goes ahead",
                            .execution = Execution::not_started};
        if (there_->kind != wanted_.kind)
            co_return Error{.code = errc::invalid_configuration,
                            .message = "the runtime " + wanted_.kind + " was asked for, and the host made it " +
                                       (there_->kind.empty() ? "one that it does not tell" : there_->kind) +
                                       "; name one that it has in OpenWhiskActionOptions::kind",
                            .platform_code = "KIND_IGNORED",
                            .execution = Execution::not_started};
        exchanges_.tell(Step::waiting, "the host keeps these in its own way: " + listed(fields));
        co_return result<void>{};
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> lacks_package() {
        if (options().package.empty()) co_return false;
        const auto look = [this](const OpenWhiskAccess& access) { return exchanges_.api().get_package(access); };
        auto answer = co_await exchanges_.ask(look);
        if (answer) co_return false;
        if (!Exchanges::is_absent(answer.error())) co_return std::move(answer).error();
        co_return true;
    }
    // A package has to be there before what is in it.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> have_package() {
        auto lacking = co_await lacks_package();
        if (!lacking) co_return std::move(lacking).error();
        if (!*lacking) co_return result<void>{};
        exchanges_.tell(Step::waiting, "the package " + options().package + " is made");
        const auto make = [this](const OpenWhiskAccess& access) { return exchanges_.api().put_package(access); };
        auto answer = co_await exchanges_.ask(make);
        if (answer) co_return result<void>{};
        Error error = std::move(answer).error();
        error.message.insert(0, "the package " + options().package + " could not be made: ");
        co_return error;
    }

    // Asks the program until it answers (C8): a new instance takes a while, and a call that outlives the host's
    // patience is answered without its outcome (pitfall 5). One that cannot be started is told with what it wrote.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> wait_for_program() {
        static constexpr int most_failures = 3;
        auto pause = exchanges_.pause();
        for (int failures = 0;;) {
            auto word = co_await exchanges_.ask_program(id_);
            std::string why;
            if (word) {
                if (word->health.state == HealthState::healthy) co_return result<void>{};
                why = std::move(word->health.reason);
                if (word->health.state == HealthState::unhealthy) {
                    why.insert(0, "it is deployed and does not work: ");
                    why = co_await exchanges_.with_log(std::move(why), word->activation);
                    co_return Error{.code = errc::invocation_failed,
                                    .message = std::move(why),
                                    .request_id = std::move(word->activation),
                                    .execution = Execution::not_started};
                }
            } else {
                Error error = std::move(word).error();
                why = error.message;
                const bool spreading = error.http_status == 404 || error.retryable;
                if (!spreading || error.http_status == 0 || ++failures > most_failures) {
                    if (error.code != errc::cancelled && error.code != errc::timed_out)
                        error.message.insert(0, "it is deployed and does not answer: ");
                    co_return error;
                }
            }
            why.insert(0, "it does not answer yet: ");
            exchanges_.tell(Step::waiting, why);
            auto waited = co_await exchanges_.wait(pause.next(), why);
            if (!waited) co_return waited;
        }
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_package(DeployPlan& plan) {
        if (there_ || options().package.empty()) co_return result<void>{};
        const auto access = exchanges_.used();
        plan.calls.push_back(
            planned_openwhisk_call(exchanges_.api().get_package(access), "is its package there", false));
        auto lacking = co_await lacks_package();
        if (!lacking) co_return std::move(lacking).error();
        if (*lacking)
            plan.calls.push_back(
                planned_openwhisk_call(exchanges_.api().put_package(access), "there is no such package", true));
        co_return result<void>{};
    }
    void plan_namespace(DeployPlan& plan) const {
        const auto add = [&plan](std::string what, std::string why, bool writes) {
            plan.calls.push_back({.what = std::move(what), .why = std::move(why), .writes = writes});
        };
        const auto target = "NAMESPACE/actions/" + name();
        add("POST NAMESPACE", "there is no such namespace", true);
        add("GET " + target, "is the action there, and what is it like", false);
        add("GET HOST", "which runtimes there are", false);
        if (!options().package.empty()) add("PUT NAMESPACE/packages/" + options().package, "it is not there", true);
        add("PUT " + target, "there is no such action", true);
        add("POST " + target, "until its program answers", false);
    }

    Exchanges& exchanges_;
    const Place& place_;
    JobId id_;
    const Package& package_;
    const FaasConfig& config_;

    OpenWhiskWanted wanted_{};
    std::optional<OpenWhiskAction> there_{};
    std::optional<OpenWhiskOffer> offer_{};
    bool chosen_ = false;
    std::string code_{};  // Base64; made once
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
