#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_CLOUD_RUN_ARCHIVE_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_CLOUD_RUN_ARCHIVE_IPP

#include "blueprint/faas/package/elf.hpp"
#include "blueprint/faas/package/glibc.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/package.hpp"
#include "blueprint/faas/package/tar.hpp"

#include <algorithm>
#include <utility>

namespace blueprint::faas {
namespace detail {

// What only the unpacked program tells: whether it is a script, and which loader it asks for.
inline result<void> check_cloud_run_program(std::span<const std::uint8_t> program, bool is_elf) {
    if (is_elf) {
        const auto loader = elf_interpreter(program);
        if (!loader || *loader == "/lib64/ld-linux-x86-64.so.2") return {};
        return zip_refused("the package's bootstrap asks for the loader " + quoted_name(*loader) +
                           ", which Cloud Run's base image lacks: link it statically (-static)");
    }
    if (program.size() >= 2 && program[0] == '#' && program[1] == '!') return {};
    return zip_refused(
        "the package's bootstrap is neither a program for Linux nor a script, so Cloud Run cannot start it");
}

inline result<std::vector<ZipFile>> cloud_run_files(const Package& package, GlibcVersion present) {
    if (package.binary_size_bytes() == 0)
        return zip_refused("the package holds no program: its 'bootstrap' is what Cloud Run starts");
    if (const auto architecture = package.architecture(); architecture && *architecture != Architecture::x86_64)
        return zip_refused("the package's bootstrap is for " + std::string{to_string(*architecture)} +
                           ", and Cloud Run has x86_64 alone: build it for linux/amd64");
    if (const auto too_new = glibc_problem(package.needed_glibc(), present, "Cloud Run's base image (Ubuntu 24.04)");
        !too_new.empty())
        return zip_refused("the package's bootstrap " + too_new);
    ZipLimits limits;
    limits.compressed_bytes = package.size_bytes();
    auto files = read_zip(*package.zip(), limits);
    if (!files) return files;
    for (auto& file : *files) {
        if (file.path != "bootstrap") continue;
        file.mode = 0755;
        if (const auto fit = check_cloud_run_program(file.data, package.architecture().has_value()); !fit)
            return fit.error();
    }
    return files;
}

}  // namespace detail

BLUEPRINT_FAAS_DECL result<void> check_cloud_run_package(const Package& package, GlibcVersion present) {
    const auto files = detail::cloud_run_files(package, present);
    return files ? result<void>{} : files.error();
}

BLUEPRINT_FAAS_DECL result<Bytes> cloud_run_archive(const Package& package, GlibcVersion present) {
    auto files = detail::cloud_run_files(package, present);
    if (!files) return std::move(files).error();
    TarGzWriter writer;
    for (auto& file : *files)
        if (const auto added = writer.add(file.path, std::move(file.data), file.mode); !added) return added.error();
    auto archive = writer.finish();
    if (archive.size() > cloud_run_archive_bytes)
        return detail::zip_too_large("the package's archive has " + std::to_string(archive.size()) +
                                     " bytes, and Cloud Run takes at most " + std::to_string(cloud_run_archive_bytes) +
                                     ": strip the program");
    return archive;
}

}  // namespace blueprint::faas

#endif
