#ifndef BLUEPRINT_FAAS_AUTH_GCP_CREDENTIAL_FILE_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_CREDENTIAL_FILE_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/auth/gcp/service_account.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/json/fwd.hpp>

#include <string>
#include <string_view>

namespace blueprint::faas::gcp {

/// Makes a credential of the text of a credential file, whatever `type` it is. `where` is for messages: the file's
/// path. `errc::invalid_configuration` says what is wrong, `errc::unsupported` that the type cannot be used; neither
/// shows a secret. Nothing is asked yet.
/// Source: AIP-4110, Application Default Credentials.
BLUEPRINT_FAAS_DECL result<Credential> read_credential(const Secret& json, std::string_view where,
                                                       const Environment& environment,
                                                       ServiceAccountOptions options = {});
/// The same of a file that is parsed already, or of one that stands inside another.
BLUEPRINT_FAAS_DECL result<Credential> read_credential(const boost::json::object& file, std::string_view where,
                                                       const Environment& environment,
                                                       ServiceAccountOptions options = {});

namespace credentials {

/// The file that GOOGLE_APPLICATION_CREDENTIALS names. One that is named and not there is an error.
class EnvironmentFile {
public:
    static constexpr std::string_view name = "the file of GOOGLE_APPLICATION_CREDENTIALS";
    explicit EnvironmentFile(ServiceAccountOptions options = {}) : options_{options} {}
    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    ServiceAccountOptions options_;
};
static_assert(CredentialSource<EnvironmentFile>);

/// The file that `gcloud auth application-default login` writes: `application_default_credentials.json` in
/// CLOUDSDK_CONFIG, or in `.config/gcloud` below HOME.
class WellKnownFile {
public:
    static constexpr std::string_view name = "gcloud's application default credentials";
    explicit WellKnownFile(ServiceAccountOptions options = {}) : options_{options} {}
    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    ServiceAccountOptions options_;
};
static_assert(CredentialSource<WellKnownFile>);

/// A file that the caller names. One that is not there is an error.
class JsonFile {
public:
    static constexpr std::string_view name = "the named credential file";
    explicit JsonFile(std::string path, ServiceAccountOptions options = {})
        : path_{std::move(path)}, options_{options} {}
    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    std::string path_;
    ServiceAccountOptions options_;
};
static_assert(CredentialSource<JsonFile>);

}  // namespace credentials
}  // namespace blueprint::faas::gcp

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/credential_file.ipp"
#endif

#endif
