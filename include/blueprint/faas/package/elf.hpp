#ifndef BLUEPRINT_FAAS_PACKAGE_ELF_HPP
#define BLUEPRINT_FAAS_PACKAGE_ELF_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace blueprint::faas {

/// The processor that a binary is for; `unknown` is any that this list lacks.
enum class Architecture { unknown, x86_64, aarch64, x86, arm, riscv64, ppc64le, s390x, loongarch64 };

/// Names it as `uname -m` does: "x86_64", "aarch64".
constexpr std::string_view to_string(Architecture architecture) noexcept {
    switch (architecture) {
        case Architecture::unknown: return "unknown";
        case Architecture::x86_64: return "x86_64";
        case Architecture::aarch64: return "aarch64";
        case Architecture::x86: return "x86";
        case Architecture::arm: return "arm";
        case Architecture::riscv64: return "riscv64";
        case Architecture::ppc64le: return "ppc64le";
        case Architecture::s390x: return "s390x";
        case Architecture::loongarch64: return "loongarch64";
    }
    return "unknown";
}

/// Returns what this program was compiled for.
constexpr Architecture host_architecture() noexcept {
#if defined(__x86_64__) && !defined(__ILP32__)
    return Architecture::x86_64;
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
    return Architecture::aarch64;
#elif defined(__i386__)
    return Architecture::x86;
#elif defined(__arm__) && !defined(__ARMEB__)
    return Architecture::arm;
#elif defined(__riscv) && __riscv_xlen == 64
    return Architecture::riscv64;
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
    return Architecture::ppc64le;
#elif defined(__s390x__)
    return Architecture::s390x;
#elif defined(__loongarch64)
    return Architecture::loongarch64;
#else
    return Architecture::unknown;
#endif
}

/// Tells which processor the ELF executable `binary` is for, from its headers alone. Anything that a Linux function
/// host could not start is `errc::invalid_configuration`, and the message says what it looks like and what to do:
/// scripts, programs of other systems, object files, libraries, files that are cut off. Source: System V Application
/// Binary Interface, "ELF Header" and "Program Header".
BLUEPRINT_FAAS_DECL result<Architecture> elf_architecture(std::span<const std::uint8_t> binary);

/// Returns the dynamic loader that an ELF executable asks for ("/lib64/ld-linux-x86-64.so.2"), which the function's
/// host must have; nothing if it is linked statically or is no ELF executable.
BLUEPRINT_FAAS_DECL std::optional<std::string> elf_interpreter(std::span<const std::uint8_t> binary);

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/package/impl/elf.ipp"
#endif

#endif
