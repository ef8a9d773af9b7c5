#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_PACKAGE_UPLOAD_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_PACKAGE_UPLOAD_HPP

#include "blueprint/faas/codec/aws_storage.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_exchanges.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Brings a package into S3, from where Lambda takes it. All that it refers to outlives it.
template <class L>
class AwsPackageUpload {
    using Step = DeployProgress::Step;

public:
    AwsPackageUpload(const LambdaExchanges<L>& exchanges, const AwsStorage& storage, const LambdaWanted& package)
        : exchanges_{exchanges}, storage_{storage}, zip_{package.zip}, key_{storage.key(package.package_sha256)} {}

    const std::string& key() const noexcept { return key_; }

    /// Tells whether the bucket holds this very package: the key is its digest.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> is_there() {
        auto request = storage_.head(key_);
        auto answer = co_await ask(request, &AwsStorage::judge_head);
        if (!answer) co_return std::move(answer).error();
        co_return AwsStorage::is_there(*answer, zip_->size());
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> run() {
        auto there = co_await is_there();
        if (!there) co_return std::move(there).error();
        if (*there) {
            exchanges_.tell(Step::uploading, "the bucket " + storage_.bucket() + " holds this package already");
            co_return result<void>{};
        }
        exchanges_.tell(Step::uploading, detail());
        if (zip_->size() > storage_.part_bytes()) co_return co_await in_parts();
        auto request = storage_.put(key_, zip_);
        exchanges_.watch_upload(request, detail(), 0, zip_->size(), zip_->size());
        auto answer = co_await ask(request, &AwsStorage::judge);
        if (!answer) co_return std::move(answer).error();
        co_return result<void>{};
    }
    /// The calls that `run` would make if the package is not there.
    std::vector<std::string> calls() const {
        const auto parts = (zip_->size() + storage_.part_bytes() - 1) / storage_.part_bytes();
        const auto where = to_string(storage_.head(key_).origin);
        const auto call = [&](const HttpRequest& request) {
            return std::string{to_string(request.verb)} + ' ' + where + request.target;
        };
        if (parts == 1) return {call(storage_.put(key_, zip_))};
        std::vector<std::string> out{call(storage_.begin_upload(key_))};
        for (std::size_t number = 1; number <= parts; ++number)
            out.push_back(call(storage_.part(key_, "UPLOAD", number, {})));
        out.push_back(call(storage_.complete_upload(key_, "UPLOAD", {})));
        return out;
    }

private:
    template <class Judge>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(HttpRequest& request, Judge judge) {
        const purpose::ControlPlane storage{.service = "s3"};
        return exchanges_.link().exchange(request, storage, Repeat::safe, judge);
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> in_parts() {
        auto begin = storage_.begin_upload(key_);
        auto begun = co_await ask(begin, &AwsStorage::judge);
        if (!begun) co_return std::move(begun).error();
        auto upload = AwsStorage::read_upload(*begun);
        if (!upload) co_return std::move(upload).error();
        auto sent = co_await send_parts(*upload);
        if (sent) co_return sent;
        // S3 keeps the parts of an upload, and charges for them, until it is told that there will be no more. Who
        // cancelled or has no time left cannot tell it.
        auto abort = storage_.abort_upload(key_, *upload);
        auto aborted = co_await ask(abort, &AwsStorage::judge);
        Error error = std::move(sent).error();
        if (!aborted) add_reason(error, "the parts that were sent stay in the bucket: " + aborted.error().message);
        co_return error;
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> send_parts(const std::string& upload) {
        const Bytes& bytes = *zip_;
        std::vector<std::string> tags;
        for (std::size_t at = 0; at < bytes.size(); at += storage_.part_bytes()) {
            const auto end = std::min(bytes.size(), at + storage_.part_bytes());
            const auto* const data = bytes.data();
            Bytes piece(data + at, data + end);
            auto request = storage_.part(key_, upload, tags.size() + 1, std::move(piece));
            exchanges_.watch_upload(request, detail(), at, end - at, bytes.size());
            auto answer = co_await ask(request, &AwsStorage::judge);
            if (!answer) co_return std::move(answer).error();
            auto tag = AwsStorage::read_part(*answer);
            if (!tag) co_return std::move(tag).error();
            tags.push_back(std::move(*tag));
        }
        auto complete = storage_.complete_upload(key_, upload, tags);
        auto done = co_await ask(complete, &AwsStorage::judge);
        if (done) co_return result<void>{};
        Error error = std::move(done).error();
        if (error.platform_code != "NoSuchUpload") co_return error;
        // A repeated request finds the upload gone if its first attempt had completed it.
        auto there = co_await is_there();
        if (!there) co_return std::move(there).error();
        if (!*there) co_return error;
        co_return result<void>{};
    }
    std::string detail() const { return std::to_string(zip_->size()) + " bytes to s3://" + storage_.bucket(); }

    const LambdaExchanges<L>& exchanges_;
    const AwsStorage& storage_;
    std::shared_ptr<const Bytes> zip_;
    std::string key_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
