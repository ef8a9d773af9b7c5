#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_STRANGERS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_STRANGERS_IPP

#include "blueprint/faas/local/strangers.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>

namespace blueprint::faas::local {

/// The name or address in a field Host, in small letters and without the port.
inline std::string host_name(std::string_view field) {
    auto name = field.starts_with('[') ? field.substr(1, field.find(']') - 1) : field.substr(0, field.find(':'));
    if (name.ends_with('.')) name.remove_suffix(1);
    std::string out{name};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

inline bool names_this_machine(const std::string& name) {
    if (name == "localhost" || name.ends_with(".localhost")) return true;
    boost::system::error_code no_address;
    const auto address = boost::asio::ip::make_address(name, no_address);
    return !no_address && address.is_loopback();
}

BLUEPRINT_FAAS_DECL Strangers::Strangers(const CloudOptions& options) : any_name_{options.allow_non_loopback} {
    for (const auto& name : options.host_names) names_.push_back(host_name(name));
}

BLUEPRINT_FAAS_DECL std::string_view Strangers::refusal(const ServerRequest& head) const {
    // Browsers say where a page is from with all that changes something, and no client of a platform does.
    if (head.field("origin")) return "a page in a browser (the field Origin) may not ask for what needs no credential";
    // What only asks comes without Origin from a page whose name has been made to lead here: by that name, though.
    const auto host = head.field("host");
    if (!host || any_name_) return {};
    const auto name = host_name(*host);
    if (names_this_machine(name) || std::find(names_.begin(), names_.end(), name) != names_.end()) return {};
    return "what needs no credential is asked for by an address of this machine or as localhost, and not by another "
           "name (the field Host): start the server with a credential, or name it in CloudOptions::host_names "
           "(--host-name of the program local_cloud)";
}

}  // namespace blueprint::faas::local

#endif
