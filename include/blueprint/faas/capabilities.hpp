#ifndef BLUEPRINT_FAAS_CAPABILITIES_HPP
#define BLUEPRINT_FAAS_CAPABILITIES_HPP

#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/codec/facts.hpp"

#include <type_traits>
#include <utility>

namespace blueprint::faas {

/// What an executor can do, known to the compiler: which operations exist, and what its platform is like.
/// `invoke` and `invoke_with_metrics` always exist.
struct Capabilities {
    bool invoke_async = false;
    bool invoke_streaming = false;
    bool check_invoke = false;
    bool deploy = false;
    bool plan_deploy = false;
    bool get_deployment = false;
    bool undeploy = false;
    bool list = false;
    bool describe = false;
    bool health = false;
    bool warm = false;
    bool list_revisions = false;
    bool shift_traffic = false;
    bool roll_back = false;
    bool release = false;
    PlatformFacts facts{};

    friend constexpr bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// Tells what an executor over the codec `C` can do; `L` is the link that it works over.
template <class C, class L = Link<InMemoryTransport, NoAuth, StandardResilience>>
    requires CanInvoke<C, L>
consteval Capabilities capabilities_of_codec() {
    Capabilities can;
    can.invoke_async = CanInvokeAsync<C, L>;
    can.invoke_streaming = CanInvokeStreaming<C, L>;
    can.check_invoke = CanCheckInvoke<C, L>;
    can.deploy = CanDeploy<C, L>;
    can.plan_deploy = CanPlanDeploy<C, L>;
    can.get_deployment = CanGetDeployment<C, L>;
    can.undeploy = CanUndeploy<C, L>;
    can.list = CanList<C, L>;
    can.describe = CanDescribe<C, L>;
    can.health = CanCheckHealth<C, L>;
    can.warm = CanWarm<C, L>;
    can.list_revisions = CanListRevisions<C, L>;
    can.shift_traffic = CanShiftTraffic<C, L>;
    can.roll_back = CanRollBack<C, L>;
    can.release = CanRelease<C, L>;
    if constexpr (requires { C::facts; }) can.facts = C::facts;
    return can;
}

/// Tells what a `FaasExecutor` of that type can do: `capabilities_of<aws::LambdaExecutor>().invoke_async`.
template <class E>
consteval Capabilities capabilities_of() {
    using CodecOfIt = std::remove_cvref_t<decltype(std::declval<const E&>().codec())>;
    return capabilities_of_codec<CodecOfIt, typename E::link_type>();
}

}  // namespace blueprint::faas

#endif
