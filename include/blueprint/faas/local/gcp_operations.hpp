#ifndef BLUEPRINT_FAAS_LOCAL_GCP_OPERATIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_OPERATIONS_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/gcp_options.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

namespace asio = boost::asio;

/// The operations of Google's APIs: what a change answers at once, and where it is seen to come to its end. Of those
/// that are over the newest thousand are kept. On the host's strand only.
/// Source: AIP-151, "Long-running operations".
class GcpOperations {
public:
    explicit GcpOperations(asio::any_io_executor strand)
        : changed_{std::move(strand), asio::steady_timer::time_point::max()} {}

    /// Begins one below `parent`, "projects/p/locations/l", and returns its name.
    std::string begin(std::string_view parent, boost::json::object metadata);
    /// Replaces what is told of it while it goes on.
    void tell(std::string_view name, boost::json::object metadata);
    /// Ends one. `response`: the resource, with its "@type".
    void succeed(std::string_view name, boost::json::object response);
    void fail(std::string_view name, const GcpStatus& status);
    /// Returns one as it is now; `Error` 404 if it is not known.
    result<boost::json::object> show(std::string_view name) const;
    /// Returns those below `parent`, sorted by name.
    std::vector<std::pair<std::string, boost::json::object>> list(std::string_view parent) const;
    /// Returns when it is over, or at the deadline.
    asio::awaitable<void> wait(std::string name, Deadline deadline);
    /// Forgets one. False: it was not known.
    bool forget(std::string_view name);

private:
    void end(boost::json::object& operation, std::string_view name);

    std::map<std::string, boost::json::object, std::less<>> all_;
    std::deque<std::string> over_;
    asio::steady_timer changed_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_operations.ipp"
#endif

#endif
