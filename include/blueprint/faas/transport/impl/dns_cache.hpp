#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_DNS_CACHE_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_DNS_CACHE_HPP

#include "blueprint/faas/deadline.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

using Addresses = std::vector<asio::ip::address>;

/// Remembers the addresses of names for a while. Failures are not remembered: a name may be made at any moment.
class DnsCache {
public:
    static constexpr std::size_t names = 256;

    explicit DnsCache(std::chrono::milliseconds ttl) : ttl_{ttl} {}

    /// Returns the addresses of `name`, unless they are too old; they live until the next call.
    const Addresses* find(const std::string& name, Deadline now) const {
        const auto found = by_name_.find(name);
        if (found == by_name_.end() || now >= found->second.until) return nullptr;
        return &found->second.addresses;
    }
    BLUEPRINT_FAAS_COLD void store(const std::string& name, Addresses addresses, Deadline now) {
        if (ttl_.count() <= 0 || addresses.empty()) return;
        by_name_.insert_or_assign(name, Known{std::move(addresses), now + ttl_});
        if (by_name_.size() <= names) return;
        by_name_.erase(std::min_element(by_name_.begin(), by_name_.end(),
                                        [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
    }
    void forget(const std::string& name) { by_name_.erase(name); }
    std::size_t size() const noexcept { return by_name_.size(); }

private:
    struct Known {
        Addresses addresses{};
        Deadline until{};
    };
    std::chrono::milliseconds ttl_;
    std::unordered_map<std::string, Known> by_name_;
};

/// Returns the addresses of a host that need no look-up: of a literal, and of localhost, which no name server is ever
/// asked for. Source: RFC 6761, section 6.3.
BLUEPRINT_FAAS_COLD inline std::optional<Addresses> addresses_without_lookup(const std::string& host) {
    boost::system::error_code no_literal;
    const auto literal = asio::ip::make_address(host, no_literal);
    if (!no_literal) return Addresses(1, literal);
    std::string_view name = host;
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name != "localhost" && !name.ends_with(".localhost")) return std::nullopt;
    Addresses loopback;
    loopback.push_back(asio::ip::address_v4::loopback());
    loopback.push_back(asio::ip::address_v6::loopback());
    return loopback;
}

/// Orders addresses for the race: the families take turns, beginning with that of the first address, and within a
/// family the system's order is kept. Source: RFC 8305, section 4.
BLUEPRINT_FAAS_COLD inline Addresses interleave(const Addresses& addresses) {
    Addresses first;
    Addresses second;
    for (const auto& address : addresses) {
        if (std::find(first.begin(), first.end(), address) != first.end() ||
            std::find(second.begin(), second.end(), address) != second.end())
            continue;
        (address.is_v6() == addresses.front().is_v6() ? first : second).push_back(address);
    }
    Addresses ordered;
    ordered.reserve(first.size() + second.size());
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) ordered.push_back(first[i]);
        if (i < second.size()) ordered.push_back(second[i]);
    }
    return ordered;
}

}  // namespace blueprint::faas::detail

#endif
