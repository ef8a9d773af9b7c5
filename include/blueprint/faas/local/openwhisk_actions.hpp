#ifndef BLUEPRINT_FAAS_LOCAL_OPENWHISK_ACTIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_OPENWHISK_ACTIONS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/openwhisk_messages.hpp"
#include "blueprint/faas/local/openwhisk_options.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// What one call of an action may use.
struct OpenWhiskActionLimits {
    std::uint32_t timeout_ms = 60'000;
    std::uint32_t memory_mib = 256;
    std::uint32_t log_mib = 10;
    std::uint32_t concurrency = 1;  ///< taken and told; the local cloud hands each instance one call at a time
};

/// The version of an action or package: "0.0.7". It grows by one with each write.
struct OpenWhiskVersion {
    std::uint32_t major = 0, minor = 0, patch = 1;
    std::string text() const;
};

/// One version of an action: it is never changed, only followed by another one.
struct OpenWhiskActionState {
    std::string name_space{};
    std::string package{};  ///< empty: it is in none
    std::string name{};
    std::string kind{};  ///< "nodejs:22"
    std::string main{};  ///< as it was given; empty: it was not, and means "main"
    std::string code{};  ///< as it was given: source text or Base64
    bool binary = false;
    OpenWhiskActionLimits limits{};
    OpenWhiskValues annotations{};
    OpenWhiskValues parameters{};
    OpenWhiskVersion version{};
    bool publish = false;
    std::chrono::sys_time<std::chrono::milliseconds> updated{};

    /// "guest", or "guest/package".
    std::string place() const { return package.empty() ? name_space : name_space + '/' + package; }
    /// "guest/package/name".
    std::string qualified() const { return place() + '/' + name; }
};

/// A package: a name for actions, with parameters that they all have.
struct OpenWhiskPackageState {
    std::string name_space{};
    std::string name{};
    OpenWhiskValues annotations{};
    OpenWhiskValues parameters{};
    OpenWhiskVersion version{};
    bool publish = false;
    std::chrono::sys_time<std::chrono::milliseconds> updated{};
};

/// Whether code is Base64 and so an archive or a program: the client's `binary` is not asked.
/// Source: apache/openwhisk, Exec.isBinaryCode.
BLUEPRINT_FAAS_DECL bool is_openwhisk_binary(std::string_view code);

/// Tells all runtimes as `{"nodejs":[{"kind":"nodejs:22","default":true,...}]}`.
BLUEPRINT_FAAS_DECL boost::json::object show_openwhisk_runtimes(const OpenWhiskSettings& settings);

/// Makes the version of an action that follows `there` (null: the first one) from what a PUT says. `named`: whose
/// name_space, package and name count. Everything that the PUT leaves out stays; annotations are merged by key.
/// Source: apache/openwhisk, Actions.scala; docs/reference.md, "Per action limits".
BLUEPRINT_FAAS_DECL result<OpenWhiskActionState> put_openwhisk_action(const OpenWhiskSettings& settings,
                                                                      const boost::json::object& content,
                                                                      const OpenWhiskActionState& named,
                                                                      const OpenWhiskActionState* there);
/// The same of a package, whose annotations replace what is there.
BLUEPRINT_FAAS_DECL result<OpenWhiskPackageState> put_openwhisk_package(const boost::json::object& content,
                                                                        const OpenWhiskPackageState& named,
                                                                        const OpenWhiskPackageState* there);

enum class OpenWhiskView {
    full,          ///< with the code
    without_code,  ///< as `?code=false`
    brief,         ///< as in lists
};
/// Writes an action. `package` is given what the package of it adds to its parameters.
BLUEPRINT_FAAS_DECL boost::json::object show_openwhisk_action(const OpenWhiskActionState& action, OpenWhiskView view,
                                                              const OpenWhiskValues& package = {});
BLUEPRINT_FAAS_DECL boost::json::object show_openwhisk_limits(const OpenWhiskActionLimits& limits);
BLUEPRINT_FAAS_DECL boost::json::object show_openwhisk_package(const OpenWhiskPackageState& package, bool brief);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/openwhisk_actions.ipp"
#endif

#endif
