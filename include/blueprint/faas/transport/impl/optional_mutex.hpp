#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_OPTIONAL_MUTEX_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_OPTIONAL_MUTEX_HPP

#include <mutex>

namespace blueprint::faas::detail {

/// A mutex that locks only if told so when it was made, so that one compiled client serves both locking policies.
class OptionalMutex {
public:
    explicit OptionalMutex(bool locks) noexcept : locks_{locks} {}

    void lock() {
        if (locks_) mutex_.lock();
    }
    void unlock() {
        if (locks_) mutex_.unlock();
    }

private:
    std::mutex mutex_;
    const bool locks_;
};

}  // namespace blueprint::faas::detail

#endif
