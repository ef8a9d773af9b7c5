#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_PACKAGE_UPLOAD_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_PACKAGE_UPLOAD_HPP

#include "blueprint/faas/codec/gcp_storage.hpp"
#include "blueprint/faas/codec/impl/gcp_exchanges.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Brings packages into a bucket, from where Cloud Run takes them, and removes them. All that it refers to outlives it,
/// and it outlives its awaitables.
template <class L>
class GooglePackageUpload {
    using Step = DeployProgress::Step;

public:
    GooglePackageUpload(GoogleExchanges<L>& exchanges, const GoogleStorage& storage)
        : exchanges_{exchanges}, storage_{storage} {}
    GooglePackageUpload(const GooglePackageUpload&) = delete;
    GooglePackageUpload& operator=(const GooglePackageUpload&) = delete;

    /// Tells whether the bucket is there and is the project's, or was named by the user.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<bool>> bucket_is_there() {
        auto request = storage_.find_bucket();
        const JudgeBucket judge{&storage_};
        auto answer = co_await exchanges_.ask(request, judge);
        if (!answer) co_return std::move(answer).error();
        co_return storage_.read_bucket(*answer);
    }
    /// Makes the bucket if need be, and writes the archive to a new object.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> run(std::string object, std::shared_ptr<const Bytes> archive) {
        auto ready = co_await have_bucket();
        if (!ready) co_return ready;
        const auto size = archive->size();
        exchanges_.tell(Step::uploading, detail(size), size);
        if (size > storage_.piece_bytes()) co_return co_await in_pieces(std::move(object), std::move(archive));
        auto request = storage_.upload(object, std::move(archive));
        exchanges_.watch_upload(request, detail(size));
        auto answer = co_await exchanges_.ask(request);
        if (!answer) co_return std::move(answer).error();
        co_return storage_.read_upload(*answer, size);
    }
    /// Deletes an object; that it is absent is no error.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove(std::string object) {
        auto request = storage_.delete_object(object);
        auto answer = co_await exchanges_.ask(request);
        if (!answer && answer.error().code != errc::not_found) co_return std::move(answer).error();
        co_return result<void>{};
    }

private:
    struct JudgeBucket {
        std::optional<Error> operator()(const HttpResponse& answer) const { return storage->judge_bucket(answer); }
        const GoogleStorage* storage;
    };

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> have_bucket() {
        auto there = co_await bucket_is_there();
        if (!there) co_return std::move(there).error();
        if (*there) co_return result<void>{};
        exchanges_.tell(Step::uploading, "the bucket " + storage_.bucket() + " is made for packages");
        auto request = storage_.create_bucket();
        auto made = co_await exchanges_.ask(request);
        if (made) co_return result<void>{};
        Error cause = std::move(made).error();
        if (cause.code != errc::conflict) co_return cause;
        // The first attempt of a repeated request may have made it; so may another deployment. Names are the world's.
        auto now = co_await bucket_is_there();
        if (!now && now.error().http_status != 403) co_return std::move(now).error();
        if (!now || !*now) co_return storage_.not_ours(std::move(cause));
        co_return result<void>{};
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> in_pieces(std::string object,
                                                                std::shared_ptr<const Bytes> archive) {
        static constexpr int most_beginnings = 2;
        for (int begun = 1;; ++begun) {
            auto begin = storage_.begin_upload(object, archive->size());
            auto answer = co_await exchanges_.ask(begin);
            if (!answer) co_return std::move(answer).error();
            auto session = storage_.read_session(*answer);
            if (!session) co_return std::move(session).error();
            auto sent = co_await send_pieces(*session, archive);
            if (sent) co_return sent;
            Error error = std::move(sent).error();
            if (GoogleStorage::is_lost(error) && begun < most_beginnings) continue;
            // Google drops what was begun and not ended after a week. Who cancelled or has no time left cannot ask for
            // that to be sooner.
            auto give_up = storage_.give_up(*session);
            auto dropped = co_await send(give_up);
            if (!dropped && !GoogleStorage::is_lost(dropped.error()))
                add_reason(error, "what was sent stays for a week: " + dropped.error().message);
            co_return error;
        }
    }
    // Goes on from where Google is, whatever was sent: pieces may be lost, and answers to pieces too.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> send_pieces(std::string session,
                                                                  std::shared_ptr<const Bytes> archive) {
        static constexpr int most_idle = 3;
        const std::uint64_t size = archive->size();
        std::uint64_t at = 0;
        bool ask = false;
        for (int idle = 0;;) {
            auto request = ask || at == size ? storage_.ask_state(session, size)
                                             : storage_.piece(session, at, cut(*archive, at), size);
            if (!ask) exchanges_.watch_upload(request, detail(size), at, size);
            auto answer = co_await send(request);
            if (!answer) {
                Error error = std::move(answer).error();
                // How far it has come is asked for once more than the link tries.
                if (!error.retryable || ask || ++idle > most_idle) co_return error;
                ask = true;
                continue;
            }
            ask = false;
            auto state = storage_.read_state(*answer, size);
            if (!state) co_return std::move(state).error();
            if (state->done) co_return result<void>{};
            if (state->stored > at) {
                idle = 0;
            } else if (++idle > most_idle) {
                co_return Error{.code = errc::infrastructure,
                                .message = "the upload to gs://" + storage_.bucket() + " does not go on after " +
                                           std::to_string(at) + " bytes",
                                .http_status = answer->status,
                                .retryable = true,
                                .execution = Execution::not_started};
            }
            at = state->stored;
        }
    }
    // The address is the permission: no credential goes with it.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> send(HttpRequest& request) {
        const purpose::Upload with_no_credential;
        return exchanges_.link().exchange(request, with_no_credential, Repeat::safe, &GoogleStorage::judge_piece);
    }
    Bytes cut(const Bytes& archive, std::uint64_t from) const {
        const auto begin = static_cast<std::size_t>(from);
        const auto end = std::min(archive.size(), begin + storage_.piece_bytes());
        return Bytes(archive.data() + begin, archive.data() + end);
    }
    std::string detail(std::uint64_t size) const {
        return std::to_string(size) + " bytes to gs://" + storage_.bucket();
    }

    GoogleExchanges<L>& exchanges_;
    const GoogleStorage& storage_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
