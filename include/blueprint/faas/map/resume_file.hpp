#ifndef BLUEPRINT_FAAS_MAP_RESUME_FILE_HPP
#define BLUEPRINT_FAAS_MAP_RESUME_FILE_HPP

#include "blueprint/faas/detail/append_file.hpp"
#include "blueprint/faas/job.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace blueprint::faas {

/// What the resume file of a map survives.
enum class ResumeSync {
    process_crash,  ///< the end of the process, `kill -9` too: the kernel has each record before the map goes on
    power_loss,     ///< the end of the machine: the disk has each record before the map goes on (slow, blocks)
};

/// Where a map keeps what it has done, and what a later run of it makes of that. An input that succeeded is never run
/// again; one that failed for certain is tried again. The same range has to be given in the same order; an input
/// that differs from the one the file knows is refused.
struct ResumeOptions {
    std::string path{};
    /// Names the input (its file, its hash), to be told from another input of the same run id.
    std::string input{};
    /// Hands out the stored results of inputs that succeeded earlier; otherwise those are only counted.
    bool yield_stored = true;
    /// Runs inputs again that may have run (in flight when the process was killed, or failed without a certain answer).
    /// Without it, and unless the map is idempotent, they are reported as failed with `Execution::unknown`. Safe with
    /// idempotency keys on a platform that honours them.
    bool rerun_unknown = false;
    ResumeSync sync = ResumeSync::process_crash;
};

namespace detail {

/// The file behind `ResumeOptions`. All numbers are little-endian, all checksums CRC-32 of zip.
///
///     header:  "BFAASMAP"  u32 version = 1  u32 job id  u32 size of run id  u32 size of input  run id  input
///              u32 checksum of all before
///     record:  u8 kind  u64 index  u32 size  u32 checksum of these 13 bytes  `size` bytes  u32 checksum of them
///     kind 'S' before an input is submitted:  u32 checksum and u32 size of its arguments
///     kind 'D' it succeeded:                  its bytes
///     kind 'F' it failed:                     u8 errc  u8 execution (0 unknown, 1 not started, 2 started)  message
///
/// A record is appended by one write. Only the last one can be torn, by the end of the process (its beginning is
/// there) or of the machine (zeros may follow): it is dropped. Anything else that does not check is damage, and the
/// file is refused rather than guessed at, because inputs would run twice. The later record of an index counts. An
/// 'S' without 'D' or 'F' means that the input may have run.
class ResumeFile {
public:
    enum class Fate { nothing, succeeded, failed, unknown };
    struct Item {
        Fate fate = Fate::nothing;
        std::uint32_t failures = 0;  ///< in ways that are certain, so far
        std::uint32_t args_checksum = 0, args_size = 0;
        std::uint32_t size = 0;  ///< of the payload of the last record
        std::uint64_t at = 0;    ///< and its offset; 0: there is none
    };

    /// Opens the file for a run of `job` named `run_id`, or begins it. `errc::conflict`: another run has it open.
    /// `errc::invalid_configuration`: it is of another job, run or input, or is no resume file or damaged.
    static result<ResumeFile> open(const ResumeOptions& options, JobId job, std::string_view run_id);

    /// Returns what is known of an input from here and earlier runs.
    Item find(std::uint64_t index) const;
    /// Drops what is known of an input that this run has done with, so that memory does not grow with the inputs.
    void forget(std::uint64_t index) noexcept { items_.erase(index); }
    /// Of how many inputs something is known and not forgotten.
    std::size_t remembered() const noexcept { return items_.size(); }
    /// Tells whether these are the arguments that the file knows `item` by; true if it knows none.
    static bool same_input(const Item& item, std::span<const std::uint8_t> args) noexcept;
    /// Reads the bytes that a succeeded input gave.
    result<Bytes> stored(std::uint64_t index, const Item& item) const;
    /// Reads how a failed or unknown input failed. A failure to read is told in its place.
    Error stored_error(std::uint64_t index, const Item& item) const;

    result<void> started(std::uint64_t index, std::span<const std::uint8_t> args);
    result<void> finished(std::uint64_t index, const result<Bytes>& outcome);
    result<void> sync() { return file_.sync(); }
    /// How many inputs have succeeded.
    std::uint64_t succeeded() const noexcept { return succeeded_; }

private:
    ResumeFile(AppendFile file, bool sync) : file_{std::move(file)}, sync_{sync} {}
    result<void> read_all(std::uint64_t offset);
    result<void> append(char kind, std::uint64_t index, std::string_view payload);
    void note(char kind, std::uint64_t index, std::string_view payload, std::uint64_t at);
    Error damaged(std::uint64_t offset) const;

    AppendFile file_;
    bool sync_;
    std::unordered_map<std::uint64_t, Item> items_;
    std::uint64_t succeeded_ = 0;
};

}  // namespace detail

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/map/impl/resume_file.ipp"
#endif

#endif
