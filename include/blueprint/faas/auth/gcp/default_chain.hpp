#ifndef BLUEPRINT_FAAS_AUTH_GCP_DEFAULT_CHAIN_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_DEFAULT_CHAIN_HPP

#include "blueprint/faas/auth/gcp/chain.hpp"
#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/auth/gcp/metadata_server.hpp"

namespace blueprint::faas::gcp {

/// Looks where Google's own libraries look for Application Default Credentials, in their order: the file that a
/// variable names, the file that gcloud leaves, the metadata server. Source: AIP-4110, Application Default Credentials.
using DefaultChain = Chain<credentials::EnvironmentFile, credentials::WellKnownFile, credentials::MetadataServer>;
static_assert(TokenProvider<DefaultChain>);

/// Takes the credential of a file that the caller names: `{reach, {}, gcp::credentials::JsonFile{"/path"}}`.
using FileChain = Chain<credentials::JsonFile>;
static_assert(TokenProvider<FileChain>);

}  // namespace blueprint::faas::gcp

#endif
