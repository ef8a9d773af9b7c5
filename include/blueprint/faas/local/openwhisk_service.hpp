#ifndef BLUEPRINT_FAAS_LOCAL_OPENWHISK_SERVICE_HPP
#define BLUEPRINT_FAAS_LOCAL_OPENWHISK_SERVICE_HPP

#include "blueprint/faas/local/http_message.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

namespace asio = boost::asio;

/// OpenWhisk's API as a platform hands requests to it: the platform has judged who asks, and says whose namespace that
/// is. On the host's strand.
class OpenWhiskService {
public:
    virtual ~OpenWhiskService() = default;
    /// Answers what needs no credential: what the system offers. Nothing: the request is none of these.
    virtual std::optional<ServerAnswer> answer_anybody(const ServerRequest& request) = 0;
    /// Judges the head of a request as to its size.
    virtual Admission admit(const ServerRequest& head) = 0;
    /// Answers a whole request of one who may use `name_space`.
    virtual asio::awaitable<ServerAnswer> answer(ServerRequest request, std::string name_space) = 0;
    /// Removes all that is in a namespace, and what runs of it.
    virtual void remove_namespace(const std::string& name_space) = 0;
    /// Makes the answer of a request that is refused before it is understood, `{"error","code"}`.
    virtual ServerAnswer refusal(unsigned status, std::string_view message) = 0;
    /// Where it is reached, and what keeps it alive while something runs that nobody waits for.
    virtual void serve_at(std::string url, std::weak_ptr<void> owner) = 0;
    /// Kills what runs.
    virtual void end_processes() = 0;
    /// Takes no more calls, gives those that run `grace`, then ends the instances.
    virtual asio::awaitable<void> stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace blueprint::faas::local

#endif
