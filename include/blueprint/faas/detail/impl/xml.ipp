#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_XML_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_XML_IPP

#include "blueprint/faas/detail/xml.hpp"

#include <boost/property_tree/exceptions.hpp>
#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>

#include <cstddef>
#include <istream>
#include <streambuf>

namespace blueprint::faas::detail {

namespace xml {

// Reads the text where it stands: a string stream would make a copy that nobody wipes.
class TextBuffer : public std::streambuf {
public:
    explicit TextBuffer(std::string_view text) {
        auto* const begin = const_cast<char*>(text.data());
        setg(begin, begin, begin + text.size());
    }
};

// Says why the text is not for the parser, which calls itself for each level; empty: it is. An end tag that ends
// nothing counts as a level less for us and is an error for the parser, so real levels are never more than these.
inline std::string_view look_over(std::string_view text) noexcept {
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

// Moves out of the parser's tree and wipes it.
inline XmlElement taken(const std::string& name, boost::property_tree::ptree& tree) {
    XmlElement element;
    element.name = name;
    element.text = std::string_view{tree.data()};
    wipe(tree.data());
    for (auto& [child, below] : tree)
        if (child != "<xmlattr>") element.children.push_back(taken(child, below));
    return element;
}

}  // namespace xml

BLUEPRINT_FAAS_DECL result<XmlElement> read_xml(std::string_view text) {
    const auto refuse = [](std::string_view why) {
        return Error{.code = errc::serialization,
                     .message = std::string{"an XML document cannot be read: "}.append(why),
                     .execution = Execution::not_started};
    };
    const auto bad = xml::look_over(text);
    if (!bad.empty()) return refuse(bad);
    xml::TextBuffer buffer{text};
    std::istream stream{&buffer};
    boost::property_tree::ptree tree;
    try {
        boost::property_tree::read_xml(stream, tree, boost::property_tree::xml_parser::trim_whitespace);
    } catch (const boost::property_tree::ptree_error&) {  // its text would tell no more than this
        return refuse("it is not well-formed");
    }
    auto document = xml::taken({}, tree);
    if (document.children.size() != 1) return refuse("it has not exactly one root element");
    return std::move(document.children.front());
}

}  // namespace blueprint::faas::detail

#endif
