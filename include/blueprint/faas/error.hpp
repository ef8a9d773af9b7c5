#ifndef BLUEPRINT_FAAS_ERROR_HPP
#define BLUEPRINT_FAAS_ERROR_HPP

#include <boost/assert/source_location.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// Of Boost's result only the name is needed: see error_result.hpp.
namespace boost::system {
template <class T, class E>
class result;
}
namespace boost::variant2 {
template <std::size_t I>
struct in_place_index_t;
}

namespace blueprint::faas {

struct FaasMetrics;

/// Says what went wrong, and so what to do about it.
enum class errc {
    invocation_failed = 1,  ///< The platform refused the call for a reason of its own: read `Error::message`.
    function_error,         ///< The job ran and failed: read `Error::message`, fix the job.
    timed_out,              ///< No answer before the deadline: raise it, or look at the job's duration.
    throttled,              ///< The platform wants fewer calls: wait `Error::retry_after`.
    authentication,         ///< The platform does not know us or does not allow this: check the credential.
    not_found,              ///< No such function or job: deploy it, or add a route.
    conflict,               ///< Something of that name exists or is being changed: see `Error::message`.
    invalid_configuration,  ///< What was asked for cannot be: correct the value the message names.
    serialization,          ///< Bytes could not be read as what they should be: ours or the platform's.
    infrastructure,         ///< The network or the platform failed: try again, look at its status page.
    unsupported,            ///< This platform has no such operation.
    cancelled,              ///< The caller ended it: see `Error::execution` for whether the job may have run.
};

/// Tells whether the job's code may have run although the call failed, which decides if calling again is safe.
enum class Execution {
    unknown,      ///< The request may have arrived: the job may have run, or may still be running.
    not_started,  ///< Certain: no byte of the request was sent, or the platform refused before running the job.
    started,      ///< Certain: the platform says that the job ran.
};

/// The category of `errc`; its name is "blueprint.faas".
const boost::system::error_category& faas_category() noexcept;

inline boost::system::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), faas_category()};
}

}  // namespace blueprint::faas

template <>
struct boost::system::is_error_code_enum<blueprint::faas::errc> : std::true_type {};

namespace blueprint::faas {

/// What went wrong, where, and whether it may be tried again. No member ever holds a secret or a payload.
struct Error {
    boost::system::error_code code{};                        ///< of `faas_category()`; compare with an `errc`
    std::string message{};                                   ///< for a person: what was done, what came, what to do
    std::string_view provider{};                             ///< the executor's `provider_name()`; static lifetime
    unsigned http_status = 0;                                ///< 0: the platform gave no HTTP answer
    std::string platform_code{};                             ///< the platform's own name of the error, if it gave one
    std::string request_id{};                                ///< as the platform's support asks for it
    bool retryable = false;                                  ///< the same exchange may be sent again safely
    std::optional<std::chrono::milliseconds> retry_after{};  ///< what the platform asked us to wait
    Execution execution = Execution::unknown;                ///< whether the job may have run
    std::shared_ptr<const FaasMetrics> metrics{};            ///< what was measured of a failed call, if anything
    std::vector<std::string> stack_trace{};                  ///< of a job that failed, if its language tells
};

/// A value or an `Error`. `value()` of a failed one throws `FaasException`.
template <class T>
using result = boost::system::result<T, Error>;

/// Thrown by `result<T>::value()` on a failed result, and by nothing else of this library.
class FaasException : public std::runtime_error {
public:
    explicit FaasException(Error error) : std::runtime_error{error.message}, error_{std::move(error)} {}
    const Error& error() const noexcept { return error_; }

private:
    Error error_;
};

[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
    throw FaasException{error};
}

namespace detail {

class FaasCategory final : public boost::system::error_category {
public:
    constexpr FaasCategory() noexcept : error_category{0x626c7565'66616173ULL} {}
    const char* name() const noexcept override { return "blueprint.faas"; }
    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::invocation_failed: return "invocation failed";
            case errc::function_error: return "function error";
            case errc::timed_out: return "timed out";
            case errc::throttled: return "throttled";
            case errc::authentication: return "authentication failed";
            case errc::not_found: return "not found";
            case errc::conflict: return "conflict";
            case errc::invalid_configuration: return "invalid configuration";
            case errc::serialization: return "serialization failed";
            case errc::infrastructure: return "infrastructure failed";
            case errc::unsupported: return "unsupported";
            case errc::cancelled: return "cancelled";
        }
        return "unknown error";
    }
};

// The fixed id makes two copies (in two shared objects) compare equal.
inline constexpr FaasCategory faas_category_instance{};

}  // namespace detail

inline const boost::system::error_category& faas_category() noexcept { return detail::faas_category_instance; }

/// Prints one line: kind, message, and what identifies the failure to the platform's support.
inline std::ostream& operator<<(std::ostream& out, const Error& error) {
    out << error.code.message();
    if (!error.provider.empty()) out << " (" << error.provider << ')';
    out << ": " << error.message;
    if (error.http_status != 0) out << " [HTTP " << error.http_status << ']';
    if (!error.platform_code.empty()) out << " [" << error.platform_code << ']';
    if (!error.request_id.empty()) out << " [request " << error.request_id << ']';
    return out;
}

}  // namespace blueprint::faas

#include "blueprint/faas/detail/error_result.hpp"

#endif
