#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_PEERS_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_PEERS_HPP

#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// Which addresses a client may connect to. Names are judged by what they were looked up to.
enum class Peers : std::uint8_t {
    all,
    loopback,  ///< this machine
    metadata,  ///< this machine, and where AWS puts the metadata services of an instance, a task or a pod
};

inline Error connect_error(errc code, std::string message, bool retryable) {
    return Error{
        .code = code, .message = std::move(message), .retryable = retryable, .execution = Execution::not_started};
}

/// Tells whether `address` is in 169.254.0.0/16 or fd00:ec2::/32. No router passes the former on, and AWS alone the
/// latter. An IPv4 address written as IPv6 is neither: nobody has reason to write it so.
/// Source: Amazon EC2 User Guide, "Access instance metadata for an EC2 instance"; Amazon ECS Developer Guide, "Task IAM
/// role"; Amazon EKS User Guide, "Learn how EKS Pod Identity grants pods access to AWS services".
inline bool is_metadata_address(const asio::ip::address& address) {
    if (address.is_v4()) return (address.to_v4().to_uint() >> 16U) == 0xa9feU;
    const auto bytes = address.to_v6().to_bytes();
    return bytes[0] == 0xfd && bytes[1] == 0x00 && bytes[2] == 0x0e && bytes[3] == 0xc2;
}

inline bool allows(Peers peers, const asio::ip::address& address) {
    if (peers == Peers::all || address.is_loopback()) return true;
    return peers == Peers::metadata && is_metadata_address(address);
}

/// Makes the error of an origin that has no address which is allowed.
inline Error refused_peer(Peers peers, const Origin& origin) {
    if (peers == Peers::metadata)
        return connect_error(errc::invalid_configuration,
                             to_string(origin) +
                                 " is neither this machine nor a metadata address (169.254.0.0/16, fd00:ec2::/32): "
                                 "plain HTTP goes nowhere else, use https://",
                             false);
    return connect_error(
        errc::invalid_configuration,
        to_string(origin) + " is not this machine: plain HTTP goes to loopback only, use HttpsTransport", false);
}

}  // namespace blueprint::faas::detail

#endif
