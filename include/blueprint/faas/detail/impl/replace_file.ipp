#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_REPLACE_FILE_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_REPLACE_FILE_IPP

#include "blueprint/faas/detail/replace_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <stdlib.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace blueprint::faas::detail {

BLUEPRINT_FAAS_DECL result<void> replace_file(const std::string& path, const Secret& text) {
    std::string beside = path + ".XXXXXX";  // in the same directory, because a file cannot be renamed across disks
    const int file = ::mkostemp(beside.data(), O_CLOEXEC);
    int failed = file < 0 ? errno : 0;
    std::string_view rest = text.reveal();
    while (failed == 0 && !rest.empty()) {
        const auto count = ::write(file, rest.data(), rest.size());
        if (count > 0)
            rest.remove_prefix(static_cast<std::size_t>(count));
        else if (count == 0 || errno != EINTR)
            failed = count == 0 ? EIO : errno;
    }
    // Without it a crash of the machine may leave the new name with no text.
    if (failed == 0 && ::fdatasync(file) != 0) failed = errno;
    if (file >= 0 && ::close(file) != 0 && failed == 0) failed = errno;
    if (failed == 0 && std::rename(beside.c_str(), path.c_str()) != 0) failed = errno;
    if (failed == 0) return {};
    if (file >= 0) ::unlink(beside.c_str());
    return Error{.code = errc::invalid_configuration,
                 .message = "cannot replace the file '" + path + "': " + std::generic_category().message(failed),
                 .execution = Execution::not_started};
}

}  // namespace blueprint::faas::detail

#endif
