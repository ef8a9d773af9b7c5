#ifndef BLUEPRINT_FAAS_DETAIL_WIPED_JSON_HPP
#define BLUEPRINT_FAAS_DETAIL_WIPED_JSON_HPP

#include "blueprint/faas/secret.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// Memory of a JSON document that holds a secret: wiped before it is given back. It outlives the document.
class WipedMemory {
public:
    explicit WipedMemory(std::size_t text_bytes) : buffer_(text_bytes * 8 + 4096), resource_{buffer_.data(), size()} {}
    WipedMemory(const WipedMemory&) = delete;
    WipedMemory& operator=(const WipedMemory&) = delete;
    ~WipedMemory() { wipe(buffer_.data(), buffer_.size()); }
    boost::json::storage_ptr storage() noexcept { return &resource_; }

private:
    std::size_t size() const noexcept { return buffer_.size(); }
    std::vector<unsigned char> buffer_;
    boost::json::monotonic_resource resource_;
};

/// Returns a text of `object`; empty if there is no such member, or it is no text.
inline std::string_view text_in(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string_view{*text} : std::string_view{};
}

}  // namespace blueprint::faas::detail

#endif
