#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_OPERATIONS_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_OPERATIONS_HPP

#include "blueprint/faas/codec/impl/aws_lambda_exchanges.hpp"
#include "blueprint/faas/codec/impl/warm_calls.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// The operations on a function that is there: reading, removing, checking, warming, and moving traffic between its
/// versions. All that it refers to outlives it, and it outlives its awaitables.
template <class L>
class LambdaOperations {
public:
    explicit LambdaOperations(LambdaExchanges<L>& exchanges) : exchanges_{exchanges}, control_{exchanges.control()} {}
    LambdaOperations(const LambdaOperations&) = delete;
    LambdaOperations& operator=(const LambdaOperations&) = delete;

    /// Reads what callers reach.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get() {
        auto request = control_.get_function(exchanges_.id(), exchanges_.options().alias);
        auto answer = co_await exchanges_.ask(request);
        if (!answer) co_return std::move(answer).error();
        auto function = LambdaControl::read_function(*answer);
        if (!function) co_return std::move(function).error();
        co_return control_.deployment(exchanges_.id(), function->configuration);
    }

    /// Removes the function with its versions and aliases; that it is absent is no error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove() {
        auto request = control_.delete_function(exchanges_.id(), {});
        auto answer = co_await exchanges_.change(request);
        if (!answer && answer.error().code != errc::not_found) co_return std::move(answer).error();
        co_return result<void>{};
    }

    /// Tells whether a call would run now (A7, C12): the state of what callers reach, then a call that is only checked.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health() {
        const auto& alias = exchanges_.options().alias;
        auto function = co_await exchanges_.look(alias);
        if (!function) co_return std::move(function).error();
        if (!*function) co_return co_await why_absent();
        auto health = LambdaControl::health(**function);
        if (health.state != HealthState::healthy) co_return health;
        auto request = control_.dry_run(exchanges_.id());
        const purpose::Invocation invocation{control_.protocol().where()};
        auto answer = co_await exchanges_.link().exchange(request, invocation, Repeat::safe, &LambdaProtocol::judge);
        auto checked = answer ? LambdaProtocol::read_check(*answer) : result<void>{std::move(answer).error()};
        if (checked) {
            health.reason += ", and calls are allowed";
            co_return health;
        }
        Error error = std::move(checked).error();
        health.reason = error.message;
        if (error.code == errc::not_found) {
            health.state = HealthState::absent;
        } else if (error.code == errc::conflict) {
            health.state = HealthState::deploying;
        } else if (error.platform_code == "AccessDeniedException") {
            health.state = HealthState::unhealthy;
        } else {
            co_return error;
        }
        co_return health;
    }

    /// Makes `wanted` marked calls at once, each of which keeps an instance busy for a moment, and counts the instances
    /// that answered.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(std::uint32_t wanted) {
        static constexpr std::uint32_t most_at_once = 100;
        WarmReport report;
        report.requested = wanted;
        const auto number = std::min(wanted, most_at_once);
        if (number != wanted)
            report.reason = "at most 100 instances are warmed at once; FaasConfig::keep_warm keeps more";
        auto request = control_.warm(exchanges_.id());
        auto warming = warm_at_once(exchanges_.link(), std::move(request), control_.protocol().where(), number,
                                    &LambdaProtocol::judge, &LambdaControl::read_warmed, std::move(report));
        co_return co_await std::move(warming);
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<Revision>>> revisions() {
        auto versions = co_await exchanges_.versions();
        if (!versions) co_return std::move(versions).error();
        std::optional<LambdaAlias> alias;
        if (!exchanges_.options().alias.empty()) {
            auto found = co_await exchanges_.alias();
            if (!found) co_return std::move(found).error();
            alias = *found ? std::move(**found) : LambdaAlias{};  // no alias: no version gets calls
        }
        co_return LambdaControl::revisions(*versions, alias);
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> shift(std::string revision, double share) {
        auto now = co_await needed_alias();
        if (!now) co_return std::move(now).error();
        auto target = LambdaControl::shifted(*now, revision, share);
        if (!target) co_return std::move(target).error();
        if (target->same_route(*now)) co_return result<void>{};
        auto fit = co_await callable(revision);
        if (!fit) co_return fit;
        if (!target->other.empty()) {
            auto provisioned = co_await exchanges_.provisioned();
            if (!provisioned) co_return std::move(provisioned).error();
            if (*provisioned)
                co_return refused(
                    "the alias keeps instances warm (keep_warm), and Lambda splits no calls of such an "
                    "alias; deploy with keep_warm 0 first, or give the revision all calls (share 1)");
        }
        std::optional<LambdaAlias> before{std::move(*now)};
        auto moved = co_await exchanges_.move_alias(std::move(before), std::move(*target));
        co_return moved;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<Revision>> roll_back() {
        auto now = co_await needed_alias();
        if (!now) co_return std::move(now).error();
        auto versions = co_await exchanges_.versions();
        if (!versions) co_return std::move(versions).error();
        for (const auto& version : LambdaControl::older(*versions, *now)) {
            auto fit = co_await callable(version);
            if (!fit && fit.error().code == errc::not_found) continue;          // removed meanwhile
            if (!fit && fit.error().code == errc::invocation_failed) continue;  // it never was fit to be called
            if (!fit) co_return std::move(fit).error();
            LambdaAlias target;
            target.version = version;
            std::optional<LambdaAlias> before{*now};
            auto moved = co_await exchanges_.move_alias(std::move(before), target);
            if (!moved) co_return std::move(moved).error();
            for (auto& revision : LambdaControl::revisions(*versions, target))
                if (revision.id == version) co_return std::move(revision);
        }
        co_return Error{.code = errc::not_found,
                        .message = exchanges_.name() + " has no version before " + now->version +
                                   " that could be called; LambdaOptions::keep_versions says how many are kept",
                        .execution = Execution::not_started};
    }

private:
    static Error refused(std::string why) {
        return Error{
            .code = errc::invalid_configuration, .message = std::move(why), .execution = Execution::not_started};
    }
    // There is nothing that callers reach: no function, or no alias of it.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> why_absent() {
        Health health;
        health.state = HealthState::absent;
        health.reason = "there is no function " + exchanges_.name();
        if (exchanges_.options().alias.empty()) co_return health;
        auto function = co_await exchanges_.look(exchanges_.latest);
        if (!function) co_return std::move(function).error();
        if (*function) {
            health.state = HealthState::unhealthy;
            health.reason = exchanges_.name() + " has no alias " + exchanges_.options().alias +
                            ", by which it is called: deploy the job, or set LambdaOptions::alias to one that it has";
        }
        co_return health;
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<LambdaAlias>> needed_alias() {
        const auto& name = exchanges_.options().alias;
        if (name.empty())
            co_return refused(
                "calls go to $LATEST, which is one state alone; set LambdaOptions::alias to have several");
        auto now = co_await exchanges_.alias();
        if (!now) co_return std::move(now).error();
        if (!*now)
            co_return Error{.code = errc::not_found,
                            .message = exchanges_.name() + " or its alias " + name + " is not there; deploy the job",
                            .execution = Execution::not_started};
        co_return std::move(**now);
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> callable(std::string version) {
        auto function = co_await exchanges_.settled(version);
        if (!function) co_return std::move(function).error();
        if (!*function)
            co_return Error{
                .code = errc::not_found,
                .message = exchanges_.name() + " has no version " + version + "; list_revisions tells which there are",
                .execution = Execution::not_started};
        const auto& configuration = (*function)->configuration;
        if (configuration.phase() == LambdaPhase::failed)
            co_return Error{.code = errc::invocation_failed,
                            .message = "version " + version + " cannot be called: " + configuration.status(),
                            .execution = Execution::not_started};
        co_return result<void>{};
    }

    LambdaExchanges<L>& exchanges_;
    const LambdaControl& control_;
};

/// Lists the functions that are jobs, as far as Lambda's list tells of them: it has no states and no aliases.
template <class L>
BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list_lambda_deployments(
    const LambdaControl& control, L& link) {
    std::vector<FaasDeployment> jobs;
    std::string marker;
    do {
        auto request = control.list_functions(marker);
        const purpose::ControlPlane management;
        auto answer = co_await link.exchange(request, management, Repeat::safe, &LambdaProtocol::judge);
        if (!answer) co_return std::move(answer).error();
        auto page = LambdaControl::read_page(*answer);
        if (!page) co_return std::move(page).error();
        for (const auto& entry : page->entries) {
            const auto name = entry.arn.substr(entry.arn.rfind(':') + 1);
            if (const auto id = control.protocol().job_of(name)) jobs.push_back(control.deployment(*id, entry));
        }
        if (page->next == marker) break;
        marker = std::move(page->next);
    } while (!marker.empty());
    co_return jobs;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
