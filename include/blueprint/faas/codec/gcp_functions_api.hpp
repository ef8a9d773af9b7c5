#ifndef BLUEPRINT_FAAS_CODEC_GCP_FUNCTIONS_API_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_FUNCTIONS_API_HPP

#include "blueprint/faas/codec/gcp_api.hpp"
#include "blueprint/faas/codec/gcp_service_config.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/http.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// What Cloud Functions tells of a function.
struct GoogleFunction {
    std::string name{};  ///< "projects/p/locations/r/functions/blueprint-job-0"
    bool first_generation = false;
    std::string state{};    ///< "ACTIVE"
    std::string problem{};  ///< its state messages
    std::string uri{};      ///< of its Cloud Run service
    std::string service{};  ///< "projects/p/locations/r/services/blueprint-job-0"
    std::string revision{};
    std::string update_time{};

    std::string description{};
    std::string runtime{};
    std::string entry_point{};
    std::string build_service_account{};  ///< "projects/p/serviceAccounts/EMAIL"
    std::string memory{};
    std::string cpu{};
    std::string service_account{};
    std::string ingress{};  ///< "ALLOW_ALL"
    std::uint32_t timeout = 0;
    std::uint32_t concurrency = 0;
    std::uint32_t min_instances = 0;
    std::uint32_t max_instances = 0;
    bool latest_gets_all = true;  ///< traffic
    std::map<std::string, Secret, std::less<>> environment{};
    std::map<std::string, std::string> labels{};

    /// Google is at a change of it.
    bool is_changing() const { return state == "DEPLOYING" || state == "DELETING"; }
    bool is_active() const { return state == "ACTIVE"; }
    /// Says in a sentence what state it is in.
    BLUEPRINT_FAAS_DECL std::string status() const;
};

/// What a deployment is to bring about.
struct GoogleFunctionWanted {
    GoogleServiceConfig config{};
    std::string description{};
    std::string runtime{};
    std::string build_service_account{};  ///< as the API has it; empty: the project's default one
    std::string ingress{};                ///< as the API has it
    std::uint64_t binary_size_bytes = 0;
};

/// Where the source of a function is brought, and what the function is told of it.
struct GoogleUpload {
    Url url{};  ///< whoever knows it may write there
    std::string bucket{};
    std::string object{};
    std::string generation{};  ///< empty: not told
};

struct GoogleFunctionPage {
    std::vector<GoogleFunction> functions{};
    std::string next{};         ///< the token of the next page; empty: this is the last one
    std::string unreachable{};  ///< places that could not be asked; empty: there is none
};

/// The wire format of Cloud Functions v2: requests out of what is wanted, and what the answers say. Refers to `api`,
/// which outlives it. No member is sent that the API calls output only.
/// Source: Cloud Functions API, REST reference, v2.
class GoogleFunctions {
public:
    GoogleFunctions(const GoogleApi& api, const CloudFunctionOptions& options) noexcept
        : api_{api}, options_{options} {}

    const GoogleApi& api() const noexcept { return api_; }
    BLUEPRINT_FAAS_DECL std::string name_of(JobId id) const;

    /// Checks everything that Google would refuse: `errc::invalid_configuration`, which names the value.
    BLUEPRINT_FAAS_DECL result<GoogleFunctionWanted> wanted(JobId id, const Package& package,
                                                            const FaasConfig& config) const;
    /// Names the fields in which `there` differs, as an update mask has them: maps whole, never their entries
    /// (pitfall 9). `there` may be null: all of them. A function that failed is written anew, with its source.
    BLUEPRINT_FAAS_DECL static std::vector<std::string> difference(const GoogleFunctionWanted& wanted,
                                                                   const GoogleFunction* there);
    /// Tells whether one of these fields is the source, which has to be uploaded then.
    BLUEPRINT_FAAS_DECL static bool has_source(const std::vector<std::string>& fields);

    BLUEPRINT_FAAS_DECL HttpRequest get(JobId id) const;
    BLUEPRINT_FAAS_DECL HttpRequest remove(JobId id) const;
    BLUEPRINT_FAAS_DECL HttpRequest list(std::string_view page_token) const;
    BLUEPRINT_FAAS_DECL HttpRequest upload_url() const;
    /// A PUT with the header fields that the URL is signed for and no other one (pitfall 7), for `purpose::Upload`.
    BLUEPRINT_FAAS_DECL static HttpRequest upload(const GoogleUpload& upload, std::shared_ptr<const Bytes> zip);
    /// Both write `fields`; the source, if it is among them, is that of `upload`.
    BLUEPRINT_FAAS_DECL HttpRequest create(JobId id, const GoogleFunctionWanted& wanted,
                                           const GoogleUpload& upload) const;
    /// Labels that others set on `there` stay.
    BLUEPRINT_FAAS_DECL HttpRequest patch(JobId id, const GoogleFunctionWanted& wanted, const GoogleFunction& there,
                                          const std::vector<std::string>& fields, const GoogleUpload& upload) const;

    /// Each reads an answer; `errc::serialization` if it is none of the operation. Environments are wiped in `answer`.
    BLUEPRINT_FAAS_DECL static result<GoogleFunction> read_function(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<GoogleFunctionPage> read_page(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<GoogleUpload> read_upload(const HttpResponse& answer);

    BLUEPRINT_FAAS_DECL static FaasDeployment deployment(JobId id, const GoogleFunction& function);
    /// Adds to an error of a change what is to be done about it, as far as that is known: builds that lack rights
    /// (pitfall 6) or Google's own images (13), programs that open no port (8).
    BLUEPRINT_FAAS_DECL static Error explained(Error error);
    BLUEPRINT_FAAS_DECL static PlatformDescription describe();

private:
    HttpRequest write(HttpRequest request, const GoogleFunctionWanted& wanted,
                      const std::map<std::string, std::string>& labels, const std::vector<std::string>& fields,
                      const GoogleUpload& upload, bool create) const;

    const GoogleApi& api_;
    const CloudFunctionOptions& options_;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/gcp_functions_answers.ipp"
#include "blueprint/faas/codec/impl/gcp_functions_requests.ipp"
#endif

#endif
