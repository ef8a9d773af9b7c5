#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_LAMBDA_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_LAMBDA_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/http.hpp"
#include "support/fake_s3.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// Lambda's control plane in memory: states that take some looks to settle, revision ids, versions, aliases, and the
/// refusals with their texts. It shares no code with the library's own reading and writing of them.
class FakeLambda {
public:
    using Answer = blueprint::faas::result<blueprint::faas::HttpResponse>;
    using Request = blueprint::faas::HttpRequest;
    using Object = boost::json::object;

    struct Version {
        Object settings{};
        int looks = 0;  ///< until it is Active
    };
    struct Alias {
        std::string version{};
        Object weights{};
        std::string revision{};
    };
    struct Provisioned {
        std::int64_t requested = 0;
        int looks = 0;
    };
    struct Function {
        Object settings{};
        std::string revision{};
        int looks = 0;          ///< until the change that is under way has ended
        bool creating = false;  ///< and that is the creation
        std::string failure{};  ///< how the last change ended: "InternalError", empty: well
        std::map<int, Version> versions{};
        int last_version = 0;
        Object published_from{};
        std::map<std::string, Alias, std::less<>> aliases{};
        Object tags{};
        std::optional<std::int64_t> reserved{};
        std::map<std::string, Provisioned, std::less<>> provisioned{};
    };

    /// How a request fails: it is refused, or done and its answer lost.
    enum class Fault { refused, lost };

    int looks = 1;             ///< how many looks a change takes
    int role_refusals = 0;     ///< so many changes find that the role cannot be assumed yet
    std::string next_failure;  ///< how the next change ends
    std::size_t fault_at = 0;  ///< which request fails, counted from 1; 0: none
    Fault fault = Fault::refused;
    /// Is told of each request before it is answered, with its number.
    std::function<void(std::size_t, const Request&)> before{};
    /// Answers what is invoked; empty: as serve() answers marked calls.
    std::function<blueprint::faas::HttpResponse(const Request&)> invoked{};
    FakeS3 s3{};

    std::map<std::string, Function, std::less<>> functions{};
    std::vector<std::string> lines{};  ///< "PUT /2015-03-31/functions/blueprint-job-0/code"
    std::vector<std::string> bodies{};

    Answer answer(const Request& request) {
        lines.push_back(std::string{to_string(request.verb)} + ' ' + request.target);
        bodies.emplace_back(request.body.view());
        const auto number = lines.size();
        if (before) before(number, request);
        if (number == fault_at && fault == Fault::refused) return error(403, "AccessDeniedException", "not allowed");
        auto out = request.origin.host.starts_with("lambda.") ? lambda(request) : s3.answer(request);
        if (number == fault_at)
            return blueprint::faas::Error{.code = blueprint::faas::errc::infrastructure,
                                          .message = "the connection was reset",
                                          .retryable = true,
                                          .execution = blueprint::faas::Execution::unknown};
        return out;
    }
    std::vector<std::string> writes(std::size_t from = 0) const {
        std::vector<std::string> out;
        for (auto at = from; at < lines.size(); ++at)
            if (!lines[at].starts_with("GET ") && !lines[at].starts_with("HEAD ")) out.push_back(lines[at]);
        return out;
    }
    Function& job(std::string_view name = "blueprint-job-0") {
        const auto found = functions.find(name);
        REQUIRE(found != functions.end());
        return found->second;
    }
    /// What callers get: the settings of the version that the alias names.
    const Object& live(std::string_view alias = "live") {
        auto& function = job();
        const auto found = function.aliases.find(alias);
        REQUIRE(found != function.aliases.end());
        return function.versions.at(std::stoi(found->second.version)).settings;
    }
    static blueprint::faas::HttpResponse error(unsigned status, std::string_view code, std::string_view message) {
        blueprint::faas::HttpResponse answer;
        answer.status = status;
        answer.headers.set("x-amzn-ErrorType", code);
        answer.body = boost::json::serialize(Object{{"Message", message}, {"Type", "User"}});
        return answer;
    }
    static blueprint::faas::HttpResponse reply(unsigned status, const Object& body) {
        blueprint::faas::HttpResponse answer;
        answer.status = status;
        answer.body = boost::json::serialize(body);
        return answer;
    }

private:
    static std::string text(const Object& object, std::string_view name) {
        const auto* value = object.if_contains(name);
        return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
    }
    static std::string arn(std::string_view name, std::string_view qualifier = {}) {
        std::string out = "arn:aws:lambda:eu-central-1:123456789012:function:" + std::string{name};
        if (!qualifier.empty()) out.append(":").append(qualifier);
        return out;
    }
    std::string revision() { return "revision-" + std::to_string(++revisions_); }
    static blueprint::faas::HttpResponse missing(std::string_view name) {
        return error(404, "ResourceNotFoundException", "Function not found: " + arn(name));
    }
    static blueprint::faas::HttpResponse busy(std::string_view name) {
        return error(
            409, "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for resource: " + arn(name));
    }

    // One look at the function: what is under way goes on.
    void look(Function& function) {
        if (function.looks > 0 && --function.looks == 0) {
            function.revision = revision();  // it ends in a state of its own
            function.creating = false;
        }
    }
    Object configuration(std::string_view name, const Function& function) const {
        Object out = function.settings;
        out["FunctionName"] = name;
        out["FunctionArn"] = arn(name);
        out["Version"] = "$LATEST";
        out["RevisionId"] = function.revision;
        out["LastModified"] = "2026-01-02T03:04:05.678+0000";
        out["State"] = function.looks > 0 && function.creating ? "Pending" : "Active";
        if (function.looks > 0 && function.creating) out["StateReasonCode"] = "Creating";
        if (!function.creating) out["LastUpdateStatus"] = function.looks > 0 ? "InProgress" : "Successful";
        if (function.looks == 0 && !function.failure.empty()) {
            out["LastUpdateStatus"] = "Failed";
            out["LastUpdateStatusReasonCode"] = function.failure;
            out["LastUpdateStatusReason"] = "it did not work";
        }
        return out;
    }
    static Object configuration(std::string_view name, int number, const Version& version) {
        Object out = version.settings;
        out["FunctionName"] = name;
        out["FunctionArn"] = arn(name, std::to_string(number));
        out["Version"] = std::to_string(number);
        out["RevisionId"] = "of-version-" + std::to_string(number);
        out["LastModified"] = "2026-01-02T03:04:05.678+0000";
        out["State"] = version.looks > 0 ? "Pending" : "Active";
        return out;
    }

    Answer lambda(const Request& request) {
        std::string_view path = request.target;
        std::map<std::string, std::string, std::less<>> query;
        if (const auto mark = path.find('?'); mark != std::string_view::npos) {
            for (auto rest = path.substr(mark + 1); !rest.empty();) {
                const auto one = rest.substr(0, rest.find('&'));
                rest.remove_prefix(std::min(rest.size(), one.size() + 1));
                const auto equals = one.find('=');
                query[std::string{one.substr(0, equals)}] =
                    *blueprint::faas::detail::percent_decode(one.substr(equals + 1));
            }
            path = path.substr(0, mark);
        }
        std::vector<std::string> parts;
        for (auto rest = path.substr(1); !rest.empty();) {
            const auto one = rest.substr(0, rest.find('/'));
            rest.remove_prefix(std::min(rest.size(), one.size() + 1));
            parts.push_back(*blueprint::faas::detail::percent_decode(one));
        }
        Object body;
        if (request.body.size() != 0) {
            CHECK(request.headers.get("Content-Type") == "application/json");
            body = boost::json::parse(request.body.view()).as_object();
        }
        using blueprint::faas::Verb;
        if (parts[1] == "tags") return tag(parts[2], body);
        if (parts.size() == 2) return request.verb == Verb::post ? create(body) : list(query["Marker"]);
        const auto found = functions.find(parts[2]);
        if (found == functions.end()) return missing(parts[2]);
        auto& [name, function] = *found;
        const auto& qualifier = query["Qualifier"];
        const auto what = parts.size() == 3 ? std::string{} : parts[3];
        if (what == "aliases") return alias(request.verb, name, function, parts.size() > 4 ? parts[4] : "", body);
        if (what == "invocations") return invoke(request, function, qualifier);
        if (what == "provisioned-concurrency") return provisioned_concurrency(request.verb, function, qualifier, body);
        if (what.empty() && request.verb == Verb::get) return get(name, function, qualifier);
        if (what == "versions" && request.verb == Verb::get) return list_versions(name, function, query["Marker"]);
        if (what.empty() && !qualifier.empty()) return delete_version(function, qualifier);
        if (function.looks > 0) return busy(name);
        if (what.empty()) return functions.erase(found), blueprint::faas::HttpResponse{.status = 204};
        if (what == "concurrency") {
            function.reserved.reset();
            if (request.verb == Verb::del) return blueprint::faas::HttpResponse{.status = 204};
            function.reserved = body.at("ReservedConcurrentExecutions").as_int64();
            return reply(200, body);
        }
        const auto based_on = text(body, "RevisionId");
        if (!based_on.empty() && based_on != function.revision)
            return error(412, "PreconditionFailedException",
                         "The Revision Id provided does not match the latest Revision Id. Call the GetFunction API to "
                         "retrieve the latest Revision Id");
        if (what == "versions") return publish(name, function, body);
        if (what == "code") return update_code(name, function, body);
        REQUIRE(what == "configuration");
        return update_configuration(name, function, std::move(body));
    }

    static blueprint::faas::HttpResponse not_assumable() {
        return error(400, "InvalidParameterValueException",
                     "The role defined for the function cannot be assumed by Lambda.");
    }
    std::optional<std::string> digest_of(const Object& code) {
        std::string zip;
        if (const auto packed = text(code, "ZipFile"); !packed.empty()) {
            const auto bytes = blueprint::faas::detail::base64_decode(packed);
            if (!bytes) return std::nullopt;
            zip.assign(bytes->begin(), bytes->end());
        } else {
            const auto object = s3.objects.find(text(code, "S3Key"));
            if (text(code, "S3Bucket") != s3.bucket || object == s3.objects.end()) return std::nullopt;
            zip = object->second;
        }
        return blueprint::faas::detail::base64_encode(
            blueprint::faas::detail::sha256(blueprint::faas::detail::bytes_of(zip)));
    }
    void begin_change(Function& function) {
        function.revision = revision();
        function.looks = looks;
        function.failure = std::exchange(next_failure, {});
    }

    Answer create(Object body) {
        const auto name = text(body, "FunctionName");
        if (role_refusals > 0) return --role_refusals, not_assumable();
        if (functions.contains(name)) return error(409, "ResourceConflictException", "Function already exist: " + name);
        const auto digest = digest_of(body.at("Code").as_object());
        if (!digest) return error(400, "InvalidParameterValueException", "Could not unzip uploaded file.");
        auto& function = functions[name];
        if (const auto* tags = body.if_contains("Tags")) function.tags = tags->as_object();
        for (const std::string_view member : {"FunctionName", "Code", "Tags"}) body.erase(member);
        function.settings = std::move(body);
        function.settings["CodeSha256"] = *digest;
        begin_change(function);
        function.creating = function.looks > 0;
        return reply(201, configuration(name, function));
    }
    Answer get(const std::string& name, Function& function, const std::string& qualifier) {
        Object out;
        if (qualifier.empty()) {
            look(function);
            out["Configuration"] = configuration(name, function);
            out["Tags"] = function.tags;
        } else {
            auto number = qualifier;
            if (const auto alias = function.aliases.find(qualifier); alias != function.aliases.end())
                number = alias->second.version;
            const auto version = function.versions.find(std::atoi(number.c_str()));
            if (version == function.versions.end()) return missing(name + ':' + qualifier);
            if (version->second.looks > 0) --version->second.looks;
            out["Configuration"] = configuration(name, version->first, version->second);
        }
        if (function.reserved) out["Concurrency"] = Object{{"ReservedConcurrentExecutions", *function.reserved}};
        return reply(200, out);
    }
    Answer update_code(const std::string& name, Function& function, const Object& body) {
        const auto digest = digest_of(body);
        if (!digest) return error(400, "InvalidParameterValueException", "Could not unzip uploaded file.");
        function.settings["CodeSha256"] = *digest;
        function.settings["Architectures"] = body.at("Architectures");
        begin_change(function);
        return reply(200, configuration(name, function));
    }
    Answer update_configuration(const std::string& name, Function& function, Object body) {
        if (role_refusals > 0) return --role_refusals, not_assumable();
        body.erase("RevisionId");
        for (auto& member : body) function.settings[member.key()] = std::move(member.value());
        begin_change(function);
        return reply(200, configuration(name, function));
    }
    Answer publish(const std::string& name, Function& function, const Object& body) {
        const auto there = text(function.settings, "CodeSha256");
        if (const auto wanted = text(body, "CodeSha256"); !wanted.empty() && wanted != there)
            return error(400, "InvalidParameterValueException",
                         "CodeSHA256 (" + wanted + ") is different from current CodeSHA256 in $LATEST (" + there +
                             "). Please try again with the CodeSHA256 in $LATEST.");
        if (function.last_version != 0) {  // nothing changed since: the same version
            const auto last = function.versions.find(function.last_version);
            if (last != function.versions.end() && function.settings == function.published_from)
                return reply(201, configuration(name, last->first, last->second));
        }
        function.published_from = function.settings;
        auto& version = function.versions[++function.last_version];
        version.settings = function.settings;
        if (body.contains("Description")) version.settings["Description"] = body.at("Description");
        version.looks = looks;
        function.revision = revision();
        return reply(201, configuration(name, function.last_version, version));
    }
    Answer alias(blueprint::faas::Verb verb, const std::string& name, Function& function, std::string alias,
                 const Object& body) {
        using blueprint::faas::Verb;
        const bool made = verb == Verb::post;
        if (made) alias = text(body, "Name");
        const bool there = function.aliases.contains(alias);
        if (made && there) return error(409, "ResourceConflictException", "Alias already exists: " + arn(name, alias));
        if (!made && !there)
            return error(404, "ResourceNotFoundException", "Cannot find alias arn: " + arn(name, alias));
        auto& one = function.aliases[alias];
        if (verb != Verb::get) {
            const auto based_on = text(body, "RevisionId");
            if (!made && !based_on.empty() && based_on != one.revision)
                return error(412, "PreconditionFailedException",
                             "The Revision Id provided does not match the latest Revision Id. Call the GetAlias API to "
                             "retrieve the latest Revision Id");
            one.version = text(body, "FunctionVersion");
            REQUIRE(function.versions.contains(std::atoi(one.version.c_str())));
            if (const auto* routing = body.if_contains("RoutingConfig"))
                one.weights = routing->as_object().at("AdditionalVersionWeights").as_object();
            one.revision = revision();
            const auto kept = function.provisioned.find(alias);
            if (kept != function.provisioned.end()) kept->second.looks = looks;
        }
        Object out{{"AliasArn", arn(name, alias)},
                   {"Name", alias},
                   {"FunctionVersion", one.version},
                   {"RevisionId", one.revision}};
        if (!one.weights.empty()) out["RoutingConfig"] = Object{{"AdditionalVersionWeights", one.weights}};
        return reply(made ? 201 : 200, out);
    }
    Answer provisioned_concurrency(blueprint::faas::Verb verb, Function& function, const std::string& alias,
                                   const Object& body) {
        using blueprint::faas::Verb;
        if (!function.aliases.contains(alias)) return missing(alias);
        if (verb == Verb::put) {
            function.provisioned[alias] = {body.at("ProvisionedConcurrentExecutions").as_int64(), looks};
        } else if (!function.provisioned.contains(alias)) {
            return error(404, "ProvisionedConcurrencyConfigNotFoundException",
                         "No Provisioned Concurrency Config found for this function");
        } else if (verb == Verb::del) {
            function.provisioned.erase(alias);
            return blueprint::faas::HttpResponse{.status = 204};
        }
        auto& kept = function.provisioned[alias];
        if (verb == Verb::get && kept.looks > 0) --kept.looks;
        return reply(verb == Verb::put ? 202 : 200, {{"RequestedProvisionedConcurrentExecutions", kept.requested},
                                                     {"Status", kept.looks > 0 ? "IN_PROGRESS" : "READY"}});
    }
    Answer list(const std::string& marker) {
        boost::json::array page;
        std::string next;
        for (const auto& [name, function] : functions) {
            if (name <= marker) continue;
            if (page.size() == 50) {
                next = page.back().as_object().at("FunctionName").as_string();
                break;
            }
            auto entry = configuration(name, function);
            for (const std::string_view member : {"State", "LastUpdateStatus"}) entry.erase(member);
            page.push_back(std::move(entry));
        }
        Object out{{"Functions", std::move(page)}};
        if (!next.empty()) out["NextMarker"] = next;
        return reply(200, out);
    }
    Answer list_versions(const std::string& name, const Function& function, const std::string& marker) const {
        boost::json::array page;
        if (marker.empty()) page.push_back(configuration(name, function));
        Object out;
        for (const auto& [number, version] : function.versions) {
            if (number <= std::atoi(marker.c_str())) continue;
            if (page.size() == 3) {  // turns soon, so that pages are met
                out["NextMarker"] = std::to_string(number - 1);
                break;
            }
            page.push_back(configuration(name, number, version));
        }
        out["Versions"] = std::move(page);
        return reply(200, out);
    }
    static Answer delete_version(Function& function, const std::string& qualifier) {
        for (const auto& [name, alias] : function.aliases)
            if (alias.version == qualifier || alias.weights.contains(qualifier))
                return error(409, "ResourceConflictException", "Cannot delete a version that an alias refers to");
        function.versions.erase(std::atoi(qualifier.c_str()));
        return blueprint::faas::HttpResponse{.status = 204};
    }
    Answer tag(const std::string& resource, const Object& body) {
        const auto name = resource.substr(resource.rfind(':') + 1);
        REQUIRE(resource == arn(name));
        for (const auto& member : body.at("Tags").as_object()) job(name).tags[member.key()] = member.value();
        return blueprint::faas::HttpResponse{.status = 204};
    }
    Answer invoke(const Request& request, const Function& of, const std::string& qualifier) {
        if (!qualifier.empty() && !of.aliases.contains(qualifier)) return missing(qualifier);
        if (request.headers.get("X-Amz-Invocation-Type") == "DryRun")
            return blueprint::faas::HttpResponse{.status = 204};
        if (invoked) return invoked(request);
        const auto number = boost::json::parse(request.body.view()).as_object().at("job_id").as_int64();
        return reply(200, {{"job_id", number},
                           {"success", true},
                           {"warm", true},
                           {"instance", "instance-" + std::to_string(++instances_)},
                           {"cold_start", true}});
    }

    int revisions_ = 0;
    int instances_ = 0;
};

}  // namespace tests

#endif
