// What AWS answers to deployments: Lambda about functions, versions and aliases, and S3 about packages.
#include "answers.hpp"
#include "blueprint/faas/codec/aws_lambda_control.hpp"
#include "blueprint/faas/codec/aws_storage.hpp"
#include "fit.hpp"
#include "targets.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace blueprint::faas::fuzz {

namespace {

using detail::LambdaControl;

const detail::LambdaProtocol& lambda_of_ours() {
    static const detail::LambdaProtocol instance{
        {.region = "eu-central-1", .storage_bucket = "packages", .keep_log_text = true}};
    return instance;
}

void refused_by_lambda(const HttpResponse& answer) {
    const auto meant = detail::LambdaProtocol::judge(answer);
    fit_refusal(meant, answer);
    if (!meant) return;
    detail::lambda_refusal(*meant);
}

// What was read can be told, compared with itself, and counted.
void lambda_told(const detail::LambdaConfiguration& one) {
    static const LambdaControl control{lambda_of_ours()};
    FAAS_REQUIRE(one.settings.difference(one.settings).empty());
    FAAS_REQUIRE(one.phase() == detail::LambdaPhase::settled || !one.status().empty());
    const auto deployment = control.deployment(JobId{7U}, one);
    FAAS_REQUIRE(deployment.job_id == JobId{7U});
    FAAS_REQUIRE(deployment.package_sha256.empty() || deployment.package_sha256.size() == 64);
    if (one.phase() == detail::LambdaPhase::failed) FAAS_REQUIRE(deployment.state == DeploymentState::failed);
}

void lambda_versions(const std::vector<detail::LambdaConfiguration>& all, const detail::LambdaAlias& alias) {
    for (const auto& revision : LambdaControl::revisions(all, alias))
        FAAS_REQUIRE(revision.traffic >= 0 && revision.traffic <= 1);
    const auto goes = LambdaControl::prunable(all, alias, 1);
    FAAS_REQUIRE(goes.size() <= all.size());
    for (const auto& version : goes) {
        FAAS_REQUIRE(version != alias.version && version != alias.other);
        // A version is a number: it becomes part of a path.
        FAAS_REQUIRE(version.find_first_not_of("0123456789") == std::string::npos);
    }
    for (const auto& version : LambdaControl::older(all, alias)) FAAS_REQUIRE(version != alias.version);
}

}  // namespace

void lambda_control(Input input) {
    Reader reader{input};
    const auto answer = take_answer(reader);
    refused_by_lambda(answer);
    auto copy = answer;
    if (const auto function = LambdaControl::read_function(copy); fits(function)) {
        lambda_told(function->configuration);
        FAAS_REQUIRE(!LambdaControl::health(*function).reason.empty());
        detail::LambdaWanted wanted;
        wanted.settings = function->configuration.settings;
        wanted.tags = function->tags;
        wanted.reserved = function->reserved;
        wanted.alias = "live";
        FAAS_REQUIRE(!lambda_tasks(wanted, {}).empty());  // there is nothing yet, so there is something to be done
        lambda_tasks(
            wanted,
            {.latest = *function, .alias = detail::LambdaAlias{.version = "1"}, .live = function->configuration});
    }
    copy = answer;
    if (const auto configuration = LambdaControl::read_configuration(copy); fits(configuration))
        lambda_told(*configuration);
    const auto alias = LambdaControl::read_alias(answer);
    if (fits(alias)) {
        FAAS_REQUIRE(!alias->version.empty());
        FAAS_REQUIRE(alias->other_share >= 0 && alias->other_share <= 1);
        FAAS_REQUIRE(alias->same_route(*alias));
        for (const double share : {0.0, 0.25, 1.0}) {
            const auto shifted = LambdaControl::shifted(*alias, "7", share);
            if (fits(shifted)) FAAS_REQUIRE(shifted->other_share >= 0 && shifted->other_share <= 1);
        }
        const LambdaControl control{lambda_of_ours()};
        const auto request = control.update_alias(JobId{7U}, *alias);
        boost::system::error_code bad;
        static_cast<void>(boost::json::parse(request.body.view(), bad));
        FAAS_REQUIRE(!bad);
    }
    copy = answer;
    if (const auto page = LambdaControl::read_page(copy); fits(page)) {
        FAAS_REQUIRE(page->entries.size() <= answer.body.size());
        for (const auto& one : page->entries) lambda_told(one);
        const LambdaControl control{lambda_of_ours()};
        const auto next = control.list_versions(JobId{7U}, page->next);
        FAAS_REQUIRE(next.target.find_first_of(std::string_view{" \r\n#\0", 5}) == std::string::npos);
        lambda_versions(page->entries,
                        alias ? *alias : detail::LambdaAlias{.version = "3", .other = "2", .other_share = 0.5});
    }
    fits(LambdaControl::read_provisioned(answer));
    const auto warmed = LambdaControl::read_warmed(answer);
    FAAS_REQUIRE(warmed.instance.empty() != warmed.why_not.empty());
}

void s3_answer(Input input) {
    using detail::AwsStorage;
    static const auto storage = AwsStorage::make(lambda_of_ours());
    FAAS_REQUIRE(storage.has_value());
    Reader reader{input};
    const auto answer = take_answer(reader);
    for (const auto& meant : {AwsStorage::judge(answer), AwsStorage::judge_head(answer)}) {
        if (!meant) continue;
        fit_for_people(*meant);
        FAAS_REQUIRE(meant->http_status == answer.status);
        FAAS_REQUIRE(!meant->retry_after || meant->retry_after->count() >= 0);
    }
    if (answer.status >= 300) FAAS_REQUIRE(AwsStorage::judge(answer).has_value());
    if (AwsStorage::is_there(answer, 7)) FAAS_REQUIRE(answer.status == 200);
    const auto no_break = [](const std::string& text) {
        return text.find_first_of(std::string_view{"\r\n\0 #", 5}) == std::string::npos;
    };
    if (const auto upload = AwsStorage::read_upload(answer); fits(upload)) {
        FAAS_REQUIRE(!upload->empty());
        FAAS_REQUIRE(no_break(storage->abort_upload("key", *upload).target));
        FAAS_REQUIRE(no_break(storage->complete_upload("key", *upload, {"\"a\""}).target));
    }
    if (const auto part = AwsStorage::read_part(answer); fits(part)) {
        FAAS_REQUIRE(!part->empty());
        // The tag stands in a document of XML, and may not end its element.
        const auto request = storage->complete_upload("key", "upload", {*part});
        const auto body = request.body.view();
        FAAS_REQUIRE(std::count(body.begin(), body.end(), '<') == 8);
    }
}

}  // namespace blueprint::faas::fuzz
