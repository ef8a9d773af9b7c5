#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_BLOBS_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_BLOBS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/local/azure_gate.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/azure_requests.hpp"
#include "blueprint/faas/local/azure_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/secret.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Blob storage as far as packages need it, with the account in the path: "/storage/ACCOUNT/CONTAINER/BLOB". Block
/// blobs are put at once, read, listed and removed; who asks shows a token for storage or a signature (SAS) of a blob
/// or a container. In memory, at most `AzureOptions::storage_bytes`. On the host's strand only.
/// Source: Azure Storage documentation, "Blob Storage REST API"; "Create a service SAS".
class AzureBlobs {
public:
    static constexpr std::string_view root = "/storage/";

    struct Blob {
        std::shared_ptr<const Bytes> bytes{};
        std::string etag{};  ///< "\"0x8D...\""
        std::string content_type{};
        std::string md5{};       ///< base64
        std::string modified{};  ///< as in Last-Modified
        std::map<std::string, std::string> metadata{};
    };
    struct Container {
        std::string etag{};
        std::string modified{};       ///< as in Last-Modified
        std::string modified_time{};  ///< as the management API tells it
        std::map<std::string, Blob, std::less<>> blobs{};
    };
    struct Account {
        std::array<Secret, 2> keys{};  ///< Base64
        bool key_access = true;        ///< keys and signatures open it
        std::map<std::string, Container, std::less<>> containers{};
    };

    /// All must outlive it.
    AzureBlobs(const AzureOptions& options, const AzureGate& gate, const AzureClock& clock)
        : options_{options}, gate_{gate}, clock_{clock} {}

    static bool takes(const ServerRequest& head) { return std::string_view{head.target}.starts_with(root); }
    /// Judges who may, as soon as the head is there.
    Admission admit(const ServerRequest& head) const;
    ServerAnswer answer(ServerRequest request);

    /// Makes an account, with new keys. Its name is not looked at.
    Account& add_account(std::string_view name);
    void remove_account(std::string_view name);
    Account* find_account(std::string_view name);
    /// Draws a key: 64 random bytes in Base64.
    static Secret new_key();
    /// Makes a container. False: it is there.
    bool add_container(Account& account, std::string_view name);
    bool remove_container(Account& account, std::string_view name);
    /// Tells whether containers may be called so.
    /// Source: Azure Storage documentation, "Naming and referencing containers, blobs, and metadata".
    static bool is_container_name(std::string_view name) noexcept;
    /// Tells whether an account has that key, and lets it be used.
    bool opens(std::string_view account, std::string_view key) const;

    /// Stores a blob for the platform itself. 404 ContainerNotFound, 413 without room.
    result<void> put(std::string_view account, std::string_view container, std::string_view blob, Bytes bytes,
                     std::string_view content_type);
    /// Returns a blob; null if there is none.
    std::shared_ptr<const Bytes> find(std::string_view account, std::string_view container,
                                      std::string_view blob) const;

    /// Says who but administrators has a role for the blobs of an account, by object id.
    using HasRole = std::function<bool(std::string_view account, std::string_view object_id, bool writes)>;
    void judge_roles_by(HasRole has_role) { has_role_ = std::move(has_role); }

    /// Words a refusal as storage does: `<Error><Code>...` with the code in x-ms-error-code too.
    ServerAnswer failure(const Error& error, const ServerRequest& request) const;

private:
    struct Place {
        std::string account{};
        std::string container{};
        std::string blob{};
    };
    static Place place_of(const RequestTarget& target);
    result<void> judge(const ServerRequest& head, const RequestTarget& target, const Place& place) const;
    result<void> judge_signature(const ServerRequest& head, const RequestTarget& target, const Place& place,
                                 const Account& account) const;
    result<void> judge_token(const ServerRequest& head, const Place& place) const;
    result<void> judge_shared_key(const ServerRequest& head, const RequestTarget& target, const Place& place,
                                  const Account& account) const;
    result<ServerAnswer> handle(const RequestTarget& target, const Place& place, ServerRequest& request);
    result<ServerAnswer> of_container(const RequestTarget& target, const Place& place, const ServerRequest& request);
    result<ServerAnswer> put_blob(const Place& place, Container& container, ServerRequest& request);
    result<ServerAnswer> get_blob(const Place& place, Container& container, const ServerRequest& request);
    result<ServerAnswer> delete_blob(const Place& place, Container& container, const ServerRequest& request);
    ServerAnswer list_blobs(const RequestTarget& target, const Place& place, const Container& container) const;
    Blob& store(Container& container, std::string_view name, Bytes bytes, std::string_view content_type);
    void stamp(ServerAnswer& answer, const ServerRequest& request) const;
    std::string next_etag();
    std::uint64_t room() const noexcept { return options_.storage_bytes - used_; }

    const AzureOptions& options_;
    const AzureGate& gate_;
    const AzureClock& clock_;
    HasRole has_role_;
    std::map<std::string, Account, std::less<>> accounts_;
    std::uint64_t used_ = 0;
    std::uint64_t changes_ = 0;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_blob_access.ipp"
#include "blueprint/faas/local/impl/azure_blobs.ipp"
#endif

#endif
