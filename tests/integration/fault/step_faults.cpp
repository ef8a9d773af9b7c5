// The system's calls, taken in between: defined in the program, they come before those of the C library.
#undef _FORTIFY_SOURCE
#include "step_faults.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <span>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

namespace tests {

std::atomic<int> lookup_milliseconds{0};

namespace {

constexpr int end_of_stream = -1;
constexpr int one_byte = -2;
constexpr int broken_tls = -3;
constexpr int an_hour = -4;

struct Plan {
    std::atomic<bool> armed{false};
    std::atomic<std::size_t> counted{0};
    std::size_t nth = 0;
    std::size_t variant = 0;
    std::atomic<bool> reached{false};
    std::atomic<bool> injected{false};
    const char* call = "";
    int how = 0;
};
Plan plan;
thread_local bool mine = false;
thread_local time_t seconds_ahead = 0;
std::atomic<std::uint16_t> https_port{0};  // 0: where it always is
std::atomic<bool> no_names{false};
thread_local bool by_hand = false;
thread_local long long hand_now = 0;  // nanoseconds

// Returns how the call is to fail; 0: not at all.
int next(const char* call, std::span<const int> ways, bool of_any_thread = false) noexcept {
    if (!plan.armed.load(std::memory_order_acquire) || (!mine && !of_any_thread)) return 0;
    if (plan.counted.fetch_add(1) != plan.nth) return 0;
    plan.reached = true;
    if (plan.variant >= ways.size()) return 0;
    plan.call = call;
    plan.how = ways[plan.variant];
    plan.injected = true;
    return plan.how;
}

template <class F>
F* real(const char* name) noexcept {
    return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

int fail(int error) noexcept {
    errno = error;
    return -1;
}

// A connection of which such an error was told is dead for all further calls too.
int fail_connection(int fd, int error) noexcept {
    if (error != ENOBUFS) ::shutdown(fd, SHUT_RDWR);
    return fail(error);
}

// So OpenSSL tells that a peer broke the protocol; SSL_get_error finds it in the queue.
int fail_tls() noexcept {
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_RECORD_TYPE);
    return -1;
}

constexpr std::array socket_ways{EMFILE, ENOMEM};
constexpr std::array connect_ways{ECONNREFUSED, ETIMEDOUT, ENETUNREACH};
constexpr std::array sockopt_ways{EINVAL};
constexpr std::array connected_ways{ECONNREFUSED, EHOSTUNREACH};
// A write that takes less than all means that the buffer is full, and an event comes when it no longer is: without that
// event, Asio would rightly wait for ever. So no short write is pretended.
constexpr std::array send_ways{ECONNRESET, EPIPE, ENOBUFS};
constexpr std::array recv_ways{ECONNRESET, ETIMEDOUT, end_of_stream, one_byte};
constexpr std::array epoll_ctl_ways{ENOMEM, ENOSPC};
constexpr std::array epoll_wait_ways{EINTR};
constexpr std::array tls_ways{broken_tls};
constexpr std::array clock_ways{an_hour};
constexpr std::array lookup_ways{EAI_AGAIN, EAI_NONAME, EAI_MEMORY};

}  // namespace

StepFault::StepFault(std::size_t nth, std::size_t variant) noexcept {
    plan.counted = 0;
    plan.nth = nth;
    plan.variant = variant;
    plan.reached = false;
    plan.injected = false;
    plan.call = "nothing";
    plan.how = 0;
    mine = true;
    plan.armed.store(true, std::memory_order_release);
}
StepFault::~StepFault() {
    plan.armed = false;
    mine = false;
}
bool StepFault::reached() noexcept { return plan.reached; }
bool StepFault::injected() noexcept { return plan.injected; }
std::string StepFault::what() {
    std::string text = plan.call;
    if (text == "getaddrinfo") return text + ": " + ::gai_strerror(plan.how);
    if (plan.how == end_of_stream) return text + ": end of the stream";
    if (plan.how == one_byte) return text + ": one byte";
    if (plan.how == broken_tls) return text + ": an error of TLS";
    if (plan.how == an_hour) return text + ": an hour later";
    return text + ": " + std::strerror(plan.how);
}
bool StepFault::harmless() noexcept { return plan.how == one_byte || plan.how == EINTR; }
bool StepFault::leapt() noexcept { return plan.how == an_hour; }

AllHosts::AllHosts(std::uint16_t port, bool exist) noexcept {
    no_names = !exist;
    https_port = port;
}
AllHosts::~AllHosts() {
    https_port = 0;
    no_names = false;
}

HandTime::HandTime() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    hand_now = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
    by_hand = true;
}
HandTime::~HandTime() { by_hand = false; }

}  // namespace tests

// NOLINTBEGIN
extern "C" {

int socket(int domain, int type, int protocol) noexcept {
    static auto* const call = tests::real<int(int, int, int)>("socket");
    if (const int how = tests::next("socket", tests::socket_ways)) return tests::fail(how);
    return call(domain, type, protocol);
}
int connect(int fd, const sockaddr* address, socklen_t size) {
    static auto* const call = tests::real<int(int, const sockaddr*, socklen_t)>("connect");
    if (const int how = tests::next("connect", tests::connect_ways)) return tests::fail(how);
    sockaddr_in other{};
    if (tests::https_port != 0 && address->sa_family == AF_INET && size >= sizeof other) {
        std::memcpy(&other, address, sizeof other);
        if (other.sin_port == htons(443)) {
            other.sin_port = htons(tests::https_port);
            return call(fd, reinterpret_cast<const sockaddr*>(&other), sizeof other);
        }
    }
    return call(fd, address, size);
}
int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
    static auto* const call = tests::real<int(int, int, int, const void*, socklen_t)>("setsockopt");
    if (const int how = tests::next("setsockopt", tests::sockopt_ways)) return tests::fail(how);
    return call(fd, level, name, value, size);
}
int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
    static auto* const call = tests::real<int(int, int, int, void*, socklen_t*)>("getsockopt");
    const int done = call(fd, level, name, value, size);
    if (level == SOL_SOCKET && name == SO_ERROR)
        if (const int how = tests::next("getsockopt(SO_ERROR)", tests::connected_ways))
            std::memcpy(value, &how, sizeof how);
    return done;
}
ssize_t send(int fd, const void* data, size_t size, int flags) {
    static auto* const call = tests::real<ssize_t(int, const void*, size_t, int)>("send");
    if (const int how = tests::next("send", tests::send_ways)) return tests::fail_connection(fd, how);
    return call(fd, data, size, flags);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    static auto* const call = tests::real<ssize_t(int, const msghdr*, int)>("sendmsg");
    if (const int how = tests::next("sendmsg", tests::send_ways)) return tests::fail_connection(fd, how);
    return call(fd, message, flags);
}
ssize_t recv(int fd, void* into, size_t room, int flags) {
    static auto* const call = tests::real<ssize_t(int, void*, size_t, int)>("recv");
    const int how = tests::next("recv", tests::recv_ways);
    if (how > 0) return tests::fail_connection(fd, how);
    if (how == tests::end_of_stream) return 0;
    return call(fd, into, how == tests::one_byte && room > 1 ? 1 : room, flags);
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
    static auto* const call = tests::real<ssize_t(int, msghdr*, int)>("recvmsg");
    const int how = tests::next("recvmsg", tests::recv_ways);
    if (how > 0) return tests::fail_connection(fd, how);
    if (how == tests::end_of_stream) return 0;
    if (how == tests::one_byte)
        for (size_t i = 0; i < message->msg_iovlen; ++i)
            if (message->msg_iov[i].iov_len > 0) return recv(fd, message->msg_iov[i].iov_base, 1, flags);
    return call(fd, message, flags);
}
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
    static auto* const call = tests::real<int(int, int, int, epoll_event*)>("epoll_ctl");
    // Changing what is there already, or taking it out, cannot fail for want of memory.
    if (operation == EPOLL_CTL_ADD)
        if (const int how = tests::next("epoll_ctl", tests::epoll_ctl_ways)) return tests::fail(how);
    return call(epoll, operation, fd, event);
}
int epoll_wait(int epoll, epoll_event* events, int room, int milliseconds) {
    static auto* const call = tests::real<int(int, epoll_event*, int, int)>("epoll_wait");
    if (const int how = tests::next("epoll_wait", tests::epoll_wait_ways)) return tests::fail(how);
    if (!tests::by_hand || milliseconds == 0) return call(epoll, events, room, milliseconds);
    const int ready = call(epoll, events, room, 0);
    // What waits without an end has nothing to wait for: it is let go on, and finds that.
    if (ready == 0) tests::hand_now += (milliseconds > 0 ? milliseconds : 1) * 1'000'000LL;
    return ready;
}
int timerfd_create(int clock, int flags) noexcept {
    static auto* const call = tests::real<int(int, int)>("timerfd_create");
    return tests::by_hand ? tests::fail(ENOSYS) : call(clock, flags);  // Asio then waits by epoll_wait
}
int clock_gettime(clockid_t clock, timespec* now) noexcept {
    static auto* const call = tests::real<int(clockid_t, timespec*)>("clock_gettime");
    const int done = call(clock, now);
    if (clock != CLOCK_MONOTONIC || done != 0) return done;
    if (tests::by_hand) {
        now->tv_sec = static_cast<time_t>(tests::hand_now / 1'000'000'000LL);
        now->tv_nsec = static_cast<long>(tests::hand_now % 1'000'000'000LL);
        return done;
    }
    if (tests::next("clock", tests::clock_ways) != 0) tests::seconds_ahead += 3600;
    now->tv_sec += tests::seconds_ahead;
    return done;
}
int SSL_connect(SSL* tls) {
    static auto* const call = tests::real<int(SSL*)>("SSL_connect");
    return tests::next("SSL_connect", tests::tls_ways) != 0 ? tests::fail_tls() : call(tls);
}
int SSL_read(SSL* tls, void* into, int room) {
    static auto* const call = tests::real<int(SSL*, void*, int)>("SSL_read");
    return tests::next("SSL_read", tests::tls_ways) != 0 ? tests::fail_tls() : call(tls, into, room);
}
int SSL_write(SSL* tls, const void* data, int size) {
    static auto* const call = tests::real<int(SSL*, const void*, int)>("SSL_write");
    return tests::next("SSL_write", tests::tls_ways) != 0 ? tests::fail_tls() : call(tls, data, size);
}
int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
    static auto* const call = tests::real<int(const char*, const char*, const addrinfo*, addrinfo**)>("getaddrinfo");
    const std::string_view name = host != nullptr ? host : "";
    if (name.ends_with(".invalid") || tests::no_names) return EAI_NONAME;
    if (!name.ends_with(".faas.test") && tests::https_port == 0) return call(host, service, hints, found);
    if (const int pause = tests::lookup_milliseconds; pause > 0) {
        const timespec length{.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1'000'000L};
        ::nanosleep(&length, nullptr);
    }
    if (const int how = tests::next("getaddrinfo", tests::lookup_ways, true)) return how;
    return call("127.0.0.1", service, hints, found);
}
}

// -- memory: which blocks the watched thread took

namespace tests {
namespace {

constexpr bool counts_memory = !sanitized;

#if defined(__GLIBC__)
class Blocks {
public:
    void add(void* block, std::size_t size) noexcept {
        if (block == nullptr) return;
        const Guard guard{lock_};
        auto at = home(block);
        while (entries_[at].block != nullptr) at = (at + 1) % capacity;
        entries_[at] = {block, size};
        if (++live_ > static_cast<long>(capacity / 2)) std::abort();
    }
    void remove(void* block) noexcept {
        if (block == nullptr || live_.load(std::memory_order_relaxed) == 0) return;
        const Guard guard{lock_};
        auto at = home(block);
        while (entries_[at].block != block) {
            if (entries_[at].block == nullptr) return;
            at = (at + 1) % capacity;
        }
        --live_;
        for (auto hole = at;;) {  // what was pushed beyond the hole moves back
            at = (at + 1) % capacity;
            if (entries_[at].block == nullptr) {
                entries_[hole] = {};
                return;
            }
            const auto wanted = home(entries_[at].block);
            if ((at - wanted + capacity) % capacity >= (at - hole + capacity) % capacity) {
                entries_[hole] = entries_[at];
                hole = at;
            }
        }
    }
    void clear() noexcept {
        if (live_ == 0) return;
        const Guard guard{lock_};
        for (auto& entry : entries_) entry = {};
        live_ = 0;
    }
    long live() const noexcept { return live_; }
    std::string sizes() const {
        std::string text;
        int shown = 0;
        for (std::size_t at = 0; at < capacity && shown < 10; ++at) {
            if (entries_[at].block == nullptr) continue;
            text += (text.empty() ? "" : ", ") + std::to_string(entries_[at].size);
            ++shown;
        }
        return text;
    }

private:
    static constexpr std::size_t capacity = std::size_t{1} << 18U;
    struct Entry {
        void* block = nullptr;
        std::size_t size = 0;
    };
    struct Guard {
        explicit Guard(std::atomic_flag& flag) noexcept : held{flag} {
            while (held.test_and_set(std::memory_order_acquire)) {
            }
        }
        ~Guard() { held.clear(std::memory_order_release); }
        std::atomic_flag& held;
    };
    static std::size_t home(const void* block) noexcept {
        return static_cast<std::size_t>((reinterpret_cast<std::uintptr_t>(block) >> 4U) * 0x9E3779B97F4A7C15ULL >>
                                        40U) %
               capacity;
    }
    Entry entries_[capacity]{};
    std::atomic<long> live_{0};
    std::atomic_flag lock_ = ATOMIC_FLAG_INIT;
};
Blocks blocks;
thread_local bool counting = false;
#endif

}  // namespace

#if defined(__GLIBC__)
HeapScope::HeapScope() noexcept {
    blocks.clear();
    counting = counts_memory;
}
HeapScope::~HeapScope() { stop(); }
void HeapScope::stop() noexcept { counting = false; }
long HeapScope::live() noexcept {
    ::OPENSSL_thread_stop();  // what OpenSSL keeps for each thread
    return blocks.live();
}
std::string HeapScope::sizes() { return blocks.sizes(); }
HeapScope::Pause::Pause() noexcept : counted_{counting} { counting = false; }
HeapScope::Pause::~Pause() { counting = counted_; }
#else
HeapScope::HeapScope() noexcept = default;
HeapScope::~HeapScope() = default;
void HeapScope::stop() noexcept {}
long HeapScope::live() noexcept { return 0; }
std::string HeapScope::sizes() { return {}; }
HeapScope::Pause::Pause() noexcept : counted_{false} {}
HeapScope::Pause::~Pause() = default;
#endif

}  // namespace tests

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define BLUEPRINT_FAAS_TESTS_SYSTEM_HEAP
#endif
#endif
#else
#define BLUEPRINT_FAAS_TESTS_SYSTEM_HEAP
#endif

#if !defined(BLUEPRINT_FAAS_TESTS_SYSTEM_HEAP)
extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t size) noexcept {
    void* const block = __libc_malloc(size);
    if (tests::counting) tests::blocks.add(block, size);
    return block;
}
void* calloc(size_t count, size_t size) noexcept {
    void* const block = __libc_calloc(count, size);
    if (tests::counting) tests::blocks.add(block, count * size);
    return block;
}
void* realloc(void* old, size_t size) noexcept {
    tests::blocks.remove(old);
    void* const block = __libc_realloc(old, size);
    if (tests::counting && size > 0) tests::blocks.add(block, size);
    return block;
}
void* aligned_alloc(size_t alignment, size_t size) noexcept {
    void* const block = __libc_memalign(alignment, size);
    if (tests::counting) tests::blocks.add(block, size);
    return block;
}
void* memalign(size_t alignment, size_t size) noexcept { return aligned_alloc(alignment, size); }
int posix_memalign(void** block, size_t alignment, size_t size) noexcept {
    *block = aligned_alloc(alignment, size);
    return *block == nullptr ? ENOMEM : 0;
}
void free(void* block) noexcept {
    tests::blocks.remove(block);
    __libc_free(block);
}
}
#endif
// NOLINTEND
