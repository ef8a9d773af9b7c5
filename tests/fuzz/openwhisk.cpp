// What OpenWhisk answers: actions and lists of them, what a host offers, and what a call is answered with.
#include "blueprint/faas/codec/openwhisk_action.hpp"
#include "fit.hpp"
#include "targets.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::fuzz {

namespace {

using detail::OpenWhiskActions;
using detail::OpenWhiskApi;

HttpResponse openwhisk_answer_in(Reader& reader) {
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 200, 200, 202, 302, 400, 401, 403, 404, 405, 408,
                                            409, 413, 415, 418, 429, 500, 501, 502, 503, 504};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    const auto fields = reader.byte();
    static constexpr std::string_view names[] = {"Retry-After", "Location", "X-Request-ID",
                                                 "x-openwhisk-activation-id"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        if ((fields >> i & 1U) != 0) answer.headers.set(names[i], reader.until('\n'));
    answer.body = reader.rest();
    return answer;
}

const OpenWhiskApi& api() {
    static const OpenWhiskApi made{OpenWhiskActionOptions{}};
    return made;
}

// What becomes of an action that was read: it can be told, compared, and written again.
void openwhisk_read(const detail::OpenWhiskAction& action) {
    FAAS_REQUIRE(!action.name.empty() && action.name.size() <= 1100);
    if (const auto id = api().job_of(action.name)) FAAS_REQUIRE(api().action(*id) == action.name);
    static const detail::OpenWhiskAccess access{.api = {.origin = {.host = "faas.example"}, .target = "/api/v1"}};
    const auto told = OpenWhiskActions::deployment(api(), access, JobId{7U}, action);
    FAAS_REQUIRE(told.package_sha256.empty() || told.package_sha256.size() == 64);
    FAAS_REQUIRE(told.deployed_at.empty() || told.deployed_at.size() == 24);
    FAAS_REQUIRE(told.endpoint == "https://faas.example/api/v1/namespaces/_/actions/blueprint-job-7");
    detail::OpenWhiskWanted wanted;
    wanted.main = "main";
    wanted.annotations.emplace("final", "true");
    const auto names = OpenWhiskActions::difference(wanted, &action);
    // Nothing of what an action holds is a name but its parameters' and our annotations'.
    FAAS_REQUIRE(names.size() <= 8 + action.parameters.size() + action.annotations.size());
    // What is left of it after a change that wants all of it is no difference.
    wanted.limits = action.limits;
    wanted.kind = action.kind;
    wanted.main = action.main.empty() ? "main" : action.main;
    wanted.annotations = action.annotations;
    wanted.parameters = action.parameters;
    const auto same = OpenWhiskActions::difference(wanted, &action);
    for (const auto& name : same) FAAS_REQUIRE(name.starts_with("parameter "));
    auto body = OpenWhiskActions::put_action_body(wanted, "UEsDBA==", &action);
    FAAS_REQUIRE(body.bytes().front() == '{' && body.bytes().back() == '}');
}

}  // namespace

void openwhisk_action(Input input) {
    Reader reader{input};
    auto answer = openwhisk_answer_in(reader);
    const auto meant = OpenWhiskApi::judge(answer);
    FAAS_REQUIRE(meant.has_value() == (answer.status >= 300));
    if (meant) {
        fit_for_people(*meant);
        FAAS_REQUIRE(meant->http_status == answer.status);
        FAAS_REQUIRE(meant->request_id.size() <= 512);
        // The API itself says what is absent (C11), and a refused credential is not tried again as it is.
        if (meant->code == errc::not_found)
            FAAS_REQUIRE(answer.body.find("error") != std::string::npos || answer.body.find('\\') != std::string::npos);
        if (meant->code == errc::authentication) FAAS_REQUIRE(!meant->retryable);
        OpenWhiskApi::is_concurrent_change(*meant);
    }
    const auto list = OpenWhiskActions::read_actions(answer);
    if (fits(list)) {
        FAAS_REQUIRE(list->size() <= answer.body.size());
        for (const auto& action : *list) openwhisk_read(action);
    }
    const auto action = OpenWhiskActions::read_action(answer);
    FAAS_REQUIRE(answer.body.empty());  // parameters are wiped
    if (fits(action)) openwhisk_read(*action);
}

void openwhisk_offer(Input input) {
    Reader reader{input};
    const auto answer = openwhisk_answer_in(reader);
    const auto offer = OpenWhiskActions::read_offer(answer);
    if (!fits(offer)) return;
    const auto within = with_offer(detail::OpenWhiskBounds{}, *offer);
    FAAS_REQUIRE(within.min_timeout.count() > 0 && within.max_timeout.count() > 0);
    FAAS_REQUIRE(within.min_memory_mib > 0 && within.max_memory_mib > 0);
    for (const auto way : {OpenWhiskWay::node, OpenWhiskWay::action_loop})
        for (const std::string_view kind : {"", "nodejs:20", "go:default"}) {
            OpenWhiskActionOptions options;
            options.way = way;
            options.kind = kind;
            const auto picked = OpenWhiskActions::pick_kind(*offer, options);
            if (!fits(picked)) continue;
            FAAS_REQUIRE(!picked->empty());
            if (offer->families.empty()) continue;
            // It is one that is offered, and not given up.
            const bool offered = std::any_of(offer->families.begin(), offer->families.end(), [&](const auto& family) {
                return std::any_of(family.second.begin(), family.second.end(),
                                   [&](const auto& one) { return one.kind == *picked && !one.deprecated; });
            });
            FAAS_REQUIRE(offered);
        }
}

}  // namespace blueprint::faas::fuzz
