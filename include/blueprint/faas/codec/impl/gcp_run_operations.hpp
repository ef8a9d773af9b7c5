#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_OPERATIONS_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_OPERATIONS_HPP

#include "blueprint/faas/codec/gcp_run_control.hpp"
#include "blueprint/faas/codec/impl/gcp_exchanges.hpp"
#include "blueprint/faas/codec/impl/gcp_package_upload.hpp"

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// The operations on a service that is there: looking, removing, checking, and moving traffic between its revisions.
/// All that it refers to outlives it, and it outlives its awaitables.
template <class L>
class CloudRunOperations {
    using Step = DeployProgress::Step;
    static constexpr int most_rounds = 8;

public:
    CloudRunOperations(GoogleExchanges<L>& exchanges, const CloudRunControl& control)
        : exchanges_{exchanges}, control_{control}, storage_{control.api(), control.options().bucket} {}
    CloudRunOperations(const CloudRunOperations&) = delete;
    CloudRunOperations& operator=(const CloudRunOperations&) = delete;

    const GoogleStorage& storage() const noexcept { return storage_; }

    /// Reads the service; nothing if there is none. Only the API's own word for that counts (C11): every other failure
    /// is an error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<CloudRunService>>> look() {
        auto request = control_.get_service(exchanges_.id());
        auto answer = co_await exchanges_.ask(request);
        if (!answer && answer.error().code == errc::not_found) co_return std::optional<CloudRunService>{};
        if (!answer) co_return std::move(answer).error();
        auto service = CloudRunControl::read_service(*answer);
        if (!service) co_return std::move(service).error();
        co_return std::optional<CloudRunService>{std::move(*service)};
    }
    /// Looks until Google has finished what it is at.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<CloudRunService>>> settled() {
        GooglePause pause{exchanges_.options()};
        for (;;) {
            auto service = co_await look();
            if (!service || !*service || !(*service)->reconciling) co_return service;
            const auto what_for = (*service)->ready.text();
            exchanges_.tell(Step::waiting, what_for);
            auto waited = co_await exchanges_.wait(pause, what_for);
            if (!waited) co_return std::move(waited).error();
        }
    }
    /// The same of one that has to be there.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<CloudRunService>> needed() {
        auto service = co_await look();
        if (!service) co_return std::move(service).error();
        if (!*service) co_return absent();
        co_return std::move(**service);
    }
    /// Where its calls go; one that cannot be called yet is an error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<GoogleAddress>> address() {
        auto service = co_await needed();
        if (!service) co_return std::move(service).error();
        co_return address_of(*service);
    }
    result<GoogleAddress> address_of(const CloudRunService& service) const {
        if (service.uri.empty())
            return Error{
                .code = errc::invocation_failed,
                .message = exchanges_.name() + " has no URL: " + service.ready.text() + "; deploy the job, or wait",
                .execution = Execution::not_started};
        return GoogleCalls::address(service.uri);
    }

    /// Lists all revisions; none if there is no service.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<CloudRunRevision>>> all_revisions() {
        std::vector<CloudRunRevision> all;
        std::string token;
        do {
            auto request = control_.list_revisions(exchanges_.id(), token);
            auto answer = co_await exchanges_.ask(request);
            if (!answer && answer.error().code == errc::not_found) break;
            if (!answer) co_return std::move(answer).error();
            auto page = CloudRunControl::read_revisions(*answer);
            if (!page) co_return std::move(page).error();
            for (auto& entry : page->entries) all.push_back(std::move(entry));
            if (page->next == token) break;  // a platform that does not turn the page would be asked for ever
            token = std::move(page->next);
        } while (!token.empty());
        co_return all;
    }

    /// Removes the service with its revisions, and then their packages; that anything is absent is no error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove() {
        auto revisions = co_await all_revisions();
        if (!revisions) co_return std::move(revisions).error();
        auto gone = co_await remove_service();
        if (!gone) co_return gone;
        auto objects = packages_of(*revisions);
        auto lead = exchanges_.name() + " is removed, but ";
        co_return co_await remove_packages(std::move(objects), std::move(lead));
    }
    /// The objects that are packages of this service.
    std::set<std::string> packages_of(const std::vector<CloudRunRevision>& revisions) const {
        std::set<std::string> objects;
        for (const auto& one : revisions)
            if (one.settings.bucket == storage_.bucket() &&
                GoogleStorage::is_package_of(one.settings.object, exchanges_.name()))
                objects.insert(one.settings.object);
        return objects;
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove_packages(std::set<std::string> objects, std::string lead) {
        GooglePackageUpload<L> packages{exchanges_, storage_};
        for (const auto& object : objects) {
            exchanges_.tell(Step::removing_old, "gs://" + storage_.bucket() + '/' + object);
            auto removed = co_await packages.remove(object);
            if (removed) continue;
            Error error = std::move(removed).error();
            error.message.insert(0, lead + "the package gs://" + storage_.bucket() + '/' + object + " stays: ");
            co_return error;
        }
        co_return result<void>{};
    }

    /// Tells whether a call would run now (C12): the state of the service, then its own answer.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health() {
        auto service = co_await look();
        if (!service) co_return std::move(service).error();
        Health health;
        if (!*service) {
            health.state = HealthState::absent;
            health.reason = "there is no service " + exchanges_.name();
            co_return health;
        }
        health = CloudRunControl::health(**service);
        if (health.state != HealthState::healthy) co_return health;
        auto address = address_of(**service);
        if (!address) co_return std::move(address).error();
        co_return co_await exchanges_.health(std::move(*address));
    }

    /// Asks whether the one who asks may call.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> check_invoke() {
        auto service = co_await needed();
        if (!service) co_return std::move(service).error();
        auto allowed = co_await exchanges_.may_invoke(control_.service_name(exchanges_.id()));
        if (!allowed) co_return std::move(allowed).error();
        if (!*allowed) co_return exchanges_.may_not_invoke();
        co_return result<void>{};
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<Revision>>> revisions() {
        auto service = co_await needed();
        if (!service) co_return std::move(service).error();
        auto all = co_await all_revisions();
        if (!all) co_return std::move(all).error();
        co_return CloudRunControl::revisions(*all, *service);
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> shift(std::string revision, double share) {
        auto now = co_await needed_settled();
        if (!now) co_return std::move(now).error();
        auto target = CloudRunControl::shifted(*now, revision, share);
        if (!target) co_return std::move(target).error();
        if (CloudRunControl::same_traffic(resolved(*now), *target)) co_return result<void>{};
        auto fit = co_await callable(revision);
        if (!fit) co_return fit;
        co_return co_await move_traffic(std::move(*now), std::move(*target));
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<Revision>> roll_back() {
        auto now = co_await needed_settled();
        if (!now) co_return std::move(now).error();
        auto all = co_await all_revisions();
        if (!all) co_return std::move(all).error();
        for (const auto& one : CloudRunControl::older(*all, *now)) {
            if (one.ready.failed()) continue;  // it never was fit to be called
            auto target = CloudRunControl::shifted(*now, one.id, 1);
            if (!target) co_return std::move(target).error();
            auto moved = co_await move_traffic(*now, *target);
            if (!moved) co_return std::move(moved).error();
            now->serving = std::move(*target);
            for (auto& revision : CloudRunControl::revisions(*all, *now))
                if (revision.id == one.id) co_return std::move(revision);
        }
        co_return Error{.code = errc::not_found,
                        .message = exchanges_.name() +
                                   " has no revision before those that get calls; CloudRunOptions::keep_revisions says "
                                   "how many are kept",
                        .execution = Execution::not_started};
    }

    /// Says why the latest revision cannot be called, in the revision's own words (pitfall 8).
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> why_not_ready(CloudRunService service, std::string lead) {
        auto why = service.ready;
        std::string log;
        if (!service.latest_created.empty() && service.latest_created != service.latest_ready) {
            auto request = control_.get_revision(exchanges_.id(), service.latest_created);
            auto answer = co_await exchanges_.ask(request);
            if (answer) {
                auto revision = CloudRunControl::read_revision(*answer);
                if (revision && revision->ready.failed()) {
                    why = std::move(revision->ready);
                    log = std::move(revision->log_uri);
                }
            } else if (answer.error().code == errc::cancelled || answer.error().code == errc::timed_out) {
                co_return std::move(answer).error();
            }
        }
        Error error{.code = errc::invocation_failed,
                    .message = exchanges_.name() + " cannot be called: the revision " + service.latest_created + ": " +
                               why.text(),
                    .platform_code = why.reason,
                    .execution = Execution::not_started};
        if (!lead.empty() && why.message.empty()) add_reason(error, lead);
        if (!log.empty()) add_reason(error, "its log: " + log);
        if (!service.latest_ready.empty() && service.latest_ready != service.latest_created)
            add_reason(error, "calls still reach " + service.latest_ready);
        co_return error;
    }

private:
    Error absent() const {
        return Error{.code = errc::not_found,
                     .message = "there is no service " + exchanges_.name() +
                                "; deploy the job first, and check project, region and prefix",
                     .execution = Execution::not_started};
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<CloudRunService>> needed_settled() {
        auto service = co_await settled();
        if (!service) co_return std::move(service).error();
        if (!*service) co_return absent();
        co_return std::move(**service);
    }
    static std::vector<CloudRunTraffic> resolved(const CloudRunService& service) {
        auto out = service.traffic;
        if (out.empty()) out.push_back({.revision = {}, .percent = 100, .tag = {}});
        for (auto& one : out)
            if (one.revision.empty()) one.revision = service.latest_ready;
        return out;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove_service() {
        GooglePause pause{exchanges_.options()};
        auto request = control_.delete_service(exchanges_.id());
        for (int round = 1;; ++round) {
            auto done = co_await exchanges_.change(GoogleService::run, request);
            if (done) co_return done;
            const Error cause = std::move(done).error();
            if (cause.code == errc::not_found) co_return result<void>{};
            // It is being changed, or being removed already, perhaps by the first attempt of this request.
            if (cause.code != errc::conflict || round == most_rounds) co_return cause;
            exchanges_.tell(Step::waiting, cause.message);
            auto waited = co_await exchanges_.wait(pause, cause.message);
            if (!waited) co_return waited;
        }
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> callable(std::string revision) {
        auto request = control_.get_revision(exchanges_.id(), revision);
        auto answer = co_await exchanges_.ask(request);
        if (!answer && answer.error().code == errc::not_found)
            co_return Error{.code = errc::not_found,
                            .message = exchanges_.name() + " has no revision " + revision +
                                       "; list_revisions tells which there are",
                            .execution = Execution::not_started};
        if (!answer) co_return std::move(answer).error();
        auto found = CloudRunControl::read_revision(*answer);
        if (!found) co_return std::move(found).error();
        if (found->ready.failed())
            co_return Error{.code = errc::invocation_failed,
                            .message = "the revision " + revision + " cannot be called: " + found->ready.text(),
                            .platform_code = found->ready.reason,
                            .execution = Execution::not_started};
        co_return result<void>{};
    }

    // Splits the calls as `target` says if they are still split as `before` says. What somebody else made of them
    // meanwhile is `errc::conflict`, and stays.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> move_traffic(CloudRunService before,
                                                                   std::vector<CloudRunTraffic> target) {
        CloudRunDifference what;
        what.traffic = true;
        GooglePause pause{exchanges_.options()};
        for (int round = 1;; ++round) {
            const auto body = CloudRunControl::traffic_body(before, target);
            auto request = control_.patch_service(exchanges_.id(), what, body.body());
            exchanges_.tell(Step::waiting, "calls are split anew");
            auto done = co_await exchanges_.change(GoogleService::run, request);
            Error cause;
            if (!done) {
                cause = std::move(done).error();
                if (cause.code != errc::conflict) co_return cause;
            }
            auto now = co_await needed_settled();
            if (!now) co_return std::move(now).error();
            if (CloudRunControl::same_traffic(now->traffic, target)) {
                if (now->serving.empty() || CloudRunControl::same_traffic(now->serving, target))
                    co_return result<void>{};
                co_return Error{.code = errc::invocation_failed,
                                .message = exchanges_.name() + " did not move its calls: " + now->ready.text(),
                                .platform_code = now->ready.reason,
                                .execution = Execution::not_started};
            }
            // A repeated request meets what its first attempt left, and any change of the state moves the etag on.
            if (done || now->traffic != before.traffic || round == most_rounds)
                co_return exchanges_.conflict(std::move(cause), "its traffic was changed meanwhile");
            auto waited = co_await exchanges_.wait(pause, cause.message);
            if (!waited) co_return waited;
            before = std::move(*now);
        }
    }

    GoogleExchanges<L>& exchanges_;
    const CloudRunControl& control_;
    GoogleStorage storage_;
};

/// Lists the services that are jobs.
template <class L>
BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list_cloud_run_services(
    const CloudRunControl& control, L& link) {
    std::vector<FaasDeployment> jobs;
    std::string token;
    do {
        auto request = control.list_services(token);
        const purpose::ControlPlane management;
        auto answer = co_await link.exchange(request, management, Repeat::safe, &GoogleApi::judge);
        if (!answer) co_return std::move(answer).error();
        auto page = CloudRunControl::read_services(*answer);
        if (!page) co_return std::move(page).error();
        for (const auto& service : page->entries)
            if (const auto id = control.api().job_of(service.name)) jobs.push_back(control.deployment(*id, service));
        if (page->next == token) break;
        token = std::move(page->next);
    } while (!token.empty());
    co_return jobs;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
