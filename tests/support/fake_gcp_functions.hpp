#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_GCP_FUNCTIONS_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_GCP_FUNCTIONS_HPP

#include "support/fake_gcp_parts.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tests::gcp {

/// Cloud Functions v2: uploads, functions that are built for a while, masks, pages. It shares no code with the
/// library's own reading and writing of them.
class Functions {
public:
    int upload_refusals = 0;           ///< so many uploads find that the bucket's rights lag behind
    std::string next_state_message{};  ///< of the function, if its next change fails
    std::size_t page_size = 2;
    std::map<std::string, Object> all{};           ///< by name, as GET tells it
    std::map<std::string, std::string> uploads{};  ///< by object; empty: none was brought yet
    std::vector<std::string> masks{};              ///< of PATCHes

    explicit Functions(Operations& operations) : operations_{operations} {}

    Response answer(const Call& call) {
        const auto path = call.path.substr(4);
        if (path.find("/operations/") != std::string::npos) return operations_.look(path);
        if (path.ends_with("/functions:generateUploadUrl")) return upload_url(call);
        // Google's own words of pitfall 5.
        if (path.find("IamPolicy") != std::string::npos)
            return error(400, "INVALID_ARGUMENT", "Role roles/run.invoker is not supported for this resource.");
        if (path.ends_with("/functions")) return call.verb == Verb::post ? create(call) : list(call);
        const auto found = all.find(path);
        if (found == all.end())
            return error(404, "NOT_FOUND", "Resource '" + path + "' was not found",
                         {Object{{"@type", "type.googleapis.com/google.rpc.ResourceInfo"}}});
        if (call.verb == Verb::get) {
            auto out = found->second;
            if (busy_.contains(path)) operations_.tick();  // so that looks at the function alone end, too
            return reply(200, out);
        }
        if (busy_.contains(path))
            return error(409, "ABORTED", "unable to queue the operation: an operation is in progress");
        if (call.verb == Verb::del) return remove(path);
        return patch(path, call);
    }
    /// A signed URL takes the fields that it was signed for, and no others (pitfall 7).
    Response upload(const Call& call, std::string_view fields, std::string_view body) {
        const auto object = call.path.substr(call.path.rfind('/') + 1);
        Response refused;
        refused.status = 403;
        refused.headers.set("Content-Type", "application/xml; charset=UTF-8");
        refused.body =
            "<?xml version='1.0' encoding='UTF-8'?><Error><Code>SignatureDoesNotMatch</Code><Message>The "
            "request signature we calculated does not match the signature you provided.</Message>"
            "<StringToSign>PUT\n\napplication/zip</StringToSign></Error>";
        if (call.verb != Verb::put || fields != "Content-Type: application/zip\r\n" || !uploads.contains(object) ||
            call.query.at("Signature") != "signature-of-" + object)
            return refused;
        if (upload_refusals > 0) {
            --upload_refusals;
            refused.body =
                "<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code><Message>Access "
                "denied.</Message></Error>";
            return refused;
        }
        uploads[object] = body;
        return Response{.status = 200};
    }
    /// The function behind a service.
    const Object* behind(std::string_view uri) const {
        for (const auto& [name, function] : all)
            if (text(function.at("serviceConfig").as_object(), "uri") == uri) return &function;
        return nullptr;
    }
    static std::string service_of(std::string_view function) {
        std::string service{function};
        return service.replace(service.find("/functions/"), 11, "/services/");
    }

private:
    static std::string last_part(std::string_view path) { return std::string{path.substr(path.rfind('/') + 1)}; }
    Response upload_url(const Call& call) {
        CHECK((call.body == Object{{"environment", "GEN_2"}}));
        const auto object = "source-" + std::to_string(uploads.size() + 1) + ".zip";
        uploads[object];
        const auto url =
            "https://storage.googleapis.com/gcf-v2-uploads-1-europe-west1/" + object +
            "?GoogleAccessId=robot%40p.iam.gserviceaccount.com&Expires=1893456000&Signature=signature-of-" + object;
        return reply(200, {{"uploadUrl", url},
                           {"storageSource", Object{{"bucket", "gcf-v2-uploads-1-europe-west1"}, {"object", object}}}});
    }
    // Only what may be written is: no member that the API calls output only.
    static void check_members(const Object& body, std::string_view where, const std::set<std::string_view>& writable) {
        CAPTURE(where);
        for (const auto& member : body) {
            CAPTURE(member.key());
            CHECK(writable.contains(member.key()));
        }
    }
    void check_body(const Object& body) const {
        check_members(body, "function",
                      {"environment", "description", "labels", "buildConfig", "serviceConfig", "eventTrigger"});
        if (const auto* build = body.if_contains("buildConfig")) {
            check_members(build->as_object(), "buildConfig",
                          {"runtime", "entryPoint", "source", "serviceAccount", "environmentVariables"});
            if (const auto* source = build->as_object().if_contains("source")) {
                const auto& storage = source->as_object().at("storageSource").as_object();
                check_members(storage, "storageSource", {"bucket", "object", "generation"});
                const auto brought = uploads.find(text(storage, "object"));
                REQUIRE(brought != uploads.end());
            }
        }
        if (const auto* service = body.if_contains("serviceConfig"))
            check_members(service->as_object(), "serviceConfig",
                          {"availableMemory", "availableCpu", "timeoutSeconds", "minInstanceCount", "maxInstanceCount",
                           "maxInstanceRequestConcurrency", "serviceAccountEmail", "ingressSettings",
                           "allTrafficOnLatestRevision", "environmentVariables"});
    }
    // Nothing can be built of what was not brought, or is no zip.
    bool has_source(const Object& body) const {
        const auto* build = body.if_contains("buildConfig");
        const auto* source = build != nullptr ? build->as_object().if_contains("source") : nullptr;
        if (source == nullptr) return true;
        return uploads.at(text(source->as_object().at("storageSource").as_object(), "object")).starts_with("PK");
    }
    static Response no_source() { return error(400, "INVALID_ARGUMENT", "The source is no zip, or was not uploaded."); }
    void begin_change(const std::string& name, Object& function) {
        function["state"] = "DEPLOYING";
        function["updateTime"] = "2026-01-02T03:04:05." + std::to_string(++changes_) + "Z";
        function.erase("stateMessages");
        busy_.insert(name);
    }
    void end_change(const std::string& name, bool failed) {
        busy_.erase(name);
        auto& function = all.at(name);
        function["state"] = failed ? "FAILED" : "ACTIVE";
        auto& service = part(function, "serviceConfig");
        service["service"] = service_of(name);
        if (failed) {
            function["stateMessages"] = boost::json::array{
                Object{{"severity", "ERROR"}, {"type", "CloudRunServiceNotFound"}, {"message", next_state_message}}};
            return;
        }
        service["uri"] = "https://" + last_part(name) + "-abc123-ew.a.run.app";
        service["revision"] = last_part(name) + "-0000" + std::to_string(changes_);
        function["url"] = "https://europe-west1-p.cloudfunctions.net/" + last_part(name);
    }
    Response create(const Call& call) {
        check_body(call.body);
        CHECK(text(call.body, "environment") == "GEN_2");
        REQUIRE(call.body.at("buildConfig").as_object().contains("source"));
        const auto name = call.path.substr(4) + '/' + call.query.at("functionId");
        if (!has_source(call.body)) return no_source();
        if (all.contains(name)) return error(409, "ALREADY_EXISTS", "Could not create resource, " + name + " exists");
        auto& function = all[name];
        function = call.body;
        function["name"] = name;
        begin_change(name, function);
        return operations_.begin([this, name](bool failed) { end_change(name, failed); });
    }
    Response patch(const std::string& name, const Call& call) {
        check_body(call.body);
        if (!has_source(call.body)) return no_source();
        auto& function = all.at(name);
        const auto& mask = call.query.at("updateMask");
        masks.push_back(mask);
        for (std::string_view rest = mask; !rest.empty();) {
            const auto field = rest.substr(0, rest.find(','));
            rest.remove_prefix(std::min(rest.size(), field.size() + 1));
            const auto dot = field.find('.');
            const auto from =
                dot == std::string_view::npos ? call.body : call.body.at(field.substr(0, dot)).as_object();
            auto& to = dot == std::string_view::npos ? function : part(function, field.substr(0, dot));
            const auto member = field.substr(dot + 1);  // npos + 1 is 0
            // Masks that recurse into maps lose entries (pitfall 9).
            REQUIRE(member.find('.') == std::string_view::npos);
            to[member] = from.at(member);
        }
        begin_change(name, function);
        return operations_.begin([this, name](bool failed) { end_change(name, failed); });
    }
    Response remove(const std::string& name) {
        all.at(name)["state"] = "DELETING";
        busy_.insert(name);
        return operations_.begin([this, name](bool failed) {
            busy_.erase(name);
            if (!failed) all.erase(name);
        });
    }
    Response list(const Call& call) {
        boost::json::array out;
        const auto token = call.query.find("pageToken");
        auto one = token == call.query.end() ? all.begin() : all.find(token->second);
        for (; one != all.end() && out.size() < page_size; ++one) out.push_back(one->second);
        Object body{{"functions", std::move(out)}};
        if (one != all.end()) body["nextPageToken"] = one->first;
        return reply(200, body);
    }

    Operations& operations_;
    std::set<std::string, std::less<>> busy_{};
    int changes_ = 0;
};

}  // namespace tests::gcp

#endif
