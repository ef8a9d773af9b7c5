#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_CA_BUNDLE_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_CA_BUNDLE_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/job.hpp"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

// Moves through DER, value by value; what is no DER ends it.
class DerReader {
public:
    explicit DerReader(std::span<const std::uint8_t> bytes) noexcept : at_{bytes.data()}, end_{at_ + bytes.size()} {}
    // Reads the next value, whose bytes are then `value()`. False at the end, or if it is broken.
    BLUEPRINT_FAAS_COLD bool next() noexcept {
        if (at_ == end_) return false;
        long size = 0;
        begin_ = at_;
        // 0x80: broken; 1: of no definite length, which certificates do not have.
        good_ = (ASN1_get_object(&at_, &size, &tag_, &kind_, end_ - at_) & 0x81) == 0;
        if (!good_) return false;
        value_ = {at_, static_cast<std::size_t>(size)};
        at_ += size;
        return true;
    }
    bool next(int tag) noexcept { return next() && tag_ == tag && kind_ == V_ASN1_UNIVERSAL; }
    bool good() const noexcept { return good_; }
    int tag() const noexcept { return tag_; }
    bool is_optional() const noexcept { return kind_ == V_ASN1_CONTEXT_SPECIFIC; }
    std::span<const std::uint8_t> value() const noexcept { return value_; }
    std::span<const std::uint8_t> whole() const noexcept { return {begin_, at_}; }

private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
    const std::uint8_t* begin_ = nullptr;
    std::span<const std::uint8_t> value_{};
    int tag_ = 0;
    int kind_ = 0;
    bool good_ = true;
};

/// Returns a number that is the same for names that are alike in OpenSSL's eyes, which does not look at case, blanks
/// and the kind of text; 0 of a name that is not DER, or has a kind of text whose bytes are no letters.
BLUEPRINT_FAAS_COLD inline std::uint64_t name_number(std::span<const std::uint8_t> name) noexcept {
    ERR_set_mark();
    std::uint64_t number = 0xcbf29ce484222325U;  // FNV-1a
    DerReader outer{name};
    bool good = outer.next(V_ASN1_SEQUENCE);
    DerReader sets{outer.value()};
    while (good && sets.next(V_ASN1_SET)) {
        DerReader attributes{sets.value()};
        while (good && attributes.next(V_ASN1_SEQUENCE)) {
            DerReader attribute{attributes.value()};
            good = attribute.next(V_ASN1_OBJECT) && attribute.next() && attribute.tag() != V_ASN1_BMPSTRING &&
                   attribute.tag() != V_ASN1_UNIVERSALSTRING;
            for (const auto byte : attribute.value()) {
                const auto letter = static_cast<std::uint8_t>(byte | 0x20U);
                const bool counts = (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9');
                if (counts) number = (number ^ letter) * 0x100000001b3U;
            }
        }
        good = good && attributes.good();
    }
    good = good && sets.good();
    ERR_pop_to_mark();
    return good ? number | 1U : 0;
}

/// The certificate authorities of a PEM text. A certificate is parsed when OpenSSL asks for its name: of a machine's
/// 140 a process needs one or two, and parsing them all costs it 20 ms.
class CaBundle {
public:
    /// Adds the authorities of a text. False, and nothing added, if there is anything else in it than plain
    /// certificates, or nothing at all: then OpenSSL has to read it and say what is wrong.
    BLUEPRINT_FAAS_COLD bool add(std::string_view pem) {
        constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----", end = "-----END CERTIFICATE-----";
        std::vector<Authority> found;
        std::string text;
        for (auto at = pem.find("-----BEGIN "); at != std::string_view::npos; at = pem.find("-----BEGIN ", at)) {
            const auto rest = pem.substr(at);
            const auto stop = rest.starts_with(begin) ? rest.find('-', begin.size()) : std::string_view::npos;
            if (stop == std::string_view::npos || !rest.substr(stop).starts_with(end)) return false;
            text.clear();
            for (auto lines = rest.substr(begin.size(), stop - begin.size()); !lines.empty();) {
                auto line = lines.substr(0, lines.find('\n'));
                lines.remove_prefix(std::min(line.size() + 1, lines.size()));
                if (line.ends_with('\r')) line.remove_suffix(1);
                text += line;
            }
            auto der = base64_decode(text);
            if (!der) return false;
            auto& authority = found.emplace_back();
            authority.der = std::move(*der);
            authority.subject = subject_of(authority.der);
            if (authority.subject.empty()) return false;
            authority.number = name_number(authority.subject);
            at += stop + end.size();
        }
        const std::lock_guard lock{mutex_};
        std::move(found.begin(), found.end(), std::back_inserter(authorities_));
        return !found.empty();
    }
    /// Gives `store` all authorities of that name, and returns one of them; null if there is none.
    X509* give(X509_STORE* store, const X509_NAME* name) {
        const unsigned char* der = nullptr;
        std::size_t size = 0;
        if (X509_NAME_get0_der(name, &der, &size) != 1) return nullptr;
        const auto number = name_number({der, size});
        X509* any = nullptr;
        const std::lock_guard lock{mutex_};
        ERR_set_mark();
        for (auto& one : authorities_) {
            if (number != one.number && number != 0 && one.number != 0) continue;
            if (!has_name(one, name)) continue;
            if (!one.certificate) {
                der = one.der.data();
                one.certificate.reset(d2i_X509(nullptr, &der, static_cast<long>(one.der.size())));
                if (one.certificate && X509_STORE_add_cert(store, one.certificate.get()) != 1) one.certificate.reset();
            }
            if (one.certificate) any = one.certificate.get();
        }
        ERR_pop_to_mark();
        return any;
    }

private:
    struct Free {
        void operator()(X509_NAME* name) const noexcept { X509_NAME_free(name); }
        void operator()(X509* certificate) const noexcept { X509_free(certificate); }
    };
    struct Authority {
        Bytes der{};
        std::span<const std::uint8_t> subject{};  // in `der`
        std::uint64_t number = 0;                 // of the subject
        std::unique_ptr<X509, Free> certificate{};
    };

    // Source: RFC 5280, section 4.1.
    BLUEPRINT_FAAS_COLD static std::span<const std::uint8_t> subject_of(const Bytes& der) noexcept {
        ERR_set_mark();
        DerReader file{der};
        bool good = file.next(V_ASN1_SEQUENCE);
        DerReader certificate{file.value()};
        good = good && certificate.next(V_ASN1_SEQUENCE);
        DerReader fields{certificate.value()};
        good = good && fields.next();
        if (good && fields.is_optional()) good = fields.next();  // the version, which may stand before the number
        for (int i = 0; i < 4; ++i)
            good = good && fields.next(V_ASN1_SEQUENCE);  // algorithm, issuer, validity, subject
        ERR_pop_to_mark();
        return good ? fields.whole() : std::span<const std::uint8_t>{};
    }
    BLUEPRINT_FAAS_COLD static bool has_name(const Authority& authority, const X509_NAME* name) {
        const auto* at = authority.subject.data();
        const std::unique_ptr<X509_NAME, Free> subject{
            d2i_X509_NAME(nullptr, &at, static_cast<long>(authority.subject.size()))};
        return subject && X509_NAME_cmp(subject.get(), name) == 0;
    }

    std::mutex mutex_{};
    std::vector<Authority> authorities_{};
};

namespace tls {

BLUEPRINT_FAAS_COLD inline int give_authority(X509_LOOKUP* lookup, X509_LOOKUP_TYPE type, const X509_NAME* name,
                                              X509_OBJECT* found) {
    auto* const bundle = static_cast<CaBundle*>(X509_LOOKUP_get_method_data(lookup));
    if (type != X509_LU_X509 || bundle == nullptr) return 0;
    X509* const authority = bundle->give(X509_LOOKUP_get_store(lookup), name);
    if (authority == nullptr || X509_OBJECT_set1_X509(found, authority) != 1) return 0;
    X509_free(authority);  // `found` goes without being freed; the store has the certificate as long as it lives
    return 1;
}

BLUEPRINT_FAAS_COLD inline X509_LOOKUP_METHOD* bundle_method() {
    static X509_LOOKUP_METHOD* const method = [] {
        auto* const made = X509_LOOKUP_meth_new("certificates that are parsed when they are needed");
        if (made == nullptr) return made;
        X509_LOOKUP_meth_set_get_by_subject(made, &give_authority);
        X509_LOOKUP_meth_set_free(
            made, [](X509_LOOKUP* lookup) { delete static_cast<CaBundle*>(X509_LOOKUP_get_method_data(lookup)); });
        return made;
    }();
    return method;
}

/// Makes `native` trust the authorities of a PEM text. False, and nothing changed, if OpenSSL has to read it.
BLUEPRINT_FAAS_COLD inline bool trust_bundle(SSL_CTX* native, std::string_view pem) {
    auto made = std::make_unique<CaBundle>();
    if (!made->add(pem)) return false;
    auto* const method = bundle_method();
    // The same one for each bundle of a store.
    auto* const lookup = method == nullptr ? nullptr : X509_STORE_add_lookup(SSL_CTX_get_cert_store(native), method);
    if (lookup == nullptr) return false;
    if (auto* const earlier = static_cast<CaBundle*>(X509_LOOKUP_get_method_data(lookup))) return earlier->add(pem);
    return X509_LOOKUP_set_method_data(lookup, made.release()) == 1;
}

}  // namespace tls
}  // namespace blueprint::faas::detail

#endif
