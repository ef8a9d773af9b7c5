#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_PLAN_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_PLAN_HPP

#include "blueprint/faas/codec/impl/aws_lambda_exchanges.hpp"
#include "blueprint/faas/codec/impl/aws_package_upload.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

inline PlannedCall planned_call(const HttpRequest& request, std::string why) {
    return {.what = std::string{to_string(request.verb)} + ' ' + request.target,
            .why = std::move(why),
            .writes = request.verb != Verb::get && request.verb != Verb::head};
}

/// Tells which requests the tasks of a deployment would make. It changes nothing. All that it refers to outlives it,
/// and it outlives its awaitables.
template <class L>
class LambdaPlan {
public:
    LambdaPlan(LambdaExchanges<L>& exchanges, const LambdaWanted& wanted, const std::optional<AwsStorage>& storage,
               const std::optional<LambdaFunction>& latest, const std::optional<LambdaAlias>& alias)
        : exchanges_{exchanges},
          control_{exchanges.control()},
          wanted_{wanted},
          storage_{storage},
          latest_{latest},
          alias_{alias} {}
    LambdaPlan(const LambdaPlan&) = delete;
    LambdaPlan& operator=(const LambdaPlan&) = delete;

    /// Adds the requests of one task to `calls`.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> add(std::vector<PlannedCall>& calls, LambdaTask task) {
        const auto id = exchanges_.id();
        const auto call = [&](const HttpRequest& request, const std::string& why) {
            calls.push_back(planned_call(request, why));
        };
        const auto look = [&](std::string_view why) { call(control_.get_function(id, {}), std::string{why}); };
        if ((task.step == LambdaStep::create || task.step == LambdaStep::upload) && storage_) {
            AwsPackageUpload<L> upload{exchanges_, *storage_, wanted_};
            auto there = co_await upload.is_there();
            if (!there) co_return std::move(there).error();
            if (!*there)
                for (auto& one : upload.calls())
                    calls.push_back({.what = std::move(one),
                                     .why = "the package is too large for Lambda's requests",
                                     .writes = true});
        }
        switch (task.step) {
            case LambdaStep::create:
                call(control_.create_function(), task.why);
                look("until the function is there");
                break;
            case LambdaStep::configure:
                call(control_.update_configuration(id, wanted_, {}), task.why);
                look("until the change is made");
                break;
            case LambdaStep::upload:
                call(control_.update_code(id), task.why);
                look("until the change is made");
                break;
            case LambdaStep::tag: call(control_.tag(latest_->configuration.arn, wanted_.tags), task.why); break;
            case LambdaStep::reserve:
            case LambdaStep::unreserve: call(control_.reserve(id, wanted_.reserved), task.why); break;
            case LambdaStep::publish:
                call(control_.publish(id, wanted_, {}), task.why);
                call(control_.get_function(id, "VERSION"), "until the version can be called");
                call(alias_ ? control_.update_alias(id, *alias_) : control_.create_alias(id, "VERSION"),
                     "callers reach the version by it");
                break;
            case LambdaStep::route: call(control_.update_alias(id, *alias_), task.why); break;
            case LambdaStep::provision:
                call(control_.provisioned(Verb::put, id, wanted_.provisioned), task.why);
                [[fallthrough]];
            case LambdaStep::await_provisioned:
                call(control_.provisioned(Verb::get, id), "until the instances are there");
                break;
            case LambdaStep::unprovision: call(control_.provisioned(Verb::del, id), task.why); break;
            case LambdaStep::prune: co_return co_await plan_pruning(calls, std::move(task.why));
        }
        co_return result<void>{};
    }

private:
    // The version that will be published is newer than all that are there.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_pruning(std::vector<PlannedCall>& calls, std::string why) {
        calls.push_back(planned_call(control_.list_versions(exchanges_.id(), {}), why));
        auto versions = co_await exchanges_.versions();
        if (!versions) co_return std::move(versions).error();
        LambdaAlias newest;
        newest.version = "18446744073709551615";
        for (const auto& version : LambdaControl::prunable(*versions, newest, wanted_.keep_versions))
            calls.push_back(planned_call(control_.delete_function(exchanges_.id(), version), why));
        co_return result<void>{};
    }

    LambdaExchanges<L>& exchanges_;
    const LambdaControl& control_;
    const LambdaWanted& wanted_;
    const std::optional<AwsStorage>& storage_;
    const std::optional<LambdaFunction>& latest_;
    const std::optional<LambdaAlias>& alias_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
