#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_CONFIG_FILE_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_CONFIG_FILE_IPP

#include "blueprint/faas/auth/aws/config_file.hpp"
#include "blueprint/faas/detail/shell_words.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/http.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace blueprint::faas::detail {

/// Goes through a file line by line.
class ConfigReader {
public:
    ConfigReader(aws::ConfigFile& file, aws::ConfigFileKind kind) : file_{file}, kind_{kind} {}

    BLUEPRINT_FAAS_COLD result<void> read(std::string_view text) {
        if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // editors of Windows mark UTF-8 so
        while (!text.empty()) {
            const auto end = text.find('\n');
            auto line = text.substr(0, end);
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
            ++number_;
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (auto taken = take(line); !taken) return taken;
        }
        if (default_profile_) {
            auto& kept = file_.profiles["default"];
            if (!named_default_) kept = std::move(*default_profile_);
        }
        return {};
    }

private:
    Error wrong(std::string_view why) const {
        return Error{
            .code = errc::invalid_configuration,
            .message = "cannot read line " + std::to_string(number_) + " of '" + file_.path + "': " + std::string{why},
            .execution = Execution::not_started};
    }
    static bool begins_comment(char c) noexcept { return c == '#' || c == ';'; }
    static bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

    /// Cuts off a comment behind a blank. One in quotes is none: commands have such words.
    BLUEPRINT_FAAS_COLD static std::string_view without_comment(std::string_view text) noexcept {
        char quote = '\0';
        for (std::size_t at = 0; at < text.size(); ++at) {
            const char c = text[at];
            if (quote == '\0' && begins_comment(c) && (at == 0 || is_blank(text[at - 1]))) return text.substr(0, at);
            if (c == quote)
                quote = '\0';
            else if (quote == '\0' && (c == '"' || c == '\''))
                quote = c;
        }
        return text;
    }
    BLUEPRINT_FAAS_COLD static std::string key_of(std::string_view text) {
        std::string key{trimmed(text)};
        std::transform(key.begin(), key.end(), key.begin(), ascii_lower);
        return key;
    }

    BLUEPRINT_FAAS_COLD result<void> take(std::string_view line) {
        if (line.find('\0') != std::string_view::npos) return wrong("it holds a NUL byte; save the file as UTF-8 text");
        const auto content = trimmed(line);
        if (content.empty() || begins_comment(content.front())) return {};
        const auto indent = line.find_first_not_of(" \t");
        if (!key_.empty() && indent > indent_) return take_below(content);
        indent_ = indent;
        if (content.front() == '[') return take_section(content);
        return take_value(content);
    }

    BLUEPRINT_FAAS_COLD result<void> take_section(std::string_view content) {
        const bool quoting = kind_ == aws::ConfigFileKind::config;
        std::size_t close = 1;
        char quote = '\0';
        for (; close < content.size(); ++close) {
            const char c = content[close];
            if (c == ']' && quote == '\0') break;
            if (quoting && c == '\\' && quote != '\'') {
                ++close;  // the next character means itself
                continue;
            }
            if (quoting && c == quote)
                quote = '\0';
            else if (quoting && quote == '\0' && (c == '"' || c == '\''))
                quote = c;
        }
        if (quote != '\0') return wrong("a quote in the section's name is not closed");
        if (close >= content.size()) return wrong("the section's name does not end with ']'");
        const auto behind = trimmed(content.substr(close + 1));
        if (!behind.empty() && !begins_comment(behind.front())) return wrong("something stands behind the ']'");
        const auto name = trimmed(content.substr(1, close - 1));
        if (name.empty()) return wrong("the section has no name");
        key_.clear();
        section_ = &section_of(name);
        return {};
    }

    aws::ConfigSection& section_of(std::string_view name) {
        if (kind_ == aws::ConfigFileKind::credentials) return file_.profiles[std::string{name}];
        if (name == "default") {
            if (!default_profile_) default_profile_.emplace();
            return *default_profile_;
        }
        const auto words = shell_words(name);
        if (words && words->size() == 2) {
            const auto& kind = words->front();
            const auto& named = words->back();
            named_default_ = named_default_ || (kind == "profile" && named == "default");
            if (kind == "profile") return file_.profiles[named];
            if (kind == "sso-session") return file_.sso_sessions[named];
            if (kind == "services") return file_.services[named];
        }
        file_.other_sections.emplace_back(name);
        unread_ = {};
        return unread_;
    }

    BLUEPRINT_FAAS_COLD result<std::pair<std::string, std::string_view>> parted(std::string_view content) const {
        const auto equals = content.find('=');
        if (equals == std::string_view::npos) return wrong("there is no '=' between a key and its value");
        std::string key = key_of(content.substr(0, equals));
        if (key.empty()) return wrong("there is no key before the '='");
        return std::pair{std::move(key), trimmed(without_comment(content.substr(equals + 1)))};
    }

    BLUEPRINT_FAAS_COLD result<void> take_value(std::string_view content) {
        if (section_ == nullptr) return wrong("it stands before the first section, such as [default]");
        auto parts = parted(content);
        if (!parts) return std::move(parts).error();
        key_ = std::move(parts->first);
        section_->nested.erase(key_);
        section_->values[key_] = parts->second;
        return {};
    }

    /// A line below a key: one more pair if the key had no value, else more of that.
    BLUEPRINT_FAAS_COLD result<void> take_below(std::string_view content) {
        Secret& value = section_->values[key_];
        if (value.empty()) {
            auto parts = parted(content);
            if (!parts) return std::move(parts).error();
            section_->nested[key_][parts->first] = parts->second;
            return {};
        }
        std::string joined;
        joined.reserve(value.size() + content.size() + 1);
        joined.append(value.reveal()).append("\n").append(content);
        value = Secret{std::move(joined)};
        return {};
    }

    aws::ConfigFile& file_;
    aws::ConfigFileKind kind_;
    std::size_t number_ = 0;
    aws::ConfigSection* section_ = nullptr;
    std::string key_{};  // that indented lines belong to; empty: none
    std::size_t indent_ = 0;
    std::optional<aws::ConfigSection> default_profile_{};
    bool named_default_ = false;  // [profile default] came
    aws::ConfigSection unread_{};
};

}  // namespace blueprint::faas::detail

namespace blueprint::faas::aws {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string_view ConfigSection::text(std::string_view key) const noexcept {
    const auto found = values.find(key);
    return found == values.end() ? std::string_view{} : found->second.reveal();
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string_view ConfigSection::text(
    std::string_view key, std::string_view nested_key) const noexcept {
    const auto block = nested.find(key);
    if (block == nested.end()) return {};
    const auto found = block->second.find(nested_key);
    return found == block->second.end() ? std::string_view{} : found->second.reveal();
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<ConfigFile> read_config(const Secret& text, std::string path,
                                                                       ConfigFileKind kind) {
    ConfigFile file;
    file.path = std::move(path);
    file.present = true;
    faas::detail::ConfigReader reader{file, kind};
    if (auto done = reader.read(text.reveal()); !done) return std::move(done).error();
    return file;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool ConfigFiles::has_profile(std::string_view name) const noexcept {
    return config.profiles.contains(name) || credentials.profiles.contains(name);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL ConfigSection ConfigFiles::profile(std::string_view name) const {
    ConfigSection merged;
    if (const auto found = config.profiles.find(name); found != config.profiles.end()) merged = found->second;
    const auto found = credentials.profiles.find(name);
    if (found == credentials.profiles.end()) return merged;
    for (const auto& [key, value] : found->second.values) merged.values[key] = value;
    for (const auto& [key, block] : found->second.nested) merged.nested[key] = block;
    return merged;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error ConfigFiles::no_such_profile(std::string_view name,
                                                                           std::string_view wanted_by) const {
    const std::string shown = faas::detail::one_line(name);
    Error error{.code = errc::invalid_configuration, .execution = Execution::not_started};
    error.message = "there is no profile '" + shown + "', which " + std::string{wanted_by} + " names, ";
    if (!config.present && !credentials.present) {
        error.message += "because neither '" + config.path + "' nor '" + credentials.path + "' exists";
        return error;
    }
    error.message += "in '" + config.path + "' and '" + credentials.path + '\'';
    const auto stands = [&](const auto& sections, const std::string& text) {
        return std::find(sections.begin(), sections.end(), text) != sections.end();
    };
    const std::string bare{name};
    if (stands(config.other_sections, bare))
        error.message +=
            "; the config file has a section [" + shown + "], which must be called [profile " + shown + ']';
    else if (stands(config.other_sections, "profile " + bare))
        error.message += "; put the name in quotes there: [profile \"" + shown + "\"]";
    else if (credentials.profiles.contains("profile " + bare))
        error.message +=
            "; the credentials file has a section [profile " + shown + "], which must be called [" + shown + ']';
    else
        error.message += "; correct the name, or add the profile";
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string expand_home(std::string path,
                                                                const faas::Environment& environment) {
    if (!path.starts_with("~/")) return path;
    const auto home = environment.variable("HOME").value_or("");
    if (!home.empty()) path.replace(0, 1, home);
    return path;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<ConfigFiles> read_config_files(const faas::Environment& environment) {
    ConfigFiles files;
    const auto read = [&](ConfigFile& file, const char* variable, const char* usual,
                          ConfigFileKind kind) -> result<void> {
        std::string path = environment.variable(variable).value_or("");
        file.path = expand_home(path.empty() ? usual : std::move(path), environment);
        const auto text = environment.read_file(file.path);
        if (!text) return text.error();
        if (!*text) return {};
        auto whole = read_config(**text, file.path, kind);
        if (!whole) return std::move(whole).error();
        file = std::move(*whole);
        return {};
    };
    if (auto done = read(files.config, "AWS_CONFIG_FILE", "~/.aws/config", ConfigFileKind::config); !done)
        return std::move(done).error();
    if (auto done =
            read(files.credentials, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", ConfigFileKind::credentials);
        !done)
        return std::move(done).error();
    return files;
}

}  // namespace blueprint::faas::aws

#endif
