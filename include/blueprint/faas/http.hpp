#ifndef BLUEPRINT_FAAS_HTTP_HPP
#define BLUEPRINT_FAAS_HTTP_HPP

#include "blueprint/faas/job.hpp"
#include "blueprint/faas/secret.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas {

/// The HTTP methods that platforms use.
enum class Verb : std::uint8_t { get, head, post, put, patch, del };

constexpr std::string_view to_string(Verb verb) noexcept {
    return std::data({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})[static_cast<std::size_t>(verb)];
}

/// Who is spoken to: scheme, host (lower case, IPv6 without brackets) and port.
struct Origin {
    bool tls = true;
    std::string host{};
    std::uint16_t port = 443;

    friend bool operator==(const Origin&, const Origin&) = default;
};

/// Writes `https://host[:port]`; the scheme's own port is left out.
inline std::string to_string(const Origin& origin) {
    std::string text = origin.tls ? "https://" : "http://";
    text += origin.host.find(':') == std::string::npos ? origin.host : '[' + origin.host + ']';
    if (origin.port != (origin.tls ? 443 : 80)) text += ':' + std::to_string(origin.port);
    return text;
}

namespace detail {

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i])) return false;
    return true;
}

}  // namespace detail

/// Header fields as they stand on the wire, in one string that is wiped when it goes: credentials pass through here.
/// A field name that is no token or a value with CR, LF or NUL is not taken; `refused()` then names the field, and no
/// Transport sends such a request. Source: RFC 9110, "Field Values".
class Headers {
public:
    Headers() = default;
    Headers(const Headers&) = default;
    Headers(Headers&&) noexcept = default;
    /// Takes "Name: value\r\n" lines, of which the caller knows that they are fit to be sent.
    explicit Headers(std::string lines) noexcept : text_{std::move(lines)} {}
    Headers& operator=(Headers other) noexcept {
        text_.swap(other.text_);
        refused_.swap(other.refused_);
        return *this;
    }
    ~Headers() { detail::wipe(text_); }

    /// Sets `name` to `value`; what the field was before is gone. Names are compared without case.
    void set(std::string_view name, std::string_view value) {
        erase(name);
        add(name, value);
    }
    /// Adds a field, also if there is one of that name.
    void add(std::string_view name, std::string_view value) {
        const bool fit = is_token(name) && is_value(value);
        if (!fit) refused_ = is_token(name) ? name : "(a name that is no token)";
        if (!fit) return;
        reserve(text_.size() + name.size() + value.size() + 4);
        text_.append(name).append(": ", 2).append(value).append("\r\n", 2);
    }
    /// Returns the first field of that name; the view lives until the headers change.
    std::optional<std::string_view> get(std::string_view name) const noexcept {
        if (const auto line = find(name); !line.empty())
            return line.substr(name.size() + 2, line.size() - name.size() - 4);
        return std::nullopt;
    }
    void erase(std::string_view name) {
        for (auto line = find(name); !line.empty(); line = find(name)) {
            const std::string_view rest{line.end(), text().end()};
            std::char_traits<char>::move(text_.data() + (line.data() - text_.data()), rest.data(), rest.size());
            shorten(text_.size() - line.size());
        }
    }
    /// Keeps only the fields that make up the first `size` characters of `text()`, and wipes the others.
    void shorten(std::size_t size) noexcept {
        if (size >= text_.size()) return;
        detail::wipe(text_.data() + size, text_.size() - size);
        text_.resize(size);
    }
    /// The same for fields that are written anew for another request: it also forgets what was refused.
    void begin_again(std::size_t size) noexcept {
        shorten(size);
        refused_.clear();
    }
    /// Returns all fields as "Name: value\r\n" lines.
    std::string_view text() const noexcept { return text_; }
    bool empty() const noexcept { return text_.empty(); }
    /// Names the field that was not taken; empty: all were.
    const std::string& refused() const noexcept { return refused_; }
    friend std::ostream& operator<<(std::ostream&, const Headers&) = delete;

private:
    // A bit for each character of a token. Source: RFC 9110, "Tokens".
    static constexpr bool is_token(std::string_view name) noexcept {
        constexpr std::uint64_t characters[]{0x3ff6cfa00000000U, 0x57ffffffc7fffffeU, 0, 0};
        for (const char c : name)
            if ((characters[static_cast<std::uint8_t>(c) / 64] >> (c & 63) & 1U) == 0) return false;
        return !name.empty();
    }
    // Looked for one by one, which is a search of whole words of memory: values may be long.
    static constexpr bool is_value(std::string_view value) noexcept {
        return value.find('\r') + 1 == 0 && value.find('\n') + 1 == 0 && value.find('\0') + 1 == 0;  // npos is -1
    }
    std::string_view find(std::string_view name) const noexcept {
        for (std::size_t at = 0, end = 0; at < text_.size(); at = end) {
            end = text_.find('\n', at) + 1;
            if (end - at >= name.size() + 4 && text_[at + name.size()] == ':' &&
                detail::iequals(std::string_view{text_}.substr(at, name.size()), name))
                return std::string_view{text_}.substr(at, end - at);
        }
        return {};
    }
    // Growing moves the text; what is left behind would keep a credential readable in freed memory.
    void reserve(std::size_t size) {
        if (size <= text_.capacity()) return;
        Headers grown;
        grown.text_.reserve(size < 256 ? 512 : size * 2);
        grown.text_ = text_;
        text_.swap(grown.text_);
    }

    std::string text_;
    std::string refused_;
};

class BodySource;  // <blueprint/faas/body_stream.hpp>
class BodySink;

/// The body of a request: owned text or bytes, shared bytes (so that a package is never copied), or a source such as
/// `FileBody` that gives it piece by piece.
class Body {
public:
    Body() = default;
    Body(std::string text) : text_{std::move(text)} {}
    Body(Bytes bytes) : bytes_{std::move(bytes)} {}
    Body(std::shared_ptr<const Bytes> shared) : shared_{std::move(shared)} {}
    /// Takes a source of `size` bytes, which is read once for every attempt.
    Body(std::shared_ptr<BodySource> source, std::uint64_t size) : source_{std::move(source)}, source_bytes_{size} {}

    /// Returns the bytes; none of a source, which has to be read.
    std::string_view view() const noexcept {
        const Bytes& bytes = shared_ ? *shared_ : bytes_;
        if (bytes.empty()) return text_;
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    /// Makes the body an empty text, to be written where this points. Its memory is that of the text before.
    std::string& begin_text() noexcept {
        text_.clear();
        *this = Body{std::move(text_)};
        return text_;
    }
    /// Returns the source; null if the bytes are here.
    const std::shared_ptr<BodySource>& source() const noexcept { return source_; }
    std::uint64_t size() const noexcept { return source_ ? source_bytes_ : view().size(); }

private:
    std::string text_{};
    Bytes bytes_{};
    std::shared_ptr<const Bytes> shared_{};
    std::shared_ptr<BodySource> source_{};
    std::uint64_t source_bytes_ = 0;
};

/// One request. `Host`, `Content-Length` and `Connection` are the Transport's to write.
struct HttpRequest {
    Origin origin{};
    Verb verb = Verb::get;
    std::string target{"/"};  ///< path and query, already percent-encoded
    Headers headers{};
    Body body{};
    std::size_t max_response_bytes = 1024 * 1024;  ///< a longer body, unpacked, is `errc::serialization`
    std::string_view timeout_header{};             ///< tells the milliseconds left, at each attempt; static lifetime
    bool accept_gzip = false;                      ///< offer it; an answer that is gzip is unpacked in any case
    std::shared_ptr<BodySink> sink{};              ///< takes the body of a 2xx answer instead of `HttpResponse::body`
    /// Is told how much of the body has gone out, at least every 256 KiB; must return soon.
    std::function<void(std::uint64_t sent, std::uint64_t total)> upload_progress{};
};

/// One answer.
struct HttpResponse {
    unsigned status = 0;
    Headers headers{};
    std::string body{};
    bool connection_reused = false;
};

}  // namespace blueprint::faas

#endif
