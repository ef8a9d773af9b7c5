#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_GCP_PARTS_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_GCP_PARTS_HPP

#include "support/fake_rest.hpp"

#include <boost/json/array.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests::gcp {

using rest::Answer;
using rest::Call;
using rest::Object;
using rest::page;
using rest::part;
using rest::reply;
using rest::Request;
using rest::Response;
using rest::text;
using rest::Verb;

inline Response error(unsigned status, std::string_view name, std::string_view message,
                      boost::json::array details = {}) {
    Object told{{"code", status}, {"message", message}, {"status", name}};
    if (!details.empty()) told["details"] = std::move(details);
    return reply(status, {{"error", std::move(told)}});
}

/// Changes that take some looks, and what they end in.
class Operations {
public:
    int looks = 1;               ///< how many looks a change takes
    Object next_failure{};       ///< the error that the next change ends in: {"code":8,"message":"..."}
    Object metadata{};           ///< of operations
    std::vector<int> failing{};  ///< these looks, counted over all operations from 1, answer 503

    /// Begins a change; `ends(failed)` is called when it ends.
    Response begin(std::function<void(bool failed)> ends) {
        const auto name = "projects/p/locations/europe-west1/operations/operation-" + std::to_string(++last_);
        auto& one = all_[name];
        one.ends = std::move(ends);
        one.looks = looks;
        one.failure = std::exchange(next_failure, {});
        if (one.looks == 0) end(one);
        return reply(200, tell(name, one));
    }
    Response look(const std::string& name) {
        ++looked_;
        if (std::find(failing.begin(), failing.end(), looked_) != failing.end())
            return error(503, "UNAVAILABLE", "The service is currently unavailable.");
        const auto found = all_.find(name);
        if (found == all_.end()) return error(404, "NOT_FOUND", "no such operation: " + name);
        if (found->second.looks > 0 && --found->second.looks == 0) end(found->second);
        return reply(200, tell(name, found->second));
    }
    /// Time passes for all of them, as when others look.
    void tick() {
        for (auto& [name, one] : all_)
            if (one.looks > 0 && --one.looks == 0) end(one);
    }
    int looked() const { return looked_; }

private:
    struct One {
        std::function<void(bool)> ends{};
        int looks = 0;
        Object failure{};
    };
    static void end(One& one) { one.ends(!one.failure.empty()); }
    Object tell(const std::string& name, const One& one) const {
        Object out{{"name", name}, {"done", one.looks == 0}};
        if (!metadata.empty()) out["metadata"] = metadata;
        if (one.looks != 0) return out;
        if (!one.failure.empty())
            out["error"] = one.failure;
        else
            out["response"] = Object{{"@type", "type.googleapis.com/google.protobuf.Empty"}};
        return out;
    }
    int last_ = 0;
    int looked_ = 0;
    std::map<std::string, One> all_{};
};

/// Who may call the services of Cloud Run: policies with etags.
class Iam {
public:
    std::string caller = "serviceAccount:deployer@p.iam.gserviceaccount.com";  ///< who asks
    bool inherited = true;                     ///< the caller may call by a role of the whole project
    int lag = 0;                               ///< so many calls still meet the policy before
    int conflicts = 0;                         ///< so many changes find that somebody else was faster
    std::map<std::string, Object> policies{};  ///< by the service's name

    Response answer(const std::string& resource, std::string_view method, const Call& call) {
        if (method == "testIamPermissions") {
            Object out;
            if (allows(resource, false)) out["permissions"] = call.body.at("permissions");
            return reply(200, out);
        }
        auto& policy = policies[resource];
        if (policy.empty()) policy = {{"etag", "etag-0"}};
        if (method == "getIamPolicy") {
            CHECK(call.query.at("options.requestedPolicyVersion") == "3");
            return reply(200, policy);
        }
        REQUIRE(method == "setIamPolicy");
        CHECK(text(call.body, "updateMask") == "bindings,etag,version");
        const auto& wanted = call.body.at("policy").as_object();
        if (conflicts > 0) {
            --conflicts;
            policy["etag"] = "etag-" + std::to_string(++last_);
        }
        if (text(wanted, "etag") != text(policy, "etag"))
            return error(409, "ABORTED",
                         "There were concurrent policy changes. Please retry the whole read-modify-write.");
        for (const auto& binding : wanted.at("bindings").as_array())
            if (binding.as_object().contains("condition")) CHECK(wanted.at("version").as_int64() == 3);
        policy = wanted;
        policy["etag"] = "etag-" + std::to_string(++last_);
        return reply(200, policy);
    }
    bool allows(const std::string& resource, bool lagging = true) {
        if (inherited) return true;
        const auto found = policies.find(resource);
        if (found == policies.end() || !found->second.contains("bindings")) return false;
        for (const auto& binding : found->second.at("bindings").as_array()) {
            if (text(binding.as_object(), "role") != "roles/run.invoker") continue;
            for (const auto& member : binding.as_object().at("members").as_array())
                if (member.as_string() == caller || member.as_string() == "allUsers")
                    return !lagging || lag == 0 || --lag < 0;
        }
        return false;
    }

private:
    int last_ = 0;
};

}  // namespace tests::gcp

#endif
