#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_OPENWHISK_PARTS_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_OPENWHISK_PARTS_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "support/fake_rest.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The parts of an OpenWhisk in memory.
namespace tests::whisk {

using rest::Call;
using rest::Object;
using rest::reply;
using rest::Response;
using rest::text;
using rest::Verb;
using Array = boost::json::array;

inline Response error(unsigned status, std::string_view message) {
    return reply(status, Object{{"error", message}, {"code", "transaction-1"}});
}
inline Response absent() { return error(404, "The requested resource does not exist."); }

/// What OpenWhisk itself writes about a kind: "nodejs", with those that it has.
inline Object usual_offer() {
    const auto kind = [](std::string_view name, bool chosen, bool deprecated) {
        return Object{{"kind", name}, {"default", chosen}, {"deprecated", deprecated}, {"attached", true}};
    };
    return Object{{"description", "OpenWhisk"},
                  {"runtimes", Object{{"nodejs", Array{kind("nodejs:14", false, true), kind("nodejs:18", false, false),
                                                       kind("nodejs:22", true, false), kind("nodejs:9", false, false)}},
                                      {"go", Array{kind("go:1.20", true, false), kind("go:1.24", false, false)}}}},
                  {"limits", Object{{"actions_per_minute", 60}, {"concurrent_actions", 30}, {"sequence_length", 50}}}};
}

/// The actions, packages and activations of one namespace, and what their programs do.
class Actions {
public:
    struct Action {
        Object exec{};
        Object limits{{"timeout", 60'000}, {"memory", 256}, {"logs", 10}, {"concurrency", 1}};
        std::map<std::string, boost::json::value> annotations{};
        Array parameters{};
        int version = 0;
    };

    std::string name_space = "guest";
    std::map<std::string, Action> all{};  ///< "blueprint-job-0", "package/blueprint-job-0"
    std::map<std::string, int> packages{};
    std::map<std::string, Object> activations{};
    Object offer = usual_offer();
    std::size_t most_listed = 200;  ///< of a page

    std::string other_kind{};            ///< what it takes without a word instead of what it is asked for (pitfall 10)
    bool terse = false;                  ///< the answer to PUT tells little
    int concurrent_changes = 0;          ///< so often a change is refused because of another one
    std::string broken{};                ///< why no program starts
    std::string log{};                   ///< what a call writes
    int unfinished = 0;                  ///< so many calls outlive the wait
    int unstored = 0;                    ///< so many looks find no record yet
    int throttled = 0;                   ///< so many calls are too many
    int unknown = 0;                     ///< so many calls do not find the action yet
    bool foreign = false;                ///< the programs know nothing of warming and health
    std::size_t instances = 3;           ///< take turns
    std::vector<Object> calls{};         ///< bodies of calls of jobs
    std::vector<std::string> marked{};   ///< what marked calls asked for: "warm", "health"
    std::function<void()> before_put{};  ///< is called once
    std::function<void()> after_put{};   ///< is called once, before the answer

    /// `below`: the path after ".../namespaces/_".
    Response answer(const Call& call, std::string_view below) {
        if (below.starts_with("/actions")) {
            below.remove_prefix(std::min<std::size_t>(below.size(), 9));
            const bool list = call.verb == Verb::get && (below.empty() || below.ends_with('/'));
            if (list) return listed(call, below.substr(0, below.find('/')));
            return action(call, std::string{below});
        }
        if (below.starts_with("/packages/")) return package(call, std::string{below.substr(10)});
        if (below.starts_with("/activations/")) return activation(std::string{below.substr(13)});
        return absent();
    }
    Action& only() {
        REQUIRE(all.size() == 1);
        return all.begin()->second;
    }

private:
    Response listed(const Call& call, std::string_view in) const {
        const auto number = [&call](const std::string& name, std::size_t usual) {
            const auto found = call.query.find(name);
            return found == call.query.end() ? usual : static_cast<std::size_t>(std::stoul(found->second));
        };
        const auto limit = number("limit", 30);
        if (limit > 200) return error(400, "The value of limit is out of range.");
        if (!in.empty() && !packages.contains(std::string{in})) return absent();
        Array out;
        std::size_t skip = number("skip", 0);
        for (const auto& [name, one] : all) {
            const bool inside = in.empty() || name.starts_with(std::string{in} + '/');
            if (!inside || (skip != 0 && skip-- != 0)) continue;
            if (out.size() == std::min(limit, most_listed)) break;
            auto entry = written(name, one, false);
            entry.erase("exec");
            entry.erase("parameters");
            out.push_back(std::move(entry));
        }
        Response page = reply(200, {});
        page.body = boost::json::serialize(out);
        return page;
    }
    Response action(const Call& call, const std::string& name) {
        const auto found = all.find(name);
        if (call.verb == Verb::put) return put(call, name);
        if (packages.contains(name) && call.verb == Verb::get)
            return error(409, "Resource by this name exists but is not in this collection.");
        if (found == all.end()) return absent();
        if (call.verb == Verb::get) return reply(200, written(name, found->second, !call.query.contains("code")));
        if (call.verb == Verb::del) {
            if (concurrent_changes != 0 && concurrent_changes-- != 0) return concurrent();
            auto last = written(name, found->second, true);
            all.erase(found);
            return reply(200, last);
        }
        return invoke(call, name, found->second);
    }
    static Response concurrent() { return error(409, "Concurrent modification to resource detected."); }

    Response put(const Call& call, const std::string& name) {
        if (auto happens = std::exchange(before_put, {})) happens();
        const auto slash = name.find('/');
        if (slash != std::string::npos && !packages.contains(name.substr(0, slash))) return absent();
        const bool there = all.contains(name);
        const auto overwrite = call.query.find("overwrite");
        if (there && (overwrite == call.query.end() || overwrite->second != "true"))
            return error(409, "resource already exists");
        if (concurrent_changes != 0 && concurrent_changes-- != 0) return concurrent();
        Action now = there ? all.at(name) : Action{};
        const auto* exec = call.body.if_contains("exec");
        if (exec == nullptr && !there) return error(400, "exec undefined");
        if (exec != nullptr) {
            now.exec = exec->as_object();
            const auto kind = text(now.exec, "kind");
            if (!has_kind(kind)) return error(400, "The kind '" + kind + "' is not in the set of supported kinds.");
            if (!other_kind.empty()) now.exec["kind"] = other_kind;
            now.exec["binary"] = blueprint::faas::detail::base64_decode(text(now.exec, "code")).has_value();
        }
        if (const auto* limits = call.body.if_contains("limits"))
            for (const auto& one : limits->as_object()) now.limits[one.key()] = one.value();
        if (const auto* list = call.body.if_contains("delAnnotations"))
            for (const auto& one : list->as_array()) now.annotations.erase(std::string{one.as_string()});
        if (const auto* list = call.body.if_contains("annotations"))
            for (const auto& one : list->as_array())
                now.annotations.insert_or_assign(text(one.as_object(), "key"), one.as_object().at("value"));
        now.annotations["exec"] = now.exec.at("kind");
        if (const auto* list = call.body.if_contains("parameters")) now.parameters = list->as_array();
        ++now.version;
        all.insert_or_assign(name, now);
        if (auto happens = std::exchange(after_put, {})) happens();
        if (terse) return reply(200, Object{{"name", name}, {"version", version_of(now)}});
        return reply(200, written(name, now, true));
    }
    bool has_kind(std::string_view kind) const {
        for (const auto& family : offer.at("runtimes").as_object())
            for (const auto& one : family.value().as_array())
                if (one.at("kind").as_string() == kind && !one.at("deprecated").as_bool()) return true;
        return false;
    }
    static std::string version_of(const Action& action) { return "0.0." + std::to_string(action.version); }
    Object written(const std::string& name, const Action& action, bool with_code) const {
        const auto slash = name.find('/');
        const bool packaged = slash != std::string::npos;
        Array annotations;
        for (const auto& [key, value] : action.annotations)
            annotations.push_back(Object{{"key", key}, {"value", value}});
        Object exec = action.exec;
        if (!with_code) exec.erase("code");
        return Object{{"namespace", name_space + (packaged ? '/' + name.substr(0, slash) : "")},
                      {"name", packaged ? name.substr(slash + 1) : name},
                      {"version", version_of(action)},
                      {"updated", 1'790'000'000'000 + action.version},
                      {"publish", false},
                      {"exec", exec},
                      {"limits", action.limits},
                      {"annotations", annotations},
                      {"parameters", action.parameters}};
    }

    Response package(const Call& call, const std::string& name) {
        const bool there = packages.contains(name);
        if (call.verb == Verb::put) {
            const auto overwrite = call.query.find("overwrite");
            if (there && overwrite == call.query.end()) return error(409, "resource already exists");
            ++packages[name];
        } else if (!there) {
            return absent();
        }
        return reply(200, Object{{"namespace", name_space}, {"name", name}, {"version", "0.0.1"}});
    }

    // What a call comes to: status of the record, and its result.
    std::pair<std::string, Object> run(const Object& body) {
        if (!broken.empty()) return {"action developer error", Object{{"error", broken}}};
        const auto mark = text(body, "blueprint");
        if (foreign) return {"success", Object{{"hello", "stranger"}}};
        if (!mark.empty()) {
            marked.push_back(mark);
            Object out{{"blueprint", mark}, {"instance", "i" + std::to_string(++turn_ % instances)}};
            if (mark == "health") out["status"] = "healthy";
            return {"success", out};
        }
        calls.push_back(body);
        if (text(body, "args") == "ZmFpbA==")
            return {"application error", Object{{"job_id", body.at("job_id")},
                                                {"success", false},
                                                {"error", "it failed as it was told"},
                                                {"code", "FUNCTION_ERROR"}}};
        return {"success", Object{{"job_id", body.at("job_id")},
                                  {"result", text(body, "args")},
                                  {"success", true},
                                  {"execution_ms", 12}}};
    }
    Response invoke(const Call& call, const std::string& name, const Action& action) {
        if (throttled != 0 && throttled-- != 0)
            return error(429, "Too many requests in the last minute (count: 61, allowed: 60).");
        if (unknown != 0 && unknown-- != 0) return absent();
        const auto [status, result] = run(call.body);
        static constexpr std::string_view zeros = "00000000000000000000000000000000";
        auto id = std::to_string(++activations_);
        id.insert(0, zeros.substr(id.size()));
        Array logs;
        if (!log.empty()) logs.push_back(boost::json::string{"2026-01-02T03:04:05.678Z stderr: " + log});
        const bool good = status == "success";
        Object record{{"activationId", id},
                      {"namespace", name_space},
                      {"name", name},
                      {"version", version_of(action)},
                      {"start", 1'790'000'000'000},
                      {"end", 1'790'000'000'017},
                      {"duration", 17},
                      {"logs", logs},
                      {"annotations", Array{Object{{"key", "waitTime"}, {"value", 5}}}},
                      {"response", Object{{"status", status}, {"success", good}, {"result", result}}}};
        activations[id] = record;
        const auto blocking = call.query.find("blocking");
        const bool waits = blocking != call.query.end() && blocking->second == "true";
        const bool late = waits && unfinished != 0 && unfinished-- != 0;
        auto answer = !waits || late ? reply(202, Object{{"activationId", id}}) : reply(good ? 200 : 502, record);
        answer.headers.set("X-OpenWhisk-Activation-Id", id);
        return answer;
    }
    Response activation(const std::string& path) {
        const auto found = activations.find(path.substr(0, path.find('/')));
        if (found == activations.end()) return absent();
        if (unstored != 0 && unstored-- != 0) return absent();
        if (path.ends_with("/logs")) return reply(200, Object{{"logs", found->second.at("logs")}});
        return reply(200, found->second);
    }

    int activations_ = 0;
    std::size_t turn_ = 0;
};

}  // namespace tests::whisk

#endif
