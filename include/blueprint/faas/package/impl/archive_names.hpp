#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_ARCHIVE_NAMES_HPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_ARCHIVE_NAMES_HPP

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Remembers every path of an archive and every directory that a path implies: tells of names that cannot stand beside
/// each other.
class ArchiveNames {
public:
    explicit ArchiveNames(std::size_t max_implied) : max_implied_{max_implied} {}

    /// Says what is wrong with `path` beside those before it; empty: nothing.
    std::string_view add(const std::string& path, bool directory) {
        const auto [at, is_new] = kinds_.try_emplace(path, directory ? Kind::directory : Kind::file);
        if (!is_new) {
            if (at->second == Kind::implied && directory) {
                at->second = Kind::directory;
                return {};
            }
            if (at->second == Kind::implied || (at->second == Kind::directory) != directory)
                return "is a file and a directory at once";
            return "stands there twice";
        }
        // Upwards until a directory is known: then those above it are known too.
        for (auto slash = path.rfind('/'); slash != path.npos; slash = path.rfind('/', slash - 1)) {
            const auto [above, unknown] = kinds_.try_emplace(path.substr(0, slash), Kind::implied);
            if (!unknown) return above->second == Kind::file ? "lies below what is a file" : std::string_view{};
            if (++implied_ > max_implied_) return "brings more directories than a package may have files";
        }
        return {};
    }

private:
    enum class Kind { file, directory, implied };
    std::map<std::string, Kind> kinds_;
    std::size_t implied_ = 0;
    std::size_t max_implied_;
};

}  // namespace blueprint::faas::detail

#endif
