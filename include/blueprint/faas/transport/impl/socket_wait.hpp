#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_SOCKET_WAIT_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_SOCKET_WAIT_HPP

#include "blueprint/faas/transport/impl/edge_socket.hpp"
#include "blueprint/faas/transport/impl/socket_step.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// The memory of one wait at a time, so that waiting takes none from the heap. What needs more gets it from there.
class WaitMemory {
public:
    WaitMemory() = default;
    WaitMemory(const WaitMemory&) = delete;
    WaitMemory& operator=(const WaitMemory&) = delete;

    void* take(std::size_t size) {
        if (taken_ || size > sizeof place_) return ::operator new(size);
        taken_ = true;
        return place_;
    }
    void give_back(void* memory) noexcept {
        if (memory == place_) {
            taken_ = false;
        } else {
            ::operator delete(memory);
        }
    }

    template <class T>
    struct Allocator {
        using value_type = T;

        explicit Allocator(WaitMemory& from) noexcept : memory{&from} {}
        template <class U>
        Allocator(const Allocator<U>& other) noexcept : memory{other.memory} {}
        T* allocate(std::size_t count) { return static_cast<T*>(memory->take(count * sizeof(T))); }
        void deallocate(T* place, std::size_t) noexcept { memory->give_back(place); }
        template <class U>
        bool operator==(const Allocator<U>& other) const noexcept {
            return memory == other.memory;
        }

        WaitMemory* memory;
    };

private:
    alignas(std::max_align_t) std::byte place_[256];
    bool taken_ = false;
};

/// What a wait came to. Its own type, because Asio throws an `error_code` that stands alone.
struct SocketReady {
    boost::system::error_code failed{};
};

/// Waits until a socket is ready for a step, with memory of the connection's. `co_await` takes it as it is and makes no
/// frame for it, as it does for an operation with `use_awaitable`.
class SocketWait {
public:
    enum class For : std::uint8_t {
        readable,  ///< or that it is so already
        writable,  ///< or that it is so already
        arrival,   ///< of something, for one who has read what there was; may end without
    };

    SocketWait(EdgeSocket& socket, WaitMemory& memory, For what) noexcept
        : socket_{&socket}, memory_{&memory}, for_{what} {}

    template <asio::completion_token_for<void(SocketReady)> Token>
    auto operator()(Token&& token) const {
        return asio::async_initiate<Token, void(SocketReady)>(
            [](auto handler, const SocketWait& wait) { wait.begin(std::move(handler)); }, token, *this);
    }

private:
    template <class Handler>
    struct Resume : Handler {
        using allocator_type = WaitMemory::Allocator<std::byte>;
        Resume(Handler&& handler, WaitMemory& from) : Handler{std::move(handler)}, memory{&from} {}
        allocator_type get_allocator() const noexcept { return allocator_type{*memory}; }
        void operator()(const boost::system::error_code& failed) {
            static_cast<Handler&>(*this)(SocketReady{.failed = failed});
        }
        WaitMemory* memory;
    };
    template <class Handler>
    void begin(Handler handler) const {
        Resume<Handler> resume{std::move(handler), *memory_};
        switch (for_) {
            case For::readable: return socket_->async_wait(asio::socket_base::wait_read, std::move(resume));
            case For::writable: return socket_->async_wait(asio::socket_base::wait_write, std::move(resume));
            case For::arrival: return socket_->async_wait_for_edge(std::move(resume));
        }
    }

    EdgeSocket* socket_;
    WaitMemory* memory_;
    For for_;
};

}  // namespace blueprint::faas::detail

#endif
