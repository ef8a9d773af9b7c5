// DigitalOcean and a self-hosted OpenWhisk in memory.
#include "blueprint/faas/auth/digitalocean.hpp"
#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/codec/digitalocean.hpp"
#include "passing_world.hpp"
#include "platform.hpp"
#include "support/fake_openwhisk.hpp"

namespace openwhisk_platform {

using namespace tests;

namespace {

template <class Codec, class Auth>
class OpenWhiskPlatform final : public Platform {
    using Executor = FaasExecutor<AnyTransport, Auth, Codec>;
    static constexpr bool own = std::same_as<Auth, NoAuth>;

public:
    OpenWhiskPlatform() {
        secrets = {"guest-password", "api-token", "secret-of-key-", "Basic "};
        job.truth.function_id = "/blueprint-job-0";
        job.truth.spec = "v1";
        job.config.memory_mib = 256;
        job.config.timeout = std::chrono::seconds{60};
        fake_.has_namespace = own;  // else the first deployment makes it
    }
    bool has(Operation operation) const override { return tests::has<Executor>(operation); }
    std::unique_ptr<Client> client(AnyTransport transport, const ExecutorOptions& limits) override {
        typename Codec::Options options;
        if constexpr (own) {
            options.api_host = "https://" + std::string{FakeOpenWhisk::own_host};
            options.auth = "guest-user:guest-password";
            return made(transport, NoAuth{}, std::move(options), limits);
        } else {
            options.region = "nyc1";
            return made(transport, DigitalOceanAuth{Secret{"api-token"}}, std::move(options), limits);
        }
    }
    result<HttpResponse> answer(const HttpRequest& request) override { return fake_.answer(request); }
    std::size_t runs() const override { return fake_.actions.calls.size(); }
    std::string left() const override {
        return fake_.keys.empty() ? std::string{} : std::to_string(fake_.keys.size()) + " access keys are left";
    }

private:
    std::unique_ptr<Client> made(AnyTransport transport, Auth auth, typename Codec::Options options,
                                 const ExecutorOptions& limits) {
        return std::make_unique<ClientOf<Executor>>(
            Executor{std::move(transport), std::move(auth), Codec{std::move(options), around_}, resilience(), limits},
            job);
    }

    PassingWorld around_{};
    FakeOpenWhisk fake_{};
};

}  // namespace
}  // namespace openwhisk_platform

std::unique_ptr<tests::Platform> tests::make_digitalocean() {
    using namespace blueprint::faas;
    return std::make_unique<openwhisk_platform::OpenWhiskPlatform<DigitalOceanCodec<>, DigitalOceanAuth>>();
}
std::unique_ptr<tests::Platform> tests::make_openwhisk() {
    using namespace blueprint::faas;
    return std::make_unique<openwhisk_platform::OpenWhiskPlatform<OpenWhiskCodec<>, NoAuth>>();
}
