#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_HOST_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_HOST_HPP

#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/codec/openwhisk_options.hpp"
#include "blueprint/faas/codec/openwhisk_runtimes.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// The place of an OpenWhisk system that somebody runs: the options say where it is and what opens it. Immutable after
/// construction.
class OpenWhiskHost {
public:
    using Options = OpenWhiskOptions;
    static constexpr std::string_view provider_name = "Apache OpenWhisk";
    static constexpr bool tells_billing = false;
    static constexpr bool offer_at_api_root = false;  ///< the runtimes are told at "/"

    BLUEPRINT_FAAS_COLD OpenWhiskHost(Options options, const Environment& /*environment*/)
        : options_{std::move(options)}, misconfigured_{check()} {}

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    const Options& options() const noexcept { return options_; }
    /// What OpenWhisk takes unless it was set up otherwise, which its offer then tells. How many calls it takes is its
    /// operator's choice. Source: OpenWhisk, reference.md, "System limits".
    static OpenWhiskBounds bounds() {
        OpenWhiskBounds bounds;
        bounds.platform = provider_name;
        return bounds;
    }
    /// What the options say; nothing if they are wrong.
    std::optional<OpenWhiskAccess> given() const {
        return misconfigured_ ? std::optional<OpenWhiskAccess>{} : std::optional{access_};
    }
    /// The same for operations that look up: there is nothing to ask, so what was refused stays refused.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<OpenWhiskAccess>> access(L& /*link*/,
                                                                        std::optional<OpenWhiskAccess> refused,
                                                                        bool /*make*/) const {
        if (misconfigured_) co_return *misconfigured_;
        if (refused)
            co_return Error{.code = errc::authentication,
                            .message = "OpenWhisk at " + to_string(access_.api.origin) +
                                       " refused the user and password; check OpenWhiskOptions::auth, which `wsk "
                                       "property get --auth` tells",
                            .execution = Execution::not_started};
        co_return access_;
    }
    /// Nothing was obtained for this executor.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> release(L& /*link*/) const {
        co_return result<void>{};
    }

private:
    BLUEPRINT_FAAS_COLD static Error refused(std::string why) {
        return Error{
            .code = errc::invalid_configuration, .message = std::move(why), .execution = Execution::not_started};
    }
    BLUEPRINT_FAAS_COLD std::optional<Error> check() {
        if (options_.api_host.empty())
            return refused(
                "OpenWhiskOptions::api_host is empty; give the system's address: https://openwhisk.example.com");
        auto api = openwhisk_api_url(options_.api_host);
        if (!api) return refused("OpenWhiskOptions::api_host: " + std::move(api).error().message);
        access_.api = std::move(*api);
        const auto auth = options_.auth.reveal();
        if (auth.empty())
            return refused(
                "OpenWhiskOptions::auth is empty; give \"user:password\", which `wsk property get --auth` tells");
        const auto colon = auth.find(':');
        const auto fit = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
        if (colon == std::string_view::npos || colon == 0 || colon + 1 == auth.size() ||
            !std::all_of(auth.begin(), auth.end(), fit))
            return refused("OpenWhiskOptions::auth is no user and password with a colon between, as in user:password");
        if (!is_name(options_.name_space))
            return refused("OpenWhiskOptions::name_space is no name of one; leave it `_`, which is the user's own");
        access_.name_space = options_.name_space;
        access_.authorization = basic_authorization(options_.auth);
        return std::nullopt;
    }
    // Source: OpenWhisk, reference.md, "Entity names".
    BLUEPRINT_FAAS_COLD static bool is_name(std::string_view name) {
        static constexpr std::size_t longest = 256;
        const auto letter = [](char c) {
            const char small = ascii_lower(c);
            return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '_';
        };
        return !name.empty() && name.size() <= longest && letter(name.front()) && name.back() != ' ' &&
               std::all_of(name.begin(), name.end(), [&](char c) {
                   return letter(c) || std::string_view{" @.-"}.find(c) != std::string_view::npos;
               });
    }

    Options options_;
    OpenWhiskAccess access_{};
    std::optional<Error> misconfigured_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
