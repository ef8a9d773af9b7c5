#ifndef BLUEPRINT_FAAS_DETAIL_SHELL_WORDS_HPP
#define BLUEPRINT_FAAS_DETAIL_SHELL_WORDS_HPP

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// Splits `text` into words as a shell does: at blanks, with '...' and "..." around blanks that belong to a word, and a
/// backslash before a character that means itself. Nothing is expanded: no variables, no patterns, no comments. Nothing
/// if a quote is not closed, or a backslash ends the text. Source: POSIX, Shell Command Language, 2.2 "Quoting".
inline std::optional<std::vector<std::string>> shell_words(std::string_view text) {
    std::vector<std::string> words;
    bool in_word = false;
    char quote = '\0';
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (quote == '\0' && blank) {
            in_word = false;
            continue;
        }
        if (!in_word) words.emplace_back();
        in_word = true;
        std::string& word = words.back();
        if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'') {
            if (++at == text.size()) return std::nullopt;
            if (quote == '"' && text[at] != '"' && text[at] != '\\') word += '\\';
            word += text[at];
        } else {
            word += c;
        }
    }
    if (quote != '\0') return std::nullopt;
    return words;
}

}  // namespace blueprint::faas::detail

#endif
