#ifndef BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_IMPL_DOCTL_CONFIG_IPP
#define BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_IMPL_DOCTL_CONFIG_IPP

#include "blueprint/faas/auth/digitalocean/doctl_config.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/http.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace blueprint::faas::detail::doctl_config {

/// Takes scalars off the front of a line: a key, or a value. What stands in quotes is wiped when it goes.
class Line {
public:
    explicit Line(std::string_view text) noexcept : rest_{text} {}

    /// Reads a bare or quoted scalar; nothing, and `why` says why, if there is something else. A bare key ends at a
    /// colon that nothing follows, or a blank; a bare value with the line, or at a comment.
    BLUEPRINT_FAAS_COLD std::optional<Secret> scalar(bool key) {
        if (rest_.empty()) return Secret{};
        if (rest_.front() == '"') return double_quoted();
        if (rest_.front() == '\'') return single_quoted();
        // What a bare scalar cannot begin with has a meaning that is none of ours: lists, anchors, tags, blocks.
        const bool mark = std::string_view{"-?:"}.find(rest_.front()) != std::string_view::npos &&
                          (rest_.size() == 1 || is_blank(rest_[1]));
        if (mark || std::string_view{"&*!|>{}[],%@`"}.find(rest_.front()) != std::string_view::npos)
            return refused("is neither bare text nor text in quotes");
        std::size_t end = 0;
        for (; end < rest_.size(); ++end) {
            const bool before_end = end + 1 == rest_.size() || is_blank(rest_[end + 1]);
            if (rest_[end] == ':' && before_end && key) break;
            if (rest_[end] == ':' && before_end) return refused("has a colon; put the value in quotes");
            if (rest_[end] == '#' && end > 0 && is_blank(rest_[end - 1])) break;
        }
        const auto text = trimmed(rest_.substr(0, end));
        rest_.remove_prefix(text.size());  // the blanks tell whether a comment follows
        if (!key && (text == "~" || text == "null" || text == "Null" || text == "NULL")) return Secret{};
        return Secret{text};
    }
    /// Takes the colon behind a key, and the blanks and the comment that follow it.
    BLUEPRINT_FAAS_COLD bool colon() {
        skip_blanks();
        if (!rest_.starts_with(':') || (rest_.size() > 1 && !is_blank(rest_[1]))) return false;
        rest_.remove_prefix(1);
        skip_blanks();
        if (rest_.starts_with('#')) rest_ = {};
        return true;
    }
    /// Tells whether nothing follows but a comment.
    BLUEPRINT_FAAS_COLD bool ends() {
        const bool blank = rest_.empty() || is_blank(rest_.front());
        skip_blanks();
        return rest_.empty() || (blank && rest_.front() == '#');
    }
    std::string_view rest() const noexcept { return rest_; }
    const char* why() const noexcept { return why_; }

private:
    static constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
    void skip_blanks() noexcept { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }
    std::nullopt_t refused(const char* why) noexcept {
        why_ = why;
        return std::nullopt;
    }
    BLUEPRINT_FAAS_COLD std::optional<Secret> single_quoted() {
        std::string text;
        text.reserve(rest_.size());  // so that no copy is left behind
        for (std::size_t at = 1; at < rest_.size(); ++at) {
            if (rest_[at] == '\'') {
                if (at + 1 == rest_.size() || rest_[at + 1] != '\'') {
                    rest_.remove_prefix(at + 1);
                    return Secret{std::move(text)};
                }
                ++at;
            }
            text += rest_[at];
        }
        wipe(text);
        return refused("has a quote that is not closed on its line");
    }
    BLUEPRINT_FAAS_COLD std::optional<Secret> double_quoted() {
        std::string text;
        text.reserve(rest_.size() * 2);
        for (std::size_t at = 1; at < rest_.size(); ++at) {
            if (rest_[at] == '"') {
                rest_.remove_prefix(at + 1);
                return Secret{std::move(text)};
            }
            if (rest_[at] != '\\') {
                text += rest_[at];
                continue;
            }
            const auto taken = escape(rest_.substr(at + 1), text);
            if (taken == 0) break;
            at += taken;
        }
        wipe(text);
        return refused("has a quote that is not closed on its line, or an escape that is not read");
    }
    /// Writes what an escape means and returns how many characters it has; 0: it is none.
    BLUEPRINT_FAAS_COLD static std::size_t escape(std::string_view escaped, std::string& out) {
        static constexpr std::string_view names = "0abtnvfre \"/\\";
        static constexpr std::string_view values{"\0\a\b\t\n\v\f\r\x1b \"/\\", 13};
        if (escaped.empty()) return 0;
        if (const auto at = names.find(escaped.front()); at != std::string_view::npos) {
            out += values[at];
            return 1;
        }
        const std::size_t digits = escaped.front() == 'x'   ? 2
                                   : escaped.front() == 'u' ? 4
                                   : escaped.front() == 'U' ? 8
                                                            : 0;
        if (digits == 0 || escaped.size() < digits + 1) return 0;
        std::uint32_t code = 0;
        const char* const begin = escaped.data() + 1;
        const auto [end, failed] = std::from_chars(begin, begin + digits, code, 16);
        if (failed != std::errc{} || end != begin + digits) return 0;
        if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
        append_utf8(code, out);
        return digits + 1;
    }

    // Source: RFC 3629, section 3.
    BLUEPRINT_FAAS_COLD static void append_utf8(std::uint32_t code, std::string& out) {
        const auto byte = [&out](std::uint32_t bits) { out += static_cast<char>(static_cast<unsigned char>(bits)); };
        if (code < 0x80) return byte(code);
        if (code < 0x800) {
            byte(0xc0U | code >> 6U);
        } else {
            if (code < 0x10000) {
                byte(0xe0U | code >> 12U);
            } else {
                byte(0xf0U | code >> 18U);
                byte(0x80U | (code >> 12U & 0x3fU));
            }
            byte(0x80U | (code >> 6U & 0x3fU));
        }
        byte(0x80U | (code & 0x3fU));
    }

    std::string_view rest_;
    const char* why_ = "";
};

/// Goes through a file line by line.
class Reader {
public:
    explicit Reader(const std::string& path) noexcept : path_{path} {}

    BLUEPRINT_FAAS_COLD result<digitalocean::DoctlConfig> read(std::string_view text) {
        if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
        while (!text.empty()) {
            auto line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(line.size() + 1, text.size()));
            if (line.ends_with('\r')) line.remove_suffix(1);
            ++number_;
            auto taken = take(line);
            if (!taken) return std::move(taken).error();
        }
        return std::move(config_);
    }

private:
    enum class Inside : std::uint8_t { nothing, scalar, contexts, foreign };

    Error wrong(std::string_view why) const {
        return Error{.code = errc::invalid_configuration,
                     .message = "the file '" + path_ + "', line " + std::to_string(number_) + ": " + std::string{why},
                     .execution = Execution::not_started};
    }
    BLUEPRINT_FAAS_COLD result<void> take(std::string_view line) {
        const auto indent = std::min(line.find_first_not_of(' '), line.size());
        line.remove_prefix(indent);
        if (line.empty() || (indent > 0 && inside_ == Inside::foreign)) return {};
        if (trimmed(line).empty() || line.front() == '#') return {};
        if (line.front() == '\t') return wrong("it begins with a tab, which YAML does not take for indentation");
        if (indent > 0) return take_below(line, indent);
        if (line.starts_with("---") && Line{line.substr(3)}.ends()) {
            if (begun_) return wrong("a second document begins; doctl's file has one");
            return {};
        }
        if (line == "...") return wrong("the document ends; doctl's file is one document");
        begun_ = true;
        // A list may stand at the same depth as the key that it belongs to.
        const bool item = line == "-" || line.starts_with("- ");
        if (item && inside_ == Inside::foreign) return {};
        return take_top(line);
    }
    BLUEPRINT_FAAS_COLD result<void> take_top(std::string_view text) {
        Line line{text};
        auto key = read_key(line);
        if (!key) return std::move(key).error();
        if (*key == "access-token") {
            if (std::exchange(has_token_, true)) return wrong("'access-token' is there twice");
            return take_scalar(line, config_.access_token);
        }
        if (*key == "context") {
            if (std::exchange(has_context_, true)) return wrong("'context' is there twice");
            Secret name;
            auto taken = take_scalar(line, name);
            config_.context = lower(name.reveal());
            return taken;
        }
        inside_ = Inside::foreign;
        if (*key == "<<") return wrong("it merges another part of the file (<<), which is not read");
        if (*key != "auth-contexts") return {};
        if (std::exchange(has_contexts_, true)) return wrong("'auth-contexts' is there twice");
        inside_ = Inside::contexts;
        if (line.ends()) return {};
        // What stands on the line can only say that there are none.
        if (line.rest().starts_with("{}")) {
            inside_ = Inside::scalar;
            if (Line after{line.rest().substr(2)}; after.ends()) return {};
        } else if (auto value = line.scalar(false); value && value->empty() && line.ends()) {
            return {};
        }
        return wrong("the value of 'auth-contexts' is not one name and token a line below it");
    }
    BLUEPRINT_FAAS_COLD result<void> take_below(std::string_view text, std::size_t indent) {
        if (inside_ == Inside::nothing) return wrong("it is indented, and there is no key above it");
        if (inside_ == Inside::scalar) return wrong("it goes on with a value that ends on the line above");
        if (depth_ == 0) depth_ = indent;
        if (indent != depth_) return wrong("it is not indented as the other names below 'auth-contexts' are");
        Line line{text};
        auto name = read_key(line);
        if (!name) return std::move(name).error();
        Secret token;
        auto taken = take_value(line, token);
        if (taken && !config_.contexts.try_emplace(std::move(*name), std::move(token)).second)
            return wrong("a name below 'auth-contexts' is there twice");
        return taken;
    }
    BLUEPRINT_FAAS_COLD result<std::string> read_key(Line& line) const {
        const auto key = line.scalar(true);
        if (!key) return wrong(std::string{"the key "} + line.why());
        if (key->empty() || !line.colon()) return wrong("it is no 'key: value'");
        return lower(key->reveal());
    }
    BLUEPRINT_FAAS_COLD result<void> take_scalar(Line& line, Secret& value) {
        inside_ = Inside::scalar;
        return take_value(line, value);
    }
    BLUEPRINT_FAAS_COLD result<void> take_value(Line& line, Secret& value) const {
        auto text = line.scalar(false);
        if (!text) return wrong(std::string{"the value "} + line.why());
        if (!line.ends()) return wrong("something follows the value");
        value = std::move(*text);
        return {};
    }
    static std::string lower(std::string_view text) {
        std::string lowered{text};
        std::transform(lowered.begin(), lowered.end(), lowered.begin(), ascii_lower);
        return lowered;
    }

    const std::string& path_;
    digitalocean::DoctlConfig config_{};
    std::size_t number_ = 0;
    std::size_t depth_ = 0;  // of the names below 'auth-contexts'; 0: none has come
    Inside inside_ = Inside::nothing;
    bool begun_ = false;
    bool has_token_ = false;
    bool has_context_ = false;
    bool has_contexts_ = false;
};

}  // namespace blueprint::faas::detail::doctl_config

namespace blueprint::faas::digitalocean {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<DoctlConfig> read_doctl_config(const Secret& text,
                                                                              const std::string& path) {
    faas::detail::doctl_config::Reader reader{path};
    return reader.read(text.reveal());
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string doctl_config_path(const faas::Environment& environment,
                                                                      System system) {
    const auto below = [&](const char* variable, const char* path) {
        auto directory = environment.variable(variable).value_or("");
        return directory.empty() ? directory : directory + path;
    };
    if (auto named = environment.variable("DIGITALOCEAN_CONFIG").value_or(""); !named.empty()) return named;
    if (system == System::macos) return below("HOME", "/Library/Application Support/doctl/config.yaml");
    if (system == System::windows) return below("APPDATA", "\\doctl\\config.yaml");
    auto path = below("XDG_CONFIG_HOME", "/doctl/config.yaml");
    return path.empty() ? below("HOME", "/.config/doctl/config.yaml") : path;
}

}  // namespace blueprint::faas::digitalocean

#endif
