#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_FILE_BODY_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_FILE_BODY_IPP

#include "blueprint/faas/file_body.hpp"

#include <filesystem>
#include <system_error>

namespace blueprint::faas {

BLUEPRINT_FAAS_DECL result<Body> FileBody::open(const std::string& path) {
    std::error_code failed;
    const bool regular = std::filesystem::is_regular_file(path, failed);
    const auto size = regular ? std::filesystem::file_size(path, failed) : 0;
    std::unique_ptr<std::FILE, Close> file{regular && !failed ? std::fopen(path.c_str(), "rbe") : nullptr};
    if (!file)
        return Error{.code = errc::invalid_configuration,
                     .message = "'" + path + "' cannot be sent: it is no regular file that can be read",
                     .execution = Execution::not_started};
    return Body{std::shared_ptr<BodySource>{new FileBody{path, std::move(file)}}, size};
}

BLUEPRINT_FAAS_DECL result<void> FileBody::rewind() {
    if (std::fseek(file_.get(), 0, SEEK_SET) == 0) return {};
    return Error{.code = errc::invalid_configuration,
                 .message = "'" + path_ + "' cannot be read from its beginning again",
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL result<std::size_t> FileBody::read(std::span<char> space) {
    const auto taken = std::fread(space.data(), 1, space.size(), file_.get());
    if (taken == 0 && std::ferror(file_.get()) != 0)
        return Error{.code = errc::invalid_configuration, .message = "'" + path_ + "' could not be read to its end"};
    return taken;
}

}  // namespace blueprint::faas

#endif
