#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_PARTS_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_PARTS_HPP

#include "support/fake_rest.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests::azure {

using rest::Answer;
using rest::Call;
using rest::Object;
using rest::part;
using rest::reply;
using rest::Request;
using rest::Response;
using rest::text;
using rest::Verb;

inline constexpr std::string_view subscription = "11111111-2222-4333-8444-555555555555";
inline constexpr std::string_view group = "jobs";

/// A refusal as the management API has it.
inline Response error(unsigned status, std::string_view code, std::string_view message) {
    auto answer = reply(status, {{"error", Object{{"code", code}, {"message", message}}}});
    answer.headers.set("x-ms-request-id", "request-1");
    return answer;
}
/// A refusal as App Service has it.
inline Response web_error(unsigned status, std::string_view code, std::string_view message) {
    boost::json::array details{Object{{"Message", message}}, Object{{"Code", code}},
                               Object{{"ErrorEntity", Object{{"Code", code}, {"Message", message}}}}};
    auto answer = reply(status, {{"Code", code},
                                 {"Message", message},
                                 {"Target", nullptr},
                                 {"Details", std::move(details)},
                                 {"Innererror", nullptr}});
    answer.headers.set("x-ms-request-id", "request-2");
    return answer;
}

/// Which header tells where a change is asked about.
enum class Style { async_operation, operation_location, location, provisioning_state };

/// Changes that take some looks, and what they end in.
class Operations {
public:
    Style style = Style::async_operation;
    int looks = 1;                       ///< how many looks a change takes
    Object next_failure{};               ///< the error that the next change ends in: {"code":"...","message":"..."}
    std::string running = "InProgress";  ///< what is told of a change that goes on
    std::string elsewhere{};             ///< an origin where the next change is said to be asked about
    std::vector<int> failing{};          ///< these looks, counted over all operations from 1, answer 503
    std::string retry_after{};           ///< of a change that goes on

    /// Begins a change of what `resource` tells at any time; `ends(failed)` is called when it ends.
    Response begin(std::string id, std::function<Object()> resource, std::function<void(bool failed)> ends) {
        const auto number = ++last_;
        auto& one = all_[number];
        one.id = std::move(id);
        one.ends = std::move(ends);
        one.looks = looks;
        one.failure = std::exchange(next_failure, {});
        one.style = style;
        one.target = "/subscriptions/" + std::string{subscription} + "/providers/Made.Up/operationResults/" +
                     std::to_string(number) + "?t=a%2Fb&api-version=2099-01-01";
        if (one.looks == 0) end(one);
        const auto url =
            (elsewhere.empty() ? "https://management.azure.com" : std::exchange(elsewhere, {})) + one.target;
        Response answer;
        switch (style) {
            case Style::async_operation:
                answer = reply(201, state_of(one, resource()));
                answer.headers.set("Azure-AsyncOperation", url);
                break;
            case Style::operation_location:
                answer = reply(202, state_of(one, resource()));
                answer.headers.set("operation-location", url);
                break;
            case Style::location:
                answer.status = 202;
                answer.headers.set("Location", url);
                break;
            case Style::provisioning_state: answer = reply(201, state_of(one, resource())); break;
        }
        if (!retry_after.empty()) answer.headers.set("Retry-After", retry_after);
        return answer;
    }
    /// Answers a look at an operation; nothing if the target is none.
    std::optional<Answer> look(const Request& request) {
        const auto found = std::find_if(all_.begin(), all_.end(),
                                        [&](const auto& entry) { return entry.second.target == request.target; });
        if (found == all_.end()) return std::nullopt;
        auto& one = found->second;
        ++looked_;
        if (std::find(failing.begin(), failing.end(), looked_) != failing.end())
            return error(503, "ServiceUnavailable", "The service is unavailable.");
        tick(one);
        Response answer;
        if (one.style == Style::location) {
            if (one.looks == 0 && !one.failure.empty()) return reply(409, {{"error", one.failure}});
            answer.status = one.looks == 0 ? 200 : 202;
            if (one.looks != 0) answer.headers.set("Location", "https://management.azure.com" + one.target);
        } else {
            Object out{{"status", one.looks != 0 ? running : one.failure.empty() ? "Succeeded" : "Failed"}};
            if (one.looks == 0 && !one.failure.empty()) out["error"] = one.failure;
            answer = reply(200, out);
        }
        if (one.looks != 0 && !retry_after.empty()) answer.headers.set("Retry-After", retry_after);
        return answer;
    }
    /// Tells a resource as it is now: a look at it is one at its change, too.
    Object seen(const std::string& id, Object resource) {
        for (auto& [number, one] : all_) {
            if (one.id != id || one.looks == 0) continue;
            tick(one);
            return state_of(one, std::move(resource));
        }
        return resource;
    }
    bool goes_on(const std::string& id) const {
        return std::any_of(all_.begin(), all_.end(),
                           [&](const auto& entry) { return entry.second.id == id && entry.second.looks != 0; });
    }
    int looked() const { return looked_; }

private:
    struct One {
        std::string id{};
        std::string target{};
        std::function<void(bool)> ends{};
        int looks = 0;
        Object failure{};
        Style style{};
    };
    static void end(One& one) { one.ends(!one.failure.empty()); }
    static void tick(One& one) {
        if (one.looks > 0 && --one.looks == 0) end(one);
    }
    Object state_of(const One& one, Object resource) const {
        auto& properties = part(resource, "properties");
        properties["provisioningState"] = one.looks != 0 ? running : one.failure.empty() ? "Succeeded" : "Failed";
        return resource;
    }

    int last_ = 0;
    int looked_ = 0;
    std::map<int, One> all_{};
};

}  // namespace tests::azure

#endif
