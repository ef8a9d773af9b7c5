#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_SESSIONS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_SESSIONS_IPP

#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace blueprint::faas::local {

inline constexpr std::string_view aws_id_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

BLUEPRINT_FAAS_DECL std::string aws_unique_id(std::string_view prefix, std::string_view arn) {
    const auto digest = faas::detail::sha256(faas::detail::bytes_of(arn));
    std::string out{prefix};
    for (std::size_t i = 0; i < 17; ++i) out += aws_id_alphabet[digest[i] % aws_id_alphabet.size()];
    return out;
}

BLUEPRINT_FAAS_DECL std::string aws_arn(const AwsOptions& options, std::string_view service) {
    const std::string_view partition = options.region.starts_with("cn-")       ? "aws-cn"
                                       : options.region.starts_with("us-gov-") ? "aws-us-gov"
                                                                               : "aws";
    return std::string{"arn:"}.append(partition).append(1, ':').append(service) + "::" + options.account_id + ':';
}

BLUEPRINT_FAAS_DECL AwsSession AwsSessions::issue(std::string arn, std::chrono::seconds life) {
    AwsSession session{.access_key_id = "ASIA",
                       .secret_access_key = random_text(40),
                       .token = random_text(256),
                       .arn = std::move(arn),
                       .expires = clock_.now() + life};
    std::array<std::uint8_t, 16> random{};
    draw_random(random);
    for (const auto byte : random) session.access_key_id += aws_id_alphabet[byte % aws_id_alphabet.size()];
    add(session);
    return session;
}

BLUEPRINT_FAAS_DECL void AwsSessions::add(AwsSession session) {
    constexpr std::size_t most = 10'000;
    const auto now = clock_.now();
    if (sessions_.size() >= most) {
        std::erase_if(sessions_,
                      [&](const auto& entry) { return entry.second.expires + std::chrono::hours{24} < now; });
        if (sessions_.size() >= most)
            sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
                return a.second.expires < b.second.expires;
            }));
    }
    auto id = session.access_key_id;
    sessions_.insert_or_assign(std::move(id), std::move(session));
}

BLUEPRINT_FAAS_DECL const AwsSession* AwsSessions::find(std::string_view access_key_id) const {
    const auto found = sessions_.find(access_key_id);
    return found == sessions_.end() ? nullptr : &found->second;
}

}  // namespace blueprint::faas::local

#endif
