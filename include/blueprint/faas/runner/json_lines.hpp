#ifndef BLUEPRINT_FAAS_RUNNER_JSON_LINES_HPP
#define BLUEPRINT_FAAS_RUNNER_JSON_LINES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/runner/consumer.hpp"
#include "blueprint/faas/runner/producer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas {

/// Reads one call: `{"job_id":3,"args":[1,2,255],"metadata":{"call_id":"7"}}`. The bytes are an array of numbers in
/// `args` or Base64 in `base64`, and empty without either; `timeout_ms` and `idempotent` may be given too. What is
/// wrong is `errc::serialization`, an id that does not fit 32 bits `errc::invalid_configuration`; `job_id` is then set
/// if it could be read. A line of dead letters is a call too (see `format_dead_letter`). A member of another name is
/// refused, because it is most likely a slip. No part of `line` but a member's name stands in a message.
result<JobCall> parse_call(std::string_view line, std::optional<JobId>& job_id);

/// Writes one result as one line without its end: `{"job_id":3,"ok":true,"base64":"AQL/","ran_on":"local",...}`, with
/// `error` instead of `base64` for a failed one. What is no UTF-8 becomes U+FFFD. `job_id` is null for input that never
/// became a call of a known job.
std::string format_result(const Invocation& invocation);

namespace detail {

// Cuts text that comes in pieces into lines, and lets no line grow beyond its limit.
class LineSplitter {
public:
    explicit LineSplitter(std::size_t max_line_bytes) noexcept : max_line_bytes_{max_line_bytes} {}

    struct Line {
        std::string text{};
        std::uint64_t number = 0;  ///< counted from 1
        bool too_long = false;     ///< `text` is empty then
    };
    void add(std::string_view piece) { pending_.append(piece); }
    /// Says that nothing more comes: a last line needs no end.
    void finish() noexcept { finished_ = true; }
    /// Returns the next whole line without its end; nothing: add more, or it was the last.
    std::optional<Line> next();

private:
    std::string pending_;
    std::size_t start_ = 0;
    std::size_t searched_ = 0;
    std::uint64_t number_ = 0;
    std::size_t max_line_bytes_;
    bool skipping_ = false;
    bool finished_ = false;
};

// Where the text comes from, in pieces.
class LineSource {
public:
    virtual ~LineSource() = default;
    /// Appends the next piece to `lines`; false at the end.
    virtual asio::awaitable<result<bool>> read(LineSplitter& lines) = 0;

protected:
    std::array<char, 65536> buffer_{};
};

}  // namespace detail

/// Produces the calls in JSON lines (see `parse_call`). A line that is no call becomes one `RefusedCall`, whose message
/// and metadata (`line`) have the line's number, and reading goes on. Blank lines are skipped.
class JsonLinesProducer {
public:
    static constexpr std::size_t default_max_line_bytes = 32U << 20U;

    /// Reads `in`, which must outlive the run. Each read blocks until the stream has given a chunk or its end: meant
    /// for files and strings. For a pipe or a terminal use `from_descriptor`.
    explicit JsonLinesProducer(std::istream& in, std::size_t max_line_bytes = default_max_line_bytes);
    /// Reads a file descriptor, which stays the caller's (the producer has its own duplicate), as its data comes,
    /// without blocking: 0 for standard input. Its flags are left as they are. POSIX only.
    static JsonLinesProducer from_descriptor(int descriptor, std::size_t max_line_bytes = default_max_line_bytes);

    asio::awaitable<result<std::optional<Produced>>> next();

private:
    JsonLinesProducer(std::unique_ptr<detail::LineSource> source, std::size_t max_line_bytes);

    std::unique_ptr<detail::LineSource> source_;
    detail::LineSplitter lines_;
    std::size_t max_line_bytes_;
    bool ended_ = false;
};

/// Writes each result as a JSON line (see `format_result`) to `out`, which must outlive the run, and flushes after the
/// last one.
class JsonLinesConsumer {
public:
    explicit JsonLinesConsumer(std::ostream& out) noexcept : out_{&out} {}

    asio::awaitable<result<void>> consume(const Invocation& invocation);
    asio::awaitable<result<void>> finish();

private:
    std::ostream* out_;
};

static_assert(Producer<JsonLinesProducer>);
static_assert(Consumer<JsonLinesConsumer>);

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/runner/impl/json_lines.ipp"
#endif

#endif
