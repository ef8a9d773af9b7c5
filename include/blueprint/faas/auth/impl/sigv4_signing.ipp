#ifndef BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_SIGNING_IPP
#define BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_SIGNING_IPP

#include "blueprint/faas/auth/impl/sigv4_canonical.hpp"
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

// Of a name in lower case that begins with "x-amz-".
inline bool is_own_lower(std::string_view name) noexcept {
    return name == "x-amz-date" || name == "x-amz-security-token" || name == "x-amz-content-sha256";
}

}  // namespace detail::sigv4

namespace aws {

namespace sigv4 = faas::detail::sigv4;

// What one signature is made at.
class Signer::Desk {
public:
    result<void> sign(HttpRequest& request, const Credentials& credentials, const SigningScope& scope,
                      std::chrono::system_clock::time_point now, const SigningOptions& options) {
        auto payload = hash_payload(request, options.unsigned_payload);
        if (!payload) return std::move(payload).error();
        const auto rules = path_rules(scope.service);
        const bool same_second = set_time(now);
        const bool send_hash = !rules.encode || options.send_payload_hash || options.unsigned_payload;
        const auto token = credentials.session_token.reveal();
        const auto signed_token = options.token_after_signing ? std::string_view{} : token;
        const bool again = !send_hash && is_like_the_last(request, signed_token);
        if (again) {
            if (!same_second) {
                canonical_.overwrite(last_.date_at, date());
                last_.hashed_ahead = false;
            }
            canonical_.overwrite(last_.payload_at, *payload);
            request.headers.shorten(last_.fields_size);
        } else {
            last_.good = last_.hashed_ahead = false;
            look_at_target(request.target, rules);
            const auto own = collect(request, token.size());
            canonical_.add("x-amz-date", date());
            if (send_hash) canonical_.add("x-amz-content-sha256", *payload);
            if (!signed_token.empty()) canonical_.add("x-amz-security-token", signed_token);
            canonical_.make(to_string(request.verb), uri_, query_, *payload);
            if (own == Own::last) request.headers.shorten(last_.fields_size);
            if (own == Own::among_others) drop_own(request.headers);
            if (!send_hash) remember(request, signed_token);
        }
        const auto& key = key_of(credentials, scope);
        const auto code = make_signature(hash_canonical(again), key);

        const auto names = canonical_.names_in_text();
        sigv4::Writer out{
            authorization_.room(credentials.access_key_id.size() + key.scope.size() + names.size() + 160)};
        out.put("AWS4-HMAC-SHA256 Credential=");
        out.put(credentials.access_key_id);
        out.put('/');
        out.put(key.scope);
        out.put(", SignedHeaders=");
        out.put(names);
        out.put(", Signature=");
        out.put(code);
        request.headers.add("X-Amz-Date", date());
        if (send_hash) request.headers.add("X-Amz-Content-Sha256", *payload);
        if (!token.empty()) request.headers.add("X-Amz-Security-Token", token);
        request.headers.add("Authorization", out.text());
        return result<void>{};
    }

    result<void> presign(HttpRequest& request, const Credentials& credentials, const SigningScope& scope,
                         std::chrono::system_clock::time_point now, std::chrono::seconds lifetime,
                         const SigningOptions& options) {
        last_.good = last_.hashed_ahead = false;
        drop_own(request.headers);
        tidy(request.target);
        const auto rules = path_rules(scope.service);
        auto payload = hash_payload(request, !rules.encode || options.unsigned_payload);
        if (!payload) return std::move(payload).error();
        set_time(now);
        collect(request, 0);
        std::string query = request.target.substr(std::min(request.target.find('?'), request.target.size()));
        if (!query.empty()) query.erase(0, 1);
        for (const auto name : sigv4::own_parameters) query = without_parameter(query, name);
        const auto add = [&](std::string_view name, std::string_view value) {
            if (!query.empty()) query += '&';
            query.append(name).append("=").append(faas::detail::percent_encode(value));
        };
        add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
        add("X-Amz-Credential", credentials.access_key_id + '/' + credential_scope(date(), scope));
        add("X-Amz-Date", date());
        add("X-Amz-Expires", std::to_string(lifetime.count()));
        add("X-Amz-SignedHeaders", canonical_.signed_headers());
        const auto token = credentials.session_token.reveal();
        if (!token.empty() && !options.token_after_signing) add("X-Amz-Security-Token", token);
        auto target = request.target.substr(0, request.target.find('?')) + '?' + query;
        const auto uri = canonical_uri(target.substr(0, target.find('?')), rules);
        const auto sorted = canonical_query(query);
        canonical_.make(to_string(request.verb), uri, sorted, *payload);
        const auto code = make_signature(hash_canonical(false), key_of(credentials, scope));
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
        std::string region;
        std::string service;
        std::string scope;  // "20150830/us-east-1/lambda/aws4_request"
        faas::detail::HmacSha256Key hmac;
    };
    static constexpr std::size_t most_keys = 4;
    static constexpr std::size_t chunk_bytes = 64U * 1024U;

    static void drop_own(Headers& headers) {
        for (const auto name : sigv4::own_fields) headers.erase(name);
    }
    static void tidy(std::string& target) {
        if (target.empty() || target.front() == '?') target.insert(target.begin(), '/');
        if (!sigv4::is_strict(target)) target = sigv4::strict_target(target);
    }
    // Where the fields of an earlier signing are.
    enum class Own { none, last, among_others };
    // What the canonical request at hand was made of, apart from the time and the body. Calls of one function are alike
    // in it, so that only these two have to be put into the text.
    struct Last {
        bool good = false;
        bool hashed_ahead = false;  // `ahead_` has taken in the text up to the payload's hash
        Verb verb{};
        Origin origin{};
        std::size_t fields_size = 0;  // of all that the caller set, in `last_fields_`
        std::size_t date_at = 0;
        std::size_t token_at = 0;
        std::size_t token_size = 0;
        std::size_t payload_at = 0;
    };

    // Whether the canonical request at hand is one for `request` but for the time and the body's hash.
    bool is_like_the_last(const HttpRequest& request, std::string_view token) const noexcept {
        if (!last_.good || request.target != target_ || request.verb != last_.verb) return false;
        if (request.origin != last_.origin || token != canonical_.text().substr(last_.token_at, last_.token_size))
            return false;
        auto fields = request.headers.text();
        if (!fields.starts_with(std::string_view{last_fields_.data(), last_.fields_size})) return false;
        fields.remove_prefix(last_.fields_size);
        while (!fields.empty()) {  // what an earlier signing of this request added, if it was one of ours
            if (!fields.starts_with("X-Amz-Date: ") && !fields.starts_with("Authorization: ") &&
                !fields.starts_with("X-Amz-Security-Token: "))
                return false;
            fields.remove_prefix(fields.find('\r') + 2);
        }
        return true;
    }
    // Only for texts that have the body's hash, and have it once: those of S3 have it among the fields, too.
    void remember(const HttpRequest& request, std::string_view token) {
        last_.verb = request.verb;
        last_.origin = request.origin;
        const auto fields = request.headers.text();
        fields.copy(last_fields_.room(fields.size()), fields.size());
        last_.fields_size = fields.size();
        last_.date_at = canonical_.value_at("x-amz-date");
        last_.token_at = token.empty() ? 0 : canonical_.value_at("x-amz-security-token");
        last_.token_size = token.size();
        last_.payload_at = canonical_.text().size() - 64;
        last_.good = true;
    }

    void look_at_target(std::string& target, PathRules rules) {
        if (!target.empty() && target == target_ && rules == rules_) return;
        tidy(target);
        target_.clear();  // until all that belongs to it is there
        const auto path = std::string_view{target}.substr(0, target.find('?'));
        sigv4::Writer uri{uri_text_.room(path.size() * 3 + 1)};
        sigv4::put_uri(uri, path, rules);
        uri_ = uri.text();
        query_ = query_text_.of(std::string_view{target}.substr(std::min(path.size() + 1, target.size())));
        rules_ = rules;
        target_ = target;
    }
    std::string_view date() const noexcept { return {date_.data(), date_.size()}; }

    // Says whether it is the same second as at the last time.
    bool set_time(std::chrono::system_clock::time_point now) noexcept {
        const auto second = std::chrono::floor<std::chrono::seconds>(now);
        if (second == second_) return true;
        second_ = second;
        sigv4::Writer out{date_.data()};
        sigv4::put_date(out, second);
        return false;
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
        sigv4::Writer out{into.data()};
        sigv4::put_hex(out, digest);
        return out.text();
    }

    // Gathers the fields of the request that are signed, and looks where those of an earlier signing are, which are not
    // among them. Behind all others they can be cut off: then `last_.fields_size` is the size of the others.
    Own collect(const HttpRequest& request, std::size_t token_size) {
        const auto& origin = request.origin;
        const bool v6 = origin.host.find(':') != std::string::npos;
        host_.assign(v6 ? "[" : "").append(origin.host).append(v6 ? "]" : "");
        if (origin.port != (origin.tls ? 443 : 80)) host_.append(":").append(std::to_string(origin.port));
        const auto text = request.headers.text();
        canonical_.begin(text.size() + token_size + 512);  // enough also for the same request when it is signed
        canonical_.add("host", host_);
        auto own = Own::none;
        for (auto lines = text; !lines.empty();) {
            const auto name = canonical_.lower(lines.substr(0, lines.find(':')));
            const auto size = lines.find('\r', name.size());
            const auto value = lines.substr(name.size() + 2, size - name.size() - 2);
            const bool amz = name.starts_with("x-amz-");
            if (amz ? sigv4::is_own_lower(name) : name == "authorization") {
                if (own == Own::none) {
                    own = Own::last;
                    last_.fields_size = text.size() - lines.size();
                }
            } else {
                if (own == Own::last) own = Own::among_others;
                if (amz || name == "content-type") canonical_.add(name, value);
            }
            lines.remove_prefix(size + 2);
        }
        return own;
    }

    // `again` says that the text is like the last one but for time and body. From the second of them on, what the calls
    // of one second share is hashed once: all but the body's hash.
    faas::detail::Sha256Digest hash_canonical(bool again) {
        const auto text = canonical_.text();
        if (!again) {
            work_ = empty_;
            work_.update(faas::detail::bytes_of(text));
            return work_.conclude();
        }
        if (!last_.hashed_ahead) {
            ahead_ = empty_;
            ahead_.update(faas::detail::bytes_of(text.substr(0, last_.payload_at)));
            last_.hashed_ahead = true;
        }
        work_ = ahead_;
        work_.update(faas::detail::bytes_of(text.substr(last_.payload_at)));
        return work_.conclude();
    }

    // The view lives until the next call.
    std::string_view make_signature(const faas::detail::Sha256Digest& canonical, const Key& key) {
        std::array<char, 64> hash{};
        sigv4::Writer out{to_sign_.room(key.scope.size() + 128)};
        out.put("AWS4-HMAC-SHA256\n");
        out.put(date());
        out.put('\n');
        out.put(key.scope);
        out.put('\n');
        out.put(hex(canonical, hash));
        return hex(key.hmac.code(faas::detail::bytes_of(out.text()), work_), signature_hex_);
    }

    const Key& key_of(const Credentials& credentials, const SigningScope& scope) {
        const auto day = date().substr(0, 8);
        const auto secret = credentials.secret_access_key.reveal();
        for (const auto& key : keys_)
            if (key.scope.starts_with(day) && key.service == scope.service && key.region == scope.region &&
                key.secret.reveal() == secret)
                return key;
        // Keys of other days are done with.
        std::erase_if(keys_, [&](const Key& key) { return !key.scope.starts_with(day); });
        if (keys_.size() == most_keys) keys_.erase(keys_.begin());
        const auto derived = signing_key(credentials.secret_access_key, day, scope);
        keys_.push_back(Key{.secret = credentials.secret_access_key,
                            .region = scope.region,
                            .service = scope.service,
                            .scope = credential_scope(day, scope),
                            .hmac = faas::detail::HmacSha256Key{derived.reveal()}});
        return keys_.back();
    }

    const faas::detail::Sha256 empty_{};  // a copy of it costs less than starting anew
    faas::detail::Sha256 work_{};
    faas::detail::Sha256 ahead_{};
    sigv4::CanonicalRequest canonical_{};
    sigv4::Buffer authorization_{};
    sigv4::Buffer to_sign_{};
    sigv4::Buffer chunk_{};
    Last last_{};
    sigv4::Buffer last_fields_{};
    std::string target_{};  // the last one, and what is signed of it
    PathRules rules_{};
    sigv4::Buffer uri_text_{};
    sigv4::CanonicalQuery query_text_{};
    std::string_view uri_{};
    std::string_view query_{};
    std::string host_{};
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
    using sigv4::refused;
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
        return sigv4::refused(
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
