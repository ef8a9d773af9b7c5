#ifndef BLUEPRINT_FAAS_AUTH_GCP_AUTHORIZED_USER_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_AUTHORIZED_USER_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/json/fwd.hpp>

#include <string_view>

namespace blueprint::faas::gcp {

/// Makes a credential of what `gcloud auth application-default login` leaves (`"type":"authorized_user"`): a user's
/// refresh token. `errc::invalid_configuration` names what is missing in the file.
/// Google makes no ID token of a user for an audience. What it gives along with the access token is for gcloud's own
/// client; Cloud Run takes that of some clients and refuses others, so it is sent, and where there is none the error
/// says what to use instead.
/// Source: Google Identity, "Using OAuth 2.0 for Web Server Applications", refreshing an access token.
BLUEPRINT_FAAS_DECL result<Credential> authorized_user(const boost::json::object& file, std::string_view where);

}  // namespace blueprint::faas::gcp

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/authorized_user.ipp"
#endif

#endif
