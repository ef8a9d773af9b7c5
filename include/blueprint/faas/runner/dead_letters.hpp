#ifndef BLUEPRINT_FAAS_RUNNER_DEAD_LETTERS_HPP
#define BLUEPRINT_FAAS_RUNNER_DEAD_LETTERS_HPP

#include "blueprint/faas/detail/append_file.hpp"
#include "blueprint/faas/job.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas {

/// Where a runner keeps the calls that came to nothing. The file grows by one line a call and is never begun anew.
struct DeadLetterOptions {
    std::string path{};
    /// Goes on only when the disk has the line. Blocks the runner's strand for that long.
    bool sync = false;
};

/// Writes a failed call as one line without its end. A `JsonLinesProducer` reads it as the same call again, all bytes
/// and metadata as they were:
///
///     {"job_id":3,"base64":"AQL/","metadata":{"row":"7"},"timeout_ms":500,"idempotent":true,"dead_letter":
///     {"code":"timed out","message":"...","execution":"unknown","attempts":3,"provider":"custom","http_status":504,
///      "platform_code":"...","request_id":"...","time":"2026-01-31T09:05:00.250Z"}}
///
/// `execution` is "unknown", "not started" or "started": what is replayed although it is "unknown" may run twice.
/// Metadata that is no UTF-8 stands as `"metadata_base64":[["name","value"],...]` instead, both in Base64.
std::string format_dead_letter(const JobCall& call, const Error& error, std::uint32_t attempts,
                               std::chrono::system_clock::time_point time);

namespace detail {

// The file behind `DeadLetterOptions`. A line is there as a whole or not at all: half a line that the end of a process
// left is removed when the file is opened again.
class DeadLetterFile {
public:
    static result<DeadLetterFile> open(const DeadLetterOptions& options);
    result<void> write(std::string line);

private:
    DeadLetterFile(AppendFile file, bool sync) : file_{std::move(file)}, sync_{sync} {}

    AppendFile file_;
    bool sync_;
};

// Text for JSON: what is no UTF-8 becomes U+FFFD.
std::string to_utf8(std::string_view text);

}  // namespace detail

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/runner/impl/dead_letters.ipp"
#endif

#endif
