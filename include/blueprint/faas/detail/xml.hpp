#ifndef BLUEPRINT_FAAS_DETAIL_XML_HPP
#define BLUEPRINT_FAAS_DETAIL_XML_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// An element of an XML document, without its attributes. Its text is a `Secret`, because answers with credentials are
/// read by this.
struct XmlElement {
    std::string name{};
    Secret text{};  ///< its own, without blanks around it
    std::vector<XmlElement> children{};

    /// Returns the first element below at `path`, such as "Error/Code"; null if there is none. It lives as long as
    /// `*this`.
    const XmlElement* find(std::string_view path) const noexcept {
        const auto slash = path.find('/');
        for (const auto& child : children) {
            if (child.name != path.substr(0, slash)) continue;
            return slash == std::string_view::npos ? &child : child.find(path.substr(slash + 1));
        }
        return nullptr;
    }
    /// Returns the text of the element at `path`; empty if there is none.
    std::string_view text_at(std::string_view path) const noexcept {
        const auto* found = find(path);
        return found == nullptr ? std::string_view{} : found->text.reveal();
    }
};

/// Reads a document as AWS writes them: at most 256 KiB and 16 levels, no comments, no CDATA, no document types, all of
/// which is refused before a parser sees it. `errc::serialization` tells nothing of the text.
BLUEPRINT_FAAS_DECL result<XmlElement> read_xml(std::string_view text);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/xml.ipp"
#endif

#endif
