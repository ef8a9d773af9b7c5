#ifndef BLUEPRINT_FAAS_TESTS_FUZZ_FIT_HPP
#define BLUEPRINT_FAAS_TESTS_FUZZ_FIT_HPP

#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"
#include "fuzz.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace blueprint::faas::fuzz {

/// One line for people, of bounded length, which says what went wrong and nothing that a terminal obeys.
inline void fit_for_people(const Error& error) {
    FAAS_REQUIRE(error.code.value() != 0);
    FAAS_REQUIRE(!error.message.empty());
    for (const std::string_view text : {std::string_view{error.message}, std::string_view{error.platform_code}}) {
        FAAS_REQUIRE(text.size() <= 2048);
        FAAS_REQUIRE(std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
    }
}

/// The same of a result, if it is an error. Tells whether it is a value.
template <class T>
bool fits(const result<T>& outcome) {
    if (!outcome) fit_for_people(outcome.error());
    return outcome.has_value();
}

/// Demands what holds of every refusal: `meant` is what an answer was taken for, nothing if it was taken for none.
inline void fit_refusal(const std::optional<Error>& meant, const HttpResponse& answer) {
    FAAS_REQUIRE(meant.has_value() == (answer.status >= 300));
    if (!meant) return;
    fit_for_people(*meant);
    FAAS_REQUIRE(meant->http_status == answer.status);
    FAAS_REQUIRE(meant->execution != Execution::started);
    FAAS_REQUIRE(!meant->retry_after || meant->retry_after->count() >= 0);
}

}  // namespace blueprint::faas::fuzz

#endif
