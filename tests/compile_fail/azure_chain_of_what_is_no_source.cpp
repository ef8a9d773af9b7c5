// expect: CredentialSource
#include "blueprint/faas/auth/azure/chain.hpp"
#include "blueprint/faas/auth/azure/environment.hpp"
#include "blueprint/faas/auth/gcp/metadata_server.hpp"

namespace azure = blueprint::faas::azure;

#ifdef CONTROL
using Source = azure::credentials::Environment;
#else
using Source = blueprint::faas::gcp::credentials::MetadataServer;  // what it finds is another platform's
#endif

using Chain = azure::Chain<Source>;
Chain* use();
