// What is read of an app on Azure: the manifest of its site, and what its deployment service and the app itself answer.
#include "blueprint/faas/codec/azure_calls.hpp"
#include "blueprint/faas/codec/azure_publish.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/package/azure_site.hpp"
#include "fit.hpp"
#include "targets.hpp"

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace blueprint::faas::fuzz {

void azure_manifest(Input input) {
    const auto read = detail::read_azure_manifest(detail::text_of(input));
    if (!fits(read)) return;
    // One manifest has one text.
    const auto text = to_text(*read);
    const auto again = detail::read_azure_manifest(text);
    FAAS_REQUIRE(again.has_value() && *again == *read && to_text(*again) == text);
    FAAS_REQUIRE(read->jobs.empty() == read->front.empty());
    for (const auto& [id, job] : read->jobs)
        FAAS_REQUIRE(package_path_problem(detail::AzureManifest::folder_of(job.program())).empty());
}

void azure_deployment(Input input) {
    Reader reader{input};
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 202, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    answer.headers.set("Location", reader.until('\n'));
    answer.body = reader.rest();
    for (const auto way : {detail::AzurePublishWay::one_deploy, detail::AzurePublishWay::zip_deploy}) {
        const auto service = detail::AzurePublish::make("app.scm.example", way);
        FAAS_REQUIRE(service.has_value());
        const auto begun = service->read_begun(answer);
        if (fits(begun)) FAAS_REQUIRE(service->look(*begun).origin.host == "app.scm.example" && begun->front() == '/');
        const auto status = service->read_status(answer);
        if (fits(status)) FAAS_REQUIRE(service->log(*status).target.starts_with("/api/deployments/"));
        fits(detail::AzurePublishWatch{}.after(status));
    }
    const auto log = detail::AzurePublish::read_log(answer);
    FAAS_REQUIRE(log.find('\n') == std::string::npos);
    for (const auto& refused : {detail::AzurePublish::judge_publish(answer), detail::AzurePublish::judge_look(answer)})
        if (refused) {
            fit_for_people(*refused);
            detail::AzurePublish::remedy(*refused);
        }
    detail::read_azure_site_answer(answer);
}

void azure_call(Input input) {
    using detail::AzureCalls;
    Reader reader{input};
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 200, 302, 400, 401, 403, 404, 405, 413, 418, 429, 500, 502, 503, 504};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    const auto fields = reader.byte();
    static constexpr std::string_view names[] = {"Retry-After", "Location", "WWW-Authenticate", "X-Blueprint-Instance"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        if ((fields >> i & 1U) != 0) answer.headers.set(names[i], reader.until('\n'));
    answer.body = reader.rest();
    const auto meant = AzureCalls::judge(answer);
    FAAS_REQUIRE(meant.has_value() == (answer.status != 200));
    if (meant) {
        fit_for_people(*meant);
        // A job that ran is never called again by itself, and a refused key is not the Auth's to renew.
        if (meant->execution == Execution::started) FAAS_REQUIRE(!meant->retryable);
    }
    const auto app = AzureCalls::read_app(answer);
    if (fits(app)) FAAS_REQUIRE(!app->words.empty() && app->words.size() <= 512 && app->site.size() <= 512);
    const auto host = AzureCalls::read_host_status(answer);
    if (fits(host)) FAAS_REQUIRE(!host->state.empty());
    // Whatever an address is, calls and keys go to the origin that it names.
    const auto of_host = AzureCalls::function_url_of(answer.body);
    if (fits(of_host)) FAAS_REQUIRE(of_host->target == "/api/run" && of_host->origin.tls);
    const auto url = AzureCalls::function_url(answer.body);
    if (!fits(url)) return;
    FAAS_REQUIRE(url->target.ends_with("/api/run") && url->target.find('?') == std::string::npos);
    const auto status = AzureCalls::host_status_request(*url, "key");
    FAAS_REQUIRE(status.origin == url->origin && status.target.ends_with("/admin/host/status"));
}

}  // namespace blueprint::faas::fuzz
