#ifndef BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_TEXT_HPP
#define BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_TEXT_HPP

#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/secret.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail::sigv4 {

inline constexpr std::string_view upper_digits = "0123456789ABCDEF";

// The characters that are never escaped. Source: RFC 3986, section 2.3.
inline constexpr std::array<bool, 256> unreserved = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"})
        table[static_cast<std::uint8_t>(c)] = true;
    return table;
}();

inline bool is_unreserved(char c) noexcept { return unreserved[static_cast<std::uint8_t>(c)]; }

// 0..15, or -1 for what is no hexadecimal digit.
constexpr int digit_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The byte that the three characters at the beginning of `text` escape, or -1.
constexpr int escaped_byte(std::string_view text) noexcept {
    if (text.size() < 3 || text[0] != '%') return -1;
    const int high = digit_value(text[1]), low = digit_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Memory for texts that may hold a session token: used again and again, wiped when it is given back.
class Buffer {
public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { wipe(data_.get(), size_); }
    // Room for `size` characters; what stood there is gone.
    char* room(std::size_t size) {
        if (size > size_) {
            wipe(data_.get(), size_);
            size_ = 0;
            data_.reset(new char[size * 2]);
            size_ = size * 2;
        }
        return data_.get();
    }

private:
    std::unique_ptr<char[]> data_{};
    std::size_t size_ = 0;
};

// Writes where there is room enough.
class Writer {
public:
    explicit Writer(char* at) noexcept : begin_{at}, at_{at} {}
    void put(std::string_view text) noexcept {
        if (text.empty()) return;  // memcpy must not be given null
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    void put(char c) noexcept { *at_++ = c; }
    void put_escaped(std::uint8_t byte) noexcept {
        put('%');
        put(upper_digits[byte >> 4U]);
        put(upper_digits[byte & 15U]);
    }
    // Escapes all but unreserved characters and `also`.
    void put_encoded(std::string_view text, char also = 'a') noexcept {
        for (const char c : text) {
            if (is_unreserved(c) || c == also)
                put(c);
            else
                put_escaped(static_cast<std::uint8_t>(c));
        }
    }
    std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
    void shrink(std::size_t size) noexcept { at_ = begin_ + size; }
    std::string_view text(std::size_t from = 0) const noexcept { return {begin_ + from, size() - from}; }

private:
    char* begin_;
    char* at_;
};

inline bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Trims a field's value and makes each run of blanks one. Eight characters at a time while there is no blank among
// them, because a session token has a thousand.
inline void put_value(Writer& out, std::string_view value) noexcept {
    const auto* at = value.data();
    const auto* end = at + value.size();
    while (at != end && is_blank(*at)) ++at;
    while (at != end && is_blank(end[-1])) --end;
    while (at != end) {
        if (end - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, 8);
            constexpr std::uint64_t ones = 0x0101010101010101U;
            if (((word - ones * 0x21U) & ~word & ones * 0x80U) == 0) {  // no byte is below 0x21
                out.put(std::string_view{at, 8});
                at += 8;
                continue;
            }
        }
        const auto* stop = end - at > 8 ? at + 8 : end;
        for (; at < stop; ++at) {
            if (!is_blank(*at)) {
                out.put(*at);
                continue;
            }
            out.put(' ');
            while (is_blank(at[1])) ++at;  // ends before `end`, whose last character is none
        }
    }
}

// At most thrice as long as the path, and one more.
inline void put_uri(Writer& out, std::string_view path, aws::PathRules rules) noexcept {
    const auto put_part = [&](std::string_view part) { rules.encode ? out.put_encoded(part, '/') : out.put(part); };
    if (path.empty()) return out.put('/');
    const bool normal = path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos;
    if (!rules.normalize || normal) return put_part(path);
    const auto begin = out.size();
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto segment = path.substr(at, end - at);
        at = end + 1;
        if (segment.empty() || segment == ".") continue;
        if (segment == "..") {
            const auto last = out.text(begin).rfind('/');
            out.shrink(begin + (last == std::string_view::npos ? 0 : last));
            continue;
        }
        out.put('/');
        put_part(segment);
    }
    if (out.size() == begin || path.back() == '/') out.put('/');
}

// What stands between '&' in a query, in turn.
template <class Use>
void for_each_parameter(std::string_view query, Use use) {
    while (!query.empty()) {
        const auto parameter = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(parameter.size() + 1, query.size()));
        if (!parameter.empty()) use(parameter);
    }
}

// A name or value of a query in the one form that is signed: at most thrice as long.
inline void put_query_part(Writer& out, std::string_view part) noexcept {
    for (std::size_t at = 0; at < part.size(); ++at) {
        const char c = part[at];
        const int escaped = c == '%' ? escaped_byte(part.substr(at)) : -1;
        if (escaped >= 0) at += 2;
        const char meant = escaped >= 0 ? static_cast<char>(escaped) : c;
        if (is_unreserved(meant))
            out.put(meant);
        else
            out.put_escaped(static_cast<std::uint8_t>(meant));
    }
}

// Builds what is signed of a request. Keeps its memory for the next one; what it returns lives until then.
class Canonical {
public:
    std::string_view query(std::string_view query) {
        if (query.empty()) return {};
        Writer out{query_.room(query.size() * 4 + 1)};
        parameters_.clear();
        for_each_parameter(query, [&](std::string_view parameter) {
            const auto name = parameter.substr(0, parameter.find('='));
            const auto begin = out.size();
            put_query_part(out, name);
            const auto name_size = out.size() - begin;
            out.put('=');
            if (name.size() < parameter.size()) put_query_part(out, parameter.substr(name.size() + 1));
            parameters_.push_back({out.text(begin), name_size});
        });
        if (parameters_.size() == 1) return out.text();
        std::sort(parameters_.begin(), parameters_.end());
        Writer sorted{sorted_query_.room(out.size() + parameters_.size())};
        for (const auto& parameter : parameters_) {
            sorted.put(parameter.text);
            sorted.put('&');
        }
        return sorted.text().substr(0, std::max<std::size_t>(sorted.size(), 1) - 1);
    }

    std::string_view request(const aws::SignedParts& parts, aws::PathRules rules) {
        const auto sorted = query(parts.query);
        sort(parts.fields);
        std::size_t room = parts.method.size() + parts.path.size() * 3 + sorted.size() + parts.payload_hash.size() + 8;
        for (const auto& field : fields_) room += field.name.size() * 2 + field.value.size() + 4;
        Writer out{text_.room(room)};
        out.put(parts.method);
        out.put('\n');
        put_uri(out, parts.path, rules);
        out.put('\n');
        out.put(sorted);
        out.put('\n');
        std::string_view name;
        for (const auto& field : fields_) {
            if (field.name == name) {
                out.shrink(out.size() - 1);
                out.put(',');
            } else {
                name = field.name;
                out.put(name);
                out.put(':');
            }
            put_value(out, field.value);
            out.put('\n');
        }
        out.put('\n');
        const auto names = out.size();
        put_names(out);
        signed_headers_ = out.text(names);
        out.put('\n');
        out.put(parts.payload_hash);
        return out.text();
    }

    // The names that the last request's text has.
    std::string_view signed_headers() const noexcept { return signed_headers_; }

    // Only them.
    std::string_view signed_headers(std::span<const aws::SignedField> fields) {
        sort(fields);
        std::size_t room = 1;
        for (const auto& field : fields_) room += field.name.size() + 1;
        Writer out{text_.room(room)};
        put_names(out);
        return out.text();
    }

private:
    struct Parameter {
        std::string_view text{};
        std::size_t name_size = 0;
        friend bool operator<(const Parameter& a, const Parameter& b) noexcept {
            const auto order = a.text.substr(0, a.name_size).compare(b.text.substr(0, b.name_size));
            return order != 0 ? order < 0 : a.text.substr(a.name_size) < b.text.substr(b.name_size);
        }
    };

    void sort(std::span<const aws::SignedField> fields) {
        std::size_t room = 0;
        for (const auto& field : fields) room += field.name.size();
        Writer names{names_.room(room)};
        fields_.clear();
        for (const auto& field : fields) {
            const auto begin = names.size();
            for (const char c : field.name) names.put(ascii_lower(c));
            fields_.push_back({names.text(begin), field.value});
        }
        const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
        if (fields_.size() > 32) return std::stable_sort(fields_.begin(), fields_.end(), by_name);
        // By insertion, because std::stable_sort takes memory each time.
        for (std::size_t i = 1; i < fields_.size(); ++i) {
            const auto field = fields_[i];
            auto to = i;
            for (; to != 0 && by_name(field, fields_[to - 1]); --to) fields_[to] = fields_[to - 1];
            fields_[to] = field;
        }
    }
    void put_names(Writer& out) const noexcept {
        std::string_view name;
        for (const auto& field : fields_) {
            if (field.name == name) continue;
            if (!name.empty()) out.put(';');
            name = field.name;
            out.put(name);
        }
    }

    Buffer text_{};
    Buffer names_{};
    Buffer query_{};
    Buffer sorted_query_{};
    std::vector<aws::SignedField> fields_{};
    std::vector<Parameter> parameters_{};
    std::string_view signed_headers_{};
};

// "20150830T123600Z". A year beyond four digits is none that a request has.
inline void put_date(Writer& out, std::chrono::sys_seconds time) noexcept {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    const auto put_number = [&](unsigned value, unsigned unit) {
        for (; unit != 0; unit /= 10) out.put(static_cast<char>('0' + value / unit % 10));
    };
    put_number(static_cast<unsigned>(static_cast<int>(date.year())), 1000);
    put_number(static_cast<unsigned>(date.month()), 10);
    put_number(static_cast<unsigned>(date.day()), 10);
    out.put('T');
    put_number(static_cast<unsigned>(clock.hours().count()), 10);
    put_number(static_cast<unsigned>(clock.minutes().count()), 10);
    put_number(static_cast<unsigned>(clock.seconds().count()), 10);
    out.put('Z');
}

inline void put_hex(Writer& out, std::span<const std::uint8_t> bytes) noexcept {
    for (const auto byte : bytes) {
        out.put("0123456789abcdef"[byte >> 4U]);
        out.put("0123456789abcdef"[byte & 15U]);
    }
}

inline constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view scope_end = "/aws4_request";

inline void put_scope(Writer& out, std::string_view date, const aws::SigningScope& scope) noexcept {
    out.put(date.substr(0, 8));
    out.put('/');
    out.put(scope.region);
    out.put('/');
    out.put(scope.service);
    out.put(scope_end);
}

}  // namespace blueprint::faas::detail::sigv4

#endif
