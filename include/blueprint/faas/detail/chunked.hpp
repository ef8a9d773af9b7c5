#ifndef BLUEPRINT_FAAS_DETAIL_CHUNKED_HPP
#define BLUEPRINT_FAAS_DETAIL_CHUNKED_HPP

#include <string_view>

namespace blueprint::faas::detail {

/// Tells whether Beast's parser may be given `unread` bytes of a chunked body. When it has seen the line of the last
/// chunk it asserts that it is given five bytes, which a peer that sends them one by one breaks, and with it the
/// process. At least so many follow until the body is whole ("0\r\n\r\n"), so nothing is held back that would end it.
/// Source: RFC 9112, section 7.1 (Chunked Transfer Coding).
constexpr bool may_parse_chunked(std::string_view unread) noexcept {
    return unread.size() >= 5 || !unread.starts_with('0') || unread.find('\n') == std::string_view::npos;
}

}  // namespace blueprint::faas::detail

#endif
