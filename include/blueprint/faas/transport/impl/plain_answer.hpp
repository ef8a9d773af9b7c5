#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_PLAIN_ANSWER_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_PLAIN_ANSWER_HPP

#include "blueprint/faas/detail/field_names.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/transport/impl/field_scan.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

/// Where the parts of an answer stand that is as plain as nearly all are.
struct PlainAnswer {
    enum class Kind : std::uint8_t {
        whole,       ///< all of it is there
        incomplete,  ///< so far it is plain
        other,       ///< for the parser: chunked, packed, interim, malformed, with blanks where nobody puts them
    };

    Kind kind = Kind::other;
    unsigned status = 0;
    bool keep_alive = true;
    std::string_view fields{};  ///< "Name: value\r\n" lines
    std::size_t body_bytes = 0;
    std::size_t head_bytes = 0;
};

namespace plain_answer {

// Which of the fields that may stand there once have been met.
struct Met {
    bool length = false;
    bool connection = false;
};

// Takes a field into account; false: it is for the parser.
inline bool take_field(std::string_view name, std::string_view value, PlainAnswer& answer, Met& met) noexcept {
    switch (name.size()) {
        case 14:
            if (!is_field(name, "content-length")) return true;
            if (std::exchange(met.length, true) || value.empty() || value.size() > 9) return false;
            for (const char digit : value) {
                if (digit < '0' || digit > '9') return false;
                answer.body_bytes = answer.body_bytes * 10 + static_cast<std::size_t>(digit - '0');
            }
            return true;
        case 10:
            if (!is_field(name, "connection")) return true;
            if (std::exchange(met.connection, true)) return false;
            answer.keep_alive = !iequals(value, "close");
            return !answer.keep_alive || iequals(value, "keep-alive");
        case 7: return !is_field(name, "upgrade") && !is_field(name, "trailer");
        case 16: return !is_field(name, "content-encoding") && !is_field(name, "proxy-connection");
        case 17: return !is_field(name, "transfer-encoding");
        default: return true;
    }
}

}  // namespace plain_answer

/// Finds the parts of the answer that `text` begins with, if it has the plain form: HTTP/1.1, a final status with a
/// body, its length, one blank before each value. For everything else there is the parser, which comes to the same of
/// what is plain. Source: RFC 9112, "Message Format".
inline PlainAnswer find_plain_answer(std::string_view text) noexcept {
    using namespace plain_answer;
    constexpr std::string_view version = "HTTP/1.1 ";
    constexpr std::size_t longest_head = 16 * 1024;
    PlainAnswer answer;
    const auto unfinished = [&](std::size_t at) {
        if (at >= text.size() && text.size() < longest_head) answer.kind = PlainAnswer::Kind::incomplete;
        return answer;
    };
    if (text.substr(0, version.size()) != version.substr(0, text.size())) return answer;
    std::size_t at = version.size();
    if (text.size() < at + 5) return unfinished(text.size());
    for (const auto end = at + 3; at < end; ++at) {
        if (text[at] < '0' || text[at] > '9') return answer;
        answer.status = answer.status * 10 + static_cast<unsigned>(text[at] - '0');
    }
    if (answer.status < 200 || answer.status == 204 || answer.status == 304 || text[at] != ' ') return answer;
    at = end_of_value(text, at);
    if (text.size() < at + 2) return unfinished(text.size());
    if (text[at] != '\r' || text[at + 1] != '\n') return answer;
    at += 2;
    const auto fields_at = at;
    Met met;
    for (;;) {
        if (text.size() < at + 2) return unfinished(text.size());
        if (text[at] == '\r' && text[at + 1] == '\n') break;
        const auto name_at = at;
        at = end_of_name(text, at);
        const auto name_end = at;
        if (text.size() < at + 3) return unfinished(text.size());
        if (name_end == name_at || text[at] != ':' || text[at + 1] != ' ') return answer;
        const auto value_at = at + 2;
        at = end_of_value(text, value_at);
        if (text.size() < at + 2) return unfinished(text.size());
        if (text[at] != '\r' || text[at + 1] != '\n') return answer;
        const auto value = text.substr(value_at, at - value_at);
        if (!value.empty() && (value.front() == ' ' || value.back() == ' ')) return answer;
        if (!take_field(text.substr(name_at, name_end - name_at), value, answer, met)) return answer;
        at += 2;
    }
    if (!met.length) return answer;
    answer.fields = text.substr(fields_at, at - fields_at);
    answer.head_bytes = at + 2;
    answer.kind =
        text.size() - answer.head_bytes >= answer.body_bytes ? PlainAnswer::Kind::whole : PlainAnswer::Kind::incomplete;
    return answer;
}

}  // namespace blueprint::faas::detail

#endif
