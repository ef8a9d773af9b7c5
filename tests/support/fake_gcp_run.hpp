#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_GCP_RUN_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_GCP_RUN_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "support/fake_gcp.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests::gcp {

/// Buckets of Cloud Storage with objects, as far as packages need them.
class Storage {
public:
    std::map<std::string, std::map<std::string, std::string>> buckets{};  ///< the project's: names to objects
    std::set<std::string> foreign{};                                      ///< names that others have taken
    std::map<std::string, Object> made{};                                 ///< with what each bucket was made
    std::vector<std::string> uploads{};                                   ///< "media", "resumable"
    std::string session_origin = "https://storage.googleapis.com";
    std::set<int> lost_pieces{};      ///< these, counted from 1, arrive and are not kept
    std::set<int> failing_pieces{};   ///< these are answered 503
    std::set<int> forgetting_pieces;  ///< at these the upload is forgotten

    Answer answer(const Call& call, const Request& request) {
        if (call.query.contains("upload_id")) return session(call, request);
        if (call.authorization != "Bearer access-token") return error(401, "UNAUTHENTICATED", "no access token");
        if (call.path == "/storage/v1/b") return call.verb == Verb::get ? list(call) : create(call);
        const auto parts = split(call.path);
        if (parts[0] == "upload") return upload(call, parts.at(4), request);
        const auto& bucket = parts.at(3);
        if (foreign.contains(bucket)) return refusal(403, "forbidden", "does not have storage.buckets.get access");
        const auto found = buckets.find(bucket);
        if (found == buckets.end()) return refusal(404, "notFound", "The specified bucket does not exist.");
        if (parts.size() == 4) return reply(200, {{"kind", "storage#bucket"}, {"name", bucket}});
        REQUIRE(parts.at(4) == "o");
        REQUIRE(call.verb == Verb::del);
        const auto object = *blueprint::faas::detail::percent_decode(parts.at(5));
        if (found->second.erase(object) == 0) return refusal(404, "notFound", "No such object: " + object);
        Response done;
        done.status = 204;
        return done;
    }

private:
    struct Session {
        std::string bucket{};
        std::string object{};
        std::string bytes{};
        std::size_t size = 0;
        bool ended = false;
    };

    static std::vector<std::string> split(std::string_view path) {
        std::vector<std::string> out;
        for (std::size_t at = 1; at <= path.size();) {
            const auto end = std::min(path.find('/', at), path.size());
            out.emplace_back(path.substr(at, end - at));
            at = end + 1;
        }
        return out;
    }
    static Response refusal(unsigned status, std::string_view reason, std::string_view message) {
        boost::json::array errors;
        errors.emplace_back(Object{{"domain", "global"}, {"reason", reason}, {"message", message}});
        return reply(status, {{"error", Object{{"code", status}, {"message", message}, {"errors", errors}}}});
    }
    Response list(const Call& call) const {
        CHECK(call.query.at("project") == "p");
        boost::json::array items;
        for (const auto& [name, objects] : buckets)
            if (name.starts_with(call.query.at("prefix"))) items.emplace_back(Object{{"name", name}});
        return items.empty() ? reply(200, {{"kind", "storage#buckets"}}) : reply(200, {{"items", items}});
    }
    Response create(const Call& call) {
        CHECK(call.query.at("project") == "p");
        const auto name = text(call.body, "name");
        if (buckets.contains(name) || foreign.contains(name))
            return refusal(409, "conflict", "The requested bucket name is not available.");
        buckets[name];
        made[name] = call.body;
        return reply(200, {{"name", name}});
    }
    Response stored(const std::string& bucket, const std::string& object) {
        const auto size = buckets.at(bucket).at(object).size();
        return reply(200, {{"bucket", bucket}, {"name", object}, {"size", std::to_string(size)}});
    }
    Response upload(const Call& call, const std::string& bucket, const Request& request) {
        REQUIRE(buckets.contains(bucket));
        const auto& object = call.query.at("name");
        const auto& way = call.query.at("uploadType");
        uploads.push_back(way);
        if (way == "media") {
            CHECK(request.headers.get("Content-Type") == "application/gzip");
            buckets[bucket][object] = request.body.view();
            return stored(bucket, object);
        }
        REQUIRE(way == "resumable");
        const auto id = std::to_string(sessions_.size() + 1);
        auto& session = sessions_[id];
        session.bucket = bucket;
        session.object = object;
        session.size = std::stoul(std::string{request.headers.get("X-Upload-Content-Length").value()});
        Response begun;
        begun.status = 200;
        begun.headers.set(
            "Location", session_origin + "/upload/storage/v1/b/" + bucket + "/o?uploadType=resumable&upload_id=" + id);
        return begun;
    }
    Response session(const Call& call, const Request& request) {
        // The address is the permission: a credential must not go with it.
        CHECK(call.authorization.empty());
        const auto found = sessions_.find(call.query.at("upload_id"));
        if (found == sessions_.end()) return refusal(410, "gone", "The upload is gone.");
        auto& one = found->second;
        if (call.verb == Verb::del) {
            sessions_.erase(found);
            Response gone;
            gone.status = 499;
            return gone;
        }
        const std::string range{request.headers.get("Content-Range").value_or("")};
        const auto whole = '/' + std::to_string(one.size);
        if (range != "bytes */" + std::to_string(one.size)) {
            const auto number = ++pieces_;
            if (forgetting_pieces.contains(number)) {
                sessions_.erase(found);
                return refusal(410, "gone", "The upload is gone.");
            }
            if (failing_pieces.contains(number)) return page(503, "Service Unavailable");
            REQUIRE(range.starts_with("bytes "));
            REQUIRE(range.ends_with(whole));
            const auto from = std::stoul(range.substr(6));
            const auto body = request.body.view();
            CHECK(range == "bytes " + std::to_string(from) + '-' + std::to_string(from + body.size() - 1) + whole);
            const bool last = from + body.size() == one.size;
            CHECK((last || body.size() % (256U << 10U) == 0));
            CHECK(from <= one.bytes.size());
            if (!lost_pieces.contains(number) && from <= one.bytes.size() && from + body.size() > one.bytes.size())
                one.bytes.append(body.substr(one.bytes.size() - from));
        }
        if (one.bytes.size() == one.size) {
            buckets[one.bucket][one.object] = one.bytes;
            return stored(one.bucket, one.object);
        }
        Response more;
        more.status = 308;
        if (!one.bytes.empty()) more.headers.set("Range", "bytes=0-" + std::to_string(one.bytes.size() - 1));
        return more;
    }

    std::map<std::string, Session> sessions_{};
    int pieces_ = 0;
};

/// Services of Cloud Run with their revisions.
class RunServices {
public:
    explicit RunServices(Operations& operations) : operations_{operations} {}

    std::map<std::string, Object> all{};        ///< by name: "projects/p/locations/europe-west1/services/s"
    std::map<std::string, Object> revisions{};  ///< by name
    std::size_t page = 2;                       ///< entries of a list
    int conflicts = 0;                          ///< so many patches find that the state has moved on
    std::string failing_reason{};               ///< of revisions that are made from now on; empty: they become ready
    std::string failing_message{};
    std::function<void()> before_patch{};  ///< somebody else is faster, once

    std::optional<Answer> answer(const Call& call) {
        if (call.path.find(':') != std::string::npos) return std::nullopt;
        if (call.authorization != "Bearer access-token")
            return error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
        const auto name = call.path.substr(4);
        if (name.find("/operations/") != std::string::npos) return operations_.look(name);
        if (name == parent + "/services") return call.verb == Verb::post ? create(call) : list(call, all, "services");
        if (name.ends_with("/revisions")) return list(call, below(name), "revisions");
        const auto revision = name.find("/revisions/");
        auto& these = revision == std::string::npos ? all : revisions;
        const auto found = these.find(name);
        if (found == these.end()) return error(404, "NOT_FOUND", "Resource '" + name + "' does not exist.");
        if (call.verb == Verb::get) {
            auto told = reply(200, found->second);
            if (found->second.contains("reconciling")) operations_.tick();
            return told;
        }
        if (call.verb == Verb::patch) return patch(call, found->second);
        REQUIRE(call.verb == Verb::del);
        if (revision != std::string::npos) return remove_revision(name);
        return operations_.begin([this, name](bool failed) {
            if (failed) return;
            all.erase(name);
            std::erase_if(revisions, [&](const auto& one) { return one.first.starts_with(name + '/'); });
        });
    }
    /// The name of the service that answers at a URL.
    std::optional<std::string> behind(const std::string& url) const {
        for (const auto& [name, service] : all)
            if (text(service, "uri") == url && !text(service, "latestReadyRevision").empty()) return name;
        return std::nullopt;
    }
    /// The percents of calls, by the last parts of revisions' names, as they are.
    std::map<std::string, std::int64_t> shares(const std::string& id = "blueprint-job-0") const {
        std::map<std::string, std::int64_t> out;
        for (const auto& one : all.at(parent + "/services/" + id).at("trafficStatuses").as_array()) {
            const auto& target = one.as_object();
            if (target.contains("percent")) out[text(target, "revision")] += target.at("percent").as_int64();
        }
        return out;
    }
    static void change_etag(Object& service) {
        service["etag"] = "\"etag-" + std::to_string(std::stoi(text(service, "etag").substr(6)) + 1) + '"';
    }

    static inline const std::string parent = "projects/p/locations/europe-west1";

private:
    static std::string id_of(const std::string& name) { return name.substr(name.rfind('/') + 1); }

    // What is Google's to tell, of its discovery document ("readOnly").
    static void check_writable(const Object& body) {
        static constexpr std::array<std::string_view, 21> read_only{
            "conditions",
            "createTime",
            "creator",
            "deleteTime",
            "expireTime",
            "generation",
            "lastModifier",
            "latestReadyRevision",
            "latestCreatedRevision",
            "observedGeneration",
            "reconciling",
            "satisfiesPzs",
            "terminalCondition",
            "threatDetectionEnabled",
            "trafficStatuses",
            "uid",
            "updateTime",
            "uri",
            "urls",
            "name",
            "buildInfo",
        };
        for (const auto name : read_only) {
            CAPTURE(name);
            CHECK_FALSE(body.contains(name));
        }
        if (!body.contains("template")) return;
        CHECK_FALSE(body.at("template").as_object().contains("revision"));
        for (const auto& one : body.at("template").as_object().at("containers").as_array())
            CHECK_FALSE(one.as_object().contains("buildInfo"));
    }

    std::map<std::string, Object> below(const std::string& folder) const {
        std::map<std::string, Object> out;
        for (const auto& [name, revision] : revisions)
            if (name.starts_with(folder + '/')) out.emplace(name, revision);
        return out;
    }
    Response list(const Call& call, const std::map<std::string, Object>& from, std::string_view member) const {
        boost::json::array entries;
        auto at = call.query.contains("pageToken") ? from.find(call.query.at("pageToken")) : from.begin();
        for (; at != from.end() && entries.size() < page; ++at) entries.emplace_back(at->second);
        Object out;
        if (!entries.empty()) out[member] = std::move(entries);
        if (at != from.end()) out["nextPageToken"] = at->first;
        return reply(200, out);
    }

    Response create(const Call& call) {
        check_writable(call.body);
        const auto id = call.query.at("serviceId");
        const auto name = parent + "/services/" + id;
        if (all.contains(name)) return error(409, "ALREADY_EXISTS", "Resource '" + id + "' already exists.");
        auto service = call.body;
        service["name"] = name;
        service["uri"] = "https://" + id + "-abc.a.run.app";
        service["etag"] = "\"etag-1\"";
        service["uid"] = "0badcafe";
        service["generation"] = "1";
        service["urls"] = boost::json::array{service["uri"]};
        service["creator"] = "somebody@example.com";
        all[name] = std::move(service);
        return begin(name, true);
    }
    Response patch(const Call& call, Object& service) {
        check_writable(call.body);
        if (before_patch) std::exchange(before_patch, {})();
        if (conflicts > 0) {
            --conflicts;
            change_etag(service);
        }
        if (!text(call.body, "etag").empty() && text(call.body, "etag") != text(service, "etag"))
            return error(409, "ABORTED", "Conflict for resource: version differs.");
        if (service.contains("reconciling")) return error(409, "ABORTED", "The service is being changed.");
        bool anew = call.query.contains("forceNewRevision");
        std::string_view mask = call.query.at("updateMask");
        REQUIRE_FALSE(mask.empty());
        while (!mask.empty()) {
            const std::string field{mask.substr(0, mask.find(','))};
            mask.remove_prefix(std::min(mask.size(), field.size() + 1));
            CHECK(field.find('.') == std::string::npos);
            REQUIRE(call.body.contains(field));
            if (field == "template" && service[field] != call.body.at(field)) anew = true;
            service[field] = call.body.at(field);
        }
        return begin(text(service, "name"), anew);
    }
    Response begin(const std::string& name, bool new_revision) {
        auto& service = all.at(name);
        change_etag(service);
        service["reconciling"] = true;
        service["terminalCondition"] = Object{{"type", "Ready"}, {"state", "CONDITION_RECONCILING"}};
        if (new_revision) make_revision(service);
        if (!failing_reason.empty() && new_revision)
            operations_.next_failure = {{"code", 9}, {"message", failing_message}};
        return operations_.begin([this, name](bool failed) { end(name, failed); });
    }
    void make_revision(Object& service) {
        const auto number = std::to_string(++last_);
        const auto name = text(service, "name") + "/revisions/" + id_of(text(service, "name")) + '-' +
                          std::string(5 - number.size(), '0') + number + "-abc";
        Object revision = service["template"].as_object();
        revision["name"] = name;
        revision["createTime"] = "2026-01-02T03:04:0" + number.substr(number.size() - 1) + "Z";
        if (last_ >= 10) revision["createTime"] = "2026-01-02T03:05:0" + number.substr(number.size() - 1) + "Z";
        revision["logUri"] = "https://console.cloud.google.com/logs/" + id_of(name);
        revisions[name] = std::move(revision);
        service["latestCreatedRevision"] = name;
    }
    void end(const std::string& name, bool failed) {
        auto& service = all.at(name);
        service.erase("reconciling");
        change_etag(service);
        service["updateTime"] = "2026-01-02T03:04:05Z";
        const auto created = text(service, "latestCreatedRevision");
        auto& revision = revisions.at(created);
        if (failed) {
            Object condition{{"type", "Ready"}, {"state", "CONDITION_FAILED"}, {"message", failing_message}};
            condition["revisionReason"] = failing_reason.empty() ? "REVISION_REASON_UNDEFINED" : failing_reason;
            revision["conditions"] = boost::json::array{condition};
            condition.erase("revisionReason");
            condition["reason"] = "REVISION_FAILED";
            condition["message"] = "Revision '" + id_of(created) + "' is not ready and cannot serve traffic.";
            service["terminalCondition"] = std::move(condition);
            return;
        }
        revision["conditions"] = boost::json::array{Object{{"type", "Ready"}, {"state", "CONDITION_SUCCEEDED"}}};
        service["latestReadyRevision"] = created;
        service["terminalCondition"] = Object{{"type", "Ready"}, {"state", "CONDITION_SUCCEEDED"}};
        boost::json::array statuses;
        for (const auto& one : service["traffic"].as_array()) {
            auto target = one.as_object();
            if (text(target, "type") == "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST") target["revision"] = id_of(created);
            statuses.emplace_back(std::move(target));
        }
        service["trafficStatuses"] = std::move(statuses);
    }
    Response remove_revision(const std::string& name) {
        const auto service = name.substr(0, name.find("/revisions/"));
        for (const auto& one : all.at(service).at("trafficStatuses").as_array())
            if (text(one.as_object(), "revision") == id_of(name))
                return error(400, "FAILED_PRECONDITION", "the revision gets traffic");
        return operations_.begin([this, name](bool failed) {
            if (!failed) revisions.erase(name);
        });
    }

    Operations& operations_;
    int last_ = 0;
};

/// A Google Cloud that has Cloud Run and Storage.
struct FakeRun : FakeGcp {
    FakeRun() {
        more = [this](const Call& call, const Request& request) -> std::optional<Answer> {
            if (call.host == "storage.googleapis.com") return storage.answer(call, request);
            if (call.host == "run.googleapis.com") return services.answer(call);
            return std::nullopt;
        };
        service_at = [this](const std::string& url) { return services.behind(url); };
    }
    FakeRun(const FakeRun&) = delete;
    FakeRun& operator=(const FakeRun&) = delete;

    Object& service(const std::string& id = "blueprint-job-0") {
        return services.all.at(RunServices::parent + "/services/" + id);
    }
    Object& container() { return service()["template"].as_object()["containers"].as_array().front().as_object(); }
    /// The object that the service's next instance takes its program from.
    std::string object() {
        return text(container().at("sourceCode").as_object().at("cloudStorageSource").as_object(), "object");
    }
    std::map<std::string, std::string>& objects() { return storage.buckets["blueprint-p-europe-west1"]; }

    Storage storage{};
    RunServices services{operations};
};

}  // namespace tests::gcp

#endif
