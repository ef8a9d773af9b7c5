#ifndef BLUEPRINT_FAAS_LOCAL_GCP_METADATA_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_METADATA_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/gcp_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// The metadata server, below `/computeMetadata/v1/`: what hands out tokens to who runs inside Google Cloud, and tells
/// where that is. An access token is given again until shortly before its end, as there.
/// Source: Compute Engine documentation, "About VM metadata" and "View and query VM metadata".
class GcpMetadata {
public:
    /// All must outlive it.
    GcpMetadata(const GcpOptions& options, GcpTokens& tokens, const GcpClock& clock)
        : options_{options}, tokens_{tokens}, clock_{clock} {}

    static bool takes(const ServerRequest& head);
    ServerAnswer answer(const ServerRequest& request);

private:
    ServerAnswer account(std::string_view what, std::string_view query);
    ServerAnswer token(std::string_view query);
    ServerAnswer identity(std::string_view query) const;

    const GcpOptions& options_;
    GcpTokens& tokens_;
    const GcpClock& clock_;
    std::map<std::string, GcpToken, std::less<>> current_;  // by scopes
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_metadata.ipp"
#endif

#endif
