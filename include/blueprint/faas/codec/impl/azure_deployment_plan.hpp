#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_DEPLOYMENT_PLAN_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_DEPLOYMENT_PLAN_HPP

#include "blueprint/faas/codec/impl/azure_app_view.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Tells what a deployment would do. All that it refers to outlives it, and it outlives its awaitables.
template <class L>
class AzureDeploymentPlan {
public:
    AzureDeploymentPlan(AzureExchanges<L>& exchanges, JobId id) : exchanges_{exchanges}, view_{exchanges, id} {}
    AzureDeploymentPlan(const AzureDeploymentPlan&) = delete;
    AzureDeploymentPlan& operator=(const AzureDeploymentPlan&) = delete;

    /// Decides as `deploy` does, and changes nothing. What an answer would tell first stands as a word: "STORAGE".
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> make(const Package& package, const FaasConfig& config) {
        auto fit = view_.check(package, config);
        if (!fit) co_return std::move(fit).error();
        DeployPlan plan;
        add_call(plan, exchanges_.api().get_site(), "is the app there, and what is it like", false);
        auto found = co_await view_.look();
        if (!found) co_return view_.named(std::move(found).error());
        if (*found) {
            auto planned = co_await plan_change(plan, package, config);
            if (!planned) co_return view_.named(std::move(planned).error());
        } else {
            auto planned = co_await plan_app(plan, package);
            if (!planned) co_return view_.named(std::move(planned).error());
        }
        plan.unchanged = true;
        for (const auto& one : plan.calls) plan.unchanged = plan.unchanged && !one.writes;
        co_return plan;
    }

private:
    static void add_call(DeployPlan& plan, const HttpRequest& request, std::string why, bool writes) {
        plan.calls.push_back(planned_azure_call(request, std::move(why), writes));
    }
    static void add_words(DeployPlan& plan, std::string what, std::string why, bool writes) {
        plan.calls.push_back({.what = std::move(what), .why = std::move(why), .writes = writes});
    }
    void plan_publishing(DeployPlan& plan, std::string_view scm, AzurePublishWay way, std::string why) const {
        const bool one_deploy = way == AzurePublishWay::one_deploy;
        const auto service = "https://" + std::string{scm};
        add_words(plan, "POST " + service + (one_deploy ? "/api/publish" : "/api/zipdeploy"), std::move(why), true);
        add_words(plan, "GET " + service + "/api/deployments/DEPLOYMENT", "until the site is in place", false);
        if (!one_deploy)
            add_call(plan, exchanges_.api().sync_triggers(), "the platform looks what functions there are", true);
    }
    void plan_answer(DeployPlan& plan, std::string_view host) const {
        add_call(plan, exchanges_.api().list_host_keys(), "the key that the app takes calls with", false);
        add_words(plan, "GET https://" + std::string{host} + "/api/" + std::string{azure_function_name},
                  "which site the app has", false);
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_applying(DeployPlan& plan, const AzureAppWanted& wanted) {
        const auto& api = exchanges_.api();
        const auto joined = [](const std::vector<std::string>& names) {
            std::string out;
            for (const auto& one : names) out.append(out.empty() ? "these differ: " : ", ").append(one);
            return out;
        };
        if (view_.place().site.config) {
            auto config = *view_.place().site.config;
            const auto differing = AzureApp::change(config, AzureApp::config(api, wanted, {}));
            if (!differing.empty()) add_call(plan, api.patch_site(Body{}), joined(differing), true);
        } else {
            auto look = api.get_web_config();
            add_call(plan, look, "does it run programs as they are", false);
            auto answer = co_await exchanges_.ask(look);
            if (!answer) co_return std::move(answer).error();
            auto version = AzureApp::read_linux_version(*answer);
            if (!version) co_return std::move(version).error();
            if (!version->empty()) add_call(plan, api.patch_web_config(Body{}), "linuxFxVersion is set", true);
        }
        auto settings = view_.place().settings;
        const auto differing = AzureApp::change(settings, wanted);
        if (!differing.empty()) add_call(plan, api.put_settings(Body{}), joined(differing), true);
        co_return result<void>{};
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_app(DeployPlan& plan, const Package& package) {
        AzureProvisioning<L> provisioning{exchanges_};
        auto planned = co_await provisioning.plan_making(plan);
        if (!planned) co_return planned;
        const auto container = "STORAGE/" + exchanges_.api().packages_container() + '/';
        add_words(plan, "PUT " + container + AzurePackageStore<L>::name_of(package.sha256()), "the job's package",
                  true);
        add_words(plan, "PUT " + container + std::string{AzurePackageStore<L>::manifest_name}, "which jobs the app has",
                  true);
        plan_publishing(plan, "SCM", AzurePublishWay::one_deploy, "the app has no site");
        plan_answer(plan, "APP");
        co_return result<void>{};
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_change(DeployPlan& plan, const Package& package,
                                                                  const FaasConfig& config) {
        auto job = azure_wanted(exchanges_.options(), view_.id(), package, config, view_.place().is_flex());
        if (!job) co_return std::move(job).error();
        auto after = view_.there().manifest;
        auto added = add_azure_job(after, view_.id(), std::move(job->job));
        if (!added) co_return added;
        auto wanted = view_.app_wanted(after, job->variables);
        if (!wanted) co_return std::move(wanted).error();
        const auto& storage = view_.packages().storage();
        const auto now = exchanges_.now();
        add_call(plan, exchanges_.api().list_settings(), "its settings", false);
        add_call(plan, storage.get(AzurePackageStore<L>::manifest_name, 0, now), "which jobs the app has", false);
        plan_answer(plan, view_.place().site.host);
        auto has = co_await view_.site_now();
        if (!has) co_return std::move(has).error();

        const auto name = AzurePackageStore<L>::name_of(package.sha256());
        add_call(plan, storage.head(name, now), "is the package there", false);
        auto brought = co_await view_.packages().has_package(package.sha256());
        if (!brought) co_return std::move(brought).error();
        const AzureBlobCondition anyway;
        if (view_.packages().has_no_container())
            add_call(plan, exchanges_.api().put_container(storage.store().account, storage.store().container),
                     "for the packages of jobs", true);
        if (!*brought)
            add_call(plan, storage.put(name, "application/zip", Body{}, anyway, now), "the job's package", true);
        const bool new_manifest = view_.there().etag.empty() || !(after == view_.there().manifest);
        if (new_manifest)
            add_call(plan, storage.put(AzurePackageStore<L>::manifest_name, "application/json", Body{}, anyway, now),
                     "the job, or how it is to run, is another one", true);
        auto applied = co_await plan_applying(plan, *wanted);
        if (!applied) co_return applied;
        const auto digest = azure_site_digest(after);
        if (!*has || (*has)->digest != digest)
            plan_publishing(plan, view_.place().site.scm_host, AzureSitePublishing<L>::way_of(view_.place()),
                            *has ? "the app has another site" : "the app does not tell that it has this site");
        if (!new_manifest) co_return result<void>{};
        auto unneeded = co_await view_.packages().unneeded(after);
        if (!unneeded) co_return std::move(unneeded).error();
        for (const auto& one : *unneeded) add_call(plan, storage.remove(one, now), "no job has it any more", true);
        co_return result<void>{};
    }

    AzureExchanges<L>& exchanges_;
    AzureAppView<L> view_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
