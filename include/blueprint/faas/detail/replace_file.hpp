#ifndef BLUEPRINT_FAAS_DETAIL_REPLACE_FILE_HPP
#define BLUEPRINT_FAAS_DETAIL_REPLACE_FILE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <string>

namespace blueprint::faas::detail {

/// Puts `text` in the place of the file `path`, or makes it, readable for its owner alone. Whoever reads it meanwhile
/// sees the old text or the new one, whole; after a failure the old one is still there. Its directory must exist.
BLUEPRINT_FAAS_DECL result<void> replace_file(const std::string& path, const Secret& text);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/replace_file.ipp"
#endif

#endif
