#ifndef BLUEPRINT_FAAS_CODEC_OPENWHISK_HPP
#define BLUEPRINT_FAAS_CODEC_OPENWHISK_HPP

#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/codec/facts.hpp"
#include "blueprint/faas/codec/impl/openwhisk_caller.hpp"
#include "blueprint/faas/codec/impl/openwhisk_deployment.hpp"
#include "blueprint/faas/codec/impl/openwhisk_exchanges.hpp"
#include "blueprint/faas/codec/impl/openwhisk_host.hpp"
#include "blueprint/faas/codec/impl/openwhisk_operations.hpp"
#include "blueprint/faas/codec/openwhisk_api.hpp"
#include "blueprint/faas/codec/openwhisk_options.hpp"
#include "blueprint/faas/codec/payload.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// Speaks the API of OpenWhisk, which DigitalOcean Functions has too: each job is an action, run by a Node.js runtime
/// that starts the job's program, or by one that speaks ActionLoop. `Place` says where the actions are and what opens
/// them; the credential is in the requests themselves, so no Auth has to add it. `Format` is how a job's bytes travel
/// in a body of at most 1 MiB. A call's deadline and its metadata reach the job, but for names that begin with
/// "blueprint-". A call that outlives the host's wait (60 s; DigitalOcean: 30 s) is looked at until it ends. Where the
/// actions are and what opens them is found before the first request, and kept until it is refused. Safe to use from
/// all threads.
template <class Place, PayloadFormat Format = Base64Json>
class BasicOpenWhiskCodec {
    static_assert(Format::is_json,
                  "OpenWhisk takes JSON alone: use Base64Json, or JsonBytes for functions that know no Base64");
    using Caller = detail::OpenWhiskCaller<Format>;
    using Prepared = typename Caller::Prepared;

public:
    using Options = typename Place::Options;
    static constexpr std::string_view provider_name = Place::provider_name;
    /// Source: Apache OpenWhisk, docs/reference.md, "System limits" and docs/annotations.md, "Annotations specific to
    /// activations"; DigitalOcean documentation, "Functions Limits". Memory used is `serve`'s own word.
    static constexpr PlatformFacts facts{.call_bytes = 1U << 20U,
                                         .result_bytes = 1U << 20U,
                                         .metrics = {.execution_duration = true,
                                                     .billed_duration = Place::tells_billing,
                                                     .init_duration = true,
                                                     .queue_duration = true,
                                                     .cold_start = true,
                                                     .memory_used = true,
                                                     .memory_limit = true,
                                                     .request_id = true,
                                                     .executed_version = true},
                                         .tells_crashes = true,
                                         .health_asks_program = true};
    static constexpr bool reveals_secret = true;  // a namespace's key is in every request

    /// Options that cannot work are told by every operation, before anything is sent; `misconfigured()` tells at once.
    /// `environment` tells the time, and outlives the codec.
    explicit BasicOpenWhiskCodec(Options options, const Environment& environment = Environment::process())
        : state_{std::make_shared<State>(std::move(options), environment)} {}

    const std::optional<Error>& misconfigured() const noexcept { return state_->misconfigured; }
    const Options& options() const noexcept { return state_->place.options(); }

    /// Runs the job and waits for its end. OpenWhisk has no key by which it knows a repeated call: one whose fate is
    /// unknown is sent again only if it is idempotent.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> invoke(L& link, const JobCall& call) {
        if (misconfigured()) co_return *misconfigured();
        const auto looking_up = look_up();
        co_return co_await state_->caller.invoke(link, call, looking_up);
    }
    /// Writes the call down for who makes the exchange: see `CanPrepare`.
    template <class L>
    Prepared prepare(L& link, const JobCall& call) const {
        if (misconfigured()) return {};
        return state_->caller.prepare(link, call);
    }
    /// Ends a call that was answered before its end: see `CanComplete`.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> complete(L& link, const Prepared& prepared,
                                                                     const HttpResponse& answer) {
        return state_->caller.complete(link, prepared, answer, look_up());
    }

    /// Hands the call over; the receipt has the activation's id, by which its record and log are found.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Receipt>> invoke_async(L& link, const JobCall& call) {
        if (misconfigured()) co_return *misconfigured();
        const auto looking_up = look_up();
        co_return co_await state_->caller.invoke_async(link, call, looking_up);
    }

    /// Asks whether the job may be called: its action takes a call, which its program answers without running a job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> check_invoke(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        Actions<L> actions{*this, link};
        co_return co_await actions.operations.check(id);
    }

    /// Puts the job's action in place: makes the namespace (where that is allowed) and the package if they are missing,
    /// writes the action with the program and all that stands around it, sees that the host took the runtime that was
    /// asked for, and that the program answers. Only what differs from what is there is written: the same package and
    /// configuration again make two requests, the second of which asks the program. `errc::invalid_configuration` of
    /// memory, time limit or package size that the platform does not take, before anything is sent (D4).
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy_job(L& link, JobId id, const Package& package,
                                                                           const FaasConfig& config,
                                                                           const DeployObserver& observer) {
        if (misconfigured()) co_return *misconfigured();
        bool looked = false;
        Actions<L> actions{*this, link, {state_, true, &looked}, observer};
        Deployment<L> deployment{actions.exchanges, state_->place, id, package, config};
        auto done = co_await deployment.deploy();
        // Another operation, which makes nothing, may have looked, and this one only have heard of it.
        const bool heard = !looked && !done && done.error().code == errc::not_found && done.error().http_status == 0;
        if (!heard) co_return done;
        Deployment<L> again{actions.exchanges, state_->place, id, package, config};
        co_return co_await again.deploy();
    }

    /// Decides as `deploy_job` does, and changes nothing that others see: it may obtain a key for itself. What an
    /// answer would tell first stands as a word: "NAMESPACE".
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan_deploy(L& link, JobId id, const Package& package,
                                                                        const FaasConfig& config) {
        if (misconfigured()) co_return *misconfigured();
        Actions<L> actions{*this, link};
        Deployment<L> deployment{actions.exchanges, state_->place, id, package, config};
        co_return co_await deployment.plan(makes_namespace());
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get_deployment(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        Actions<L> actions{*this, link};
        co_return co_await actions.operations.get(id);
    }

    /// Lists the actions that are jobs of this codec's prefix and package; none if there is no such namespace.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments(L& link) {
        if (misconfigured()) co_return *misconfigured();
        Actions<L> actions{*this, link};
        co_return co_await actions.operations.list();
    }

    /// Removes the action; that it is absent is no error. Package and namespace stay: others may use them.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> undeploy_job(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        Actions<L> actions{*this, link};
        co_return co_await actions.operations.remove(id);
    }

    /// Looks whether the action is there, and asks its program, which runs no job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health_check(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        Actions<L> actions{*this, link};
        co_return co_await actions.operations.health(id);
    }

    /// Makes as many marked calls at once as keep `instances` busy, at most 100, which `serve` answers without running
    /// a job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(L& link, JobId id, std::uint32_t instances) {
        if (misconfigured()) co_return *misconfigured();
        Actions<L> actions{*this, link};
        auto warmed = co_await actions.exchanges.warm(id, instances);
        if (!warmed) co_return actions.operations.named(id, std::move(warmed).error());
        co_return warmed;
    }

    /// Tells the platform's limits and the runtimes that its host offers; asked once and kept. What a host does not
    /// tell has the usual value.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<PlatformDescription>> describe_platform(L& link) {
        if (misconfigured()) co_return *misconfigured();
        if (auto known = state_->described()) co_return std::move(*known);
        Actions<L> actions{*this, link};
        auto offer = co_await actions.exchanges.offer(Place::offer_at_api_root);
        const auto bounds = state_->place.bounds();
        const auto& options = state_->api.options();
        if (offer) {
            auto description = detail::describe_openwhisk(bounds, *offer, options);
            state_->keep(description);
            co_return description;
        }
        // A namespace that is not there yet, or a host that tells nothing of itself.
        const bool untold = offer.error().http_status != 0 && !offer.error().retryable;
        if (offer.error().code != errc::not_found && !untold) co_return std::move(offer).error();
        const detail::OpenWhiskOffer nothing;
        co_return detail::describe_openwhisk(bounds, nothing, options);
    }

    /// Gives back the key that was obtained for this executor, if one was. The next operation obtains another.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> release(L& link) {
        if (misconfigured()) co_return *misconfigured();
        state_->caller.forget();
        co_return co_await state_->place.release(link);
    }

private:
    struct State {
        State(Options given, const Environment& environment)
            : place{std::move(given), environment}, api{place.options().actions}, caller{api, place.given()} {
            misconfigured = place.misconfigured() ? place.misconfigured() : api.misconfigured();
        }
        std::optional<PlatformDescription> described() const {
            const std::lock_guard lock{mutex};
            return description;
        }
        void keep(PlatformDescription told) const {
            const std::lock_guard lock{mutex};
            description = std::move(told);
        }
        const Place place;
        const detail::OpenWhiskApi api;
        const Caller caller;
        std::optional<Error> misconfigured{};
        mutable std::mutex mutex{};
        mutable std::optional<PlatformDescription> description{};
    };
    struct LookUp {
        template <class L>
        asio::awaitable<result<detail::OpenWhiskAccess>> operator()(
            L& link, std::optional<detail::OpenWhiskAccess> refused) const {
            if (looked != nullptr) *looked = true;
            return state->place.access(link, std::move(refused), make);
        }
        std::shared_ptr<const State> state{};
        bool make = false;       // a namespace that is missing
        bool* looked = nullptr;  // becomes true when the place is asked
    };
    template <class L>
    using Exchanges = detail::OpenWhiskExchanges<L, Caller, LookUp>;
    template <class L>
    using Deployment = detail::OpenWhiskDeployment<Exchanges<L>, Place>;
    // The actions, as the operations on them begin with.
    template <class L>
    struct Actions {
        Actions(const BasicOpenWhiskCodec& codec, L& link) : Actions{codec, link, codec.look_up(), nobody} {}
        Actions(const BasicOpenWhiskCodec& codec, L& link, LookUp look_up, const DeployObserver& observer)
            : exchanges{codec.state_->api, codec.state_->caller, link, std::move(look_up), observer} {}
        Actions(const Actions&) = delete;
        Actions& operator=(const Actions&) = delete;

        static inline const DeployObserver nobody{};
        Exchanges<L> exchanges;
        detail::OpenWhiskOperations<Exchanges<L>> operations{exchanges};
    };
    LookUp look_up() const { return LookUp{.state = state_}; }
    // Whether a deployment would make a namespace that is not there.
    bool makes_namespace() const {
        const auto& given = options();
        if constexpr (requires { given.create; })
            return given.create && !given.region.empty() && given.namespace_id.empty() && given.access_key.empty();
        else
            return false;
    }

    std::shared_ptr<const State> state_;
};

/// Speaks the API of a self-hosted Apache OpenWhisk.
template <PayloadFormat Format = Base64Json>
using OpenWhiskCodec = BasicOpenWhiskCodec<detail::OpenWhiskHost, Format>;
static_assert(Codec<OpenWhiskCodec<>>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
