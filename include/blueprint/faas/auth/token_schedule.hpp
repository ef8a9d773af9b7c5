#ifndef BLUEPRINT_FAAS_AUTH_TOKEN_SCHEDULE_HPP
#define BLUEPRINT_FAAS_AUTH_TOKEN_SCHEDULE_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace blueprint::faas {

/// When a token that runs out is fetched anew, and how patiently after a failure.
struct TokenRules {
    std::chrono::milliseconds refresh_ahead{300'000};  ///< before the end; at most a quarter of the token's life
    std::chrono::milliseconds leeway{10'000};          ///< to arrive in time; at most a twentieth of the token's life
    std::chrono::milliseconds first_pause{500};        ///< after a failed fetch; doubles with every further one
    std::chrono::milliseconds max_pause{30'000};       ///< the longest pause while the old token is still good
    std::chrono::milliseconds max_bare_pause{1'000};   ///< the longest pause while there is no token to use
    std::uint32_t drops = 5;                           ///< tokens that may be dropped one after the other ...
    std::chrono::milliseconds drop_every{2'000};       ///< ... and after that one in this time
};

/// What to do about a token now.
enum class TokenStep {
    use,              ///< The token is good.
    use_and_refresh,  ///< The token is good for now: the asker starts a fetch and does not wait for it.
    fetch,            ///< There is none: the asker starts a fetch and waits for it.
    wait,             ///< There is none, and somebody fetches already.
    pause,            ///< There is none, and a fetch failed a moment ago: the asker gets that error.
};

/// Decides about one cached token: no clock, no timer, no I/O, no token. Times are of the wall clock, because that runs
/// on while a machine sleeps; one that is set back makes nothing last longer than its rule. For one thread at a time.
class TokenSchedule {
public:
    using Time = std::chrono::system_clock::time_point;
    using Duration = std::chrono::milliseconds;

    explicit TokenSchedule(TokenRules rules = {}) noexcept
        : rules_{rules}, drops_left_{static_cast<double>(rules.drops)} {}

    /// Returns what the asker is to do. `use_and_refresh` and `fetch` are said to one asker until `fetched`, `failed`
    /// or `abandoned` is called.
    TokenStep next(Time now) noexcept {
        if (usable(now)) {
            if (now < refresh_at_ && now >= fetched_at_) return TokenStep::use;
            const bool arrives = now < expires_ - leeway_;
            if (fetching_) return arrives ? TokenStep::use : TokenStep::wait;
            if (pause_left(now) > Duration{0}) return TokenStep::use;
            fetching_ = true;
            return arrives ? TokenStep::use_and_refresh : TokenStep::fetch;
        }
        if (fetching_) return TokenStep::wait;
        if (pause_left(now) > Duration{0}) return TokenStep::pause;
        fetching_ = true;
        return TokenStep::fetch;
    }
    /// Tells whether there is a token that has not ended.
    bool usable(Time now) const noexcept { return holds_ && now < expires_; }
    /// Takes note of a token that ends at `expires`. `jitter` from [0, 1) spreads the refreshes of many processes.
    /// `refresh_at`: when the next one is worth fetching according to who gave it; that can only be earlier than by our
    /// own rule.
    void fetched(Time now, Time expires, double jitter, std::optional<Time> refresh_at = {}) noexcept {
        const auto life = std::max(std::chrono::duration_cast<Duration>(expires - now), Duration{0});
        const auto ahead = std::min(rules_.refresh_ahead, life / 4);
        leeway_ = std::min(rules_.leeway, life / 20);
        refresh_at_ = expires - scaled(ahead, 0.75 + jitter / 2);
        if (refresh_at) refresh_at_ = std::min(refresh_at_, *refresh_at + scaled(ahead, jitter / 2));
        expires_ = expires;
        fetched_at_ = now;
        failures_ = 0;
        holds_ = true;
        fetching_ = false;
    }
    /// Takes note of a failed fetch: there is no other before a pause, or before what the server asked for.
    void failed(Time now, std::optional<Duration> retry_after, double jitter) noexcept {
        const auto factor = std::int64_t{1} << std::min(failures_, 16U);
        const auto ceiling = std::min<Duration>(rules_.max_pause, rules_.first_pause * factor);
        pause_ = scaled(ceiling, 0.5 + jitter / 2);
        asked_pause_ = std::min(retry_after.value_or(Duration{0}), longest_asked_pause);
        failed_at_ = now;
        ++failures_;
        fetching_ = false;
    }
    /// Takes note of a fetch that nobody wanted any more.
    void abandoned() noexcept { fetching_ = false; }
    /// Drops the token that a platform refused; false, and the token stays, if too many were dropped of late: then a
    /// new one would not help, and asking for it would only burden the token server.
    bool drop(Time now) noexcept {
        const auto since = std::chrono::duration<double, std::milli>{std::max(now - dropped_at_, Time::duration{0})};
        const auto every = std::max(1.0, static_cast<double>(rules_.drop_every.count()));
        drops_left_ = std::min(static_cast<double>(rules_.drops), drops_left_ + since.count() / every);
        dropped_at_ = now;
        if (drops_left_ < 1) return false;
        drops_left_ -= 1;
        holds_ = false;
        return true;
    }
    /// Returns how long no fetch is to be tried; zero: it may.
    Duration pause_left(Time now) const noexcept {
        if (failures_ == 0) return Duration{0};
        const auto pause = std::max(usable(now) ? pause_ : std::min(pause_, rules_.max_bare_pause), asked_pause_);
        if (now < failed_at_) return Duration{0};  // the clock was set back: nobody knows how long ago it was
        return std::max(std::chrono::duration_cast<Duration>(failed_at_ + pause - now), Duration{0});
    }

private:
    static constexpr Duration longest_asked_pause{300'000};
    static Duration scaled(Duration length, double factor) noexcept {
        return Duration{static_cast<Duration::rep>(static_cast<double>(length.count()) * factor)};
    }

    TokenRules rules_;
    Time expires_{};
    Time refresh_at_{};
    Time fetched_at_{};
    Time failed_at_{};
    Time dropped_at_{};
    Duration leeway_{};
    Duration pause_{};
    Duration asked_pause_{};
    double drops_left_;
    std::uint32_t failures_ = 0;
    bool holds_ = false;
    bool fetching_ = false;
};

}  // namespace blueprint::faas

#endif
