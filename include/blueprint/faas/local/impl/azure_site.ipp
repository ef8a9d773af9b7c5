#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_SITE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_SITE_IPP

#include "blueprint/faas/http.hpp"
#include "blueprint/faas/local/azure_site.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <system_error>
#include <utility>

namespace blueprint::faas::local {

inline Error bad_site(std::string message) {
    return Error{
        .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
}

/// Reads a file as a user does who is neither its owner nor of its group: the host, to whom the site is mounted. A
/// nothing: there is no such file.
inline result<std::optional<std::string>> read_as_host(const std::filesystem::path& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return std::optional<std::string>{};
    if ((found.st_mode & S_IROTH) == 0) return bad_site("Access to the path '" + path.string() + "' is denied.");
    std::ifstream file{path, std::ios::binary};
    return std::optional{std::string{std::istreambuf_iterator<char>{file}, {}}};
}

/// Reads a JSON object; empty: there is no such file. A byte order mark before it is passed over.
inline result<std::optional<boost::json::object>> read_site_json(const std::filesystem::path& path) {
    auto text = read_as_host(path);
    if (!text) return text.error();
    if (!*text) return std::optional<boost::json::object>{};
    std::string_view json = **text;
    if (json.starts_with("\xef\xbb\xbf")) json.remove_prefix(3);
    boost::system::error_code failed;
    auto value = boost::json::parse(boost::json::string_view{json.data(), json.size()}, failed);
    if (failed || !value.is_object()) return bad_site("The file '" + path.string() + "' holds no JSON object.");
    return std::optional{std::move(value.get_object())};
}

inline std::string site_text(const boost::json::object& from, std::string_view name) {
    const auto* const found = from.if_contains(name);
    return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
}

inline const boost::json::object* site_object(const boost::json::object& from, std::string_view name) {
    const auto* const found = from.if_contains(name);
    return found != nullptr ? found->if_object() : nullptr;
}

/// Reads "hh:mm:ss"; `-1` is no limit, and nothing.
inline std::optional<std::chrono::milliseconds> read_time_span(std::string_view text) {
    std::array<std::int64_t, 3> parts{};
    for (auto& part : parts) {
        const auto piece = text.substr(0, text.find(':'));
        const auto read = std::from_chars(piece.data(), piece.data() + piece.size(), part);
        if (piece.empty() || read.ec != std::errc{} || read.ptr != piece.data() + piece.size()) return std::nullopt;
        text.remove_prefix(std::min(piece.size() + 1, text.size()));
    }
    if (!text.empty() || parts[0] < 0 || parts[1] < 0 || parts[1] > 59 || parts[2] < 0 || parts[2] > 59)
        return std::nullopt;
    return std::chrono::hours{parts[0]} + std::chrono::minutes{parts[1]} + std::chrono::seconds{parts[2]};
}

/// Replaces %NAME% by what NAME is; what is not set becomes nothing.
inline std::string expand_percent(std::string_view text,
                                  const std::function<std::optional<std::string>(std::string_view)>& variable) {
    std::string out;
    while (!text.empty()) {
        const auto begin = text.find('%');
        const auto end = begin == text.npos ? begin : text.find('%', begin + 1);
        out += text.substr(0, end == text.npos ? text.npos : begin);
        if (end == text.npos) break;
        out += variable(text.substr(begin + 1, end - begin - 1)).value_or("");
        text.remove_prefix(end + 1);
    }
    return out;
}

inline result<AzureCustomHandler> read_custom_handler(
    const boost::json::object& section, const std::filesystem::path& root,
    const std::function<std::optional<std::string>(std::string_view)>& variable) {
    AzureCustomHandler handler;
    const auto* const description = site_object(section, "description");
    if (description == nullptr) return bad_site("host.json: customHandler has no description of the worker.");
    const auto name = expand_percent(site_text(*description, "defaultExecutablePath"), variable);
    if (name.empty()) return bad_site("host.json: customHandler.description.defaultExecutablePath cannot be empty.");
    // `/` leaves a path alone that is absolute.
    const auto worker_directory = root / site_text(*description, "workerDirectory");
    const auto file = worker_directory / name;
    std::error_code unknown;
    handler.executable = std::filesystem::is_regular_file(file, unknown) ? file : std::filesystem::path{name};
    const auto directory = site_text(*description, "workingDirectory");
    handler.directory = directory.empty() ? root : root / directory;
    if (const auto* const arguments = description->if_contains("arguments"); arguments && arguments->is_array())
        for (const auto& argument : arguments->get_array())
            if (argument.is_string())
                handler.arguments.push_back(expand_percent(std::string{argument.get_string()}, variable));
    for (const auto* const member : {"enableForwardingHttpRequest", "enableProxyingHttpRequest"})
        if (const auto* const flag = section.if_contains(member); flag && flag->is_bool() && flag->get_bool())
            handler.forwards = true;
    return handler;
}

inline std::string lower_text(std::string text) {
    for (auto& c : text) c = faas::detail::ascii_lower(c);
    return text;
}

inline AzureFunction read_function(std::string name, boost::json::object config) {
    AzureFunction function{.name = std::move(name), .config = std::move(config)};
    const auto* const bindings = function.config.if_contains("bindings");
    if (bindings == nullptr || !bindings->is_array() || bindings->get_array().empty()) {
        function.problem = "At least one binding must be declared.";
        return function;
    }
    std::size_t triggers = 0, outputs = 0;
    for (const auto& item : bindings->get_array()) {
        if (!item.is_object()) continue;
        const auto& binding = item.get_object();
        const auto type = site_text(binding, "type");
        const auto lower = lower_text(type);
        if (lower.ends_with("trigger")) {
            ++triggers;
            function.trigger = type;
            if (lower != "httptrigger") continue;
            function.input = site_text(binding, "name");
            function.level = lower_text(site_text(binding, "authLevel"));
            if (function.level.empty()) function.level = "function";
            function.route = site_text(binding, "route");
            if (function.route.empty()) function.route = function.name;
            if (const auto* const methods = binding.if_contains("methods"); methods && methods->is_array())
                for (const auto& method : methods->get_array())
                    if (method.is_string()) function.methods.push_back(lower_text(std::string{method.get_string()}));
        } else if (lower == "http" && lower_text(site_text(binding, "direction")) == "out") {
            ++outputs;
            function.output = site_text(binding, "name");
        }
    }
    if (triggers != 1) function.problem = "A function has one trigger, and this one " + std::to_string(triggers) + '.';
    const bool known = function.level.empty() || function.level == "anonymous" || function.level == "function" ||
                       function.level == "admin";
    if (!known) function.problem = "The authLevel '" + function.level + "' is none.";
    function.simple =
        lower_text(function.trigger) == "httptrigger" && outputs == 1 && bindings->get_array().size() == 2;
    return function;
}

BLUEPRINT_FAAS_DECL result<AzureSite> read_azure_site(
    const std::filesystem::path& root,
    const std::function<std::optional<std::string>(std::string_view name)>& variable) {
    AzureSite site;
    const auto host = read_site_json(root / "host.json");
    if (!host) return host.error();
    if (*host && !(*host)->empty()) {  // without one, the host goes by its defaults
        const auto& json = **host;
        if (site_text(json, "version") != "2.0") return bad_site("host.json: 'version' must be there and be '2.0'.");
        if (const auto* const extensions = site_object(json, "extensions"))
            if (const auto* const http = site_object(*extensions, "http"); http && http->contains("routePrefix"))
                site.route_prefix = site_text(*http, "routePrefix");
        if (const auto limit = site_text(json, "functionTimeout"); !limit.empty() && limit != "-1") {
            site.timeout = read_time_span(limit);
            if (!site.timeout) return bad_site("host.json: functionTimeout '" + limit + "' is no time span.");
        }
        if (json.contains("customHandler")) {
            const auto* const section = site_object(json, "customHandler");
            auto handler = read_custom_handler(section != nullptr ? *section : boost::json::object{}, root, variable);
            if (!handler) return handler.error();
            site.handler = std::move(*handler);
        }
    }
    std::error_code failed;
    for (std::filesystem::directory_iterator entry{root, failed}; !failed && entry != decltype(entry){};
         entry.increment(failed)) {
        auto config = read_site_json(entry->path() / "function.json");
        if (config && !*config) continue;  // a directory that is no function
        auto name = entry->path().filename().string();
        if (config)
            site.functions.push_back(read_function(std::move(name), std::move(**config)));
        else
            site.functions.push_back({.name = std::move(name), .problem = config.error().message});
    }
    std::sort(site.functions.begin(), site.functions.end(),
              [](const AzureFunction& a, const AzureFunction& b) { return a.name < b.name; });
    // The runtime of such apps is `custom`, a language that only a custom handler speaks.
    if (!site.handler && !site.functions.empty())
        return bad_site("No function has the language [custom]: host.json has no customHandler.");
    return site;
}

inline std::vector<std::string_view> cut_path(std::string_view path) {
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        const auto segment = path.substr(0, path.find('/'));
        if (!segment.empty()) segments.push_back(segment);
        path.remove_prefix(std::min(segment.size() + 1, path.size()));
    }
    return segments;
}

inline bool matches_route(const std::vector<std::string_view>& path, const std::vector<std::string_view>& route,
                          boost::json::object& params) {
    std::size_t at = 0;
    for (const auto& place : route) {
        if (!place.starts_with('{') || !place.ends_with('}')) {
            if (at >= path.size() || !faas::detail::iequals(path[at++], place)) return false;
            continue;
        }
        auto name = place.substr(1, place.size() - 2);
        const bool rest = name.starts_with('*');
        name.remove_prefix(std::min(name.find_first_not_of('*'), name.size()));
        name = name.substr(0, name.find_first_of(":="));
        const bool optional = name.ends_with('?') || place.ends_with("?}");
        if (name.ends_with('?')) name.remove_suffix(1);
        if (rest) {
            std::string joined;
            for (; at < path.size(); ++at) joined.append(joined.empty() ? "" : "/").append(path[at]);
            params[name] = joined;
            return true;
        }
        if (at < path.size())
            params[name] = path[at++];
        else if (!optional)
            return false;
    }
    return at == path.size();
}

BLUEPRINT_FAAS_DECL const AzureFunction* route_to_azure_function(const AzureSite& site, std::string_view method,
                                                                 std::string_view path, boost::json::object& params) {
    auto segments = cut_path(path);
    for (const auto& prefix : cut_path(site.route_prefix)) {
        if (segments.empty() || !faas::detail::iequals(segments.front(), prefix)) return nullptr;
        segments.erase(segments.begin());
    }
    const auto lower = lower_text(std::string{method});
    for (const auto& function : site.functions) {
        if (!function.problem.empty() || function.route.empty()) continue;
        const auto& methods = function.methods;
        if (!methods.empty() && std::find(methods.begin(), methods.end(), lower) == methods.end()) continue;
        boost::json::object found;
        if (!matches_route(segments, cut_path(function.route), found)) continue;
        params = std::move(found);
        return &function;
    }
    return nullptr;
}

}  // namespace blueprint::faas::local

#endif
