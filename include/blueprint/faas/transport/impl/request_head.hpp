#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_REQUEST_HEAD_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_REQUEST_HEAD_HPP

#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

namespace http_exchange {

inline void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

inline void write_host(std::string& out, const Origin& origin) {
    const bool v6 = origin.host.find(':') != std::string::npos;
    if (v6) out += '[';
    out += origin.host;
    if (v6) out += ']';
    if (origin.port == (origin.tls ? 443 : 80)) return;
    out += ':';
    append_number(out, origin.port);
}

// Makes room in `out` for a head and `more`. Growing while it is written would leave a credential behind.
inline void make_room(std::string& out, const HttpRequest& request, std::size_t more) {
    const auto enough = request.target.size() + request.origin.host.size() + request.headers.text().size() + more + 128;
    if (out.capacity() < enough) {
        wipe(out);
        std::string grown;
        grown.reserve(enough + enough / 2);
        out.swap(grown);
    }
    out.clear();
}

inline void write_head(std::string& out, const HttpRequest& request, std::size_t more = 0) {
    make_room(out, request, more);
    out.append(to_string(request.verb)).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
    write_host(out, request.origin);
    out += "\r\n";
    if (request.body.size() != 0 || request.verb == Verb::post || request.verb == Verb::put ||
        request.verb == Verb::patch) {
        out += "Content-Length: ";
        append_number(out, request.body.size());
        out += "\r\n";
    }
    if (request.accept_gzip) out.append("Accept-Encoding: gzip\r\n");
    out.append(request.headers.text()).append("\r\n");
}

}  // namespace http_exchange

}  // namespace blueprint::faas::detail

#endif
