#ifndef BLUEPRINT_FAAS_TESTS_FAULT_EXCHANGE_WAYS_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_EXCHANGE_WAYS_HPP

#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tests {

/// How an exchange fails.
enum class Way : std::uint8_t {
    unsent,
    lost,
    late,
    // another answer than the platform's, which has done what it was asked
    no_json,
    no_body,
    no_members,
    no_object,
    null,
    truncated,
    nested,
    no_text,
    wrong_types,
    wrong_leaves,
    other_answer,  ///< that of the exchange before
    page_after,    ///< HTML with a status, as a gateway has it
    // an answer in place of the platform, which was not asked
    status,
    page,
    far_retry,
};
struct NamedWay {
    Way way;
    const char* name;
    unsigned status = 0;
    bool must_end_well = false;  ///< if it can be repeated

    /// Whether the platform is asked.
    constexpr bool arrives() const noexcept { return way != Way::unsent && way < Way::status; }
    /// Whether the answer is the test's, and may be a lie.
    constexpr bool answers() const noexcept { return way > Way::late; }
};
inline constexpr NamedWay all_ways[] = {
    {Way::unsent, "not sent", 0, true},
    {Way::lost, "the answer is lost", 0, true},
    {Way::late, "no answer in time"},
    {Way::no_json, "an answer that is no JSON"},
    {Way::no_body, "an answer without a body"},
    {Way::no_members, "an answer without members"},
    {Way::no_object, "a list for an answer"},
    {Way::null, "null for an answer"},
    {Way::truncated, "half an answer"},
    {Way::nested, "an answer of brackets"},
    {Way::no_text, "an answer that is no UTF-8"},
    {Way::wrong_types, "members of other types"},
    {Way::wrong_leaves, "values of other types"},
    {Way::other_answer, "the answer of the exchange before"},
    {Way::page_after, "done, and a page with 500", 500},
    {Way::page_after, "done, and a page with 502", 502},
    {Way::page_after, "done, and a page with 504", 504},
    {Way::status, "204", 204},
    {Way::status, "302", 302},
    {Way::status, "400", 400},
    {Way::status, "401", 401},
    {Way::status, "403", 403},
    {Way::status, "404", 404},
    {Way::status, "409", 409},
    {Way::status, "412", 412},
    {Way::status, "413", 413},
    {Way::status, "429", 429, true},
    {Way::status, "500", 500},
    {Way::status, "502", 502},
    {Way::status, "503", 503, true},
    {Way::status, "504", 504},
    {Way::page, "a page with 404", 404},
    {Way::page, "a page with 503", 503},
    {Way::far_retry, "429 until tomorrow", 429},
};

/// Turns each value into one of another type: the members alone, or all that hold no others.
inline boost::json::value of_other_type(const boost::json::value& value, bool leaves) {
    using boost::json::kind;
    if (leaves && value.is_object()) {
        boost::json::object out;
        for (const auto& [name, member] : value.get_object()) out[name] = of_other_type(member, true);
        return out;
    }
    if (leaves && value.is_array()) {
        boost::json::array out;
        for (const auto& element : value.get_array()) out.push_back(of_other_type(element, true));
        return out;
    }
    switch (value.kind()) {
        case kind::string: return -7;
        case kind::object: return boost::json::array{};
        case kind::array: return boost::json::object{};
        case kind::null: return true;
        default: return "text";
    }
}
inline std::string of_other_types(const std::string& body, bool leaves) {
    boost::system::error_code failed;
    auto value = boost::json::parse(body, failed);
    if (failed) return "7";
    if (leaves || !value.is_object()) return boost::json::serialize(of_other_type(value, leaves));
    for (auto& member : value.get_object()) member.value() = of_other_type(member.value(), false);
    return boost::json::serialize(value);
}

/// Makes what is answered in place of a platform's answer. `before` is the body of the exchange before.
inline void spoil_answer(const NamedWay& named, blueprint::faas::HttpResponse& answer, const std::string& before) {
    switch (named.way) {
        case Way::no_json: answer.body = "<html>"; break;
        case Way::no_body: answer.body.clear(); break;
        case Way::no_object: answer.body = "[]"; break;
        case Way::null: answer.body = "null"; break;
        case Way::truncated: answer.body.resize(answer.body.size() / 2); break;
        case Way::nested: answer.body = std::string(5000, '['); break;
        case Way::no_text: answer.body = "{\"\xff\xfe\": \"\xc3\x28\"}"; break;
        case Way::wrong_types: answer.body = of_other_types(answer.body, false); break;
        case Way::wrong_leaves: answer.body = of_other_types(answer.body, true); break;
        case Way::other_answer: answer.body = before; break;
        case Way::page_after:
        case Way::page:
            answer = {};
            answer.status = named.status;
            answer.headers.set("Content-Type", "text/html");
            answer.body = "<html><body><h1>Error</h1></body></html>";
            break;
        case Way::status:
        case Way::far_retry:
            answer = {};
            answer.status = named.status;
            if (named.status == 302) answer.headers.set("Location", "https://elsewhere.invalid/");
            if (named.way == Way::far_retry) answer.headers.set("Retry-After", "86400");
            break;
        default: answer.body = "{}";
    }
}

}  // namespace tests

#endif
