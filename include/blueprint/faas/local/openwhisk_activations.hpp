#ifndef BLUEPRINT_FAAS_LOCAL_OPENWHISK_ACTIVATIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_OPENWHISK_ACTIVATIONS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/openwhisk_actions.hpp"
#include "blueprint/faas/local/openwhisk_messages.hpp"
#include "blueprint/faas/local/openwhisk_options.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// How a call ended, in OpenWhisk's words. Source: apache/openwhisk, ActivationResponse; the numbers are the records'.
enum class OpenWhiskStatus {
    success = 0,
    application_error = 1,  ///< its result has a member `error`
    developer_error = 2,    ///< it crashed, took too long or could not be started
    whisk_error = 3,        ///< the platform failed
};

/// What came of a call.
struct OpenWhiskOutcome {
    OpenWhiskStatus status = OpenWhiskStatus::success;
    boost::json::value result{};
    std::optional<std::size_t> size{};  ///< of what the action answered, in bytes
    std::vector<std::string> log{};     ///< "2026-01-31T12:00:00.123456789Z stdout: text"
    std::chrono::sys_time<std::chrono::milliseconds> start{}, end{};
    std::chrono::milliseconds duration{};  ///< of starting and running; what the pauses between them took is no part
    std::chrono::milliseconds wait{};      ///< from the request until something was done about it
    std::optional<std::chrono::milliseconds> init{};  ///< of starting the instance, if it was started for this call
    bool timed_out = false;
};

/// One call that is over.
struct OpenWhiskRecord {
    std::string id{};
    std::shared_ptr<const OpenWhiskActionState> action{};
    OpenWhiskOutcome outcome{};

    /// `{"status":"success","success":true,"result":{}}`.
    boost::json::object response() const;
    /// The record as it is stored. `logs`: with them; what a waiting caller gets has none.
    /// Source: apache/openwhisk, WhiskActivation.toExtendedJson and ContainerProxy.constructWhiskActivation.
    boost::json::object show(bool digitalocean, bool logs) const;
    boost::json::object brief(bool digitalocean) const;

private:
    boost::json::object head(bool digitalocean) const;
};

/// The records of one namespace.
class OpenWhiskActivations {
public:
    /// Keeps a record, which can be read after `OpenWhiskSettings::record_delay`.
    void add(std::shared_ptr<const OpenWhiskRecord> record, const OpenWhiskSettings& settings);
    /// Answers a GET at `activations/...`: `rest` is what follows, "ID" or "ID/logs"; nothing for the list.
    result<ServerAnswer> answer(const RequestTarget& target, std::size_t first,
                                const OpenWhiskSettings& settings) const;

private:
    struct Kept {
        std::shared_ptr<const OpenWhiskRecord> record;
        std::chrono::steady_clock::time_point readable;
    };
    std::shared_ptr<const OpenWhiskRecord> find(std::string_view id) const;
    result<ServerAnswer> list(const RequestTarget& target, const OpenWhiskSettings& settings) const;

    std::deque<Kept> records_;  // in the order of their ends
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/openwhisk_activations.ipp"
#endif

#endif
