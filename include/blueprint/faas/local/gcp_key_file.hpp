#ifndef BLUEPRINT_FAAS_LOCAL_GCP_KEY_FILE_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_KEY_FILE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/secret.hpp"

#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// A key of a service account: the half that its owner keeps, and what the cloud knows of the account.
struct GcpAccountKey {
    std::string email{};
    GcpServiceAccount account{};
    Secret private_key{};  ///< PEM, PKCS#8

    /// Makes a new RSA key of 2048 bits; fails only if OpenSSL cannot.
    BLUEPRINT_FAAS_DECL static result<GcpAccountKey> make(std::string email);
    /// Reads a key from the text of a file as Google gives it out. `errc::invalid_configuration` if it is none of a
    /// service account.
    BLUEPRINT_FAAS_DECL static result<GcpAccountKey> read(const Secret& file);
    /// Writes such a file, for clients that are to ask for tokens at `token_uri`: `Cloud::gcp_url()` and "/token".
    BLUEPRINT_FAAS_DECL Secret file(std::string_view project, std::string_view token_uri) const;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_key_file.ipp"
#endif

#endif
