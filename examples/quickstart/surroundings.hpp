#ifndef BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_SURROUNDINGS_HPP
#define BLUEPRINT_FAAS_EXAMPLES_QUICKSTART_SURROUNDINGS_HPP

#include <blueprint/faas/environment.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace quickstart {

namespace faas = blueprint::faas;

/// What a client of the local cloud finds around it: the variables and the file that were made for this run, and
/// nothing of this machine's.
class Surroundings final : public faas::Environment {
public:
    void set(const std::string& name, faas::Secret value) { variables_.insert_or_assign(name, std::move(value)); }
    /// Names a file in a variable, where a tool of the platform looks for one.
    void lay(const std::string& name, faas::Secret file) {
        set(name, faas::Secret{file_name});
        file_ = std::move(file);
    }
    std::optional<std::string> variable(const std::string& name) const override {
        const auto found = variables_.find(name);
        if (found == variables_.end()) return std::nullopt;
        return std::string{found->second.reveal()};
    }
    faas::result<std::optional<faas::Secret>> read_file(const std::string& path, std::size_t) const override {
        if (path == file_name) return std::optional<faas::Secret>{file_};
        return std::optional<faas::Secret>{};
    }

private:
    static constexpr const char* file_name = "(made for this run)";
    std::map<std::string, faas::Secret> variables_{};
    faas::Secret file_{};
};

}  // namespace quickstart

#endif
