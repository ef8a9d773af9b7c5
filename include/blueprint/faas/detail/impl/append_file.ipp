#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_APPEND_FILE_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_APPEND_FILE_IPP

#include "blueprint/faas/detail/append_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL Error AppendFile::failed(std::string_view doing, int reason) const {
    return Error{.code = errc::infrastructure,
                 .message = "could not " + std::string{doing} + ' ' + what_ + ' ' + path_ + ": " +
                            std::strerror(reason) + "; check its directory, permissions and room",
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL result<AppendFile> AppendFile::open(std::string path, std::string what) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    AppendFile file{std::move(path), std::move(what), descriptor};
    if (descriptor < 0) return file.failed("open", errno);
    while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) return file.failed("lock", errno);
        return Error{.code = errc::conflict,
                     .message = file.what_ + ' ' + file.path_ +
                                " is in use by another run: wait for its end, or give this one a file of its own",
                     .execution = Execution::not_started};
    }
    struct stat status{};
    if (::fstat(descriptor, &status) != 0) return file.failed("examine", errno);
    if (!S_ISREG(status.st_mode))
        return Error{.code = errc::invalid_configuration,
                     .message = file.what_ + ' ' + file.path_ + " is no regular file: give the path of one",
                     .execution = Execution::not_started};
    file.size_ = static_cast<std::uint64_t>(status.st_size);
    return file;
}

BLUEPRINT_FAAS_DECL AppendFile::~AppendFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

BLUEPRINT_FAAS_DECL result<void> AppendFile::append(std::string_view record, bool sync_it) {
    std::size_t written = 0;
    while (written < record.size()) {
        const auto count = ::write(descriptor_, record.data() + written, record.size() - written);
        if (count > 0) {
            written += static_cast<std::size_t>(count);
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        Error error = failed("append to", count < 0 ? errno : EIO);
        // Half a record would stand in the way of the next one.
        if (written > 0 && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0)
            error.message += "; a broken record is left at its end";
        return error;
    }
    size_ += record.size();
    if (sync_it) return sync();
    return {};
}

BLUEPRINT_FAAS_DECL result<std::size_t> AppendFile::read_at(std::uint64_t offset, char* to, std::size_t size) const {
    std::size_t got = 0;
    while (got < size) {
        const auto count = ::pread(descriptor_, to + got, size - got, static_cast<off_t>(offset + got));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed("read", errno);
        if (count == 0) break;
        got += static_cast<std::size_t>(count);
    }
    return got;
}

BLUEPRINT_FAAS_DECL result<void> AppendFile::truncate(std::uint64_t size) {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return failed("shorten", errno);
    size_ = size;
    return {};
}

BLUEPRINT_FAAS_DECL result<void> AppendFile::sync() {
    if (::fdatasync(descriptor_) != 0) return failed("write to the disk", errno);
    return {};
}

}  // namespace blueprint::faas::detail

#endif
