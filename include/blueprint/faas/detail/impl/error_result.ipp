#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_ERROR_RESULT_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_ERROR_RESULT_IPP

#include "blueprint/faas/detail/error_result.hpp"

#include <new>
#include <utility>

namespace blueprint::faas::detail {

// Not to be inlined: see the header.
BLUEPRINT_FAAS_DECL void copy_error(Error* to, const Error& from) { ::new (to) Error(from); }
BLUEPRINT_FAAS_DECL void move_error(Error* to, Error& from) noexcept { ::new (to) Error(std::move(from)); }
BLUEPRINT_FAAS_DECL void drop_error(Error& error) noexcept { error.~Error(); }
BLUEPRINT_FAAS_DECL void throw_error(const Error& error, const boost::source_location& where) {
    throw_exception_from_error(error, where);
}

}  // namespace blueprint::faas::detail

#endif
