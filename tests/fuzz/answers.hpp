#ifndef BLUEPRINT_FAAS_TESTS_FUZZ_ANSWERS_HPP
#define BLUEPRINT_FAAS_TESTS_FUZZ_ANSWERS_HPP

#include "blueprint/faas/http.hpp"
#include "fuzz.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace blueprint::faas::fuzz {

/// Takes the next answer of a server from the front of an input, as people would write it down: "404", a line for each
/// field, an empty line, and the body up to the byte 0x1d or the end.
inline HttpResponse take_answer(Reader& reader) {
    HttpResponse answer;
    const auto first = reader.until('\n');
    unsigned status = 0;
    std::from_chars(first.data(), first.data() + first.size(), status);
    answer.status = status >= 200 && status <= 599 ? status : 200;
    for (auto line = reader.until('\n'); !line.empty(); line = reader.until('\n')) {
        const auto colon = std::min(line.find(':'), line.size());
        auto value = line.substr(std::min(colon + 1, line.size()));
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        answer.headers.add(line.substr(0, colon), value);
    }
    answer.body = reader.until('\x1d');
    return answer;
}

}  // namespace blueprint::faas::fuzz

#endif
