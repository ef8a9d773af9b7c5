#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_POOL_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_POOL_IPP

#include "blueprint/faas/local/http_pool.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

inline Error no_instance(std::string_view why, std::string message) {
    return Error{.code = errc::infrastructure, .message = std::move(message), .platform_code = std::string{why}};
}

/// Counts one call for as long as it is there.
class HttpCallCount {
public:
    explicit HttpCallCount(std::size_t& counter) : count_{counter} { ++count_; }
    HttpCallCount(const HttpCallCount&) = delete;
    HttpCallCount& operator=(const HttpCallCount&) = delete;
    ~HttpCallCount() { --count_; }

private:
    std::size_t& count_;
};

/// Room for one call in an instance, which is given back when the call is over.
struct HttpPool::Slot {
    Slot() = default;
    Slot(std::shared_ptr<HttpPool> owner, Instance taken) : pool{std::move(owner)}, instance{std::move(taken)} {
        ++instance->calls;
    }
    Slot(Slot&& other) noexcept
        : pool{std::move(other.pool)}, instance{std::move(other.instance)}, failed{other.failed} {}
    Slot& operator=(Slot&& other) noexcept {
        std::swap(pool, other.pool);
        std::swap(instance, other.instance);
        std::swap(failed, other.failed);
        return *this;
    }
    ~Slot() {
        if (!instance) return;
        --instance->calls;
        instance->called();
        pool->room_.cancel();
    }
    std::shared_ptr<HttpPool> pool{};
    Instance instance{};  // null: there is no room
    bool failed = false;  // because none could be started
};

BLUEPRINT_FAAS_DECL HttpPool::HttpPool(FunctionHost& host, HttpInstancePlan plan, std::chrono::milliseconds queue_time)
    : host_{host},
      plan_{std::move(plan)},
      queue_time_{queue_time},
      idle_time_{host.options.limits.warm_idle},
      room_{host.strand, asio::steady_timer::time_point::max()},
      idle_{host.strand} {}

BLUEPRINT_FAAS_DECL HttpPool::~HttpPool() {
    for (const auto& instance : instances_) instance->terminate();
}

BLUEPRINT_FAAS_DECL result<HttpPool::Instance> HttpPool::start() {
    const auto weak = weak_from_this();
    auto started = HttpInstance::start(
        host_, plan_,
        [weak](std::string_view text) {
            constexpr std::size_t most = 64U << 10;
            const auto self = weak.lock();
            if (!self) return;
            self->log_.append(text);
            if (self->log_.size() > 2 * most) self->log_.erase(0, self->log_.size() - most);
        },
        [weak] {
            if (const auto self = weak.lock()) self->on_ended();
        });
    if (started) instances_.push_back(*started);
    return started;
}

/// Starts one instance and returns it when it has started; null if it has not, and `problem_` says why.
BLUEPRINT_FAAS_DECL asio::awaitable<HttpPool::Instance> HttpPool::begin() {
    const auto self = shared_from_this();
    for (int attempt = 0; attempt < 3; ++attempt) {
        auto started = start();
        if (!started) {
            problem_ = started.error().message;
            break;
        }
        const auto instance = std::move(*started);
        co_await instance->open(plan_.startup);
        room_.cancel();
        if (instance->ready()) co_return instance;
        instance->terminate();
        instances_.remove(instance);
        problem_ = "did not open its port in time";
        if (const auto& ended = instance->ended())
            problem_ = ended->end == ProcessEnd::exited ? "exited with status " + std::to_string(ended->status)
                                                        : "was ended by signal " + std::to_string(ended->status);
        if (!instance->port_was_taken()) break;
    }
    co_return nullptr;
}

BLUEPRINT_FAAS_DECL HttpPool::Instance HttpPool::with_room() const {
    Instance best;
    for (const auto& instance : instances_) {
        if (instance->calls >= plan_.concurrency || (!instance->ready() && !instance->starting())) continue;
        // One that runs comes before one that starts; else the one that was used last: the others come to their end.
        const auto rank = [](const Instance& one) { return std::pair{one->ready(), one->idle_since()}; };
        if (!best || rank(instance) > rank(best)) best = instance;
    }
    return best;
}

/// Returns room for a call; none at `limit`, or if no instance could be started.
BLUEPRINT_FAAS_DECL asio::awaitable<HttpPool::Slot> HttpPool::take(Deadline limit) {
    const auto self = shared_from_this();
    asio::steady_timer clock{host_.strand};
    clock.expires_at(limit);
    clock.async_wait([weak = weak_from_this()](boost::system::error_code failed) {
        const auto alive = weak.lock();
        if (!failed && alive) alive->room_.cancel();
    });
    for (;;) {
        if (auto instance = with_room()) {
            Slot slot{self, instance};
            if (instance->starting()) co_await instance->opened();
            if (instance->ready() || !instance->port_was_taken()) co_return slot;
            continue;
        }
        if (instances_.size() < plan_.max_instances) {
            auto started = begin();
            // Others may share the instance while it starts; this call is its first.
            auto instance = co_await std::move(started);
            if (!instance) {
                Slot none;
                none.failed = true;
                co_return none;
            }
            if (instance->calls < plan_.concurrency) co_return Slot{self, instance};
            continue;
        }
        if (std::chrono::steady_clock::now() >= limit) co_return Slot{};
        const auto [ignored] = co_await room_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<ServerAnswer>> HttpPool::call(ServerRequest request) {
    const auto self = shared_from_this();
    const HttpCallCount counted{calls_};
    const auto deadline = deadline_after(plan_.timeout);
    const auto queued_until = std::min(deadline, deadline_after(queue_time_));
    for (;;) {
        const Slot slot = co_await take(queued_until);
        if (!slot.failed && !slot.instance) co_return no_instance("BUSY", "no instance was free in time");
        if (slot.failed || !slot.instance->ready()) co_return no_instance("UNAVAILABLE", "the program " + problem_);
        auto answer = co_await slot.instance->forward(request, deadline);
        if (!answer && answer.error().platform_code == "REFUSED") continue;     // another one takes it
        if (retired_ && slot.instance->calls == 1) slot.instance->terminate();  // this was its last
        watch_idle();
        co_return answer;
    }
}

BLUEPRINT_FAAS_DECL void HttpPool::on_ended() {
    instances_.remove_if([](const Instance& instance) { return instance->ended() && !instance->starting(); });
    room_.cancel();
    if (proven_) refill();
}

BLUEPRINT_FAAS_DECL void HttpPool::watch_idle() {
    if (idle_watched_ || retired_) return;
    idle_watched_ = true;
    idle_.expires_after(idle_time_);
    idle_.async_wait([weak = weak_from_this()](boost::system::error_code failed) {
        const auto self = weak.lock();
        if (!self) return;
        self->idle_watched_ = false;
        if (failed || self->retired_) return;
        const auto oldest = std::chrono::steady_clock::now() - self->idle_time_;
        std::size_t left = self->instances_.size();
        for (const auto& instance : self->instances_) {
            if (left <= self->plan_.min_instances) break;
            if (instance->calls > 0 || !instance->ready() || instance->idle_since() > oldest) continue;
            instance->terminate();
            --left;
        }
        if (left > self->plan_.min_instances) self->watch_idle();
    });
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> HttpPool::fill() {
    const auto self = shared_from_this();
    const auto wanted = std::min(plan_.min_instances, plan_.max_instances);
    while (!retired_ && !host_.ending && instances_.size() < wanted) {
        const auto instance = co_await begin();
        if (!instance) break;  // a call will try again
        if (retired_) instance->terminate();
    }
    filling_ = false;
}

BLUEPRINT_FAAS_DECL void HttpPool::refill() {
    if (filling_ || retired_ || host_.ending || instances_.size() >= plan_.min_instances) return;
    filling_ = true;
    asio::co_spawn(host_.strand, fill(), asio::detached);
}

BLUEPRINT_FAAS_DECL asio::awaitable<std::optional<std::string>> HttpPool::prove() {
    const auto self = shared_from_this();
    const auto wanted = std::clamp<std::uint32_t>(plan_.min_instances, 1, plan_.max_instances);
    while (instances_.size() < wanted) {
        const auto instance = co_await begin();
        if (instance) continue;
        retire();
        co_return problem_;
    }
    proven_ = true;
    watch_idle();
    co_return std::nullopt;
}

BLUEPRINT_FAAS_DECL void HttpPool::keep(std::uint32_t min_instances, std::uint32_t max_instances) {
    plan_.min_instances = min_instances;
    plan_.max_instances = max_instances;
    if (proven_) refill();
    watch_idle();
}

BLUEPRINT_FAAS_DECL void HttpPool::retire() {
    retired_ = true;
    idle_.cancel();
    for (const auto& instance : std::vector<Instance>{instances_.begin(), instances_.end()})
        if (instance->calls == 0 && !instance->starting()) instance->terminate();
}

BLUEPRINT_FAAS_DECL void HttpPool::resume() {
    if (!std::exchange(retired_, false)) return;
    if (proven_) refill();
    watch_idle();
}

BLUEPRINT_FAAS_DECL void HttpPool::end() {
    retired_ = true;
    idle_.cancel();
    for (const auto& instance : std::vector<Instance>{instances_.begin(), instances_.end()}) instance->terminate();
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
