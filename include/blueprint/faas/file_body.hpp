#ifndef BLUEPRINT_FAAS_FILE_BODY_HPP
#define BLUEPRINT_FAAS_FILE_BODY_HPP

#include "blueprint/faas/body_stream.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"

#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace blueprint::faas {

/// Sends a file as a request's body without reading it into memory: `request.body = *FileBody::open("job.zip");`.
/// The length is taken when it is opened; a file that has another length when it is sent fails the exchange.
class FileBody final : public BodySource {
public:
    /// Opens `path`; `errc::invalid_configuration` if it is no regular file that can be read.
    BLUEPRINT_FAAS_DECL static result<Body> open(const std::string& path);

    BLUEPRINT_FAAS_DECL result<void> rewind() override;
    BLUEPRINT_FAAS_DECL result<std::size_t> read(std::span<char> space) override;

private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    FileBody(std::string path, std::unique_ptr<std::FILE, Close> file)
        : path_{std::move(path)}, file_{std::move(file)} {}

    std::string path_;
    std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/file_body.ipp"
#endif

#endif
