#ifndef BLUEPRINT_FAAS_AUTH_GCP_EXTERNAL_ACCOUNT_USER_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_EXTERNAL_ACCOUNT_USER_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/json/fwd.hpp>

#include <string_view>

namespace blueprint::faas::gcp {

/// Makes a credential of what `gcloud auth application-default login --login-config=...` leaves
/// (`"type":"external_account_authorized_user"`): the refresh token of somebody of a workforce pool. If Google gives
/// another refresh token, that one is used from then on; the file keeps the old one. `where` is for messages: the
/// file's path. `errc::invalid_configuration` names what is missing in it. There are no ID tokens of such users.
/// Source: Google Cloud IAM, "Workforce Identity Federation"; Security Token Service API, "oauthtoken".
BLUEPRINT_FAAS_DECL result<Credential> external_account_authorized_user(const boost::json::object& file,
                                                                        std::string_view where);

}  // namespace blueprint::faas::gcp

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/external_account_user.ipp"
#endif

#endif
