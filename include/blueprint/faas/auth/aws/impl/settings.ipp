#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_SETTINGS_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_SETTINGS_IPP

#include "blueprint/faas/auth/aws/settings.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/http.hpp"

#include <algorithm>
#include <utility>

namespace blueprint::faas::detail {

namespace aws_settings {

struct Partition {
    std::string_view name;
    std::string_view begin;  // of its regions
    std::string_view suffix;
    std::string_view dual_stack_suffix;  // empty: it has no such endpoints
};

// The first of these that fits; the last one fits everything. Source: the partitions of AWS's published endpoint data.
inline constexpr std::array<Partition, 8> partitions{{
    {"aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"aws-us-gov", "us-gov-", "amazonaws.com", "api.aws"},
    {"aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", ""},
    {"aws-iso-f", "us-isof-", "csp.hci.ic.gov", ""},
    {"aws", "", "amazonaws.com", "api.aws"},
}};

BLUEPRINT_FAAS_COLD inline const Partition& partition_of(std::string_view region) noexcept {
    for (const auto& one : partitions)
        if (region.starts_with(one.begin)) return one;
    return partitions.back();
}

// What a service is called: in host names, in variables behind AWS_ENDPOINT_URL_, in [services] sections.
struct Names {
    std::string_view host;
    std::string_view variable;
    std::string_view key;
};
inline constexpr std::array<Names, aws::service_count> services{{
    {"lambda", "AWS_ENDPOINT_URL_LAMBDA", "lambda"},
    {"sts", "AWS_ENDPOINT_URL_STS", "sts"},
    {"s3", "AWS_ENDPOINT_URL_S3", "s3"},
    {"portal.sso", "AWS_ENDPOINT_URL_SSO", "sso"},
    {"oidc", "AWS_ENDPOINT_URL_SSO_OIDC", "sso_oidc"},
}};

BLUEPRINT_FAAS_COLD inline Error wrong(std::string message) {
    return Error{
        .code = errc::invalid_configuration, .message = std::move(message), .execution = Execution::not_started};
}

// A region becomes a part of a host name, so it must not be able to name another host. It is not shown: whoever puts a
// key into the wrong variable would find it in a log.
BLUEPRINT_FAAS_COLD inline bool is_region(std::string_view text) noexcept {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
           text.find_first_not_of(allowed) == std::string_view::npos &&
           text.find_first_not_of("0123456789") != std::string_view::npos;
}

BLUEPRINT_FAAS_COLD inline std::string host_of(aws::Service service, const Partition& partition,
                                               std::string_view region, bool fips, bool dual_stack) {
    std::string host{services[static_cast<std::size_t>(service)].host};
    // In us-gov these have one host, which is validated.
    const bool same =
        partition.name == "aws-us-gov" && !dual_stack && service != aws::Service::lambda && service != aws::Service::s3;
    if (fips && !same) host += "-fips";
    if (dual_stack && service == aws::Service::s3) host += ".dualstack";
    const bool other_suffix = dual_stack && service != aws::Service::s3;
    host.append(".").append(region).append(".");
    host.append(other_suffix ? partition.dual_stack_suffix : partition.suffix);
    return host;
}

// Where one value comes from: the caller, a variable, or the profile.
class Lookup {
public:
    Lookup(const Environment& environment, const aws::ConfigSection& section, std::string profile)
        : environment_{environment}, section_{section}, profile_{std::move(profile)} {}

    struct Found {
        std::string value{};
        std::string by{};
    };
    Found variable(std::string_view name) const {
        return {environment_.variable(std::string{name}).value_or(""), std::string{name}};
    }
    Found key(std::string_view name) const {
        return {std::string{section_.text(name)}, "'" + std::string{name} + "' of the profile '" + profile_ + '\''};
    }
    BLUEPRINT_FAAS_COLD Found first(std::string_view variable_name, std::string_view key_name) const {
        Found found = variable(variable_name);
        return found.value.empty() ? key(key_name) : found;
    }
    BLUEPRINT_FAAS_COLD result<bool> truth(std::string_view variable_name, std::string_view key_name) const {
        const Found found = first(variable_name, key_name);
        if (found.value.empty() || iequals(found.value, "false")) return false;
        if (iequals(found.value, "true")) return true;
        return wrong(found.by + " must be 'true' or 'false'");
    }

private:
    const Environment& environment_;
    const aws::ConfigSection& section_;
    std::string profile_;
};

// The URLs that were configured. Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
BLUEPRINT_FAAS_COLD inline result<void> find_endpoints(const Lookup& lookup, const aws::ConfigFiles& files,
                                                       const aws::ConfigSection& section, aws::Settings& settings) {
    const auto ignore = lookup.truth("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls");
    if (!ignore) return ignore.error();
    if (*ignore) return {};
    const std::string_view list = section.text("services");
    const auto listed = files.config.services.find(list);
    if (!list.empty() && listed == files.config.services.end())
        return wrong("'services' of the profile '" + settings.profile + "' names a section [services ...] that '" +
                     files.config.path + "' does not have; add it, or correct the name");
    for (std::size_t i = 0; i < services.size(); ++i) {
        auto& configured = settings.endpoints[i];
        if (!configured.url.empty()) continue;  // the caller's
        auto found = lookup.variable(services[i].variable);
        if (found.value.empty()) found = lookup.variable("AWS_ENDPOINT_URL");
        if (found.value.empty() && listed != files.config.services.end())
            found = {std::string{listed->second.text(services[i].key, "endpoint_url")},
                     "'endpoint_url' of '" + std::string{services[i].key} + "' in a [services] section"};
        if (found.value.empty()) found = lookup.key("endpoint_url");
        if (!found.value.empty()) configured = {std::move(found.value), std::move(found.by)};
    }
    return {};
}

}  // namespace aws_settings

}  // namespace blueprint::faas::detail

namespace blueprint::faas::aws {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string_view partition_of(std::string_view region) noexcept {
    return faas::detail::aws_settings::partition_of(region).name;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Endpoint> Settings::endpoint_for(Service service,
                                                                                std::string_view other_region) const {
    using namespace faas::detail::aws_settings;
    const std::string_view where = other_region.empty() ? std::string_view{region} : other_region;
    if (where.empty())
        return wrong(
            "no region is known; set the option 'region', the variable AWS_REGION, or 'region' of the profile '" +
            profile + '\'');
    if (!is_region(where))
        return wrong("the name of a region has lower-case letters, digits and '-' alone, such as eu-central-1");
    const Configured& configured = endpoints[static_cast<std::size_t>(service)];
    if (!configured.url.empty()) {
        if (fips || dual_stack)
            return wrong(configured.by + " sets an endpoint, and " + (fips ? "FIPS" : "dual stack") +
                         " is asked for, which only AWS's own endpoints have; take one of both away");
        const auto url = faas::detail::parse_url(configured.url);
        if (!url) return wrong(configured.by + " is no endpoint: " + url.error().message);
        return Endpoint{.url = configured.url, .region = std::string{where}};
    }
    const auto& partition = faas::detail::aws_settings::partition_of(where);
    if (fips && service == Service::s3 && partition.name == "aws-cn")
        return wrong("S3 has no FIPS endpoints in China; do without FIPS there");
    if (dual_stack && partition.dual_stack_suffix.empty())
        return wrong("there are no dual-stack endpoints in the partition " + std::string{partition.name} +
                     "; do without dual stack there");
    return Endpoint{.url = "https://" + host_of(service, partition, where, fips, dual_stack),
                    .region = std::string{where}};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Settings> resolve_settings(const faas::Environment& environment,
                                                                          const ConfigFiles& files,
                                                                          const SettingsOptions& options) {
    using namespace faas::detail::aws_settings;
    Settings settings;
    std::string chosen_by = "the option 'profile'";
    std::string chosen = options.profile;
    if (chosen.empty()) {
        chosen_by = "AWS_PROFILE";
        chosen = environment.variable("AWS_PROFILE").value_or("");
    }
    if (!chosen.empty() && !files.has_profile(chosen)) return files.no_such_profile(chosen, chosen_by);
    if (!chosen.empty()) settings.profile = std::move(chosen);
    const ConfigSection section = files.profile(settings.profile);
    const Lookup lookup{environment, section, settings.profile};

    Lookup::Found region{options.region, "the option 'region'"};
    if (region.value.empty()) region = lookup.variable("AWS_REGION");
    if (region.value.empty()) region = lookup.first("AWS_DEFAULT_REGION", "region");
    if (!region.value.empty() && !is_region(region.value))
        return wrong(region.by +
                     " is no name of a region: lower-case letters, digits and '-' alone, such as "
                     "eu-central-1, because it becomes a part of host names");
    settings.region = std::move(region.value);

    const auto fips = lookup.truth("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    if (!fips && !options.fips) return fips.error();
    settings.fips = options.fips ? *options.fips : *fips;
    const auto dual_stack = lookup.truth("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    if (!dual_stack && !options.dual_stack) return dual_stack.error();
    settings.dual_stack = options.dual_stack ? *options.dual_stack : *dual_stack;

    settings.ca_bundle = options.ca_bundle;
    if (settings.ca_bundle.empty()) settings.ca_bundle = lookup.first("AWS_CA_BUNDLE", "ca_bundle").value;
    settings.ca_bundle = expand_home(std::move(settings.ca_bundle), environment);

    settings.endpoints[static_cast<std::size_t>(Service::lambda)] = {options.endpoint, "the option 'endpoint'"};
    if (auto found = find_endpoints(lookup, files, section, settings); !found) return std::move(found).error();
    return settings;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Settings> resolve_settings(const faas::Environment& environment,
                                                                          const SettingsOptions& options) {
    const auto files = read_config_files(environment);
    if (!files) return files.error();
    return resolve_settings(environment, *files, options);
}

}  // namespace blueprint::faas::aws

#endif
