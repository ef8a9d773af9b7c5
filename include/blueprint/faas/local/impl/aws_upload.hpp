#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_UPLOAD_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_UPLOAD_HPP

// What the bodies of S3 requests say. Included by aws_storage.ipp alone.

#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/detail/xml.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

inline constexpr std::size_t smallest_part = 5U << 20;  ///< of an upload in parts, but for the last one

inline std::array<std::uint8_t, 16> md5(std::span<const std::uint8_t> data) {
    std::array<std::uint8_t, 16> digest{};
    if (EVP_Q_digest(nullptr, "MD5", nullptr, data.data(), data.size(), digest.data(), nullptr) != 1)
        throw std::runtime_error{"OpenSSL offers no MD5, which S3 names its objects by"};
    return digest;
}

inline std::string md5_hex(std::span<const std::uint8_t> data) { return faas::detail::hex_encode(md5(data)); }

/// A body without its framing, and the fields that came after it.
struct Unframed {
    Bytes bytes{};
    std::vector<std::pair<std::string, std::string>> trailer{};
};

/// Takes the framing off that clients put around a body whose checksum they know at its end only:
/// "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n". Nothing if it is malformed.
/// Source: Amazon S3 API Reference, "Signature calculations: including trailing headers".
inline std::optional<Unframed> read_aws_chunked(std::string_view text) {
    Unframed out;
    const auto line = [&]() -> std::optional<std::string_view> {
        const auto end = text.find("\r\n");
        if (end == std::string_view::npos) return std::nullopt;
        const auto found = text.substr(0, end);
        text.remove_prefix(end + 2);
        return found;
    };
    for (;;) {
        auto head = line();
        if (!head) return std::nullopt;
        *head = head->substr(0, head->find(';'));
        std::size_t size = 0;
        const auto [end, failed] = std::from_chars(head->data(), head->data() + head->size(), size, 16);
        if (head->empty() || failed != std::errc{} || end != head->data() + head->size()) return std::nullopt;
        if (size == 0) break;
        if (size > text.size() || text.substr(size, 2) != "\r\n") return std::nullopt;
        const auto data = faas::detail::bytes_of(text.substr(0, size));
        out.bytes.insert(out.bytes.end(), data.begin(), data.end());
        text.remove_prefix(size + 2);
    }
    for (auto field = line(); field && !field->empty(); field = line()) {
        const auto colon = field->find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        auto value = field->substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        out.trailer.emplace_back(field->substr(0, colon), value);
    }
    if (!text.empty()) return std::nullopt;
    return out;
}

inline Error bad_digest(std::string_view which) {
    return aws_refusal(400, "BadDigest",
                       "The " + std::string{which} + " you specified did not match the calculated checksum.");
}

/// Compares what came with the checksums that were sent along, as far as they are computed here: MD5, CRC-32, SHA-256.
inline result<void> judge_checksums(std::span<const std::uint8_t> data,
                                    const std::vector<std::pair<std::string, std::string>>& fields) {
    for (const auto& [name, value] : fields) {
        if (faas::detail::iequals(name, "content-md5")) {
            const auto wanted = faas::detail::base64_decode(value);
            if (!wanted || wanted->size() != 16)
                return aws_refusal(400, "InvalidDigest", "The Content-MD5 you specified was invalid.");
            if (value != faas::detail::base64_encode(md5(data)))
                return aws_refusal(400, "BadDigest", "The Content-MD5 you specified did not match what we received.");
        }
        if (faas::detail::iequals(name, "x-amz-checksum-crc32")) {
            const auto sum = faas::detail::crc32(data);
            const std::array<std::uint8_t, 4> big{static_cast<std::uint8_t>(sum >> 24U),
                                                  static_cast<std::uint8_t>(sum >> 16U),
                                                  static_cast<std::uint8_t>(sum >> 8U), static_cast<std::uint8_t>(sum)};
            if (value != faas::detail::base64_encode(big)) return bad_digest("CRC32");
        }
        if (faas::detail::iequals(name, "x-amz-checksum-sha256") &&
            value != faas::detail::base64_encode(faas::detail::sha256(data)))
            return bad_digest("SHA256");
    }
    return {};
}

/// Takes the body of an upload out of its request, without framing and with its checksums compared.
inline result<Bytes> take_upload(ServerRequest& request) {
    const auto hash = request.field("x-amz-content-sha256").value_or("");
    const auto coding = request.field("content-encoding").value_or("");
    if (!hash.starts_with("STREAMING-") && coding.find("aws-chunked") == std::string_view::npos) {
        if (auto right = judge_checksums(request.body, request.fields); !right) return right.error();
        return std::move(request.body);
    }
    auto plain = read_aws_chunked(faas::detail::text_of(request.body));
    if (!plain)
        return aws_refusal(400, "IncompleteBody", "The request body is not in the framing that aws-chunked promises.");
    request.body = Bytes{};
    const auto length = request.field("x-amz-decoded-content-length");
    if (length && *length != std::to_string(plain->bytes.size()))
        return aws_refusal(400, "IncompleteBody",
                           "You did not provide the number of bytes specified by the x-amz-decoded-content-length "
                           "header");
    for (const auto* fields : {&request.fields, &plain->trailer})
        if (auto right = judge_checksums(plain->bytes, *fields); !right) return right.error();
    return std::move(plain->bytes);
}

inline Error malformed_xml() {
    return aws_refusal(400, "MalformedXML",
                       "The XML you provided was not well-formed or did not validate against our published schema");
}

/// Reads a body whose root is the element `root`.
inline result<faas::detail::XmlElement> read_body(std::string_view body, std::string_view root) {
    auto document = faas::detail::read_xml(body);
    if (!document || document->name != root) return malformed_xml();
    return document;
}

/// Reads the region that a new bucket is to be in; empty: none is said.
inline result<std::string> read_location(std::string_view body) {
    if (body.empty()) return std::string{};
    const auto document = read_body(body, "CreateBucketConfiguration");
    if (!document) return document.error();
    return std::string{document->text_at("LocationConstraint")};
}

/// Reads the parts that make up an object, by number and ETag.
inline result<std::vector<std::pair<unsigned, std::string>>> read_completed_parts(std::string_view body) {
    const auto document = read_body(body, "CompleteMultipartUpload");
    if (!document) return document.error();
    std::vector<std::pair<unsigned, std::string>> parts;
    for (const auto& part : document->children) {
        if (part.name != "Part") continue;
        const auto number_text = part.text_at("PartNumber");
        const auto* const number_end = number_text.data() + number_text.size();
        unsigned number = 0;
        const auto [stopped, failure] = std::from_chars(number_text.data(), number_end, number);
        const auto* const etag = part.find("ETag");
        if (failure != std::errc{} || stopped != number_end || etag == nullptr) return malformed_xml();
        parts.emplace_back(number, std::string{etag->text.reveal()});
    }
    if (parts.empty()) return malformed_xml();
    return parts;
}

}  // namespace blueprint::faas::local

#endif
