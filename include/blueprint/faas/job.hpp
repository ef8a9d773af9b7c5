#ifndef BLUEPRINT_FAAS_JOB_HPP
#define BLUEPRINT_FAAS_JOB_HPP

#include "blueprint/faas/error.hpp"

#include <chrono>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace blueprint::faas {

/// What a job takes and gives.
using Bytes = std::vector<std::uint8_t>;

namespace detail {

template <class T>
concept JobIdWidth = std::unsigned_integral<T> && sizeof(T) <= sizeof(std::uint32_t) && !std::same_as<T, bool> &&
                     !std::same_as<T, char> && !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                     !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <class T>
concept OtherInteger = std::integral<T> && !JobIdWidth<T> && !std::same_as<T, bool>;

// Not constexpr, and named so that the compiler's refusal of `JobId{4294967296}` reads as a sentence.
inline void job_id_must_be_between_0_and_4294967295() {}

}  // namespace detail

/// The number of a job: 0 ... 4294967295. Nothing is ever narrowed into one: unsigned values of up to 32 bits convert,
/// constants of any integer type are checked by the compiler, and everything else goes through `JobId::from`.
class JobId {
public:
    constexpr JobId() noexcept = default;
    template <detail::JobIdWidth T>
    constexpr JobId(T value) noexcept : value_{value} {}
    template <detail::OtherInteger T>
    consteval JobId(T value) : value_{static_cast<std::uint32_t>(value)} {
        if (!std::in_range<std::uint32_t>(value)) detail::job_id_must_be_between_0_and_4294967295();
    }
    template <class T>
        requires(!std::integral<T> && std::is_arithmetic_v<T>)
    JobId(T) = delete;
    JobId(bool) = delete;

    /// Checks a number that is known only while the program runs: `errc::invalid_configuration` beyond 32 bits.
    template <std::integral T>
    static result<JobId> from(T value) {
        if (std::in_range<std::uint32_t>(value)) return JobId{static_cast<std::uint32_t>(value)};
        return Error{.code = errc::invalid_configuration,
                     .message = "job id " + std::to_string(value) + " does not fit: ids are 0 to 4294967295",
                     .execution = Execution::not_started};
    }

    constexpr std::uint32_t value() const noexcept { return value_; }
    friend constexpr auto operator<=>(JobId, JobId) noexcept = default;
    friend std::ostream& operator<<(std::ostream& out, JobId id) { return out << id.value_; }

private:
    std::uint32_t value_ = 0;
};

/// What travels beside the bytes of a call and comes back with its result: names and values, in order, names unique.
/// The runner hands all of it from call to result. Executors send on what their platform has a place for; the custom
/// contract takes `traceparent`, `tracestate`, `x-request-id` and `idempotency-key` (lower case).
class Metadata {
public:
    using value_type = std::pair<std::string, std::string>;

    Metadata() = default;
    Metadata(std::initializer_list<value_type> entries) {
        for (const auto& [name, value] : entries) set(name, value);
    }

    /// Returns the value of `name`; nothing if it was never set. The view lives until the entry changes.
    std::optional<std::string_view> get(std::string_view name) const noexcept {
        for (const auto& entry : entries_)
            if (entry.first == name) return entry.second;
        return std::nullopt;
    }
    void set(std::string_view name, std::string_view value) {
        for (auto& entry : entries_) {
            if (entry.first == name) {
                entry.second = value;
                return;
            }
        }
        entries_.emplace_back(name, value);
    }
    auto begin() const noexcept { return entries_.begin(); }
    auto end() const noexcept { return entries_.end(); }
    bool empty() const noexcept { return entries_.empty(); }
    std::size_t size() const noexcept { return entries_.size(); }
    friend bool operator==(const Metadata&, const Metadata&) = default;

private:
    std::vector<value_type> entries_;
};

/// One call of a job.
struct JobCall {
    JobId job_id{};
    Bytes args{};
    Metadata metadata{};
    /// How long the caller will wait, all retries included; nothing: what the executor was configured with.
    std::optional<std::chrono::milliseconds> timeout{};
    /// Running it twice does no harm, so a call whose fate is unknown may be sent again.
    bool idempotent = false;
};

/// What became of one call: bytes or a failure, and the call's metadata. A failure is never an empty success.
struct JobResult {
    JobId job_id{};
    result<Bytes> outcome{};
    Metadata metadata{};
    /// Who ran it: an executor's `provider_name()`, or "local". Static lifetime.
    std::string_view ran_on{};

    bool succeeded() const noexcept { return outcome.has_value(); }
};

}  // namespace blueprint::faas

template <>
struct std::hash<blueprint::faas::JobId> {
    std::size_t operator()(blueprint::faas::JobId id) const noexcept { return std::hash<std::uint32_t>{}(id.value()); }
};

#endif
