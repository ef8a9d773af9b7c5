#ifndef BLUEPRINT_FAAS_CODEC_IMPL_JSON_WALK_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_JSON_WALK_HPP

// Goes through JSON where it stands, for answers whose big part is not to become a tree. Included by the codecs' own
// .ipp files alone.

#include "blueprint/faas/detail/json_scan.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>

namespace blueprint::faas::detail::json_walk {

/// A member of an object, or an element of an array, which has no name. Views into the text; the name is as it is
/// written, without its quotes, and so is the value.
struct Member {
    std::string_view name{};
    std::string_view value{};
};

/// The members of one object, or the elements of one array, in order. What stands inside a value is not judged, but
/// for where it ends.
class Walk {
public:
    explicit Walk(std::string_view text) noexcept : at_{text.data()}, end_{text.data() + text.size()} {
        skip_space();
        object_ = at_ != end_ && *at_ == '{';
        good_ = object_ || (at_ != end_ && *at_ == '[');
        if (!good_) return;
        ++at_;
        skip_space();
        if (at_ != end_ && *at_ == close()) finish();
    }

    bool is_object() const noexcept { return object_; }
    /// Returns the next one; nothing at the end, or where the text is not JSON.
    std::optional<Member> next() {
        if (!good_ || ended_) return std::nullopt;
        Member member;
        if (object_ && !take_name(member.name)) return broken();
        const auto* const begin = at_;
        const auto stop = skip_json_value(at_, end_);
        if (stop.why != nullptr) return broken();
        const auto* last = stop.at;
        while (last != begin && is_json_space(last[-1])) --last;
        if (last == begin) return broken();
        member.value = {begin, static_cast<std::size_t>(last - begin)};
        at_ = stop.at;
        if (*at_ == close()) {
            finish();
            return member;
        }
        if (*at_ != ',') return broken();
        ++at_;
        skip_space();
        return member;
    }
    /// Tells, after the last one, whether the text is one object or array and nothing else.
    bool whole() const noexcept { return good_ && ended_; }

private:
    char close() const noexcept { return object_ ? '}' : ']'; }
    void skip_space() noexcept { at_ = skip_json_space(at_, end_); }
    void finish() noexcept {
        ended_ = true;
        ++at_;
        skip_space();
        good_ = at_ == end_;
    }
    std::nullopt_t broken() noexcept {
        good_ = false;
        return std::nullopt;
    }
    bool take_name(std::string_view& name) noexcept {
        if (at_ == end_ || *at_ != '"') return false;
        const auto stop = skip_json_string(at_, end_);
        if (stop.why != nullptr) return false;
        name = {at_ + 1, static_cast<std::size_t>(stop.at - at_) - 2};
        at_ = stop.at;
        skip_space();
        if (at_ == end_ || *at_ != ':') return false;
        ++at_;
        skip_space();
        return true;
    }

    const char* at_;
    const char* end_;
    bool object_ = false;
    bool good_ = false;
    bool ended_ = false;
};

/// Returns the characters of a string that is written without escapes; nothing of anything else.
inline std::optional<std::string_view> plain_text(std::string_view value) noexcept {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::nullopt;
    const auto text = value.substr(1, value.size() - 2);
    if (text.find_first_of("\\\"") != std::string_view::npos) return std::nullopt;
    return text;
}

/// Returns a number that is not negative; nothing of anything else.
inline std::optional<double> plain_number(std::string_view value) noexcept {
    if (value.empty() || value.front() < '0' || value.front() > '9') return std::nullopt;
    double number = 0;
    const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (failed != std::errc{} || end != value.data() + value.size() || !std::isfinite(number)) return std::nullopt;
    return number;
}

}  // namespace blueprint::faas::detail::json_walk

#endif
