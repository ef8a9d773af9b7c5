#ifndef BLUEPRINT_FAAS_LOCAL_GCP_OAUTH_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_OAUTH_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/gcp_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Google's token endpoint, `POST /token`, where service accounts show what they signed and users their refresh tokens;
/// `POST /v1/oauthtoken`, where foreign users do; and the keys by which everybody verifies ID tokens, below `/oauth2/`.
/// Source: Google Identity, "Using OAuth 2.0 for Server to Server Applications"; RFC 6749 and RFC 7523.
class GcpOauth {
public:
    static constexpr std::uint64_t body_bytes = 64U << 10;  ///< the longest request

    /// All must outlive it.
    GcpOauth(const GcpOptions& options, GcpTokens& tokens, const GcpClock& clock)
        : options_{options}, tokens_{tokens}, clock_{clock} {}

    static bool takes(const ServerRequest& head);
    ServerAnswer answer(const ServerRequest& request);
    /// Where the endpoint is: what an assertion may name as its audience, beside the production one.
    void reached_at(std::string url) { url_ = std::move(url); }

private:
    ServerAnswer by_assertion(const ServerRequest& request, std::string_view assertion);
    ServerAnswer by_refresh_token(std::string_view client_id, std::string_view client_secret,
                                  std::string_view refresh_token, std::string_view scopes, bool foreign);

    const GcpOptions& options_;
    GcpTokens& tokens_;
    const GcpClock& clock_;
    std::string url_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_oauth.ipp"
#endif

#endif
