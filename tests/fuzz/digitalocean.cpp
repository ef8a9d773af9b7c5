// What DigitalOcean's own API answers.
#include "blueprint/faas/codec/digitalocean_api.hpp"
#include "fit.hpp"
#include "targets.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <string_view>

namespace blueprint::faas::fuzz {

namespace {

HttpResponse answer_of_digitalocean(Reader& reader) {
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 200, 201, 204, 302, 400, 401, 403, 404, 405, 408, 409,
                                            410, 412, 413, 418, 422, 429, 500, 501, 502, 503, 504};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    const auto fields = reader.byte();
    static constexpr std::string_view names[] = {"Retry-After", "Location", "ratelimit-remaining", "ratelimit-reset",
                                                 "Date"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        if ((fields >> i & 1U) != 0) answer.headers.set(names[i], reader.until('\n'));
    answer.body = reader.rest();
    return answer;
}

void digitalocean_refusals(const HttpResponse& answer) {
    const auto meant = detail::DigitalOceanApi::judge(answer);
    fit_refusal(meant, answer);
    if (!meant) return;
    // Nobody but the API itself says that something is not there (C11).
    if (meant->code == errc::not_found) FAAS_REQUIRE(meant->platform_code == "not_found");
}

void digitalocean_listings(HttpResponse answer) {
    static const detail::DigitalOceanApi api{[] {
        DigitalOceanOptions options;
        options.region = "nyc1";
        return options;
    }()};
    const auto all = detail::DigitalOceanApi::read_namespaces(answer);
    FAAS_REQUIRE(answer.body.empty());  // it may have held keys
    if (!fits(all)) return;
    for (const auto& one : *all) FAAS_REQUIRE(!one.id.empty() && !one.id.starts_with("ap-"));
    fit_for_people(api.absent(*all));
    const auto chosen = api.choose(*all);
    if (!fits(chosen) || !*chosen) return;
    FAAS_REQUIRE((*chosen)->label == "blueprint");
    const auto request = api.create_key((*chosen)->id, "name");
    FAAS_REQUIRE(request.origin.host == "api.digitalocean.com");
    FAAS_REQUIRE(std::count(request.target.begin(), request.target.end(), '/') == 5);
}

}  // namespace

void digitalocean_answer(Input input) {
    Reader reader{input};
    const auto answer = answer_of_digitalocean(reader);
    digitalocean_refusals(answer);
    digitalocean_listings(answer);
    auto copy = answer;
    const auto made = detail::DigitalOceanApi::read_namespace(copy);
    FAAS_REQUIRE(copy.body.empty());
    if (fits(made)) FAAS_REQUIRE(!made->id.empty());
    copy = answer;
    const auto key = detail::DigitalOceanApi::read_key(copy);
    FAAS_REQUIRE(copy.body.empty());
    if (!fits(key)) return;
    FAAS_REQUIRE(!key->id.empty() && !key->secret.empty() && key->id.find(':') == std::string::npos);
    FAAS_REQUIRE(!key->life || key->life->count() > 0);
}

}  // namespace blueprint::faas::fuzz
