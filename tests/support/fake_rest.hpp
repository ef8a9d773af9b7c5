#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_REST_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_REST_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

/// What platforms in memory have in common.
namespace tests::rest {

using Answer = blueprint::faas::result<blueprint::faas::HttpResponse>;
using Request = blueprint::faas::HttpRequest;
using Response = blueprint::faas::HttpResponse;
using Object = boost::json::object;
using blueprint::faas::Verb;

/// A request, taken apart.
struct Call {
    Verb verb{};
    std::string host{};
    std::string path{};  ///< "/v2/projects/p/locations/r/functions/blueprint-job-0"
    std::map<std::string, std::string, std::less<>> query{};
    Object body{};
    std::string authorization{};
};

inline Response reply(unsigned status, const Object& body) {
    Response answer;
    answer.status = status;
    answer.headers.set("Content-Type", "application/json; charset=UTF-8");
    answer.body = boost::json::serialize(body);
    return answer;
}
inline Response page(unsigned status, std::string_view text) {
    Response answer;
    answer.status = status;
    answer.headers.set("Content-Type", "text/html; charset=UTF-8");
    answer.body = "<html><head><title>" + std::to_string(status) + "</title></head><body><h1>" + std::string{text} +
                  "</h1></body></html>";
    return answer;
}
inline std::string text(const Object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}
inline Object& part(Object& object, std::string_view name) {
    auto& value = object[name];
    if (!value.is_object()) value.emplace_object();
    return value.get_object();
}

/// Takes a request apart, but for its body, whose type the platform knows.
inline Call taken_apart(const Request& request) {
    Call call;
    call.verb = request.verb;
    call.host = request.origin.host;
    std::string_view path = request.target;
    if (const auto mark = path.find('?'); mark != std::string_view::npos) {
        for (auto rest = path.substr(mark + 1); !rest.empty();) {
            const auto one = rest.substr(0, rest.find('&'));
            rest.remove_prefix(std::min(rest.size(), one.size() + 1));
            const auto equals = one.find('=');
            const auto value = equals == std::string_view::npos ? std::string_view{} : one.substr(equals + 1);
            call.query[std::string{one.substr(0, equals)}] = *blueprint::faas::detail::percent_decode(value);
        }
        path = path.substr(0, mark);
    }
    call.path = path;
    call.authorization = request.headers.get("Authorization").value_or("");
    return call;
}

}  // namespace tests::rest

#endif
