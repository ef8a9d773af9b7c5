// What Azure's management API and its blob storage answer.
#include "blueprint/faas/codec/azure_app.hpp"
#include "blueprint/faas/codec/azure_operation.hpp"
#include "blueprint/faas/codec/azure_storage.hpp"
#include "fit.hpp"
#include "targets.hpp"

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace blueprint::faas::fuzz {

namespace {

const detail::AzureApi& management() {
    static const detail::AzureApi api{[] {
        AzureFunctionsOptions options;
        options.subscription = "11111111-2222-4333-8444-555555555555";
        options.resource_group = "jobs";
        return options;
    }()};
    return api;
}

void refusals(const HttpResponse& answer) {
    const auto meant = detail::AzureApi::judge(answer);
    FAAS_REQUIRE(meant.has_value() == (answer.status >= 300));
    if (!meant) return;
    fit_for_people(*meant);
    FAAS_REQUIRE(meant->http_status == answer.status);
    // Nobody but the API itself says that something is not there (C11).
    if (meant->code == errc::not_found) FAAS_REQUIRE(answer.body.find('{') != std::string::npos);
    detail::AzureApi::is_busy(*meant);
    const auto provider = detail::AzureApi::unregistered(*meant, management().get_site());
    FAAS_REQUIRE(provider.find_first_of("/?#%& ") == std::string::npos);
    FAAS_REQUIRE(detail::AzureApi::judge_host(answer).has_value());
    const auto stored = detail::AzureStorage::judge(answer);
    FAAS_REQUIRE(stored.has_value());
    fit_for_people(*stored);
}

void operations(const HttpResponse& answer) {
    for (const auto verb : {Verb::put, Verb::del}) {
        const auto request = management().request(detail::AzureKind::site, verb, "/site");
        auto operation = detail::AzureOperation::begin(request, answer);
        if (!fits(operation)) continue;
        for (int looks = 0; looks < 2 && !operation->done(); ++looks) {
            // The token goes to the API alone.
            FAAS_REQUIRE(operation->look().origin == request.origin && operation->look().target.starts_with('/'));
            if (!fits(operation->observe(answer))) return;
        }
        if (operation->failed()) fit_for_people(*operation->failed());
    }
}

// What is read is gone from the answer where it holds secrets, so each reads a copy.
template <class Read>
auto read_copy(HttpResponse answer, Read read) {
    auto out = read(answer);
    FAAS_REQUIRE(answer.body.empty());
    return out;
}

}  // namespace

void azure_answer(Input input) {
    using detail::AzureApp;
    Reader reader{input};
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 201, 202, 204, 302, 400, 401, 403, 404, 405, 408,
                                            409, 410, 412, 418, 429, 500, 501, 502, 503, 504};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    const auto fields = reader.byte();
    static constexpr std::string_view names[] = {"Retry-After",     "Date", "Location", "Azure-AsyncOperation",
                                                 "x-ms-error-code", "ETag"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        if ((fields >> i & 1U) != 0) answer.headers.set(names[i], reader.until('\n'));
    answer.body = reader.rest();
    refusals(answer);
    operations(answer);
    fits(detail::AzureApi::read_registered(answer));
    fits(AzureApp::read_account(answer));
    fits(AzureApp::read_plan(answer));
    fits(AzureApp::read_linux_version(answer));
    fits(AzureApp::read_other_apps(management(), answer));
    if (const auto site = AzureApp::read_site(answer); fits(site)) {
        if (const auto why = site->unfit()) fit_for_people(*why);
        for (const auto& host : {site->host, site->scm_host})
            FAAS_REQUIRE(host.find_first_of("/?#@ \r\n") == std::string::npos);
        if (site->config) FAAS_REQUIRE(AzureApp::config_body(*site->config).size() != 0);
        FAAS_REQUIRE(management().get_plan(site->plan_id).target.starts_with('/'));
    }
    fits(read_copy(answer, [](HttpResponse& one) { return AzureApp::read_account_key(one); }));
    fits(read_copy(answer, [](HttpResponse& one) { return AzureApp::read_host_keys(one); }));
    const auto settings = read_copy(answer, [](HttpResponse& one) { return AzureApp::read_settings(one); });
    if (fits(settings)) fits(AzureApp::store_of(management(), *settings));
    fits(detail::AzureStorage::read_page(answer));
    fits(detail::AzureStorage::read_blob(answer));
    if (const auto store = detail::read_connection_string(Secret{std::string_view{answer.body}}); fits(store)) {
        auto whole = *store;
        whole.container = "packages";
        fits(detail::AzureStorage::make(whole));
    }
}

}  // namespace blueprint::faas::fuzz
