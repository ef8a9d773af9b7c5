#ifndef BLUEPRINT_FAAS_SERVE_IMPL_HTTP_SERVER_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_HTTP_SERVER_IPP

#include "blueprint/faas/serve/http_server.hpp"
#include "blueprint/faas/serve/impl/azure_messages.ipp"
#include "blueprint/faas/serve/impl/http_connection.hpp"
#include "blueprint/faas/serve/impl/http_listen.hpp"
#include "blueprint/faas/serve/impl/stdio.ipp"

#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <thread>
#include <unordered_map>
#include <vector>

namespace blueprint::faas::detail {

struct FunctionServer::State {
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t most_waiting = 1'000, most_connections = 2'048;
    static constexpr std::uint64_t door_id = 0, wake_id = 1;
    // Longer than Google's front ends keep a connection, so that none is closed just as a request comes.
    static constexpr std::chrono::seconds longest_idle{650}, longest_linger{2};

    /// What ends the time of a call that a job runs for, and what its caller is told then.
    struct Limit {
        std::uint64_t connection = 0;
        SteadyTime until{};
        HttpReply late{};
    };

    State(const Environment& of, const ServeOptions& with, HttpDoor at)
        : world{of}, options{with}, where{std::move(at)} {}

    result<void> listen();
    result<void> open();
    void look_at(SteadyTime when) noexcept { next_look = std::min(next_look, when); }
    int until_next_look() const noexcept;
    void watch(HttpConnection& one, std::uint32_t events) noexcept;
    void enter(HttpConnection& one, HttpPhase phase, SteadyTime deadline, std::uint32_t events) noexcept;
    void drop(HttpConnection& one) noexcept;

    void accept_all();
    void accept_more(bool more) noexcept;
    void handle(const ::epoll_event& event);
    void receive(HttpConnection& one);
    void parse(HttpConnection& one);
    void take_head(HttpConnection& one);
    void take_request(HttpConnection& one);
    void hand_over(HttpConnection& one);
    void refuse(HttpConnection& one, const Error& error, bool keep = false);
    void respond(HttpConnection& one, HttpReply reply);
    void send(HttpConnection& one);
    void settle();
    void apply(Limit limit);
    void check_deadlines();
    void expire(HttpConnection& one);
    void begin_stop();
    bool finished() const noexcept;
    void give_up();

    void finish(std::uint64_t connection, HttpReply reply);
    void finish(const HttpCall& call, HttpReply reply);
    void wake_up() noexcept;
    bool open_envelope(HttpCall& call);
    void answer_envelope(HttpCall& call);

    const Environment& world;
    ServeOptions options;
    HttpDoor where;
    HttpExtras extras{};
    HttpInstance instance{};
    std::size_t concurrency = 1;
    std::function<void()> work{};

    // Of the thread in `run` alone.
    OwnedDescriptor door{}, epoll{}, wake{};
    std::string socket_path{};
    bool door_watched = false;
    std::unordered_map<std::uint64_t, std::unique_ptr<HttpConnection>> connections{};
    std::vector<std::uint64_t> closed{};
    std::uint64_t next_id = 2;
    std::vector<char> buffer = std::vector<char>(64U << 10);
    SteadyTime next_look = SteadyTime::max();
    SteadyTime stop_by = SteadyTime::max();
    bool stopping = false;
    std::atomic<bool> cold{true};  // no call has come yet
    std::size_t unfinished = 0;    // calls that wait or run, also those whose client has gone
    std::vector<std::thread> workers{};

    std::mutex mutex{};  // for what follows
    std::condition_variable called{};
    std::deque<HttpCall> waiting{};
    std::vector<std::pair<std::uint64_t, HttpReply>> done{};
    std::vector<Limit> limits{};
    std::size_t idle_workers = 0;
    bool over = false;
    bool hurry = false;  // the process is to end: nothing is held any more
};

BLUEPRINT_FAAS_DECL FunctionServer::FunctionServer(const Environment& world, const ServeOptions& options, HttpDoor door)
    : state_{std::make_unique<State>(world, options, std::move(door))} {}

BLUEPRINT_FAAS_DECL FunctionServer::~FunctionServer() = default;

BLUEPRINT_FAAS_DECL result<void> FunctionServer::listen() { return state_->listen(); }

BLUEPRINT_FAAS_DECL void FunctionServer::add(HttpExtras extras) { state_->extras = std::move(extras); }

// The door is opened before anything else: the platform measures the start of an instance by it.
inline result<void> FunctionServer::State::listen() {
    auto opened = open_door(where);
    if (!opened) return opened.error();
    door = *std::move(opened);
    socket_path = where.socket.value_or("");
    return {};
}

inline result<void> FunctionServer::State::open() {
    if (door.get() < 0)
        if (const auto listens = listen(); !listens) return listens.error();
    const auto at_once = read_concurrency(world);
    if (!at_once) return at_once.error();
    concurrency = *at_once;
    instance = this_instance(world);
    if (instance.revision.empty()) instance.revision = extras.revision;
    epoll = OwnedDescriptor{::epoll_create1(EPOLL_CLOEXEC)};
    wake = OwnedDescriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    const auto add = [this](int descriptor, std::uint64_t id, std::uint32_t events) {
        ::epoll_event event{.events = events, .data = {.u64 = id}};
        return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
    };
    door_watched = add(door.get(), door_id, EPOLLIN) && add(wake.get(), wake_id, EPOLLIN);
    if (!door_watched) return cannot_listen("epoll: " + std::generic_category().message(errno));
    return {};
}

inline int FunctionServer::State::until_next_look() const noexcept {
    const auto when = std::min(next_look, stop_by);
    if (when == SteadyTime::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

inline void FunctionServer::State::watch(HttpConnection& one, std::uint32_t events) noexcept {
    if (one.watched == events) return;
    one.watched = events;
    ::epoll_event event{.events = events, .data = {.u64 = one.id}};
    ::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, one.socket.get(), &event);
}

inline void FunctionServer::State::enter(HttpConnection& one, HttpPhase phase, SteadyTime deadline,
                                         std::uint32_t events) noexcept {
    one.phase = phase;
    one.deadline = deadline;
    look_at(deadline);
    watch(one, events);
}

// Whoever calls it may still hold the connection, so it goes only before the next wait.
inline void FunctionServer::State::drop(HttpConnection& one) noexcept {
    if (one.phase == HttpPhase::closed) return;
    one.phase = HttpPhase::closed;
    one.deadline = SteadyTime::max();
    one.socket.close();
    closed.push_back(one.id);
}

inline void FunctionServer::State::accept_more(bool more) noexcept {
    if (door.get() < 0 || door_watched == more) return;
    door_watched = more;
    ::epoll_event event{.events = more ? EPOLLIN : 0U, .data = {.u64 = door_id}};
    ::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, door.get(), &event);
}

inline void FunctionServer::State::accept_all() {
    for (int count = 0; count < 64; ++count) {
        if (connections.size() - closed.size() >= most_connections) return accept_more(false);
        OwnedDescriptor socket{::accept4(door.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (socket.get() < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if (errno == EAGAIN) return;
            // No descriptor or memory is left: asking again at once would only spin.
            look_at(Clock::now() + std::chrono::milliseconds{100});
            return accept_more(false);
        }
        const int on = 1;
        if (socket_path.empty()) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const auto id = next_id++;
        auto one = std::make_unique<HttpConnection>(id, std::move(socket));
        ::epoll_event event{.events = 0, .data = {.u64 = id}};
        if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, one->socket.get(), &event) != 0) continue;
        enter(*one, HttpPhase::idle, Clock::now() + longest_idle, EPOLLIN);
        connections.emplace(id, std::move(one));
    }
}

inline void FunctionServer::State::receive(HttpConnection& one) {
    const auto size = ::recv(one.socket.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0) return drop(one);
    if (one.phase == HttpPhase::lingering) return;
    if (one.phase == HttpPhase::body) one.deadline = Clock::now() + options.http_stall;
    one.unread.append(buffer.data(), static_cast<std::size_t>(size));
    parse(one);
}

// Goes on until bytes run out, or a request is with a job, or its answer does not go out at once.
inline void FunctionServer::State::parse(HttpConnection& one) {
    while (one.phase <= HttpPhase::body) {
        if (one.phase == HttpPhase::idle) {
            if (one.unread.empty()) return;
            one.parser.emplace(options.max_http_bytes);
            enter(one, HttpPhase::head, Clock::now() + options.http_stall, EPOLLIN);
        }
        const auto progress = one.parser->take(one.unread);
        if (!progress) return refuse(one, progress.error());
        if (*progress == HttpRequestParser::Progress::waits) return;
        *progress == HttpRequestParser::Progress::head ? take_head(one) : take_request(one);
    }
}

inline void FunctionServer::State::take_head(HttpConnection& one) {
    const auto now = Clock::now();
    auto& parser = *one.parser;
    one.head_only = parser.method == "HEAD";
    if (const auto problem = problem_of_head(parser)) return refuse(one, *problem);
    auto call = read_http_head(parser.method, parser.headers, now);
    if (!call) return refuse(one, call.error(), parser.is_done() && parser.keep_alive());
    one.call = *std::move(call);
    one.call.connection = one.id;
    one.keep = parser.keep_alive();
    enter(one, HttpPhase::body, now + options.http_stall, EPOLLIN);
    if (parser.is_done() || !one.unread.empty() || !parser.headers.get("Expect")) return;
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto sent = ::send(one.socket.get(), go_on.data(), go_on.size(), MSG_NOSIGNAL);
    if (sent != static_cast<::ssize_t>(go_on.size())) drop(one);  // nothing else is on its way, so there is room
}

inline void FunctionServer::State::take_request(HttpConnection& one) {
    one.call.body = std::move(one.parser->body);
    if (extras.keeps) one.call.fields = std::move(one.parser->headers);
    one.parser.reset();
    if (one.call.health) return respond(one, write_http_health(instance, one.call, extras.health));
    if (!one.call.hold) return hand_over(one);
    one.call.cold_start = cold.exchange(false);
    enter(one, HttpPhase::busy, Clock::now() + *one.call.hold, 0);
}

inline void FunctionServer::State::hand_over(HttpConnection& one) {
    const auto request_id = one.call.request_id;
    const auto no_room = [&](unsigned status, std::string_view code, std::string message) {
        auto error = http_refusal(status, code, std::move(message));
        error.retry_after = std::chrono::seconds{1};
        respond(one, write_http_refusal(error, request_id));
    };
    std::unique_lock lock{mutex};
    if (waiting.size() >= most_waiting) {
        lock.unlock();
        return no_room(429, "THROTTLED",
                       std::to_string(most_waiting) +
                           " calls wait here already: let more of them run at once, or "
                           "start more instances");
    }
    if (waiting.size() >= idle_workers && workers.size() < concurrency) {
        try {
            workers.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
            lock.unlock();
            if (workers.empty()) return no_room(503, "UNAVAILABLE", "no thread could be started for the job");
            lock.lock();
        }
    }
    one.call.cold_start = cold.exchange(false);
    look_at(one.call.deadline);
    waiting.push_back(std::move(one.call));
    lock.unlock();
    called.notify_one();
    ++unfinished;
    one.call = {};
    enter(one, HttpPhase::busy, SteadyTime::max(), 0);
}

// The connection ends with a request that is malformed, or of which something is still to come.
inline void FunctionServer::State::refuse(HttpConnection& one, const Error& error, bool keep) {
    const auto request_id = std::string{one.parser->headers.get("X-Request-Id").value_or("")};
    one.keep = keep;
    one.parser.reset();
    respond(one, write_http_refusal(error, request_id));
}

inline void FunctionServer::State::respond(HttpConnection& one, HttpReply reply) {
    one.keep = one.keep && !stopping;
    one.reply = std::move(reply);
    one.head = write_http_head(one.reply, one.keep);
    one.sent = 0;
    enter(one, HttpPhase::writing, Clock::now() + options.http_stall, one.watched);
    send(one);
}

inline void FunctionServer::State::send(HttpConnection& one) {
    const std::string_view body = one.head_only ? std::string_view{} : one.reply.body();
    while (one.sent < one.head.size() + body.size()) {
        const auto of_head = std::min(one.sent, one.head.size());
        const auto of_body = one.sent - of_head;
        // What is written is never altered: the interface of the system merely does not say so.
        std::array<::iovec, 2> parts{{{one.head.data() + of_head, one.head.size() - of_head},
                                      {const_cast<char*>(body.data()) + of_body, body.size() - of_body}}};
        ::msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        const auto size = ::sendmsg(one.socket.get(), &message, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return watch(one, EPOLLOUT);
        if (size < 0) return drop(one);
        one.sent += static_cast<std::size_t>(size);
        one.deadline = Clock::now() + options.http_stall;
    }
    one.reply = HttpReply{};
    if (one.unread.empty()) std::string{}.swap(one.unread);  // an idle connection is to take little memory
    if (one.keep && !stopping) return enter(one, HttpPhase::idle, Clock::now() + longest_idle, EPOLLIN);
    ::shutdown(one.socket.get(), SHUT_WR);
    enter(one, HttpPhase::lingering, Clock::now() + longest_linger, EPOLLIN);
}

inline void FunctionServer::State::handle(const ::epoll_event& event) {
    const std::uint64_t id = event.data.u64;  // a copy: the system packs these, so that this one is not aligned
    if (id == door_id) return accept_all();
    if (id == wake_id) {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto size = ::read(wake.get(), &count, sizeof count);
        return settle();
    }
    const auto found = connections.find(id);
    if (found == connections.end()) return;
    auto& one = *found->second;
    switch (one.phase) {
        case HttpPhase::closed: return;
        case HttpPhase::busy: return drop(one);  // broken, as nothing else is looked for; the call goes on
        case HttpPhase::writing: send(one); return parse(one);  // what came meanwhile
        default: return receive(one);
    }
}

inline void FunctionServer::State::apply(Limit limit) {
    const auto found = connections.find(limit.connection);
    if (found == connections.end() || found->second->phase != HttpPhase::busy) return;
    found->second->reply = std::move(limit.late);
    found->second->deadline = limit.until;
    look_at(limit.until);
}

// Sends the answers that have become ready. Limits are taken together with them: one that came later than its call's
// answer would be for the next request of that connection.
inline void FunctionServer::State::settle() {
    std::vector<std::pair<std::uint64_t, HttpReply>> ready;
    std::vector<Limit> set;
    {
        const std::lock_guard lock{mutex};
        ready.swap(done);
        set.swap(limits);
    }
    for (auto& limit : set) apply(std::move(limit));
    for (auto& [id, reply] : ready) {
        --unfinished;
        const auto found = connections.find(id);
        if (found == connections.end() || found->second->phase != HttpPhase::busy) continue;
        respond(*found->second, std::move(reply));
        parse(*found->second);
    }
}

inline void FunctionServer::State::expire(HttpConnection& one) {
    switch (one.phase) {
        case HttpPhase::head:
        case HttpPhase::body:
            return refuse(one, http_refusal(408, "BAD_REQUEST", "the request did not arrive in time"));
        case HttpPhase::busy:
            if (one.call.hold) {
                respond(one, write_http_warm(instance, one.call));
                return parse(one);
            }
            // Its job goes on, and the answer that comes in the end must not be taken for that to another request.
            one.keep = false;
            return respond(one, std::move(one.reply));
        default: return drop(one);
    }
}

inline void FunctionServer::State::check_deadlines() {
    const auto now = Clock::now();
    if (now < next_look) return;
    next_look = SteadyTime::max();
    if (!stopping) accept_more(connections.size() - closed.size() < most_connections);
    std::vector<HttpCall> late;
    {
        const std::lock_guard lock{mutex};
        std::erase_if(waiting, [&](HttpCall& call) {
            if (call.deadline > now) look_at(call.deadline);
            if (call.deadline > now) return false;
            late.push_back(std::move(call));
            return true;
        });
    }
    for (const auto& call : late) finish(call, write_http_refusal(http_call_too_late(), call.request_id));
    for (auto& [id, one] : connections) {
        if (one->deadline <= now) expire(*one);
        look_at(one->deadline);
    }
}

inline void FunctionServer::State::begin_stop() {
    stopping = true;
    stop_by = Clock::now() + options.http_drain;
    {
        const std::lock_guard lock{mutex};
        hurry = true;
    }
    called.notify_all();
    door.close();
    if (!socket_path.empty()) ::unlink(socket_path.c_str());
    for (auto& [id, one] : connections) {
        if (one->phase == HttpPhase::idle) receive(*one);  // a request may have come just now
        if (one->phase == HttpPhase::idle) drop(*one);
        const bool held = one->phase == HttpPhase::busy && one->call.hold;
        if (held) expire(*one);
    }
}

inline bool FunctionServer::State::finished() const noexcept {
    return unfinished == 0 && std::all_of(connections.begin(), connections.end(), [](const auto& entry) {
               return entry.second->phase == HttpPhase::lingering || entry.second->phase == HttpPhase::closed;
           });
}

// The threads of the jobs cannot be ended one by one.
inline void FunctionServer::State::give_up() {
    complain("blueprint: the process ends, and " + std::to_string(unfinished) + " calls have not come to their end\n");
    std::fflush(stdout);
    std::_Exit(1);
}

BLUEPRINT_FAAS_DECL int FunctionServer::run(std::function<void()> work) {
    auto& state = *state_;
    state.work = std::move(work);
    if (const auto opened = state.open(); !opened)
        return complain("blueprint: the function cannot start: " + opened.error().message + '\n'), 1;
    const StopSignals signals{state.wake.get()};
    std::array<::epoll_event, 64> events;  // NOLINT: filled before it is read
    while (!state.stopping || !state.finished()) {
        const int count =
            ::epoll_wait(state.epoll.get(), events.data(), static_cast<int>(events.size()), state.until_next_look());
        for (int i = 0; i < count; ++i) state.handle(events[static_cast<std::size_t>(i)]);
        state.check_deadlines();
        if (signals.asked() && !state.stopping) state.begin_stop();
        if (std::chrono::steady_clock::now() >= state.stop_by && !state.finished()) state.give_up();
        for (const auto id : state.closed) state.connections.erase(id);
        if (!state.closed.empty()) state.accept_more(true);
        state.closed.clear();
    }
    {
        const std::lock_guard lock{state.mutex};
        state.over = true;
    }
    state.called.notify_all();
    for (auto& worker : state.workers) worker.join();
    return 0;
}

inline void FunctionServer::State::finish(std::uint64_t connection, HttpReply reply) {
    bool first = false;
    {
        const std::lock_guard lock{mutex};
        first = done.empty();
        done.emplace_back(connection, std::move(reply));
    }
    if (first) wake_up();
}

inline void FunctionServer::State::finish(const HttpCall& call, HttpReply reply) {
    finish(call.connection, call.enveloped ? write_azure_envelope(reply) : std::move(reply));
}

inline void FunctionServer::State::wake_up() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
}

// Turns what came in the envelope of Azure's host into the call that is in it. False: the call is answered.
BLUEPRINT_FAAS_COLD inline bool FunctionServer::State::open_envelope(HttpCall& call) {
    if (call.binary || call.job_id) return true;  // a request that was forwarded has our own fields
    auto envelope = read_azure_envelope(text_of(call.body));
    if (!envelope) return true;
    call.enveloped = true;
    const auto refuse = [&](const Error& error) {
        finish(call, write_http_refusal(error, call.request_id));
        return false;
    };
    if (!*envelope) return refuse(envelope->error());
    auto& inside = **envelope;
    auto read = read_http_head(inside.method, inside.fields, Clock::now());
    if (!read) return refuse(read.error());
    if (!read->request_id.empty()) call.request_id = std::move(read->request_id);
    if (read->binary) return refuse(azure_binary_refusal());
    read->connection = call.connection;
    read->request_id = call.request_id;
    read->cold_start = call.cold_start;
    read->enveloped = true;
    read->deadline = std::min(read->deadline, call.deadline);
    read->body = std::move(inside.body);
    read->fields = std::move(inside.fields);
    if (!call.request_id.empty()) read->request.call.metadata.set("x-request-id", call.request_id);
    call = *std::move(read);
    if (!call.health && !call.hold) return true;
    answer_envelope(call);
    return false;
}

// The thread of a job is held with it, which is what a warming call is for.
BLUEPRINT_FAAS_COLD inline void FunctionServer::State::answer_envelope(HttpCall& call) {
    if (call.health) {
        if (call.cold_start) cold = true;  // it was none
        return finish(call, write_http_health(instance, call, extras.health));
    }
    {
        std::unique_lock lock{mutex};
        called.wait_for(lock, *call.hold, [&] { return over || hurry; });
    }
    finish(call, write_http_warm(instance, call));
}

BLUEPRINT_FAAS_DECL std::optional<HttpCall> FunctionServer::next() {
    auto& state = *state_;
    for (;;) {
        std::unique_lock lock{state.mutex};
        ++state.idle_workers;
        state.called.wait(lock, [&] { return state.over || !state.waiting.empty(); });
        --state.idle_workers;
        if (state.waiting.empty()) return std::nullopt;
        auto call = std::move(state.waiting.front());
        state.waiting.pop_front();
        lock.unlock();
        if (state.extras.envelopes && !state.open_envelope(call)) continue;
        if (state.extras.keeps && !call.binary) call.kept = call.body;
        const auto read = read_http_body(call, state.world.now(), std::chrono::steady_clock::now());
        if (read) return call;
        state.finish(call, write_http_refusal(read.error(), call.request_id));
    }
}

BLUEPRINT_FAAS_DECL void FunctionServer::reply(const HttpCall& call, result<Bytes> outcome,
                                               std::chrono::milliseconds took, std::optional<std::size_t> memory_mib) {
    state_->finish(call, write_http_answer(state_->instance, call, std::move(outcome), took, memory_mib,
                                           state_->options.max_http_bytes));
}

BLUEPRINT_FAAS_DECL void FunctionServer::reply(const HttpCall& call, HttpReply answer) {
    state_->finish(call, std::move(answer));
}

BLUEPRINT_FAAS_DECL void FunctionServer::limit(const HttpCall& call, SteadyTime until, std::chrono::milliseconds time) {
    auto& state = *state_;
    const Error error{.code = errc::timed_out,
                      .message = "the job did not end within its " + std::to_string(time.count()) +
                                 " ms: deploy it with a longer timeout, or let it do less at once",
                      .platform_code = "TIMEOUT",
                      .execution = Execution::started};
    auto late = write_http_answer(state.instance, call, error, time, {}, state.options.max_http_bytes);
    if (call.enveloped) late = write_azure_envelope(late);
    {
        const std::lock_guard lock{state.mutex};
        state.limits.push_back({.connection = call.connection, .until = until, .late = std::move(late)});
    }
    state.wake_up();
}

}  // namespace blueprint::faas::detail

#endif
