#ifndef BLUEPRINT_FAAS_DETAIL_REDACT_HPP
#define BLUEPRINT_FAAS_DETAIL_REDACT_HPP

#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Takes `secret` out of `text`, wherever it stands.
BLUEPRINT_FAAS_COLD inline void redact(std::string& text, std::string_view secret) {
    static constexpr std::string_view mark = "[redacted]";
    if (secret.size() < 6) return;  // short values are everyday words; a credential is longer
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + mark.size()))
        text.replace(at, secret.size(), mark);
}

/// Takes out of `text` whatever stands in a header field of the request, so that a platform which echoes a request in
/// its error answer does not put our credential into a message or a log.
BLUEPRINT_FAAS_COLD inline void redact(std::string& text, const Headers& sent) {
    for (auto lines = sent.text(); !lines.empty();) {
        const auto line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(line.size() + 2);
        const auto name = line.substr(0, line.find(':'));
        if (iequals(name, "Accept") || iequals(name, "Content-Type")) continue;
        const auto value = line.substr(name.size() + 2);
        redact(text, value);
        if (const auto blank = value.find(' '); blank != std::string_view::npos) redact(text, value.substr(blank + 1));
    }
}

BLUEPRINT_FAAS_COLD inline void redact(Error& error, const Headers& sent) {
    redact(error.message, sent);
    redact(error.platform_code, sent);
}

}  // namespace blueprint::faas::detail

#endif
