#ifndef BLUEPRINT_FAAS_SERVE_STDIO_HPP
#define BLUEPRINT_FAAS_SERVE_STDIO_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

/// Reads a descriptor to its end, or line by line; keeps at most `max_bytes` of one text.
class InputStream {
public:
    InputStream(int descriptor, std::size_t max_bytes) : descriptor_{descriptor}, max_bytes_{max_bytes} {}

    /// Returns all up to the end of file. More than `max_bytes` is `errc::serialization`, and the rest stays unread.
    BLUEPRINT_FAAS_DECL result<std::string> read_all();
    /// Returns the next line without its end; nothing at the end of file. A last line without an end is a line. It is
    /// there until the next call.
    BLUEPRINT_FAAS_DECL result<std::optional<std::string_view>> read_line();

private:
    BLUEPRINT_FAAS_DECL result<bool> read_more();
    BLUEPRINT_FAAS_DECL Error too_long() const;
    std::string_view unread() const noexcept { return std::string_view{buffer_}.substr(begin_, end_ - begin_); }

    int descriptor_;
    std::size_t max_bytes_;
    std::string buffer_;  // of which [begin_, end_) was received and not given out
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// Keeps standard output for the answer alone. What the jobs print there would be taken for a part of it, so from now
/// on descriptor `output` leads to `errors`, and the real output is known to this object only (not to child processes).
class AnswerStream {
public:
    BLUEPRINT_FAAS_DECL static result<AnswerStream> take(int output, int errors);
    AnswerStream() = default;
    AnswerStream(AnswerStream&& other) noexcept : descriptor_{std::exchange(other.descriptor_, -1)} {}
    AnswerStream& operator=(AnswerStream&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    BLUEPRINT_FAAS_DECL ~AnswerStream();

    /// Writes all of `text`; `errc::infrastructure` if the platform does not listen any more.
    BLUEPRINT_FAAS_DECL result<void> write(std::string_view text);

private:
    int descriptor_ = -1;
};

/// Makes a closed pipe or socket an error of the one who writes, instead of the end of the process.
BLUEPRINT_FAAS_DECL void ignore_broken_pipes();
BLUEPRINT_FAAS_DECL bool is_terminal(int descriptor);
/// Tells whether the descriptor is open, and for writing.
BLUEPRINT_FAAS_DECL bool is_writable(int descriptor);
/// Writes to standard error; a failure is nobody's concern.
BLUEPRINT_FAAS_DECL void complain(std::string_view text);
/// Returns the most memory that this program has had in use, in MiB, rounded up; nothing if the system does not tell.
BLUEPRINT_FAAS_DECL std::optional<std::size_t> peak_memory_mib();

/// The same for a program that is asked again and again: the system is asked ten times a second at most.
class PeakMemory {
public:
    BLUEPRINT_FAAS_DECL std::optional<std::size_t> mib();

private:
    std::optional<std::chrono::steady_clock::time_point> asked_{};
    std::optional<std::size_t> mib_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/stdio.ipp"
#endif

#endif
