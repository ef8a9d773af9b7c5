#ifndef BLUEPRINT_FAAS_PACKAGE_OPENWHISK_ACTION_HPP
#define BLUEPRINT_FAAS_PACKAGE_OPENWHISK_ACTION_HPP

#include "blueprint/faas/codec/openwhisk_options.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/package/package.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// What OpenWhisk, and so DigitalOcean Functions, gets as an action's `exec.code`; `exec.main` is "main" in both forms.
namespace blueprint::faas {

/// What the zip of an action may have at most. The code travels as Base64 inside JSON, which is what the controller's
/// limit of 48 MB is held against, and proxies before it stop at 50 MB (pitfalls 2 to 4).
/// Source: OpenWhisk documentation, "reference.md" (system limits); DigitalOcean documentation, "Functions Limits".
inline constexpr std::uint64_t openwhisk_zip_bytes = 35ULL << 20;

/// Makes of a package the code of an action of a Node.js runtime, which all hosts have: a zip with `index.js`,
/// `package.json`, and the package's files below `function/`, as Base64 in one line. `index.js` starts
/// `function/bootstrap` once an instance and hands it call after call, a line of JSON each (see OpenWhiskProtocol); a
/// program that ended is started afresh by the next call. It makes the program executable if that was lost on the way.
/// Its working directory is `function/`. Needs nothing but Node.js 14 or later. The same package gives the same text.
/// `errc::invalid_configuration` if the package has no `bootstrap`, if that is neither a script nor a program for
/// x86_64, or (`TOO_LARGE`) if the zip has more than 35 MiB. Blocks while it compresses.
/// Source: OpenWhisk documentation, "actions-nodejs.md" (packaging an action as a Node.js module).
BLUEPRINT_FAAS_DECL result<std::string> openwhisk_node_code(const Package& package);

/// Makes of a package the code of an action whose runtime speaks ActionLoop, such as that of Go: a zip with the
/// package's `bootstrap` as `exec`, its other files as they are, and, unless `exec_env` is empty, `exec.env`, whose
/// text such a runtime compares with its own (pitfall 1); as Base64 in one line. The program's working directory is
/// none of the action's. Errors as above, and if the package has a file of either name, or `exec_env` has more than one
/// line. Source: OpenWhisk runtime for Go, "ACTION.md" (precompiled actions; the environment of execution).
BLUEPRINT_FAAS_DECL result<std::string> openwhisk_action_loop_code(const Package& package, std::string_view exec_env);

/// Tells versions of what stands beside the package in such a zip apart: 8 hexadecimal digits. An action is up to date
/// if this and its package are. `exec_env` counts for `action_loop` alone.
BLUEPRINT_FAAS_DECL std::string openwhisk_shim_digest(OpenWhiskWay way, std::string_view exec_env);

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/package/impl/openwhisk_action.ipp"
#endif

#endif
