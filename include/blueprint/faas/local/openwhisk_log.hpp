#ifndef BLUEPRINT_FAAS_LOCAL_OPENWHISK_LOG_HPP
#define BLUEPRINT_FAAS_LOCAL_OPENWHISK_LOG_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// What an instance writes during one call, as the lines of the call's record:
/// "2026-01-31T12:00:00.123456789Z stdout: text". Source: apache/openwhisk, LogLine.toFormattedString.
class OpenWhiskLog {
public:
    /// `limit`: in bytes, of one call; what is beyond is dropped, and told in a last line. 0: nothing is kept.
    explicit OpenWhiskLog(std::size_t limit) noexcept : limit_{limit} {}

    /// Takes a piece of stdout (1) or stderr (2), which may end within a line.
    void add(int stream, std::string_view text);
    /// Gives what a call wrote, and begins with the next one.
    std::vector<std::string> take();

private:
    void end_line(int stream);

    std::size_t limit_;
    std::size_t bytes_ = 0;
    bool truncated_ = false;
    std::string begun_[2];  // of a line of stdout and one of stderr
    std::vector<std::string> lines_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/openwhisk_log.ipp"
#endif

#endif
