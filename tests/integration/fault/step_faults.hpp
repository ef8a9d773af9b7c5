#ifndef BLUEPRINT_FAAS_TESTS_FAULT_STEP_FAULTS_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_STEP_FAULTS_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tests {

/// Whether a sanitizer watches this program: it is slower then, and memory is the sanitizer's to count.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

/// Makes one step of the calling thread fail. The program has its own `connect`, `send`, `recv`, `SSL_read` and so on,
/// which hand on to the system's and OpenSSL's; while one of these lives they count, and the `nth` (from 0) fails in
/// its `variant`-th way (from 0): the errors that this call is documented to have, the end of the stream, a single byte
/// taken. A reading of the clock "fails" by an hour that has passed, for this thread and for good, so that whatever
/// deadline holds at this step has come. Name look-ups run on a thread of Asio's and count too. One at a time.
class StepFault {
public:
    StepFault(std::size_t nth, std::size_t variant) noexcept;
    StepFault(const StepFault&) = delete;
    StepFault& operator=(const StepFault&) = delete;
    ~StepFault();

    // Of the last one, be it gone or not:
    /// Whether the run came as far as the `nth` step at all.
    static bool reached() noexcept;
    /// Whether that step has a `variant`-th way to fail.
    static bool injected() noexcept;
    /// Whether what failed is nothing that an operation may fail of: an interrupted wait, a short read.
    static bool harmless() noexcept;
    /// Whether the clock leapt.
    static bool leapt() noexcept;
    /// Names the step and how it failed: "recv: Connection reset by peer".
    static std::string what();
};

/// What the program's own getaddrinfo answers for the names below "faas.test": the loopback address at once, or after a
/// while. Names below "invalid" do not exist, at once. No name server is ever asked for either.
extern std::atomic<int> lookup_milliseconds;

/// While one of these lives, every name is this machine's, or does not exist, and what is connected to port 443 is
/// connected to `port`: so a proxy stands before hosts that have names of their own. One at a time.
class AllHosts {
public:
    explicit AllHosts(std::uint16_t port, bool exist = true) noexcept;
    AllHosts(const AllHosts&) = delete;
    AllHosts& operator=(const AllHosts&) = delete;
    ~AllHosts();
};

/// Counts the memory that the calling thread takes while one of these lives and that nobody gives back, be it from
/// `new`, the frames of coroutines, or OpenSSL. Always 0 under a sanitizer, which looks for itself.
class HeapScope {
public:
    HeapScope() noexcept;
    HeapScope(const HeapScope&) = delete;
    HeapScope& operator=(const HeapScope&) = delete;
    ~HeapScope();
    /// Counts no more; what was taken may still be given back.
    void stop() noexcept;
    /// Blocks taken and not given back.
    static long live() noexcept;
    /// Sizes of up to ten of them, for the message of a failed test.
    static std::string sizes();

    /// While one of these lives, what the calling thread takes is not counted: it is a platform's, not a client's.
    class Pause {
    public:
        Pause() noexcept;
        Pause(const Pause&) = delete;
        Pause& operator=(const Pause&) = delete;
        ~Pause();

    private:
        bool counted_;
    };
};

/// While one of these lives, the calling thread's monotonic clock stands still, and only what waits for an event moves
/// it: at once, by as much as it would have waited. So an hour of pauses takes no time, and a test sees exactly when an
/// operation ended. For an io_context that is made meanwhile and whose work is all on this thread. One at a time.
class HandTime {
public:
    HandTime() noexcept;
    HandTime(const HandTime&) = delete;
    HandTime& operator=(const HandTime&) = delete;
    ~HandTime();
};

}  // namespace tests

#endif
