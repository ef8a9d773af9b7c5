#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_AWS_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_AWS_WORLD_HPP

#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"
#include "blueprint/faas/transport/in_memory.hpp"
#include "support/script.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// The surroundings of a process in memory: variables, files, and a clock that a test moves. Jitter is 0, so that no
/// pause between two attempts takes time. Kept members may be looked at and changed by a test at any time.
class AwsWorld : public blueprint::faas::Environment {
public:
    std::map<std::string, std::string> variables{};
    mutable std::map<std::string, std::string> files{};  ///< by path; `replace_file` changes it
    std::set<std::string> forbidden{};                   ///< paths that can be neither read nor written
    std::set<std::string> read_only{};                   ///< paths that cannot be written
    mutable std::vector<std::string> replaced{};         ///< paths, in the order in which they were written
    std::chrono::system_clock::time_point time{std::chrono::sys_days{std::chrono::year{2026} / 1 / 2}};

    std::chrono::system_clock::time_point now() const override { return time; }
    std::chrono::seconds zone{0};  ///< by which the clocks of this place are ahead of UTC
    std::optional<std::chrono::system_clock::time_point> moment_of(std::chrono::local_seconds local) const override {
        return std::chrono::sys_seconds{local.time_since_epoch()} - zone;
    }
    double jitter() const noexcept override { return 0; }
    std::optional<std::string> variable(const std::string& name) const override {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    }
    blueprint::faas::result<std::optional<blueprint::faas::Secret>> read_file(const std::string& path,
                                                                              std::size_t max_bytes) const override {
        if (forbidden.contains(path)) return refused("cannot read the file '" + path + "': Permission denied");
        const auto found = files.find(path);
        if (found == files.end()) return std::optional<blueprint::faas::Secret>{};
        if (found->second.size() > max_bytes) return refused("cannot read the file '" + path + "': it is too long");
        return std::optional<blueprint::faas::Secret>{std::string_view{found->second}};
    }
    blueprint::faas::result<void> replace_file(const std::string& path,
                                               const blueprint::faas::Secret& text) const override {
        if (forbidden.contains(path) || read_only.contains(path))
            return refused("cannot replace the file '" + path + "': Permission denied");
        files[path] = std::string{text.reveal()};
        replaced.push_back(path);
        return {};
    }

private:
    static blueprint::faas::Error refused(std::string message) {
        return {.code = blueprint::faas::errc::invalid_configuration,
                .message = std::move(message),
                .execution = blueprint::faas::Execution::not_started};
    }
};

/// The request lives in this coroutine, because a transport only refers to it.
inline boost::asio::awaitable<Script::Answer> ask(blueprint::faas::InMemoryTransport transport,
                                                  blueprint::faas::HttpRequest request,
                                                  blueprint::faas::Deadline deadline) {
    co_return co_await transport.exchange(request, deadline);
}

/// Makes the reach of a source of credentials: `world` around it, `script` in place of all servers. Both outlive it.
inline blueprint::faas::aws::Reach reach(boost::asio::io_context& io, const AwsWorld& world,
                                         const std::shared_ptr<Script>& script) {
    blueprint::faas::aws::Reach reach;
    reach.executor = io.get_executor();
    reach.environment = &world;
    reach.exchange = [transport = play(io, script)](blueprint::faas::HttpRequest request,
                                                    blueprint::faas::Deadline deadline) {
        return ask(transport, std::move(request), deadline);
    };
    return reach;
}

}  // namespace tests

#endif
