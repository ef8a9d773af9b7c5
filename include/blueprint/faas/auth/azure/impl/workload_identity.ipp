#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_WORKLOAD_IDENTITY_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_WORKLOAD_IDENTITY_IPP

#include "blueprint/faas/auth/azure/impl/token_endpoint.hpp"
#include "blueprint/faas/auth/azure/workload_identity.hpp"
#include "blueprint/faas/detail/wiped.hpp"

#include <boost/asio/this_coro.hpp>

#include <memory>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::azure_workload {

using azure_auth::failure;

/// Never changed after it is made, so that fetches may share it.
struct Client {
    azure_auth::Application application{};
    std::string token_file{};
};

BLUEPRINT_FAAS_COLD inline result<Secret> assertion_in(const std::string& path, const Environment& environment) {
    auto text = environment.read_file(path, 64U * 1024);
    if (!text) return std::move(text).error();
    if (!*text)
        return failure(errc::invalid_configuration, "the token file '" + path +
                                                        "' (AZURE_FEDERATED_TOKEN_FILE) does not exist; correct the "
                                                        "path, or see to it that the token is mounted there");
    const Secret assertion{trimmed((*text)->reveal())};
    if (assertion.empty())
        return failure(errc::authentication, "the token file '" + path +
                                                 "' (AZURE_FEDERATED_TOKEN_FILE) is empty: look at who should "
                                                 "write it");
    return assertion;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::TimedToken>> fetch(std::shared_ptr<const Client> client,
                                                                            Reach reach, azure::TokenRequest request,
                                                                            Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto assertion = assertion_in(client->token_file, *reach.environment);
    if (!assertion) co_return std::move(assertion).error();
    azure_auth::Proof proof;
    proof.assertion = std::move(*assertion);
    auto question = azure_auth::question_of(client->application, request, proof);
    auto asking = azure_auth::ask_for_token(std::move(reach), std::move(question), deadline);
    co_return co_await std::move(asking);
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::CredentialSearch>> find(
    Reach reach, azure::credentials::WorkloadIdentityOptions options) {
    const auto& environment = *reach.environment;
    std::string missing;
    const auto complete = [&](std::string& value, const char* name) {
        if (value.empty()) value = azure_auth::variable(environment, name);
        if (value.empty()) missing.append(missing.empty() ? "" : " and ").append(name);
    };
    complete(options.token_file, "AZURE_FEDERATED_TOKEN_FILE");
    complete(options.tenant, "AZURE_TENANT_ID");
    complete(options.client_id, "AZURE_CLIENT_ID");
    if (!missing.empty()) co_return azure::CredentialSearch{.not_here = "not set: " + missing};
    static constexpr azure_auth::Names names{.tenant = azure_auth::tenant_variable,
                                             .client_id = azure_auth::client_variable,
                                             .proof = "AZURE_FEDERATED_TOKEN_FILE"};
    auto application = azure_auth::make_application(environment, "the workload identity", names, options.tenant,
                                                    options.client_id, options.authority);
    if (!application) co_return std::move(application).error();
    if (auto readable = assertion_in(options.token_file, environment); !readable) co_return std::move(readable).error();
    auto client = std::make_shared<Client>();
    client->application = std::move(*application);
    client->token_file = std::move(options.token_file);
    azure::CredentialSearch search;
    search.found.emplace();
    search.found->what = client->application.what;
    search.found->fetch = [shared = std::shared_ptr<const Client>{std::move(client)}](
                              Reach way, azure::TokenRequest request, Deadline end) {
        return fetch(shared, std::move(way), std::move(request), end);
    };
    co_return search;
}

}  // namespace blueprint::faas::detail::azure_workload

namespace blueprint::faas::azure::credentials {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> WorkloadIdentity::find(
    const Reach& reach, Deadline) const {
    return faas::detail::azure_workload::find(reach, options_);
}

}  // namespace blueprint::faas::azure::credentials
BLUEPRINT_FAAS_COROUTINES_END

#endif
