#ifndef BLUEPRINT_FAAS_SERVE_IMPL_STDIO_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_STDIO_IPP

#include "blueprint/faas/serve/stdio.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace blueprint::faas::detail {

inline Error system_failure(std::string_view what) {
    const auto code = std::error_code{errno, std::generic_category()};
    return Error{.code = errc::infrastructure, .message = std::string{what} + ": " + code.message()};
}

BLUEPRINT_FAAS_DECL Error InputStream::too_long() const {
    return Error{.code = errc::serialization,
                 .message = "the input is longer than " + std::to_string(max_bytes_) + " bytes: send less at once",
                 .platform_code = "TOO_LARGE",
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL result<bool> InputStream::read_more() {
    constexpr std::size_t least = 64U << 10;
    if (begin_ == end_) {
        begin_ = end_ = 0;
    } else if (begin_ > 0 && buffer_.size() - end_ < least) {
        buffer_.erase(0, begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (buffer_.size() - end_ < least) buffer_.resize(end_ + std::max(least, std::min(end_, max_bytes_)));
    for (;;) {
        const auto count = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_failure("the input cannot be read");
        end_ += static_cast<std::size_t>(count);
        return count > 0;
    }
}

BLUEPRINT_FAAS_DECL result<std::string> InputStream::read_all() {
    for (;;) {
        const auto more = read_more();
        if (!more) return more.error();
        if (end_ - begin_ > max_bytes_) return too_long();
        if (*more) continue;
        buffer_.resize(end_);
        buffer_.erase(0, begin_);
        begin_ = end_ = 0;
        return std::exchange(buffer_, {});
    }
}

BLUEPRINT_FAAS_DECL result<std::optional<std::string_view>> InputStream::read_line() {
    std::size_t searched = 0;
    for (;;) {
        const auto text = unread();
        const auto end = text.find('\n', searched);
        if (std::min(end, text.size()) > max_bytes_) return too_long();
        if (end != std::string_view::npos) {
            begin_ += end + 1;
            return std::optional{text.substr(0, end)};
        }
        searched = text.size();
        const auto more = read_more();
        if (!more) return more.error();
        if (*more) continue;
        if (begin_ == end_) return std::optional<std::string_view>{};
        const auto last = unread();
        begin_ = end_;
        return std::optional{last};
    }
}

BLUEPRINT_FAAS_DECL result<AnswerStream> AnswerStream::take(int output, int errors) {
    AnswerStream answer;
    answer.descriptor_ = ::fcntl(output, F_DUPFD_CLOEXEC, 3);
    if (answer.descriptor_ < 0) return system_failure("standard output cannot be kept for the answer");
    if (::dup2(errors, output) >= 0) return answer;
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);  // started without standard error
    const bool moved = nowhere >= 0 && ::dup2(nowhere, output) >= 0;
    if (!moved) return system_failure("standard output cannot be led away from the jobs");
    ::close(nowhere);
    return answer;
}

BLUEPRINT_FAAS_DECL AnswerStream::~AnswerStream() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

BLUEPRINT_FAAS_DECL result<void> AnswerStream::write(std::string_view text) {
    while (!text.empty()) {
        const auto count = ::write(descriptor_, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_failure("the answer cannot be written");
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

BLUEPRINT_FAAS_DECL void ignore_broken_pipes() { std::signal(SIGPIPE, SIG_IGN); }

BLUEPRINT_FAAS_DECL bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

BLUEPRINT_FAAS_DECL bool is_writable(int descriptor) {
    const int flags = ::fcntl(descriptor, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

BLUEPRINT_FAAS_DECL void complain(std::string_view text) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

BLUEPRINT_FAAS_DECL std::optional<std::size_t> peak_memory_mib() {
    // Not getrusage: its ru_maxrss still holds what the process had before it became this program.
    const int status = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (status < 0) return std::nullopt;
    std::array<char, 4096> text{};
    const auto size = ::read(status, text.data(), text.size());
    ::close(status);
    std::string_view rest{text.data(), static_cast<std::size_t>(std::max<::ssize_t>(size, 0))};
    constexpr std::string_view name = "VmHWM:";
    const auto at = rest.find(name);
    if (at == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(at + name.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    std::size_t kib = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), kib);
    if (parsed.ec != std::errc{}) return std::nullopt;
    return (kib + 1023) / 1024;
}

BLUEPRINT_FAAS_DECL std::optional<std::size_t> PeakMemory::mib() {
    const auto now = std::chrono::steady_clock::now();
    if (asked_ && now - *asked_ < std::chrono::milliseconds{100}) return mib_;
    asked_ = now;
    mib_ = peak_memory_mib();
    return mib_;
}

}  // namespace blueprint::faas::detail

#endif
