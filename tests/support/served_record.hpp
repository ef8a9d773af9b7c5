#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_SERVED_RECORD_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_SERVED_RECORD_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "support/http_client.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::test {

/// Notes an exchange in the file that BLUEPRINT_FAAS_SERVED_RECORD names, where it names one; of a credential its
/// scheme alone.
inline void record_served(const HttpAsk& sent, const HttpReply& reply) {
    const char* const path = std::getenv("BLUEPRINT_FAAS_SERVED_RECORD");
    if (path == nullptr) return;
    const auto base64 = [](std::string_view text) { return faas::detail::base64_encode(faas::detail::bytes_of(text)); };
    boost::json::object fields;
    for (const auto& [name, value] : sent.fields)
        fields[name] = name == "Authorization" ? value.substr(0, value.find(' ')) + " of-the-test" : value;
    boost::json::object answer_fields;
    for (const auto& [name, value] : reply.fields) answer_fields[name] = value;
    boost::json::object line{{"method", sent.method},
                             {"target", sent.target},
                             {"body_base64", base64(sent.body)},
                             {"status", reply.status},
                             {"answer_body_base64", base64(reply.body)}};
    line["headers"] = std::move(fields);
    line["answer_headers"] = std::move(answer_fields);
    if (reply.status >= 400) line["deliberate"] = true;
    std::ofstream{path, std::ios::app} << boost::json::serialize(line) << '\n';
}

}  // namespace blueprint::faas::test

#endif
