#ifndef BLUEPRINT_FAAS_LOCAL_HTTP_POOL_HPP
#define BLUEPRINT_FAAS_LOCAL_HTTP_POOL_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_instance.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// The instances of one program: started when a call finds no room in those that are there, kept for the next one,
/// ended when nobody needed them for `CloudLimits::warm_idle`. Held by `shared_ptr`; on the host's strand only.
/// Source: Cloud Run documentation, "About instance autoscaling in Cloud Run services"; "Maximum concurrent requests".
class HttpPool : public std::enable_shared_from_this<HttpPool> {
public:
    /// The host must outlive the calls. `queue_time`: how long a call waits for room.
    HttpPool(FunctionHost& host, HttpInstancePlan plan, std::chrono::milliseconds queue_time);
    ~HttpPool();
    HttpPool(const HttpPool&) = delete;
    HttpPool& operator=(const HttpPool&) = delete;

    const HttpInstancePlan& plan() const noexcept { return plan_; }
    /// Starts one instance, or as many as are always to be there, and returns when they have started. The text of what
    /// prevented it, for people; nothing: it worked.
    asio::awaitable<std::optional<std::string>> prove();
    /// Hands a call to an instance and returns what that answered. The `Error`'s platform_code says why there is no
    /// answer: "BUSY", no instance was free in time; "UNAVAILABLE", none could be started; "BROKEN"; "TIMEOUT";
    /// "TOO_LARGE".
    asio::awaitable<result<ServerAnswer>> call(ServerRequest request);
    /// Keeps so many instances from now on, and has no more than so many.
    void keep(std::uint32_t min_instances, std::uint32_t max_instances);
    /// Takes it out of service: ends the instances that have no calls, and the others when they have answered.
    void retire();
    /// Puts it back into service.
    void resume();
    /// Ends the instances, whatever they do.
    void end();
    /// Counts the calls that are being answered, or wait.
    std::size_t calls() const noexcept { return calls_; }
    std::size_t instances() const noexcept { return instances_.size(); }
    /// What the instances wrote: the last 64 KiB.
    std::string_view log() const noexcept { return log_; }

private:
    using Instance = std::shared_ptr<HttpInstance>;
    struct Slot;

    result<Instance> start();
    asio::awaitable<Instance> begin();
    asio::awaitable<Slot> take(Deadline limit);
    Instance with_room() const;
    void on_ended();
    void watch_idle();
    asio::awaitable<void> fill();
    void refill();

    FunctionHost& host_;
    HttpInstancePlan plan_;
    std::chrono::milliseconds queue_time_;
    std::chrono::milliseconds idle_time_;
    std::list<Instance> instances_;
    asio::steady_timer room_;
    asio::steady_timer idle_;
    std::string log_;
    std::string problem_;
    std::size_t calls_ = 0;
    bool proven_ = false;
    bool filling_ = false;
    bool idle_watched_ = false;
    bool retired_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/http_pool.ipp"
#endif

#endif
