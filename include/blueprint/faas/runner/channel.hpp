#ifndef BLUEPRINT_FAAS_RUNNER_CHANNEL_HPP
#define BLUEPRINT_FAAS_RUNNER_CHANNEL_HPP

#include "blueprint/faas/detail/bounded_queue.hpp"
#include "blueprint/faas/runner/consumer.hpp"
#include "blueprint/faas/runner/producer.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace detail {

// Closes the queue when the last copy of one end is gone, so that the other end does not wait for ever.
template <class T>
struct QueueEnd {
    explicit QueueEnd(std::shared_ptr<BoundedQueue<T>> q) noexcept : queue{std::move(q)} {}
    QueueEnd(const QueueEnd&) = delete;
    ~QueueEnd() { queue->close(); }
    std::shared_ptr<BoundedQueue<T>> queue;
};

}  // namespace detail

/// Sends calls to a `ChannelProducer`. Copies are equal; safe from every thread. When the last copy goes, the producer
/// ends as if by `close`.
class CallSender {
public:
    explicit CallSender(std::shared_ptr<detail::BoundedQueue<JobCall>> queue)
        : end_{std::make_shared<detail::QueueEnd<JobCall>>(std::move(queue))} {}

    /// Sends `call`; waits while the channel is full. `errc::cancelled` once the channel is closed or the run is over.
    asio::awaitable<result<void>> send(JobCall call) const { return end_->queue->push(end_->queue, std::move(call)); }
    /// Sends `call` if that needs no waiting; false: the channel is full or closed, and `call` was dropped.
    bool try_send(JobCall call) const { return end_->queue->try_push(call); }
    /// Ends the producer after what was sent.
    void close() const { end_->queue->close(); }

private:
    std::shared_ptr<detail::QueueEnd<JobCall>> end_;
};

/// Produces the calls that come from the `CallSender`s of its channel. Made by `make_call_channel`.
class ChannelProducer {
public:
    explicit ChannelProducer(std::shared_ptr<detail::BoundedQueue<JobCall>> queue)
        : end_{std::make_unique<detail::QueueEnd<JobCall>>(std::move(queue))} {}

    asio::awaitable<result<std::optional<JobCall>>> next() { return end_->queue->pop(end_->queue); }
    std::size_t abandon() { return end_->queue->abandon(); }

private:
    std::unique_ptr<detail::QueueEnd<JobCall>> end_;
};

/// The two ends of a channel of calls: `auto [sender, producer] = make_call_channel(64);`.
struct CallChannel {
    CallSender sender;
    ChannelProducer producer;
};

/// Makes a channel that holds at most `capacity` calls (at least one).
inline CallChannel make_call_channel(std::size_t capacity = 1024) {
    auto queue = std::make_shared<detail::BoundedQueue<JobCall>>(capacity);
    return CallChannel{CallSender{queue}, ChannelProducer{queue}};
}

/// Receives what a `ChannelConsumer` consumes. Move-only: one reader.
class ResultReceiver {
public:
    explicit ResultReceiver(std::shared_ptr<detail::BoundedQueue<Invocation>> queue)
        : end_{std::make_unique<detail::QueueEnd<Invocation>>(std::move(queue))} {}

    /// Waits for the next result; empty once the run has delivered all. `errc::cancelled` if the wait was cancelled.
    asio::awaitable<result<std::optional<Invocation>>> receive() { return end_->queue->pop(end_->queue); }
    /// Takes a result if one is there.
    std::optional<Invocation> try_receive() { return end_->queue->try_pop(); }

private:
    std::unique_ptr<detail::QueueEnd<Invocation>> end_;
};

/// Hands results to a `ResultReceiver`, which may live on another thread. While the channel is full the runner's queue
/// for this consumer fills up. Once the receiver is gone the consumer fails. Made by `make_result_channel`.
class ChannelConsumer {
public:
    explicit ChannelConsumer(std::shared_ptr<detail::BoundedQueue<Invocation>> queue)
        : end_{std::make_unique<detail::QueueEnd<Invocation>>(std::move(queue))} {}

    asio::awaitable<result<void>> consume(const Invocation& invocation) {
        return end_->queue->push(end_->queue, invocation);
    }
    asio::awaitable<result<void>> finish() {
        end_->queue->close();
        co_return result<void>{};
    }

private:
    std::unique_ptr<detail::QueueEnd<Invocation>> end_;
};

/// The two ends of a channel of results: `auto [consumer, receiver] = make_result_channel(64);`.
struct ResultChannel {
    ChannelConsumer consumer;
    ResultReceiver receiver;
};

/// Makes a channel that holds at most `capacity` results (at least one).
inline ResultChannel make_result_channel(std::size_t capacity = 1024) {
    auto queue = std::make_shared<detail::BoundedQueue<Invocation>>(capacity);
    return ResultChannel{ChannelConsumer{queue}, ResultReceiver{queue}};
}

static_assert(Producer<ChannelProducer>);
static_assert(Consumer<ChannelConsumer>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
