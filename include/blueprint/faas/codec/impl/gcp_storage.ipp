#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_STORAGE_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_STORAGE_IPP

#include "blueprint/faas/codec/gcp_storage.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"
#include "blueprint/faas/detail/attempts.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/detail/url.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace blueprint::faas::detail {

namespace gcp_storage {

using gcp_reading::array_member;
using gcp_reading::parse_object;
using gcp_reading::text_member;
using gcp_reading::unreadable;
namespace json = boost::json;

// A bucket's name has no ':', needs a proof of who owns the domain if it has a '.', has no "google" in it, and has at
// most 63 characters. Source: Cloud Storage documentation, "Bucket naming requirements".
BLUEPRINT_FAAS_COLD inline std::string own_bucket_name(const GoogleCloudOptions& options) {
    static constexpr std::size_t longest = 63;
    auto name = options.prefix + (options.prefix.empty() ? "" : "-") + options.project + '-' + options.region;
    std::replace_if(name.begin(), name.end(), [](char c) { return c == ':' || c == '.'; }, '_');
    static constexpr std::string_view taken = "google";
    for (auto at = name.find(taken); at != std::string::npos; at = name.find(taken)) name.replace(at, 6, "elgoog");
    if (name.size() <= longest) return name;
    const auto digest = sha256_hex(bytes_of(name)).substr(0, 12);
    return name.substr(0, longest - digest.size() - 1) + '-' + digest;
}

// A part of a request's path: "a/b" is one, as "a%2Fb".
BLUEPRINT_FAAS_COLD inline std::string object_path(std::string_view bucket, std::string_view object) {
    return "/storage/v1/b/" + percent_encode(bucket) + "/o/" + percent_encode(object);
}

BLUEPRINT_FAAS_COLD inline std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

}  // namespace gcp_storage

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL GoogleStorage::GoogleStorage(const GoogleApi& api, const std::string& bucket)
    : api_{api},
      is_named_{!bucket.empty()},
      bucket_{bucket.empty() ? gcp_storage::own_bucket_name(api.options()) : bucket} {}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string GoogleStorage::object_name(
    std::string_view service_id, std::string_view sha256, std::chrono::system_clock::time_point now,
    std::uint32_t nonce) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{second - day};
    const auto digits = [](auto number, std::size_t width) {
        auto text = std::to_string(number);
        return std::string(width - std::min(width, text.size()), '0') + text;
    };
    const std::array<std::uint8_t, 4> bytes{static_cast<std::uint8_t>(nonce >> 24U),
                                            static_cast<std::uint8_t>(nonce >> 16U),
                                            static_cast<std::uint8_t>(nonce >> 8U), static_cast<std::uint8_t>(nonce)};
    std::string name = "services/" + std::string{service_id} + '/';
    name += digits(static_cast<int>(date.year()), 4) + digits(static_cast<unsigned>(date.month()), 2) +
            digits(static_cast<unsigned>(date.day()), 2) + '-' + digits(time.hours().count(), 2) +
            digits(time.minutes().count(), 2) + digits(time.seconds().count(), 2);
    return name + '-' + hex_encode(bytes) + '-' + std::string{sha256.substr(0, 16)} + ".tar.gz";
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool GoogleStorage::is_package_of(std::string_view object,
                                                                          std::string_view service_id) {
    const auto folder = "services/" + std::string{service_id} + '/';
    return object.starts_with(folder) && object.ends_with(".tar.gz") &&
           object.find('/', folder.size()) == std::string_view::npos;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleStorage::find_bucket() const {
    const auto path = is_named_ ? "/storage/v1/b/" + percent_encode(bucket_)
                                : "/storage/v1/b?project=" + percent_encode(api_.options().project) +
                                      "&prefix=" + percent_encode(bucket_);
    return api_.request(GoogleService::storage, Verb::get, path);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> GoogleStorage::judge_bucket(
    const HttpResponse& answer) const {
    auto error = GoogleApi::judge(answer);
    if (!error) return std::nullopt;
    if (is_named_ && error->code == errc::not_found) return std::nullopt;
    if (error->http_status == 403) {
        add_reason(*error, is_named_ ? "the bucket " + bucket_ +
                                           " is somebody else's, or the credential lacks storage.buckets.get on it; "
                                           "name another one in CloudRunOptions::bucket, or grant "
                                           "roles/storage.admin on it"
                                     : "the credential needs storage.buckets.list in the project, or name a bucket in "
                                       "CloudRunOptions::bucket");
    }
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<bool> GoogleStorage::read_bucket(const HttpResponse& answer) const {
    using namespace gcp_storage;
    if (answer.status == 404) return false;
    const auto body = parse_object(answer.body);
    if (!body) return unreadable(answer, "a bucket is no JSON object");
    if (is_named_) return true;
    const auto& items = array_member(*body, "items");
    return std::any_of(items.begin(), items.end(), [&](const json::value& one) {
        return one.is_object() && text_member(one.get_object(), "name") == bucket_;
    });
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleStorage::create_bucket() const {
    gcp_storage::json::value body{
        {"name", bucket_},
        {"location", api_.options().region},
        {"labels", {{"managed-by", "blueprint-faas"}}},
        {"iamConfiguration",
         {{"uniformBucketLevelAccess", {{"enabled", true}}}, {"publicAccessPrevention", "enforced"}}},
    };
    return api_.request(GoogleService::storage, Verb::post,
                        "/storage/v1/b?project=" + percent_encode(api_.options().project),
                        Body{gcp_storage::json::serialize(body)});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error GoogleStorage::not_ours(Error cause) const {
    cause.message = "the bucket " + bucket_ + " for packages is taken, and is none of the project " +
                    api_.options().project + ": name another one in CloudRunOptions::bucket" +
                    (cause.message.empty() ? "" : " (" + cause.message + ')');
    cause.retryable = false;
    cause.execution = Execution::not_started;
    return cause;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleStorage::upload(std::string_view object,
                                                                          std::shared_ptr<const Bytes> bytes) const {
    auto out = api_.request(
        GoogleService::storage, Verb::post,
        "/upload/storage/v1/b/" + percent_encode(bucket_) + "/o?uploadType=media&name=" + percent_encode(object));
    out.headers.set("Content-Type", "application/gzip");
    out.body = std::move(bytes);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<void> GoogleStorage::read_upload(const HttpResponse& answer,
                                                                                std::uint64_t size) const {
    using namespace gcp_storage;
    const auto body = parse_object(answer.body);
    if (!body) return unreadable(answer, "an object is no JSON object");
    // 64-bit numbers are texts in Google's JSON.
    if (number_of(text_member(*body, "size")) == size) return {};
    return Error{.code = errc::infrastructure,
                 .message = "gs://" + bucket_ + " stored another number of bytes of the package than were sent",
                 .http_status = answer.status,
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleStorage::begin_upload(std::string_view object,
                                                                                std::uint64_t size) const {
    auto out = api_.request(
        GoogleService::storage, Verb::post,
        "/upload/storage/v1/b/" + percent_encode(bucket_) + "/o?uploadType=resumable&name=" + percent_encode(object));
    out.headers.set("X-Upload-Content-Type", "application/gzip");
    out.headers.set("X-Upload-Content-Length", std::to_string(size));
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> GoogleStorage::read_session(
    const HttpResponse& answer) const {
    using namespace gcp_storage;
    const auto location = answer.headers.get("Location");
    if (!location) return unreadable(answer, "an upload has no Location");
    const auto url = parse_url(*location);
    if (!url) return unreadable(answer, "an upload's Location is no URL");
    if (!(url->origin == api_.request(GoogleService::storage, Verb::put, "/").origin))
        return unreadable(answer, "an upload leads to " + to_string(url->origin) + ", which is not where Storage is");
    return url->target;
}

inline HttpRequest GoogleStorage::session_request(Verb verb, std::string_view session) const {
    auto out = api_.request(GoogleService::storage, verb, "/");
    out.target = session;
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleStorage::piece(std::string_view session, std::uint64_t from,
                                                                         Bytes bytes, std::uint64_t size) const {
    auto out = session_request(Verb::put, session);
    out.headers.set("Content-Range", "bytes " + std::to_string(from) + '-' + std::to_string(from + bytes.size() - 1) +
                                         '/' + std::to_string(size));
    out.body = std::move(bytes);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleStorage::ask_state(std::string_view session,
                                                                             std::uint64_t size) const {
    auto out = session_request(Verb::put, session);
    out.headers.set("Content-Range", "bytes */" + std::to_string(size));
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleStorage::give_up(std::string_view session) const {
    return session_request(Verb::del, session);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<GoogleUploadState> GoogleStorage::read_state(const HttpResponse& answer,
                                                                                            std::uint64_t size) const {
    using namespace gcp_storage;
    if (answer.status != 308) {
        const auto whole = read_upload(answer, size);
        if (!whole) return whole.error();
        return GoogleUploadState{.stored = size, .done = true};
    }
    const auto range = answer.headers.get("Range");
    if (!range) return GoogleUploadState{};  // nothing is there yet
    static constexpr std::string_view lead = "bytes=0-";
    const auto last = range->starts_with(lead) ? number_of(range->substr(lead.size())) : std::nullopt;
    if (!last || *last >= size) return unreadable(answer, "an upload's Range is none");
    return GoogleUploadState{.stored = *last + 1};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> GoogleStorage::judge_piece(const HttpResponse& answer) {
    if (answer.status == 308 || answer.status == 499) return std::nullopt;  // 499: given up, as asked for
    return GoogleApi::judge(answer);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool GoogleStorage::is_lost(const Error& error) {
    return error.http_status == 404 || error.http_status == 410;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleStorage::delete_object(std::string_view object) const {
    return api_.request(GoogleService::storage, Verb::del, gcp_storage::object_path(bucket_, object));
}

}  // namespace blueprint::faas::detail

#endif
