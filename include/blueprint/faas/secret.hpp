#ifndef BLUEPRINT_FAAS_SECRET_HPP
#define BLUEPRINT_FAAS_SECRET_HPP

#include <cstddef>
#include <cstring>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas {

namespace detail {

/// Overwrites `size` bytes at `data`. The barrier keeps the optimiser from dropping a store that nobody reads again.
inline void wipe(void* data, std::size_t size) noexcept {
    if (size == 0) return;
    std::memset(data, 0, size);
    __asm__ __volatile__("" : : "r"(data) : "memory");
}

/// Wipes a string with all its capacity and leaves it empty.
inline void wipe(std::string& text) noexcept {
    text.resize(text.capacity());
    wipe(text.data(), text.size());
    text.clear();
}

}  // namespace detail

/// Holds text that must not be seen: it is never printed, and wiped when it goes.
/// Made from any string without ceremony, because keeping something secret is always safe; `reveal()` is the only way
/// out, so that every use of a secret is found by searching for that word.
class Secret {
public:
    Secret() = default;
    Secret(std::string text) : text_{std::move(text)} { detail::wipe(text); }
    Secret(std::string_view text) : text_{text} {}
    Secret(const char* text) : text_{text} {}
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept : text_{std::move(other.text_)} { detail::wipe(other.text_); }
    Secret& operator=(const Secret& other) {
        if (this != &other) {
            detail::wipe(text_);
            text_ = other.text_;
        }
        return *this;
    }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            detail::wipe(text_);
            text_ = std::move(other.text_);
            detail::wipe(other.text_);
        }
        return *this;
    }
    ~Secret() { detail::wipe(text_); }

    /// Returns the text itself. The view lives as long as the secret and is not to be copied into anything printed.
    std::string_view reveal() const noexcept { return text_; }
    bool empty() const noexcept { return text_.empty(); }
    std::size_t size() const noexcept { return text_.size(); }

    /// Compares in a time that depends on the lengths alone.
    friend bool operator==(const Secret& a, const Secret& b) noexcept {
        if (a.size() != b.size()) return false;
        unsigned char difference = 0;
        for (std::size_t i = 0; i < a.size(); ++i)
            difference = static_cast<unsigned char>(
                difference | (static_cast<unsigned char>(a.text_[i]) ^ static_cast<unsigned char>(b.text_[i])));
        return difference == 0;
    }
    friend Secret operator+(std::string_view prefix, const Secret& secret) {
        Secret joined;
        joined.text_.reserve(prefix.size() + secret.size());
        joined.text_.append(prefix).append(secret.text_);
        return joined;
    }
    friend std::ostream& operator<<(std::ostream&, const Secret&) = delete;

private:
    std::string text_;
};

}  // namespace blueprint::faas

#endif
