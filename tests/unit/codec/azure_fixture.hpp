#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AZURE_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AZURE_FIXTURE_HPP

#include "blueprint/faas/codec/impl/azure_provisioning.hpp"
#include "blueprint/faas/resilience/standard.hpp"
#include "support/fake_azure.hpp"
#include "support/fake_transport.hpp"
#include "support/hand_clock.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tests {

namespace faas = blueprint::faas;

inline faas::AzureFunctionsOptions azure_options() {
    faas::AzureFunctionsOptions options;
    options.subscription = azure::subscription;
    options.resource_group = azure::group;
    options.location = "westeurope";
    options.first_poll = {};
    options.max_poll = {};
    return options;
}

/// An operation's surroundings before Azure in memory. Nothing is waited for.
struct AzureWorld {
    using Transport = FakeTransport<FakeAzure>;
    using L = faas::Link<Transport, AzureTokens, faas::StandardResilience>;

    explicit AzureWorld(faas::AzureFunctionsOptions options = azure_options(),
                        std::shared_ptr<FakeAzure> shared = std::make_shared<FakeAzure>())
        : fake{std::move(shared)}, api{std::move(options)}, transport{io.get_executor(), fake, {}} {
        fake->storage.now = clock.now();
    }
    AzureWorld(const AzureWorld&) = delete;
    AzureWorld& operator=(const AzureWorld&) = delete;

    faas::detail::AzurePlace make(faas::detail::AzureAppWanted wanted = {}) {
        return ok(run(io, provisioning.make(std::move(wanted))));
    }
    std::optional<faas::detail::AzurePlace> find() { return ok(run(io, provisioning.find())); }
    faas::result<faas::HttpResponse> ask(const faas::detail::AzureStorage& storage, faas::HttpRequest request,
                                         bool fresh = false) {
        return run(io, exchanges.ask_storage(storage, request, fresh));
    }
    azure::Arm::Site& site() {
        const auto found = fake->arm.sites.find(api.app());
        REQUIRE(found != fake->arm.sites.end());
        return found->second;
    }
    azure::Object& config() { return rest::part(rest::part(site().resource, "properties"), "functionAppConfig"); }

    boost::asio::io_context io{};
    std::shared_ptr<FakeAzure> fake;
    faas::detail::AzureApi api;
    HandClock clock{};
    Transport transport;
    AzureTokens tokens{};
    faas::StandardResilience resilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}};
    L link{transport, tokens, resilience, faas::Deadline::max(), clock};
    std::string told{};
    faas::DeployObserver observer = [this](const faas::DeployProgress& progress) { told += progress.detail + '\n'; };
    faas::detail::AzureExchanges<L> exchanges{api, link, observer, clock};
    faas::detail::AzureProvisioning<L> provisioning{exchanges};
};

}  // namespace tests

#endif
