#ifndef BLUEPRINT_FAAS_BODY_HPP
#define BLUEPRINT_FAAS_BODY_HPP

#include "blueprint/faas/job.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas {

struct HttpResponse;

/// Gives the body of a request piece by piece, so that it need not be in memory. Read by one exchange at a time; every
/// attempt begins with `rewind`. Models: FileBody.
class BodySource {
public:
    virtual ~BodySource() = default;
    /// Returns how many bytes there are, all together; the same for every attempt.
    virtual std::uint64_t size() const noexcept = 0;
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

/// The body of a request: owned text or bytes, shared bytes (so that a package is never copied), or a source.
class Body {
public:
    Body() = default;
    Body(std::string text) : text_{std::move(text)} {}
    Body(Bytes bytes) : bytes_{std::move(bytes)} {}
    Body(std::shared_ptr<const Bytes> shared) : shared_{std::move(shared)} {}
    Body(std::shared_ptr<BodySource> source) : source_{std::move(source)} {}

    /// Returns the bytes; none of a source, which has to be read.
    std::string_view view() const noexcept {
        const Bytes& bytes = shared_ ? *shared_ : bytes_;
        if (bytes.empty()) return text_;
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    /// Returns the source; null if the bytes are here.
    const std::shared_ptr<BodySource>& source() const noexcept { return source_; }
    std::uint64_t size() const noexcept { return source_ ? source_->size() : view().size(); }

private:
    std::string text_{};
    Bytes bytes_{};
    std::shared_ptr<const Bytes> shared_{};
    std::shared_ptr<BodySource> source_{};
};

}  // namespace blueprint::faas

#endif
