#ifndef BLUEPRINT_FAAS_TESTS_FAULT_PLATFORM_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_PLATFORM_HPP

#include "client.hpp"
#include "support/elf_image.hpp"
#include "support/run.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// A platform in memory with its identity service, and executors of it with the real auth.
class Platform {
public:
    Platform() = default;
    Platform(const Platform&) = delete;
    Platform& operator=(const Platform&) = delete;
    virtual ~Platform() = default;

    virtual bool has(Operation operation) const = 0;
    /// Makes an executor that has asked nothing yet. The platform outlives it.
    virtual std::unique_ptr<Client> client(AnyTransport transport, const ExecutorOptions& limits) = 0;
    virtual result<HttpResponse> answer(const HttpRequest& request) = 0;
    /// How often the job ran.
    virtual std::size_t runs() const = 0;
    /// Whether the answers of this address, "POST https://host/path", are results as they are, whatever they say.
    virtual bool gives_results(const std::string&) const { return false; }
    /// What an executor leaves that has released what it obtained; nothing is right.
    virtual std::string left() const { return {}; }

    std::vector<std::string> secrets{};  ///< none of them may be told by an error
    std::string token_host{};            ///< the identity service; a refusal of it is remembered for a while
    Job job{program("in place"), program("another"), {}, {}};

    /// A small package; two with different `code` differ.
    static Package program(std::string code) {
        blueprint::faas::test::ElfImage image;
        image.code = std::move(code);
        PackageOptions options;
        options.architecture = Architecture::x86_64;
        return ok(Package::from_binary(blueprint::faas::test::build(image), options));
    }
    /// Retries as they are by default, whose pauses take no time by a hand clock.
    static StandardResilience resilience() { return StandardResilience{}; }
};

using MakePlatform = std::unique_ptr<Platform> (*)();
std::unique_ptr<Platform> make_custom();
std::unique_ptr<Platform> make_aws();
std::unique_ptr<Platform> make_cloud_run();
std::unique_ptr<Platform> make_cloud_functions();
std::unique_ptr<Platform> make_azure();
std::unique_ptr<Platform> make_digitalocean();
std::unique_ptr<Platform> make_openwhisk();

}  // namespace tests

#endif
