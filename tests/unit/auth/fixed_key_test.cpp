#include "blueprint/faas/auth/api_key.hpp"
#include "blueprint/faas/auth/basic.hpp"
#include "blueprint/faas/auth/no_auth.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <string>

namespace fixed_key_test {

using namespace blueprint::faas;

namespace {

template <class A, class Purpose>
HttpRequest authorized(A auth, Purpose purpose) {
    boost::asio::io_context io;
    HttpRequest request;
    tests::ok(tests::run(io, auth.authorize(request, purpose)));
    tests::ok(tests::run(io, auth.authorize(request, purpose)));  // every attempt is authorised afresh
    return request;
}

}  // namespace

TEST_CASE("auth: each kind writes its one header field, also when asked twice") {
    CHECK(authorized(NoAuth{}, purpose::ControlPlane{}).headers.text() == "");
    CHECK(authorized(ApiKey{"X-Api-Key", "k-1"}, purpose::ControlPlane{}).headers.text() == "X-Api-Key: k-1\r\n");
    CHECK(authorized(Bearer{"t-1"}, purpose::Invocation{"https://a"}).headers.text() ==
          "Authorization: Bearer t-1\r\n");
    // RFC 7617, section 2.
    CHECK(authorized(Basic{"Aladdin", "open sesame"}, purpose::ControlPlane{}).headers.text() ==
          "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n");
}

TEST_CASE("auth: what a fixed key needs is there at once, so nobody has to wait for it") {
    HttpRequest request;
    CHECK(NoAuth{}.try_authorize(request, purpose::ControlPlane{}));
    Bearer bearer{"t-1"};
    CHECK(try_authorize(bearer, request, purpose::Upload{}));
    CHECK(request.headers.text() == "");
    CHECK(try_authorize(bearer, request, purpose::ControlPlane{}));
    CHECK(try_authorize(bearer, request, purpose::Invocation{"https://a"}));
    CHECK(request.headers.text() == "Authorization: Bearer t-1\r\n");
}

TEST_CASE("auth: a pre-authorised upload gets no credential") {
    CHECK(authorized(Bearer{"t-1"}, purpose::Upload{}).headers.text() == "");
    CHECK(authorized(ApiKey{"X-Api-Key", "k-1"}, purpose::Upload{}).headers.text() == "");
}

TEST_CASE("auth: a key with a line break cannot add a header field") {
    const auto request = authorized(ApiKey{"X-Api-Key", "k\r\nX-Evil: 1"}, purpose::ControlPlane{});
    CHECK(request.headers.text() == "");
    CHECK(request.headers.refused() == "X-Api-Key");
}

TEST_CASE("auth: a fixed key has no fresher version") {
    CHECK_FALSE(ApiKey{"X-Api-Key", "k"}.invalidate());
    CHECK_FALSE(Bearer{"t"}.invalidate());
}

}  // namespace fixed_key_test
