#ifndef BLUEPRINT_FAAS_LOCAL_BACKGROUND_HPP
#define BLUEPRINT_FAAS_LOCAL_BACKGROUND_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <utility>

namespace blueprint::faas::local {

namespace asio = boost::asio;

/// What goes on in a platform that nobody waits for: its long-running operations. On the host's strand only.
class Background {
public:
    explicit Background(asio::any_io_executor executor)
        : strand_{std::move(executor)}, all_over_{strand_, asio::steady_timer::time_point::max()} {}
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    /// Says what a task keeps alive; before the first `spawn`.
    void owned_by(std::weak_ptr<void> owner) { owner_ = std::move(owner); }
    const std::weak_ptr<void>& owner() const noexcept { return owner_; }
    /// Runs `task`, and keeps the owner alive for it.
    void spawn(asio::awaitable<void> task);
    /// Waits; less long when the platform is being stopped.
    asio::awaitable<void> pause(std::chrono::milliseconds time);
    /// Lets no `pause` begin any more.
    void begin_stopping() noexcept { stopping_ = true; }
    bool stopping() const noexcept { return stopping_; }
    /// Lets no `pause` wait any more, and returns when all tasks are over.
    asio::awaitable<void> finish();

private:
    class Counted;
    static asio::awaitable<void> run(Background& of, std::shared_ptr<void> owner, asio::awaitable<void> task);

    asio::any_io_executor strand_;
    std::weak_ptr<void> owner_;
    bool stopping_ = false;
    std::size_t running_ = 0;
    std::set<asio::steady_timer*> pauses_;
    asio::steady_timer all_over_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/background.ipp"
#endif

#endif
