#include "lambda_lab.hpp"

#include <string>
#include <utility>
#include <vector>

namespace local_lambda_test {

namespace faas = blueprint::faas;
using namespace blueprint::faas;
using namespace blueprint::faas::test;
using boost::json::object;

namespace {

const std::string demo_arn = "arn:aws:lambda:us-east-1:123456789012:function:demo";

/// So that several requests find a function in the middle of a change.
local::CloudOptions slow_to_settle() {
    auto options = lambda_options();
    options.aws->settle = 2s;
    return options;
}

object weights(const char* version, double share) {
    object additional;
    additional[version] = share;
    return {{"AdditionalVersionWeights", additional}};
}

}  // namespace

TEST_CASE("local lambda: a function is Pending, then Active, then gone") {
    LambdaLab lab{slow_to_settle()};
    auto reply = lab.create("demo", {{"Environment", object{{"Variables", object{{"COLOUR", "green"}}}}},
                                     {"Tags", object{{"team", "blue"}}},
                                     {"MemorySize", 256}});
    REQUIRE_MESSAGE(reply.status == 201, reply.body);
    auto json = LambdaLab::json_of(reply);
    CHECK(json.at("State") == "Pending");
    CHECK(json.at("StateReasonCode") == "Creating");
    CHECK(!json.contains("LastUpdateStatus"));
    CHECK(text_of(json, "FunctionArn") == demo_arn);
    CHECK(json.at("MemorySize") == 256);
    CHECK(json.at("Timeout") == 3);
    CHECK(text_of(json, "CodeSha256") ==
          faas::detail::base64_encode(faas::detail::sha256(faas::detail::bytes_of(function_zip()))));
    CHECK(reply.field("x-amzn-RequestId").size() == 36);
    const auto revision = text_of(json, "RevisionId");

    const std::string pending =
        "409 ResourceConflictException: The operation cannot be performed at this time. The function is currently in "
        "the following state: Pending";
    CHECK(verdict(lab.invoke("demo", "{}")) == pending);
    CHECK(verdict(lab.send("PUT", lab.path("demo", "configuration"), {{"Timeout", 5}})) == pending);
    CHECK(verdict(lab.send("POST", lab.path("demo", "versions"), {})) == pending);
    CHECK(verdict(lab.create("demo")) == "409 ResourceConflictException: Function already exist: demo");

    lab.settle("demo");
    json = LambdaLab::json_of(lab.get(lab.path("demo")));
    const auto& configuration = json.at("Configuration").as_object();
    CHECK(configuration.at("LastUpdateStatus") == "Successful");
    CHECK(!configuration.contains("StateReasonCode"));
    CHECK(text_of(configuration, "RevisionId") != revision);
    CHECK(configuration.at("Environment").at("Variables").at("COLOUR") == "green");
    CHECK(json.at("Tags").at("team") == "blue");
    CHECK(lab.invoke("demo", "[7]").body == "[7]");

    const auto location = text_of(json.at("Code").as_object(), "Location");
    const auto address = location.substr(lab.cloud.aws_url().size());
    HttpClient client{lab.io, lab.cloud.aws_url()};
    auto download = client.exchange({.target = address});
    CHECK(wait_for<HttpReply>(lab.io, std::move(download)).body == function_zip());

    CHECK(lab.ask({.method = "DELETE", .target = lab.path("demo")}).status == 204);
    const auto gone = "404 ResourceNotFoundException: Function not found: " + demo_arn;
    CHECK(verdict(lab.get(lab.path("demo"))) == gone);
    CHECK(verdict(lab.invoke("demo", "{}")) == gone);
    CHECK(verdict(lab.ask({.method = "DELETE", .target = lab.path("demo")})) == gone);
}

TEST_CASE("local lambda: AWS pitfall 7: a change while another is under way is refused, and the old state serves") {
    LambdaLab lab{slow_to_settle()};
    lab.deploy("demo", {{"Environment", object{{"Variables", object{{"COLOUR", "green"}}}}}});
    const std::string ask = R"({"do":"env","arg":"COLOUR"})";
    REQUIRE(lab.invoke("demo", ask).body == "\"green\"");
    const auto other = base64(function_zip("other"));  // before the change, which does not wait for it

    auto reply = lab.send("PUT", lab.path("demo", "configuration"),
                          {{"Environment", object{{"Variables", object{{"COLOUR", "red"}}}}}});
    CHECK(LambdaLab::json_of(reply).at("LastUpdateStatus") == "InProgress");
    CHECK(LambdaLab::json_of(reply).at("State") == "Active");
    const auto busy =
        "409 ResourceConflictException: The operation cannot be performed at this time. An update is in progress for "
        "resource: " +
        demo_arn;
    CHECK(verdict(lab.send("PUT", lab.path("demo", "code"), {{"ZipFile", other}})) == busy);
    CHECK(verdict(lab.send("PUT", lab.path("demo", "configuration"), {{"Timeout", 9}})) == busy);
    CHECK(verdict(lab.send("POST", lab.path("demo", "versions"), {})) == busy);
    CHECK(lab.invoke("demo", ask).body == "\"green\"");
    lab.settle("demo");
    CHECK(lab.invoke("demo", ask).body == "\"red\"");
    CHECK(lab.send("PUT", lab.path("demo", "code"), {{"ZipFile", other}}).status == 200);
}

TEST_CASE("local lambda: AWS pitfall 8: a role that was just named cannot be assumed yet") {
    auto options = lambda_options();
    options.aws->role_delay = 150ms;
    LambdaLab lab{std::move(options)};
    const std::string refusal =
        "400 InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda.";
    CHECK(verdict(lab.create("demo")) == refusal);
    lab.until(
        [&, until = std::chrono::steady_clock::now() + 160ms] { return std::chrono::steady_clock::now() > until; });
    lab.deploy("demo");
    CHECK(verdict(lab.send("PUT", lab.path("demo", "configuration"), {{"Role", lambda_role + "2"}})) == refusal);
}

TEST_CASE("local lambda: a revision that is not the latest is refused") {
    LambdaLab lab;
    lab.deploy("demo");
    const std::string refusal =
        "412 PreconditionFailedException: The Revision Id provided does not match the latest Revision Id. Call the "
        "GetFunction/GetAlias API to retrieve the latest Revision Id";
    const auto zip = base64(function_zip("two"));
    CHECK(verdict(lab.send("PUT", lab.path("demo", "code"), {{"ZipFile", zip}, {"RevisionId", "old"}})) == refusal);
    CHECK(verdict(lab.send("PUT", lab.path("demo", "configuration"), {{"RevisionId", "old"}})) == refusal);
    CHECK(verdict(lab.send("POST", lab.path("demo", "versions"), {{"RevisionId", "old"}})) == refusal);
    const auto json = LambdaLab::json_of(lab.get(lab.path("demo", "configuration")));
    const auto dry = LambdaLab::json_of(lab.send(
        "PUT", lab.path("demo", "code"), {{"ZipFile", zip}, {"DryRun", true}, {"RevisionId", json.at("RevisionId")}}));
    CHECK(dry.at("CodeSha256") != json.at("CodeSha256"));
    CHECK(LambdaLab::json_of(lab.get(lab.path("demo", "configuration"))) == json);
    CHECK(lab.send("PUT", lab.path("demo", "code"), {{"ZipFile", zip}, {"RevisionId", json.at("RevisionId")}}).status ==
          200);
}

TEST_CASE("local lambda: what is published stays, and what did not change is not published again") {
    LambdaLab lab;
    lab.deploy("demo", {{"Environment", object{{"Variables", object{{"COLOUR", "green"}}}}}});
    auto one = LambdaLab::json_of(lab.send("POST", lab.path("demo", "versions"), {{"Description", "the first"}}));
    CHECK(one.at("Version") == "1");
    CHECK(text_of(one, "FunctionArn") == demo_arn + ":1");
    CHECK(one.at("Description") == "the first");
    CHECK(LambdaLab::json_of(lab.send("POST", lab.path("demo", "versions"), {})).at("Version") == "1");
    CHECK(verdict(lab.send("POST", lab.path("demo", "versions"), {{"CodeSha256", "other"}}))
              .starts_with(
                  "400 InvalidParameterValueException: CodeSHA256 (other) is different from current CodeSHA256"));

    lab.send("PUT", lab.path("demo", "configuration"),
             {{"Environment", object{{"Variables", object{{"COLOUR", "red"}}}}}});
    lab.settle("demo");
    const auto updated = LambdaLab::json_of(
        lab.send("PUT", lab.path("demo", "code"), {{"ZipFile", base64(function_zip("two"))}, {"Publish", true}}));
    CHECK(updated.at("Version") == "2");
    CHECK(updated.at("State") == "Pending");
    lab.settle("demo:2");
    lab.settle("demo");
    const std::string ask = R"({"do":"env","arg":"COLOUR"})";
    const auto answer = lab.ask({.method = "POST", .target = lab.path("demo", "invocations?Qualifier=1"), .body = ask});
    CHECK(answer.body == "\"green\"");
    CHECK(answer.field("X-Amz-Executed-Version") == "1");
    CHECK(lab.invoke("demo:2", ask).body == "\"red\"");

    auto page = LambdaLab::json_of(lab.get(lab.path("demo", "versions?MaxItems=2")));
    CHECK(page.at("Versions").as_array().size() == 2);
    CHECK(page.at("Versions").as_array()[0].at("Version") == "$LATEST");
    page = LambdaLab::json_of(
        lab.get(lab.path("demo", "versions?Marker=") + faas::detail::percent_encode(text_of(page, "NextMarker"))));
    CHECK(page.at("Versions").as_array().size() == 1);
    CHECK(!page.contains("NextMarker"));

    REQUIRE(lab.send("POST", lab.path("demo", "aliases"), {{"Name", "live"}, {"FunctionVersion", "1"}}).status == 201);
    CHECK(verdict(lab.ask({.method = "DELETE", .target = lab.path("demo", "").append("?Qualifier=1")})) ==
          "409 ResourceConflictException: Unable to delete version because the following aliases reference it: [live]");
    CHECK(verdict(lab.ask({.method = "DELETE", .target = lab.path("demo").append("?Qualifier=%24LATEST")})) ==
          "400 InvalidParameterValueException: $LATEST version cannot be deleted without deleting the function.");
    CHECK(lab.ask({.method = "DELETE", .target = lab.path("demo").append("?Qualifier=2")}).status == 204);
    CHECK(verdict(lab.get(lab.path("demo:2"))) ==
          "404 ResourceNotFoundException: Function not found: " + demo_arn + ":2");
}

TEST_CASE("local lambda: aliases point to versions, and refuse what they cannot point to") {
    LambdaLab lab;
    lab.deploy("demo");
    lab.send("POST", lab.path("demo", "versions"), {});
    lab.send("PUT", lab.path("demo", "configuration"), {{"Timeout", 9}});
    lab.settle("demo");
    lab.send("POST", lab.path("demo", "versions"), {});
    const auto aliases = lab.path("demo", "aliases");
    struct Case {
        object body;
        std::string answer;
    };
    const object both{{"AdditionalVersionWeights", object{{"1", 0.1}, {"2", 0.1}}}};
    const std::vector<Case> cases{
        {{{"Name", "12"}, {"FunctionVersion", "1"}},
         "400 ValidationException: 1 validation error detected: Value '12' at 'name' failed to satisfy constraint: "
         "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"},
        {{{"Name", "live"}, {"FunctionVersion", "7"}},
         "404 ResourceNotFoundException: Function not found: " + demo_arn + ":7"},
        {{{"Name", "live"}, {"FunctionVersion", "1"}, {"RoutingConfig", weights("1", 0.5)}},
         "400 InvalidParameterValueException: Invalid function version 1. Function version 1 is already included in "
         "routing configuration."},
        {{{"Name", "live"}, {"FunctionVersion", "$LATEST"}, {"RoutingConfig", weights("1", 0.5)}},
         "400 InvalidParameterValueException: $LATEST is not supported for an alias pointing to more than 1 version"},
        {{{"Name", "live"}, {"FunctionVersion", "1"}, {"RoutingConfig", both}},
         "400 InvalidParameterValueException: Number of items in AdditionalVersionWeights cannot be greater than 1"},
        {{{"Name", "live"}, {"FunctionVersion", "1"}, {"RoutingConfig", weights("2", 0.25)}}, "201"},
        {{{"Name", "live"}, {"FunctionVersion", "1"}},
         "409 ResourceConflictException: Alias already exists: " + demo_arn + ":live"}};
    for (const auto& [body, answer] : cases) {
        CAPTURE(boost::json::serialize(body));
        CHECK(verdict(lab.send("POST", aliases, body)) == answer);
    }
    auto alias = LambdaLab::json_of(lab.get(aliases + "/live"));
    CHECK(text_of(alias, "AliasArn") == demo_arn + ":live");
    CHECK(alias.at("RoutingConfig").at("AdditionalVersionWeights").at("2") == 0.25);
    CHECK(LambdaLab::json_of(lab.get(lab.path("demo:live", "configuration"))).at("Version") == "1");
    CHECK(verdict(lab.send("PUT", aliases + "/live", {{"RevisionId", "old"}})).starts_with("412 "));
    alias =
        LambdaLab::json_of(lab.send("PUT", aliases + "/live", {{"FunctionVersion", "2"}, {"RoutingConfig", object{}}}));
    CHECK(alias.at("FunctionVersion") == "2");
    CHECK(!alias.contains("RoutingConfig"));
    CHECK(LambdaLab::json_of(lab.get(aliases)).at("Aliases").as_array().size() == 1);
    CHECK(LambdaLab::json_of(lab.get(aliases + "?FunctionVersion=1")).at("Aliases").as_array().empty());
    CHECK(verdict(lab.send("PUT", aliases + "/other", {})) ==
          "404 ResourceNotFoundException: Alias not found: " + demo_arn + ":other");
    CHECK(lab.ask({.method = "DELETE", .target = aliases + "/live"}).status == 204);
    CHECK(verdict(lab.get(aliases + "/live")) ==
          "404 ResourceNotFoundException: Cannot find alias arn: " + demo_arn + ":live");
}

TEST_CASE("local lambda: AWS pitfalls 1 and 2: names in all their forms, with colons raw and encoded") {
    LambdaLab lab;
    lab.deploy("demo");
    lab.send("POST", lab.path("demo", "versions"), {});
    const std::string region = "arn:aws:lambda:eu-west-9:123456789012:function:demo";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"demo", "200"},
        {"demo:1", "200"},
        {"demo:%24LATEST", "200"},
        {"123456789012:function:demo", "200"},
        {"function:demo", "200"},
        {demo_arn, "200"},
        {faas::detail::percent_encode(demo_arn + ":1"), "200"},
        {"demo:1?Qualifier=1", "200"},
        {"demo:1?Qualifier=2",
         "400 InvalidParameterValueException: The derived qualifier from the function name does not match the "
         "specified qualifier."},
        {region,
         "404 ResourceNotFoundException: Functions from 'eu-west-9' are not reachable in this region ('us-east-1')"},
        {"demo?Qualifier=7", "404 ResourceNotFoundException: Function not found: " + demo_arn + ":7"},
        {"de!mo", "400 ValidationException: 1 validation error detected: Value 'de!mo' at 'functionName' failed"},
        {"demo?Qualifier=a%20b", "400 ValidationException: 1 validation error detected: Value 'a b' at 'qualifier'"},
        {"arn:aws:lambda:us-east-1:210987654321:function:demo", "403 AccessDeniedException: "},
        {"/demo", "403 AccessDeniedException: Unable to determine service/operation name to be authorized"}};
    for (const auto& [name, answer] : cases) {
        CAPTURE(name);
        CHECK(verdict(lab.get(lab.path(name))).starts_with(answer));
    }
}

TEST_CASE("local lambda: settings that break a rule are refused with the service's words") {
    LambdaLab lab;
    const auto zip = function_zip();
    const auto many = [] {
        object tags;
        for (int i = 0; i < 51; ++i) tags["k" + std::to_string(i)] = "v";
        return tags;
    };
    const auto variables = [](std::string name, std::string value) {
        object map;
        map[name] = value;
        return object{{"Variables", map}};
    };
    const std::string invalid = "400 InvalidParameterValueException: ";
    const std::string constraint = "400 ValidationException: 1 validation error detected: ";
    struct Case {
        object more;
        std::string answer;
    };
    const std::vector<Case> cases{
        {{{"Role", "r1"}},
         constraint +
             "Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: "
             "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+"},
        {{{"Timeout", 901}},
         constraint +
             "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal "
             "to 900"},
        {{{"MemorySize", 127}},
         constraint +
             "Value '127' at 'memorySize' failed to satisfy constraint: Member must have value greater than or "
             "equal to 128"},
        {{{"MemorySize", 127}, {"Timeout", 0}}, "400 ValidationException: 2 validation errors detected: "},
        {{{"Timeout", "ten"}}, "400 SerializationException: "},
        {{{"Architectures", boost::json::array{"x86_64", "arm64"}}},
         constraint +
             "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length "
             "less than or equal to 1"},
        {{{"Environment", variables("A", "one letter is too few")}},
         constraint + "Value '***' at 'environment.variables'"},
        {{{"Environment", variables("AWS_REGION", "x")}},
         invalid +
             "Lambda was unable to configure your environment variables because the environment variables you have "
             "provided contains reserved keys that are currently not supported for modification. Reserved keys "
             "used in this request: AWS_REGION"},
        {{{"Environment", variables("LONG", std::string(4096, 'x'))}},
         invalid +
             "Lambda was unable to configure your environment variables because the environment variables you have "
             "provided exceeded the 4KB limit."},
        {{{"Tags", many()}}, invalid + "Number of tags exceeds resource tag limit."},
        {{{"Runtime", "provided"}}, invalid + "The runtime parameter of provided is no longer supported"},
        {{{"Runtime", "python3.12"}}, invalid + "Value python3.12 at 'runtime' failed to satisfy constraint"},
        {{{"Handler", nullptr}},
         invalid + "Runtime and Handler are mandatory parameters for functions created with deployment packages."},
        {{{"FunctionName", std::string(65, 'a')}}, invalid + "1 validation error detected: Value 'aaa"},
        {{{"Code", object{{"ZipFile", base64("no zip")}}}},
         invalid + "Could not unzip uploaded file. Please check your file, then try to upload again."},
        {{{"Code", object{{"ZipFile", "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}}},
         invalid + "Uploaded file must be a non-empty zip"},
        {{{"Code", object{{"ZipFile", ""}}}}, invalid + "Uploaded file must be a non-empty zip"},
        {{{"Code", object{}}}, invalid + "Please provide a source for function code."},
        {{{"Code", object{{"S3Bucket", "packages"}, {"S3Key", "a.zip"}}}},
         invalid +
             "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket "
             "does not exist"}};
    for (const auto& [more, answer] : cases) {
        CAPTURE(boost::json::serialize(more).substr(0, 80));
        CHECK(verdict(lab.send("POST", "/2015-03-31/functions", LambdaLab::creation("demo", zip, more)))
                  .starts_with(answer));
    }
    CHECK(verdict(lab.ask({.method = "POST", .target = "/2015-03-31/functions", .body = "{"}))
              .starts_with("400 SerializationException: Could not parse request body into json"));
    CHECK(LambdaLab::json_of(lab.get("/2015-03-31/functions")).at("Functions").as_array().empty());
}

TEST_CASE("local lambda: packages may lie in S3, and have limits") {
    auto options = lambda_options();
    options.limits.package_bytes = 256U << 10;
    options.limits.unpacked_bytes = 3U << 20;
    LambdaLab lab{std::move(options)};
    const auto zip = zip_of("bootstrap", "#!/bin/sh\nexit 1\n");
    REQUIRE(lab.ask({.method = "PUT", .target = "/packages"}, "s3").status == 200);
    REQUIRE(lab.ask({.method = "PUT", .target = "/packages/a.zip", .body = zip}, "s3").status == 200);
    const auto from = [](const char* key) {
        return object{{"Code", object{{"S3Bucket", "packages"}, {"S3Key", key}}}};
    };
    CHECK(verdict(lab.create("demo", from("b.zip")))
              .ends_with("S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."));
    CHECK(LambdaLab::json_of(lab.create("demo", from("a.zip"))).at("CodeSize") == zip.size());

    std::string noise(300U << 10, '\0');
    std::uint32_t state = 1;
    for (auto& c : noise) c = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
    CHECK(
        verdict(lab.send("POST", "/2015-03-31/functions", LambdaLab::creation("large", zip_of("bootstrap", noise)))) ==
        "413 RequestEntityTooLargeException: Zipped size must be smaller than 262144 bytes");
    CHECK(verdict(lab.send("POST", "/2015-03-31/functions",
                           LambdaLab::creation("huge", zip_of("bootstrap", std::string(4U << 20, 'x'))))) ==
          "400 InvalidParameterValueException: Unzipped size must be smaller than 3145728 bytes");
    // The length alone is told: it is refused before a byte of it is sent.
    const HttpAsk announced{
        .method = "POST", .target = "/2015-03-31/functions", .fields = {{"Content-Length", "70167212"}}};
    CHECK(verdict(lab.ask(announced)) ==
          "413 RequestEntityTooLargeException: Request must be smaller than 70167211 bytes for the CreateFunction "
          "operation");
}

TEST_CASE("local lambda: lists come in pages") {
    LambdaLab lab;
    for (const char* const name : {"one", "two", "three"}) REQUIRE(lab.create(name).status == 201);
    auto page = LambdaLab::json_of(lab.get("/2015-03-31/functions?MaxItems=2"));
    REQUIRE(page.at("Functions").as_array().size() == 2);
    CHECK(page.at("Functions").as_array()[0].at("FunctionName") == "one");
    CHECK(!page.at("Functions").as_array()[0].as_object().contains("State"));
    const auto marker = faas::detail::percent_encode(text_of(page, "NextMarker"));
    page = LambdaLab::json_of(lab.get("/2015-03-31/functions/?Marker=" + marker));
    REQUIRE(page.at("Functions").as_array().size() == 1);
    CHECK(page.at("Functions").as_array()[0].at("FunctionName") == "two");
    CHECK(!page.contains("NextMarker"));
    CHECK(verdict(lab.get("/2015-03-31/functions?FunctionVersion=SOME")) ==
          "400 ValidationException: 1 validation error detected: Value 'SOME' at 'functionVersion' failed to satisfy "
          "constraint: Member must satisfy enum value set: [ALL]");
}

TEST_CASE("local lambda: tags, permissions, event settings and concurrency are kept and told") {
    LambdaLab lab;
    lab.deploy("demo");
    const auto tags = "/2017-03-31/tags/" + faas::detail::percent_encode(demo_arn);
    CHECK(lab.send("POST", tags, {{"Tags", object{{"a", "1"}, {"b", "2"}}}}).status == 204);
    CHECK(lab.ask({.method = "DELETE", .target = tags + "?tagKeys=a&tagKeys=z"}).status == 204);
    CHECK(LambdaLab::json_of(lab.get(tags)).at("Tags") == object{{"b", "2"}});
    CHECK(verdict(lab.get(tags + "%3A1")).ends_with("Please specify a function ARN."));

    const auto policy = lab.path("demo", "policy");
    const object grant{{"StatementId", "s1"}, {"Action", "lambda:InvokeFunction"}, {"Principal", "s3.amazonaws.com"}};
    CHECK(verdict(lab.get(policy)).starts_with("404 "));
    CHECK(text_of(LambdaLab::json_of(lab.send("POST", policy, grant)), "Statement").find("\"Service\":\"s3") !=
          std::string::npos);
    CHECK(verdict(lab.send("POST", policy, grant))
              .starts_with("409 ResourceConflictException: The statement id (s1) provided already exists."));
    CHECK(text_of(LambdaLab::json_of(lab.get(policy)), "Policy").find("\"Sid\":\"s1\"") != std::string::npos);
    CHECK(lab.ask({.method = "DELETE", .target = policy + "/s1"}).status == 204);

    const std::string events = "/2019-09-25/functions/demo/event-invoke-config";
    CHECK(verdict(lab.get(events)).ends_with(demo_arn + ":$LATEST doesn't have an EventInvokeConfig"));
    CHECK(lab.send("PUT", events, {{"MaximumRetryAttempts", 1}}).status == 200);
    CHECK(LambdaLab::json_of(lab.send("POST", events, {{"MaximumEventAgeInSeconds", 60}})).at("MaximumRetryAttempts") ==
          1);
    CHECK(verdict(lab.send("PUT", events, {{"MaximumRetryAttempts", 3}})).starts_with("400 ValidationException: "));
    CHECK(lab.ask({.method = "DELETE", .target = events}).status == 204);

    const std::string reserved = "/2017-10-31/functions/demo/concurrency";
    CHECK(verdict(lab.send("PUT", reserved, {{"ReservedConcurrentExecutions", 901}})) ==
          "400 InvalidParameterValueException: Specified ReservedConcurrentExecutions for function decreases account's "
          "UnreservedConcurrentExecution below its minimum value of [100].");
    CHECK(lab.send("PUT", reserved, {{"ReservedConcurrentExecutions", 5}}).status == 200);
    CHECK(LambdaLab::json_of(lab.get("/2019-09-30/functions/demo/concurrency")).at("ReservedConcurrentExecutions") ==
          5);
    CHECK(LambdaLab::json_of(lab.get(lab.path("demo"))).at("Concurrency").at("ReservedConcurrentExecutions") == 5);
    const auto account = LambdaLab::json_of(lab.get("/2016-08-19/account-settings"));
    CHECK(account.at("AccountLimit").at("UnreservedConcurrentExecutions") == 995);
    CHECK(account.at("AccountUsage").at("FunctionCount") == 1);
    CHECK(lab.ask({.method = "DELETE", .target = reserved}).status == 204);
    CHECK(LambdaLab::json_of(lab.get("/2019-09-30/functions/demo/concurrency")).empty());
}

}  // namespace local_lambda_test
