#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "support/fake_azure_arm.hpp"
#include "support/fake_azure_parts.hpp"
#include "support/fake_azure_storage.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/parse.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// Azure in memory: the management API and blob storage. Apps and their deployment endpoints are `more`.
class FakeAzure {
public:
    using Answer = azure::Answer;
    using Request = azure::Request;
    using Response = azure::Response;

    /// How a request fails: it is refused, or done and its answer lost.
    enum class Fault { refused, lost };

    FakeAzure() {
        storage.containers = [this](const std::string& name) {
            const auto found = arm.accounts.find(name);
            return found == arm.accounts.end() ? nullptr : &found->second.containers;
        };
        storage.key = [this](const std::string& name) { return arm.accounts.find(name)->second.key; };
    }
    FakeAzure(const FakeAzure&) = delete;
    FakeAzure& operator=(const FakeAzure&) = delete;

    azure::Operations operations{};
    azure::Arm arm{operations};
    azure::Storage storage{};
    std::size_t fault_at = 0;  ///< which request fails, counted from 1; 0: none
    Fault fault = Fault::refused;
    /// Is told of each request before it is answered, with its number.
    std::function<void(std::size_t, const Request&)> before{};
    /// Answers first, if it has something to say: for more of Azure than stands here.
    std::function<std::optional<Answer>(const azure::Call&, const Request&)> more{};

    std::vector<std::string> lines{};  ///< "PUT https://management.azure.com/subscriptions/..." without queries
    std::vector<std::string> bodies{};

    Answer answer(const Request& request) {
        auto call = rest::taken_apart(request);
        lines.push_back(std::string{to_string(request.verb)} + ' ' + to_string(request.origin) + call.path);
        bodies.emplace_back(request.body.view());
        const auto number = lines.size();
        if (before) before(number, request);
        if (number == fault_at && fault == Fault::refused)
            return azure::error(403, "AuthorizationFailed", "The client does not have authorization.");
        auto out = done(call, request);
        if (number == fault_at)
            return blueprint::faas::Error{.code = blueprint::faas::errc::infrastructure,
                                          .message = "the connection was reset",
                                          .retryable = true,
                                          .execution = blueprint::faas::Execution::unknown};
        return out;
    }
    /// What changes something; questions that are POSTs are left out.
    std::vector<std::string> writes(std::size_t from = 0) const {
        std::vector<std::string> out;
        for (auto at = from; at < lines.size(); ++at) {
            const auto& line = lines[at];
            const bool asks = line.starts_with("GET ") || line.starts_with("HEAD ") || line.ends_with("/listKeys") ||
                              line.ends_with("/listkeys") || line.ends_with("/appsettings/list");
            if (!asks) out.push_back(line);
        }
        return out;
    }

private:
    Answer done(azure::Call& call, const Request& request) {
        if (more)
            if (auto answered = more(call, request)) return std::move(*answered);
        if (call.host == "management.azure.com") {
            if (call.authorization != "Bearer access-token")
                return azure::error(401, "InvalidAuthenticationToken", "The access token is invalid.");
            if (request.headers.get("Content-Type") == "application/json" && request.body.size() != 0)
                call.body = boost::json::parse(request.body.view()).as_object();
            return arm.answer(call, request);
        }
        static constexpr std::string_view suffix = ".blob.core.windows.net";
        CAPTURE(call.host);
        REQUIRE(call.host.ends_with(suffix));
        const auto account = call.host.substr(0, call.host.size() - suffix.size());
        return storage.answer(account, call.path.substr(1), call, request);
    }
};

/// Shows the token of the service that a request is for, and none to what carries its permission itself.
class AzureTokens {
public:
    static constexpr bool reveals_secret = true;
    boost::asio::awaitable<blueprint::faas::result<void>> authorize(blueprint::faas::HttpRequest& request,
                                                                    blueprint::faas::purpose::ControlPlane who) const {
        CHECK((who.service.empty() || who.service == "storage"));
        request.headers.set("Authorization", who.service.empty() ? "Bearer access-token" : "Bearer storage-token");
        co_return blueprint::faas::result<void>{};
    }
    boost::asio::awaitable<blueprint::faas::result<void>> authorize(blueprint::faas::HttpRequest&,
                                                                    blueprint::faas::purpose::Invocation) const {
        co_return blueprint::faas::result<void>{};
    }
    boost::asio::awaitable<blueprint::faas::result<void>> authorize(blueprint::faas::HttpRequest&,
                                                                    blueprint::faas::purpose::Upload) const {
        co_return blueprint::faas::result<void>{};
    }
    bool invalidate() noexcept { return true; }
};
static_assert(blueprint::faas::Auth<AzureTokens>);

}  // namespace tests

#endif
