#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_SIGNATURE_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_SIGNATURE_HPP

// What the server computes of a signature. Included by aws_gate.ipp alone.

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/aws_gate.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

inline std::string aws_canonical_path(std::string_view path, bool s3) {
    if (s3) return std::string{path};
    std::vector<std::string_view> kept;
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto segment = path.substr(at, end - at);
        if (segment == "..") {
            if (!kept.empty()) kept.pop_back();
        } else if (!segment.empty() && segment != ".") {
            kept.push_back(segment);
        }
        at = end + 1;
    }
    std::string out;
    for (const auto segment : kept) out.append(1, '/').append(faas::detail::percent_encode(segment));
    if (kept.empty() || path.ends_with('/')) out += '/';
    return out;
}

inline std::string aws_canonical_query(std::string_view target, std::string_view without) {
    std::vector<std::pair<std::string, std::string>> sorted;
    for (const auto& parameter : aws_query(target))
        if (parameter.name != without)
            sorted.emplace_back(faas::detail::percent_encode(parameter.name),
                                faas::detail::percent_encode(parameter.value));
    std::sort(sorted.begin(), sorted.end());
    std::string out;
    for (const auto& [name, value] : sorted)
        out.append(out.empty() ? "" : "&").append(name).append(1, '=').append(value);
    return out;
}

/// Trims, and makes one blank of several.
inline void append_header_value(std::string& out, std::string_view value) {
    bool blank = false;
    bool begun = false;
    for (const char c : value) {
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            blank = true;
            continue;
        }
        if (blank && begun) out += ' ';
        blank = false;
        begun = true;
        out += c;
    }
}

inline faas::detail::Sha256Digest hmac_sha256(std::span<const std::uint8_t> key, std::string_view text) {
    faas::detail::Sha256Digest out{};
    std::size_t size = 0;
    const auto data = faas::detail::bytes_of(text);
    if (EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.data(), key.size(), data.data(), data.size(),
                  out.data(), out.size(), &size) == nullptr)
        throw std::runtime_error{"OpenSSL failed to compute an HMAC"};
    return out;
}

inline std::string aws_signature(const Secret& secret, std::string_view time, std::string_view region,
                                 std::string_view service, std::string_view canonical_request) {
    const Secret seed = "AWS4" + secret;
    auto key = hmac_sha256(faas::detail::bytes_of(seed.reveal()), time.substr(0, 8));
    for (const auto part : {region, service, std::string_view{"aws4_request"}}) key = hmac_sha256(key, part);
    std::string text = "AWS4-HMAC-SHA256\n";
    text.append(time).append(1, '\n').append(time.substr(0, 8)).append(1, '/').append(region).append(1, '/');
    text.append(service).append("/aws4_request\n");
    text += faas::detail::sha256_hex(faas::detail::bytes_of(canonical_request));
    const auto signature = faas::detail::hex_encode(hmac_sha256(key, text));
    faas::detail::wipe(key.data(), key.size());
    return signature;
}

}  // namespace blueprint::faas::local

#endif
