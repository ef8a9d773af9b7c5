#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_TAR_FORMAT_HPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_TAR_FORMAT_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

// What the writer and the reader of tar archives share: where the fields of a header stand.
// Source: POSIX.1-2017, pax, "ustar Interchange Format".
namespace blueprint::faas::detail {

struct TarField {
    std::size_t at;
    std::size_t size;
};

inline constexpr std::size_t tar_block_bytes = 512;
inline constexpr TarField tar_name{0, 100};
inline constexpr TarField tar_mode{100, 8};
inline constexpr TarField tar_owner{108, 8};
inline constexpr TarField tar_group{116, 8};
inline constexpr TarField tar_size{124, 12};
inline constexpr TarField tar_time{136, 12};
inline constexpr TarField tar_checksum{148, 8};
inline constexpr std::size_t tar_type_at = 156;
inline constexpr TarField tar_magic{257, 8};  // with the version
inline constexpr TarField tar_prefix{345, 155};

/// Adds up a header's bytes as its checksum does: the checksum itself counts as blanks.
inline std::uint32_t tar_checksum_of(std::span<const std::uint8_t, tar_block_bytes> header) noexcept {
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < header.size(); ++at)
        sum += at - tar_checksum.at < tar_checksum.size ? std::uint32_t{' '} : header[at];
    return sum;
}

/// The bytes that fill the last block of `size` bytes.
constexpr std::size_t tar_padding(std::uint64_t size) noexcept {
    return static_cast<std::size_t>((tar_block_bytes - size % tar_block_bytes) % tar_block_bytes);
}

}  // namespace blueprint::faas::detail

#endif
