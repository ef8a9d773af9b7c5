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
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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
        set_time(now);
        const bool send_hash = !rules.encode || options.send_payload_hash || options.unsigned_payload;
        const auto token = credentials.session_token.reveal();
        const auto signed_token = options.token_after_signing ? std::string_view{} : token;
        const bool same_names = !send_hash && has_names_of_last(request, !signed_token.empty());
        auto unchanged = same_names ? put_in_place(request, signed_token, *payload) : std::nullopt;
        if (!unchanged) {
            last_.good = false;
            unchanged = 0;
            look_at_target(request.target, rules);
            auto own = Own::none;
            if (same_names) {
                set_values(request, signed_token);
            } else {
                own = collect(request, token.size());
                last_.date = canonical_.add("x-amz-date", date());
                if (send_hash) canonical_.add("x-amz-content-sha256", *payload);
                last_.token = signed_token.empty() ? no_field : canonical_.add("x-amz-security-token", signed_token);
            }
            canonical_.make(to_string(request.verb), uri_, query_, *payload);
            if (own == Own::among_others) drop_own(request.headers);
        }
        request.headers.shorten(last_.fields_size);
        if (!last_.good && !send_hash) remember(request);
        const auto& key = key_of(credentials, scope);
        const auto code = make_signature(hash_canonical(*unchanged), key);

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

    BLUEPRINT_FAAS_COLD result<void> presign(HttpRequest& request, const Credentials& credentials,
                                             const SigningScope& scope, std::chrono::system_clock::time_point now,
                                             std::chrono::seconds lifetime, const SigningOptions& options) {
        last_.good = false;
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
        const auto code = make_signature(hash_canonical(0), key_of(credentials, scope));
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
        std::uint64_t number;  // from one on, never given twice
    };
    static constexpr std::size_t most_keys = 4;
    static constexpr std::size_t chunk_bytes = 64U * 1024U;
    static constexpr std::size_t block_bytes = 64;  // of SHA-256
    static constexpr std::size_t host_field = 0;    // it is added first

    static void drop_own(Headers& headers) {
        for (const auto name : sigv4::own_fields) headers.erase(name);
    }
    static void tidy(std::string& target) {
        if (target.empty() || target.front() == '?') target.insert(target.begin(), '/');
        if (!sigv4::is_strict(target)) target = sigv4::strict_target(target);
    }
    // Where the fields of an earlier signing are.
    enum class Own { none, last, among_others };
    // What the canonical request at hand was made of, apart from the body. Calls of one function are alike in it but
    // for the time and a value or two, such as the deadline that a call tells, so that only these have to be put into
    // the text.
    struct Last {
        bool good = false;
        bool same_fields = false;  // as the request at hand
        Verb verb{};
        Origin origin{};
        std::chrono::sys_seconds second{};
        std::size_t fields_size = 0;  // of all that the caller set, in `last_fields_`
        std::size_t date = 0;         // its number among the signed fields
        std::size_t token = no_field;
        std::size_t payload_at = 0;
    };
    static constexpr std::size_t no_field = static_cast<std::size_t>(-1);
    // A header field that the caller set, in `last_fields_`.
    struct Line {
        std::size_t begin = 0;
        std::size_t size = 0;
        std::size_t name_size = 0;
        std::size_t field = no_field;  // its number among the signed fields
        std::size_t next_size = 0;     // of the same field of the request at hand
        bool differs = false;          // there
    };
    static std::string_view value_of(std::string_view line, std::size_t name_size) noexcept {
        return line.substr(name_size + 2, line.size() - name_size - 4);
    }

    // Whether the request has the header fields that the last one had, in their order, whatever is in them.
    bool has_names_of_last(const HttpRequest& request, bool has_token) noexcept {
        if (!last_.good || has_token != (last_.token != no_field)) return false;
        auto text = request.headers.text();
        const std::string_view fields{last_fields_.data(), last_.fields_size};
        last_.same_fields = text.starts_with(fields);
        if (last_.same_fields) text.remove_prefix(fields.size());
        for (auto line = last_.same_fields ? lines_.end() : lines_.begin(); line != lines_.end(); ++line) {
            const auto before = fields.substr(line->begin, line->size);
            line->differs = !text.starts_with(before);
            line->next_size = line->size;
            if (line->differs) {
                if (!text.starts_with(before.substr(0, line->name_size + 2))) return false;
                line->next_size = text.find('\r', line->name_size) + 2;
            }
            text.remove_prefix(line->next_size);
        }
        while (!text.empty()) {  // what an earlier signing of this request added, if it was one of ours
            if (!text.starts_with("X-Amz-Date: ") && !text.starts_with("Authorization: ") &&
                !text.starts_with("X-Amz-Security-Token: "))
                return false;
            text.remove_prefix(text.find('\r') + 2);
        }
        return true;
    }
    // Makes the text at hand, which is of a request with the same names, the one of this request. Returns how much of
    // it is as it was; nothing if it has to be made anew, because something else differs or has another size.
    std::optional<std::size_t> put_in_place(const HttpRequest& request, std::string_view token,
                                            std::string_view payload) noexcept {
        if (request.target != target_ || request.verb != last_.verb || request.origin != last_.origin)
            return std::nullopt;
        auto unchanged = last_.payload_at;
        const auto put = [&](std::size_t field, std::string_view value) {
            unchanged = std::min(unchanged, canonical_.value_at(field));
            return canonical_.put_in_place(field, value);
        };
        if (last_.second != second_ && !put(last_.date, date())) return std::nullopt;
        if (!token.empty() && token != canonical_.value_in_text(last_.token) && !put(last_.token, token))
            return std::nullopt;
        auto text = request.headers.text();
        for (auto line = last_.same_fields ? lines_.end() : lines_.begin(); line != lines_.end(); ++line) {
            if (line->next_size != line->size) return std::nullopt;
            if (!line->differs) continue;
            const auto now = text.substr(line->begin, line->size);
            if (line->field != no_field && !put(line->field, value_of(now, line->name_size))) return std::nullopt;
            now.copy(last_fields_.data() + line->begin, now.size());
        }
        canonical_.overwrite(last_.payload_at, payload);
        last_.second = second_;
        return unchanged;
    }
    // Sets what the text is made of, of a request with the names of the last one.
    void set_values(const HttpRequest& request, std::string_view token) {
        look_at_host(request.origin);
        canonical_.set(host_field, host_);
        canonical_.set(last_.date, date());
        if (!token.empty()) canonical_.set(last_.token, token);
        if (last_.same_fields)
            for (auto& line : lines_) line.next_size = line.size;
        const auto text = request.headers.text();
        last_.fields_size = 0;
        for (auto& line : lines_) {
            line.begin = last_.fields_size;
            line.size = line.next_size;
            last_.fields_size += line.size;
            if (line.field != no_field)
                canonical_.set(line.field, value_of(text.substr(line.begin, line.size), line.name_size));
        }
    }
    // Only of texts that have the body's hash once: those of S3 have it among the fields, too.
    void remember(const HttpRequest& request) {
        last_.verb = request.verb;
        last_.origin = request.origin;
        last_.second = second_;
        const auto fields = request.headers.text();
        fields.copy(last_fields_.room(fields.size()), fields.size());
        last_.payload_at = canonical_.text().size() - 64;
        last_.good = true;
    }

    void look_at_host(const Origin& origin) {
        const bool v6 = origin.host.find(':') != std::string::npos;
        host_.assign(v6 ? "[" : "").append(origin.host).append(v6 ? "]" : "");
        if (origin.port != (origin.tls ? 443 : 80)) host_.append(":").append(std::to_string(origin.port));
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

    void set_time(std::chrono::system_clock::time_point now) noexcept {
        const auto second = std::chrono::floor<std::chrono::seconds>(now);
        if (second == second_) return;
        second_ = second;
        sigv4::Writer out{date_.data()};
        sigv4::put_date(out, second);
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
    // among them. Behind all others they can be cut off: `last_.fields_size` is the size of the others.
    Own collect(const HttpRequest& request, std::size_t token_size) {
        look_at_host(request.origin);
        const auto text = request.headers.text();
        canonical_.begin(text.size() + token_size + 512);  // enough also for the same request when it is signed
        canonical_.add("host", host_);
        lines_.clear();
        last_.fields_size = 0;
        auto own = Own::none;
        for (auto lines = text; !lines.empty();) {
            const auto name = canonical_.lower(lines.substr(0, lines.find(':')));
            const auto size = lines.find('\r', name.size()) + 2;
            const bool amz = name.starts_with("x-amz-");
            if (amz ? sigv4::is_own_lower(name) : name == "authorization") {
                if (own == Own::none) own = Own::last;
            } else {
                if (own == Own::last) own = Own::among_others;
                auto& line = lines_.emplace_back();
                line.begin = last_.fields_size;
                line.size = size;
                line.name_size = name.size();
                if (amz || name == "content-type")
                    line.field = canonical_.add(name, value_of(lines.substr(0, size), name.size()));
                last_.fields_size += size;
            }
            lines.remove_prefix(size);
        }
        return own;
    }

    // Of the text, that many characters are as at the last time. The whole blocks of them are hashed but once: all up
    // to the first value that changes from call to call.
    faas::detail::Sha256Digest hash_canonical(std::size_t unchanged) {
        const auto text = faas::detail::bytes_of(canonical_.text());
        unchanged -= unchanged % block_bytes;
        const auto hashed = ahead_size_ > unchanged ? 0 : ahead_size_;
        ahead_size_ = 0;
        if (hashed < unchanged) {
            if (hashed == 0) ahead_ = empty_;
            ahead_.update(text.subspan(hashed, unchanged - hashed));
        }
        ahead_size_ = unchanged;
        work_ = unchanged == 0 ? empty_ : ahead_;
        work_.update(text.subspan(unchanged));
        return work_.conclude();
    }

    // The view lives until the next call. What the signatures of one second by one key begin with is written once, and
    // from the second of them on its whole blocks are hashed but once.
    std::string_view make_signature(const faas::detail::Sha256Digest& canonical, const Key& key) {
        const bool again = to_sign_second_ == second_ && to_sign_key_ == key.number;
        if (!again) {
            to_sign_key_ = 0;  // until all is there
            sigv4::Writer out{to_sign_.room(key.scope.size() + 128)};
            out.put("AWS4-HMAC-SHA256\n");
            out.put(date());
            out.put('\n');
            out.put(key.scope);
            out.put('\n');
            to_sign_size_ = out.size();
            to_sign_ahead_size_ = 0;
            to_sign_second_ = second_;
            to_sign_key_ = key.number;
        }
        sigv4::Writer hash{to_sign_.data() + to_sign_size_};
        sigv4::put_hex(hash, canonical);
        const auto text = faas::detail::bytes_of({to_sign_.data(), to_sign_size_ + 64});
        if (again && to_sign_ahead_size_ == 0) {
            const auto size = to_sign_size_ - to_sign_size_ % block_bytes;
            to_sign_ahead_ = key.hmac.begin();
            to_sign_ahead_.update(text.first(size));
            to_sign_ahead_size_ = size;
        }
        work_ = to_sign_ahead_size_ == 0 ? key.hmac.begin() : to_sign_ahead_;
        work_.update(text.subspan(to_sign_ahead_size_));
        return hex(key.hmac.finish(work_), signature_hex_);
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
                            .hmac = faas::detail::HmacSha256Key{derived.reveal()},
                            .number = ++keys_made_});
        return keys_.back();
    }

    const faas::detail::Sha256 empty_{};  // a copy of it costs less than starting anew
    faas::detail::Sha256 work_{};
    faas::detail::Sha256 ahead_{};  // has taken in the first characters of the text, this many
    std::size_t ahead_size_ = 0;
    sigv4::CanonicalRequest canonical_{};
    sigv4::Buffer authorization_{};
    sigv4::Buffer to_sign_{};
    std::size_t to_sign_size_ = 0;  // without the hash behind it
    std::uint64_t to_sign_key_ = 0;
    std::chrono::sys_seconds to_sign_second_{};
    faas::detail::Sha256 to_sign_ahead_{};  // has taken in the first characters of it, this many
    std::size_t to_sign_ahead_size_ = 0;
    sigv4::Buffer chunk_{};
    Last last_{};
    sigv4::Buffer last_fields_{};
    std::vector<Line> lines_{};
    std::string target_{};  // the last one, and what is signed of it
    PathRules rules_{};
    sigv4::Buffer uri_text_{};
    sigv4::CanonicalQuery query_text_{};
    std::string_view uri_{};
    std::string_view query_{};
    std::string host_{};
    std::vector<Key> keys_{};
    std::uint64_t keys_made_ = 0;
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

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> cannot_sign(const HttpRequest& request,
                                                                         const Credentials& credentials,
                                                                         const SigningScope& scope,
                                                                         const SigningOptions& options) {
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

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<void> Signer::presign(
    HttpRequest& request, const Credentials& credentials, const SigningScope& scope,
    std::chrono::system_clock::time_point now, std::chrono::seconds lifetime, const SigningOptions& options) {
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

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Secret> presigned_url(
    HttpRequest request, const Credentials& credentials, const SigningScope& scope,
    std::chrono::system_clock::time_point now, std::chrono::seconds lifetime, const SigningOptions& options) {
    auto done = Signer{}.presign(request, credentials, scope, now, lifetime, options);
    if (!done) return std::move(done).error();
    Secret url{to_string(request.origin).append(request.target)};
    faas::detail::wipe(request.target);
    return url;
}

}  // namespace aws
}  // namespace blueprint::faas

#endif
