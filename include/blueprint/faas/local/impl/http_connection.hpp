#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_CONNECTION_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_CONNECTION_HPP

// One accepted connection of an `HttpServer`, and what all of them share: its life. How it reads requests is in
// http_read.hpp, how it writes answers in http_write.hpp; http_server.ipp includes the three.

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/local/server_stream.hpp"
#include "blueprint/faas/local/strangers.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <ctime>
#include <exception>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

class HttpConnection;
class RequestParser;

struct HttpServer::State {
    State(asio::any_io_executor executor, HttpService& served)
        : strand{std::move(executor)},
          service{served},
          acceptor{strand},
          room{strand, asio::steady_timer::time_point::max()},
          all_done{strand, asio::steady_timer::time_point::max()} {}

    /// Counts a coroutine that nobody awaits, and knows its connection, for as long as its frame exists: that may end
    /// with the io_context instead of a return.
    struct Task {
        explicit Task(State& owner, HttpConnection* serves = nullptr) : state{owner}, connection{serves} {
            ++state.tasks;
        }
        Task(const Task&) = delete;
        Task& operator=(const Task&) = delete;
        ~Task() {
            if (connection != nullptr && state.open.erase(connection) > 0) state.room.cancel();
            if (--state.tasks == 0) state.all_done.cancel();
        }
        State& state;
        HttpConnection* connection;
    };

    asio::any_io_executor strand;
    HttpService& service;
    CloudOptions options;
    Strangers strangers;
    std::weak_ptr<void> owner;
    std::shared_ptr<asio::ssl::context> tls;
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer room;
    asio::steady_timer all_done;
    std::unordered_set<HttpConnection*> open;
    std::string url;
    std::size_t tasks = 0;
    std::uint64_t requests = 0;
    std::uint64_t connections = 0;
    std::uint64_t buffered = 0;
    std::string date;  // the Date field as it was worded last
    std::time_t dated = 0;
    bool stopping = false;
};

/// One accepted connection. Its clock closes the socket when the phase it is in takes too long.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
public:
    HttpConnection(std::shared_ptr<HttpServer::State> state, asio::ip::tcp::socket socket);
    asio::awaitable<void> serve();
    void close() noexcept { stream_.close(); }
    /// Tells whether no request is being received or answered.
    bool waiting() const noexcept { return waiting_; }

private:
    enum class Next { keep, close };

    /// What is reserved of the server's memory for one body.
    struct Reservation {
        HttpServer::State* state = nullptr;
        std::uint64_t bytes = 0;
        Reservation() = default;
        Reservation(const Reservation&) = delete;
        Reservation& operator=(const Reservation&) = delete;
        ~Reservation() {
            if (state != nullptr) state->buffered -= bytes;
        }
        bool take(HttpServer::State& from, std::uint64_t wanted) noexcept {
            if (from.options.limits.buffered_bytes - from.buffered < wanted) return false;
            state = &from;
            bytes = wanted;
            from.buffered += wanted;
            return true;
        }
    };

    /// What is needed of a request when its answer is sent.
    struct Line {
        std::string method{};
        std::string target{};
        std::chrono::steady_clock::time_point received{};
        unsigned version = 11;
    };

    // Reading: http_read.hpp
    asio::awaitable<Next> serve_one();
    asio::awaitable<boost::system::error_code> read_until_parsed(RequestParser& parser, bool head);
    asio::awaitable<Next> answer_refused(Line line, ServerAnswer refusal, bool keep, std::uint64_t discarded,
                                         bool body);
    asio::awaitable<Next> answer_malformed(Line line, unsigned status, std::string message);
    asio::awaitable<bool> discard(std::uint64_t bytes);
    asio::awaitable<void> linger();
    Admission judge(const ServerRequest& request);
    std::optional<ServerAnswer> refuse(const ServerRequest& request, const Admission& admission,
                                       const RequestParser& parser, Reservation& reservation);
    // Writing: http_write.hpp
    asio::awaitable<ServerAnswer> answer_safely(ServerRequest request);
    asio::awaitable<bool> send(Line line, ServerAnswer answer, bool keep);
    asio::awaitable<bool> send_pieces(ServerAnswer answer, bool in_chunks);
    void log(const Line& line, unsigned status) const;
    void arm(std::chrono::milliseconds time);
    void limit_until(Deadline latest);
    void disarm() noexcept { limit_ = Deadline::max(); }
    void watch();

    std::shared_ptr<HttpServer::State> state_;
    ServerStream stream_;
    boost::beast::flat_buffer buffer_;
    asio::steady_timer clock_;
    Deadline limit_ = Deadline::max();
    std::uint64_t clock_turn_ = 0;
    bool clock_runs_ = false;
    bool waiting_ = true;
    std::string client_subject_;
    std::string out_;  // the head and the beginning of an answer; its memory is kept
};

inline HttpConnection::HttpConnection(std::shared_ptr<HttpServer::State> state, asio::ip::tcp::socket socket)
    : state_{std::move(state)}, stream_{std::move(socket), state_->tls}, clock_{state_->strand} {}

inline void HttpConnection::arm(std::chrono::milliseconds time) {
    limit_ = deadline_after(time);
    // The clock is set back only for an earlier limit; a later one is found when it rings.
    if (!clock_runs_ || limit_ < clock_.expiry()) watch();
}

/// Brings the limit forward if it is later than `latest`.
inline void HttpConnection::limit_until(Deadline latest) {
    if (limit_ <= latest) return;
    limit_ = latest;
    if (limit_ < clock_.expiry()) watch();
}

inline void HttpConnection::watch() {
    clock_runs_ = true;
    const auto turn = ++clock_turn_;
    clock_.expires_at(limit_);
    clock_.async_wait([weak = weak_from_this(), turn](boost::system::error_code) {
        const auto self = weak.lock();
        if (!self || turn != self->clock_turn_) return;
        if (self->limit_ == Deadline::max()) {
            self->clock_runs_ = false;
        } else if (std::chrono::steady_clock::now() >= self->limit_) {
            self->close();
        } else {
            self->watch();
        }
    });
}

inline asio::awaitable<void> HttpConnection::serve() {
    const auto self = shared_from_this();
    const auto& limits = state_->options.limits;
    arm(limits.stall);
    const auto refused = co_await stream_.handshake();
    if (!refused && !state_->options.client_ca.empty()) client_subject_ = stream_.client_subject();
    Next next = refused || state_->stopping ? Next::close : Next::keep;
    while (next == Next::keep) {
        next = co_await serve_one();
        if (state_->stopping) next = Next::close;
    }
    if (!refused) {
        arm(std::chrono::seconds{1});
        co_await stream_.shut();
    }
    stream_.close();
    clock_.cancel();
    ++clock_turn_;
}

/// Serves one connection to its end. Detached, but counted in `state->tasks`.
inline asio::awaitable<void> serve_connection(std::shared_ptr<void> owner, std::shared_ptr<HttpServer::State> state,
                                              std::shared_ptr<HttpConnection> connection) {
    const auto kept = std::move(owner);  // the service is its own, and answers may still be under way
    const HttpServer::State::Task task{*state, connection.get()};
    try {
        co_await connection->serve();
    } catch (const std::exception&) {  // out of memory: this connection ends, the server goes on
        connection->close();
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
