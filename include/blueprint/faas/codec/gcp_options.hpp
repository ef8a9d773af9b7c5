#ifndef BLUEPRINT_FAAS_CODEC_GCP_OPTIONS_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_OPTIONS_HPP

#include "blueprint/faas/job.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace blueprint::faas {

/// What both ways of running jobs on Google Cloud have in common: Cloud Functions v2 and Cloud Run.
struct GoogleCloudOptions {
    std::string project{};             ///< "my-project"
    std::string region{};              ///< "europe-west1"
    std::string prefix = "blueprint";  ///< functions and services are `{prefix}-job-0`

    /// Where a job's calls go, for services that are known: the URL as Google tells it, which is also the audience of
    /// the ID tokens. No management API is asked then. Jobs that are not named here are looked up once.
    std::map<JobId, std::string> job_urls{};

    std::string service_account{};  ///< as which jobs run: its email; empty: the project's default one
    /// Who may call, beside those that the project allows: "serviceAccount:caller@p.iam.gserviceaccount.com",
    /// "user:…", "group:…", or "allUsers" for everybody. A deployment adds what is missing and takes nothing away;
    /// where this is empty it makes sure that the one who deploys may call.
    std::vector<std::string> invokers{};
    std::map<std::string, std::string> labels{};  ///< of functions and services; those that others set stay

    /// Calls that one instance takes at a time. More than 1 wants jobs that may run on several threads at once.
    std::uint32_t instance_concurrency = 1;
    /// Instances at most, where `FaasConfig::max_concurrency` does not say how many calls there may be at a time:
    /// Google's own limit exceeds what new projects may have.
    std::uint32_t max_instances = 20;
    std::string cpu{};                            ///< "1", "2", "0.5", "500m"; empty: what goes with the memory
    std::string ingress = "INGRESS_TRAFFIC_ALL";  ///< or "INGRESS_TRAFFIC_INTERNAL_ONLY"

    std::string run_endpoint{};                      ///< empty: `https://run.googleapis.com`
    std::string storage_endpoint{};                  ///< empty: `https://storage.googleapis.com`
    std::string universe_domain = "googleapis.com";  ///< of the APIs' host names where no endpoint is given
    std::size_t max_body_bytes = 32U << 20;          ///< of a call and of its answer; Google takes no more

    std::chrono::milliseconds first_poll{500};  ///< between looks at an operation that goes on; grows by a half
    std::chrono::milliseconds max_poll{10'000};
    std::chrono::milliseconds warm_hold{75};  ///< a warming call stays this long, so that the next one starts another
};

/// How jobs become functions of Cloud Functions v2. A build of Google's makes them of the package; it takes minutes.
struct CloudFunctionOptions {
    GoogleCloudOptions cloud{};
    std::string endpoint{};               ///< empty: `https://cloudfunctions.googleapis.com`
    std::string runtime = "nodejs22";     ///< of the program that starts the job's binary: a Node.js one
    std::string build_service_account{};  ///< email of who builds; empty: the project's default one
    std::string description{};
};

/// How jobs become services of Cloud Run. Without `image` the package is run as it is, without a build.
struct CloudRunOptions {
    GoogleCloudOptions cloud{};
    std::string bucket{};                 ///< for packages; empty: `{prefix}-{project}-{region}`, made if need be
    std::string base_image = "osonly24";  ///< Google's base image, kept up to date by it: Ubuntu 24.04
    std::string image{};                  ///< a container image of one's own that serves HTTP; no package then
    std::string execution_environment{};  ///< "EXECUTION_ENVIRONMENT_GEN2"; empty: Google's choice
    std::uint32_t keep_revisions = 5;     ///< older ones that get no calls are deleted after a deployment; 0: none is
    std::chrono::milliseconds start_patience{60'000};  ///< that a new instance has to open its port
    std::string description{};
};

}  // namespace blueprint::faas

#endif
