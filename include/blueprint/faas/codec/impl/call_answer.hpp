#ifndef BLUEPRINT_FAAS_CODEC_IMPL_CALL_ANSWER_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_CALL_ANSWER_HPP

// The usual answer to a call, read where it stands. Included by the codecs' own .ipp files alone.

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/job.hpp"

#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail::answer_reading {

/// What the answer to a call tells, if it is none of a failure.
struct CallAnswer {
    std::optional<Bytes> bytes{};
    std::optional<std::uint32_t> execution_ms{};
    std::optional<std::uint32_t> memory_used_mb{};
    std::optional<std::uint32_t> init_ms{};
    std::optional<bool> cold_start{};
};

inline CallAnswer numbers_in(const json::object& body) {
    CallAnswer told;
    told.execution_ms = number_member<std::uint32_t>(body, "execution_ms");
    told.memory_used_mb = number_member<std::uint32_t>(body, "memory_used_mb");
    told.init_ms = number_member<std::uint32_t>(body, "init_ms");
    if (const auto* cold = body.if_contains("cold_start"); cold != nullptr && cold->is_bool())
        told.cold_start = cold->as_bool();
    return told;
}

/// Reads {"job_id":0,"result":"...","success":true,"execution_ms":1,"memory_used_mb":3}: members in any order, each of
/// them once or not at all, with `init_ms` and `cold_start` or without, and a result of either form. Nothing if it is
/// anything else, whether right or wrong: `parse_object_with_bytes`, which takes several times as long, then decides.
class UsualAnswer {
public:
    explicit UsualAnswer(std::string_view text) noexcept : rest_{text} {}

    std::optional<CallAnswer> read(JobId id) {
        std::optional<CallAnswer> told{std::in_place};
        if (!read_members(id, *told)) told.reset();
        return told;
    }

private:
    bool read_members(JobId id, CallAnswer& told) {
        skip_space();
        if (!take('{')) return false;
        for (;;) {
            skip_space();
            const auto name = take_string();
            skip_space();
            if (!name || !take(':')) return false;
            skip_space();
            if (!read_member(*name, id, told)) return false;
            skip_space();
            if (take('}')) break;
            if (!take(',')) return false;
        }
        skip_space();
        return rest_.empty() && told.bytes;
    }
    // Where the size is known, comparing takes a few instructions and no call.
    template <std::size_t Size>
    static bool is(std::string_view name, const char (&known)[Size]) noexcept {
        return name.size() == Size - 1 && std::memcmp(name.data(), known, Size - 1) == 0;
    }
    bool read_member(std::string_view name, JobId id, CallAnswer& told) {
        if (is(name, "result")) return !told.bytes && read_bytes(told.bytes);
        if (is(name, "job_id")) return once(job_id_) && job_id_ == id.value();
        if (is(name, "success")) return !std::exchange(success_, true) && take_word("true");
        if (is(name, "execution_ms")) return once(told.execution_ms);
        if (is(name, "memory_used_mb")) return once(told.memory_used_mb);
        if (is(name, "init_ms")) return once(told.init_ms);
        if (!is(name, "cold_start") || told.cold_start) return false;
        const bool yes = take_word("true");
        told.cold_start = yes;
        return yes || take_word("false");
    }
    bool read_bytes(std::optional<Bytes>& bytes) {
        if (rest_.starts_with('[')) {
            const auto size = read_json_bytes(rest_, bytes.emplace());
            if (size) rest_.remove_prefix(*size);
            return size.has_value();
        }
        const auto text = take_string();
        if (text) bytes = base64_decode(*text);
        return bytes.has_value();
    }
    bool once(std::optional<std::uint32_t>& number) noexcept {
        if (number) return false;
        std::uint64_t value = 0;
        std::size_t digits = 0;
        for (; digits < rest_.size() && digits < 11 && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits)
            value = value * 10 + static_cast<std::uint64_t>(rest_[digits] - '0');
        const bool leading_zero = digits > 1 && rest_.front() == '0';
        if (digits == 0 || leading_zero || value > std::numeric_limits<std::uint32_t>::max()) return false;
        rest_.remove_prefix(digits);
        number = static_cast<std::uint32_t>(value);
        return true;
    }
    /// Takes a string; nothing if it has escapes, or is none.
    std::optional<std::string_view> take_string() noexcept {
        if (!take('"')) return std::nullopt;
        const auto end = rest_.find('"');
        if (end == std::string_view::npos) return std::nullopt;
        const auto text = rest_.substr(0, end);
        if (text.find('\\') != std::string_view::npos) return std::nullopt;
        rest_.remove_prefix(end + 1);
        return text;
    }
    bool take_word(std::string_view word) noexcept {
        const bool there = rest_.starts_with(word);
        if (there) rest_.remove_prefix(word.size());
        return there;
    }
    bool take(char c) noexcept {
        const bool there = rest_.starts_with(c);
        if (there) rest_.remove_prefix(1);
        return there;
    }
    void skip_space() noexcept {
        static constexpr std::string_view blanks = " \n\r\t";
        while (!rest_.empty() && rest_.front() <= ' ' && blanks.find(rest_.front()) != std::string_view::npos)
            rest_.remove_prefix(1);
    }

    std::string_view rest_;
    std::optional<std::uint32_t> job_id_{};
    bool success_ = false;
};

}  // namespace blueprint::faas::detail::answer_reading

#endif
