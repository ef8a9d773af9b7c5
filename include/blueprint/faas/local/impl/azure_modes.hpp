#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_MODES_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_MODES_HPP

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>

namespace blueprint::faas::local {

/// Gives unpacked files the permissions that the zip's central directory has for them, if Unix made it: exactly those,
/// for Azure mounts a package as it is (pitfalls 1 and 3). The zip was unpacked before, so it is one.
/// Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.12 and 4.3.16.
inline void apply_zip_modes(std::span<const std::uint8_t> zip, const std::filesystem::path& root) {
    const auto number = [&](std::size_t at, int bytes) {
        std::uint32_t value = 0;
        for (int i = 0; i < bytes; ++i) value |= std::uint32_t{zip[at + static_cast<std::size_t>(i)]} << (8 * i);
        return value;
    };
    constexpr std::uint32_t end_mark = 0x06054b50, entry_mark = 0x02014b50;
    constexpr std::size_t end_bytes = 22, entry_bytes = 46;
    if (zip.size() < end_bytes) return;
    std::size_t end = zip.size() - end_bytes;
    while (end > 0 && number(end, 4) != end_mark) --end;
    std::size_t at = number(end + 16, 4);
    while (at + entry_bytes <= end && number(at, 4) == entry_mark) {
        const std::size_t name_bytes = number(at + 28, 2), extra = number(at + 30, 2), comment = number(at + 32, 2);
        if (at + entry_bytes + name_bytes > end) return;
        const std::string name{reinterpret_cast<const char*>(zip.data() + at + entry_bytes), name_bytes};
        const std::uint32_t mode = number(at + 38, 4) >> 16;
        constexpr std::uint32_t unix_host = 3;
        if (number(at + 4, 2) >> 8 == unix_host && !name.ends_with('/'))
            ::chmod((root / name).c_str(), static_cast<::mode_t>(mode & 0777U));
        at += entry_bytes + name_bytes + extra + comment;
    }
}

}  // namespace blueprint::faas::local

#endif
