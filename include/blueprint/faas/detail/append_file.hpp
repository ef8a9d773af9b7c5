#ifndef BLUEPRINT_FAAS_DETAIL_APPEND_FILE_HPP
#define BLUEPRINT_FAAS_DETAIL_APPEND_FILE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

/// A file that grows by whole records and that one run at a time may have open. Its calls block. POSIX only.
class AppendFile {
public:
    /// Opens or creates `path` and locks it until this object goes (`flock`, so the lock ends with a killed process
    /// too). `errc::conflict` if somebody else has it. `what` names the file in messages: "the resume file".
    static result<AppendFile> open(std::string path, std::string what);
    AppendFile(AppendFile&& other) noexcept
        : path_{std::move(other.path_)},
          what_{std::move(other.what_)},
          descriptor_{std::exchange(other.descriptor_, -1)},
          size_{other.size_} {}
    AppendFile& operator=(AppendFile&& other) noexcept {
        path_.swap(other.path_);
        what_.swap(other.what_);
        std::swap(descriptor_, other.descriptor_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~AppendFile();

    std::uint64_t size() const noexcept { return size_; }
    const std::string& path() const noexcept { return path_; }
    /// Appends `record`. After a failure nothing of it is left in the file, unless that fails too; a process killed in
    /// the middle may leave its beginning, which the reader has to recognise. `sync`: returns when the disk has it.
    result<void> append(std::string_view record, bool sync);
    /// Reads up to `size` bytes at `offset`; fewer only at the end of the file.
    result<std::size_t> read_at(std::uint64_t offset, char* to, std::size_t size) const;
    /// Cuts the file off behind its first `size` bytes.
    result<void> truncate(std::uint64_t size);
    /// Returns when the disk has everything.
    result<void> sync();

private:
    AppendFile(std::string path, std::string what, int descriptor) noexcept
        : path_{std::move(path)}, what_{std::move(what)}, descriptor_{descriptor} {}
    Error failed(std::string_view doing, int reason) const;

    std::string path_, what_;
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/append_file.ipp"
#endif

#endif
