#ifndef BLUEPRINT_FAAS_DETAIL_POOLED_FRAME_HPP
#define BLUEPRINT_FAAS_DETAIL_POOLED_FRAME_HPP

#include <boost/asio/awaitable.hpp>
#include <boost/asio/version.hpp>

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define BLUEPRINT_FAAS_SANITIZED_FRAMES
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLUEPRINT_FAAS_SANITIZED_FRAMES
#endif
#endif

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// Keeps the memory of coroutine frames for the next ones, a list for each size and thread. Asio keeps two frames a
/// thread, and takes all others from `aligned_alloc`, which costs glibc several times as much as `malloc`. A list has
/// no more than what was in use at once.
class FramePool {
public:
    static void* take(std::size_t size) {
        const auto kind = kind_of(size);
        if (kind >= kinds) return ::operator new(size);
        auto& list = mine().lists[kind];
        if (list.first == nullptr) return ::operator new((kind + 1) * step);
        auto* const free = list.first;
        list.first = free->next;
        --list.count;
        return free;
    }
    static void give_back(void* memory, std::size_t size) noexcept {
        const auto kind = kind_of(size);
        if (kind >= kinds) return ::operator delete(memory);
        auto& all = mine();
        auto& list = all.lists[kind];
        if (all.closed || list.count == most) return ::operator delete(memory);
        ++list.count;
        list.first = new (memory) Free{list.first};
    }

private:
    static constexpr std::size_t step = 128;
    static constexpr std::size_t kinds = 64;  // clang's frame of a metered call has 4.1 KiB
    static constexpr std::uint32_t most = 2048;

    struct Free {
        Free* next;
    };
    struct List {
        Free* first = nullptr;
        std::uint32_t count = 0;
    };
    // Needs no destructor, because frames may be given back when the thread's objects have gone.
    struct Lists {
        std::array<List, kinds> lists{};
        bool closed = false;
    };
    struct Closer {
        Lists& of;
        ~Closer() {
            of.closed = true;
            for (auto& list : of.lists) {
                while (auto* const free = list.first) {
                    list.first = free->next;
                    ::operator delete(free);
                }
            }
        }
    };

    static constexpr std::size_t kind_of(std::size_t size) noexcept { return (size - 1) / step; }
    static Lists& mine() noexcept {
        static thread_local Lists lists;
        static thread_local const Closer closer{lists};
        return lists;
    }
};

/// The promise of a coroutine whose frame comes from the pool. All else is Asio's.
template <class T>
class PooledFrame : public asio::detail::awaitable_frame<T, asio::any_io_executor> {
    using Base = asio::detail::awaitable_frame<T, asio::any_io_executor>;

    // Asio's awaitable wants to be awaited by a promise that is of Asio's type and not derived from it.
    template <class U>
    struct Awaited {
        asio::awaitable<U> operation;

        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<PooledFrame> waiting) {
            operation.await_suspend(std::coroutine_handle<Base>::from_address(waiting.address()));
        }
        U await_resume() { return operation.await_resume(); }
    };

public:
    static void* operator new(std::size_t size) { return FramePool::take(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { FramePool::give_back(memory, size); }

    template <class U>
    auto await_transform(asio::awaitable<U> operation) {
        return Awaited<U>{Base::await_transform(std::move(operation))};
    }
    template <class Other>
    auto await_transform(Other&& other) {
        return Base::await_transform(std::forward<Other>(other));
    }
};

/// A class whose coroutines are on the way of an invoke: it says so by a type `pooled_frames`. It holds for members and
/// for functions that have one, or a smart pointer to one, as their first parameter.
template <class Owner>
concept PoolsFrames = requires { typename std::remove_cvref_t<Owner>::pooled_frames; } ||
                      requires { typename std::remove_cvref_t<Owner>::element_type::pooled_frames; };

}  // namespace blueprint::faas::detail

// The promise is built on what Asio calls a detail. With another version than those that the tests know, coroutines
// keep Asio's frames, and so they do where a sanitizer has to see each frame go.
#if BOOST_ASIO_VERSION == 102600 && !defined(BLUEPRINT_FAAS_SANITIZED_FRAMES)
template <class T, blueprint::faas::detail::PoolsFrames Owner, class... Others>
struct std::coroutine_traits<boost::asio::awaitable<T, boost::asio::any_io_executor>, Owner, Others...> {
    using promise_type = blueprint::faas::detail::PooledFrame<T>;
};
#endif

#endif
