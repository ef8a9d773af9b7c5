#ifndef BLUEPRINT_FAAS_LOCAL_AWS_STORAGE_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_STORAGE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/local/aws_gate.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

/// S3 as far as packages need it: buckets are made, looked up and removed; objects are put, read, looked up and
/// removed; large ones come in parts. Buckets are named by the path, or by a Host below "localhost". In memory, at
/// most `AwsOptions::storage_bytes`; nothing is listed.
/// Source: Amazon S3 API Reference.
class AwsStorage {
public:
    /// All must outlive it.
    AwsStorage(const AwsOptions& options, const AwsClock& clock) : options_{options}, clock_{clock} {}

    static bool takes(const ServerRequest& head) { return aws_service_of(head) == "s3"; }
    /// Returns how long a body is taken: what is left of the storage and a little for the framing of an upload, or
    /// less if the head announces less.
    std::uint64_t body_bytes(const ServerRequest& head) const;
    /// Answers a request. `caller`: who signed it; null: nobody, who may do nothing. Takes the body away.
    ServerAnswer answer(ServerRequest request, const AwsCaller* caller);
    /// Words a refusal in XML.
    static ServerAnswer failure(const Error& error, std::string_view resource = {});

    /// Returns the bytes of an object, for a function whose code is in S3; null if there is none.
    std::shared_ptr<const Bytes> find(std::string_view bucket, std::string_view key) const;
    bool has_bucket(std::string_view bucket) const { return buckets_.find(bucket) != buckets_.end(); }

    /// What a request's path, Host and query name.
    struct Place;

private:
    struct Object {
        std::shared_ptr<const Bytes> bytes{};
        std::string etag{};  // with its quotation marks
        std::vector<std::pair<std::string, std::string>> headers{};
        std::chrono::system_clock::time_point modified{};
    };
    struct Bucket {
        std::map<std::string, Object, std::less<>> objects{};
    };
    struct Upload {
        std::string bucket{};
        std::string key{};
        std::vector<std::pair<std::string, std::string>> headers{};
        std::map<unsigned, Object> parts{};
    };

    result<ServerAnswer> handle(const Place& place, ServerRequest& request);
    result<ServerAnswer> handle_bucket(const Place& place, ServerRequest& request);
    result<ServerAnswer> put_object(const Place& place, Bucket& bucket, ServerRequest& request);
    result<ServerAnswer> get_object(const Place& place, const Bucket& bucket, const ServerRequest& request) const;
    result<ServerAnswer> create_upload(const Place& place, const ServerRequest& request);
    result<ServerAnswer> put_part(const Place& place, ServerRequest& request);
    result<ServerAnswer> complete_upload(const Place& place, Bucket& bucket, const ServerRequest& request);
    result<ServerAnswer> abort_upload(const Place& place);
    result<Upload*> find_upload(const Place& place);
    result<void> make_room(std::uint64_t wanted, std::uint64_t freed);
    void drop(const Upload& upload);

    const AwsOptions& options_;
    const AwsClock& clock_;
    std::map<std::string, Bucket, std::less<>> buckets_;
    std::map<std::string, Upload, std::less<>> uploads_;
    std::uint64_t used_ = 0;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_storage.ipp"
#endif

#endif
