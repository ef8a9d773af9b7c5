#ifndef BLUEPRINT_FAAS_PACKAGE_GLIBC_HPP
#define BLUEPRINT_FAAS_PACKAGE_GLIBC_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace blueprint::faas {

/// A version of the GNU C library: 2.34.
struct GlibcVersion {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;

    friend constexpr auto operator<=>(const GlibcVersion&, const GlibcVersion&) noexcept = default;
};

/// Newer than any: what programs are compared with where they run on whatever a machine has.
inline constexpr GlibcVersion newest_glibc{std::numeric_limits<std::uint32_t>::max(), 0};

inline std::string to_string(GlibcVersion version) {
    return std::to_string(version.major) + '.' + std::to_string(version.minor);
}

/// Returns the oldest glibc that an ELF executable starts with, which the linker noted beside each function that the
/// executable takes from there; nothing if it takes none (it is linked statically, or against another C library), or is
/// no whole ELF executable. Read as the loader reads it, from the dynamic section, so that stripped programs tell too.
/// Source: Linux Standard Base Core Specification, "Symbol Versioning".
BLUEPRINT_FAAS_DECL std::optional<GlibcVersion> elf_needed_glibc(std::span<const std::uint8_t> binary);

/// Says why `binary` would not start where glibc is of version `present`, and what to do, as the rest of a sentence
/// about it: "needs glibc 2.38, and provided.al2023 has 2.34: ...". Empty: no reason is known. `where` names the
/// platform. AWS Lambda's provided.al2023 has 2.34.
BLUEPRINT_FAAS_DECL std::string glibc_problem(std::span<const std::uint8_t> binary, GlibcVersion present,
                                              std::string_view where);
/// The same of a binary of which is known what it needs; nothing: it needs none.
BLUEPRINT_FAAS_DECL std::string glibc_problem(std::optional<GlibcVersion> needed, GlibcVersion present,
                                              std::string_view where);

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/package/impl/glibc.ipp"
#endif

#endif
