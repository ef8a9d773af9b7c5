#ifndef BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/aws_gate.hpp"
#include "blueprint/faas/local/aws_lambda_function.hpp"
#include "blueprint/faas/local/aws_lambda_messages.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/aws_storage.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

/// AWS Lambda: functions, their versions and aliases, and invocations of them, as far as the operating-system-only
/// runtimes go. A function is its package's bootstrap, run as a child process that asks the runtime API for events.
/// Nothing outlives the server. On the host's strand only; all that it is made from must outlive it.
/// Source: AWS Lambda API Reference.
class AwsLambda {
public:
    AwsLambda(FunctionHost& host, const AwsOptions& options, AwsSessions& sessions, const AwsStorage& storage)
        : host_{host},
          options_{options},
          sessions_{sessions},
          storage_{storage},
          all_ended_{host.strand, asio::steady_timer::time_point::max()} {}

    static bool takes(const ServerRequest& head) { return aws_service_of(head) == "lambda"; }
    /// Judges the head of a request of somebody who may.
    Admission admit(const ServerRequest& head) const;
    asio::awaitable<ServerAnswer> answer(ServerRequest request);

    /// Tells whether the path is of the code of a function, which is read by whom GetFunction gave the address.
    static bool takes_code(std::string_view target) noexcept;
    ServerAnswer answer_code(std::string_view target) const;

    /// Where this is reached, for the addresses that are given out.
    void reached_at(std::string url) { url_ = std::move(url); }
    /// What keeps this alive while an event runs that nobody waits for.
    void owned_by(std::weak_ptr<void> owner) { owner_ = std::move(owner); }
    /// Ends all instances and starts no more.
    void end();
    /// Takes no more invocations, gives those that run `grace`, ends the instances, and returns when nothing runs.
    asio::awaitable<void> stop(std::chrono::milliseconds grace);

private:
    using FunctionPointer = std::shared_ptr<LambdaFunction>;
    /// What a request names, found.
    struct Found {
        FunctionPointer function{};
        LambdaVersion* version = nullptr;
        const LambdaAlias* alias = nullptr;
        std::string qualifier{};
    };
    /// An invocation that was accepted, and the place that it takes.
    struct Invocation;
    class Place;
    class Stream;
    struct Counted;
    struct Queued;
    /// What an answer shows of a function's state.
    enum class Shown { all, listed };

    // aws_lambda.ipp: what all operations use
    result<ServerAnswer> handle(const LambdaRoute& route, const ServerRequest& request);
    FunctionPointer find(std::string_view name);
    result<FunctionPointer> function_of(const LambdaTarget& target);
    result<Found> resolve(const LambdaTarget& target);
    result<LambdaTarget> target_of(const LambdaRoute& route, bool namespaced = false) const;
    result<LambdaTarget> unqualified(const LambdaRoute& route) const;
    void settle(LambdaFunction& function);
    std::shared_ptr<LambdaPool> make_pool(const std::string& name, const LambdaVersion& version);
    result<void> not_busy(const LambdaFunction& function) const;
    static result<void> same_revision(std::string_view sent, const std::string& present);
    std::string arn(std::string_view name, std::string_view qualifier = {}) const {
        return lambda_arn(options_, name, qualifier);
    }
    boost::json::object describe(const LambdaFunction& function, const LambdaVersion& version,
                                 std::string_view qualifier, Shown shown) const;

    // aws_lambda_functions.ipp
    result<ServerAnswer> create_function(const boost::json::object& body);
    result<ServerAnswer> get_function(const LambdaRoute& route, bool configuration_only);
    result<ServerAnswer> update_code(const LambdaRoute& route, const boost::json::object& body);
    result<ServerAnswer> update_configuration(const LambdaRoute& route, const boost::json::object& body);
    result<ServerAnswer> delete_function(const LambdaRoute& route);
    result<ServerAnswer> list_functions(const LambdaRoute& route);
    result<std::shared_ptr<const LambdaCode>> read_code(const boost::json::object& body, bool create);
    result<std::shared_ptr<const LambdaCode>> store_code(std::span<const std::uint8_t> zip);
    result<void> role_assumable(const std::string& role);
    std::string code_address(const LambdaVersion& version);
    void remove_function(const FunctionPointer& function);

    // aws_lambda_versions.ipp
    LambdaVersion& publish(LambdaFunction& function, std::optional<std::string> description, bool pending);
    result<ServerAnswer> publish_version(const LambdaRoute& route, const boost::json::object& body);
    result<ServerAnswer> list_versions(const LambdaRoute& route);
    result<ServerAnswer> create_alias(const LambdaRoute& route, const boost::json::object& body);
    result<ServerAnswer> update_alias(const LambdaRoute& route, const boost::json::object& body);
    result<ServerAnswer> get_alias(const LambdaRoute& route);
    result<ServerAnswer> delete_alias(const LambdaRoute& route);
    result<ServerAnswer> list_aliases(const LambdaRoute& route);
    result<void> read_routing(LambdaFunction& function, LambdaAlias& alias, const boost::json::object& body);
    boost::json::object describe_alias(const LambdaFunction& function, const LambdaAlias& alias) const;

    // aws_lambda_capacity.ipp
    result<ServerAnswer> put_concurrency(const LambdaRoute& route, const boost::json::object& body);
    result<ServerAnswer> get_concurrency(const LambdaRoute& route);
    result<ServerAnswer> delete_concurrency(const LambdaRoute& route);
    result<ServerAnswer> put_provisioned(const LambdaRoute& route, const boost::json::object& body);
    result<ServerAnswer> get_provisioned(const LambdaRoute& route);
    result<ServerAnswer> delete_provisioned(const LambdaRoute& route);
    result<ServerAnswer> list_provisioned(const LambdaRoute& route);
    result<std::string> provisioned_qualifier(LambdaFunction& function, const LambdaRoute& route);
    void provision(const FunctionPointer& function, const std::string& qualifier);
    void release_provisioned(LambdaFunction& function) const;
    asio::awaitable<void> provision_later(FunctionPointer function, std::string qualifier, std::uint64_t turn,
                                          std::unique_ptr<Counted> counted, std::shared_ptr<void> owner);
    std::uint32_t provisioned_of(LambdaFunction& function, const LambdaVersion& version) const;
    std::uint32_t unreserved() const;
    std::optional<std::string_view> throttled(LambdaFunction& function, const LambdaVersion& version) const;
    boost::json::object account_settings() const;

    // aws_lambda_details.ipp
    result<ServerAnswer> put_event_config(const LambdaRoute& route, const boost::json::object& body, bool replace);
    result<ServerAnswer> get_event_config(const LambdaRoute& route);
    result<ServerAnswer> delete_event_config(const LambdaRoute& route);
    result<ServerAnswer> list_event_configs(const LambdaRoute& route);
    result<ServerAnswer> add_permission(const LambdaRoute& route, const boost::json::object& body);
    result<ServerAnswer> remove_permission(const LambdaRoute& route);
    result<ServerAnswer> get_policy(const LambdaRoute& route);
    result<ServerAnswer> handle_tags(const LambdaRoute& route, const boost::json::object& body);

    // aws_lambda_invoke.ipp
    asio::awaitable<ServerAnswer> invoke(LambdaRoute route, ServerRequest request, std::string request_id);
    result<Invocation> accept(const LambdaRoute& route, ServerRequest& request, const std::string& request_id);
    result<LambdaVersion*> choose(Invocation& invocation);
    std::shared_ptr<LambdaCall> make_call(const Invocation& invocation) const;
    asio::awaitable<ServerAnswer> run_and_answer(std::unique_ptr<Invocation> invocation);
    asio::awaitable<void> run_event(std::unique_ptr<Invocation> invocation, std::unique_ptr<Counted> counted,
                                    std::shared_ptr<void> owner);
    asio::awaitable<void> run_stream(std::unique_ptr<Place> place, std::shared_ptr<LambdaCall> call,
                                     std::shared_ptr<LambdaPool> pool, std::weak_ptr<Stream> reader, bool log_tail,
                                     std::shared_ptr<void> owner);
    void note_event(const Invocation& event, std::string_view what) const;
    asio::awaitable<void> pause(std::chrono::milliseconds time);

    FunctionHost& host_;
    const AwsOptions& options_;
    AwsSessions& sessions_;
    const AwsStorage& storage_;
    std::string url_;
    std::weak_ptr<void> owner_;
    std::map<std::string, FunctionPointer, std::less<>> functions_;
    std::map<std::string, std::chrono::steady_clock::time_point, std::less<>> roles_;  // when they were first named
    struct CodeAddress {
        std::shared_ptr<const LambdaCode> code;
        std::chrono::steady_clock::time_point expires;
    };
    std::map<std::string, CodeAddress, std::less<>> code_addresses_;
    std::list<asio::steady_timer*> pauses_;
    asio::steady_timer all_ended_;
    std::uint32_t running_ = 0;     // events of any kind
    std::uint32_t events_ = 0;      // that nobody waits for, be they running or not yet
    std::uint32_t unreserved_ = 0;  // of them, on the account's common concurrency
    std::uint64_t turns_ = 0;
    bool stopping_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_lambda.ipp"
#include "blueprint/faas/local/impl/aws_lambda_capacity.ipp"
#include "blueprint/faas/local/impl/aws_lambda_details.ipp"
#include "blueprint/faas/local/impl/aws_lambda_functions.ipp"
#include "blueprint/faas/local/impl/aws_lambda_invoke.ipp"
#include "blueprint/faas/local/impl/aws_lambda_versions.ipp"
#endif

#endif
