#ifndef BLUEPRINT_FAAS_LOCAL_GCP_STORAGE_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_STORAGE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/local/gcp_gate.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/gcp_requests.hpp"
#include "blueprint/faas/local/gcp_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Cloud Storage as far as packages need it: the JSON API's buckets and objects, uploads at once or in pieces that can
/// be taken up again, and uploads to signed URLs. In memory, at most `GcpOptions::storage_bytes`.
/// Source: Cloud Storage JSON API reference; "Resumable uploads"; "Signed URLs" (V2).
class GcpStorage {
public:
    static constexpr std::string_view service = "storage.googleapis.com";

    /// All must outlive it.
    GcpStorage(const GcpOptions& options, const GcpGate& gate, const GcpClock& clock);

    /// Tells whether a request is for this: the JSON API, or an upload to a signed URL.
    static bool takes(const ServerRequest& head);
    /// Judges who may, as soon as the head is there.
    Admission admit(const ServerRequest& head) const;
    ServerAnswer answer(ServerRequest request);

    /// Signs a URL below `origin` to which anybody may upload a zip for half an hour. The bucket is made if need be.
    std::string signed_upload_url(std::string_view origin, std::string_view bucket, std::string_view object);
    /// Returns the bytes of an object; null if there is none, or none of that generation ("": whichever it has).
    std::shared_ptr<const Bytes> find(std::string_view bucket, std::string_view object,
                                      std::string_view generation = {}) const;

    /// Words a refusal in the form of the JSON API, whose errors are older than those of other APIs.
    static ServerAnswer failure(const Error& error);

private:
    struct Object {
        std::shared_ptr<const Bytes> bytes{};
        std::string generation{};
        std::string content_type{};
        std::string md5{};  // base64
        std::string created{};
    };
    struct Bucket {
        boost::json::object shown{};
        std::map<std::string, Object, std::less<>> objects{};
        bool hidden = false;  // of the platform's own
    };
    struct Session {
        std::string bucket{};
        std::string name{};
        std::string content_type{};
        std::string generation_match{};
        Bytes bytes{};
        boost::json::object done{};  // the object, when it is whole
    };

    static bool is_signed(const ServerRequest& head);
    std::string signature_of(std::string_view method, std::string_view md5, std::string_view type,
                             std::string_view expires, std::string_view extensions, std::string_view resource) const;
    ServerAnswer put_signed(ServerRequest& request);
    result<ServerAnswer> handle(const GcpTarget& target, ServerRequest& request);
    result<ServerAnswer> buckets(const GcpTarget& target, const ServerRequest& request);
    result<ServerAnswer> insert_bucket(const GcpTarget& target, const ServerRequest& request);
    result<ServerAnswer> one_bucket(const GcpTarget& target, const ServerRequest& request);
    result<ServerAnswer> list_objects(const GcpTarget& target);
    result<ServerAnswer> one_object(const GcpTarget& target, const ServerRequest& request);
    result<ServerAnswer> upload(const GcpTarget& target, ServerRequest& request);
    result<ServerAnswer> begin_session(const GcpTarget& target, const ServerRequest& request);
    result<ServerAnswer> continue_session(const GcpTarget& target, ServerRequest& request);
    result<Bucket*> find_bucket(std::string_view name);
    result<boost::json::object> store(std::string_view bucket, std::string_view name, Bytes bytes,
                                      std::string_view content_type, std::string_view generation_match);
    boost::json::object show(std::string_view bucket, std::string_view name, const Object& object) const;
    std::uint64_t room() const noexcept { return options_.storage_bytes - used_; }

    const GcpOptions& options_;
    const GcpGate& gate_;
    const GcpClock& clock_;
    std::string signing_key_;
    std::map<std::string, Bucket, std::less<>> buckets_;
    std::map<std::string, Session, std::less<>> sessions_;
    std::uint64_t used_ = 0;
    std::uint64_t generation_ = 0;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_storage.ipp"
#include "blueprint/faas/local/impl/gcp_storage_upload.ipp"
#endif

#endif
