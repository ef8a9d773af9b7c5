#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_ANSWER_JSON_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_ANSWER_JSON_HPP

#include "blueprint/faas/detail/utf8.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Writes the body of an answer. What it repeats of a request's path or fields may be no UTF-8, which JSON has to be:
/// U+FFFD stands for each such byte. Source: RFC 8259, section 8.1.
inline std::string answer_json(const boost::json::value& content) {
    auto text = boost::json::serialize(content);
    if (faas::detail::is_utf8(text)) return text;
    std::string made;
    for (std::string_view rest = text; !rest.empty();) {
        const auto length = faas::detail::utf8_length(rest);
        made.append(length == 0 ? std::string_view{"\xef\xbf\xbd"} : rest.substr(0, length));
        rest.remove_prefix(length == 0 ? 1 : length);
    }
    return made;
}

}  // namespace blueprint::faas::local

#endif
