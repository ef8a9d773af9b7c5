#ifndef BLUEPRINT_FAAS_TESTS_CONFORMANCE_FUNCTIONS_HPP
#define BLUEPRINT_FAAS_TESTS_CONFORMANCE_FUNCTIONS_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "support/raw_zip.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Packages made in memory. The functions are shell scripts that need nothing but POSIX, so that any platform can run
// them.
namespace blueprint::faas::conformance {

inline std::string zip_of(const std::vector<std::pair<std::string, std::string>>& files) {
    ZipWriter writer;
    for (const auto& [path, text] : files)
        if (auto added = writer.add(path, detail::bytes_of(text), path == "bootstrap" ? 0755 : 0644); !added)
            throw std::logic_error{added.error().message};
    const auto zip = writer.finish();
    return std::string{detail::text_of(zip)};
}

/// A package whose `bootstrap` is this shell script.
inline std::string script_package(std::string_view script) {
    return zip_of({{"bootstrap", "#!/bin/sh\n" + std::string{script} + '\n'}});
}

inline std::string raw_zip(std::vector<test::RawEntry> entries) {
    const auto bytes = test::build({.entries = std::move(entries)});
    return std::string{detail::text_of(bytes)};
}

/// Answers with the bytes that it was called with.
constexpr std::string_view echo_script = R"(sed -e 's/.*"args" *: *\(\[[^]]*\]\).*/{"result":\1}/')";
constexpr std::string_view answer_7 = "cat > /dev/null; echo '{\"result\":[7]}'";
/// Put before a command: `... | tell` answers with what the command writes.
constexpr std::string_view telling =
    R"(tell() { printf '{"result":['; od -An -v -tu1 | tr -s ' \n' ',,' | sed 's/^,//; s/,$//'; printf ']}\n'; }
)";

/// Sleeps in a child whose command line holds `marker`.
inline std::string sleep_marked(const std::string& marker, unsigned seconds) {
    return "sh -c 'sleep " + std::to_string(seconds) + "; :' " + marker;
}

/// Answers [1] if a process whose command line holds `marker` is there, else [0].
inline std::string look_for(const std::string& marker) {
    // The brackets keep the pattern from finding the one who searches.
    return "cat > /dev/null; n=0; for f in /proc/[0-9]*/cmdline; do if tr '\\000' ' ' < $f 2>/dev/null | grep -q '[" +
           marker.substr(0, 1) + ']' + marker.substr(1) + "'; then n=1; fi; done; echo \"{\\\"result\\\":[$n]}\"";
}

}  // namespace blueprint::faas::conformance

#endif
