#ifndef BLUEPRINT_FAAS_ENVIRONMENT_HPP
#define BLUEPRINT_FAAS_ENVIRONMENT_HPP

#include "blueprint/faas/detail/replace_file.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
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
