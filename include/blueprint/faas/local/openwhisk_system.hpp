#ifndef BLUEPRINT_FAAS_LOCAL_OPENWHISK_SYSTEM_HPP
#define BLUEPRINT_FAAS_LOCAL_OPENWHISK_SYSTEM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/background.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/openwhisk_actions.hpp"
#include "blueprint/faas/local/openwhisk_activations.hpp"
#include "blueprint/faas/local/openwhisk_messages.hpp"
#include "blueprint/faas/local/openwhisk_options.hpp"
#include "blueprint/faas/local/openwhisk_runtime.hpp"
#include "blueprint/faas/local/openwhisk_service.hpp"
#include "blueprint/faas/local/request_target.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// OpenWhisk's API with the actions of all namespaces, which run as processes of this machine: namespaces, limits,
/// packages, actions and activations of version 1. Triggers, rules, sequences, package bindings, Docker actions and web
/// actions are not there. On the host's strand only; the host must outlive it.
/// Source: apache/openwhisk on GitHub, apiv1swagger.json, docs/reference.md, docs/rest_api.md.
class OpenWhiskSystem final : public OpenWhiskService {
public:
    OpenWhiskSystem(FunctionHost& host, OpenWhiskSettings settings);
    OpenWhiskSystem(const OpenWhiskSystem&) = delete;
    OpenWhiskSystem& operator=(const OpenWhiskSystem&) = delete;
    ~OpenWhiskSystem() override;

    std::optional<ServerAnswer> answer_anybody(const ServerRequest& request) override;
    Admission admit(const ServerRequest& head) override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request, std::string name_space) override;
    void remove_namespace(const std::string& name_space) override;
    ServerAnswer refusal(unsigned status, std::string_view message) override;
    void serve_at(std::string url, std::weak_ptr<void> owner) override;
    void end_processes() override;
    asio::awaitable<void> stop(std::chrono::milliseconds grace) override;
    /// Counts the calls that are being run, or wait.
    std::size_t calls() const noexcept { return calls_; }
    /// Counts the instances of all actions, those too that end what they have.
    std::size_t instances() const;

private:
    struct Action {
        std::shared_ptr<const OpenWhiskActionState> state;
        std::shared_ptr<OpenWhiskPool> pool;
    };
    struct Namespace {
        std::map<std::string, Action, std::less<>> actions;  // "name" or "package/name"
        std::map<std::string, OpenWhiskPackageState, std::less<>> packages;
        OpenWhiskActivations activations;
        std::deque<std::chrono::steady_clock::time_point> begun;  // the calls of the last minute
        std::size_t calls = 0;
    };
    /// One request, taken apart.
    struct Asked {
        const ServerRequest& request;
        RequestTarget target;
        const std::string& name_space;
        Namespace& own;
        std::string package{};  ///< of an action; empty: none
        std::string name{};
    };
    /// A call that was accepted, and the one who waits for it.
    struct Accepted;
    /// Counts a call while it runs.
    class Counted;

    result<ServerAnswer> handle(const ServerRequest& request, RequestTarget target, const std::string& name_space,
                                std::shared_ptr<Accepted>& accepted);
    result<ServerAnswer> handle_actions(Asked& asked, std::shared_ptr<Accepted>& accepted);
    result<ServerAnswer> handle_packages(Asked& asked);
    result<Action*> find_action(Asked& asked) const;
    static const OpenWhiskValues& package_parameters(const Asked& asked);
    result<ServerAnswer> get_action(Asked& asked) const;
    result<ServerAnswer> put_action(Asked& asked);
    result<ServerAnswer> delete_action(Asked& asked);
    result<ServerAnswer> list_actions(const Asked& asked, const std::string* package) const;
    result<ServerAnswer> get_package(const Asked& asked) const;
    result<ServerAnswer> put_package(Asked& asked);
    result<ServerAnswer> delete_package(Asked& asked);
    result<ServerAnswer> list_packages(const Asked& asked) const;
    void remove_action(Namespace& from, const std::string& key);
    boost::json::object describe() const;
    boost::json::object describe_limits() const;

    result<std::shared_ptr<Accepted>> accept(Asked& asked);
    result<void> throttle(Namespace& own) const;
    asio::awaitable<ServerAnswer> invoke(std::shared_ptr<Accepted> accepted);
    asio::awaitable<void> run(std::shared_ptr<Accepted> accepted);

    FunctionHost& host_;
    OpenWhiskSettings settings_;
    Background background_;
    std::string url_;
    std::map<std::string, std::shared_ptr<Namespace>, std::less<>> namespaces_;
    std::vector<std::weak_ptr<OpenWhiskPool>> pools_;  // all that there are
    std::size_t calls_ = 0;
    bool stopping_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/openwhisk_invoke.ipp"
#include "blueprint/faas/local/impl/openwhisk_system.ipp"
#endif

#endif
