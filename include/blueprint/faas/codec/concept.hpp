#ifndef BLUEPRINT_FAAS_CODEC_CONCEPT_HPP
#define BLUEPRINT_FAAS_CODEC_CONCEPT_HPP

#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/config.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/metrics.hpp"
#include "blueprint/faas/resilience/standard.hpp"
#include "blueprint/faas/result_sink.hpp"
#include "blueprint/faas/transport/in_memory.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas {

class Package;

/// What each operation of a platform looks like in a codec `C` over a link `L`. An operation that a codec lacks does
/// not exist on the executor either. The link outlives the awaitable; so does the call, which the executor keeps.
template <class C, class L>
concept CanInvoke = requires(C& codec, L& link, const JobCall& call) {
    { codec.invoke(link, call) } -> std::same_as<asio::awaitable<result<Invocation>>>;
};
/// A codec that can mostly write a call down at once may do so: `prepare(link, call)` then returns what holds the call
/// while it is under way, with `request()`, `purpose()`, `repeat()`, a static `judge(answer)`, and `finish(outcome,
/// metered)`, which makes an outcome of the exchange one of the call; the metrics of a success need not be read unless
/// `metered`. It converts to false where that cannot be: `invoke` is then asked, which does the same in a coroutine, or
/// fails with the reason. So an undisturbed call costs one coroutine beside the transport's. It may also have
/// `outdated(error)`, which is asked when the exchange has failed: true says that no job ran and that the call was
/// written with something that does not hold any more, a key that was changed, and is forgotten; `invoke` is then asked
/// to make the call, within the same deadline. A codec sees to it that this comes to an end.
template <class C, class L>
concept CanPrepare = requires(C& codec, L& link, const JobCall& call, decltype(codec.prepare(link, call)) prepared,
                              const HttpResponse& answer, result<HttpResponse> outcome) {
    { static_cast<bool>(prepared) };
    { prepared.request() } -> std::same_as<HttpRequest&>;
    { prepared.purpose() } -> std::same_as<purpose::Invocation>;
    { prepared.repeat() } -> std::same_as<Repeat>;
    { prepared.judge(answer) } -> std::same_as<std::optional<Error>>;
    { prepared.finish(std::move(outcome), true) } -> std::same_as<result<Invocation>>;
};
/// Where the platform may answer before the call is at its end, what `prepare` returns also has `goes_on(answer,
/// metered)`, which is asked of an answer that passed `judge`: true says that further exchanges are needed. The codec
/// makes them by `complete(link, prepared, answer)`, in the place of `finish`; all three outlive the awaitable.
template <class C, class L>
concept CanComplete =
    CanPrepare<C, L> &&
    requires(C& codec, L& link, const decltype(codec.prepare(link, std::declval<const JobCall&>()))& prepared,
             const HttpResponse& answer) {
        { prepared.goes_on(answer, true) } -> std::same_as<bool>;
        { codec.complete(link, prepared, answer) } -> std::same_as<asio::awaitable<result<Invocation>>>;
    };
template <class C, class L>
concept CanInvokeAsync = requires(C& codec, L& link, const JobCall& call) {
    { codec.invoke_async(link, call) } -> std::same_as<asio::awaitable<result<Receipt>>>;
};
template <class C, class L>
concept CanInvokeStreaming = requires(C& codec, L& link, const JobCall& call, const ResultSink& sink) {
    { codec.invoke_streaming(link, call, sink) } -> std::same_as<asio::awaitable<result<Invocation>>>;
};
template <class C, class L>
concept CanCheckInvoke = requires(C& codec, L& link, JobId id) {
    { codec.check_invoke(link, id) } -> std::same_as<asio::awaitable<result<void>>>;
};
template <class C, class L>
concept CanPlanDeploy = requires(C& codec, L& link, JobId id, const Package& package, const FaasConfig& config) {
    { codec.plan_deploy(link, id, package, config) } -> std::same_as<asio::awaitable<result<DeployPlan>>>;
};
template <class C, class L>
concept CanListRevisions = requires(C& codec, L& link, JobId id) {
    { codec.list_revisions(link, id) } -> std::same_as<asio::awaitable<result<std::vector<Revision>>>>;
};
template <class C, class L>
concept CanShiftTraffic = requires(C& codec, L& link, JobId id, const std::string& revision, double share) {
    { codec.shift_traffic(link, id, revision, share) } -> std::same_as<asio::awaitable<result<void>>>;
};
template <class C, class L>
concept CanRollBack = requires(C& codec, L& link, JobId id) {
    { codec.roll_back(link, id) } -> std::same_as<asio::awaitable<result<Revision>>>;
};
template <class C, class L>
concept CanDeploy = requires(C& codec, L& link, JobId id, const Package& package, const FaasConfig& config,
                             const DeployObserver& observer) {
    { codec.deploy_job(link, id, package, config, observer) } -> std::same_as<asio::awaitable<result<FaasDeployment>>>;
};
template <class C, class L>
concept CanCheckHealth = requires(C& codec, L& link, JobId id) {
    { codec.health_check(link, id) } -> std::same_as<asio::awaitable<result<Health>>>;
};
template <class C, class L>
concept CanWarm = requires(C& codec, L& link, JobId id, std::uint32_t instances) {
    { codec.warm(link, id, instances) } -> std::same_as<asio::awaitable<result<WarmReport>>>;
};
template <class C, class L>
concept CanGetDeployment = requires(C& codec, L& link, JobId id) {
    { codec.get_deployment(link, id) } -> std::same_as<asio::awaitable<result<FaasDeployment>>>;
};
template <class C, class L>
concept CanList = requires(C& codec, L& link) {
    { codec.list_deployments(link) } -> std::same_as<asio::awaitable<result<std::vector<FaasDeployment>>>>;
};
template <class C, class L>
concept CanDescribe = requires(C& codec, L& link) {
    { codec.describe_platform(link) } -> std::same_as<asio::awaitable<result<PlatformDescription>>>;
};
template <class C, class L>
concept CanUndeploy = requires(C& codec, L& link, JobId id) {
    { codec.undeploy_job(link, id) } -> std::same_as<asio::awaitable<result<void>>>;
};
/// A codec that obtains something at the platform for its executor alone, such as a key, gives it back by this. What is
/// done after that obtains it anew.
template <class C, class L>
concept CanRelease = requires(C& codec, L& link) {
    { codec.release(link) } -> std::same_as<asio::awaitable<result<void>>>;
};

/// Speaks one platform's protocol: turns an operation into exchanges over a `Link`, and their answers into a result.
/// It holds what it was told and what it discovered (addresses, keys), so that a warm invoke is one request; several
/// operations run over it at once, so what changes in it is guarded. `invoke` leaves `total_duration`, `attempts` and
/// `ran_on` to the executor. One that sends a key of its own says so by `reveals_secret`, as an Auth does. Models:
/// CustomCodec, LambdaCodec.
template <class C>
concept Codec =
    std::move_constructible<C> && CanInvoke<C, Link<InMemoryTransport, NoAuth, StandardResilience>> && requires {
        { C::provider_name } -> std::convertible_to<std::string_view>;
    };

}  // namespace blueprint::faas

#endif
