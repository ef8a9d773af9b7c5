#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_PACKAGE_STORE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_PACKAGE_STORE_IPP

#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/package_store.hpp"
#include "blueprint/faas/package/zip.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace blueprint::faas::local {

/// Lets the owner into every directory below `path`. Links are not followed.
inline void open_up(const std::filesystem::path& path) {
    namespace fs = std::filesystem;
    std::error_code failed;
    fs::permissions(path, fs::perms::owner_all, failed);
    for (fs::directory_iterator entry{path, failed}; !failed && entry != fs::directory_iterator{};
         entry.increment(failed)) {
        std::error_code unknown;
        if (entry->symlink_status(unknown).type() == fs::file_type::directory) open_up(entry->path());
    }
}

inline void remove_tree(const std::filesystem::path& path) noexcept {
    std::error_code failed;
    std::filesystem::remove_all(path, failed);
    if (!failed) return;
    try {  // a function may have made directories that not even their owner can empty
        open_up(path);
        std::filesystem::remove_all(path, failed);
    } catch (const std::exception&) {  // out of memory: it stays until the next server's start
    }
}

inline Error store_error(std::string what, int error) {
    return Error{.code = errc::infrastructure,
                 .message = std::move(what) + ": " + std::generic_category().message(error),
                 .platform_code = "INFRASTRUCTURE_ERROR",
                 .execution = Execution::not_started};
}

/// Removes what servers left that were killed: a server's directory is in use as long as its lock file is locked.
inline void remove_stale(const std::filesystem::path& data) noexcept {
    try {
        std::error_code failed;
        for (const auto& entry : std::filesystem::directory_iterator{data, failed}) {
            if (entry.path().filename().string().rfind("cloud-", 0) != 0) continue;
            const int lock = ::open((entry.path() / "lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
            if (lock < 0) continue;
            if (::flock(lock, LOCK_EX | LOCK_NB) == 0) remove_tree(entry.path());
            ::close(lock);
        }
    } catch (const std::exception&) {  // nothing depends on it
    }
}

BLUEPRINT_FAAS_DECL OwnedDirectory::~OwnedDirectory() { remove_tree(path_); }

BLUEPRINT_FAAS_DECL result<std::unique_ptr<PackageStore>> PackageStore::open(const CloudOptions& options) {
    namespace fs = std::filesystem;
    std::error_code failed;
    fs::path data = options.data_directory;
    if (data.empty()) {
        data = fs::temp_directory_path(failed);
        if (failed) return store_error("cannot find the temporary directory", failed.value());
    } else {
        data = fs::absolute(data, failed);
        if (::mkdir(data.c_str(), 0700) != 0 && errno != EEXIST)
            return store_error("cannot make the data directory '" + data.string() + '\'', errno);
        remove_stale(data);
    }
    std::string pattern = (data / (options.data_directory.empty() ? "blueprint-faas-XXXXXX" : "cloud-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr)  // with mode 0700
        return store_error("cannot make a directory in '" + data.string() + '\'', errno);
    const int lock = ::open((fs::path{pattern} / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    std::unique_ptr<PackageStore> store{new PackageStore{pattern, lock, options}};
    if (lock < 0 || ::flock(lock, LOCK_EX | LOCK_NB) != 0)
        return store_error("cannot lock the directory '" + pattern + '\'', errno);
    for (const char* part : {"packages", "private"})
        if (::mkdir((store->root_ / part).c_str(), 0700) != 0)
            return store_error("cannot make a directory in '" + pattern + '\'', errno);
    return store;
}

BLUEPRINT_FAAS_DECL PackageStore::~PackageStore() {
    remove_tree(root_);
    if (lock_ >= 0) ::close(lock_);
}

inline Error bad_manifest(std::string why) {
    return Error{.code = errc::invalid_configuration,
                 .message = "the package's blueprint.json " + std::move(why),
                 .platform_code = "BAD_REQUEST",
                 .execution = Execution::not_started};
}

/// Reads what the package says of itself: {"loop":true}. Source: custom platform contract 1.1, "How a function runs".
inline result<bool> read_loop_flag(const std::filesystem::path& path) {
    constexpr std::size_t most = 64U << 10;
    std::ifstream file{path, std::ios::binary};
    std::string text(most + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    if (file.bad() || text.size() > most) return bad_manifest("has more than 64 KiB");
    boost::system::error_code failed;
    const auto json = boost::json::parse(text, failed);
    if (failed || !json.is_object()) return bad_manifest("holds no JSON object");
    const auto* loop = json.get_object().if_contains("loop");
    if (loop == nullptr) return false;
    if (!loop->is_bool()) return bad_manifest("has a loop that is neither true nor false");
    return loop->get_bool();
}

BLUEPRINT_FAAS_DECL result<StoredPackage> PackageStore::unpack(std::span<const std::uint8_t> zip) {
    const auto path = root_ / "packages" / std::to_string(next_++);
    if (::mkdir(path.c_str(), 0700) != 0) return store_error("cannot make a directory for the package", errno);
    StoredPackage package;
    package.directory = std::make_shared<OwnedDirectory>(path);  // from here on a refusal removes it
    const ZipLimits limits{.compressed_bytes = limits_.package_bytes, .unpacked_bytes = limits_.unpacked_bytes};
    auto files = extract_zip(zip, path, limits);
    if (!files) return files.error();
    const auto bootstrap = path / "bootstrap";
    struct stat status{};
    if (std::find(files->begin(), files->end(), "bootstrap") == files->end() ||
        ::lstat(bootstrap.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        return Error{.code = errc::invalid_configuration,
                     .message = "the package has no file 'bootstrap' at its root",
                     .platform_code = "BAD_REQUEST",
                     .execution = Execution::not_started};
    if (::chmod(bootstrap.c_str(), 0755) != 0) return store_error("cannot make the bootstrap executable", errno);
    if (read_manifest_ && std::find(files->begin(), files->end(), "blueprint.json") != files->end()) {
        const auto loop = read_loop_flag(path / "blueprint.json");
        if (!loop) return loop.error();
        package.loop = *loop;
    }
    package.bootstrap_bytes = static_cast<std::uint64_t>(status.st_size);
    package.files = files->size();
    package.sha256 = faas::detail::sha256_hex(zip);
    return package;
}

BLUEPRINT_FAAS_DECL result<StoredPackage> PackageStore::unpack_as_is(std::span<const std::uint8_t> zip,
                                                                     std::uint64_t compressed_bytes) {
    const auto path = root_ / "packages" / std::to_string(next_++);
    if (::mkdir(path.c_str(), 0700) != 0) return store_error("cannot make a directory for the package", errno);
    StoredPackage package;
    package.directory = std::make_shared<OwnedDirectory>(path);
    const ZipLimits limits{.compressed_bytes = compressed_bytes, .unpacked_bytes = limits_.unpacked_bytes};
    auto files = extract_zip(zip, path, limits);
    if (!files) return files.error();
    package.files = files->size();
    package.sha256 = faas::detail::sha256_hex(zip);
    return package;
}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<OwnedDirectory>> PackageStore::private_directory() {
    const auto path = root_ / "private" / std::to_string(next_++);
    if (::mkdir(path.c_str(), 0700) != 0) return store_error("cannot make a function's private directory", errno);
    return std::make_shared<OwnedDirectory>(path);
}

}  // namespace blueprint::faas::local

#endif
