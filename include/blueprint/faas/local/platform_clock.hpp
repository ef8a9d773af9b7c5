#ifndef BLUEPRINT_FAAS_LOCAL_PLATFORM_CLOCK_HPP
#define BLUEPRINT_FAAS_LOCAL_PLATFORM_CLOCK_HPP

#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/local/impl/http_date.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace blueprint::faas::local {

/// The clock of a platform that the local cloud plays: the machine's, moved by so much, for tests of clients whose
/// clock is wrong.
class PlatformClock {
public:
    /// `environment` must outlive it.
    explicit PlatformClock(std::chrono::seconds offset, const Environment& environment = Environment::process())
        : environment_{&environment}, offset_{offset} {}

    std::chrono::system_clock::time_point now() const { return environment_->now() + offset_; }
    /// The same in whole seconds since 1970, as in tokens.
    std::int64_t seconds() const { return std::chrono::floor<std::chrono::seconds>(now()).time_since_epoch().count(); }
    /// Words the time for `ServerAnswer::date`, from which clients learn how wrong their clock is.
    std::string http_date() const { return local::http_date(std::chrono::system_clock::to_time_t(now())); }
    const Environment& environment() const noexcept { return *environment_; }

private:
    const Environment* environment_;
    std::chrono::seconds offset_;
};

}  // namespace blueprint::faas::local

#endif
