#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_DEPLOYMENT_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_DEPLOYMENT_HPP

#include "blueprint/faas/codec/impl/aws_lambda_exchanges.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_plan.hpp"
#include "blueprint/faas/codec/impl/aws_package_upload.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Puts one job's function in place: looks, decides by `lambda_tasks`, and carries that out, waiting between changes
/// until Lambda has finished the one before (A3). What callers get is moved last. All that it refers to outlives it,
/// and it outlives its awaitables.
template <class L>
class LambdaDeployment {
    using Step = DeployProgress::Step;
    static constexpr int most_rounds = 3;  // of a change that was based on what is no more there

public:
    LambdaDeployment(LambdaExchanges<L>& exchanges, const Package& package, const FaasConfig& config)
        : exchanges_{exchanges}, control_{exchanges.control()}, package_{package}, config_{config} {}
    LambdaDeployment(const LambdaDeployment&) = delete;
    LambdaDeployment& operator=(const LambdaDeployment&) = delete;

    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy() {
        auto tasks = co_await decide();
        if (!tasks) co_return std::move(tasks).error();
        for (const auto& task : *tasks) {
            auto done = co_await carry_out(task);
            if (done) continue;
            Error error = std::move(done).error();
            if (moved_) add_reason(error, "callers reach version " + live_->version + " of this deployment already");
            co_return error;
        }
        const auto& reached = live_ ? *live_ : latest_->configuration;
        auto deployment = control_.deployment(exchanges_.id(), reached);
        deployment.unchanged = tasks->empty();
        deployment.binary_size_bytes = wanted_.binary_size_bytes;
        exchanges_.tell(Step::done, deployment.function_id);
        co_return deployment;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan() {
        auto tasks = co_await decide();
        if (!tasks) co_return std::move(tasks).error();
        DeployPlan plan;
        plan.unchanged = tasks->empty();
        plan.calls = std::move(looks_);
        LambdaPlan<L> planning{exchanges_, wanted_, storage_, latest_, alias_};
        for (const auto& task : *tasks) {
            auto planned = co_await planning.add(plan.calls, task);
            if (!planned) co_return std::move(planned).error();
        }
        co_return plan;
    }

private:
    // Checks what is wanted, looks at what is there, and tells what has to be done.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<LambdaTask>>> decide() {
        auto wanted = control_.wanted(package_, config_);
        if (!wanted) co_return std::move(wanted).error();
        wanted_ = std::move(*wanted);
        if (wanted_.zip->size() >= exchanges_.options().inline_bytes) {
            auto storage = AwsStorage::make(control_.protocol());
            if (!storage) co_return std::move(storage).error();
            storage_ = std::move(*storage);
        }
        exchanges_.tell(Step::checking, exchanges_.name());
        auto found = co_await find();
        if (!found) co_return std::move(found).error();
        latest_ = found->latest;
        alias_ = found->alias;
        live_ = found->live;
        co_return lambda_tasks(wanted_, *found);
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<LambdaFound>> find() {
        const auto id = exchanges_.id();
        LambdaFound found;
        looked(control_.get_function(id, {}), "is the function there, and what is it like");
        auto latest = co_await exchanges_.settled(exchanges_.latest);
        if (!latest) co_return std::move(latest).error();
        found.latest = std::move(*latest);
        if (!found.latest || wanted_.alias.empty()) co_return found;
        looked(control_.get_alias(id), "which version do callers reach");
        auto alias = co_await exchanges_.alias();
        if (!alias) co_return std::move(alias).error();
        found.alias = std::move(*alias);
        if (!found.alias) co_return found;
        looked(control_.get_function(id, found.alias->version), "what is that version like");
        auto live = co_await exchanges_.settled(found.alias->version);
        if (!live) co_return std::move(live).error();
        if (*live) found.live = std::move((*live)->configuration);
        looked(control_.provisioned(Verb::get, id), "are instances kept warm");
        auto provisioned = co_await exchanges_.provisioned();
        if (!provisioned) co_return std::move(provisioned).error();
        found.provisioned = std::move(*provisioned);
        co_return found;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> carry_out(const LambdaTask& task) {
        const auto id = exchanges_.id();
        HttpRequest request;
        switch (task.step) {
            case LambdaStep::create: return create();
            case LambdaStep::configure:
            case LambdaStep::upload: return change(task);
            case LambdaStep::publish: return publish();
            case LambdaStep::route: return route(live_->version);
            case LambdaStep::await_provisioned: return exchanges_.await_provisioned();
            case LambdaStep::prune: return prune();
            case LambdaStep::tag: request = control_.tag(latest_->configuration.arn, wanted_.tags); break;
            case LambdaStep::reserve:
            case LambdaStep::unreserve: request = control_.reserve(id, wanted_.reserved); break;
            case LambdaStep::provision: request = control_.provisioned(Verb::put, id, wanted_.provisioned); break;
            case LambdaStep::unprovision: request = control_.provisioned(Verb::del, id); break;
        }
        return simple_change(std::move(request), task);
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> simple_change(HttpRequest request, LambdaTask task) {
        exchanges_.tell(Step::waiting, task.why);
        auto answer = co_await exchanges_.change(request);
        const bool removes = request.verb == Verb::del;
        if (!answer && !(removes && answer.error().code == errc::not_found)) co_return std::move(answer).error();
        if (task.step == LambdaStep::provision) co_return co_await exchanges_.await_provisioned();
        co_return result<void>{};
    }

    // Where Lambda takes the package from; it is brought there first if it does not fit into a request.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<LambdaCode>> code() {
        LambdaCode code;
        if (storage_) {
            AwsPackageUpload<L> upload{exchanges_, *storage_, wanted_};
            auto done = co_await upload.run();
            if (!done) co_return std::move(done).error();
            code.bucket = storage_->bucket();
            code.key = upload.key();
        }
        co_return code;
    }
    void watch(HttpRequest& request) const {
        if (storage_) return;
        exchanges_.watch_upload(request, upload_detail(), 0, wanted_.zip->size(), wanted_.zip->size());
    }
    std::string upload_detail() const { return std::to_string(wanted_.zip->size()) + " bytes to Lambda"; }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> create() {
        auto from = co_await code();
        if (!from) co_return std::move(from).error();
        auto body = control_.create_body(exchanges_.id(), wanted_, *from);
        auto request = control_.create_function();
        request.body = body.body();
        watch(request);
        LambdaPause pause{exchanges_.options()};
        Error cause;
        for (bool sent = false; !sent;) {
            exchanges_.tell(Step::uploading, upload_detail());
            auto answer = co_await exchanges_.ask(request);
            sent = answer.has_value();
            if (sent) break;
            cause = std::move(answer).error();
            // The first attempt of a repeated request may have made it; so may somebody else.
            if (lambda_refusal(cause) == LambdaRefusal::exists) break;
            if (lambda_refusal(cause) != LambdaRefusal::role) co_return cause;
            auto waited = co_await be_patient(pause, std::move(cause));
            if (!waited) co_return waited;
        }
        request.body = Body{};
        auto made = co_await exchanges_.settled_function(true);
        if (!made) co_return std::move(made).error();
        const auto& now = made->configuration;
        const bool as_wanted =
            wanted_.settings.same_code(now.settings) && wanted_.settings.difference(now.settings).empty();
        if (!as_wanted) co_return exchanges_.conflict(std::move(cause), "it is not as this deployment made it");
        latest_ = std::move(*made);
        co_return in_order(latest_->configuration);
    }

    // Makes one change of $LATEST. Each names the state that it is based on, so of two deployments at once only one
    // goes on; what is refused is looked at again, because a repeated request may have met its own first attempt.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> change(LambdaTask task) {
        const auto before = latest_->configuration.settings;
        auto after = before;
        LambdaBody body;
        if (task.step == LambdaStep::upload) {
            auto from = co_await code();
            if (!from) co_return std::move(from).error();
            body = control_.code_body(wanted_, *from);
            after.code_sha256 = wanted_.settings.code_sha256;
            after.architecture = wanted_.settings.architecture;
        } else {
            after = wanted_.settings;
            after.code_sha256 = before.code_sha256;
            after.architecture = before.architecture;
        }
        LambdaPause pause{exchanges_.options()};
        for (int outdated = 0;;) {
            const auto based_on = latest_->configuration.revision_id;
            auto request = change_request(task.step, body, based_on);
            exchanges_.tell(task.step == LambdaStep::upload ? Step::uploading : Step::waiting, task.why);
            auto answer = co_await exchanges_.ask(request);
            Error cause;
            if (!answer) {
                cause = std::move(answer).error();
                const auto refusal = lambda_refusal(cause);
                if (refusal == LambdaRefusal::role) {
                    auto waited = co_await be_patient(pause, std::move(cause));
                    if (!waited) co_return waited;
                    continue;
                }
                if (refusal == LambdaRefusal::busy) {
                    auto waited = co_await exchanges_.wait(pause, cause.message);
                    if (!waited) co_return waited;
                } else if (refusal != LambdaRefusal::outdated) {
                    co_return cause;
                } else {
                    ++outdated;
                }
            }
            const std::string_view left_behind = answer ? std::string_view{based_on} : std::string_view{};
            auto seen = co_await settled_change(left_behind, after);
            if (!seen) co_return std::move(seen).error();
            latest_ = std::move(*seen);
            const auto& now = latest_->configuration;
            if (same(after, now.settings)) co_return in_order(now);
            if (answer || outdated > most_rounds || !same(before, now.settings))
                co_return exchanges_.conflict(std::move(cause), "it was changed meanwhile");
        }
    }
    HttpRequest change_request(LambdaStep step, LambdaBody& body, const std::string& revision_id) const {
        if (step != LambdaStep::upload) return control_.update_configuration(exchanges_.id(), wanted_, revision_id);
        auto request = control_.update_code(exchanges_.id());
        LambdaControl::set_revision(body, revision_id);
        request.body = body.body();
        watch(request);
        return request;
    }
    static bool same(const LambdaSettings& a, const LambdaSettings& b) {
        return a.same_code(b) && a.difference(b).empty();
    }
    // Waits for the end of a change. Looks may lag behind it for a moment: the state that the change was based on, and
    // that is not as it should be, is not the one after it.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<LambdaFunction>> settled_change(std::string_view based_on,
                                                                               const LambdaSettings& after) {
        LambdaPause pause{exchanges_.options()};
        for (int looks = 0;; ++looks) {
            auto seen = co_await exchanges_.settled_function(false);
            if (!seen) co_return seen;
            const auto& now = seen->configuration;
            const bool late = !based_on.empty() && now.revision_id == based_on && !same(after, now.settings);
            if (!late || looks == most_rounds) co_return seen;
            auto waited = co_await exchanges_.wait(pause, "a change is not to be seen yet");
            if (!waited) co_return std::move(waited).error();
        }
    }
    // A role that was just made cannot be used for a while, about which nothing can be asked (C8, pitfall 8).
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> be_patient(LambdaPause& pause, Error cause) {
        const auto length = std::max(pause.next(), std::chrono::milliseconds{1});
        waited_for_role_ += length;
        if (waited_for_role_ > exchanges_.options().role_patience) {
            add_reason(cause,
                       "it was tried for LambdaOptions::role_patience; check the role's trust policy "
                       "(lambda.amazonaws.com) and its permissions");
            co_return cause;
        }
        exchanges_.tell(Step::waiting, "the role cannot be used yet: " + cause.message);
        auto waited = co_await exchanges_.link().wait(length);
        if (!waited) {
            Error error = std::move(waited).error();
            add_reason(error, cause.message);
            co_return error;
        }
        co_return waited;
    }
    result<void> in_order(const LambdaConfiguration& configuration) const {
        if (configuration.phase() != LambdaPhase::failed) return {};
        return Error{.code = errc::invocation_failed,
                     .message = exchanges_.name() + " cannot be called: " + configuration.status() +
                                (alias_ ? "; callers still reach version " + alias_->version : ""),
                     .execution = Execution::not_started};
    }

    // Makes a version of $LATEST, waits until it can be called, and only then moves the alias to it.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> publish() {
        const auto before = latest_->configuration.settings;
        LambdaPause pause{exchanges_.options()};
        std::string version;
        for (int outdated = 0; version.empty();) {
            auto request = control_.publish(exchanges_.id(), wanted_, latest_->configuration.revision_id);
            exchanges_.tell(Step::waiting, "a version is published");
            auto answer = co_await exchanges_.ask(request);
            Error cause;
            if (answer) {
                auto published = LambdaControl::read_configuration(*answer);
                if (!published) co_return std::move(published).error();
                version = published->version;
                published->settings.description = wanted_.settings.description;  // a version has its own
                if (version.empty() || !same(wanted_.settings, published->settings))
                    co_return exchanges_.conflict(std::move(cause), "it was changed before a version was made of it");
                break;
            }
            cause = std::move(answer).error();
            const auto refusal = lambda_refusal(cause);
            if (refusal == LambdaRefusal::busy) {
                auto waited = co_await exchanges_.wait(pause, cause.message);
                if (!waited) co_return waited;
            } else if (refusal != LambdaRefusal::outdated) {
                co_return cause;
            } else {
                ++outdated;
            }
            auto seen = co_await exchanges_.settled_function(false);
            if (!seen) co_return std::move(seen).error();
            latest_ = std::move(*seen);
            if (outdated > most_rounds || !same(before, latest_->configuration.settings))
                co_return exchanges_.conflict(std::move(cause), "it was changed before a version was made of it");
        }
        auto ready = co_await exchanges_.settled(version);
        if (!ready) co_return std::move(ready).error();
        Error nothing;
        if (!*ready) co_return exchanges_.conflict(std::move(nothing), "version " + version + " was removed meanwhile");
        auto fit = in_order((*ready)->configuration);
        if (!fit) co_return fit;
        auto routed = co_await route(version);
        if (!routed) co_return routed;
        live_ = std::move((*ready)->configuration);
        moved_ = true;
        co_return routed;
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> route(std::string version) {
        LambdaAlias target;
        target.version = version;
        exchanges_.tell(Step::waiting, "the alias " + wanted_.alias + " goes to version " + version);
        auto moved = result<void>{};
        if (!alias_ || !alias_->same_route(target)) moved = co_await exchanges_.move_alias(alias_, target);
        if (moved) alias_ = std::move(target);
        co_return moved;
    }

    // What is deployed works by now: old versions that cannot be removed are told of, and do not make it a failure.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> prune() {
        auto versions = co_await exchanges_.versions();
        if (!versions) {
            exchanges_.tell(Step::removing_old, "old versions were not removed: " + versions.error().message);
            co_return result<void>{};
        }
        for (const auto& version : LambdaControl::prunable(*versions, *alias_, wanted_.keep_versions)) {
            exchanges_.tell(Step::removing_old, "version " + version);
            auto request = control_.delete_function(exchanges_.id(), version);
            auto answer = co_await exchanges_.ask(request);
            if (answer || answer.error().code == errc::not_found) continue;
            exchanges_.tell(Step::removing_old, "version " + version + " stays: " + answer.error().message);
            if (answer.error().code != errc::conflict) break;  // else another alias uses it
        }
        co_return result<void>{};
    }

    void looked(const HttpRequest& request, std::string why) {
        looks_.push_back(planned_call(request, std::move(why)));
    }

    LambdaExchanges<L>& exchanges_;
    const LambdaControl& control_;
    const Package& package_;
    const FaasConfig& config_;

    LambdaWanted wanted_{};
    std::optional<AwsStorage> storage_{};  // for packages that are too large for a request
    std::optional<LambdaFunction> latest_{};
    std::optional<LambdaAlias> alias_{};
    std::optional<LambdaConfiguration> live_{};  // what the alias names
    bool moved_ = false;
    std::chrono::milliseconds waited_for_role_{};
    std::vector<PlannedCall> looks_{};
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
