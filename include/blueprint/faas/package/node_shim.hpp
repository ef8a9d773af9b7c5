#ifndef BLUEPRINT_FAAS_PACKAGE_NODE_SHIM_HPP
#define BLUEPRINT_FAAS_PACKAGE_NODE_SHIM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/package/package.hpp"

#include <string>

namespace blueprint::faas {

/// Makes of a package what Cloud Functions builds and runs, which has no runtime for finished programs: a zip with
/// `index.js`, `package.json`, and the package's files below `function/`. Its entry point is `run`, of a Node.js
/// runtime. `index.js` starts `function/bootstrap` once an instance, hands it every request byte by byte over a Unix
/// socket (see HttpProtocol), and ends the instance when the program has ended. The same package gives the same bytes.
/// `errc::invalid_configuration` if the package has no `bootstrap`, if that is no program for x86_64, which is all that
/// Google runs, or (`TOO_LARGE`) if the zip has more than 100 MiB, or 500 MiB unpacked. Blocks while it compresses:
/// some seconds for the largest.
/// Source: Cloud Run functions documentation, "Write Cloud Run functions" (source directory of Node.js) and "Quotas".
BLUEPRINT_FAAS_DECL result<Bytes> node_function_zip(const Package& package);

/// Tells versions of what stands beside the package in such a zip apart: the first 8 hexadecimal digits of the SHA-256
/// of `index.js` and `package.json`. A function is up to date if this and its package are.
BLUEPRINT_FAAS_DECL std::string node_shim_digest();

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/package/impl/node_shim.ipp"
#endif

#endif
