#ifndef BLUEPRINT_FAAS_ENVIRONMENT_HPP
#define BLUEPRINT_FAAS_ENVIRONMENT_HPP

#include "blueprint/faas/detail/replace_file.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace blueprint::faas {

/// The one door to wall clock, jitter, environment variables and small files, so that a test can stand in it.
/// Not on the way of a successful call, hence virtual. May be used from several threads.
class Environment {
public:
    virtual ~Environment() = default;
    /// Returns the wall clock, for signatures and tokens. Waits are measured with `std::chrono::steady_clock`.
    virtual std::chrono::system_clock::time_point now() const { return std::chrono::system_clock::now(); }
    /// Returns the moment at which the clocks of this place show `local`, for times that are written without their
    /// zone; the earlier one where they show it twice. Nothing if the system cannot tell.
    BLUEPRINT_FAAS_COLD virtual std::optional<std::chrono::system_clock::time_point> moment_of(
        std::chrono::local_seconds local) const {
        const auto day = std::chrono::floor<std::chrono::days>(local);
        const std::chrono::year_month_day date{day};
        const std::chrono::hh_mm_ss time{local - day};
        std::optional<std::chrono::system_clock::time_point> earliest;
        for (const int summer_time : {-1, 1, 0}) {  // the system's guess, then both answers to what it guessed
            std::tm shown{};
            shown.tm_year = static_cast<int>(date.year()) - 1900;
            shown.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
            shown.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
            shown.tm_hour = static_cast<int>(time.hours().count());
            shown.tm_min = static_cast<int>(time.minutes().count());
            shown.tm_sec = static_cast<int>(time.seconds().count());
            shown.tm_isdst = summer_time;
            shown.tm_wday = -1;
            const std::chrono::seconds since{std::mktime(&shown)};
            const auto moment = detail::within_clock(std::chrono::sys_time<std::chrono::milliseconds>{since});
            if (shown.tm_wday < 0) continue;  // it failed, and what it returns then is a moment of 1969 as well
            const bool kept = shown.tm_isdst == summer_time && shown.tm_hour == time.hours().count();
            if (summer_time < 0 || (kept && (!earliest || moment < *earliest))) earliest = moment;
        }
        return earliest;
    }
    /// Draws from [0, 1). Good enough to spread retries, not for keys.
    virtual double jitter() const noexcept {
        static constexpr std::uint64_t step = 0x9E3779B97F4A7C15ULL;
        static std::atomic<std::uint64_t> state{
            static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count())};
        std::uint64_t x = state.fetch_add(step, std::memory_order_relaxed) + step;
        x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
        return static_cast<double>((x ^ (x >> 31U)) >> 11U) * 0x1.0p-53;
    }
    /// Returns an environment variable; nothing if it is not set.
    virtual std::optional<std::string> variable(const std::string& name) const {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return std::string{value};
    }

    /// Reads a small file, such as one with credentials; nothing if it does not exist. `errc::invalid_configuration`,
    /// which names the path, if it cannot be read or has more than `max_bytes`. Blocks while it reads.
    BLUEPRINT_FAAS_COLD virtual result<std::optional<Secret>> read_file(const std::string& path,
                                                                        std::size_t max_bytes = 1U << 20U) const {
        const auto refused = [&](const std::string& why) {
            return Error{.code = errc::invalid_configuration,
                         .message = "cannot read the file '" + path + "': " + why,
                         .execution = Execution::not_started};
        };
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rbe"), &std::fclose};
        if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::optional<Secret>{};
        if (!file) return refused(std::generic_category().message(errno));
        std::setvbuf(file.get(), nullptr, _IONBF, 0);  // no copy of a secret in a buffer that nobody wipes
        std::string text;
        std::size_t size = 0;
        // In pieces that double: room for the largest file that may come would cost more than to read a usual one.
        for (std::size_t room = 4096; size == text.size() && size <= max_bytes; room *= 2) {
            std::string more(room <= max_bytes ? room : max_bytes + 1, '\0');
            text.copy(more.data(), size);
            detail::wipe(text);
            text.swap(more);
            size += std::fread(text.data() + size, 1, text.size() - size, file.get());
        }
        const bool failed = std::ferror(file.get()) != 0;
        const int error = errno;
        text.resize(size);
        const Secret whole{std::string_view{text}};
        detail::wipe(text);
        if (failed) return refused(std::generic_category().message(error));
        if (size > max_bytes) return refused("it has more than " + std::to_string(max_bytes) + " bytes");
        return std::optional<Secret>{whole};
    }
    /// Puts `text` in the place of a small file at once, readable for its owner alone; its directory must exist.
    /// `errc::invalid_configuration`, which names the path, if that cannot be done. Blocks while it writes.
    virtual result<void> replace_file(const std::string& path, const Secret& text) const {
        return detail::replace_file(path, text);
    }

    /// The process's own environment.
    static const Environment& process() noexcept {
        static const Environment instance;
        return instance;
    }
};

}  // namespace blueprint::faas

#endif
