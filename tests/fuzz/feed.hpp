#ifndef BLUEPRINT_FAAS_TESTS_FUZZ_FEED_HPP
#define BLUEPRINT_FAAS_TESTS_FUZZ_FEED_HPP

#include "fuzz.hpp"

#include <boost/asio/io_context.hpp>

#include <sys/socket.h>
#include <unistd.h>

namespace blueprint::faas::fuzz {

/// A pair of connected sockets: one end for what is tested, the other says what the input holds.
class Feed {
public:
    Feed() { FAAS_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) == 0); }
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;
    ~Feed() { ::close(ends_[1]); }

    /// Returns the descriptor of the end that is tested, which its taker closes.
    int tested() const noexcept { return ends_[0]; }
    /// Says `bytes` in pieces of up to `piece`, hangs up, and runs `io` until `over`.
    void say(boost::asio::io_context& io, std::string_view bytes, std::size_t piece, const bool& over) const {
        io.poll();
        while (!bytes.empty() && !over) {  // nobody reads on once it is over, so writing could wait for ever
            const auto next = bytes.substr(0, piece);
            FAAS_REQUIRE(::send(ends_[1], next.data(), next.size(), MSG_NOSIGNAL) ==
                         static_cast<::ssize_t>(next.size()));
            bytes.remove_prefix(next.size());
            io.poll();
        }
        ::shutdown(ends_[1], SHUT_WR);
        io.run();
        FAAS_REQUIRE(over);
    }

private:
    int ends_[2] = {-1, -1};
};

}  // namespace blueprint::faas::fuzz

#endif
