#ifndef BLUEPRINT_FAAS_AUTH_GCP_EXTERNAL_ACCOUNT_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_EXTERNAL_ACCOUNT_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/json/fwd.hpp>

#include <string_view>

namespace blueprint::faas::gcp {

/// Makes a credential of the file of a workload or workforce identity (`"type":"external_account"`): somebody whom
/// another identity provider knows. The proof of that (see subject_token.hpp) is got afresh for every token and
/// exchanged at Google's token service; if the file names a service account, its token is asked for by that one's.
/// `where` is for messages: the file's path. `errc::invalid_configuration` names what is missing or wrong in the file.
/// ID tokens are those of the service account; without one there is none, and the error says what to add.
/// Source: Google Cloud IAM, "Workload Identity Federation"; Security Token Service API, "token"; AIP-4117.
BLUEPRINT_FAAS_DECL result<Credential> external_account(const boost::json::object& file, std::string_view where);

}  // namespace blueprint::faas::gcp

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/external_account.ipp"
#endif

#endif
