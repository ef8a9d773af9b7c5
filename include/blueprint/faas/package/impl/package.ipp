#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_PACKAGE_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_PACKAGE_IPP

#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/package.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace blueprint::faas {
namespace detail {

inline constexpr std::string_view bootstrap_path = "bootstrap";

// Reads a regular file of at most `limit` bytes.
BLUEPRINT_FAAS_DECL result<Bytes> read_binary_file(const std::filesystem::path& path, std::uint64_t limit) {
    const auto refuse = [&](const std::string& why) {
        auto error = zip_refused("cannot read the binary " + quoted_name(path.native()) + ": " + why);
        error.platform_code.clear();
        return error;
    };
    const auto failed = [&] { return refuse(std::generic_category().message(errno)); };
    // Non-blocking, because opening a named pipe would wait for its writer.
    struct Closer {
        int fd;
        ~Closer() {
            if (fd >= 0) ::close(fd);
        }
    } const file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.fd < 0) return failed();
    struct ::stat facts{};
    if (::fstat(file.fd, &facts) != 0) return failed();
    if (!S_ISREG(facts.st_mode)) return refuse("it is no regular file");
    if (static_cast<std::uint64_t>(facts.st_size) > limit)
        return zip_too_large("cannot package " + quoted_name(path.native()) + ": it has " +
                             std::to_string(facts.st_size) + " bytes, at most " + std::to_string(limit) + " are taken");
    Bytes data(static_cast<std::size_t>(facts.st_size));
    std::size_t size = 0;
    while (size < data.size()) {
        const auto got = ::read(file.fd, data.data() + size, data.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed();
        if (got == 0) return refuse("it became shorter while it was read; is it still being written?");
        size += static_cast<std::size_t>(got);
    }
    return data;
}

// What the binary is for, if it may be packed; nothing for an allowed script.
BLUEPRINT_FAAS_DECL result<std::optional<Architecture>> check_binary(std::span<const std::uint8_t> binary,
                                                                     const PackageOptions& options) {
    if (options.allow_script && binary.size() >= 2 && binary[0] == '#' && binary[1] == '!')
        return std::optional<Architecture>{};
    const auto architecture = elf_architecture(binary);
    if (!architecture) return architecture.error();
    if (*architecture != options.architecture || *architecture == Architecture::unknown)
        return zip_refused("the binary is for the architecture " + std::string{to_string(*architecture)} +
                           " but the function's host is " + std::string{to_string(options.architecture)} +
                           ": build it for that, or name the host's architecture in the package's options");
    return std::optional{*architecture};
}

}  // namespace detail

BLUEPRINT_FAAS_DECL Package Package::make(Bytes zip, std::optional<Architecture> architecture,
                                          std::span<const std::uint8_t> binary) {
    auto digest = detail::sha256_hex(zip);
    return Package{Contents{.zip = std::make_shared<const Bytes>(std::move(zip)),
                            .sha256 = std::move(digest),
                            .architecture = architecture,
                            .needed_glibc = elf_needed_glibc(binary),
                            .binary_size_bytes = binary.size()}};
}

BLUEPRINT_FAAS_DECL result<Package> Package::from_binary_file(const std::filesystem::path& path,
                                                              const PackageOptions& options) {
    const auto binary = detail::read_binary_file(path, ZipLimits{}.unpacked_bytes);
    if (!binary) return binary.error();
    auto package = from_binary(*binary, options);
    if (package) return package;
    auto error = package.error();
    error.message = detail::quoted_name(path.native()) + ": " + error.message;
    return error;
}

BLUEPRINT_FAAS_DECL result<Package> Package::from_binary(std::span<const std::uint8_t> binary,
                                                         const PackageOptions& options) {
    const auto architecture = detail::check_binary(binary, options);
    if (!architecture) return architecture.error();
    const ZipLimits limits;
    std::uint64_t unpacked = binary.size();
    for (const auto& file : options.extra_files) unpacked += file.data.size();
    if (unpacked > limits.unpacked_bytes)
        return detail::zip_too_large("the package would unpack to " + std::to_string(unpacked) + " bytes, at most " +
                                     std::to_string(limits.unpacked_bytes) + " are taken: strip the binary");
    if (options.extra_files.size() >= limits.entries)
        return detail::zip_refused("the package would have " + std::to_string(options.extra_files.size() + 1) +
                                   " files, at most " + std::to_string(limits.entries) + " are taken");
    ZipWriter writer;
    if (const auto added = writer.add(detail::bootstrap_path, binary, 0755); !added) return added.error();
    for (const auto& file : options.extra_files)
        if (const auto added = writer.add(file.path, file.data, file.mode); !added) return added.error();
    auto zip = writer.finish();
    if (zip.size() > options.max_packed_bytes)
        return detail::zip_too_large("the package has " + std::to_string(zip.size()) + " bytes, at most " +
                                     std::to_string(options.max_packed_bytes) +
                                     " are taken: strip the binary, or raise PackageOptions::max_packed_bytes for a "
                                     "platform that takes more");
    return make(std::move(zip), *architecture, binary);
}

BLUEPRINT_FAAS_DECL result<Package> Package::from_zip(Bytes zip, std::uint64_t max_packed_bytes) {
    ZipLimits limits;
    limits.compressed_bytes = max_packed_bytes;
    const auto entries = detail::read_zip_directory(zip, limits);
    if (!entries) return entries.error();
    std::optional<Architecture> architecture;
    Bytes bootstrap;
    detail::ZipUnpacker unpacker{zip};
    for (const auto& entry : *entries) {
        const bool is_bootstrap = !entry.directory && entry.path == detail::bootstrap_path;
        unpacker.open(entry);
        for (;;) {
            const auto part = unpacker.next();
            if (!part) return part.error();
            if (part->empty()) break;
            if (is_bootstrap) bootstrap.insert(bootstrap.end(), part->begin(), part->end());
        }
        if (!is_bootstrap) continue;
        if (const auto found = elf_architecture(bootstrap)) architecture = *found;
    }
    return make(std::move(zip), architecture, bootstrap);
}

}  // namespace blueprint::faas

#endif
