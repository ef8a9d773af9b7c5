#ifndef BLUEPRINT_FAAS_LOCAL_CUSTOM_PLATFORM_HPP
#define BLUEPRINT_FAAS_LOCAL_CUSTOM_PLATFORM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/credentials.hpp"
#include "blueprint/faas/local/custom_messages.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/idempotency.hpp"
#include "blueprint/faas/local/invoke_messages.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace blueprint::faas::local {

/// The custom platform contract, platform side: turns requests into deployments, processes and answers. It has all of
/// version 1.1, unless told to be strictly 1.0. On the host's strand only; the host must outlive it.
class CustomPlatform final : public HttpService {
public:
    explicit CustomPlatform(FunctionHost& host);

    Admission admit(const ServerRequest& head) override;
    bool anybody_may(const ServerRequest&) const override { return credentials_.none(); }
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;
    /// Ends all processes and starts no more; who waits for one is answered 503.
    void end_processes();
    /// Takes no more invocations, gives those that run `grace` to end, then ends the processes, and returns when no
    /// invocation runs.
    asio::awaitable<void> stop(std::chrono::milliseconds grace);
    /// What keeps this alive while an asynchronous invocation runs.
    void owned_by(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

private:
    /// One function, whatever is deployed as it.
    struct Function {
        std::shared_ptr<Deployment> deployment{};
        boost::json::object description{};  // the answer to get, without what depends on who asks
        std::string revision{};
        std::uint32_t running = 0;
        std::uint64_t invocations = 0;
        std::chrono::system_clock::time_point last_invocation{};
        std::string problem{};  // why it could not be started; empty: it could, or nobody tried
    };
    /// Holds one place of `Function::running` and of the account.
    class Place;
    /// An invocation that was accepted.
    struct Accepted;

    std::optional<Error> put_conflict(const ServerRequest& head, const Function* existing) const;
    std::optional<Error> no_place(const Function& function) const;
    std::shared_ptr<Function> find(std::string_view function_id) const;
    static Error absent(std::string_view function_id);
    result<void> judge(const ServerRequest& head, const CustomRoute& route, std::uint64_t& body_bytes);
    std::uint32_t most_warm() const noexcept;
    boost::json::object describe_function(const Function& function, const ServerRequest& request) const;

    result<ServerAnswer> handle(const CustomRoute& route, ServerRequest& request);
    result<ServerAnswer> deploy_function(const std::string& function_id, ServerRequest& request);
    result<ServerAnswer> warm_function(const std::string& function_id, const ServerRequest& request);
    ServerAnswer health_of(const std::string& function_id, const Function& function) const;
    ServerAnswer describe_platform() const;
    asio::awaitable<ServerAnswer> invoke(std::string function_id, ServerRequest request);
    asio::awaitable<IdempotencyStore::Outcome> run(std::unique_ptr<Accepted> accepted);
    asio::awaitable<void> run_alone(std::unique_ptr<Accepted> accepted, std::shared_ptr<void> owner);
    asio::awaitable<ServerAnswer> answer_known(std::string function_id, InvokeRequest call,
                                               std::shared_ptr<IdempotencyStore::Entry> known, Deadline deadline);

    FunctionHost& host_;
    Credentials credentials_;
    IdempotencyStore keys_;
    std::weak_ptr<void> owner_;
    std::map<std::string, std::shared_ptr<Function>, std::less<>> functions_;
    asio::steady_timer all_ended_;
    std::uint32_t running_ = 0;
    std::uint32_t running_alone_ = 0;
    bool stopping_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/custom_invoke.ipp"
#include "blueprint/faas/local/impl/custom_platform.ipp"
#endif

#endif
