#ifndef BLUEPRINT_FAAS_CODEC_AWS_STORAGE_HPP
#define BLUEPRINT_FAAS_CODEC_AWS_STORAGE_HPP

#include "blueprint/faas/codec/aws_lambda_protocol.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// The wire format of S3, as far as packages that are too large for a request to Lambda need it: requests and what
/// their answers mean. Requests are signed for the service "s3".
/// Source: Amazon S3 API reference, "HeadObject", "PutObject", "CreateMultipartUpload", "UploadPart",
/// "CompleteMultipartUpload" and "AbortMultipartUpload".
class AwsStorage {
public:
    /// Checks the options that name the bucket; `errc::invalid_configuration` if they do not.
    BLUEPRINT_FAAS_DECL static result<AwsStorage> make(const LambdaProtocol& protocol);

    const std::string& bucket() const noexcept { return bucket_; }
    std::size_t part_bytes() const noexcept { return part_bytes_; }
    /// The object that a package of this SHA-256 is: the same bytes are stored once.
    std::string key(std::string_view sha256) const {
        return (prefix_.empty() ? std::string{} : prefix_ + '/') + std::string{sha256} + ".zip";
    }

    BLUEPRINT_FAAS_DECL HttpRequest head(std::string_view key) const;
    BLUEPRINT_FAAS_DECL HttpRequest put(std::string_view key, std::shared_ptr<const Bytes> bytes) const;
    BLUEPRINT_FAAS_DECL HttpRequest begin_upload(std::string_view key) const;
    /// Parts are numbered from 1.
    BLUEPRINT_FAAS_DECL HttpRequest part(std::string_view key, std::string_view upload, std::size_t number,
                                         Bytes bytes) const;
    BLUEPRINT_FAAS_DECL HttpRequest complete_upload(std::string_view key, std::string_view upload,
                                                    const std::vector<std::string>& tags) const;
    BLUEPRINT_FAAS_DECL HttpRequest abort_upload(std::string_view key, std::string_view upload) const;

    /// Says what an answer means as a failure; nothing if it is a success. S3 also answers failures with status 200,
    /// when it noticed them late.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);
    /// The same for `head`, whose failures have no body: that there is no object, or that nobody says so to those who
    /// may not list the bucket, is no failure.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge_head(const HttpResponse& answer);
    /// Tells whether the answer to `head` names an object of this size.
    BLUEPRINT_FAAS_DECL static bool is_there(const HttpResponse& answer, std::uint64_t size);
    BLUEPRINT_FAAS_DECL static result<std::string> read_upload(const HttpResponse& answer);
    /// Reads the tag by which a part is named when the upload is completed.
    BLUEPRINT_FAAS_DECL static result<std::string> read_part(const HttpResponse& answer);

private:
    AwsStorage() = default;
    HttpRequest request(Verb verb, std::string_view key, std::string_view query = {}) const;

    Origin origin_{};
    std::string path_{};  ///< before the key, with its '/'
    std::string bucket_{};
    std::string prefix_{};
    std::size_t part_bytes_ = 0;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/aws_storage.ipp"
#endif

#endif
