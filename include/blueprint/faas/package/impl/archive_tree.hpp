#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_ARCHIVE_TREE_HPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_ARCHIVE_TREE_HPP

#include "blueprint/faas/error.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

/// Closes a descriptor of the file system when it goes.
class TreeDescriptor {
public:
    explicit TreeDescriptor(int fd = -1) noexcept : fd_{fd} {}
    TreeDescriptor(TreeDescriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    TreeDescriptor& operator=(TreeDescriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~TreeDescriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Closes now, so that the file system can still say that it lost what was written.
    bool close() noexcept { return ::close(std::exchange(fd_, -1)) == 0; }

private:
    int fd_;
};

/// Writes below one directory, name by name and without following links, and takes back what it made unless kept.
class ArchiveTree {
public:
    explicit ArchiveTree(std::filesystem::path directory) : directory_{std::move(directory)} {}
    ArchiveTree(const ArchiveTree&) = delete;
    ArchiveTree& operator=(const ArchiveTree&) = delete;
    ~ArchiveTree() {
        try {
            for (auto made = made_.rbegin(); made != made_.rend(); ++made) {
                const auto above = open_directory(parent_of(made->path), false);
                if (above) ::unlinkat(above->get(), name_of(made->path).c_str(), made->directory ? AT_REMOVEDIR : 0);
            }
        } catch (const std::bad_alloc&) {
            // A destructor has nobody to tell; what could be removed is removed.
        }
    }

    result<void> open() {
        root_ = TreeDescriptor{::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        return root_ ? result<void>{} : failed("open", ".");
    }

    void keep() noexcept { made_.clear(); }

    result<void> make_directory(const std::string& path) {
        const auto made = open_directory(path, true);
        return made ? result<void>{} : made.error();
    }

    /// Makes a file of what `next` returns, part by part; an empty part ends it.
    template <class Next>
    result<void> make_file(const std::string& path, bool executable, Next next) {
        const auto above = open_directory(parent_of(path), true);
        if (!above) return above.error();
        made_.reserve(made_.size() + 1);  // recording what was made must not fail
        Made record{path, false};
        TreeDescriptor file{
            ::openat(above->get(), name_of(path).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
        if (!file) return failed("create", path);
        made_.push_back(std::move(record));
        for (;;) {
            const result<std::span<const std::uint8_t>> part = next();
            if (!part) return part.error();
            if (part->empty()) break;
            for (auto left = *part; !left.empty();) {
                const auto written = ::write(file.get(), left.data(), left.size());
                if (written < 0 && errno == EINTR) continue;
                if (written < 0) return failed("write", path);
                left = left.subspan(static_cast<std::size_t>(written));
            }
        }
        // By descriptor and afterwards: the umask has no say, and a half-written file is not executable.
        if (::fchmod(file.get(), executable ? 0755 : 0644) != 0) return failed("set the mode of", path);
        if (!file.close()) return failed("close", path);
        return {};
    }

private:
    struct Made {
        std::string path;
        bool directory;
    };

    static std::string parent_of(const std::string& path) {
        const auto slash = path.rfind('/');
        return slash == path.npos ? std::string{} : path.substr(0, slash);
    }
    static std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

    Error failed(std::string_view what, const std::string& path) const {
        const auto why = std::generic_category().message(errno);
        return {.code = errc::infrastructure,
                .message = "cannot " + std::string{what} + ' ' + quoted_name(path) + " in " +
                           quoted_name(directory_.native()) + ": " + why,
                .execution = Execution::not_started};
    }

    // An empty path is the directory itself. Makes what is missing only if asked to.
    result<TreeDescriptor> open_directory(const std::string& path, bool create) {
        TreeDescriptor current{::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0)};
        if (!current) return failed("open", ".");
        for (std::size_t from = 0; from < path.size();) {
            const auto to = std::min(path.find('/', from), path.size());
            const auto segment = path.substr(from, to - from);
            bool made = false;
            if (create) {
                made_.reserve(made_.size() + 1);
                Made record{path.substr(0, to), true};
                made = ::mkdirat(current.get(), segment.c_str(), 0755) == 0;
                if (!made && errno != EEXIST) return failed("create", record.path);
                if (made) made_.push_back(std::move(record));
            }
            TreeDescriptor next{
                ::openat(current.get(), segment.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
            if (!next) return failed("open", path.substr(0, to));
            if (made && ::fchmod(next.get(), 0755) != 0) return failed("set the mode of", path.substr(0, to));
            current = std::move(next);
            from = to + 1;
        }
        return current;
    }

    std::filesystem::path directory_;
    TreeDescriptor root_;
    std::vector<Made> made_;
};

}  // namespace blueprint::faas::detail

#endif
