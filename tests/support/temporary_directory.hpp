#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_TEMPORARY_DIRECTORY_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_TEMPORARY_DIRECTORY_HPP

#include <cerrno>
#include <filesystem>
#include <stdlib.h>
#include <string>
#include <system_error>

namespace blueprint::faas::test {

/// An empty directory of its own that goes, with all in it, when this object does.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        auto name = (std::filesystem::temp_directory_path() / "blueprint-faas-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::system_error{errno, std::generic_category(), name};
        path_ = name;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    std::filesystem::path operator/(const std::filesystem::path& below) const { return path_ / below; }

private:
    std::filesystem::path path_;
};

}  // namespace blueprint::faas::test

#endif
