#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_APP_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_APP_HPP

#include "blueprint/faas/package/azure_manifest.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "support/fake_azure.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests::azure {

/// What runs in one app: the site that was deployed, by its files.
struct Running {
    std::map<std::string, blueprint::faas::ZipFile> files{};
    std::map<std::string, blueprint::faas::ZipFile> before{};  ///< what instances have that are not exchanged yet
    int old_answers = 0;                                       ///< every other one of so many answers comes from those

    static std::string text_in(const std::map<std::string, blueprint::faas::ZipFile>& files, const std::string& path) {
        const auto found = files.find(path);
        return found == files.end() ? std::string{} : std::string{found->second.data.begin(), found->second.data.end()};
    }
    std::string text(const std::string& path) const { return text_in(files, path); }
};

/// A deployment, as the app's own service goes on with it.
struct Deployment {
    std::string site{};
    int looks = 0;  ///< how many it still takes
    int status = 1;
    std::map<std::string, blueprint::faas::ZipFile> files{};
};

}  // namespace tests::azure

namespace tests {

/// Azure in memory with the apps themselves: their deployment services, which unpack sites, and their hosts, which
/// start a site's program.
class FakeAzureApps : public FakeAzure {
public:
    FakeAzureApps() {
        more = [this](const azure::Call& call, const Request& request) { return apps(call, request); };
    }

    std::map<std::string, azure::Running> running{};  ///< by the app's name
    std::deque<Response> refusals{};                  ///< of the next sites that are handed over
    int deployment_looks = 1;                         ///< how many a deployment takes
    int early_looks = 0;                              ///< so many find nothing, as it is not known yet
    bool vanishes = false;                            ///< it is not known any more when it has ended
    int deployment_fails = 0;                         ///< so many end with this status instead of success
    int fails_with = 3;
    int old_answers = 0;             ///< every other one of so many answers is of the site before
    std::set<std::string> broken{};  ///< programs that do not start, by the first 16 digits
    bool tells_site = true;          ///< otherwise programs know nothing of sites
    int syncs_refused = 0;           ///< so many looks for new functions meet a host that restarts
    int published = 0;
    std::size_t zip_files = 0;

    azure::Running& site(const std::string& name) { return running[name]; }

private:
    static bool is_scm(const std::string& host) { return host.find(".scm.") != std::string::npos; }

    std::optional<Answer> apps(const azure::Call& call, const Request& request) {
        if (call.path.ends_with("/syncfunctiontriggers")) {
            CHECK(call.authorization == "Bearer access-token");
            if (syncs_refused-- > 0)
                return azure::web_error(400, "BadRequest",
                                        "Encountered an error (ServiceUnavailable) from host "
                                        "runtime.");
            return Response{.status = 204};
        }
        if (!call.host.ends_with(".azurewebsites.net")) return std::nullopt;
        for (auto& [name, one] : arm.sites) {
            if (!call.host.starts_with(name + "-c0ffee.")) continue;
            return is_scm(call.host) ? scm(name, one, call, request) : host(name, call, request);
        }
        return rest::page(404, "404 Web Site not found.");
    }

    // --- the deployment service
    Answer scm(const std::string& name, const azure::Arm::Site& site, const azure::Call& call, const Request& request) {
        if (call.authorization != "Bearer access-token") return Response{.status = 401};
        const bool flex = site.resource.at("properties").as_object().contains("functionAppConfig");
        if (call.path == "/api/publish" || call.path == "/api/zipdeploy") {
            CHECK(call.verb == azure::Verb::post);
            if (flex != (call.path == "/api/publish")) return Response{.status = 404};
            if (request.headers.get("Content-Type") != "application/zip") return Response{.status = 415};
            if (flex) CHECK(call.query.at("RemoteBuild") == "false");
            if (!flex) CHECK(call.query.at("isAsync") == "true");
            return hand_over(name, site, request, flex);
        }
        const std::string lead = "/api/deployments/";
        REQUIRE(call.path.starts_with(lead));
        auto id = call.path.substr(lead.size());
        const bool log = id.ends_with("/log");
        if (log) id.resize(id.size() - 4);
        return look(flex ? id : latest_, log, flex);
    }
    Answer hand_over(const std::string& name, const azure::Arm::Site& site, const Request& request, bool flex) {
        if (!refusals.empty()) {
            auto refusal = std::move(refusals.front());
            refusals.pop_front();
            return refusal;
        }
        if (flex && !container_is_there(site))
            return rest::reply(400, {{"Message",
                                      "BlobUploadFailedException: Failed to upload blob to storage account: Response "
                                      "status code does not indicate success: 404 (The specified container does not "
                                      "exist.)."}});
        for (auto& [id, one] : deployments_) {
            if (one.site != name || one.looks == 0) continue;
            if (--one.looks == 0) end(one);  // time passes for it, whoever looks
            return rest::page(409, "Another deployment is in progress.");
        }
        azure::Deployment deployment;
        deployment.site = name;
        deployment.looks = deployment_looks;
        const auto view = request.body.view();
        const blueprint::faas::Bytes zip{view.begin(), view.end()};
        auto files = blueprint::faas::read_zip(zip);
        REQUIRE(files.has_value());
        zip_files = files->size();
        for (auto& file : *files) deployment.files.emplace(file.path, std::move(file));
        CHECK(deployment.files.contains("host.json"));
        latest_ = "deployment-" + std::to_string(++published);
        early_left_ = early_looks;
        deployments_[latest_] = std::move(deployment);
        Response begun{.status = 202};
        if (flex) begun.body = '"' + latest_ + '"';
        if (!flex)
            begun.headers.set("Location", "https://" + name +
                                              "-c0ffee.scm.westeurope-01.azurewebsites.net/api/deployments/"
                                              "latest?deployer=blueprint-faas&time=2026-01-02_03-04-05Z");
        return begun;
    }
    bool container_is_there(const azure::Arm::Site& site) const {
        const auto& place =
            site.resource.at("properties").at("functionAppConfig").at("deployment").at("storage").as_object();
        const auto url = rest::text(place, "value");
        for (const auto& [name, one] : arm.accounts) {
            const auto base = "https://" + name + ".blob.core.windows.net/";
            if (url.starts_with(base)) return one.containers.contains(url.substr(base.size()));
        }
        return false;
    }
    Answer look(const std::string& id, bool log, bool flex) {
        const auto found = deployments_.find(id);
        if (found == deployments_.end() || early_left_-- > 0) return rest::page(404, "No deployment found");
        auto& one = found->second;
        if (log) {
            boost::json::array told;
            told.push_back(azure::Object{{"message", "Fetching changes."}});
            told.push_back(azure::Object{{"message", "Deployment Failed. Error: the site cannot be mounted."}});
            Response out{.status = 200};
            out.body = boost::json::serialize(told);
            return out;
        }
        if (one.looks > 0 && --one.looks == 0) end(one);
        if (one.looks == 0 && vanishes) return rest::page(404, "No deployment found");
        if (!flex && one.looks > 0) return Response{.status = 202};
        return rest::reply(200, {{"id", id},
                                 {"status", one.looks > 0 ? 1 : one.status},
                                 {"status_text", one.looks > 0 ? "Building and Deploying." : ""},
                                 {"complete", one.looks == 0}});
    }
    void end(azure::Deployment& one) {
        const bool fails = deployment_fails-- > 0;
        one.status = fails ? fails_with : 4;
        if (fails) return;
        auto& app = running[one.site];
        app.before = std::exchange(app.files, std::move(one.files));
        app.old_answers = old_answers;
    }

    // --- the app's host
    Answer host(const std::string& name, const azure::Call& call, const Request& request) {
        CHECK(call.authorization.empty());
        CHECK_FALSE(call.query.contains("code"));
        const auto found = running.find(name);
        if (found == running.end() || call.path != "/api/run") return Response{.status = 404};
        // By turns, as those of instances of which some were exchanged already.
        const bool old = found->second.old_answers > 0 && found->second.old_answers-- % 2 == 1;
        const auto& files = old ? found->second.before : found->second.files;
        if (!files.contains("run/function.json")) return Response{.status = 404};
        if (request.headers.get("x-functions-key") != arm.function_key) return Response{.status = 401};
        // As the real host does: the program is looked for from the app's root on.
        const auto handler = boost::json::parse(azure::Running::text_in(files, "host.json")).at("customHandler");
        const std::string program{handler.at("description").at("defaultExecutablePath").as_string()};
        const auto executable = files.find(program);
        if (executable == files.end() || executable->second.mode != 0755)
            return rest::page(503, "Function host is not running.");
        if (broken.contains(program.substr(9, 16))) return rest::page(503, "Function host is not running.");
        if (call.verb == azure::Verb::post) return called(files, request);
        azure::Object told{{"status", "healthy"}, {"instance", "instance-1"}};
        if (tells_site) told["site"] = azure::Running::text_in(files, "blueprint.sha256");
        return rest::reply(200, told);
    }
    // Each job answers with its own program's name.
    static Answer called(const std::map<std::string, blueprint::faas::ZipFile>& files, const Request& request) {
        const auto manifest = blueprint::faas::detail::read_azure_manifest(
            azure::Running::text_in(files, std::string{blueprint::faas::detail::AzureManifest::path}));
        REQUIRE(manifest.has_value());
        const auto id =
            static_cast<std::uint32_t>(std::stoul(std::string{request.headers.get("X-Blueprint-Job-Id").value_or("")}));
        const auto job = manifest->jobs.find(blueprint::faas::JobId{id});
        Response out{.status = 200};
        out.headers.set("Content-Type", "application/octet-stream");
        if (job == manifest->jobs.end()) {
            out.status = 500;
            return out;
        }
        CHECK(files.contains("programs/" + std::string{job->second.program()} + "/bootstrap"));
        out.body = job->second.program();
        return out;
    }

    std::map<std::string, azure::Deployment> deployments_{};
    std::string latest_{};
    int early_left_ = 0;
};

}  // namespace tests

#endif
