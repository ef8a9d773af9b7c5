#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_METADATA_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_METADATA_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/azure_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// What hands out tokens of managed identities to who runs inside Azure: the machines' metadata service at
/// `/metadata/identity/oauth2/token`, and the App Service's endpoint at `/msi/token`. A token is given again until
/// shortly before its end, as there.
/// Source: Microsoft Entra documentation, "How to use managed identities for Azure resources on an Azure VM to acquire
/// an access token"; App Service documentation, "Use managed identities", REST endpoint reference.
class AzureMetadata {
public:
    /// All must outlive it.
    AzureMetadata(const AzureOptions& options, const AzureTokens& tokens, const AzureClock& clock)
        : options_{options}, tokens_{tokens}, clock_{clock} {}

    static bool takes(const ServerRequest& head);
    ServerAnswer answer(const ServerRequest& request);
    /// Where the platform is: one more name of the management API.
    void reached_at(std::string url) { url_ = std::move(url); }

private:
    ServerAnswer machine(const ServerRequest& request);
    ServerAnswer app_service(const ServerRequest& request);
    const AzureToken& token(const AzureManagedIdentity& identity, std::string_view resource);

    const AzureOptions& options_;
    const AzureTokens& tokens_;
    const AzureClock& clock_;
    std::string url_;
    std::map<std::string, AzureToken, std::less<>> current_;  // by client id and resource
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_metadata.ipp"
#endif

#endif
