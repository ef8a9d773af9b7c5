#ifndef BLUEPRINT_FAAS_DETAIL_CHILD_COMMAND_HPP
#define BLUEPRINT_FAAS_DETAIL_CHILD_COMMAND_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// A program that is run for what it prints.
struct ChildCommand {
    std::vector<std::string> words{};         ///< the program, found as a shell finds it, and its arguments
    std::size_t max_output_bytes = 64 << 10;  ///< a child that prints more is ended, and that is an error
    std::size_t max_log_bytes = 4 << 10;      ///< of what it writes to its error stream the last ones are kept
    /// Variables that it gets beside those of this process, or in their place where the name is the same.
    std::vector<std::pair<std::string, std::string>> variables{};
    std::string directory{};  ///< in which it runs; empty: that of this process
};

/// How it ended.
struct ChildEnd {
    int exit_code = 0;
    int signal = 0;  ///< that ended it; 0: it ended by itself
    Secret output{};
    std::string log{};  ///< from its error stream
};

/// Runs a command with this process's environment, what the command adds to it, and no input, and returns when it has
/// ended and nobody writes to its streams any more; or kills it with all its process group at the deadline
/// (`errc::timed_out`) or when the call is cancelled. It leaves no zombie, and nothing changes for other children of
/// this process: no signal is handled. The io_context goes on meanwhile. `errc::invalid_configuration` if there is no
/// such program (then `Error::platform_code` is "ENOENT") or it prints too much. Messages name the command as `what`,
/// never by its words, which may hold secrets. POSIX only.
BLUEPRINT_FAAS_DECL asio::awaitable<result<ChildEnd>> run_child(ChildCommand command, std::string what,
                                                                Deadline deadline);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/child_command.ipp"
#endif

#endif
