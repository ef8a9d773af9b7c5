#ifndef BLUEPRINT_FAAS_LOCAL_GCP_SCHEMA_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_SCHEMA_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Which members the messages of an API have, and of which type: reads JSON as Google's servers do, which refuse what
/// they do not know. Written as a text with a line for each message, "Name: member type, -member type": `s` a text, `b`
/// true or false, `i` and `l` whole numbers of 32 and 64 bits, `n` a number, `d` a duration ("3.5s"), `t` a time, `*`
/// whatever it is, `{s}` a map of texts, `[s]` a list, `(A|B)` one of these words, or a message's name. A `-` marks
/// what only the server sets.
/// Source: Protocol Buffers documentation, "ProtoJSON Format".
class GcpSchema {
public:
    /// `text` must outlive it.
    constexpr explicit GcpSchema(std::string_view text) noexcept : text_{text} {}

    /// Reads `json` as that message. What only the server sets, and what is null, is left out; numbers of 64 bits
    /// become texts. `path`: what the message stands at, "service"; empty: it is the request. The `Error` is a 400 that
    /// names the member and where it stands.
    result<boost::json::object> read(std::string_view message, const boost::json::value& json,
                                     const std::string& path = {}) const;
    /// Tells what a path of a field mask names in that message: "template.containers".
    enum class Names {
        nothing,      ///< no such member
        member,       ///< a member that may be set
        server_side,  ///< a member that only the server sets
        inside,       ///< something inside a map or a list, which masks cannot name
    };
    Names names(std::string_view message, std::string_view mask_path) const;

private:
    struct Member {
        std::string_view type{};
        bool server_side = false;
    };
    std::optional<Member> find(std::string_view message, std::string_view name) const;
    result<boost::json::value> read_value(std::string_view type, const boost::json::value& json,
                                          const std::string& path) const;

    std::string_view text_;
};

/// The messages of Cloud Run's API that are played here. Source: Cloud Run Admin API v2, REST reference.
BLUEPRINT_FAAS_DECL GcpSchema gcp_run_schema() noexcept;
/// The same of Cloud Functions. Source: Cloud Functions API v2, REST reference.
BLUEPRINT_FAAS_DECL GcpSchema gcp_functions_schema() noexcept;

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_schema.ipp"
#endif

#endif
