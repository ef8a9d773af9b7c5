#ifndef BLUEPRINT_FAAS_CODEC_GCP_STORAGE_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_STORAGE_HPP

#include "blueprint/faas/codec/gcp_api.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// How far an upload in pieces has come.
struct GoogleUploadState {
    std::uint64_t stored = 0;  ///< bytes that Google has; the next piece begins there
    bool done = false;
};

/// The wire format of Cloud Storage's JSON API, as far as packages need it: one bucket, and objects in it that are
/// written once. It refers to `api`, which outlives it.
/// Source: Cloud Storage documentation, "JSON API", Buckets and Objects; "Resumable uploads".
class GoogleStorage {
public:
    /// `bucket`: "" has one of our own, whose name is made of prefix, project and region.
    BLUEPRINT_FAAS_DECL GoogleStorage(const GoogleApi& api, const std::string& bucket);

    const std::string& bucket() const noexcept { return bucket_; }
    /// Objects larger than this are sent in pieces of this size; a multiple of 256 KiB, which Google asks for.
    std::size_t piece_bytes() const noexcept { return piece_bytes_; }
    void set_piece_bytes(std::size_t bytes) noexcept { piece_bytes_ = bytes; }
    /// "services/blueprint-job-0/20260102-030405-0badcafe-1f2e3d4c5b6a7988.tar.gz": a new one each time, because Cloud
    /// Run takes what it is given by its name. `nonce` tells apart what begins in the same second.
    BLUEPRINT_FAAS_DECL static std::string object_name(std::string_view service_id, std::string_view sha256,
                                                       std::chrono::system_clock::time_point now, std::uint32_t nonce);
    /// Tells whether an object is a package of that service: nothing else is ever deleted.
    BLUEPRINT_FAAS_DECL static bool is_package_of(std::string_view object, std::string_view service_id);

    /// Asks whether the bucket is there. Of one that we name ourselves the project's own buckets are asked: the name
    /// can be guessed, so there may be one of somebody else's that lets us in, and who owns it could change programs.
    BLUEPRINT_FAAS_DECL HttpRequest find_bucket() const;
    /// Tells whether the answer to `find_bucket` has it. That a bucket with a given name is not there is no failure.
    BLUEPRINT_FAAS_DECL result<bool> read_bucket(const HttpResponse& answer) const;
    BLUEPRINT_FAAS_DECL std::optional<Error> judge_bucket(const HttpResponse& answer) const;
    /// Makes it: in the region, access by IAM alone, never public. No rule deletes objects by their age: it is not
    /// documented that new instances of a revision do without its package, so that goes with the revision.
    BLUEPRINT_FAAS_DECL HttpRequest create_bucket() const;
    /// Makes the error of a bucket that is somebody else's.
    BLUEPRINT_FAAS_DECL Error not_ours(Error cause) const;

    BLUEPRINT_FAAS_DECL HttpRequest upload(std::string_view object, std::shared_ptr<const Bytes> bytes) const;
    /// Checks that Google has all that was sent.
    BLUEPRINT_FAAS_DECL result<void> read_upload(const HttpResponse& answer, std::uint64_t size) const;

    BLUEPRINT_FAAS_DECL HttpRequest begin_upload(std::string_view object, std::uint64_t size) const;
    /// Reads the address of an upload in pieces. It is a permission by itself, so it has to be where Storage is.
    BLUEPRINT_FAAS_DECL result<std::string> read_session(const HttpResponse& answer) const;
    /// Sends the bytes from `from` on, of `size`. What Google has already is passed over by it.
    BLUEPRINT_FAAS_DECL HttpRequest piece(std::string_view session, std::uint64_t from, Bytes bytes,
                                          std::uint64_t size) const;
    /// Asks how far the upload has come.
    BLUEPRINT_FAAS_DECL HttpRequest ask_state(std::string_view session, std::uint64_t size) const;
    /// Gives the upload up: what was sent is dropped.
    BLUEPRINT_FAAS_DECL HttpRequest give_up(std::string_view session) const;
    BLUEPRINT_FAAS_DECL result<GoogleUploadState> read_state(const HttpResponse& answer, std::uint64_t size) const;
    /// Says what an answer to the three means as a failure; that more is wanted (308) is none.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge_piece(const HttpResponse& answer);
    /// Tells whether the upload is not known any more, so that it has to begin anew.
    BLUEPRINT_FAAS_DECL static bool is_lost(const Error& error);

    BLUEPRINT_FAAS_DECL HttpRequest delete_object(std::string_view object) const;

private:
    HttpRequest session_request(Verb verb, std::string_view session) const;

    const GoogleApi& api_;
    bool is_named_ = false;
    std::string bucket_{};
    std::size_t piece_bytes_ = 8U << 20U;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/gcp_storage.ipp"
#endif

#endif
