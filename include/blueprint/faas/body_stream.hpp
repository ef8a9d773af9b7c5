#ifndef BLUEPRINT_FAAS_BODY_STREAM_HPP
#define BLUEPRINT_FAAS_BODY_STREAM_HPP

#include "blueprint/faas/error.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace blueprint::faas {

struct HttpResponse;

/// Gives the body of a request piece by piece, so that it need not be in memory. Read by one exchange at a time; every
/// attempt begins with `rewind`. Models: FileBody.
class BodySource {
public:
    virtual ~BodySource() = default;
    /// Goes back to the first byte.
    virtual result<void> rewind() = 0;
    /// Writes the next bytes into `space` and returns their number; 0 means that there are none left.
    virtual result<std::size_t> read(std::span<char> space) = 0;
};

/// Takes the body of an answer piece by piece, so that it need not be in memory. Called from the coroutine of the
/// exchange, so it must return soon; an error that it returns ends the exchange and is the exchange's error.
class BodySink {
public:
    virtual ~BodySink() = default;
    /// Is told that a body begins; what was taken before belongs to an attempt that failed. `head` has no body.
    virtual result<void> begin(const HttpResponse& head) = 0;
    /// Takes the next bytes, unpacked.
    virtual result<void> write(std::string_view piece) = 0;
};

}  // namespace blueprint::faas

#endif
