#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_DEPLOYMENT_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_DEPLOYMENT_HPP

#include "blueprint/faas/codec/impl/azure_app_view.hpp"
#include "blueprint/faas/codec/impl/azure_deployment_plan.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Puts one job in place beside the others of its app, tells of them, and takes one out. A deployment is a series of
/// rounds: each looks at all that is there and does what is lacking, until a round has nothing to do. So it also goes
/// on where another one was interrupted, and of two at once each finds its job in the end. All that it refers to
/// outlives it, and it outlives its awaitables.
template <class L>
class AzureDeployment {
    using Step = DeployProgress::Step;
    static constexpr int most_rounds = 12;

public:
    AzureDeployment(AzureExchanges<L>& exchanges, JobId id) : exchanges_{exchanges}, view_{exchanges, id} {}
    AzureDeployment(const AzureDeployment&) = delete;
    AzureDeployment& operator=(const AzureDeployment&) = delete;

    /// Also tells where calls go from then on, and with which key, by `access`.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy(const Package& package, const FaasConfig& config,
                                                                       std::optional<AzureAppAccess>& access) {
        auto fit = view_.check(package, config);
        if (!fit) co_return std::move(fit).error();
        exchanges_.tell(Step::checking, exchanges_.api().app());
        PollPause pause{exchanges_.options().first_poll, exchanges_.options().max_poll};
        bool written = false;
        for (int round = 1;; ++round) {
            auto outcome = co_await deploy_round(package, config);
            if (!outcome) {
                Error error = std::move(outcome).error();
                co_await put_back(error);
                co_return view_.named(std::move(error));
            }
            written = written || *outcome == Outcome::written;
            if (*outcome == Outcome::settled) break;
            if (round == most_rounds) co_return view_.named(conflict());
            if (*outcome == Outcome::written) continue;
            static constexpr std::string_view what_for = "somebody else is deploying to the app";
            exchanges_.tell(Step::waiting, std::string{what_for});
            auto waited = co_await exchanges_.wait(pause.next(), what_for);
            if (!waited) co_return std::move(waited).error();
        }
        if (new_manifest_) co_await view_.packages().prune();
        access = view_.publishing().access();
        auto deployment = view_.describe(view_.id());
        deployment.unchanged = !written;
        exchanges_.tell(Step::done, deployment.function_id);
        co_return deployment;
    }

    /// Decides as `deploy` does, and changes nothing. What an answer would tell first stands as a word: "STORAGE".
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan(const Package& package, const FaasConfig& config) {
        AzureDeploymentPlan<L> plan{exchanges_, view_.id()};
        co_return co_await plan.make(package, config);
    }

    /// Tells of the job; `errc::not_found` if the app or the job in it is not there.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get() {
        auto found = co_await view_.look();
        if (!found) co_return view_.named(std::move(found).error());
        if (!*found || !view_.there().manifest.jobs.contains(view_.id())) co_return view_.absent();
        co_return view_.describe(view_.id());
    }
    /// Tells of all jobs of the app; none if it is not there.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list() {
        std::vector<FaasDeployment> out;
        auto found = co_await view_.look();
        if (!found) co_return view_.named(std::move(found).error());
        if (!*found) co_return out;
        for (const auto& [id, job] : view_.there().manifest.jobs) out.push_back(view_.describe(id));
        co_return out;
    }

    /// Takes the job out; that it is not there is no error. With the last one goes what was made for the app; of an app
    /// that somebody else made only its site becomes an empty one.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove() {
        PollPause pause{exchanges_.options().first_poll, exchanges_.options().max_poll};
        for (int round = 1;; ++round) {
            auto outcome = co_await remove_round();
            if (!outcome) co_return view_.named(std::move(outcome).error());
            if (*outcome == Outcome::settled) break;
            if (round == most_rounds) co_return view_.named(conflict());
            if (*outcome == Outcome::written) continue;
            static constexpr std::string_view what_for = "somebody else is deploying to the app";
            auto waited = co_await exchanges_.wait(pause.next(), what_for);
            if (!waited) co_return waited;
        }
        if (new_manifest_) co_await view_.packages().prune();
        co_return result<void>{};
    }

private:
    enum class Outcome { settled, written, overtaken };

    BLUEPRINT_FAAS_COLD asio::awaitable<result<Outcome>> deploy_round(const Package& package,
                                                                      const FaasConfig& config) {
        bool wrote = false;
        auto found = co_await view_.look();
        if (!found) co_return std::move(found).error();
        if (!*found) {
            auto made = co_await make_app(package, config);
            if (!made) co_return std::move(made).error();
            wrote = true;
        }
        auto job = azure_wanted(exchanges_.options(), view_.id(), package, config, view_.place().is_flex());
        if (!job) co_return std::move(job).error();
        auto after = view_.there().manifest;
        auto added = add_azure_job(after, view_.id(), std::move(job->job));
        if (!added) co_return std::move(added).error();
        auto wanted = view_.app_wanted(after, job->variables);
        if (!wanted) co_return std::move(wanted).error();
        auto has = co_await site_now();
        if (!has) co_return std::move(has).error();

        auto brought = co_await view_.packages().has_package(package.sha256());
        if (!brought) co_return std::move(brought).error();
        if (!*brought) {
            exchanges_.tell(Step::uploading, "the package of job " + std::to_string(view_.id().value()));
            auto put = co_await view_.packages().put_package(package.sha256(), package.zip());
            if (!put) co_return std::move(put).error();
            wrote = true;
        }
        auto outcome = co_await put_in_place(std::move(after), std::move(*wanted), std::move(*has), &package);
        if (outcome && *outcome == Outcome::settled && wrote) co_return Outcome::written;
        co_return outcome;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> make_app(const Package& package, const FaasConfig& config) {
        auto job = azure_wanted(exchanges_.options(), view_.id(), package, config, true);
        if (!job) co_return std::move(job).error();
        AzureManifest alone;
        auto added = add_azure_job(alone, view_.id(), std::move(job->job));
        if (!added) co_return added;
        const AzureSettings none;
        const AzureManifest nothing;
        auto wanted = azure_app_wanted(exchanges_.options(), none, nothing, alone, view_.id(), job->variables);
        if (!wanted) co_return std::move(wanted).error();
        exchanges_.tell(Step::waiting, "the app " + exchanges_.api().app() + " is made");
        AzureProvisioning<L> provisioning{exchanges_};
        auto made = co_await provisioning.make(std::move(*wanted));
        if (!made) co_return std::move(made).error();
        co_return co_await view_.look_into(std::move(*made));
    }

    // Writes manifest, settings and site, as far as they are not there yet. `has`: what the app says of its site.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Outcome>> put_in_place(AzureManifest after, AzureAppWanted wanted,
                                                                      std::optional<AzureSiteAnswer> has,
                                                                      const Package* package) {
        bool wrote = false;
        const auto digest = azure_site_digest(after);
        if (view_.there().etag.empty() || !(after == view_.there().manifest)) {
            auto put = co_await view_.packages().write_manifest(after, view_.there());
            if (!put) co_return std::move(put).error();
            if (!*put) co_return Outcome::overtaken;
            if (!new_manifest_) good_ = view_.there().manifest;
            new_manifest_ = wrote = true;
        }
        view_.there().manifest = std::move(after);
        AzureProvisioning<L> provisioning{exchanges_};
        auto changed = co_await provisioning.apply(view_.place(), std::move(wanted));
        if (!changed) co_return std::move(changed).error();
        wrote = wrote || *changed;
        const std::string before = has ? has->digest : std::string{};
        // A program that knows nothing of sites cannot tell that it is of this one.
        const bool current = has && (has->digest == digest || (has->digest.empty() && published_ == digest));
        if (!current) {
            auto published = co_await publish(package);
            if (!published) co_return std::move(published).error();
            published_ = digest;
            had_ = before;
            wrote = true;
        }
        if (!wrote) co_return Outcome::settled;
        auto answers = co_await view_.publishing().has_site(digest, before, !current);
        if (!answers) co_return std::move(answers).error();
        co_return *answers ? Outcome::written : Outcome::overtaken;
    }
    // After a deployment the app's instances are exchanged one by one, and some may still have the site before.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<AzureSiteAnswer>>> site_now() {
        auto now = co_await view_.site_now();
        if (!now || !*now || published_.empty() || (*now)->digest != had_ || had_ == published_) co_return now;
        auto again = co_await view_.publishing().has_site(published_, had_, true);
        if (!again) co_return std::move(again).error();
        if (!*again) co_return co_await view_.site_now();
        (*now)->digest = published_;
        co_return now;
    }
    // The program of the job that is deployed is the one which the host starts: if it cannot be started, no job of the
    // app answers, so the site before comes back. Not if there was none, or somebody else has deployed since.
    BLUEPRINT_FAAS_COLD asio::awaitable<void> put_back(Error& cause) {
        if (cause.code != errc::invocation_failed || !new_manifest_ || good_.jobs.empty() || putting_back_) co_return;
        putting_back_ = true;
        const auto failed = view_.there().manifest;
        auto now = co_await view_.packages().read_manifest();
        if (!now || !(now->manifest == failed)) co_return;
        exchanges_.tell(Step::waiting, "the app does not work with its new site, so the one before is put back");
        view_.there() = std::move(*now);
        const AzureSettings none;
        auto wanted = view_.app_wanted(good_, none);
        if (!wanted) co_return;
        auto good = good_;
        std::optional<AzureSiteAnswer> has{std::in_place};
        has->digest = azure_site_digest(failed);
        auto done = co_await put_in_place(std::move(good), std::move(*wanted), std::move(has), nullptr);
        if (done && *done == Outcome::written)
            add_reason(cause, "the site before is in place again, so the other jobs answer");
        else
            add_reason(cause, "the site before could not be put back" + (done ? "" : ": " + done.error().message));
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> publish(const Package* package) {
        AzurePackages packages;
        if (package != nullptr) packages.emplace(package->sha256(), package->zip());
        auto read = co_await view_.packages().read_packages(view_.there().manifest, packages);
        if (!read) co_return read;
        auto zip = azure_site_zip(view_.there().manifest, packages);
        if (!zip) co_return std::move(zip).error();
        packages.clear();
        auto shared = std::make_shared<const Bytes>(std::move(*zip));
        co_return co_await view_.publishing().publish(std::move(shared));
    }
    // A job that is not there has nothing written for it, unless its removal was interrupted: the app tells that.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Outcome>> remove_round() {
        auto found = co_await view_.look();
        if (!found) co_return std::move(found).error();
        if (!*found) {
            // What was made for it may have been left by a removal that was interrupted.
            AzureProvisioning<L> provisioning{exchanges_};
            auto removed = co_await provisioning.remove();
            if (!removed) co_return std::move(removed).error();
            co_return Outcome::settled;
        }
        if (view_.there().etag.empty() && !view_.place().site.is_ours()) co_return Outcome::settled;
        auto after = view_.there().manifest;
        remove_azure_job(after, view_.id());
        auto has = co_await site_now();
        if (!has) co_return std::move(has).error();
        if (after.jobs.empty()) co_return co_await remove_app(std::move(after), has->has_value());
        const AzureSettings none;
        auto wanted = view_.app_wanted(after, none);
        if (!wanted) co_return std::move(wanted).error();
        co_return co_await put_in_place(std::move(after), std::move(*wanted), std::move(*has), nullptr);
    }
    // The empty manifest goes first: whoever deploys at the same time begins anew then.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Outcome>> remove_app(AzureManifest empty, bool has_site) {
        const AzureSettings none;
        auto wanted = view_.app_wanted(empty, none);
        if (!wanted) co_return std::move(wanted).error();
        const bool new_manifest = !view_.there().etag.empty() && !(empty == view_.there().manifest);
        if (new_manifest) {
            auto put = co_await view_.packages().write_manifest(empty, view_.there());
            if (!put) co_return std::move(put).error();
            if (!*put) co_return Outcome::overtaken;
        }
        view_.there().manifest = std::move(empty);
        AzureProvisioning<L> provisioning{exchanges_};
        auto removed = co_await provisioning.remove();
        if (!removed) co_return std::move(removed).error();
        if (*removed) co_return Outcome::settled;
        // Somebody else's app: only what is ours goes.
        auto changed = co_await provisioning.apply(view_.place(), std::move(*wanted));
        if (!changed) co_return std::move(changed).error();
        if (new_manifest || has_site) {
            auto published = co_await publish(nullptr);
            if (!published) co_return std::move(published).error();
            co_await view_.packages().prune();
        }
        co_return Outcome::settled;
    }

    static Error conflict() {
        return Error{.code = errc::conflict,
                     .message = "somebody else keeps changing the app: deploy again when that is over",
                     .execution = Execution::not_started};
    }

    AzureExchanges<L>& exchanges_;
    AzureAppView<L> view_;
    std::string published_{};  // the digest of the site that was brought last
    std::string had_{};        // and of the one that the app had before
    bool new_manifest_ = false;
    AzureManifest good_{};  // the one before this operation's
    bool putting_back_ = false;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
