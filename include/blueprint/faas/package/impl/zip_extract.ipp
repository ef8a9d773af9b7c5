#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_ZIP_EXTRACT_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_ZIP_EXTRACT_IPP

#include "blueprint/faas/package/impl/archive_tree.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/zip.hpp"

namespace blueprint::faas {

BLUEPRINT_FAAS_DECL result<std::vector<std::string>> extract_zip(std::span<const std::uint8_t> archive,
                                                                 const std::filesystem::path& directory,
                                                                 const ZipLimits& limits) {
    const auto entries = detail::read_zip_directory(archive, limits);
    if (!entries) return entries.error();
    std::vector<std::string> paths;
    detail::ArchiveTree tree{directory};
    if (const auto opened = tree.open(); !opened) return opened.error();
    detail::ZipUnpacker unpacker{archive};
    for (const auto& entry : *entries) {
        unpacker.open(entry);
        if (entry.directory) {
            // Its data are nothing, but must be a valid nothing.
            if (const auto nothing = unpacker.next(); !nothing) return nothing.error();
            if (const auto made = tree.make_directory(entry.path); !made) return made.error();
        } else {
            const auto next = [&] { return unpacker.next(); };
            if (const auto made = tree.make_file(entry.path, entry.executable, next); !made) return made.error();
            paths.push_back(entry.path);
        }
    }
    tree.keep();
    return paths;
}

}  // namespace blueprint::faas

#endif
