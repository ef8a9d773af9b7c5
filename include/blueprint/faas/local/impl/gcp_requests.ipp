#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_REQUESTS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_REQUESTS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/gcp_gate.hpp"
#include "blueprint/faas/local/gcp_requests.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL Error gcp_invalid(std::string message) {
    return gcp_refusal(400, "INVALID_ARGUMENT", std::move(message));
}

BLUEPRINT_FAAS_DECL Error gcp_no_resource(std::string_view kind, std::string_view name) {
    return gcp_refusal(404, "NOT_FOUND", std::string{kind} + " '" + std::string{name} + "' was not found");
}

BLUEPRINT_FAAS_DECL ServerAnswer gcp_json(const boost::json::object& body) {
    ServerAnswer answer;
    answer.content_type = "application/json; charset=UTF-8";
    answer.body = answer_json(body);
    return answer;
}

BLUEPRINT_FAAS_DECL std::optional<std::chrono::milliseconds> gcp_duration(std::string_view text) {
    if (text.size() < 2 || text.back() != 's') return std::nullopt;
    text.remove_suffix(1);
    const auto dot = std::min(text.find('.'), text.size());
    const auto whole = text.substr(0, dot);
    std::string fraction{text.substr(std::min(dot + 1, text.size()))};
    const auto digits = [](std::string_view part) {
        return std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    if (whole.empty() || whole.size() > 12 || fraction.size() > 9 || !digits(whole) || !digits(fraction))
        return std::nullopt;
    if (dot < text.size() && fraction.empty()) return std::nullopt;
    fraction.resize(3, '0');
    return std::chrono::milliseconds{std::stoll(std::string{whole}) * 1000 + std::stoll(fraction)};
}

BLUEPRINT_FAAS_DECL std::string gcp_time(std::chrono::system_clock::time_point time) {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
    const auto seconds = static_cast<std::time_t>(micros / 1'000'000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[80];
    const int size =
        std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                      utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(micros % 1'000'000));
    return {text, static_cast<std::size_t>(size)};
}

BLUEPRINT_FAAS_DECL std::optional<std::uint64_t> gcp_memory(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || number == 0 || number > (1ULL << 40)) return std::nullopt;
    const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> units{{{"", 1},
                                                                                      {"k", 1000},
                                                                                      {"M", 1000 * 1000},
                                                                                      {"G", 1000 * 1000 * 1000},
                                                                                      {"Ki", 1U << 10},
                                                                                      {"Mi", 1U << 20},
                                                                                      {"Gi", 1U << 30},
                                                                                      {"Ti", 1ULL << 40}}};
    for (const auto& [name, bytes] : units)
        if (name == unit && number < (1ULL << 60) / bytes) return number * bytes;
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL std::optional<std::uint32_t> gcp_processors(std::string_view text) {
    const bool thousandths = text.ends_with('m');
    if (thousandths) text.remove_suffix(1);
    double number = 0;
    const auto [end, failed] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (text.empty() || failed != std::errc{} || end != text.data() + text.size() || number <= 0 || number > 100'000)
        return std::nullopt;
    return static_cast<std::uint32_t>((thousandths ? number : number * 1000) + 0.5);
}

BLUEPRINT_FAAS_DECL result<void> check_gcp_query(const GcpTarget& target, std::vector<std::string_view> known) {
    // Source: Google Cloud APIs, "System parameters".
    for (const std::string_view name : {"alt", "$alt", "fields", "prettyPrint", "quotaUser", "key", "$.xgafv"})
        known.push_back(name);
    for (const auto& [name, value] : target.query)
        if (std::find(known.begin(), known.end(), name) == known.end())
            return gcp_invalid("Invalid JSON payload received. Unknown name \"" + name +
                               "\": Cannot bind query parameter. Field '" + name +
                               "' could not be found in request message.");
    return {};
}

BLUEPRINT_FAAS_DECL result<boost::json::value> read_gcp_body(const ServerRequest& request) {
    if (request.body.empty()) return boost::json::value(boost::json::object{});
    const auto type = request.field("content-type").value_or("");
    if (!type.starts_with("application/json"))
        return gcp_invalid("Invalid JSON payload received. The Content-Type is '" + std::string{type} +
                           "', and the API takes application/json.");
    boost::system::error_code failed;
    auto json = boost::json::parse(faas::detail::text_of(request.body), failed);
    if (failed) return gcp_invalid("Invalid JSON payload received. " + failed.message());
    return json;
}

BLUEPRINT_FAAS_DECL result<boost::json::object> gcp_page(
    const GcpTarget& target, std::string_view member,
    std::vector<std::pair<std::string, boost::json::object>> entries) {
    constexpr std::size_t most = 100;
    std::size_t size = most;
    if (const auto text = target.get("pageSize"); !text.empty() && text != "0") {
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), size);
        if (failed != std::errc{} || end != text.data() + text.size() || size == 0)
            return gcp_invalid("Invalid value at 'page_size' (TYPE_INT32), \"" + std::string{text} + '"');
        size = std::min(size, most);
    }
    std::string after;
    if (const auto token = target.get("pageToken"); !token.empty()) {
        const auto decoded = faas::detail::base64_decode(token);
        if (!decoded) return gcp_invalid("Invalid page token.");
        after = faas::detail::text_of(*decoded);
    }
    boost::json::array listed;
    boost::json::object page;
    std::string last;
    for (auto& [name, entry] : entries) {
        if (!after.empty() && name <= after) continue;
        if (listed.size() == size) {
            page["nextPageToken"] = faas::detail::base64_encode(faas::detail::bytes_of(last));
            break;
        }
        last = name;
        listed.push_back(std::move(entry));
    }
    if (!listed.empty()) page[member] = std::move(listed);  // empty lists are left out
    return page;
}

BLUEPRINT_FAAS_DECL std::vector<std::string> gcp_mask_paths(std::string_view mask) {
    std::vector<std::string> paths;
    while (!mask.empty()) {
        const auto end = std::min(mask.find(','), mask.size());
        auto one = mask.substr(0, end);
        while (one.starts_with(' ')) one.remove_prefix(1);
        while (one.ends_with(' ')) one.remove_suffix(1);
        if (!one.empty()) paths.emplace_back(one);
        mask.remove_prefix(std::min(end + 1, mask.size()));
    }
    return paths;
}

BLUEPRINT_FAAS_DECL void gcp_apply_mask_path(boost::json::object& into, const boost::json::object& from,
                                             std::string_view path) {
    const auto dot = path.find('.');
    const auto name = path.substr(0, dot);
    const auto* const found = from.if_contains(name);
    if (dot == std::string_view::npos) {
        if (found == nullptr)
            into.erase(name);
        else
            into[name] = *found;
        return;
    }
    if (const auto* const there = into.if_contains(name); there == nullptr || !there->is_object())
        into[name] = boost::json::object{};
    static const boost::json::object nothing;
    const auto* const inner = found == nullptr ? nullptr : found->if_object();
    gcp_apply_mask_path(into[name].get_object(), inner == nullptr ? nothing : *inner, path.substr(dot + 1));
}

BLUEPRINT_FAAS_DECL const boost::json::value* gcp_at(const boost::json::object& json, std::string_view path) {
    const auto dot = path.find('.');
    const auto* const found = json.if_contains(path.substr(0, dot));
    if (found == nullptr || dot == std::string_view::npos) return found;
    return found->is_object() ? gcp_at(found->get_object(), path.substr(dot + 1)) : nullptr;
}

BLUEPRINT_FAAS_DECL std::string gcp_text(const boost::json::object& json, std::string_view path) {
    const auto* const found = gcp_at(json, path);
    return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
}

BLUEPRINT_FAAS_DECL std::int64_t gcp_number(const boost::json::object& json, std::string_view path,
                                            std::int64_t otherwise) {
    const auto* const found = gcp_at(json, path);
    return found != nullptr && found->is_int64() ? found->get_int64() : otherwise;
}

BLUEPRINT_FAAS_DECL bool is_gcp_name(std::string_view name, std::size_t longest) noexcept {
    const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
    return !name.empty() && name.size() <= longest && letter(name.front()) && name.back() != '-' &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

BLUEPRINT_FAAS_DECL result<void> check_gcp_labels(const boost::json::object& holder, std::string_view path) {
    const auto* const labels = holder.if_contains("labels");
    if (labels == nullptr) return {};
    const auto fits = [](std::string_view text) {
        return text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
                   return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || (c & 0x80) != 0;
               });
    };
    const auto& map = labels->get_object();
    if (map.size() > 64) return gcp_invalid(std::string{path} + ": there may be 64 labels at most");
    for (const auto& [key, value] : map) {
        const std::string name{key};
        const bool letter = !name.empty() && ((name[0] >= 'a' && name[0] <= 'z') || (name[0] & 0x80) != 0);
        if (!letter || !fits(name) || !fits(value.get_string()))
            return gcp_invalid(std::string{path} + '[' + name +
                               "]: keys and values of labels hold at most 63 lower-case letters, digits, '_' and '-', "
                               "and keys begin with a letter");
    }
    return {};
}

}  // namespace blueprint::faas::local

#endif
