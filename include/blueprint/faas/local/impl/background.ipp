#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_BACKGROUND_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_BACKGROUND_IPP

#include "blueprint/faas/local/background.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// Counts a task while it runs: `finish` waits for that.
class Background::Counted {
public:
    explicit Counted(Background& counting) : background_{counting} { ++background_.running_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() {
        if (--background_.running_ == 0) background_.all_over_.cancel();
    }

private:
    Background& background_;
};

BLUEPRINT_FAAS_DECL asio::awaitable<void> Background::run(Background& of, std::shared_ptr<void> owner,
                                                          asio::awaitable<void> task) {
    const auto kept = std::move(owner);
    const Counted counted{of};
    try {
        co_await std::move(task);
    } catch (const std::exception&) {  // out of memory: this one ends, the cloud goes on
    }
}

BLUEPRINT_FAAS_DECL void Background::spawn(asio::awaitable<void> task) {
    auto alive = owner_.lock();
    if (!alive) return;
    asio::co_spawn(strand_, run(*this, std::move(alive), std::move(task)), asio::detached);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> Background::pause(std::chrono::milliseconds time) {
    if (stopping_ || time.count() <= 0) co_return;
    asio::steady_timer timer{strand_};
    timer.expires_after(time);
    pauses_.insert(&timer);
    const auto [ignored] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    static_cast<void>(ignored);
    pauses_.erase(&timer);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> Background::finish() {
    stopping_ = true;
    for (auto* timer : pauses_) timer->cancel();
    while (running_ > 0) {
        const auto [ignored] = co_await all_over_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
