#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_FIXTURE_HPP

#include "blueprint/faas/provider/custom.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tests {

namespace faas = blueprint::faas;

/// A custom executor over a scripted platform; retries wait for nothing.
template <class Format = faas::JsonBytes, class Layout = faas::LifecycleLayout>
struct Custom {
    using executor_type = faas::FaasExecutor<faas::InMemoryTransport, faas::Bearer, faas::CustomCodec<Format, Layout>>;

    explicit Custom(faas::CustomOptions options = {.base_url = "https://faas.example.com"})
        : executor{play(io, script), faas::Bearer{"fixed-token"}, faas::CustomCodec<Format, Layout>{std::move(options)},
                   faas::StandardResilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}}} {}

    auto invoke(faas::JobCall call) { return run(io, executor.invoke(std::move(call))); }

    boost::asio::io_context io{};
    std::shared_ptr<Script> script = std::make_shared<Script>();
    executor_type executor;
};

/// A small package; two with different `salt` differ.
inline faas::Package package(const std::string& salt = {}) {
    const std::string script = "#!/bin/sh\n" + salt;
    faas::PackageOptions options;
    options.allow_script = true;
    return ok(faas::Package::from_binary(faas::Bytes{script.begin(), script.end()}, options));
}

}  // namespace tests

#endif
