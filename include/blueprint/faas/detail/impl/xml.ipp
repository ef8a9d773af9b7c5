#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_XML_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_XML_IPP

#include "blueprint/faas/detail/xml.hpp"

// Boost.PropertyTree's reader without its tree: it works in our own buffer, which is wiped, and is a twentieth of what
// <boost/property_tree/xml_parser.hpp> takes to compile.
#include <boost/property_tree/detail/rapidxml.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace xml {

// Says why the text is not for the parser, which calls itself for each level; empty: it is. An end tag that ends
// nothing counts as a level less for us and is an error for the parser, so real levels are never more than these.
BLUEPRINT_FAAS_COLD inline std::string_view look_over(std::string_view text) noexcept {
    constexpr std::size_t most_bytes = 256U * 1024;
    constexpr int most_levels = 16;
    if (text.size() > most_bytes) return "it has more than 256 KiB";
    if (text.find('\0') != std::string_view::npos) return "it holds a NUL";
    int levels = 0;
    for (auto at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
        ++at;
        const char kind = at < text.size() ? text[at] : '\0';
        if (kind == '!') return "it holds a comment, CDATA or a document type";
        std::size_t end = at;
        while (end < text.size() && text[end] != '>') {
            if (text[end] == '<') return "it holds a tag within a tag";
            if (text[end] == '"' || text[end] == '\'') {
                const auto closing = text.find(text[end], end + 1);
                if (closing == std::string_view::npos) return "a quote in a tag has no end";
                if (text.substr(end, closing - end).find_first_of("<>") != std::string_view::npos)
                    return "it holds a tag within quotes";
                end = closing;
            }
            ++end;
        }
        if (end >= text.size()) return "a tag has no end";
        if (kind == '/') {
            if (--levels < 0) return "a tag is closed that was not opened";
        } else if (kind == '?') {  // for the parser it ends at "?>" alone
            if (text[end - 1] != '?' || end - at < 2) return "a processing instruction has no end";
        } else if (text[end - 1] != '/') {
            if (++levels > most_levels) return "its elements are nested too deep";
        }
        at = end;
    }
    return levels == 0 ? std::string_view{} : "a tag is not closed";
}

namespace reader = boost::property_tree::detail::rapidxml;

BLUEPRINT_FAAS_COLD inline XmlElement taken(const reader::xml_node<char>& node) {
    XmlElement element;
    element.name.assign(node.name(), node.name_size());
    Secret text;
    for (const auto* child = node.first_node(); child != nullptr; child = child->next_sibling()) {
        if (child->type() == reader::node_element) {
            element.children.push_back(taken(*child));
        } else if (child->type() == reader::node_data) {
            const std::string_view piece{child->value(), child->value_size()};
            text = text.empty() ? Secret{piece} : text.reveal() + Secret{piece};
        }
    }
    element.text = std::move(text);
    return element;
}

// Nothing: the text is no XML with one root element.
BLUEPRINT_FAAS_COLD inline std::optional<XmlElement> root_of(std::string& buffer) {
    constexpr int flags =
        reader::parse_normalize_whitespace | reader::parse_trim_whitespace | reader::parse_validate_closing_tags;
    reader::xml_document<char> document;
    try {
        document.parse<flags>(buffer.data());
    } catch (const reader::parse_error&) {  // its text would tell no more than this
        return std::nullopt;
    }
    const auto* const first = document.first_node();
    if (first == nullptr || first->type() != reader::node_element || first->next_sibling() != nullptr)
        return std::nullopt;
    return taken(*first);
}

}  // namespace xml

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<XmlElement> read_xml(std::string_view text) {
    const auto refuse = [](std::string_view why) {
        return Error{.code = errc::serialization,
                     .message = std::string{"an XML document cannot be read: "}.append(why),
                     .execution = Execution::not_started};
    };
    const auto bad = xml::look_over(text);
    if (!bad.empty()) return refuse(bad);
    std::string buffer{text};  // the reader puts ends and replaced entities into it
    auto root = xml::root_of(buffer);
    wipe(buffer);
    if (!root) return refuse("it is not well-formed, or has not exactly one root element");
    return std::move(*root);
}

}  // namespace blueprint::faas::detail

#endif
