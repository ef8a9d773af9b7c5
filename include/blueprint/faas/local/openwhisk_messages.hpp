#ifndef BLUEPRINT_FAAS_LOCAL_OPENWHISK_MESSAGES_HPP
#define BLUEPRINT_FAAS_LOCAL_OPENWHISK_MESSAGES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/request_target.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

// The messages of OpenWhisk's API: what is the same in all of its collections.
// Source: apache/openwhisk on GitHub, docs/reference.md; Messages and RestApiCommons of its controller.

/// Makes what a request is refused with: `openwhisk_failure` words it.
BLUEPRINT_FAAS_DECL Error openwhisk_refusal(unsigned status, std::string message);
/// Words a refusal as `{"error":"text","code":"id of the request"}`.
BLUEPRINT_FAAS_DECL ServerAnswer openwhisk_failure(const Error& error);
/// Answers with JSON.
BLUEPRINT_FAAS_DECL ServerAnswer openwhisk_answer(const boost::json::value& value, unsigned status = 200);
/// The page of HTML that a front end answers who sends too much.
BLUEPRINT_FAAS_DECL ServerAnswer openwhisk_too_large_page();
/// "The requested resource does not exist.", 404.
BLUEPRINT_FAAS_DECL Error openwhisk_absent();
/// What a package is answered where an action was expected, and the other way round, 409.
BLUEPRINT_FAAS_DECL Error openwhisk_other_collection();
/// What content is answered that is not what it should be, 400.
BLUEPRINT_FAAS_DECL Error openwhisk_malformed(std::string_view why);
/// What is answered who sends more than is taken, 413: "Code larger than allowed: 2 > 1 bytes."
BLUEPRINT_FAAS_DECL Error openwhisk_too_big(std::string_view field, std::uint64_t is, std::uint64_t allowed);

/// Draws an id of 32 characters, as requests and activations have them.
BLUEPRINT_FAAS_DECL std::string openwhisk_id();

/// Refuses a name that no action or package may have: letters, digits, '_', and after the first character also blanks
/// and "@.&-", at most 256, no blank at the end.
BLUEPRINT_FAAS_DECL result<void> check_openwhisk_name(std::string_view name);

/// Which part of a list is asked for.
struct OpenWhiskPage {
    std::size_t skip = 0;
    std::size_t limit = 30;  ///< at most 200
    bool count = false;      ///< only how many there are
};

/// Reads `limit`, `skip` and `count`: 400 for what is out of range. `collection`: "actions".
BLUEPRINT_FAAS_DECL result<OpenWhiskPage> read_openwhisk_page(const RequestTarget& target, std::string_view collection);
/// Reads true or false of a query; 400 for anything else.
BLUEPRINT_FAAS_DECL result<bool> read_openwhisk_flag(const RequestTarget& target, std::string_view name, bool absent);
/// Reads a whole number of a query; nothing if it is not there, 400 with `otherwise` if it is none.
BLUEPRINT_FAAS_DECL result<std::optional<std::int64_t>> read_openwhisk_number(const RequestTarget& target,
                                                                              std::string_view name,
                                                                              const std::string& otherwise);
/// Reads a body that is to be a JSON object; an empty one is an empty object. 400, or 415 for another content type.
BLUEPRINT_FAAS_DECL result<boost::json::object> read_openwhisk_body(const ServerRequest& request);

/// One of an action's parameters or annotations.
struct OpenWhiskValue {
    boost::json::value value{};
    bool init = false;  ///< of a parameter: given to the runtime once, as an environment variable
};
using OpenWhiskValues = std::map<std::string, OpenWhiskValue, std::less<>>;

/// Reads `[{"key":"a","value":1,"init":true}]`, 400 if it is anything else.
BLUEPRINT_FAAS_DECL result<OpenWhiskValues> read_openwhisk_values(const boost::json::value& json);
/// Writes the same.
BLUEPRINT_FAAS_DECL boost::json::array write_openwhisk_values(const OpenWhiskValues& values);
/// Tells whether an annotation says yes. Source: docs/annotations.md, "truthy" values.
BLUEPRINT_FAAS_DECL bool is_openwhisk_true(const OpenWhiskValues& annotations, std::string_view name);

/// Cuts a list to the page asked for, or counts it: `{"actions":3}`. `all`: the newest first.
BLUEPRINT_FAAS_DECL ServerAnswer openwhisk_list(boost::json::array all, const OpenWhiskPage& page,
                                                std::string_view collection);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/openwhisk_messages.ipp"
#endif

#endif
