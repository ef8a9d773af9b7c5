#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_SOCKET_STEP_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_SOCKET_STEP_HPP

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// What came of a step on a socket that does not wait: it is done, it has to be tried again when the socket is readable
/// or writable, or the connection is broken.
enum class SocketStep : std::uint8_t { done, readable, writable, failed };

inline bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

/// Sends by `call`, which is `::send` or the like, as much as the system takes at once.
template <class Call>
SocketStep send_by(Call call, std::size_t& taken, boost::system::error_code& failed) noexcept {
    for (;;) {
        const auto sent = call();
        if (sent >= 0) {
            taken = static_cast<std::size_t>(sent);
            return SocketStep::done;
        }
        if (errno == EINTR) continue;
        if (would_block(errno)) return SocketStep::writable;
        failed = {errno, boost::system::system_category()};
        return SocketStep::failed;
    }
}

/// Sends as much of `data` and of `more` behind it as the system takes at once.
inline SocketStep send_to(int socket, std::string_view data, std::string_view more, std::size_t& taken,
                          boost::system::error_code& failed) noexcept {
    constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    if (more.empty()) return send_by([&] { return ::send(socket, data.data(), data.size(), flags); }, taken, failed);
    iovec pieces[2] = {{const_cast<char*>(data.data()), data.size()}, {const_cast<char*>(more.data()), more.size()}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    return send_by([&] { return ::sendmsg(socket, &message, flags); }, taken, failed);
}

/// Receives what is there, up to the size of `into`; the peer's end is `asio::error::eof`.
inline SocketStep receive_from(int socket, std::span<char> into, std::size_t& taken,
                               boost::system::error_code& failed) noexcept {
    for (;;) {
        const auto got = ::recv(socket, into.data(), into.size(), MSG_DONTWAIT);
        if (got > 0) {
            taken = static_cast<std::size_t>(got);
            return SocketStep::done;
        }
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && would_block(errno)) return SocketStep::readable;
        failed = got == 0 ? asio::error::make_error_code(asio::error::eof)
                          : boost::system::error_code{errno, boost::system::system_category()};
        return SocketStep::failed;
    }
}

}  // namespace blueprint::faas::detail

#endif
