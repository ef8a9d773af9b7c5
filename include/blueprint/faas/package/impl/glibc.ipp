#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_GLIBC_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_GLIBC_IPP

#include "blueprint/faas/package/glibc.hpp"
#include "blueprint/faas/package/impl/elf_view.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

namespace blueprint::faas {
namespace detail {

// Where in the file the loader would put what has this address; nothing if no loaded segment has it.
inline std::optional<std::size_t> file_offset_of(const ElfView& elf, std::uint64_t address) noexcept {
    constexpr std::uint32_t load = 1;
    for (std::size_t i = 0; i < elf.segments(); ++i) {
        const auto segment = elf.segment(i);
        if (!segment) return std::nullopt;
        const bool inside = segment->type == load && elf.holds(segment->offset, segment->bytes) &&
                            address >= segment->address && address - segment->address < segment->bytes;
        if (inside) return static_cast<std::size_t>(segment->offset + (address - segment->address));
    }
    return std::nullopt;
}

// What the dynamic section says of the versions that the executable needs. 0: it does not say.
struct VersionNeeds {
    std::uint64_t table = 0;    // the address of the list of libraries
    std::uint64_t entries = 0;  // of that list
    std::uint64_t names = 0;    // the address of the texts
};

inline VersionNeeds version_needs(const ElfView& elf) noexcept {
    constexpr std::uint32_t dynamic = 2;
    constexpr std::uint64_t end = 0, texts = 5, needed = 0x6ffffffe, needed_count = 0x6fffffff;
    const std::size_t word = elf.wide() ? 8 : 4;
    VersionNeeds found;
    for (std::size_t i = 0; i < elf.segments(); ++i) {
        const auto segment = elf.segment(i);
        if (!segment) return {};
        if (segment->type != dynamic || !elf.holds(segment->offset, segment->bytes)) continue;
        for (std::uint64_t at = 0; segment->bytes - at >= 2 * word; at += 2 * word) {
            const auto entry = static_cast<std::size_t>(segment->offset + at);
            const auto tag = elf.number(entry, word);
            const auto value = elf.number(entry + word, word);
            if (tag == end) break;
            if (tag == texts) found.names = value;
            if (tag == needed) found.table = value;
            if (tag == needed_count) found.entries = value;
        }
        return found;
    }
    return {};
}

// "GLIBC_2.34" and "GLIBC_2.2.5" are versions; "GLIBC_PRIVATE" and those of other libraries are not.
inline std::optional<GlibcVersion> read_glibc_version(std::string_view name) noexcept {
    constexpr std::string_view prefix = "GLIBC_";
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    // Relocations in the packed form are asked for by name, and glibc has read them since 2.36.
    if (name == "ABI_DT_RELR") return GlibcVersion{2, 36};
    GlibcVersion version;
    const char* const end = name.data() + name.size();
    const auto major = std::from_chars(name.data(), end, version.major);
    if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return std::nullopt;
    const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
    if (minor.ec != std::errc{} || (minor.ptr != end && *minor.ptr != '.')) return std::nullopt;
    return version;
}

inline std::string_view text_at(std::span<const std::uint8_t> file, std::size_t at) noexcept {
    constexpr std::size_t longest = 64;
    const auto rest = file.subspan(std::min(at, file.size()));
    const auto size = std::min(rest.size(), longest);
    const std::string_view text{reinterpret_cast<const char*>(rest.data()), size};
    const auto end = text.find('\0');
    return end == std::string_view::npos ? std::string_view{} : text.substr(0, end);
}

}  // namespace detail

BLUEPRINT_FAAS_DECL std::optional<GlibcVersion> elf_needed_glibc(std::span<const std::uint8_t> binary) {
    constexpr std::uint64_t entry_bytes = 16;  // of a library, and of a version that is needed of it
    if (!detail::has_elf_identification(binary)) return std::nullopt;
    const detail::ElfView elf{binary};
    if (!elf.has_whole_header()) return std::nullopt;
    const auto needs = detail::version_needs(elf);
    if (needs.table == 0 || needs.names == 0) return std::nullopt;
    const auto names = detail::file_offset_of(elf, needs.names);
    const auto table = detail::file_offset_of(elf, needs.table);
    if (!names || !table) return std::nullopt;

    std::optional<GlibcVersion> highest;
    std::uint64_t steps = 65'536;  // a list that another one crosses again and again must not cost more
    std::uint64_t library = *table;
    for (std::uint64_t i = 0; i < needs.entries && elf.holds(library, entry_bytes); ++i) {
        if (steps-- == 0) return std::nullopt;
        const auto at = static_cast<std::size_t>(library);
        const auto versions = elf.number(at + 2, 2);
        std::uint64_t version = library + elf.number(at + 8, 4);
        for (std::uint64_t j = 0; j < versions && elf.holds(version, entry_bytes); ++j) {
            if (steps-- == 0) return std::nullopt;
            const auto entry = static_cast<std::size_t>(version);
            const auto name = *names + elf.number(entry + 8, 4);
            if (const auto found = detail::read_glibc_version(detail::text_at(binary, static_cast<std::size_t>(name))))
                highest = std::max(highest.value_or(*found), *found);
            const auto next = elf.number(entry + 12, 4);
            if (next == 0) break;
            version += next;
        }
        const auto next = elf.number(at + 12, 4);
        if (next == 0) break;
        library += next;
    }
    return highest;
}

BLUEPRINT_FAAS_DECL std::string glibc_problem(std::span<const std::uint8_t> binary, GlibcVersion present,
                                              std::string_view where) {
    return glibc_problem(elf_needed_glibc(binary), present, where);
}

BLUEPRINT_FAAS_DECL std::string glibc_problem(std::optional<GlibcVersion> needed, GlibcVersion present,
                                              std::string_view where) {
    if (!needed || *needed <= present) return {};
    return "needs glibc " + to_string(*needed) + ", and " + std::string{where} + " has " + to_string(present) +
           ": link it statically (-static), or build it on a system whose glibc is no newer";
}

}  // namespace blueprint::faas

#endif
