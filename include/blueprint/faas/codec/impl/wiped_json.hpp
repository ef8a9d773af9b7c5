#ifndef BLUEPRINT_FAAS_CODEC_IMPL_WIPED_JSON_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_WIPED_JSON_HPP

// Included by the codecs' own files in impl/ alone.

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/secret.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Writes a JSON object to the end of bytes that are wiped by whoever owns them. What it leaves behind when they grow
/// is wiped too. Text is UTF-8.
class WipedJson {
public:
    explicit WipedJson(Bytes& out) : out_{out} {}

    void raw(std::string_view text) { append(bytes_of(text)); }
    void text(std::string_view text) {
        static constexpr std::string_view digits = "0123456789abcdef";
        raw("\"");
        for (const char c : text) {
            const auto code = static_cast<unsigned char>(c);
            if (c == '"' || c == '\\') {
                const std::array<char, 2> escape{'\\', c};
                raw({escape.data(), escape.size()});
            } else if (code < 0x20) {
                const std::array<char, 6> escape{'\\', 'u', '0', '0', digits[code >> 4U], digits[code & 15U]};
                raw({escape.data(), escape.size()});
            } else {
                raw({&c, 1});
            }
        }
        raw("\"");
    }
    void name(std::string_view name) {
        raw(first_ ? "{" : ",");
        first_ = false;
        text(name);
        raw(":");
    }
    void member(std::string_view member, std::string_view value) {
        name(member);
        text(value);
    }
    void member(std::string_view member, std::uint32_t value) {
        name(member);
        raw(std::to_string(value));
    }
    // Begins an object; nothing is written to the outer one before its `end`.
    WipedJson object(std::string_view member) {
        name(member);
        return WipedJson{out_};
    }
    void base64(std::string_view member, std::span<const std::uint8_t> data) {
        static constexpr std::size_t piece = 3 * 65536;
        name(member);
        reserve(out_.size() + data.size() / 3 * 4 + 512);
        raw("\"");
        for (std::size_t at = 0; at < data.size(); at += piece)
            raw(base64_encode(data.subspan(at, std::min(piece, data.size() - at))));
        raw("\"");
    }
    void end() { raw(first_ ? "{}" : "}"); }

private:
    void append(std::span<const std::uint8_t> data) {
        if (out_.size() + data.size() > out_.capacity()) reserve(2 * (out_.size() + data.size()) + 512);
        out_.insert(out_.end(), data.begin(), data.end());
    }
    void reserve(std::size_t size) {
        if (size <= out_.capacity()) return;
        Bytes grown;
        grown.reserve(size);
        grown.assign(out_.begin(), out_.end());
        wipe(out_.data(), out_.size());
        out_.swap(grown);
    }

    Bytes& out_;
    bool first_ = true;
};

}  // namespace blueprint::faas::detail

#endif
