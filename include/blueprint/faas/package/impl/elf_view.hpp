#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_ELF_VIEW_HPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_ELF_VIEW_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace blueprint::faas::detail {

inline bool has_elf_identification(std::span<const std::uint8_t> file) noexcept {
    return file.size() >= 16 && file[0] == 0x7f && file[1] == 'E' && file[2] == 'L' && file[3] == 'F' &&
           (file[4] == 1 || file[4] == 2) && (file[5] == 1 || file[5] == 2) && file[6] == 1;
}

// Reads an ELF file's headers, of either word size and byte order. The caller has checked the identification bytes.
class ElfView {
public:
    explicit ElfView(std::span<const std::uint8_t> file) noexcept
        : file_{file}, wide_{file[4] == 2}, big_endian_{file[5] == 2} {}

    struct Segment {
        std::uint32_t type;
        std::uint64_t offset;
        std::uint64_t address;
        std::uint64_t bytes;
    };

    bool wide() const noexcept { return wide_; }
    bool big_endian() const noexcept { return big_endian_; }
    bool has_whole_header() const noexcept { return file_.size() >= (wide_ ? 64U : 52U); }
    // Those below: only of a whole header.
    std::uint16_t type() const noexcept { return static_cast<std::uint16_t>(number(16, 2)); }
    std::uint16_t machine() const noexcept { return static_cast<std::uint16_t>(number(18, 2)); }
    std::uint64_t entry_point() const noexcept { return wide_ ? number(24, 8) : number(24, 4); }
    std::size_t segments() const noexcept { return static_cast<std::size_t>(number(wide_ ? 56 : 44, 2)); }

    // Nothing if its header does not lie in the file.
    std::optional<Segment> segment(std::size_t index) const noexcept {
        const std::uint64_t table = wide_ ? number(32, 8) : number(28, 4);
        const std::uint64_t size = number(wide_ ? 54 : 42, 2);
        if (size < (wide_ ? 56U : 32U) || !holds(table, size * (index + 1))) return std::nullopt;
        const auto at = static_cast<std::size_t>(table + size * index);
        return Segment{.type = static_cast<std::uint32_t>(number(at, 4)),
                       .offset = wide_ ? number(at + 8, 8) : number(at + 4, 4),
                       .address = wide_ ? number(at + 16, 8) : number(at + 8, 4),
                       .bytes = wide_ ? number(at + 32, 8) : number(at + 16, 4)};
    }
    bool holds(std::uint64_t offset, std::uint64_t bytes) const noexcept {
        return offset <= file_.size() && bytes <= file_.size() - offset;
    }

    // The number of `bytes` bytes at `at`, which must lie in the file.
    std::uint64_t number(std::size_t at, std::size_t bytes) const noexcept {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | file_[at + (big_endian_ ? i : bytes - 1 - i)];
        return value;
    }

private:
    std::span<const std::uint8_t> file_;
    bool wide_;
    bool big_endian_;
};

}  // namespace blueprint::faas::detail

#endif
