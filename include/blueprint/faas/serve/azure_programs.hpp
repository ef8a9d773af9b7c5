#ifndef BLUEPRINT_FAAS_SERVE_AZURE_PROGRAMS_HPP
#define BLUEPRINT_FAAS_SERVE_AZURE_PROGRAMS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/serve/http_messages.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// The programs of an app's site besides the one that Azure's host started. Each is started when it is first needed,
/// serves HTTP on a Unix socket that nobody else can reach, is started again when it has ended, and ends with this
/// object. It inherits the environment, so it has the app's settings; what it prints goes to standard error. For many
/// threads: who calls waits for the answer.
class AzurePrograms {
public:
    /// `root`: of the app, which may be a place where nothing can be written or made executable (pitfalls 1 and 2): a
    /// program that cannot be executed there is copied to a private directory below `temporary`, "/tmp".
    /// `max_bytes`: of an answer.
    BLUEPRINT_FAAS_DECL AzurePrograms(std::filesystem::path root, std::string temporary, std::size_t max_bytes);
    AzurePrograms(const AzurePrograms&) = delete;
    AzurePrograms& operator=(const AzurePrograms&) = delete;
    /// Asks all to end; who has not after 2 s is killed.
    BLUEPRINT_FAAS_DECL ~AzurePrograms();

    /// Hands a call, of which all that came was kept, to the program whose folder is `programs/{name}`, and returns
    /// what it answered. The call's `deadline` bounds it. `errc::function_error` with the platform_code "CANNOT_START"
    /// or "CRASHED", or `errc::timed_out`, says why there is no answer.
    BLUEPRINT_FAAS_DECL result<HttpReply> exchange(const std::string& name, const HttpCall& call);

private:
    struct Program;

    BLUEPRINT_FAAS_DECL Program& find(const std::string& name);
    BLUEPRINT_FAAS_DECL result<std::string> directory();

    std::filesystem::path root_;
    std::string temporary_;
    std::size_t max_bytes_;
    std::mutex mutex_{};  // for what follows
    std::map<std::string, std::unique_ptr<Program>, std::less<>> programs_;
    std::string directory_{};  // private, with the sockets and the copies; empty: not made yet
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/azure_programs.ipp"
#endif

#endif
