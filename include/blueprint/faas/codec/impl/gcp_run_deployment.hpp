#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_DEPLOYMENT_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_DEPLOYMENT_HPP

#include "blueprint/faas/codec/impl/gcp_run_operations.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/package/package.hpp"
#include "blueprint/faas/package/tar.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Puts one job's service in place: looks, uploads the package, writes what differs, waits until the new revision is
/// ready, sees who may call and that it answers, and removes what is old. A revision that fails never gets calls. All
/// that it refers to outlives it, and it outlives its awaitables.
template <class L>
class CloudRunDeployment {
    using Step = DeployProgress::Step;
    static constexpr int most_rounds = 8;

public:
    CloudRunDeployment(GoogleExchanges<L>& exchanges, const CloudRunControl& control, const Package& package,
                       const FaasConfig& config, const Environment& environment)
        : exchanges_{exchanges}, control_{control}, package_{package}, config_{config}, environment_{environment} {}
    CloudRunDeployment(const CloudRunDeployment&) = delete;
    CloudRunDeployment& operator=(const CloudRunDeployment&) = delete;

    /// Also tells where calls go from then on, by `address`.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy(std::optional<GoogleAddress>& address) {
        auto what = co_await decide();
        if (!what) co_return std::move(what).error();
        const bool written = !there_ || !what->none();
        const bool new_revision = !there_ || what->revision;
        if (written) {
            auto done = co_await put(std::move(*what));
            if (!done) {
                co_await drop_unused(done.error());
                co_return std::move(done).error();
            }
        }
        auto where = operations_.address_of(*there_);
        if (!where) co_return std::move(where).error();
        address = *where;
        auto bound = co_await exchanges_.open(service_name(), std::move(*where), written);
        if (!bound) co_return std::move(bound).error();
        if (new_revision) co_await prune();
        auto deployment = control_.deployment(exchanges_.id(), *there_);
        deployment.unchanged = !written && !*bound;
        deployment.binary_size_bytes = wanted_.binary_size_bytes;
        exchanges_.tell(Step::done, deployment.function_id);
        co_return deployment;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan() {
        auto what = co_await decide();
        if (!what) co_return std::move(what).error();
        DeployPlan plan;
        const auto id = exchanges_.id();
        const auto call = [&](const HttpRequest& request, std::string why, bool writes) {
            plan.calls.push_back(planned_google_call(request, std::move(why), writes));
        };
        call(control_.get_service(id), "is the service there, and what is it like", false);
        const bool new_revision = !there_ || what->revision;
        if (!there_ || !what->none()) {
            if (needs_package(*what)) {
                auto planned = co_await plan_upload(plan);
                if (!planned) co_return std::move(planned).error();
            }
            if (there_) {
                call(control_.patch_service(id, *what), "these differ: " + what->why, true);
            } else {
                call(control_.create_service(id), "there is no such service", true);
            }
            const auto& api = exchanges_.api();
            call(api.operation(GoogleService::run, api.location() + "/operations/OPERATION"),
                 "until the new revision is ready", false);
            call(control_.get_service(id), "what became of it", false);
        }
        auto planned = co_await plan_invokers(plan);
        if (!planned) co_return std::move(planned).error();
        if (there_ && new_revision) {
            auto pruned = co_await plan_pruning(plan);
            if (!pruned) co_return std::move(pruned).error();
        }
        plan.unchanged = true;
        for (const auto& one : plan.calls) plan.unchanged = plan.unchanged && !one.writes;
        co_return plan;
    }

private:
    std::string service_name() const { return control_.service_name(exchanges_.id()); }

    // Checks what is wanted, looks at what is there, and tells what differs.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<CloudRunDifference>> decide() {
        auto wanted = control_.wanted(exchanges_.id(), package_, config_);
        if (!wanted) co_return std::move(wanted).error();
        wanted_ = std::move(*wanted);
        exchanges_.tell(Step::checking, exchanges_.name());
        auto found = co_await operations_.settled();
        if (!found) co_return std::move(found).error();
        there_ = std::move(*found);
        co_return differing();
    }
    CloudRunDifference differing() const {
        return there_ ? control_.difference(wanted_, *there_) : CloudRunDifference{};
    }
    bool needs_package(const CloudRunDifference& what) const {
        return !wanted_.from_image() && (!there_ || what.revision);
    }

    // Makes or changes the service. What is refused because something else is going on is looked at again: a repeated
    // request may have met its own first attempt, whose operation nobody knows then.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> put(CloudRunDifference what) {
        GooglePause pause{exchanges_.options()};
        for (int round = 1;; ++round) {
            if (needs_package(what) && source_.object.empty()) {
                auto brought = co_await bring_package();
                if (!brought) co_return brought;
            }
            const bool existed = there_.has_value();
            const auto before = existed ? there_->spec_sha256 : std::string{};
            const auto body =
                existed ? control_.patch_body(wanted_, source_, *there_, what) : control_.create_body(wanted_, source_);
            auto request = existed ? control_.patch_service(exchanges_.id(), what, body.body())
                                   : control_.create_service(exchanges_.id(), body.body());
            exchanges_.tell(Step::waiting, existed ? "these are changed: " + what.why : "the service is made");
            auto done = co_await exchanges_.change_once(GoogleService::run, request);
            request.body = Body{};
            if (done) named_ = true;
            Error cause;
            if (!done) {
                cause = std::move(done).error();
                const bool lacking = cause.retryable;
                if (!lacking && was_operation(cause)) co_return co_await why_failed(std::move(cause));
                if (!lacking && !worth_a_look(cause, existed)) co_return cause;
                // What Google lacks resources for may be there and have failed: it is written anew as long as there is
                // time (pitfall 15).
                if (lacking) exchanges_.tell(Step::waiting, "Google lacks resources for the change: " + cause.message);
                if (lacking) --round;
            }
            auto now = co_await ready_by_now(done.has_value());
            if (!now) co_return std::move(now).error();
            there_ = std::move(*now);
            if (!there_) {
                if (existed || done) co_return exchanges_.conflict(std::move(cause), "it was removed meanwhile");
            } else if (done || is_ours(what)) {
                if (!is_ours(what)) co_return exchanges_.conflict(std::move(cause), "it was changed meanwhile");
                if (there_->usable()) co_return result<void>{};
                const std::string nothing;
                if (done) co_return co_await operations_.why_not_ready(*there_, nothing);
                // An attempt of this very change went wrong and its outcome was not told: once more, to be told it.
            } else if (!existed || there_->spec_sha256 != before) {
                co_return exchanges_.conflict(std::move(cause),
                                              existed ? "it was changed meanwhile" : "it was made meanwhile");
            }
            if (round == most_rounds) co_return cause;
            auto waited = co_await exchanges_.wait(pause, cause.message);
            if (!waited) co_return waited;
            what = differing();
        }
    }
    // Looks until the service is settled, and after a change that was made a few times more: looks may lag behind.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<CloudRunService>>> ready_by_now(bool changed) {
        static constexpr int most_looks = 5;
        GooglePause pause{exchanges_.options()};
        for (int looks = 1;; ++looks) {
            auto now = co_await operations_.settled();
            if (!now || !changed || looks == most_looks) co_return now;
            const bool late = !*now || ((*now)->ready.succeeded() && !(*now)->usable());
            if (!late) co_return now;
            auto waited = co_await exchanges_.wait(pause, "the change is not to be seen yet");
            if (!waited) co_return std::move(waited).error();
        }
    }
    // Whether what is there is of this deployment: the package has a name of its own.
    bool is_ours(const CloudRunDifference& what) const {
        if (!source_.object.empty() && (what.revision || there_->settings.object == source_.object))
            return there_->settings.object == source_.object && there_->settings.bucket == source_.bucket;
        const auto now = control_.difference(wanted_, *there_);
        // A revision that failed differs from a ready one alone.
        return now.none() || (now.anew && now.mask() == "template");
    }
    // An error of an operation has Google's name of it, but no status of an answer.
    static bool was_operation(const Error& error) { return error.http_status == 0 && !error.platform_code.empty(); }
    // Whether a refused change may look otherwise in a moment. An account that was just made is not known everywhere.
    static bool worth_a_look(const Error& refused, bool existed) {
        if (refused.code == errc::conflict) return true;
        const bool account = refused.message.find("ervice account") != std::string::npos ||
                             refused.message.find("serviceAccounts") != std::string::npos;
        return refused.code == errc::not_found && (existed || account);
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> why_failed(Error cause) {
        if (cause.code == errc::cancelled || cause.code == errc::timed_out) co_return cause;
        auto now = co_await operations_.settled();
        if (!now || !*now || (*now)->usable()) co_return cause;
        co_return co_await operations_.why_not_ready(std::move(**now), std::move(cause.message));
    }

    // Packs the package and brings it to the bucket, under a name that was never there.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> bring_package() {
        auto archive = cloud_run_archive(package_, control_.glibc());
        if (!archive) co_return std::move(archive).error();
        auto shared = std::make_shared<const Bytes>(std::move(*archive));
        const auto nonce = static_cast<std::uint32_t>(environment_.jitter() * 4294967296.0);
        auto object = GoogleStorage::object_name(exchanges_.name(), wanted_.package_sha256, environment_.now(), nonce);
        GooglePackageUpload<L> upload{exchanges_, operations_.storage()};
        auto done = co_await upload.run(object, std::move(shared));
        if (!done) co_return done;
        source_ = CloudRunSource{.bucket = operations_.storage().bucket(), .object = std::move(object)};
        co_return done;
    }
    // Takes the package back that a refused deployment has uploaded, if it is certain that nothing names it.
    BLUEPRINT_FAAS_COLD asio::awaitable<void> drop_unused(Error cause) {
        const bool refused = cause.http_status >= 400 && cause.http_status < 500;
        if (source_.object.empty() || named_ || !refused) co_return;
        auto now = co_await operations_.look();
        if (!now || (*now && (*now)->settings.object == source_.object)) co_return;
        std::set<std::string> objects{source_.object};
        const std::string nothing;
        auto dropped = co_await operations_.remove_packages(std::move(objects), nothing);
        if (!dropped) exchanges_.tell(Step::removing_old, dropped.error().message);
    }

    // What is deployed works by now: what is old and cannot be removed is told of, and does not make it a failure.
    BLUEPRINT_FAAS_COLD asio::awaitable<void> prune() {
        if (control_.options().keep_revisions == 0) co_return;
        auto all = co_await operations_.all_revisions();
        if (!all) {
            exchanges_.tell(Step::removing_old, "old revisions were not removed: " + all.error().message);
            co_return;
        }
        const auto old = CloudRunControl::prunable(*all, *there_, control_.options().keep_revisions);
        std::vector<CloudRunRevision> removed;
        std::set<std::string> removed_ids;
        for (const auto& one : old) {
            exchanges_.tell(Step::removing_old, "the revision " + one.id);
            auto request = control_.delete_revision(exchanges_.id(), one.id);
            auto done = co_await exchanges_.change(GoogleService::run, request);
            if (!done && done.error().code != errc::not_found) {
                exchanges_.tell(Step::removing_old, "the revision " + one.id + " stays: " + done.error().message);
                break;
            }
            removed.push_back(one);
            removed_ids.insert(one.id);
        }
        auto objects = operations_.packages_of(removed);
        for (const auto& one : *all)
            if (!removed_ids.contains(one.id)) objects.erase(one.settings.object);
        const std::string nothing;
        auto dropped = co_await operations_.remove_packages(std::move(objects), nothing);
        if (!dropped) exchanges_.tell(Step::removing_old, dropped.error().message);
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_upload(DeployPlan& plan) {
        auto archive = cloud_run_archive(package_, control_.glibc());
        if (!archive) co_return std::move(archive).error();
        const auto& storage = operations_.storage();
        const auto call = [&](const HttpRequest& request, std::string why, bool writes) {
            plan.calls.push_back(planned_google_call(request, std::move(why), writes));
        };
        call(storage.find_bucket(), "is the bucket for packages there", false);
        GooglePackageUpload<L> upload{exchanges_, storage};
        auto there = co_await upload.bucket_is_there();
        if (!there) co_return std::move(there).error();
        if (!*there) call(storage.create_bucket(), "there is no such bucket", true);
        const auto object = "services/" + exchanges_.name() + "/OBJECT";
        if (archive->size() <= storage.piece_bytes()) {
            call(storage.upload(object, nullptr), "Cloud Run takes the package from there", true);
        } else {
            call(storage.begin_upload(object, archive->size()), "Cloud Run takes the package from there", true);
            const auto pieces = (archive->size() + storage.piece_bytes() - 1) / storage.piece_bytes();
            for (std::size_t i = 0; i < pieces; ++i)
                plan.calls.push_back({.what = "PUT UPLOAD", .why = "a piece of the package", .writes = true});
        }
        co_return result<void>{};
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_invokers(DeployPlan& plan) {
        if (exchanges_.options().invokers.empty()) co_return result<void>{};
        const auto& api = exchanges_.api();
        auto look = api.get_policy(service_name());
        plan.calls.push_back(planned_google_call(look, "who may call", false));
        std::optional<std::string> body{std::in_place};
        if (there_) {
            auto policy = co_await exchanges_.ask(look);
            if (!policy) co_return std::move(policy).error();
            auto edited = GoogleApi::add_invokers(*policy, exchanges_.options().invokers);
            if (!edited) co_return std::move(edited).error();
            body = std::move(*edited);
        }
        if (body)
            plan.calls.push_back(planned_google_call(api.set_policy(service_name(), {}),
                                                     "callers lack the role roles/run.invoker", true));
        co_return result<void>{};
    }
    // The revision that will be made is newer than all that are there, and gets all calls.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_pruning(DeployPlan& plan) {
        if (control_.options().keep_revisions == 0) co_return result<void>{};
        const auto id = exchanges_.id();
        plan.calls.push_back(planned_google_call(control_.list_revisions(id, {}), "which revisions are old", false));
        auto all = co_await operations_.all_revisions();
        if (!all) co_return std::move(all).error();
        auto after = *there_;
        after.latest_created = after.latest_ready = "REVISION";
        after.serving.clear();
        std::erase_if(after.traffic, [](const CloudRunTraffic& one) { return one.tag.empty(); });
        std::vector<CloudRunRevision> removed =
            CloudRunControl::prunable(*all, after, control_.options().keep_revisions);
        for (const auto& one : removed)
            plan.calls.push_back(planned_google_call(control_.delete_revision(id, one.id), "it is old", true));
        for (const auto& object : operations_.packages_of(removed))
            plan.calls.push_back(planned_google_call(operations_.storage().delete_object(object),
                                                     "only a revision that is removed has it", true));
        co_return result<void>{};
    }

    GoogleExchanges<L>& exchanges_;
    const CloudRunControl& control_;
    const Package& package_;
    const FaasConfig& config_;
    const Environment& environment_;
    CloudRunOperations<L> operations_{exchanges_, control_};

    CloudRunWanted wanted_{};
    std::optional<CloudRunService> there_{};
    CloudRunSource source_{};
    bool named_ = false;  // a change that names it was made
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
