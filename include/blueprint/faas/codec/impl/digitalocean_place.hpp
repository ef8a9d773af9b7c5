#ifndef BLUEPRINT_FAAS_CODEC_IMPL_DIGITALOCEAN_PLACE_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_DIGITALOCEAN_PLACE_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/codec/digitalocean_api.hpp"
#include "blueprint/faas/codec/impl/digitalocean_keys.hpp"
#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/codec/openwhisk_runtimes.hpp"
#include "blueprint/faas/codec/repeat.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// The place of a namespace of DigitalOcean Functions. DigitalOcean's API tells where it is, makes it if it is missing,
/// and makes the access key that opens it, which is kept in memory alone. Usable from all threads; `access` is asked by
/// one operation at a time. It outlives its awaitables.
class DigitalOceanPlace {
public:
    using Options = DigitalOceanOptions;
    static constexpr std::string_view provider_name = "DigitalOcean Functions";
    static constexpr bool tells_billing = true;      // `gbs` of an activation's record
    static constexpr bool offer_at_api_root = true;  ///< the runtimes are told at "/api/v1", without a credential

    BLUEPRINT_FAAS_COLD DigitalOceanPlace(Options options, const Environment& environment)
        : api_{std::move(options)}, environment_{&environment}, keys_{std::make_unique<DigitalOceanKeys>()} {
        misconfigured_ = api_.misconfigured();
        if (misconfigured_ || this->options().api_host.empty()) return;
        auto url = openwhisk_api_url(this->options().api_host);
        if (url) {
            host_ = std::move(*url);
        } else {
            misconfigured_ = std::move(url).error();
            misconfigured_->message.insert(0, "DigitalOceanOptions::api_host: ");
        }
    }

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    const Options& options() const noexcept { return api_.options(); }
    /// Source: DigitalOcean Functions, "Limits".
    static OpenWhiskBounds bounds() {
        using namespace std::chrono_literals;
        OpenWhiskBounds bounds;
        bounds.platform = provider_name;
        bounds.max_memory_mib = 1024;
        bounds.max_timeout = 15min;
        bounds.calls_per_minute = 600;
        bounds.concurrent_calls = 120;
        bounds.blocking_wait = 30s;
        return bounds;
    }
    /// An address and a key that the options say: then no API of DigitalOcean's is asked.
    std::optional<OpenWhiskAccess> given() const {
        if (misconfigured_ || !host_ || options().access_key.empty()) return std::nullopt;
        return access_with(*host_, options().access_key);
    }

    /// Finds where the functions are and what opens them. What was found before is told again, unless it is `refused`,
    /// which the functions host answered with 401, or a key that was made is near its end: then another one is made.
    /// `make`: a namespace that is missing is made, if the options let it; else that is `errc::not_found`. No job runs
    /// for it, so every error has `Execution::not_started`.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<OpenWhiskAccess>> access(L& link, std::optional<OpenWhiskAccess> refused,
                                                                        bool make) const {
        if (misconfigured_) co_return *misconfigured_;
        const auto all_given = given();
        if (all_given && refused) co_return given_key_refused();
        if (all_given) co_return *all_given;
        auto kept = keys_->current(refused, environment_->now());
        if (kept) co_return std::move(*kept);
        auto found = co_await look_up(link, refused, make);
        if (found) co_return found;
        Error error = std::move(found).error();
        // A key that could not be replaced before its end is as good as before.
        kept = keys_->still_good(refused, environment_->now());
        if (kept && error.code != errc::cancelled) co_return std::move(*kept);
        error.execution = Execution::not_started;
        co_return error;
    }

    /// Gives back what `access` obtained for this executor: removes the keys that were made. What was not removed stays
    /// noted, so that it may be asked again; such a key also ends by itself.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> release(L& link) const {
        if (misconfigured_) co_return *misconfigured_;
        keys_->forget();
        auto keys = keys_->made();
        co_return co_await remove_keys(link, std::move(keys));
    }

private:
    // What one look has come to.
    struct Found {
        DigitalOceanNamespace space{};
        Url api{};
    };

    static OpenWhiskAccess access_with(Url api, const Secret& user_and_password) {
        OpenWhiskAccess access;
        access.api = std::move(api);
        access.authorization = basic_authorization(user_and_password);
        return access;
    }
    BLUEPRINT_FAAS_COLD static Error refusal(std::string message) {
        return Error{.code = errc::authentication, .message = std::move(message), .execution = Execution::not_started};
    }
    BLUEPRINT_FAAS_COLD static Error given_key_refused() {
        return refusal(
            "DigitalOcean Functions refused DigitalOceanOptions::access_key: it may have ended, been deleted, or be of "
            "another namespace; give another one, or none, so that one is made with the API token");
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<OpenWhiskAccess>> look_up(L& link,
                                                                         std::optional<OpenWhiskAccess> refused,
                                                                         bool make) const {
        auto space = co_await find_namespace(link, make);
        if (!space) co_return std::move(space).error();
        Found found{std::move(*space), {}};
        auto url = host_ ? result<Url>{*host_} : url_of(found.space);
        if (!url) co_return std::move(url).error();
        found.api = std::move(*url);
        if (options().access_key.empty()) co_return co_await open(link, std::move(found), std::move(refused));
        auto access = access_with(std::move(found.api), options().access_key);
        if (refused == access) co_return given_key_refused();
        keys_->keep(access);
        co_return access;
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<DigitalOceanNamespace>>> list(L& link) const {
        auto request = api_.list_namespaces();
        const purpose::ControlPlane management;
        auto answer = co_await link.exchange(request, management, Repeat::safe, &DigitalOceanApi::judge);
        if (!answer) co_return std::move(answer).error();
        co_return DigitalOceanApi::read_namespaces(*answer);
    }
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DigitalOceanNamespace>> find_namespace(L& link, bool make) const {
        auto there = co_await list(link);
        // Whether there is one is not known then, so none is made (D1).
        if (!there) co_return std::move(there).error();
        auto chosen = api_.choose(*there);
        if (!chosen) co_return std::move(chosen).error();
        if (*chosen) co_return std::move(**chosen);
        if (!make || !api_.can_make()) co_return api_.absent(*there);
        auto request = api_.create_namespace();
        const purpose::ControlPlane management;
        auto answer = co_await link.exchange(request, management, Repeat::if_unsent, &DigitalOceanApi::judge);
        if (answer) co_return DigitalOceanApi::read_namespace(*answer);
        Error error = std::move(answer).error();
        // Either another one made it meanwhile, or it was made and the answer lost.
        if (error.code != errc::conflict && error.execution == Execution::not_started) co_return error;
        there = co_await list(link);
        if (!there) co_return error;
        chosen = api_.choose(*there);
        if (!chosen) co_return std::move(chosen).error();
        if (!*chosen) co_return error;
        co_return std::move(**chosen);
    }
    BLUEPRINT_FAAS_COLD static result<Url> url_of(const DigitalOceanNamespace& space) {
        if (space.api_host.empty())
            return Error{.code = errc::infrastructure,
                         .message = "DigitalOcean does not tell the api_host of the namespace " + space.id +
                                    "; give it in DigitalOceanOptions::api_host",
                         .execution = Execution::not_started};
        auto url = openwhisk_api_url(space.api_host);
        if (!url)
            return Error{.code = errc::serialization,
                         .message = "the api_host of the namespace " + space.id + ": " + url.error().message,
                         .execution = Execution::not_started};
        return url;
    }

    // Makes a key. The namespace's own one is taken only where the token may make none.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<OpenWhiskAccess>> open(L& link, Found found,
                                                                      std::optional<OpenWhiskAccess> refused) const {
        auto key = co_await make_key(link, found.space.id);
        if (!key) {
            Error error = std::move(key).error();
            // `forbidden`, as the API itself says it.
            if (error.http_status != 403 || error.platform_code.empty()) co_return error;
            error.message.insert(0, "no access key can be made for the namespace " + found.space.id + ": ");
            error.message += "; or give DigitalOceanOptions::access_key";
            if (found.space.legacy_key.empty()) co_return error;
            auto legacy = access_with(std::move(found.api), found.space.legacy_key);
            if (refused == legacy) {
                error.message.insert(0,
                                     "DigitalOcean Functions refused the namespace's own key (uuid and key), which "
                                     "DigitalOcean announced to be of no use after 3 June 2026, and ");
                co_return error;
            }
            keys_->keep(legacy);
            co_return legacy;
        }
        const auto begun = environment_->now();
        auto access = access_with(std::move(found.api), key->id + ":" + key->secret);
        const auto old = keys_->made();
        keys_->keep(access, {found.space.id, key->id}, begun, key->life.value_or(options().key_life));
        // Whoever was let in by an old one goes on. One that cannot be removed is tried again by `release`, and ends.
        auto removed = co_await remove_keys(link, old);
        static_cast<void>(removed);
        co_return access;
    }
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DigitalOceanKey>> make_key(L& link, std::string namespace_id) const {
        // A name that is taken is one of ours whose answer was lost, or by chance somebody else's: another one is not.
        for (bool again = false;; again = true) {
            const auto name = DigitalOceanKeys::new_name(options().key_name);
            auto request = api_.create_key(namespace_id, name);
            const purpose::ControlPlane management;
            auto answer = co_await link.exchange(request, management, Repeat::safe, &DigitalOceanApi::judge);
            if (answer) co_return DigitalOceanApi::read_key(*answer);
            if (again || answer.error().code != errc::conflict) co_return std::move(answer).error();
        }
    }
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> remove_keys(L& link,
                                                                  std::vector<DigitalOceanKeys::Made> keys) const {
        result<void> outcome;
        for (const auto& key : keys) {
            auto request = api_.delete_key(key.namespace_id, key.id);
            const purpose::ControlPlane management;
            auto answer = co_await link.exchange(request, management, Repeat::safe, &DigitalOceanApi::judge);
            if (answer || answer.error().code == errc::not_found) {
                keys_->removed(key);
            } else if (outcome) {
                Error error = std::move(answer).error();
                error.message.insert(0, "the access key " + key.id + " could not be removed: ");
                outcome = std::move(error);
            }
        }
        co_return outcome;
    }

    DigitalOceanApi api_;
    const Environment* environment_;
    std::unique_ptr<DigitalOceanKeys> keys_;
    std::optional<Url> host_{};
    std::optional<Error> misconfigured_{};
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
