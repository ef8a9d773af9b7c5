#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_JSON_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_RUN_JSON_HPP

// Included by the files of the Cloud Run codec in impl/ alone.

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/json/serializer.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <string_view>

namespace blueprint::faas::detail::gcp_run {

/// Hands the text of a value on piece by piece, so that no copy of it is left behind.
template <class Take>
BLUEPRINT_FAAS_COLD void write_json(const boost::json::value& value, Take take) {
    std::array<char, 4096> buffer{};
    boost::json::serializer serializer;
    serializer.reset(&value);
    while (!serializer.done()) take(std::string_view{serializer.read(buffer.data(), buffer.size())});
    wipe(buffer.data(), buffer.size());
}

}  // namespace blueprint::faas::detail::gcp_run

#endif
