#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_GATE_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_GATE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/azure_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// Words a refusal as Azure's management API does: `{"error":{"code":"AuthorizationFailed","message":"..."}}`. A 401
/// carries the challenge, which names `tenant` as the one to ask for tokens.
/// Source: Azure REST API documentation, "Common API details", Error response.
BLUEPRINT_FAAS_DECL ServerAnswer azure_failure(const Error& error, std::string_view tenant = {});

/// Judges who calls. A token for the management API opens that and the apps' deployment endpoints, one for storage
/// opens blobs; neither opens the other.
class AzureGate {
public:
    /// All must outlive it.
    AzureGate(const AzureOptions& options, const AzureTokens& tokens) : options_{options}, tokens_{tokens} {}

    /// Returns who asks the management API, or an app's deployment endpoint: 401 without a good token for it. Say it by
    /// `azure_failure(error, options.tenant)`.
    result<AzureCaller> judge_management(const ServerRequest& head) const;
    /// Refuses, with Azure's words, who may not administrate: 403. `action`: "Microsoft.Web/sites/write"; `scope`: the
    /// resource's id.
    result<void> require(const AzureCaller& caller, std::string_view action, std::string_view scope) const;
    bool may_administrate(const AzureCaller& caller) const;

    /// Tells whether a request shows a token at all; blobs may be asked for by keys and signatures too.
    static bool shows_token(const ServerRequest& head);
    /// Returns who asks for blobs by a token. The `Error` has storage's codes; a 401 wants `storage_challenge()`.
    result<AzureCaller> judge_storage(const ServerRequest& head) const;
    /// Refuses, with storage's words, who has no role for blobs: 403. That is who may not administrate.
    result<void> require_storage(const AzureCaller& caller) const;
    /// The value of WWW-Authenticate in storage's 401.
    std::string storage_challenge() const;

    /// Where the platform is: one more name of the management API.
    void reached_at(std::string url) { url_ = std::move(url); }

private:
    const AzureOptions& options_;
    const AzureTokens& tokens_;
    std::string url_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_gate.ipp"
#endif

#endif
