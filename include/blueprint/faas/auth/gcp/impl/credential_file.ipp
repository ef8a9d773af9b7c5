#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_CREDENTIAL_FILE_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_CREDENTIAL_FILE_IPP

#include "blueprint/faas/auth/gcp/authorized_user.hpp"
#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/auth/gcp/external_account.hpp"
#include "blueprint/faas/auth/gcp/external_account_user.hpp"
#include "blueprint/faas/auth/gcp/impersonated.hpp"
#include "blueprint/faas/auth/gcp/impl/file_members.hpp"
#include "blueprint/faas/auth/gcp/impl/gcloud_directory.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_file {

using gcp_auth::failure;

BLUEPRINT_FAAS_COLD inline result<gcp::CredentialSearch> found_in(const Secret& text, const std::string& path,
                                                                  const Environment& environment,
                                                                  gcp::ServiceAccountOptions options) {
    auto credential = gcp::read_credential(text, path, environment, options);
    if (!credential) return std::move(credential).error();
    gcp::CredentialSearch search;
    search.found = std::move(*credential);
    return search;
}

// Reads a file that somebody has named, so that it must be there.
BLUEPRINT_FAAS_COLD inline result<gcp::CredentialSearch> in_named(const std::string& path, std::string_view by,
                                                                  const Environment& environment,
                                                                  gcp::ServiceAccountOptions options) {
    auto text = environment.read_file(path);
    if (!text) return std::move(text).error();
    if (!*text)
        return failure(errc::invalid_configuration,
                       std::string{by} + " names the file '" + path + "', which does not exist; correct the path");
    return found_in(**text, path, environment, options);
}

BLUEPRINT_FAAS_COLD inline result<gcp::CredentialSearch> in_environment(const Environment& environment,
                                                                        gcp::ServiceAccountOptions options) {
    const auto path = gcp_auth::variable(environment, "GOOGLE_APPLICATION_CREDENTIALS");
    if (path.empty()) return gcp::CredentialSearch{.not_here = "GOOGLE_APPLICATION_CREDENTIALS is not set"};
    return in_named(path, "GOOGLE_APPLICATION_CREDENTIALS", environment, options);
}

BLUEPRINT_FAAS_COLD inline result<gcp::CredentialSearch> in_well_known(const Environment& environment,
                                                                       gcp::ServiceAccountOptions options) {
    const auto directory = gcp_auth::gcloud_directory(environment);
    if (directory.empty()) return gcp::CredentialSearch{.not_here = "neither CLOUDSDK_CONFIG nor HOME is set"};
    const auto path = directory + "/application_default_credentials.json";
    auto text = environment.read_file(path);
    if (!text) return std::move(text).error();
    if (!*text) return gcp::CredentialSearch{.not_here = "there is no '" + path + "'"};
    return found_in(**text, path, environment, options);
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<gcp::CredentialSearch>> at_once(
    result<gcp::CredentialSearch> search) {
    co_return search;
}

}  // namespace blueprint::faas::detail::gcp_file

namespace blueprint::faas::gcp {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Credential> read_credential(const Secret& json, std::string_view where,
                                                                           const Environment& environment,
                                                                           ServiceAccountOptions options) {
    faas::detail::WipedMemory memory{json.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({json.reveal().data(), json.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr) return faas::detail::gcp_auth::wrong_file(where, "it is no JSON object");
    return read_credential(*object, where, environment, options);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Credential> read_credential(const boost::json::object& file,
                                                                           std::string_view where,
                                                                           const Environment& environment,
                                                                           ServiceAccountOptions options) {
    using faas::detail::gcp_auth::wrong_file;
    const auto type = faas::detail::text_in(file, "type");
    if (type == "service_account") return service_account(file, where, options);
    if (type == "authorized_user") return authorized_user(file, where);
    if (type == "external_account") return external_account(file, where);
    if (type == "external_account_authorized_user") return external_account_authorized_user(file, where);
    if (type == "impersonated_service_account") return impersonated_service_account(file, where, environment, options);
    Error error = wrong_file(where, "");
    error.code = errc::unsupported;
    if (type == "gdch_service_account") {
        error.message +=
            "it is for Google Distributed Cloud air-gapped, which has neither Cloud Functions nor Cloud Run; use a "
            "service account of Google Cloud";
        return error;
    }
    if (type.empty()) {
        const bool client = file.contains("installed") || file.contains("web");
        return wrong_file(where, client ? "it is an OAuth client and not a credential; run 'gcloud auth "
                                          "application-default login' to make one"
                                        : "it has no 'type', so it is no credential of Google's");
    }
    error.message += "nothing is known of credentials of the type '" + faas::detail::one_line(type) +
                     "'; known are service_account, authorized_user, external_account, "
                     "external_account_authorized_user and impersonated_service_account";
    return error;
}

namespace credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> EnvironmentFile::find(
    const Reach& reach, Deadline) const {
    return faas::detail::gcp_file::at_once(faas::detail::gcp_file::in_environment(*reach.environment, options_));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> WellKnownFile::find(
    const Reach& reach, Deadline) const {
    return faas::detail::gcp_file::at_once(faas::detail::gcp_file::in_well_known(*reach.environment, options_));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> JsonFile::find(const Reach& reach,
                                                                                                 Deadline) const {
    return faas::detail::gcp_file::at_once(
        faas::detail::gcp_file::in_named(path_, "the caller", *reach.environment, options_));
}

}  // namespace credentials
}  // namespace blueprint::faas::gcp
BLUEPRINT_FAAS_COROUTINES_END

#endif
