#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_CALLS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_CALLS_IPP

#include "blueprint/faas/codec/gcp_calls.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"

#include <boost/json/object.hpp>

#include <utility>

namespace blueprint::faas::detail {

namespace gcp_calls {

// The words of Google's front end, which are pages.
// Source: Cloud Run documentation, "Troubleshoot Cloud Run issues".
BLUEPRINT_FAAS_COLD inline std::optional<FunctionCalls::Meaning> front_meaning(unsigned status, std::string_view text) {
    using Meaning = FunctionCalls::Meaning;
    switch (status) {
        case 400: return Meaning{errc::invalid_configuration, false, Execution::not_started, ""};
        case 401:
            return Meaning{
                errc::authentication, true, Execution::not_started,
                "; a service takes ID tokens alone, and only one whose audience is the service's own URL: use "
                "GoogleAuth with a service account, and check job_urls and this machine's clock"};
        case 403:
            return Meaning{errc::authentication, false, Execution::not_started,
                           "; the caller is known and has not the role roles/run.invoker: name it in "
                           "GoogleCloudOptions::invokers and deploy, or see whether `ingress` lets this network in"};
        case 404:
            return Meaning{errc::not_found, false, Execution::not_started,
                           "; there is no such service, or its `ingress` does not let this network in: deploy the job, "
                           "or check its URL"};
        case 405: return Meaning{errc::unsupported, false, Execution::not_started, ""};
        case 413:
            return Meaning{errc::invalid_configuration, false, Execution::not_started,
                           "; send less, or the place where the rest is"};
        case 429:
            return Meaning{errc::throttled, true, Execution::not_started,
                           "; no instance was free for the call: send fewer at once, or raise max_instances or "
                           "FaasConfig::max_concurrency"};
        case 500:
            if (text.find("no available instance") != std::string_view::npos)
                return Meaning{errc::throttled, true, Execution::not_started,
                               "; raise max_instances or FaasConfig::max_concurrency"};
            return Meaning{errc::infrastructure, true, Execution::unknown,
                           "; the program ended before it answered: see its log"};
        case 502:
        case 503:
            return Meaning{errc::infrastructure, true, Execution::unknown,
                           "; the program could not be started, or gave no proper answer: see its log"};
        case 504:
            return Meaning{errc::timed_out, true, Execution::unknown,
                           "; give the function a longer timeout, or the job less to do"};
        default: return std::nullopt;
    }
}

}  // namespace gcp_calls

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL GoogleCalls::GoogleCalls(const GoogleCloudOptions& options)
    : FunctionCalls{options.max_body_bytes, options.warm_hold, words} {
    for (const auto& [id, text] : options.job_urls) {
        auto one = address(text);
        if (!one) {
            misconfigured_ = std::move(one).error();
            misconfigured_->message.insert(0, "GoogleCloudOptions::job_urls, " + gcp_reading::job_text(id) + ": ");
            return;
        }
        given_.emplace(id, std::move(*one));
    }
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<GoogleAddress> GoogleCalls::address(std::string_view url) {
    auto parsed = parse_url(url);
    if (!parsed) return std::move(parsed).error();
    GoogleAddress out;
    // A service's own name stands for all its paths.
    const bool whole_host = parsed->origin.host.ends_with(".run.app");
    out.audience = url.substr(0, url.find_first_of("?#"));
    if (whole_host) out.audience = to_string(parsed->origin);
    out.url = std::move(*parsed);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void GoogleCalls::begin_form(CallForm& form, JobId id,
                                                                     const GoogleAddress& address, std::uint64_t state,
                                                                     Form bytes) const {
    FunctionCalls::begin_form(form, id, address.url, bytes);
    form.audience = address.audience;
    form.fix(id, state);
}

BLUEPRINT_FAAS_DECL std::optional<Error> GoogleCalls::judge(const HttpResponse& answer) {
    using namespace gcp_reading;
    if (answer.status == 200) return std::nullopt;
    if (auto told = function_failure(answer, words)) return told;
    std::string text, code;
    const auto body = parse_object(answer.body);
    if (const auto* googles = body ? object_member(*body, "error") : nullptr; googles != nullptr) {
        text = for_people(text_member(*googles, "message"));
        code = for_people(text_member(*googles, "status"));
    } else {
        text = plain_body_text(answer.body);
    }
    // The framework before the program says so of a shim that threw.
    if (const auto crash = answer.headers.get("X-Google-Status"); crash && text.empty())
        text = "the function's runtime reports: " + for_people(*crash);
    const auto meaning = gcp_calls::front_meaning(answer.status, text);
    auto error = front_failure(answer, std::move(text), meaning);
    error.platform_code = std::move(code);
    return error;
}

}  // namespace blueprint::faas::detail

#endif
