#ifndef BLUEPRINT_FAAS_LOCAL_GCP_REQUESTS_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_REQUESTS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/request_target.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

/// Makes the `Error` of a request that says what it may not: 400 INVALID_ARGUMENT.
BLUEPRINT_FAAS_DECL Error gcp_invalid(std::string message);
/// Makes that of a resource that is not there: 404 NOT_FOUND.
BLUEPRINT_FAAS_DECL Error gcp_no_resource(std::string_view kind, std::string_view name);

/// An answer that is a JSON object.
BLUEPRINT_FAAS_DECL ServerAnswer gcp_json(const boost::json::object& body);

/// Reads "3.5s", which is not negative; nothing if it is written in another way.
/// Source: Protocol Buffers documentation, "ProtoJSON Format", Duration.
BLUEPRINT_FAAS_DECL std::optional<std::chrono::milliseconds> gcp_duration(std::string_view text);
/// Writes a time as "2026-11-26T05:50:00.123456Z".
BLUEPRINT_FAAS_DECL std::string gcp_time(std::chrono::system_clock::time_point time);

/// Reads memory as Kubernetes writes it, in bytes: "512Mi", "1Gi", "512M", "134217728"; nothing if it is written in
/// another way.
BLUEPRINT_FAAS_DECL std::optional<std::uint64_t> gcp_memory(std::string_view text);
/// Reads processors, in thousandths: "1", "0.5", "500m", "1000m"; nothing if it is written in another way.
BLUEPRINT_FAAS_DECL std::optional<std::uint32_t> gcp_processors(std::string_view text);

using GcpTarget = RequestTarget;

/// Refuses parameters of the query that are neither `known` nor every Google API's.
BLUEPRINT_FAAS_DECL result<void> check_gcp_query(const GcpTarget& target, std::vector<std::string_view> known);

/// Reads the body as JSON. An empty one is `{}`; one with another Content-Type than JSON is refused.
BLUEPRINT_FAAS_DECL result<boost::json::value> read_gcp_body(const ServerRequest& request);

/// Takes the page that `pageSize` and `pageToken` ask for of `entries`, which are sorted by their names, and writes
/// `{"MEMBER":[...],"nextPageToken":"..."}`.
BLUEPRINT_FAAS_DECL result<boost::json::object> gcp_page(
    const GcpTarget& target, std::string_view member, std::vector<std::pair<std::string, boost::json::object>> entries);

/// Cuts a field mask, "a.b,c", into its paths.
BLUEPRINT_FAAS_DECL std::vector<std::string> gcp_mask_paths(std::string_view mask);
/// Sets in `into` what `path` names to what it is in `from`; it is removed if it is not there.
BLUEPRINT_FAAS_DECL void gcp_apply_mask_path(boost::json::object& into, const boost::json::object& from,
                                             std::string_view path);

/// Returns a member of a member: null if there is none.
BLUEPRINT_FAAS_DECL const boost::json::value* gcp_at(const boost::json::object& json, std::string_view path);
/// Returns a text or a number that stands at such a path, or what is given.
BLUEPRINT_FAAS_DECL std::string gcp_text(const boost::json::object& json, std::string_view path);
BLUEPRINT_FAAS_DECL std::int64_t gcp_number(const boost::json::object& json, std::string_view path,
                                            std::int64_t otherwise = 0);

/// Refuses labels that Google does not take. `path`: where they stand.
/// Source: Resource Manager documentation, "Labels overview", Requirements for labels.
BLUEPRINT_FAAS_DECL result<void> check_gcp_labels(const boost::json::object& holder, std::string_view path);

/// Tells whether `name` consists of lower-case letters, digits and hyphens, at most `longest`, begins with a letter and
/// ends with no hyphen.
BLUEPRINT_FAAS_DECL bool is_gcp_name(std::string_view name, std::size_t longest) noexcept;

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_requests.ipp"
#endif

#endif
