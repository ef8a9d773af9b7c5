#ifndef BLUEPRINT_FAAS_DETAIL_REDACT_HPP
#define BLUEPRINT_FAAS_DETAIL_REDACT_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Takes `secret` out of `text`, wherever it stands; of a long one also its beginning, because what a platform says may
/// have been cut.
BLUEPRINT_FAAS_COLD inline void redact(std::string& text, std::string_view secret) {
    static constexpr std::string_view mark = "[redacted]";
    static constexpr std::size_t telling = 20;
    if (secret.size() < 6) return;  // short values are everyday words; a credential is longer
    const auto lead = secret.substr(0, telling);
    for (auto at = text.find(lead); at != std::string::npos; at = text.find(lead, at + mark.size())) {
        const auto rest = std::string_view{text}.substr(at, secret.size());
        const auto same = std::mismatch(rest.begin(), rest.end(), secret.begin()).first - rest.begin();
        text.replace(at, static_cast<std::size_t>(same), mark);
    }
}

/// The same of what a Basic credential says when it is decoded: the password, and the name with it.
BLUEPRINT_FAAS_COLD inline void redact_pair(std::string& text, std::string_view encoded) {
    auto decoded = base64_decode(encoded);
    if (!decoded) return;
    const auto pair = text_of(*decoded);
    redact(text, pair);
    if (const auto colon = pair.find(':'); colon != std::string_view::npos) redact(text, pair.substr(colon + 1));
    wipe(decoded->data(), decoded->size());
}

/// Takes out of `text` whatever stands in a header field of the request, so that a platform which echoes a request in
/// its error answer does not put our credential into a message or a log.
BLUEPRINT_FAAS_COLD inline void redact(std::string& text, const Headers& sent) {
    for (auto lines = sent.text(); !lines.empty();) {
        const auto line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(line.size() + 2);
        const auto name = line.substr(0, line.find(':'));
        if (iequals(name, "Accept") || iequals(name, "Content-Type")) continue;
        // The caller's own, by which people find the call again.
        static constexpr std::string_view id = "request-id";
        if (name.size() >= id.size() && iequals(name.substr(name.size() - id.size()), id)) continue;
        const auto value = line.substr(name.size() + 2);
        redact(text, value);
        const auto blank = value.find(' ');
        if (blank == std::string_view::npos) continue;
        const auto credential = value.substr(blank + 1);
        redact(text, credential);
        if (iequals(value.substr(0, blank), "Basic")) redact_pair(text, credential);
    }
}

BLUEPRINT_FAAS_COLD inline void redact(Error& error, const Headers& sent) {
    redact(error.message, sent);
    redact(error.platform_code, sent);
    redact(error.request_id, sent);
    for (auto& line : error.stack_trace) redact(line, sent);
}

}  // namespace blueprint::faas::detail

#endif
