#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_XML_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_XML_HPP

// XML as STS and S3 write it. Included by the files of the local AWS alone.

#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Writes `<name>text</name>` with the text escaped; what XML 1.0 cannot hold becomes '?'.
inline std::string xml_element(std::string_view name, std::string_view text) {
    std::string out{"<"};
    out.append(name).append(1, '>');
    for (const char c : text) {
        switch (c) {
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '&': out += "&amp;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n' ? c : '?';
        }
    }
    return out.append("</").append(name).append(1, '>');
}

/// Writes `<name>` around XML.
inline std::string xml_around(std::string_view name, std::string_view content) {
    return std::string{"<"}.append(name).append(1, '>').append(content).append("</").append(name).append(1, '>');
}

}  // namespace blueprint::faas::local

#endif
