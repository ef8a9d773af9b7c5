#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "sigv4_fixture.hpp"
#include "support/run.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sigv4_stages_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using namespace tests::sigv4;
using tests::ok;

TEST_CASE("sigv4: published examples agree stage by stage: canonical request, string to sign, signature") {
    struct Row {
        std::string_view name;
        aws::Credentials credentials;
        std::string_view date;
        aws::SigningScope scope;
        std::string_view method;
        std::string_view path;
        std::string_view query;
        std::vector<aws::SignedField> fields;
        std::string_view payload_hash;
        std::string_view canonical_hash;
        std::string_view signature;
    };
    const auto empty = aws::empty_payload_hash;
    constexpr std::string_view form = "application/x-www-form-urlencoded; charset=utf-8";
    constexpr std::string_view form_hash = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
    constexpr std::string_view token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    const auto welcome = hash_of("Welcome to Amazon S3.");
    const auto job = hash_of(R"({"n":7})");
    const Row rows[] = {
        {"V1 get-vanilla",
         suite_credentials(),
         suite_date,
         {"us-east-1", "service"},
         "GET",
         "/",
         "",
         {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", suite_date}},
         empty,
         "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"V2 post-x-www-form-urlencoded-parameters",
         suite_credentials(),
         suite_date,
         {"us-east-1", "service"},
         "POST",
         "/",
         "",
         {{"Content-Type", form},
          {"Host", "example.amazonaws.com"},
          {"Content-Length", "13"},
          {"X-Amz-Date", suite_date},
          {"x-amz-content-sha256", form_hash}},
         form_hash,
         "a89f1a5b53e37702ee6363ce1da3ce8f54386f3c8f352ae652153c2982a0bc4d",
         "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422"},
        {"V3 get-vanilla-with-session-token",
         suite_credentials(token),
         suite_date,
         {"us-east-1", "service"},
         "GET",
         "/",
         "",
         {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", suite_date}, {"X-Amz-Security-Token", token}},
         empty,
         "067b36aa60031588cea4a4cde1f21215227a047690c72247f1d70b32fbbfad2b",
         "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
        {"V4 the documentation's IAM request",
         suite_credentials(),
         suite_date,
         {"us-east-1", "iam"},
         "GET",
         "/",
         "Action=ListUsers&Version=2010-05-08",
         {{"content-type", form}, {"host", "iam.amazonaws.com"}, {"x-amz-date", suite_date}},
         empty,
         "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59",
         "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
        {"V5 S3 GET of a range",
         s3_credentials(),
         s3_date,
         {"us-east-1", "s3"},
         "GET",
         "/test.txt",
         "",
         {{"Host", "examplebucket.s3.amazonaws.com"},
          {"Range", "bytes=0-9"},
          {"x-amz-content-sha256", empty},
          {"x-amz-date", s3_date}},
         empty,
         "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"V5b S3 PUT",
         s3_credentials(),
         s3_date,
         {"us-east-1", "s3"},
         "PUT",
         "/test%24file.text",
         "",
         {{"Host", "examplebucket.s3.amazonaws.com"},
          {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
          {"x-amz-date", s3_date},
          {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
          {"x-amz-content-sha256", welcome}},
         welcome,
         "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"V6 S3 presigned",
         s3_credentials(),
         s3_date,
         {"us-east-1", "s3"},
         "GET",
         "/test.txt",
         "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
         "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host",
         {{"host", "examplebucket.s3.amazonaws.com"}},
         aws::unsigned_payload,
         "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04",
         "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
        {"V7 Lambda by ARN",
         suite_credentials("SESSIONTOKENEXAMPLE"),
         suite_date,
         {"us-east-1", "lambda"},
         "POST",
         "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ademo/invocations",
         "Qualifier=%24LATEST",
         {{"Content-Type", "application/json"},
          {"Host", "lambda.us-east-1.amazonaws.com"},
          {"X-Amz-Date", suite_date},
          {"X-Amz-Invocation-Type", "RequestResponse"},
          {"X-Amz-Log-Type", "Tail"},
          {"X-Amz-Security-Token", "SESSIONTOKENEXAMPLE"}},
         job,
         "a94b88ae0cfcc7b0b1ff1897125a96cfc4c54d4471207066a22f1cb55ba71051",
         lambda_signature},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto canonical = aws::canonical_request({.method = row.method,
                                                       .path = row.path,
                                                       .query = row.query,
                                                       .fields = row.fields,
                                                       .payload_hash = row.payload_hash},
                                                      aws::path_rules(row.scope.service));
        CAPTURE(canonical);
        CHECK(hash_of(canonical) == row.canonical_hash);
        const auto scope = aws::credential_scope(row.date, row.scope);
        const auto text = aws::string_to_sign(row.date, scope, canonical);
        CHECK(text == "AWS4-HMAC-SHA256\n" + std::string{row.date} + "\n" + std::string{row.date.substr(0, 8)} + "/" +
                          row.scope.region + "/" + row.scope.service + "/aws4_request\n" +
                          std::string{row.canonical_hash});
        const auto key = aws::signing_key(row.credentials.secret_access_key, row.date, row.scope);
        CHECK(aws::signature(key, text) == row.signature);
        if (row.scope.service == "iam")
            CHECK(detail::hex_encode(key.reveal()) ==
                  "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }
}

namespace {

// One case of the suite that AWS publishes, as files in a directory.
struct SuiteCase {
    explicit SuiteCase(std::filesystem::path directory) : from{std::move(directory)}, context{read("context.json")} {
        auto text = read("request.txt");
        const auto head_end = std::min(text.find("\n\n"), text.size());
        body = text.substr(std::min(head_end + 2, text.size()));
        text.resize(head_end);
        const auto line = text.substr(0, text.find('\n'));
        method = line.substr(0, line.find(' '));
        const auto target = line.substr(method.size() + 1, line.rfind(' ') - method.size() - 1);
        path = target.substr(0, target.find('?'));
        query = target.substr(std::min(path.size() + 1, target.size()));
        for (auto rest = text.substr(std::min(line.size() + 1, text.size())); !rest.empty();) {
            auto end = rest.find('\n');
            while (end < rest.size() && end + 1 < rest.size() && rest[end + 1] == ' ') end = rest.find('\n', end + 1);
            const auto field = rest.substr(0, end);
            rest.erase(0, end == std::string::npos ? end : end + 1);
            const auto name = field.substr(0, field.find(':'));
            fields.emplace_back(name, field.substr(name.size() + 1));
        }
    }
    std::string read(const std::string& name) const {
        std::ifstream file{from / name, std::ios::binary};
        REQUIRE_MESSAGE(file.good(), (from / name).string());
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    // A member of context.json, which is flat but for one level.
    std::string member(const std::string& name) const {
        const auto found = context.find('"' + name + '"');
        if (found == std::string::npos) return {};
        auto begin = context.find_first_not_of(" :", found + name.size() + 2);
        const bool text = context[begin] == '"';
        begin += text ? 1 : 0;
        return context.substr(begin, context.find_first_of(text ? "\"" : ",}\n", begin) - begin);
    }

    std::filesystem::path from;
    std::string context;
    std::string method{}, path{}, query{}, body{};
    std::vector<std::pair<std::string, std::string>> fields{};
};

void check_suite_case(const SuiteCase& one, bool by_query) {
    const std::string prefix = by_query ? "query-" : "header-";
    const aws::SigningScope scope{.region = one.member("region"), .service = one.member("service")};
    const aws::PathRules rules{.normalize = one.member("normalize") == "true"};
    const auto token = one.member("token");
    const bool token_signed = !token.empty() && one.member("omit_session_token") != "true";
    const auto payload = hash_of(one.body);
    std::string date = one.member("timestamp");
    std::erase_if(date, [](char c) { return c == '-' || c == ':'; });
    const auto credential_scope = aws::credential_scope(date, scope);

    std::vector<aws::SignedField> fields;
    for (const auto& [name, value] : one.fields) fields.push_back({name, value});
    if (one.member("sign_body") == "true" && !by_query) fields.push_back({"x-amz-content-sha256", payload});
    std::string query = one.query;
    if (by_query) {
        const auto add = [&](const std::string& name, std::string_view value) {
            query += (query.empty() ? "" : "&") + name + "=" + detail::percent_encode(value);
        };
        add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
        add("X-Amz-Credential", one.member("access_key_id") + "/" + credential_scope);
        add("X-Amz-Date", date);
        add("X-Amz-Expires", one.member("expiration_in_seconds"));
        add("X-Amz-SignedHeaders", aws::signed_headers(fields));
        if (token_signed) add("X-Amz-Security-Token", token);
    } else {
        fields.push_back({"X-Amz-Date", date});
        if (token_signed) fields.push_back({"X-Amz-Security-Token", token});
    }
    const auto canonical = aws::canonical_request(
        {.method = one.method, .path = one.path, .query = query, .fields = fields, .payload_hash = payload}, rules);
    CHECK(canonical == one.read(prefix + "canonical-request.txt"));
    const auto text = aws::string_to_sign(date, credential_scope, canonical);
    CHECK(text == one.read(prefix + "string-to-sign.txt"));
    CHECK(aws::signature(aws::signing_key(one.member("secret_access_key"), date, scope), text) ==
          one.read(prefix + "signature.txt"));
}

}  // namespace

TEST_CASE("sigv4: the suite that AWS publishes agrees, by header and by query") {
    const char* const directory = std::getenv("BLUEPRINT_FAAS_SIGV4_VECTORS");
    if (directory == nullptr || !std::filesystem::is_directory(directory)) {
        MESSAGE("skipped: no vectors; set BLUEPRINT_FAAS_SIGV4_VECTORS to their directory");
        return;
    }
    int cases = 0;
    for (const auto& entry : std::filesystem::directory_iterator{directory}) {
        if (!std::filesystem::exists(entry.path() / "context.json")) continue;
        CAPTURE(entry.path().string());
        const SuiteCase one{entry.path()};
        check_suite_case(one, false);
        check_suite_case(one, true);
        ++cases;
    }
    CHECK(cases >= 8);
}

TEST_CASE("sigv4: a path is normalised and encoded once more, but S3's is signed as it is sent") {
    struct Row {
        std::string_view path;
        std::string_view signed_as;
    };
    for (const auto& [path, signed_as] :
         {Row{"", "/"}, Row{"/", "/"}, Row{"//", "/"}, Row{"/a//b/", "/a/b/"}, Row{"/./a/./", "/a/"},
          Row{"/a/../b", "/b"}, Row{"/a/..", "/"}, Row{"/../../a", "/a"}, Row{"/a/b/..", "/a"}, Row{"/a/.", "/a"},
          Row{"/.a/..b/c.", "/.a/..b/c."}, Row{"/a b", "/a%20b"}, Row{"/a%20b", "/a%2520b"}, Row{"/~-_.", "/~-_."},
          Row{"/\xC3\xA9", "/%C3%A9"}, Row{"/a+b=c", "/a%2Bb%3Dc"}}) {
        CAPTURE(path);
        CHECK(aws::canonical_uri(path) == signed_as);
        CHECK(aws::canonical_uri(path, aws::path_rules("s3")) == (path.empty() ? "/" : path));
    }
    CHECK(aws::canonical_uri("/a//./b c/", {.normalize = false}) == "/a//./b%20c/");
    CHECK(aws::path_rules("lambda") == aws::PathRules{});
    for (const auto service : {"s3", "s3-outposts", "s3-object-lambda", "s3express"})
        CHECK(aws::path_rules(service) == aws::PathRules{.normalize = false, .encode = false});
}

TEST_CASE("sigv4: a query is sorted by name, then value, in its encoded form, and no escape is doubled") {
    struct Row {
        std::string_view query;
        std::string_view signed_as;
    };
    for (const auto& [query, signed_as] :
         {Row{"", ""}, Row{"a", "a="}, Row{"a=", "a="}, Row{"=b", "=b"}, Row{"b=2&a=1&b=1", "a=1&b=1&b=2"},
          Row{"Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "%E1%88%B4=Value1&Param=Value2&Param-3=Value3"},
          Row{"a=%2f%41&b=%zz", "a=%2FA&b=%25zz"}, Row{"a=b=c", "a=b%3Dc"}, Row{"a&&b&", "a=&b="},
          Row{"a=b c+d:e", "a=b%20c%2Bd%3Ae"}, Row{"&", ""}, Row{"a=%", "a=%25"}, Row{"a=%4", "a=%254"},
          Row{"A=1&a=1&B=1", "A=1&B=1&a=1"}}) {
        CAPTURE(query);
        CHECK(aws::canonical_query(query) == signed_as);
    }
    CHECK(aws::without_parameter("a=1&X-Amz-Signature=ff&b", "X-Amz-Signature") == "a=1&b");
    CHECK(aws::without_parameter("X%2DAmz%2DSignature=ff", "X-Amz-Signature") == "");
}

TEST_CASE("sigv4: field values are trimmed, runs of blanks are one, and those of one name are joined in their order") {
    const std::vector<aws::SignedField> fields{{"X-Amz-B", "  2  "},
                                               {"x-amz-a", "\"x   y\"  z\t\tw"},
                                               {"X-AMZ-B", "1,1"},
                                               {"Host", "h"},
                                               {"x-amz-b", ""},
                                               {"My-Long-Name-Of-A-Field", "twenty-four characters  !"},
                                               {"x-amz-a2", "a\n b \r\n c"}};
    const auto canonical = aws::canonical_request(
        {.method = "GET", .path = "/", .query = "", .fields = fields, .payload_hash = "UNSIGNED-PAYLOAD"});
    CHECK(canonical ==
          "GET\n/\n\nhost:h\nmy-long-name-of-a-field:twenty-four characters !\nx-amz-a:\"x y\" z w\nx-amz-a2:a b c\n"
          "x-amz-b:2,1,1,\n\nhost;my-long-name-of-a-field;x-amz-a;x-amz-a2;x-amz-b\nUNSIGNED-PAYLOAD");
    CHECK(aws::signed_headers(fields) == "host;my-long-name-of-a-field;x-amz-a;x-amz-a2;x-amz-b");
    // Blanks at every place of a word of eight, against the plain rule.
    for (std::size_t size = 0; size < 40; ++size)
        for (std::size_t blank = 0; blank + 2 <= size; ++blank) {
            std::string value(size, 'v');
            value[blank] = value[blank + 1] = ' ';
            std::string expected(size - (blank == 0 || blank + 2 == size ? 2 : 1), 'v');
            if (blank != 0 && blank + 2 != size) expected[blank] = ' ';
            const std::vector<aws::SignedField> one{{"n", value}};
            const auto text = aws::canonical_request({.method = "GET", .path = "/", .fields = one});
            CAPTURE(value);
            CHECK(text == "GET\n/\n\nn:" + expected + "\n\nn\n");
        }
}

TEST_CASE("sigv4: times are written and read in one form only") {
    CHECK(aws::amz_date(at("20240229T235959Z") + 999ms) == "20240229T235959Z");
    for (const auto wrong : {"", "20150830", "20150830T123600", "20150830 123600Z", "20150230T000000Z",
                             "20150830T240000Z", "20150830T126000Z", "20150830T123660Z", "2015083-T123600Z",
                             "+0150830T123600Z", "20150830T123600ZZ", "01560830T123600Z", "60150830T123600Z"})
        CHECK_FALSE(aws::read_amz_date(wrong).has_value());
}

TEST_CASE("AWS pitfall 1: an ARN in the path is signed with its escapes encoded again") {
    CHECK(aws::canonical_uri("/2015-03-31/functions/arn%3Aaws%3Alambda/invocations") ==
          "/2015-03-31/functions/arn%253Aaws%253Alambda/invocations");
    auto request = lambda_by_arn();
    ok(aws::sign_request(request, suite_credentials("SESSIONTOKENEXAMPLE"), {"us-east-1", "lambda"}, at(suite_date)));
    CHECK(signature_in(authorization(request)) == lambda_signature);
}

TEST_CASE("AWS pitfall 2: a ':' left in the path goes out as %3A and is signed so") {
    const auto target = lambda_by_arn().target;
    for (const auto& [raw, sent] : std::vector<std::pair<std::string, std::string>>{
             {"/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:demo/invocations"
              "?Qualifier=$LATEST",
              target},
             {"/2015-03-31/functions/arn%3aaws:lambda%3aus-east-1:123456789012%3afunction:demo/invocations"
              "?Qualifier=%24LATEST",
              target}}) {
        auto request = lambda_by_arn();
        request.target = raw;
        ok(aws::sign_request(request, suite_credentials("SESSIONTOKENEXAMPLE"), {"us-east-1", "lambda"},
                             at(suite_date)));
        CHECK(request.target == sent);
        CHECK(signature_in(authorization(request)) == lambda_signature);
    }
    for (const auto& [raw, sent] : std::vector<std::pair<std::string, std::string>>{
             {"", "/"},
             {"?a=b", "/?a=b"},
             {"/a b%zz?x=y z&q=a=b&n&&e=", "/a%20b%25zz?x=y%20z&q=a%3Db&n&e="},
             {"/?%41=%7E", "/?A=~"},
             {"/%2e%2E", "/%2E%2E"},
             {"/a?", "/a?"},
             {"/a'b?it's", "/a%27b?it%27s"}}) {
        HttpRequest request;
        request.origin.host = "lambda.us-east-1.amazonaws.com";
        request.target = raw;
        ok(aws::sign_request(request, suite_credentials(), {"us-east-1", "lambda"}, at(suite_date)));
        CHECK(request.target == sent);
    }
}

TEST_CASE("AWS pitfall 5: a request that is signed again carries the new signature alone") {
    aws::Signer signer;
    auto request = lambda_by_arn();
    auto fresh = lambda_by_arn();
    request.headers.add("X-Amz-Content-Sha256", "left over");
    request.headers.add("authorization", "Bearer left over");
    ok(signer.sign(request, suite_credentials("an older token"), {"us-east-1", "lambda"}, at("20150830T122000Z")));
    const auto first = authorization(request);
    ok(signer.sign(request, suite_credentials("SESSIONTOKENEXAMPLE"), {"us-east-1", "lambda"}, at(suite_date)));
    CHECK(authorization(request) != first);
    CHECK(signature_in(authorization(request)) == lambda_signature);
    ok(aws::sign_request(fresh, suite_credentials("SESSIONTOKENEXAMPLE"), {"us-east-1", "lambda"}, at(suite_date)));
    CHECK(request.headers.text() == fresh.headers.text());
    // Also where others stand behind what is replaced.
    request.headers.add("traceparent", "00-1-2-01");
    ok(signer.sign(request, suite_credentials("SESSIONTOKENEXAMPLE"), {"us-east-1", "lambda"}, at(suite_date)));
    fresh.headers = lambda_by_arn().headers;
    fresh.headers.add("traceparent", "00-1-2-01");
    ok(aws::sign_request(fresh, suite_credentials("SESSIONTOKENEXAMPLE"), {"us-east-1", "lambda"}, at(suite_date)));
    CHECK(request.headers.text() == fresh.headers.text());
    // Credentials that are no longer temporary leave no token behind.
    ok(signer.sign(request, suite_credentials(), {"us-east-1", "lambda"}, at(suite_date)));
    CHECK_FALSE(request.headers.get("X-Amz-Security-Token").has_value());
}

TEST_CASE("AWS pitfall 9: what others rewrite on the way is not signed") {
    auto request = lambda_by_arn();
    ok(aws::sign_request(request, suite_credentials("SESSIONTOKENEXAMPLE"), {"us-east-1", "lambda"}, at(suite_date)));
    const auto plain = signature_in(authorization(request));
    for (const auto name :
         {"TE", "Accept-Encoding", "Accept", "Connection", "Expect", "Keep-Alive", "User-Agent", "Transfer-Encoding",
          "Trailer", "Upgrade", "X-Amzn-Trace-Id", "traceparent", "Proxy-Authorization", "Range", "Content-MD5"})
        request.headers.add(name, "anything");
    ok(aws::sign_request(request, suite_credentials("SESSIONTOKENEXAMPLE"), {"us-east-1", "lambda"}, at(suite_date)));
    CHECK(signature_in(authorization(request)) == plain);
    CHECK(request.headers.get("X-Amzn-Trace-Id") == "anything");
}

TEST_CASE("AWS pitfall 10: invocation type, log type and every other X-Amz field are signed") {
    auto request = lambda_by_arn();
    request.headers.add("x-amz-CLIENT-context", "eyJ9");
    ok(aws::sign_request(request, suite_credentials(), {"us-east-1", "lambda"}, at(suite_date)));
    CHECK(signed_names(request) ==
          "content-type;host;x-amz-client-context;x-amz-date;x-amz-invocation-type;x-amz-log-type");
}

TEST_CASE("sigv4: Host is signed as the transport writes it") {
    struct Row {
        Origin origin;
        std::string_view host;
    };
    for (const auto& [origin, host] :
         {Row{{true, "a.example", 443}, "a.example"}, Row{{true, "a.example", 8443}, "a.example:8443"},
          Row{{false, "127.0.0.1", 80}, "127.0.0.1"}, Row{{false, "127.0.0.1", 443}, "127.0.0.1:443"},
          Row{{true, "a.example", 80}, "a.example:80"}, Row{{true, "fd00:ec2::23", 443}, "[fd00:ec2::23]"},
          Row{{false, "::1", 4566}, "[::1]:4566"}}) {
        CAPTURE(host);
        HttpRequest request;
        request.origin = origin;
        CHECK(to_string(origin).ends_with("//" + std::string{host}));
        ok(aws::sign_request(request, suite_credentials(), {"us-east-1", "lambda"}, at(suite_date)));
        const std::vector<aws::SignedField> fields{{"host", host}, {"x-amz-date", suite_date}};
        const auto canonical = aws::canonical_request(
            {.method = "GET", .path = "/", .fields = fields, .payload_hash = aws::empty_payload_hash});
        const aws::SigningScope scope{"us-east-1", "lambda"};
        CHECK(signature_in(authorization(request)) ==
              aws::signature(aws::signing_key(suite_secret, suite_date, scope),
                             aws::string_to_sign(suite_date, aws::credential_scope(suite_date, scope), canonical)));
    }
}

}  // namespace sigv4_stages_test
