#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_ELF_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_ELF_IPP

#include "blueprint/faas/package/elf.hpp"
#include "blueprint/faas/package/impl/elf_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace blueprint::faas {
namespace detail {

// Says what a file that is no ELF looks like, and what to do about it.
inline std::string_view name_of_foreign_binary(std::span<const std::uint8_t> file) noexcept {
    using namespace std::string_view_literals;
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> known{{
        {"#!"sv, "a script (it begins with '#!'): allow scripts in the package's options, or compile it"},
        {"MZ"sv, "a Windows program: build it for Linux"},
        {"\xfe\xed\xfa\xce"sv, "a macOS program (Mach-O): build it for Linux"},
        {"\xfe\xed\xfa\xcf"sv, "a macOS program (Mach-O): build it for Linux"},
        {"\xce\xfa\xed\xfe"sv, "a macOS program (Mach-O): build it for Linux"},
        {"\xcf\xfa\xed\xfe"sv, "a macOS program (Mach-O): build it for Linux"},
        {"\xca\xfe\xba\xbe"sv, "a macOS universal binary or a Java class: build a native program for Linux"},
        {"!<arch>\n"sv, "a static library (.a): link it into an executable"},
        {"\0asm"sv, "a WebAssembly module: build a native program for Linux"},
        {"PK\x03\x04"sv, "a zip archive: make the package from the zip"},
        {"\x1f\x8b"sv, "a gzip archive: unpack it first"},
        {"BC\xc0\xde"sv, "LLVM bitcode: link it into an executable"},
        {"\xef\xbb\xbf"sv, "a text file: give the compiled executable"},
        {"\x7f"
         "ELF"sv,
         "an ELF file that is cut off within its first 16 bytes: build or copy it again"},
    }};
    for (const auto& [magic, name] : known) {
        const std::string_view start{reinterpret_cast<const char*>(file.data()), std::min(file.size(), magic.size())};
        if (start == magic) return name;
    }
    return "no ELF executable: give a program that is compiled for Linux";
}

inline Architecture architecture_of(const ElfView& elf) noexcept {
    struct Known {
        unsigned machine;
        bool wide;
        bool big_endian;
        Architecture architecture;
    };
    static constexpr std::array<Known, 8> known{{{62, true, false, Architecture::x86_64},
                                                 {183, true, false, Architecture::aarch64},
                                                 {3, false, false, Architecture::x86},
                                                 {40, false, false, Architecture::arm},
                                                 {243, true, false, Architecture::riscv64},
                                                 {21, true, false, Architecture::ppc64le},
                                                 {22, true, true, Architecture::s390x},
                                                 {258, true, false, Architecture::loongarch64}}};
    for (const auto& k : known)
        if (k.machine == elf.machine() && k.wide == elf.wide() && k.big_endian == elf.big_endian())
            return k.architecture;
    return Architecture::unknown;
}

}  // namespace detail

BLUEPRINT_FAAS_DECL result<Architecture> elf_architecture(std::span<const std::uint8_t> binary) {
    const auto refuse = [](std::string_view why) {
        return Error{.code = errc::invalid_configuration,
                     .message = "the binary cannot run as a function: it is " + std::string{why},
                     .platform_code = "BAD_REQUEST",
                     .execution = Execution::not_started};
    };
    constexpr std::uint16_t relocatable = 1, executable = 2, shared = 3, core_dump = 4;
    constexpr std::uint32_t load = 1;
    if (binary.empty()) return refuse("empty: build it again");
    if (!detail::has_elf_identification(binary)) {
        const bool magic =
            binary.size() >= 16 && binary[0] == 0x7f && binary[1] == 'E' && binary[2] == 'L' && binary[3] == 'F';
        return refuse(magic ? "an ELF file with a damaged identification: build or copy it again"
                            : detail::name_of_foreign_binary(binary));
    }
    const detail::ElfView elf{binary};
    if (!elf.has_whole_header()) return refuse("an ELF file that is cut off within its header: build or copy it again");
    switch (elf.type()) {
        case executable:
        case shared: break;  // position-independent executables call themselves shared
        case relocatable: return refuse("an object file (.o): link it into an executable");
        case core_dump: return refuse("a core dump: give the program itself");
        default: return refuse("an ELF file of type " + std::to_string(elf.type()) + ": link it as an executable");
    }
    if (elf.segments() == 0) return refuse("an ELF file without segments to load: link it as an executable");
    for (std::size_t i = 0; i < elf.segments(); ++i) {
        const auto segment = elf.segment(i);
        if (!segment || (segment->type == load && !elf.holds(segment->offset, segment->bytes)))
            return refuse("an ELF file that is cut off, or its headers are damaged: build or copy it again");
    }
    if (elf.entry_point() == 0) return refuse("a shared library (it has no entry point): link it as an executable");
    return detail::architecture_of(elf);
}

BLUEPRINT_FAAS_DECL std::optional<std::string> elf_interpreter(std::span<const std::uint8_t> binary) {
    constexpr std::uint32_t interpreter = 3;
    constexpr std::uint64_t longest_path = 4096;
    if (!detail::has_elf_identification(binary)) return std::nullopt;
    const detail::ElfView elf{binary};
    if (!elf.has_whole_header()) return std::nullopt;
    for (std::size_t i = 0; i < elf.segments(); ++i) {
        const auto segment = elf.segment(i);
        if (!segment) return std::nullopt;
        if (segment->type != interpreter) continue;
        if (segment->bytes < 2 || segment->bytes > longest_path || !elf.holds(segment->offset, segment->bytes))
            return std::nullopt;
        const auto path =
            binary.subspan(static_cast<std::size_t>(segment->offset), static_cast<std::size_t>(segment->bytes - 1));
        if (binary[static_cast<std::size_t>(segment->offset + segment->bytes - 1)] != 0) return std::nullopt;
        std::string text{path.begin(), path.end()};
        if (text.find('\0') != text.npos) return std::nullopt;
        return text;
    }
    return std::nullopt;
}

}  // namespace blueprint::faas

#endif
