#ifndef BLUEPRINT_FAAS_CODEC_AZURE_STORAGE_HPP
#define BLUEPRINT_FAAS_CODEC_AZURE_STORAGE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// A container of blobs, and what gets at it.
struct AzureStore {
    std::string account{};
    std::string endpoint{};   ///< "https://ACCOUNT.blob.core.windows.net/"; it may have a path
    std::string container{};  ///< "packages-0123456789ab"
    Secret key{};             ///< of the account, Base64; empty: tokens are shown
};

/// When a blob is written.
struct AzureBlobCondition {
    bool absent = false;  ///< only if there is none
    std::string etag{};   ///< only if it still has this; empty: do not care
};

struct AzureBlob {
    std::string body{};
    std::string etag{};
};

struct AzureBlobPage {
    std::vector<std::string> names{};
    std::string next{};  ///< the marker of the next page; empty: this is the last one
};

/// The wire format of blob storage as far as packages need it. With an account's key each request carries a permission
/// in its URL, for an hour at most, which is a secret: such a request is for `purpose::Upload`, any other one for
/// `purpose::ControlPlane{"storage"}`. Immutable after construction.
/// Source: Azure Storage REST API reference, "Put Blob", "Get Blob", "Delete Blob", "List Blobs", "Create a service
/// SAS".
class AzureStorage {
public:
    using Time = std::chrono::system_clock::time_point;

    /// Checks endpoint, names and key; `errc::invalid_configuration` names what is wrong and shows no key.
    BLUEPRINT_FAAS_DECL static result<AzureStorage> make(AzureStore store);

    const AzureStore& store() const noexcept { return store_; }
    /// Whether requests carry their permission themselves.
    bool is_signed() const noexcept { return !key_.empty(); }
    /// "https://ACCOUNT.blob.core.windows.net/CONTAINER": where a container of that account is.
    BLUEPRINT_FAAS_DECL std::string container_url(std::string_view container) const;

    /// Writes a blob. If such a request is sent again, it may meet what its own first attempt wrote.
    BLUEPRINT_FAAS_DECL HttpRequest put(std::string_view blob, std::string_view content_type, Body body,
                                        const AzureBlobCondition& condition, Time now) const;
    BLUEPRINT_FAAS_DECL HttpRequest get(std::string_view blob, std::size_t max_bytes, Time now) const;
    /// Asks for size and etag alone. A refusal of it has no body, so that a blob is absent is told by its header.
    BLUEPRINT_FAAS_DECL HttpRequest head(std::string_view blob, Time now) const;
    BLUEPRINT_FAAS_DECL HttpRequest remove(std::string_view blob, Time now) const;
    /// `marker`: of the page; empty: the first one.
    BLUEPRINT_FAAS_DECL HttpRequest list(std::string_view marker, Time now) const;

    /// Makes the container; for accounts that the management API does not find in the resource group. That it is there
    /// is answered `errc::conflict`.
    BLUEPRINT_FAAS_DECL HttpRequest make_container(Time now) const;

    BLUEPRINT_FAAS_DECL static result<AzureBlob> read_blob(HttpResponse answer);
    BLUEPRINT_FAAS_DECL static result<AzureBlobPage> read_page(const HttpResponse& answer);
    /// Says what an answer means as a failure; nothing if its status is a success. `errc::not_found` is said by the
    /// storage itself alone (C11), `errc::conflict` of a condition that was not met.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);
    /// Tells whether a write failed because somebody else wrote first.
    BLUEPRINT_FAAS_DECL static bool was_overtaken(const Error& error);
    /// Tells whether access was refused for a reason that passes when it was given just now (pitfall 6).
    BLUEPRINT_FAAS_DECL static bool may_be_spreading(const Error& error);

    /// What is signed for a service SAS. `what` is 'b' for the blob, 'c' for the container; times as in the URL.
    BLUEPRINT_FAAS_DECL std::string string_to_sign(std::string_view permissions, std::string_view starts,
                                                   std::string_view expires, char what, std::string_view blob) const;

private:
    AzureStorage() = default;
    HttpRequest request(Verb verb, char what, std::string_view permissions, std::string_view blob,
                        std::string_view query, Time now) const;

    AzureStore store_{};
    Url base_{};
    Secret key_{};  ///< decoded
};

/// Writes the text that apps and tools know an account by.
BLUEPRINT_FAAS_DECL Secret write_connection_string(const AzureStore& store);
/// Reads account, key and blob endpoint out of such a text; it names no container. The error shows nothing of it.
BLUEPRINT_FAAS_DECL result<AzureStore> read_connection_string(const Secret& text);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/azure_storage.ipp"
#endif

#endif
