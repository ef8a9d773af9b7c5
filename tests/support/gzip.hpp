#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_GZIP_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_GZIP_HPP

#include "blueprint/faas/detail/crc32.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tests {

/// Packs `text` as one gzip member.
inline std::string gzip(std::string_view text) {
    namespace zlib = boost::beast::zlib;
    zlib::deflate_stream deflate;
    std::string packed(deflate.upper_bound(text.size()) + 16, '\0');
    zlib::z_params state;
    state.next_in = text.data();
    state.avail_in = text.size();
    state.next_out = packed.data();
    state.avail_out = packed.size();
    boost::system::error_code outcome;
    deflate.write(state, zlib::Flush::finish, outcome);
    packed.resize(packed.size() - state.avail_out);
    const auto crc = blueprint::faas::detail::crc32({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    const auto number = [](std::uint32_t value) {
        std::string bytes;
        for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xffU);
        return bytes;
    };
    using namespace std::string_literals;
    return "\x1f\x8b\x08\0\0\0\0\0\0\xff"s + packed + number(crc) + number(static_cast<std::uint32_t>(text.size()));
}

}  // namespace tests

#endif
