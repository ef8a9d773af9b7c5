#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_DIGITALOCEAN_RATES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_DIGITALOCEAN_RATES_IPP

#include "blueprint/faas/local/digitalocean_rates.hpp"

#include <algorithm>
#include <iterator>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL DigitalOceanRate DigitalOceanRates::rate_of(const Times& times, std::int64_t now) const {
    constexpr std::int64_t minute = 60;
    constexpr std::int64_t hour = 3600;
    const auto recent = std::upper_bound(times.begin(), times.end(), now - minute);
    const auto in_minute = static_cast<std::size_t>(times.end() - recent);
    const auto left = [](std::size_t limit, std::size_t used) { return limit - std::min(limit, used); };
    const auto of_hour = left(options_.requests_per_hour, times.size());
    const bool burst = left(options_.requests_per_minute, in_minute) == 0;
    DigitalOceanRate rate{.limit = options_.requests_per_hour,
                          .remaining = burst ? 0 : static_cast<std::uint32_t>(of_hour),
                          .reset = (times.empty() ? now : times.front()) + hour,
                          .refused = burst || of_hour == 0};
    if (burst && of_hour > 0) rate.retry_after = (recent == times.end() ? now : *recent) + minute - now;
    return rate;
}

/// Whoever has asked nothing for an hour is as good as new.
BLUEPRINT_FAAS_DECL void DigitalOceanRates::forget(std::int64_t now) {
    for (auto at = asked_.begin(); at != asked_.end();) {
        auto& times = at->second;
        times.erase(times.begin(), std::upper_bound(times.begin(), times.end(), now - 3600));
        at = times.empty() ? asked_.erase(at) : std::next(at);
    }
}

BLUEPRINT_FAAS_DECL DigitalOceanRate DigitalOceanRates::count(const std::string& who) {
    const auto now = clock_.seconds();
    const auto before = look(who);
    if (before.refused) return before;
    auto& times = asked_[who];
    // The wall clock may be set back, and the times stay in order.
    times.push_back(times.empty() ? now : std::max(now, times.back()));
    auto rate = rate_of(times, now);
    rate.refused = false;
    rate.retry_after.reset();
    return rate;
}

BLUEPRINT_FAAS_DECL DigitalOceanRate DigitalOceanRates::look(std::string_view who) {
    const auto now = clock_.seconds();
    forget(now);
    const auto found = asked_.find(who);
    return found == asked_.end() ? rate_of({}, now) : rate_of(found->second, now);
}

}  // namespace blueprint::faas::local

#endif
