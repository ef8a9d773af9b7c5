#ifndef BLUEPRINT_FAAS_AUTH_AWS_CREDENTIAL_PROCESS_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_CREDENTIAL_PROCESS_HPP

#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace blueprint::faas::aws {

/// A program of the user's that prints credentials.
struct CredentialProcess {
    Secret command{};       ///< split into words as by a shell, but no shell runs it; its arguments may be secret
    std::string profile{};  ///< that names it, for messages
};

/// Runs the program and reads what it prints: {"Version":1,"AccessKeyId":…,"SecretAccessKey":…} and, if they end,
/// "SessionToken" and "Expiration". Errors show the end of what it wrote to its error stream, and nothing of its
/// output. At the deadline it is killed.
/// Source: AWS SDKs and Tools Reference Guide, "Process credential provider".
BLUEPRINT_FAAS_DECL asio::awaitable<result<TimedCredentials>> run_credential_process(Reach reach,
                                                                                     CredentialProcess process,
                                                                                     Deadline deadline);

}  // namespace blueprint::faas::aws

namespace blueprint::faas::detail {

/// Reads what such a program printed; `what` names it in messages.
BLUEPRINT_FAAS_DECL result<aws::TimedCredentials> read_process_credentials(const Secret& output, std::string_view what,
                                                                           std::chrono::system_clock::time_point now);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/credential_process.ipp"
#endif

#endif
