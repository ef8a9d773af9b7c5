#ifndef BLUEPRINT_FAAS_CODEC_IMPL_DIGITALOCEAN_KEYS_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_DIGITALOCEAN_KEYS_HPP

#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/random.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

/// What an executor has obtained at DigitalOcean for itself: the access that is in use, and the keys that were made for
/// it and not removed yet. Usable from all threads.
class DigitalOceanKeys {
    using Time = std::chrono::system_clock::time_point;

public:
    /// A key that was made.
    struct Made {
        std::string namespace_id{};
        std::string id{};
        friend bool operator==(const Made&, const Made&) = default;
    };

    /// Makes up a name: "blueprint-faas-0a1b2c3d".
    static std::string new_name(std::string_view begin) {
        std::array<std::uint8_t, 4> random{};
        draw_random(random);
        return std::string{begin}.append("-").append(hex_encode(random));
    }
    /// How long before its end a key is used no more.
    static std::chrono::milliseconds margin(std::chrono::milliseconds life) {
        return std::min(life / 10, std::chrono::milliseconds{std::chrono::hours{1}});
    }

    /// What is in use, unless it is what was `refused` or near its end.
    std::optional<OpenWhiskAccess> current(const std::optional<OpenWhiskAccess>& refused, Time now) const {
        const std::lock_guard lock{mutex_};
        if (!access_ || (refused && *refused == *access_)) return std::nullopt;
        if (renew_at_ && now >= *renew_at_) return std::nullopt;
        return access_;
    }
    /// The same also if it is near its end, but not at it: for when no other one can be had.
    std::optional<OpenWhiskAccess> still_good(const std::optional<OpenWhiskAccess>& refused, Time now) const {
        const std::lock_guard lock{mutex_};
        const bool good = access_ && !(refused && *refused == *access_) && (!ends_at_ || now < *ends_at_);
        return good ? access_ : std::nullopt;
    }
    void keep(OpenWhiskAccess access) {
        const std::lock_guard lock{mutex_};
        access_ = std::move(access);
        renew_at_.reset();
        ends_at_.reset();
    }
    /// The same with a key that was made at `begun`.
    void keep(OpenWhiskAccess access, Made key, Time begun, std::chrono::milliseconds life) {
        const std::lock_guard lock{mutex_};
        access_ = std::move(access);
        ends_at_ = begun + life;
        renew_at_ = *ends_at_ - margin(life);
        made_.push_back(std::move(key));
    }
    void forget() {
        const std::lock_guard lock{mutex_};
        access_.reset();
        renew_at_.reset();
        ends_at_.reset();
    }
    std::vector<Made> made() const {
        const std::lock_guard lock{mutex_};
        return made_;
    }
    void removed(const Made& key) {
        const std::lock_guard lock{mutex_};
        std::erase(made_, key);
    }

private:
    mutable std::mutex mutex_;
    std::optional<OpenWhiskAccess> access_{};
    std::optional<Time> renew_at_{};
    std::optional<Time> ends_at_{};
    std::vector<Made> made_{};
};

}  // namespace blueprint::faas::detail

#endif
