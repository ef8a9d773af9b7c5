#ifndef BLUEPRINT_FAAS_AUTH_GCP_SERVICE_ACCOUNT_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_SERVICE_ACCOUNT_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/json/fwd.hpp>

#include <string_view>

namespace blueprint::faas::gcp {

/// How a service account's key is used.
struct ServiceAccountOptions {
    /// Sign access tokens here instead of asking Google for each: the APIs take them, and it saves a request. Off: the
    /// token endpoint is asked, as is always done for ID tokens. In another universe than googleapis.com there is no
    /// token endpoint, and this is always on.
    bool self_signed = true;
};

/// Makes a credential of the file of a service account's key (`"type":"service_account"`). `where` is for messages: the
/// file's path. `errc::invalid_configuration` names what is missing or wrong in it, and shows nothing of the key.
/// An ID token is for the audience asked for; it comes from the token endpoint, or in another universe from the IAM
/// Credentials API.
/// Source: Google Identity, "Using OAuth 2.0 for Server to Server Applications"; AIP-4111, self-signed JWT.
BLUEPRINT_FAAS_DECL result<Credential> service_account(const boost::json::object& file, std::string_view where,
                                                       ServiceAccountOptions options = {});

}  // namespace blueprint::faas::gcp

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/service_account.ipp"
#endif

#endif
