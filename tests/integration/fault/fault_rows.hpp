#ifndef BLUEPRINT_FAAS_TESTS_FAULT_FAULT_ROWS_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_FAULT_ROWS_HPP

#include "blueprint/faas/local/certificates.hpp"
#include "support/fault.hpp"
#include "support/run.hpp"
#include "support/self_signed.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tests {

using namespace std::chrono_literals;

/// Where a fault can be.
enum class Wire : std::uint8_t { both, plain, tls };

/// What an operation that meets the fault every time has to say.
enum class Expect : std::uint8_t {
    success,
    unsent,       // infrastructure, and it certainly did not run
    infra,        // infrastructure
    late,         // timed out at the deadline
    late_unsent,  // the same, and it certainly did not run
    unreadable,   // serialization
    throttled,
};

/// Certificates that the proxy may have.
enum class Certificate : std::uint8_t { good, other_host, expired, future, stranger, self_signed };

/// A fault on the wire.
struct Row {
    const char* name;
    Fault fault;
    Expect expect;
    Wire wire = Wire::both;
    const char* host = "127.0.0.1";
    Certificate certificate = Certificate::good;
    int lookup_milliseconds = 0;
    bool body_matters = false;  // who needs no body of the answer succeeds
};

/// All faults on the wire, and what an operation comes to that meets one every time.
inline const std::vector<Row>& rows() {
    using Kind = Fault::Kind;
    static const std::vector<Row> table{
        {"nothing", {}, Expect::success},
        {"refused", {.kind = Kind::refuse}, Expect::unsent},
        {"the name does not exist", {}, Expect::unsent, Wire::both, "none.invalid"},
        {"the look-up takes too long", {}, Expect::late_unsent, Wire::both, "slow.faas.test", Certificate::good, 700},
        {"never accepted", {.kind = Kind::never_accept}, Expect::late, Wire::plain},
        {"never accepted, TLS", {.kind = Kind::never_accept}, Expect::late_unsent, Wire::tls},
        {"no answer to the connection request", {.kind = Kind::full_queue}, Expect::late_unsent},
        {"closed when accepted", {.kind = Kind::hang_up}, Expect::infra, Wire::plain},
        {"reset when accepted", {.kind = Kind::hang_up, .reset = true}, Expect::infra, Wire::plain},
        {"closed when accepted, TLS", {.kind = Kind::hang_up}, Expect::unsent, Wire::tls},
        {"reset when accepted, TLS", {.kind = Kind::hang_up, .reset = true}, Expect::unsent, Wire::tls},
        {"no TLS", {.kind = Kind::not_tls}, Expect::unsent, Wire::tls},
        {"another host's certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::other_host},
        {"an expired certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::expired},
        {"a future certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::future},
        {"a stranger's certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::stranger},
        {"a self-signed certificate", {}, Expect::unsent, Wire::tls, "localhost", Certificate::self_signed},
        {"handshake closed after 0 bytes", {.kind = Kind::cut_raw, .at = 0}, Expect::unsent, Wire::tls},
        {"handshake closed after 1 byte", {.kind = Kind::cut_raw, .at = 1}, Expect::unsent, Wire::tls},
        {"handshake closed after 5 bytes", {.kind = Kind::cut_raw, .at = 5}, Expect::unsent, Wire::tls},
        {"handshake closed after 90 bytes", {.kind = Kind::cut_raw, .at = 90}, Expect::unsent, Wire::tls},
        {"handshake closed after 300 bytes", {.kind = Kind::cut_raw, .at = 300}, Expect::unsent, Wire::tls},
        {"handshake reset after 5 bytes", {.kind = Kind::cut_raw, .at = 5, .reset = true}, Expect::unsent, Wire::tls},
        {"handshake reset after 300 bytes",
         {.kind = Kind::cut_raw, .at = 300, .reset = true},
         Expect::unsent,
         Wire::tls},
        {"closed with the request unread", {.kind = Kind::unread}, Expect::infra},
        {"reset with the request unread", {.kind = Kind::unread, .reset = true}, Expect::infra},
        {"closed inside the request", {.kind = Kind::half_read, .at = 20}, Expect::infra},
        {"reset inside the request", {.kind = Kind::half_read, .at = 20, .reset = true}, Expect::infra},
        {"closed before it is passed on", {.kind = Kind::swallow}, Expect::infra},
        {"reset before it is passed on", {.kind = Kind::swallow, .reset = true}, Expect::infra},
        {"held and not passed on", {.kind = Kind::hold}, Expect::late},
        {"closed in place of the answer", {.kind = Kind::lost}, Expect::infra},
        {"reset in place of the answer", {.kind = Kind::lost, .reset = true}, Expect::infra},
        {"half-closed in place of the answer", {.kind = Kind::half_close}, Expect::infra},
        {"closed inside the head", {.kind = Kind::cut_head}, Expect::infra},
        {"reset inside the head", {.kind = Kind::cut_head, .reset = true}, Expect::infra},
        {"closed inside the body", {.kind = Kind::cut_body}, Expect::infra},
        {"reset inside the body", {.kind = Kind::cut_body, .reset = true}, Expect::infra},
        {"half-closed inside the body", {.kind = Kind::half_close_in_body}, Expect::infra},
        {"silent inside the body", {.kind = Kind::stop_in_body}, Expect::late},
        {"in chunks", {.kind = Kind::chunked}, Expect::success},
        {"closed inside a chunk", {.kind = Kind::chunk_cut}, Expect::infra},
        {"closed before the last chunk", {.kind = Kind::chunk_no_end}, Expect::infra},
        {"a chunk size that is no number", {.kind = Kind::chunk_garbage}, Expect::unreadable},
        {"length too long, closed", {.kind = Kind::length_long}, Expect::infra},
        {"length too long, silent", {.kind = Kind::length_long_silent}, Expect::late},
        {.name = "length too short",
         .fault = {.kind = Kind::length_short},
         .expect = Expect::unreadable,
         .body_matters = true},
        {"two lengths", {.kind = Kind::lengths_differ}, Expect::unreadable},
        {"one byte a write", {.kind = Kind::bytewise}, Expect::success},
        {"one byte every 20 ms", {.kind = Kind::bytewise, .pause = 20ms}, Expect::late},
        {"silence", {.kind = Kind::silent}, Expect::late},
        {"another protocol", {.kind = Kind::garbage}, Expect::unreadable},
        {"zeros", {.kind = Kind::zeros}, Expect::unreadable},
        {"garbage behind the answer", {.kind = Kind::garbage_after}, Expect::success},
        {"a head of 128 KiB", {.kind = Kind::big_head}, Expect::unreadable},
        {"eight interim answers", {.kind = Kind::interim_some, .at = 8}, Expect::success},
        {"closed after each answer", {.kind = Kind::closed_after}, Expect::success},
        {"reset after each answer", {.kind = Kind::closed_after, .reset = true}, Expect::success},
        {"an unasked 408 after each answer", {.kind = Kind::told_408_after}, Expect::success},
        {"a TLS record with a wrong bit", {.kind = Kind::corrupt_record}, Expect::infra, Wire::tls},
        {.name = "no JSON", .fault = {.kind = Kind::no_json}, .expect = Expect::unreadable, .body_matters = true},
        {.name = "an empty answer", .fault = {.kind = Kind::empty}, .expect = Expect::unreadable, .body_matters = true},
        {"HTTP 500", {.kind = Kind::status, .at = 500}, Expect::infra},
        {"HTTP 503", {.kind = Kind::status, .at = 503}, Expect::infra},
        {"HTTP 429", {.kind = Kind::status, .at = 429}, Expect::throttled},
        {"HTTP 302", {.kind = Kind::status, .at = 302}, Expect::infra},
    };
    return table;
}

/// Makes a certificate for `names`, or one that is none.
inline blueprint::faas::local::Certificate certificate_for(
    Certificate which, const blueprint::faas::local::CertificateAuthority& authority,
    const blueprint::faas::local::CertificateAuthority& stranger, const std::vector<std::string>& names) {
    switch (which) {
        case Certificate::good: break;
        case Certificate::other_host: return ok(authority.issue({"other.example"}));
        case Certificate::expired: return ok(authority.issue(names, {.begins = -2h, .ends = -1h}));
        case Certificate::future: return ok(authority.issue(names, {.begins = 1h, .ends = 2h}));
        case Certificate::stranger: return ok(stranger.issue(names));
        case Certificate::self_signed: {
            auto made = blueprint::faas::test::make_self_signed();
            return {.certificate = made.certificate, .private_key = blueprint::faas::Secret{made.key}};
        }
    }
    return ok(authority.issue(names));
}

}  // namespace tests

#endif
