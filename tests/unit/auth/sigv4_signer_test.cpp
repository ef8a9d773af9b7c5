#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/body_stream.hpp"
#include "sigv4_fixture.hpp"
#include "support/run.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sigv4_signer_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using namespace tests::sigv4;
using tests::failed;
using tests::ok;

namespace {

class PieceByPiece final : public BodySource {
public:
    explicit PieceByPiece(std::string text) : text_{std::move(text)} {}
    result<void> rewind() override {
        at_ = 0;
        return result<void>{};
    }
    result<std::size_t> read(std::span<char> space) override {
        if (fails) return Error{.code = errc::infrastructure, .message = "the disk is gone"};
        const auto size = std::min({space.size(), text_.size() - at_, std::size_t{1000}});
        text_.copy(space.data(), size, at_);
        at_ += size;
        return size;
    }
    bool fails = false;

private:
    std::string text_;
    std::size_t at_ = 0;
};

// Gives a field another value and leaves it where it is.
void set_in_place(Headers& headers, std::string_view name, std::string_view value) {
    Headers changed;
    for (auto lines = headers.text(); !lines.empty(); lines.remove_prefix(lines.find('\n') + 1)) {
        const auto line = lines.substr(0, lines.find('\r'));
        const auto of_line = line.substr(0, line.find(':'));
        changed.add(of_line, of_line == name ? value : line.substr(of_line.size() + 2));
    }
    headers = changed;
}

}  // namespace

TEST_CASE("sigv4: without region or service nothing is signed, and the error says what to set") {
    auto request = lambda_by_arn();
    for (const auto& scope : {aws::SigningScope{"", "lambda"}, aws::SigningScope{"us-east-1", ""}}) {
        const auto error = failed(aws::sign_request(request, suite_credentials("token"), scope, at(suite_date)));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK(error.message.find("region") != std::string::npos);
    }
    CHECK_FALSE(request.headers.get("Authorization").has_value());
}

TEST_CASE("sigv4: S3 gets the body's hash and its path as it is, doubled slashes and dots included") {
    auto request = to_bucket("/a//b/../c%20d");
    request.verb = Verb::put;
    request.body = Body{std::string{"Welcome to Amazon S3."}};
    ok(aws::sign_request(request, s3_credentials(), s3, at(s3_date)));
    const auto hash = hash_of("Welcome to Amazon S3.");
    CHECK(request.headers.get("X-Amz-Content-Sha256") == hash);
    CHECK(signed_names(request) == "host;x-amz-content-sha256;x-amz-date");
    const std::vector<aws::SignedField> fields{
        {"host", request.origin.host}, {"x-amz-content-sha256", hash}, {"x-amz-date", s3_date}};
    const auto canonical = aws::canonical_request(
        {.method = "PUT", .path = "/a//b/../c%20d", .fields = fields, .payload_hash = hash}, aws::path_rules("s3"));
    const auto text = aws::string_to_sign(s3_date, aws::credential_scope(s3_date, s3), canonical);
    CHECK(signature_in(authorization(request)) == aws::signature(aws::signing_key(s3_secret, s3_date, s3), text));

    request.body = Body{};
    ok(aws::sign_request(request, s3_credentials(), s3, at(s3_date)));
    CHECK(request.headers.get("X-Amz-Content-Sha256") == aws::empty_payload_hash);
}

TEST_CASE("sigv4: a body may go unsigned over TLS, and never without") {
    aws::Signer signer;
    auto request = to_bucket("/key");
    request.body = Body{std::string{"anything"}};
    ok(signer.sign(request, s3_credentials(), s3, at(s3_date), {.unsigned_payload = true}));
    CHECK(request.headers.get("X-Amz-Content-Sha256") == "UNSIGNED-PAYLOAD");
    request.origin.tls = false;
    const auto error = failed(signer.sign(request, s3_credentials(), s3, at(s3_date), {.unsigned_payload = true}));
    CHECK(error.code == errc::invalid_configuration);
}

TEST_CASE("sigv4: a body that comes piece by piece is signed like one in memory") {
    std::string text(200'000, 'x');
    text[123'456] = 'y';
    auto request = lambda_by_arn();
    request.body = Body{text};
    ok(aws::sign_request(request, suite_credentials(), lambda, at(suite_date)));
    const auto expected = authorization(request);
    const auto source = std::make_shared<PieceByPiece>(text);
    request.body = Body{source, text.size()};
    for (int attempt = 0; attempt < 2; ++attempt) {
        ok(aws::sign_request(request, suite_credentials(), lambda, at(suite_date)));
        CHECK(authorization(request) == expected);
    }
    source->fails = true;
    CHECK(failed(aws::sign_request(request, suite_credentials(), lambda, at(suite_date))).message ==
          "the disk is gone");
}

TEST_CASE("sigv4: presigning makes the documentation's URL, and again replaces what it added") {
    auto request = to_bucket("/test.txt");
    const auto url = ok(aws::presigned_url(request, s3_credentials(), s3, at(s3_date), 24h));
    CHECK(url.reveal() ==
          "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
          "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires="
          "86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
          "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    aws::Signer signer;
    ok(signer.sign(request, suite_credentials("an older token"), s3, at(suite_date)));
    ok(signer.presign(request, suite_credentials("an older token"), s3, at(suite_date), 1s));
    ok(signer.presign(request, s3_credentials(), s3, at(s3_date), 24h));
    CHECK(to_string(request.origin) + request.target == url.reveal());
    CHECK(request.headers.empty());
}

TEST_CASE(
    "sigv4: a presigned URL lives from a second to seven days, names its fields, and signs other services' bodies") {
    aws::Signer signer;
    for (const auto lifetime : {-1s, 0s, 604'801s}) {
        auto request = to_bucket("/key");
        const auto error = failed(signer.presign(request, s3_credentials(), s3, at(s3_date), lifetime));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.message.find(std::to_string(lifetime.count())) != std::string::npos);
    }
    for (const auto lifetime : {1s, 604'800s}) {
        auto request = to_bucket("/key?versionId=7");
        ok(signer.presign(request, s3_credentials(), s3, at(s3_date), lifetime));
        CHECK(request.target.find("/key?versionId=7&X-Amz-Algorithm=") == 0);
        CHECK(request.target.find("X-Amz-Expires=" + std::to_string(lifetime.count()) + "&") != std::string::npos);
    }
    auto request = lambda_by_arn();
    ok(signer.presign(request, suite_credentials("token/+="), lambda, at(suite_date), 60s));
    CHECK(request.target.find("&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-invocation-type%3Bx-amz-log-type&"
                              "X-Amz-Security-Token=token%2F%2B%3D&X-Amz-Signature=") != std::string::npos);
    const auto query = request.target.substr(request.target.find('?') + 1);
    const std::vector<aws::SignedField> fields{{"Host", request.origin.host},
                                               {"Content-Type", "application/json"},
                                               {"X-Amz-Log-Type", "Tail"},
                                               {"X-Amz-Invocation-Type", "RequestResponse"}};
    const auto hash = hash_of(R"({"n":7})");
    const auto verify = [&](const std::string& all, std::string_view payload) {
        const auto canonical = aws::canonical_request({.method = "POST",
                                                       .path = request.target.substr(0, request.target.find('?')),
                                                       .query = aws::without_parameter(all, "X-Amz-Signature"),
                                                       .fields = fields,
                                                       .payload_hash = payload});
        const auto text = aws::string_to_sign(suite_date, aws::credential_scope(suite_date, lambda), canonical);
        return aws::signature(aws::signing_key(suite_secret, suite_date, lambda), text) == signature_in(all);
    };
    CHECK(verify(query, hash));
    CHECK_FALSE(verify(query, aws::unsigned_payload));
    ok(signer.presign(request, suite_credentials("token"), lambda, at(suite_date), 60s, {.unsigned_payload = true}));
    CHECK(verify(request.target.substr(request.target.find('?') + 1), aws::unsigned_payload));
    // The token after the signature, where a service wants it so: what was signed does not have it.
    ok(signer.presign(request, suite_credentials("token"), lambda, at(suite_date), 60s, {.token_after_signing = true}));
    const auto late = request.target.substr(request.target.find('?') + 1);
    CHECK(late.find("X-Amz-Security-Token=token") != std::string::npos);
    CHECK(verify(aws::without_parameter(late, "X-Amz-Security-Token"), hash));
    ok(signer.sign(request, suite_credentials("token"), lambda, at(suite_date), {.token_after_signing = true}));
    CHECK(signed_names(request).find("token") == std::string::npos);
    CHECK(request.headers.get("X-Amz-Security-Token") == "token");
}

TEST_CASE("sigv4: whatever one signer has signed before, it signs the next request like a new one") {
    std::mt19937 random{7};
    const auto any = [&](auto... choices) {
        const std::array all{choices...};
        return all[random() % all.size()];
    };
    aws::Signer signer;
    HttpRequest request;
    auto credentials = suite_credentials();
    aws::SigningScope scope = lambda;
    auto now = at(suite_date);
    aws::SigningOptions options;
    // Most of the time most is as it was, which is where a signer could take one for another.
    const auto now_and_then = [&] { return random() % 8 == 0; };
    for (int i = 0; i < 5000; ++i) {
        if (now_and_then()) request.headers = Headers{};
        if (now_and_then()) request.verb = any(Verb::get, Verb::post);
        if (now_and_then())
            request.origin = {any(true, false), any("a.example", "b.example"),
                              any(std::uint16_t{443}, std::uint16_t{80})};
        if (now_and_then()) request.target = any("/", "", "/a?b=c", "/a:b?b=c");
        // As long as each other as they are sent, as they are signed, or both.
        for (const auto name : {"Content-Type", "X-Amz-Log-Type", "X-Amz-A", "Accept"})
            if (now_and_then()) request.headers.set(name, any("x", "y", "y  z", "yy z", " y z", "y z", "long enough"));
        // A value that changes from call to call, and back, where the fields stay: before the time, or behind it.
        if (i % 64 == 0) request.headers.set(any("X-Amz-Client-Context", "X-Amz-Z"), "0");
        for (const auto name : {"X-Amz-Client-Context", "X-Amz-Z"})
            if (request.headers.get(name))
                set_in_place(request.headers, name, std::to_string(1000 + random() % 3).substr(0, i % 50 < 40 ? 4 : 3));
        if (now_and_then()) request.body = Body{std::string{any("", "one", "two")}};
        if (now_and_then()) credentials.session_token = any("", "token", "other", "with  blanks", "with a blank");
        if (now_and_then()) credentials.secret_access_key = any(suite_secret, s3_secret);
        if (now_and_then()) scope = {any("us-east-1", "eu-central-1"), any("lambda", "lambda", "s3", "sts")};
        if (now_and_then()) now = at(any(suite_date, s3_date)) + std::chrono::seconds{random() % 2};
        if (now_and_then()) options = {.send_payload_hash = now_and_then(), .token_after_signing = now_and_then()};
        auto fresh = request;
        aws::Signer new_one;
        if (now_and_then()) {
            ok(signer.presign(request, credentials, scope, now, 1h, options));
            ok(new_one.presign(fresh, credentials, scope, now, 1h, options));
        } else {
            ok(signer.sign(request, credentials, scope, now, options));
            ok(new_one.sign(fresh, credentials, scope, now, options));
        }
        CHECK(request.headers.text() == fresh.headers.text());
        CHECK(request.target == fresh.target);
    }
}

TEST_CASE("sigv4: several threads sign at once") {
    aws::Signer signer;
    std::vector<std::string> expected;
    for (int i = 0; i < 100; ++i) {
        auto request = lambda_by_arn();
        ok(aws::sign_request(request, suite_credentials(), lambda, at(suite_date) + i * 10h));
        expected.push_back(authorization(request));
    }
    std::vector<std::thread> threads;
    std::vector<int> wrong(12, 0);
    for (auto& mine : wrong)
        threads.emplace_back([&mine, &signer, &expected] {
            for (int round = 0; round < 5; ++round)
                for (std::size_t i = 0; i < expected.size(); ++i) {
                    auto request = lambda_by_arn();
                    const auto now = at(suite_date) + static_cast<int>(i) * 10h;
                    if (!signer.sign(request, suite_credentials(), lambda, now) ||
                        authorization(request) != expected[i])
                        ++mine;
                }
        });
    for (auto& thread : threads) thread.join();
    CHECK(wrong == std::vector<int>(12, 0));
}

}  // namespace sigv4_signer_test
