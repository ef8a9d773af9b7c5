#ifndef BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_SIGNING_IPP
#define BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_SIGNING_IPP

#include "blueprint/faas/auth/impl/sigv4_text.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/body_stream.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/detail/hmac.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas {

namespace detail::sigv4 {

// What signing adds to the header fields, and replaces.
inline constexpr std::array<std::string_view, 4> own_fields{"Authorization", "X-Amz-Date", "X-Amz-Security-Token",
                                                            "X-Amz-Content-Sha256"};
// What presigning adds to the query, and replaces.
inline constexpr std::array<std::string_view, 7> own_parameters{
    "X-Amz-Algorithm",     "X-Amz-Credential",     "X-Amz-Date",     "X-Amz-Expires",
    "X-Amz-SignedHeaders", "X-Amz-Security-Token", "X-Amz-Signature"};

inline Error refused(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

// Whether the text at `at` is an escape in upper-case digits.
inline bool upper_escape(std::string_view text, std::size_t at) noexcept {
    const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
    return text.size() - at > 2 && text[at] == '%' && digit(text[at + 1]) && digit(text[at + 2]);
}

// Whether all servers read the target alike: escapes in upper case, and nothing unescaped but unreserved characters and
// what parts the target.
inline bool is_strict(std::string_view target) noexcept {
    std::size_t at = 0;
    for (; at < target.size() && target[at] != '?'; ++at) {
        if (is_unreserved(target[at]) || target[at] == '/') continue;
        if (!upper_escape(target, at)) return false;
        at += 2;
    }
    bool in_name = true;
    for (++at; at < target.size(); ++at) {
        const char c = target[at];
        if (is_unreserved(c)) continue;
        if (c == '&' || (c == '=' && in_name)) {
            in_name = c == '&';
            continue;
        }
        if (!upper_escape(target, at)) return false;
        at += 2;
    }
    return true;
}

inline std::string strict_target(std::string_view target) {
    const auto path = target.substr(0, target.find('?'));
    std::string strict(target.size() * 3 + 1, '\0');
    Writer out{strict.data()};
    for (std::size_t at = 0; at < path.size(); ++at) {
        if (is_unreserved(path[at]) || path[at] == '/') {
            out.put(path[at]);
            continue;
        }
        const int escaped = escaped_byte(path.substr(at));
        out.put_escaped(escaped >= 0 ? static_cast<std::uint8_t>(escaped) : static_cast<std::uint8_t>(path[at]));
        if (escaped >= 0) at += 2;
    }
    char before = '?';
    for_each_parameter(target.substr(std::min(path.size() + 1, target.size())), [&](std::string_view parameter) {
        const auto name = parameter.substr(0, parameter.find('='));
        out.put(std::exchange(before, '&'));
        put_query_part(out, name);
        if (name.size() == parameter.size()) return;
        out.put('=');
        put_query_part(out, parameter.substr(name.size() + 1));
    });
    strict.resize(out.size());
    return strict;
}

inline bool is_own_field(std::string_view name) noexcept {
    return std::any_of(own_fields.begin(), own_fields.end(), [&](std::string_view own) { return iequals(own, name); });
}

inline bool is_s3(std::string_view service) noexcept { return !aws::path_rules(service).encode; }

}  // namespace detail::sigv4

namespace aws {

// What one signature is made at.
class Signer::Desk {
public:
    result<void> sign(HttpRequest& request, const Credentials& credentials, const SigningScope& scope,
                      std::chrono::system_clock::time_point now, const SigningOptions& options) {
        tidy(request.target);
        auto payload = hash_payload(request, options.unsigned_payload);
        if (!payload) return std::move(payload).error();
        set_time(now);
        const bool s3 = faas::detail::sigv4::is_s3(scope.service);
        const bool send_hash = s3 || options.send_payload_hash || options.unsigned_payload;
        const bool stale = collect(request);
        fields_.push_back({"x-amz-date", date()});
        if (send_hash) fields_.push_back({"x-amz-content-sha256", *payload});
        const auto token = credentials.session_token.reveal();
        if (!token.empty() && !options.token_after_signing) fields_.push_back({"x-amz-security-token", token});
        const auto code = make_signature(request, request.target, *payload, credentials, scope);

        const auto names = canonical_.signed_headers();
        faas::detail::sigv4::Writer out{authorization_.room(credentials.access_key_id.size() + scope_size(scope) +
                                                            names.size() + code.size() + 80)};
        out.put(faas::detail::sigv4::algorithm);
        out.put(" Credential=");
        out.put(credentials.access_key_id);
        out.put('/');
        faas::detail::sigv4::put_scope(out, date(), scope);
        out.put(", SignedHeaders=");
        out.put(names);
        out.put(", Signature=");
        out.put(code);
        if (stale) drop_own(request.headers);
        request.headers.add("X-Amz-Date", date());
        if (send_hash) request.headers.add("X-Amz-Content-Sha256", *payload);
        if (!token.empty()) request.headers.add("X-Amz-Security-Token", token);
        request.headers.add("Authorization", out.text());
        return result<void>{};
    }

    result<void> presign(HttpRequest& request, const Credentials& credentials, const SigningScope& scope,
                         std::chrono::system_clock::time_point now, std::chrono::seconds lifetime,
                         const SigningOptions& options) {
        drop_own(request.headers);
        tidy(request.target);
        const bool s3 = faas::detail::sigv4::is_s3(scope.service);
        auto payload = hash_payload(request, s3 || options.unsigned_payload);
        if (!payload) return std::move(payload).error();
        set_time(now);
        collect(request);
        std::string query = request.target.substr(std::min(request.target.find('?'), request.target.size()));
        if (!query.empty()) query.erase(0, 1);
        for (const auto name : faas::detail::sigv4::own_parameters) query = without_parameter(query, name);
        const auto add = [&](std::string_view name, std::string_view value) {
            if (!query.empty()) query += '&';
            query.append(name).append("=").append(faas::detail::percent_encode(value));
        };
        add("X-Amz-Algorithm", faas::detail::sigv4::algorithm);
        add("X-Amz-Credential", credentials.access_key_id + '/' + credential_scope(date(), scope));
        add("X-Amz-Date", date());
        add("X-Amz-Expires", std::to_string(lifetime.count()));
        add("X-Amz-SignedHeaders", canonical_.signed_headers(fields_));
        const auto token = credentials.session_token.reveal();
        if (!token.empty() && !options.token_after_signing) add("X-Amz-Security-Token", token);
        auto target = request.target.substr(0, request.target.find('?')) + '?' + query;
        const auto code = make_signature(request, target, *payload, credentials, scope);
        if (!token.empty() && options.token_after_signing)
            target.append("&X-Amz-Security-Token=").append(faas::detail::percent_encode(token));
        target.append("&X-Amz-Signature=").append(code);
        request.target = std::move(target);
        return result<void>{};
    }

private:
    // A key of the day, and what it was derived from.
    struct Key {
        Secret secret;
        std::string scope;
        faas::detail::HmacSha256Key hmac;
    };
    static constexpr std::size_t most_keys = 4;
    static constexpr std::size_t chunk_bytes = 64U * 1024U;

    static std::size_t scope_size(const SigningScope& scope) noexcept {
        return scope.region.size() + scope.service.size() + 32;
    }
    static void tidy(std::string& target) {
        if (target.empty() || target.front() == '?') target.insert(target.begin(), '/');
        if (!faas::detail::sigv4::is_strict(target)) target = faas::detail::sigv4::strict_target(target);
    }
    static void drop_own(Headers& headers) {
        for (const auto name : faas::detail::sigv4::own_fields) headers.erase(name);
    }
    std::string_view date() const noexcept { return {date_.data(), date_.size()}; }

    void set_time(std::chrono::system_clock::time_point now) noexcept {
        const auto second = std::chrono::floor<std::chrono::seconds>(now);
        if (second == second_) return;
        second_ = second;
        faas::detail::sigv4::Writer out{date_.data()};
        faas::detail::sigv4::put_date(out, second);
    }

    // The view lives until the next call.
    result<std::string_view> hash_payload(const HttpRequest& request, bool leave_out) {
        if (leave_out) return unsigned_payload;
        if (request.body.size() == 0) return empty_payload_hash;
        work_ = empty_;
        if (const auto& source = request.body.source()) {
            auto rewound = source->rewind();
            if (!rewound) return std::move(rewound).error();
            char* const chunk = chunk_.room(chunk_bytes);
            for (;;) {
                auto read = source->read({chunk, chunk_bytes});
                if (!read) return std::move(read).error();
                if (*read == 0) break;
                work_.update(faas::detail::bytes_of({chunk, *read}));
            }
        } else {
            work_.update(faas::detail::bytes_of(request.body.view()));
        }
        return hex(work_.conclude(), payload_hex_);
    }

    static std::string_view hex(const faas::detail::Sha256Digest& digest, std::array<char, 64>& into) noexcept {
        faas::detail::sigv4::Writer out{into.data()};
        faas::detail::sigv4::put_hex(out, digest);
        return out.text();
    }

    // Gathers the fields of the request that are signed; says whether there are some of an earlier signing, which are
    // not among them.
    bool collect(const HttpRequest& request) {
        const auto& origin = request.origin;
        const bool v6 = origin.host.find(':') != std::string::npos;
        host_.assign(v6 ? "[" : "").append(origin.host).append(v6 ? "]" : "");
        if (origin.port != (origin.tls ? 443 : 80)) host_.append(":").append(std::to_string(origin.port));
        fields_.clear();
        fields_.push_back({"host", host_});
        bool stale = false;
        for (auto lines = request.headers.text(); !lines.empty();) {
            const auto line = lines.substr(0, lines.find('\r'));
            lines.remove_prefix(line.size() + 2);
            const auto name = line.substr(0, line.find(':'));
            if (faas::detail::sigv4::is_own_field(name))
                stale = true;
            else if (faas::detail::iequals(name, "content-type") || faas::detail::iequals(name.substr(0, 6), "x-amz-"))
                fields_.push_back({name, line.substr(name.size() + 2)});
        }
        return stale;
    }

    // The view lives until the next call.
    std::string_view make_signature(const HttpRequest& request, std::string_view target, std::string_view payload,
                                    const Credentials& credentials, const SigningScope& scope) {
        const auto path = target.substr(0, target.find('?'));
        const auto query = target.substr(std::min(path.size() + 1, target.size()));
        const auto canonical = canonical_.request({.method = to_string(request.verb),
                                                   .path = path,
                                                   .query = query,
                                                   .fields = fields_,
                                                   .payload_hash = payload},
                                                  path_rules(scope.service));
        work_ = empty_;
        work_.update(faas::detail::bytes_of(canonical));
        std::array<char, 64> canonical_hex{};
        const auto canonical_hash = hex(work_.conclude(), canonical_hex);

        faas::detail::sigv4::Writer out{to_sign_.room(scope_size(scope) + 128)};
        out.put(faas::detail::sigv4::algorithm);
        out.put('\n');
        out.put(date());
        out.put('\n');
        const auto scope_begin = out.size();
        faas::detail::sigv4::put_scope(out, date(), scope);
        const auto& key = key_of(credentials, out.text(scope_begin), scope);
        out.put('\n');
        out.put(canonical_hash);
        return hex(key.code(faas::detail::bytes_of(out.text()), work_), signature_hex_);
    }

    const faas::detail::HmacSha256Key& key_of(const Credentials& credentials, std::string_view scope_text,
                                              const SigningScope& scope) {
        for (const auto& key : keys_)
            if (key.scope == scope_text && key.secret == credentials.secret_access_key) return key.hmac;
        // Keys of other days are done with.
        std::erase_if(keys_, [&](const Key& key) { return key.scope.substr(0, 8) != scope_text.substr(0, 8); });
        if (keys_.size() == most_keys) keys_.erase(keys_.begin());
        const auto derived = signing_key(credentials.secret_access_key, scope_text, scope);
        keys_.push_back(
            Key{credentials.secret_access_key, std::string{scope_text}, faas::detail::HmacSha256Key{derived.reveal()}});
        return keys_.back().hmac;
    }

    const faas::detail::Sha256 empty_{};  // a copy of it costs less than starting anew
    faas::detail::Sha256 work_{};
    faas::detail::sigv4::Canonical canonical_{};
    faas::detail::sigv4::Buffer authorization_{};
    faas::detail::sigv4::Buffer to_sign_{};
    faas::detail::sigv4::Buffer chunk_{};
    std::string host_{};
    std::vector<SignedField> fields_{};
    std::vector<Key> keys_{};
    std::chrono::sys_seconds second_{std::chrono::seconds::min()};
    std::array<char, 16> date_{};
    std::array<char, 64> payload_hex_{};
    std::array<char, 64> signature_hex_{};
};

// A desk for the length of one signature: an idle one, or a new one if all are in use.
class Signer::Lease {
public:
    explicit Lease(Signer& signer) : signer_{signer} {
        for (auto& place : signer_.idle_) {
            desk_.reset(place.exchange(nullptr, std::memory_order_acquire));
            if (desk_) return;
        }
        desk_ = std::make_unique<Desk>();
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
        for (auto& place : signer_.idle_) {
            Desk* none = nullptr;
            if (place.compare_exchange_strong(none, desk_.get(), std::memory_order_release,
                                              std::memory_order_relaxed)) {
                desk_.release();
                return;
            }
        }
    }
    Desk* operator->() const noexcept { return desk_.get(); }

private:
    Signer& signer_;
    std::unique_ptr<Desk> desk_;
};

BLUEPRINT_FAAS_DECL Signer::Signer() = default;

BLUEPRINT_FAAS_DECL Signer::~Signer() {
    for (auto& place : idle_) delete place.load(std::memory_order_acquire);
}

BLUEPRINT_FAAS_DECL std::optional<Error> cannot_sign(const HttpRequest& request, const Credentials& credentials,
                                                     const SigningScope& scope, const SigningOptions& options) {
    using faas::detail::sigv4::refused;
    if (credentials.access_key_id.empty() || credentials.secret_access_key.empty())
        return refused(errc::authentication, "cannot sign for AWS: the credentials have no access key id or no secret");
    if (scope.region.empty() || scope.service.empty())
        return refused(errc::invalid_configuration,
                       "cannot sign for AWS without a region and a service; set the region, for example eu-central-1");
    if (options.unsigned_payload && !request.origin.tls)
        return refused(errc::invalid_configuration,
                       "the body of a request to " + to_string(request.origin) +
                           " would be guarded by nothing: unsigned payloads are for https:// alone");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL result<void> Signer::sign(HttpRequest& request, const Credentials& credentials,
                                              const SigningScope& scope, std::chrono::system_clock::time_point now,
                                              const SigningOptions& options) {
    if (auto why = cannot_sign(request, credentials, scope, options)) return std::move(*why);
    const Lease desk{*this};
    return desk->sign(request, credentials, scope, now, options);
}

BLUEPRINT_FAAS_DECL result<void> Signer::presign(HttpRequest& request, const Credentials& credentials,
                                                 const SigningScope& scope, std::chrono::system_clock::time_point now,
                                                 std::chrono::seconds lifetime, const SigningOptions& options) {
    if (auto why = cannot_sign(request, credentials, scope, options)) return std::move(*why);
    if (lifetime < std::chrono::seconds{1} || lifetime > std::chrono::hours{24 * 7})
        return faas::detail::sigv4::refused(
            errc::invalid_configuration,
            "a presigned URL cannot live for " + std::to_string(lifetime.count()) + " s: 1 to 604800 are possible");
    const Lease desk{*this};
    return desk->presign(request, credentials, scope, now, lifetime, options);
}

BLUEPRINT_FAAS_DECL result<void> sign_request(HttpRequest& request, const Credentials& credentials,
                                              const SigningScope& scope, std::chrono::system_clock::time_point now) {
    return Signer{}.sign(request, credentials, scope, now);
}

BLUEPRINT_FAAS_DECL result<Secret> presigned_url(HttpRequest request, const Credentials& credentials,
                                                 const SigningScope& scope, std::chrono::system_clock::time_point now,
                                                 std::chrono::seconds lifetime, const SigningOptions& options) {
    auto done = Signer{}.presign(request, credentials, scope, now, lifetime, options);
    if (!done) return std::move(done).error();
    Secret url{to_string(request.origin).append(request.target)};
    faas::detail::wipe(request.target);
    return url;
}

}  // namespace aws
}  // namespace blueprint::faas

#endif
