#ifndef BLUEPRINT_FAAS_SERVE_RUNTIME_CLIENT_HPP
#define BLUEPRINT_FAAS_SERVE_RUNTIME_CLIENT_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

// HTTP/1.1 as a function's process speaks it to the host that runs it: one connection, in the clear, on the same
// machine. Blocking and without any library but the system's, since what it costs is paid at every cold start.
namespace blueprint::faas::detail {

/// What the host answered.
struct RuntimeAnswer {
    unsigned status = 0;
    Headers headers{};
    std::string body{};
    bool too_long = false;  ///< the body had more than was wanted, and what was beyond is lost
    bool last = false;      ///< the host closes the connection after it
};

/// Reads one answer from bytes as they arrive. Interim answers (1xx) are passed over. Source: RFC 9112, sections 2
/// to 7.
class RuntimeAnswerReader {
public:
    explicit RuntimeAnswerReader(std::size_t max_body_bytes) : max_body_bytes_{max_body_bytes} {}

    /// Takes what arrived. `errc::serialization` if that is no HTTP, or more than one answer; then read no further.
    BLUEPRINT_FAAS_DECL result<void> take(std::string_view piece);
    /// The connection has ended: `errc::infrastructure` if the answer is not whole.
    BLUEPRINT_FAAS_DECL result<void> end();
    bool whole() const noexcept { return part_ == Part::over; }
    /// Tells whether any byte of the answer has come.
    bool begun() const noexcept { return begun_; }
    /// The answer, once it is whole.
    RuntimeAnswer& answer() noexcept { return answer_; }

private:
    enum class Part { status, field, sized, until_end, chunk_size, chunk, chunk_end, trailer, over };

    BLUEPRINT_FAAS_DECL result<void> take_line();
    BLUEPRINT_FAAS_DECL result<void> begin_answer();
    BLUEPRINT_FAAS_DECL result<void> begin_chunk();
    BLUEPRINT_FAAS_DECL result<void> begin_body();
    BLUEPRINT_FAAS_DECL std::size_t take_body(std::string_view piece);

    std::size_t max_body_bytes_;
    Part part_ = Part::status;
    std::string line_{};
    std::size_t head_bytes_ = 0;
    std::uint64_t left_ = 0;  // of the body or the chunk
    bool begun_ = false;
    RuntimeAnswer answer_{};
};

/// Speaks to the host at "127.0.0.1:9001", "[::1]:9001" or "localhost:9001". Names are not resolved: a program that is
/// linked statically could not, and hosts give addresses. Waits for answers without a limit, because the process may be
/// frozen meanwhile. It connects when it has to, and once more if a kept connection turns out to be closed.
class RuntimeClient {
public:
    RuntimeClient() = default;
    RuntimeClient(std::string address, std::size_t max_body_bytes)
        : address_{std::move(address)}, max_body_bytes_{max_body_bytes} {}
    RuntimeClient(RuntimeClient&& other) noexcept
        : address_{std::move(other.address_)},
          max_body_bytes_{other.max_body_bytes_},
          descriptor_{std::exchange(other.descriptor_, -1)} {}
    RuntimeClient& operator=(RuntimeClient&& other) noexcept {
        std::swap(address_, other.address_);
        std::swap(max_body_bytes_, other.max_body_bytes_);
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~RuntimeClient() { close(); }

    /// Sends a request and reads its answer. `fields` are whole lines; Host and Content-Length are added.
    BLUEPRINT_FAAS_DECL result<RuntimeAnswer> exchange(Verb verb, std::string_view target, std::string_view fields,
                                                       std::string_view body = {});

    /// Sends the head of a POST whose body comes in chunks, and the first chunk if `piece` is not empty. It has a
    /// connection of its own, which is closed after its answer.
    BLUEPRINT_FAAS_DECL result<void> begin_chunked(std::string_view target, std::string_view fields,
                                                   std::span<const std::uint8_t> piece);
    /// Sends one more chunk; none if `piece` is empty, because that would be the end.
    BLUEPRINT_FAAS_DECL result<void> send_chunk(std::span<const std::uint8_t> piece);
    /// Sends the end with `trailers` (whole lines) and reads the answer.
    BLUEPRINT_FAAS_DECL result<RuntimeAnswer> end_chunked(std::string_view trailers);

    BLUEPRINT_FAAS_DECL void close() noexcept;

private:
    BLUEPRINT_FAAS_DECL result<void> connect();
    BLUEPRINT_FAAS_DECL bool still_connected() const noexcept;
    BLUEPRINT_FAAS_DECL result<void> send(std::string_view bytes, bool more_follows);
    BLUEPRINT_FAAS_DECL result<void> read(RuntimeAnswerReader& reader);
    BLUEPRINT_FAAS_DECL std::string head(Verb verb, std::string_view target, std::string_view fields) const;
    BLUEPRINT_FAAS_DECL Error failure(std::string_view what) const;

    std::string address_{};
    std::size_t max_body_bytes_ = 0;
    int descriptor_ = -1;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/runtime_client.ipp"
#endif

#endif
