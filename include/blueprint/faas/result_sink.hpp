#ifndef BLUEPRINT_FAAS_RESULT_SINK_HPP
#define BLUEPRINT_FAAS_RESULT_SINK_HPP

#include "blueprint/faas/error.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace blueprint::faas {

/// Takes the result of a job piece by piece, in the coroutine of the call, so it must return soon. An error that it
/// returns ends the call and is the call's error.
using ResultSink = std::function<result<void>(std::span<const std::uint8_t> piece)>;

}  // namespace blueprint::faas

#endif
