#ifndef BLUEPRINT_FAAS_CODEC_IMPL_POLL_PAUSE_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_POLL_PAUSE_HPP

#include <algorithm>
#include <chrono>

namespace blueprint::faas::detail {

/// How long to wait before the next look at what goes on at a platform: grows by a half each time.
class PollPause {
public:
    PollPause(std::chrono::milliseconds first, std::chrono::milliseconds most) noexcept : next_{first}, most_{most} {}
    std::chrono::milliseconds next() noexcept {
        const auto pause = next_;
        next_ = std::min(std::max(next_ * 3 / 2, next_ + std::chrono::milliseconds{1}), std::max(most_, pause));
        return pause;
    }

private:
    std::chrono::milliseconds next_;
    std::chrono::milliseconds most_;
};

}  // namespace blueprint::faas::detail

#endif
