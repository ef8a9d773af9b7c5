#ifndef BLUEPRINT_FAAS_CODEC_AZURE_PUBLISH_HPP
#define BLUEPRINT_FAAS_CODEC_AZURE_PUBLISH_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/http.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

/// How an app takes its site. They are no alternatives: Flex Consumption has no zip deployment, and the others have no
/// One Deploy (pitfall 9).
enum class AzurePublishWay {
    one_deploy,  ///< Flex Consumption
    zip_deploy,  ///< Consumption, Premium, Dedicated
};

/// What the app's deployment service says of one deployment.
struct AzureDeploymentStatus {
    enum class State { running, succeeded, failed, conflict, cancelled };
    State state = State::running;
    std::string id{};
    std::string text{};  ///< for people: "Building and Deploying '9f0c…'."
    std::optional<std::chrono::milliseconds> retry_after{};
};

/// What may be done about a deployment that was refused.
enum class AzurePublishRemedy {
    none,
    make_container,    ///< the container that the packages of the platform are kept in is not there
    wait_for_storage,  ///< the app may not write there yet: a role takes minutes until it is known everywhere
    wait_for_other,    ///< another deployment goes on
    wait_for_service,  ///< the deployment service is not up, as for a while after an app was made
};

/// Deploying the zip of a site: what the deployment service of an app (its SCM site) is sent, and what it answers. The
/// requests are authorised by a token of the management API, never by a user name and password, which new apps refuse
/// (pitfall 13).
/// Source: Azure Functions documentation, "Deployment technologies in Azure Functions"; App Service documentation,
/// "Deploy files to Azure App Service", "Kudu service overview" (REST API).
class AzurePublish {
public:
    /// `host`: the SCM site's name as the management API gives it, with a port if it has one of its own.
    BLUEPRINT_FAAS_DECL static result<AzurePublish> make(std::string_view host, AzurePublishWay way);

    AzurePublishWay way() const noexcept { return way_; }
    /// Hands the zip over: `POST /api/publish?RemoteBuild=false&Deployer=blueprint-faas`, or `POST /api/zipdeploy`.
    BLUEPRINT_FAAS_DECL HttpRequest publish(std::shared_ptr<const Bytes> zip) const;
    /// Reads where the deployment is to be looked at: a path of the SCM site.
    BLUEPRINT_FAAS_DECL result<std::string> read_begun(const HttpResponse& answer) const;
    BLUEPRINT_FAAS_DECL HttpRequest look(std::string_view path) const;
    /// Decides by what the body says: the HTTP status is 200 also while it goes on and when it has failed.
    BLUEPRINT_FAAS_DECL result<AzureDeploymentStatus> read_status(const HttpResponse& answer) const;
    BLUEPRINT_FAAS_DECL HttpRequest log(const AzureDeploymentStatus& status) const;
    /// Returns the log's last lines, fit to be shown: no signature of a URL is in them. Empty: there are none.
    BLUEPRINT_FAAS_DECL static std::string read_log(const HttpResponse& answer);

    /// Says what an answer to `publish` means as a failure.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge_publish(const HttpResponse& answer);
    /// The same of an answer to `look` and `log`.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge_look(const HttpResponse& answer);
    /// Tells what may be done about a refusal of `publish`.
    BLUEPRINT_FAAS_DECL static AzurePublishRemedy remedy(const Error& refused);

private:
    AzurePublish(Origin origin, AzurePublishWay way) : origin_{std::move(origin)}, way_{way} {}
    HttpRequest request(Verb verb, std::string target) const;

    Origin origin_;
    AzurePublishWay way_;
};

/// Decides what follows from the looks at a deployment, one after the other.
class AzurePublishWatch {
public:
    enum class Next {
        look_again,
        done,     ///< it has succeeded
        vanished  ///< who deployed it is gone: whether it is done shows in the app itself
    };
    /// What follows from a look that found it still going on, or failed; `errors` of looks that tell nothing pass.
    /// Source: azd and Azure Functions Core Tools do the same: the first looks may come too early, and the one who
    /// deploys may be replaced when it is through.
    BLUEPRINT_FAAS_DECL result<Next> after(const result<AzureDeploymentStatus>& look);

private:
    static constexpr int early_looks = 3;  ///< so many may find nothing before the deployment is known
    static constexpr int most_failures = 5;

    int unknown_ = 0;
    int failures_ = 0;
    bool seen_ = false;
};

/// What an app itself says of its site when it is asked for its health.
struct AzureSiteAnswer {
    std::string digest{};  ///< of the manifest; empty: the program is not of such a site
    std::string instance{};
};
BLUEPRINT_FAAS_DECL AzureSiteAnswer read_azure_site_answer(const HttpResponse& answer);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/azure_publish.ipp"
#endif

#endif
