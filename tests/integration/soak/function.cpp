// The function binary of the soak: one job for each platform, all alike. A call says what is to be done with it, and
// every run leaves the call's number in a file before anything else, so that runs can be compared with what callers
// were told.
#include <blueprint/faas/job_set.hpp>
#include <blueprint/faas/serve/serve.hpp>

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

namespace faas = blueprint::faas;

namespace {

// Eight bytes of number, one of what to do; the rest comes back as it is.
faas::result<faas::Bytes> work(faas::Bytes call) {
    const char* const counter = std::getenv("COUNTER");
    if (counter == nullptr || call.size() < 9) return faas::Error{.message = "this is no call of the soak"};
    const int file = ::open(counter, O_WRONLY | O_APPEND | O_CLOEXEC);
    const bool counted = file >= 0 && ::write(file, call.data(), 8) == 8;  // small appends are never mixed
    if (file >= 0) ::close(file);
    if (!counted) return faas::Error{.message = "the run could not be counted"};
    switch (call[8]) {
        case 'f': return faas::Error{.message = "told to fail"};
        case 's': std::this_thread::sleep_for(std::chrono::milliseconds{600}); break;
        case 'c': std::abort();
        default: break;
    }
    return call;
}

}  // namespace

int main() {
    return faas::serve(faas::JobSet<faas::Job<0, &work>, faas::Job<1, &work>, faas::Job<2, &work>, faas::Job<3, &work>,
                                    faas::Job<4, &work>, faas::Job<5, &work>, faas::Job<6, &work>>{});
}
