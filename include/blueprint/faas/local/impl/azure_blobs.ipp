#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_BLOBS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_BLOBS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/local/azure_blobs.hpp"
#include "blueprint/faas/local/impl/aws_xml.hpp"
#include "blueprint/faas/local/impl/md5.hpp"
#include "blueprint/faas/local/options.hpp"
#include "blueprint/faas/local/random.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

namespace blueprint::faas::local {

inline constexpr std::uint64_t azure_blob_overhead = 1024;  // of one blob, besides its bytes

inline Error azure_no_container() {
    return azure_refusal(404, "ContainerNotFound", "The specified container does not exist.");
}
inline Error azure_no_blob() { return azure_refusal(404, "BlobNotFound", "The specified blob does not exist."); }
inline Error azure_condition_not_met() {
    return azure_refusal(412, "ConditionNotMet",
                         "The condition specified using HTTP conditional header(s) is not met.");
}

BLUEPRINT_FAAS_DECL Secret AzureBlobs::new_key() {
    std::array<std::uint8_t, 64> random{};
    draw_random(random);
    Secret key{faas::detail::base64_encode(random)};
    faas::detail::wipe(random.data(), random.size());
    return key;
}

BLUEPRINT_FAAS_DECL AzureBlobs::Account& AzureBlobs::add_account(std::string_view name) {
    auto& account = accounts_[std::string{name}];
    for (auto& key : account.keys) key = new_key();
    return account;
}

BLUEPRINT_FAAS_DECL void AzureBlobs::remove_account(std::string_view name) {
    const auto found = accounts_.find(name);
    if (found == accounts_.end()) return;
    while (!found->second.containers.empty()) {
        const auto container = found->second.containers.begin()->first;
        remove_container(found->second, container);
    }
    accounts_.erase(found);
}

BLUEPRINT_FAAS_DECL AzureBlobs::Account* AzureBlobs::find_account(std::string_view name) {
    const auto found = accounts_.find(name);
    return found == accounts_.end() ? nullptr : &found->second;
}

BLUEPRINT_FAAS_DECL bool AzureBlobs::add_container(Account& account, std::string_view name) {
    const auto [at, is_new] = account.containers.try_emplace(std::string{name});
    if (!is_new) return false;
    at->second =
        Container{.etag = next_etag(), .modified = clock_.http_date(), .modified_time = azure_time(clock_.now())};
    return true;
}

BLUEPRINT_FAAS_DECL bool AzureBlobs::remove_container(Account& account, std::string_view name) {
    const auto found = account.containers.find(name);
    if (found == account.containers.end()) return false;
    for (const auto& [key, blob] : found->second.blobs) used_ -= blob.bytes->size() + azure_blob_overhead;
    account.containers.erase(found);
    return true;
}

BLUEPRINT_FAAS_DECL bool AzureBlobs::opens(std::string_view account, std::string_view key) const {
    const auto found = accounts_.find(account);
    return found != accounts_.end() && found->second.key_access &&
           std::any_of(found->second.keys.begin(), found->second.keys.end(),
                       [&](const Secret& own) { return same_secret(key, own); });
}

BLUEPRINT_FAAS_DECL std::string AzureBlobs::next_etag() {
    char text[32];
    const int size = std::snprintf(text, sizeof text, "\"0x8DE%012llX\"", static_cast<unsigned long long>(++changes_));
    return {text, static_cast<std::size_t>(size)};
}

BLUEPRINT_FAAS_DECL AzureBlobs::Blob& AzureBlobs::store(Container& container, std::string_view name, Bytes bytes,
                                                        std::string_view content_type) {
    auto& blob = container.blobs[std::string{name}];
    if (blob.bytes) used_ -= blob.bytes->size() + azure_blob_overhead;
    used_ += bytes.size() + azure_blob_overhead;
    blob = Blob{.etag = next_etag(), .content_type = std::string{content_type}, .modified = clock_.http_date()};
    blob.md5 = md5_base64(bytes);
    blob.bytes = std::make_shared<const Bytes>(std::move(bytes));
    return blob;
}

BLUEPRINT_FAAS_DECL result<void> AzureBlobs::put(std::string_view account, std::string_view container,
                                                 std::string_view blob, Bytes bytes, std::string_view content_type) {
    auto* const place = find_account(account);
    if (place == nullptr) return azure_no_container();
    const auto found = place->containers.find(container);
    if (found == place->containers.end()) return azure_no_container();
    if (bytes.size() + azure_blob_overhead > room())
        return azure_refusal(413, "RequestBodyTooLarge", "The account has no room left.");
    store(found->second, blob, std::move(bytes), content_type);
    return {};
}

BLUEPRINT_FAAS_DECL std::shared_ptr<const Bytes> AzureBlobs::find(std::string_view account, std::string_view container,
                                                                  std::string_view blob) const {
    const auto place = accounts_.find(account);
    if (place == accounts_.end()) return nullptr;
    const auto within = place->second.containers.find(container);
    if (within == place->second.containers.end()) return nullptr;
    const auto found = within->second.blobs.find(blob);
    return found == within->second.blobs.end() ? nullptr : found->second.bytes;
}

BLUEPRINT_FAAS_DECL void AzureBlobs::stamp(ServerAnswer& answer, const ServerRequest& request) const {
    answer.headers.emplace_back("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0");
    const auto target = read_request_target(request.target, root);
    const auto version = request.field("x-ms-version").value_or(target.get("sv"));
    if (!version.empty()) answer.headers.emplace_back("x-ms-version", version);
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureBlobs::failure(const Error& error, const ServerRequest& request) const {
    ServerAnswer answer{.status = error.http_status == 0 ? 500 : error.http_status, .content_type = "application/xml"};
    const std::string_view said = error.message;
    const auto line = std::min(said.find('\n'), said.size());
    const auto detail = said.substr(std::min(line + 1, said.size()));
    answer.body =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>" +
        xml_around("Error", xml_element("Code", error.platform_code) + xml_element("Message", said.substr(0, line)) +
                                (detail.empty() ? "" : xml_element("AuthenticationErrorDetail", detail)));
    answer.headers.emplace_back("x-ms-error-code", error.platform_code);
    if (answer.status == 401) answer.headers.emplace_back("WWW-Authenticate", gate_.storage_challenge());
    stamp(answer, request);
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureBlobs::answer(ServerRequest request) {
    const auto target = read_request_target(request.target, root);
    const auto place = place_of(target);
    // It may have expired while the body came, and the account may have gone.
    if (const auto may = judge(request, target, place); !may) return failure(may.error(), request);
    auto answer = handle(target, place, request);
    if (!answer) return failure(answer.error(), request);
    stamp(*answer, request);
    return std::move(*answer);
}

inline Error azure_blob_verb(const ServerRequest& request) {
    return azure_refusal(405, "UnsupportedHttpVerb",
                         "The resource doesn't support specified Http Verb: " + request.method);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureBlobs::handle(const RequestTarget& target, const Place& place,
                                                            ServerRequest& request) {
    if (place.container.empty())
        return azure_refusal(400, "InvalidQueryParameterValue",
                             "Value for one of the query parameters specified in the request URI is invalid.");
    if (place.blob.empty()) return of_container(target, place, request);
    auto& account = *find_account(place.account);
    const auto container = account.containers.find(place.container);
    if (container == account.containers.end()) return azure_no_container();
    if (!target.get("comp").empty())
        return azure_refusal(501, "NotImplemented", "The local cloud takes blobs at once: no blocks, leases or tags.");
    const auto& method = request.method;
    if (method == "PUT") return put_blob(place, container->second, request);
    if (method == "GET" || method == "HEAD") return get_blob(place, container->second, request);
    if (method == "DELETE") return delete_blob(place, container->second, request);
    return azure_blob_verb(request);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureBlobs::of_container(const RequestTarget& target, const Place& place,
                                                                  const ServerRequest& request) {
    auto& account = *find_account(place.account);
    if (target.get("restype") != "container")
        return azure_refusal(400, "InvalidUri", "The requested URI does not represent any resource on the server.");
    const auto& method = request.method;
    const auto found = account.containers.find(place.container);
    if (method == "PUT") {
        if (!is_container_name(place.container))
            return azure_refusal(400, "InvalidResourceName",
                                 "The specified resource name contains invalid characters.");
        if (!add_container(account, place.container))
            return azure_refusal(409, "ContainerAlreadyExists", "The specified container already exists.");
        ServerAnswer answer = azure_empty(201);
        answer.headers.emplace_back("ETag", account.containers.find(place.container)->second.etag);
        return answer;
    }
    if (found == account.containers.end()) return azure_no_container();
    if (method == "DELETE") {
        remove_container(account, place.container);
        return azure_empty(202);
    }
    if (method != "GET" && method != "HEAD") return azure_blob_verb(request);
    if (target.get("comp") == "list") return list_blobs(target, place, found->second);
    ServerAnswer answer = azure_empty(200);
    answer.headers.emplace_back("ETag", found->second.etag);
    answer.headers.emplace_back("Last-Modified", found->second.modified);
    return answer;
}

BLUEPRINT_FAAS_DECL bool AzureBlobs::is_container_name(std::string_view name) noexcept {
    const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return name.size() >= 3 && name.size() <= 63 && alphanumeric(name.front()) && alphanumeric(name.back()) &&
           name.find("--") == std::string_view::npos &&
           std::all_of(name.begin(), name.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
}

/// Refuses what If-Match and If-None-Match do not allow. Null: the blob is not there.
/// Source: Azure Storage documentation, "Specify conditional headers for Blob service operations".
inline result<void> azure_blob_conditions(const ServerRequest& request, const AzureBlobs::Blob* blob) {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (const auto match = request.field("if-match"))
        if (blob == nullptr || (*match != "*" && *match != blob->etag)) return azure_condition_not_met();
    if (const auto none = request.field("if-none-match"); none && blob != nullptr) {
        if (*none == "*" && !reads)
            return azure_refusal(409, "BlobAlreadyExists", "The specified blob already exists.");
        if (*none == "*" || *none == blob->etag)
            return reads ? azure_refusal(304, "ConditionNotMet", "It is the same still.") : azure_condition_not_met();
    }
    return {};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureBlobs::put_blob(const Place& place, Container& container,
                                                              ServerRequest& request) {
    const auto type = request.field("x-ms-blob-type");
    if (!type)
        return azure_refusal(400, "MissingRequiredHeader",
                             "An HTTP header that's mandatory for this request is not specified: x-ms-blob-type");
    if (*type != "BlockBlob")
        return azure_refusal(400, "InvalidHeaderValue",
                             "The value for one of the HTTP headers is not in the correct format: x-ms-blob-type");
    if (place.blob.size() > 1024)
        return azure_refusal(400, "InvalidResourceName", "The specified resource name length is not within limits.");
    const auto existing = container.blobs.find(place.blob);
    const auto* const there = existing == container.blobs.end() ? nullptr : &existing->second;
    if (const auto fine = azure_blob_conditions(request, there); !fine) return fine.error();
    for (const auto* const field : {"content-md5", "x-ms-blob-content-md5"})
        if (const auto sent = request.field(field); sent && *sent != md5_base64(request.body))
            return azure_refusal(400, "Md5Mismatch",
                                 "The MD5 value specified in the request did not match with the MD5 value calculated "
                                 "by the server.");
    const std::uint64_t freed = there == nullptr ? 0 : there->bytes->size() + azure_blob_overhead;
    if (request.body.size() + azure_blob_overhead > room() + freed)
        return azure_refusal(413, "RequestBodyTooLarge",
                             "The request body is too large and exceeds the maximum permissible limit.");
    std::string content_type{request.field("x-ms-blob-content-type")
                                 .value_or(request.field("content-type").value_or("application/octet-stream"))};
    auto& blob = store(container, place.blob, std::move(request.body), content_type);
    for (const auto& [name, value] : request.fields)
        if (auto lower = azure_lower(name); lower.starts_with("x-ms-meta-")) blob.metadata[std::move(lower)] = value;
    ServerAnswer answer = azure_empty(201);
    answer.headers = {{"ETag", blob.etag},
                      {"Last-Modified", blob.modified},
                      {"Content-MD5", blob.md5},
                      {"x-ms-request-server-encrypted", "true"}};
    return answer;
}

/// Reads "bytes=5-9" or "bytes=5-" for a blob of `size` bytes: the first byte and how many. Nothing: it is another
/// range, or none.
inline std::optional<std::pair<std::size_t, std::size_t>> azure_blob_range(std::string_view field, std::size_t size) {
    constexpr std::string_view unit = "bytes=";
    if (!field.starts_with(unit)) return std::nullopt;
    field.remove_prefix(unit.size());
    std::size_t first = 0;
    std::size_t last = size - 1;
    const auto* const end = field.data() + field.size();
    const auto [dash, failed] = std::from_chars(field.data(), end, first);
    if (failed != std::errc{} || dash == end || *dash != '-') return std::nullopt;
    if (dash + 1 != end) {
        const auto [over, wrong] = std::from_chars(dash + 1, end, last);
        if (wrong != std::errc{} || over != end) return std::nullopt;
    }
    if (first >= size || last < first) return std::nullopt;
    return std::pair{first, std::min(last, size - 1) - first + 1};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureBlobs::get_blob(const Place& place, Container& container,
                                                              const ServerRequest& request) {
    const auto found = container.blobs.find(place.blob);
    if (found == container.blobs.end()) return azure_no_blob();
    const auto& blob = found->second;
    if (const auto fine = azure_blob_conditions(request, &blob); !fine) return fine.error();
    ServerAnswer answer{.content_type = blob.content_type};
    answer.headers = {{"ETag", blob.etag},
                      {"Last-Modified", blob.modified},
                      {"Accept-Ranges", "bytes"},
                      {"x-ms-blob-type", "BlockBlob"},
                      {"x-ms-creation-time", blob.modified},
                      {"x-ms-lease-status", "unlocked"},
                      {"x-ms-lease-state", "available"},
                      {"x-ms-server-encrypted", "true"}};
    for (const auto& [name, value] : blob.metadata) answer.headers.emplace_back(name, value);
    answer.body = faas::detail::text_of(*blob.bytes);
    const auto wanted = request.field("x-ms-range") ? request.field("x-ms-range") : request.field("range");
    if (!wanted) {
        answer.headers.emplace_back("Content-MD5", blob.md5);
        return answer;
    }
    const auto range = azure_blob_range(*wanted, answer.body.size());
    if (!range)
        return azure_refusal(416, "InvalidRange",
                             "The range specified is invalid for the current size of the resource.");
    answer.status = 206;
    answer.headers.emplace_back("Content-Range", "bytes " + std::to_string(range->first) + '-' +
                                                     std::to_string(range->first + range->second - 1) + '/' +
                                                     std::to_string(answer.body.size()));
    answer.headers.emplace_back("x-ms-blob-content-md5", blob.md5);
    answer.body = answer.body.substr(range->first, range->second);
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureBlobs::delete_blob(const Place& place, Container& container,
                                                                 const ServerRequest& request) {
    const auto found = container.blobs.find(place.blob);
    if (found == container.blobs.end()) return azure_no_blob();
    if (const auto fine = azure_blob_conditions(request, &found->second); !fine) return fine.error();
    used_ -= found->second.bytes->size() + azure_blob_overhead;
    container.blobs.erase(found);
    auto answer = azure_empty(202);
    answer.headers.emplace_back("x-ms-delete-type-permanent", "true");
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureBlobs::list_blobs(const RequestTarget& target, const Place& place,
                                                        const Container& container) const {
    constexpr std::size_t most = 5000;
    std::size_t size = most;
    const auto wanted = target.get("maxresults");
    std::from_chars(wanted.data(), wanted.data() + wanted.size(), size);
    size = std::clamp<std::size_t>(size, 1, most);
    const std::string prefix{target.get("prefix")};
    const std::string delimiter{target.get("delimiter")};
    std::string blobs;
    std::string next;
    std::string last_prefix;
    std::size_t listed = 0;
    for (auto at = container.blobs.lower_bound(std::max(prefix, std::string{target.get("marker")}));
         at != container.blobs.end() && at->first.starts_with(prefix); ++at) {
        const auto& [name, blob] = *at;
        const auto cut = delimiter.empty() ? std::string::npos : name.find(delimiter, prefix.size());
        const auto directory = cut == std::string::npos ? std::string{} : name.substr(0, cut + delimiter.size());
        if (!directory.empty() && directory == last_prefix) continue;
        if (listed == size) {
            next = name;
            break;
        }
        ++listed;
        if (!directory.empty()) {
            last_prefix = directory;
            blobs += xml_around("BlobPrefix", xml_element("Name", directory));
            continue;
        }
        const auto bare_etag = blob.etag.substr(1, blob.etag.size() - 2);
        blobs += xml_around(
            "Blob",
            xml_element("Name", name) +
                xml_around("Properties",
                           xml_element("Creation-Time", blob.modified) + xml_element("Last-Modified", blob.modified) +
                               xml_element("Etag", bare_etag) +
                               xml_element("Content-Length", std::to_string(blob.bytes->size())) +
                               xml_element("Content-Type", blob.content_type) + xml_element("Content-MD5", blob.md5) +
                               xml_element("BlobType", "BlockBlob") + xml_element("AccessTier", "Hot") +
                               xml_element("AccessTierInferred", "true") + xml_element("LeaseStatus", "unlocked") +
                               xml_element("LeaseState", "available") + xml_element("ServerEncrypted", "true")));
    }
    ServerAnswer answer{.content_type = "application/xml"};
    answer.body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"" + place.container +
                  "\">" + xml_element("Prefix", prefix) + xml_element("MaxResults", std::to_string(size)) +
                  xml_around("Blobs", blobs) + xml_element("NextMarker", next) + "</EnumerationResults>";
    return answer;
}

}  // namespace blueprint::faas::local

#endif
