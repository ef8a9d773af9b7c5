#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_IDENTITY_SCHEDULE_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_IDENTITY_SCHEDULE_HPP

#include "blueprint/faas/auth/azure/managed_identity.hpp"
#include "blueprint/faas/resilience/retry.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace blueprint::faas::detail::azure_identity {

/// The retries of one request for a token: no clock, no timer, no I/O.
class IdentitySchedule {
public:
    explicit IdentitySchedule(const azure::credentials::ManagedIdentityOptions& options) noexcept
        : usual_{options.retry}, renewal_{options.renewal} {}

    /// What follows a failed attempt: wait this long and ask again, or (nothing) give up.
    std::optional<std::chrono::milliseconds> after(const Error& error, double jitter) noexcept {
        if (error.http_status != 410) return usual_.after(error, jitter);
        // Not spread: all of the pauses together are to be as long as a renewal takes.
        if (++renewals_ >= renewal_.max_attempts) return std::nullopt;
        return renewal_.first_delay;
    }

private:
    RetrySchedule usual_;
    RetryLimits renewal_;
    std::uint32_t renewals_ = 0;
};

}  // namespace blueprint::faas::detail::azure_identity

#endif
