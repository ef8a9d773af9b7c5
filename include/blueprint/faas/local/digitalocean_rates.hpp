#ifndef BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_RATES_HPP
#define BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_RATES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/digitalocean_options.hpp"
#include "blueprint/faas/local/platform_clock.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// How much more a token may ask.
struct DigitalOceanRate {
    std::uint32_t limit = 0;      ///< requests an hour
    std::uint32_t remaining = 0;  ///< 0 for either limit's sake
    std::int64_t reset = 0;       ///< when the oldest request that counts is forgotten, in seconds since 1970
    bool refused = false;
    std::optional<std::int64_t> retry_after{};  ///< in seconds; of the limit of a minute alone
};

/// Counts the requests of each token, each for an hour of its own and for a minute of its own.
/// Source: DigitalOcean API reference, "Rate Limit"; release note of 24 August 2023 on Retry-After.
class DigitalOceanRates {
public:
    /// Both must outlive it.
    DigitalOceanRates(const DigitalOceanOptions& options, const PlatformClock& clock)
        : options_{options}, clock_{clock} {}

    /// Counts a request, unless there are too many already. `who`: the token's digest.
    DigitalOceanRate count(const std::string& who);
    /// Tells the same without counting.
    DigitalOceanRate look(std::string_view who);

private:
    using Times = std::deque<std::int64_t>;
    DigitalOceanRate rate_of(const Times& times, std::int64_t now) const;
    void forget(std::int64_t now);

    const DigitalOceanOptions& options_;
    const PlatformClock& clock_;
    std::map<std::string, Times, std::less<>> asked_;  // the oldest first
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/digitalocean_rates.ipp"
#endif

#endif
