#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_ACTIVATIONS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_ACTIVATIONS_IPP

#include "blueprint/faas/local/openwhisk_activations.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace blueprint::faas::local {

inline std::string_view openwhisk_status_text(OpenWhiskStatus status) {
    switch (status) {
        case OpenWhiskStatus::success: return "success";
        case OpenWhiskStatus::application_error: return "application error";
        case OpenWhiskStatus::developer_error: return "action developer error";
        case OpenWhiskStatus::whisk_error: break;
    }
    return "whisk internal error";
}

BLUEPRINT_FAAS_DECL boost::json::object OpenWhiskRecord::response() const {
    boost::json::object response{{"status", openwhisk_status_text(outcome.status)},
                                 {"success", outcome.status == OpenWhiskStatus::success},
                                 {"result", outcome.result}};
    if (outcome.size) response["size"] = *outcome.size;
    return response;
}

BLUEPRINT_FAAS_DECL boost::json::object OpenWhiskRecord::head(bool digitalocean) const {
    boost::json::array annotations;
    const auto add = [&](std::string_view key, boost::json::value value) {
        annotations.push_back(boost::json::object{{"key", key}, {"value", std::move(value)}});
    };
    add("path", boost::json::value(action->qualified()));
    if (outcome.init) add("initTime", outcome.init->count());
    add("waitTime", outcome.wait.count());
    add("kind", boost::json::value(action->kind));
    add("timeout", outcome.timed_out);
    add("limits", show_openwhisk_limits(action->limits));
    if (digitalocean) {
        // GiB-seconds; the documented 5 ms at 256 MB make 0.025, so time is counted in begun tenths of a second.
        const auto tenths = std::max<std::int64_t>(1, (outcome.duration.count() + 99) / 100);
        add("gbs", static_cast<double>(tenths) / 10 * action->limits.memory_mib / 1024);
    }
    return {{"namespace", action->name_space},
            {"name", action->name},
            {"version", action->version.text()},
            {"publish", false},
            {"annotations", std::move(annotations)},
            {"activationId", id},
            {"start", outcome.start.time_since_epoch().count()},
            {"end", outcome.end.time_since_epoch().count()},
            {"duration", outcome.duration.count()}};
}

BLUEPRINT_FAAS_DECL boost::json::object OpenWhiskRecord::show(bool digitalocean, bool logs) const {
    auto shown = head(digitalocean);
    shown["subject"] = action->name_space;
    shown["response"] = response();
    boost::json::array lines;
    if (logs)
        for (const auto& line : outcome.log) lines.emplace_back(line);
    shown["logs"] = std::move(lines);
    return shown;
}

BLUEPRINT_FAAS_DECL boost::json::object OpenWhiskRecord::brief(bool digitalocean) const {
    auto shown = head(digitalocean);
    shown["statusCode"] = static_cast<int>(outcome.status);
    return shown;
}

BLUEPRINT_FAAS_DECL void OpenWhiskActivations::add(std::shared_ptr<const OpenWhiskRecord> record,
                                                   const OpenWhiskSettings& settings) {
    records_.push_back(
        {.record = std::move(record), .readable = std::chrono::steady_clock::now() + settings.record_delay});
    while (records_.size() > settings.records) records_.pop_front();
}

BLUEPRINT_FAAS_DECL std::shared_ptr<const OpenWhiskRecord> OpenWhiskActivations::find(std::string_view id) const {
    const auto now = std::chrono::steady_clock::now();
    // What is asked for is most likely new.
    const auto found =
        std::find_if(records_.rbegin(), records_.rend(), [&](const Kept& kept) { return kept.record->id == id; });
    return found == records_.rend() || found->readable > now ? nullptr : found->record;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskActivations::answer(const RequestTarget& target, std::size_t first,
                                                                      const OpenWhiskSettings& settings) const {
    auto end = target.segments.size();
    if (end > first && target.segments.back().empty()) --end;
    if (end == first) return list(target, settings);
    const auto& id = target.segments[first];
    if (id.size() != 32)
        return openwhisk_refusal(400, "activation id length is " + std::to_string(id.size()) + " but must be 32.");
    if (id.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        return openwhisk_refusal(400, "The activation id is not valid.");
    const auto record = find(id);
    if (!record) return openwhisk_absent();
    if (end == first + 1) return openwhisk_answer(record->show(settings.digitalocean, true));
    if (end > first + 2) return openwhisk_absent();
    if (target.segments[first + 1] == "result") return openwhisk_answer(record->response());
    if (target.segments[first + 1] != "logs") return openwhisk_absent();
    return openwhisk_answer(boost::json::object{{"logs", record->show(settings.digitalocean, true).at("logs")}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskActivations::list(const RequestTarget& target,
                                                                    const OpenWhiskSettings& settings) const {
    const auto page = read_openwhisk_page(target, "activations");
    if (!page) return page.error();
    const auto docs = read_openwhisk_flag(target, "docs", false);
    if (!docs) return docs.error();
    if (page->count && *docs) return openwhisk_refusal(400, "The parameter 'docs' is not permitted with 'count'.");
    const auto bad_time = [&](std::string_view name) {
        return "Parameter is not a valid value for epoch seconds: " + std::string{target.get(name)};
    };
    const auto since = read_openwhisk_number(target, "since", bad_time("since"));
    if (!since) return since.error();
    const auto upto = read_openwhisk_number(target, "upto", bad_time("upto"));
    if (!upto) return upto.error();
    const auto name = target.get("name");
    const auto now = std::chrono::steady_clock::now();
    boost::json::array all;
    for (auto kept = records_.rbegin(); kept != records_.rend(); ++kept) {
        const auto& record = *kept->record;
        const auto& action = *record.action;
        const auto start = record.outcome.start.time_since_epoch().count();
        const bool named = name.empty() || name == action.name ||
                           (!action.package.empty() && name == action.package + '/' + action.name);
        if (kept->readable > now || !named || (*since && start < **since) || (*upto && start > **upto)) continue;
        all.push_back(*docs ? record.show(settings.digitalocean, true) : record.brief(settings.digitalocean));
    }
    return openwhisk_list(std::move(all), *page, "activations");
}

}  // namespace blueprint::faas::local

#endif
