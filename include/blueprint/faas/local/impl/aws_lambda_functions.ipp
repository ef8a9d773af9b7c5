#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_FUNCTIONS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_FUNCTIONS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/impl/aws_lambda.ipp"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace blueprint::faas::local {

/// A role that was just made cannot be assumed yet.
BLUEPRINT_FAAS_DECL result<void> AwsLambda::role_assumable(const std::string& role) {
    const auto now = std::chrono::steady_clock::now();
    const auto first = roles_.try_emplace(role, now).first->second;
    if (now - first >= options_.role_delay) return {};
    return lambda_invalid("The role defined for the function cannot be assumed by Lambda.");
}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<const LambdaCode>> AwsLambda::store_code(std::span<const std::uint8_t> zip) {
    if (!host_.store) return aws_refusal(503, "ServiceException", "the platform is being stopped");
    if (zip.empty()) return lambda_invalid("Uploaded file must be a non-empty zip");
    auto package = host_.store->unpack_as_is(zip, 250ULL << 20);
    if (!package) {
        const auto& error = package.error();
        if (error.code == errc::infrastructure) return aws_refusal(500, "ServiceException", error.message);
        return lambda_invalid(error.platform_code == "TOO_LARGE"
                                  ? "Unzipped size must be smaller than " +
                                        std::to_string(host_.options.limits.unpacked_bytes) + " bytes"
                                  : "Could not unzip uploaded file. Please check your file, then try to upload again.");
    }
    if (package->files == 0) return lambda_invalid("Uploaded file must be a non-empty zip");
    auto archive = host_.store->private_directory();
    if (!archive) return aws_refusal(500, "ServiceException", archive.error().message);
    std::ofstream file{(*archive)->path() / "code.zip", std::ios::binary};
    const auto text = faas::detail::text_of(zip);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    if (!file) return aws_refusal(500, "ServiceException", "cannot keep the package: the disk may be full");
    auto code = std::make_shared<LambdaCode>();
    code->package = std::move(*package);
    code->archive = std::move(*archive);
    code->bytes = zip.size();
    code->sha256_base64 = faas::detail::base64_encode(faas::detail::sha256(zip));
    return std::shared_ptr<const LambdaCode>{std::move(code)};
}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<const LambdaCode>> AwsLambda::read_code(const boost::json::object& body,
                                                                                   bool create) {
    LambdaChecks checks;
    const auto bucket = checks.text(body, "S3Bucket", "code.s3Bucket", {.least = 3, .most = 63});
    const auto key = checks.text(body, "S3Key", "code.s3Key", {.least = 1, .most = 1024});
    static_cast<void>(checks.text(body, "S3ObjectVersion", "code.s3ObjectVersion", {.least = 1, .most = 1024}));
    const auto image = checks.text(body, "ImageUri", "code.imageUri", {});
    if (auto fine = checks.outcome(); !fine) return fine.error();
    if (image)
        return lambda_invalid(std::string{"Please don't provide ImageUri when "} + (create ? "creating" : "updating") +
                              " a function with packageType Zip.");
    const auto* const zip = body.if_contains("ZipFile");
    if (zip != nullptr && zip->is_string()) {
        if (bucket || key)
            return lambda_invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.");
        const auto bytes = faas::detail::base64_decode(zip->get_string());
        if (!bytes) return aws_refusal(400, "SerializationException", "Unable to decode base64 of 'zipFile'");
        if (bytes->size() > host_.options.limits.package_bytes)
            return aws_refusal(
                413, "RequestEntityTooLargeException",
                "Zipped size must be smaller than " + std::to_string(host_.options.limits.package_bytes) + " bytes");
        return store_code(*bytes);
    }
    if (!bucket || !key) return lambda_invalid("Please provide a source for function code.");
    if (!storage_.has_bucket(*bucket))
        return lambda_invalid(
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does "
            "not exist");
    const auto object = storage_.find(*bucket, *key);
    if (!object)
        return lambda_invalid(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not "
            "exist.");
    return store_code(*object);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::create_function(const boost::json::object& body) {
    LambdaChecks checks;
    static constexpr LambdaChecks::TextRule any{};
    LambdaRoute named;
    named.function = checks.text(body, "FunctionName", "functionName", any, true).value_or("");
    const auto* const code_member = checks.object(body, "Code", "code");
    const auto* const tags_member = checks.object(body, "Tags", "tags");
    const bool publishes = checks.boolean(body, "Publish", "publish").value_or(false);
    if (auto fine = checks.outcome(); !fine) return fine.error();
    const auto target = target_of(named);
    if (!target) return target.error();
    if (target->name.size() > 64)
        return lambda_invalid("1 validation error detected: Value '" + target->name +
                              "' at 'functionName' failed to satisfy constraint: Member must have length less than or "
                              "equal to 64");
    auto settings = read_new_lambda_settings(body, target->name);
    if (!settings) return settings.error();
    auto function = std::make_shared<LambdaFunction>();
    function->name = target->name;
    if (tags_member != nullptr) {
        auto tags = read_lambda_tags(*tags_member);
        if (!tags) return tags.error();
        if (tags->size() > 50) return lambda_invalid("Number of tags exceeds resource tag limit.");
        function->tags = std::move(*tags);
    }
    if (find(function->name)) return lambda_conflict("Function already exist: " + function->name);
    if (auto assumable = role_assumable(settings->settings.role); !assumable) return assumable.error();
    if (code_member == nullptr)
        return aws_refusal(
            400, "ValidationException",
            "1 validation error detected: Value null at 'code' failed to satisfy constraint: Member must "
            "not be null");
    auto code = read_code(*code_member, true);
    if (!code) return code.error();
    auto& latest = function->latest;
    latest.settings = std::make_shared<const LambdaSettings>(std::move(settings->settings));
    latest.code = std::move(*code);
    latest.revision_id = random_uuid();
    latest.last_modified = lambda_api_time(std::chrono::system_clock::now());
    latest.pending = true;
    latest.ready_at = std::chrono::steady_clock::now() + options_.settle;
    latest.pool = make_pool(function->name, latest);
    functions_.insert_or_assign(function->name, function);
    auto shown = describe(*function, latest, "", Shown::all);
    if (publishes) shown["Version"] = publish(*function, std::nullopt, true).version;
    return json_answer(201, shown);
}

BLUEPRINT_FAAS_DECL std::string AwsLambda::code_address(const LambdaVersion& version) {
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(code_addresses_, [now](const auto& entry) { return entry.second.expires <= now; });
    auto token = random_text(40);
    auto address = url_ + "/.lambda-code/" + token;
    code_addresses_.insert_or_assign(std::move(token), CodeAddress{version.code, now + std::chrono::minutes{10}});
    return address;
}

BLUEPRINT_FAAS_DECL bool AwsLambda::takes_code(std::string_view target) noexcept {
    return target.starts_with("/.lambda-code/");
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsLambda::answer_code(std::string_view target) const {
    target.remove_prefix(std::string_view{"/.lambda-code/"}.size());
    const auto found = code_addresses_.find(target);
    if (found == code_addresses_.end() || found->second.expires <= std::chrono::steady_clock::now())
        return lambda_failure(aws_refusal(403, "AccessDeniedException", "Request has expired"));
    std::ifstream file{found->second.code->archive->path() / "code.zip", std::ios::binary};
    ServerAnswer answer;
    answer.content_type = "application/zip";
    answer.body.assign(std::istreambuf_iterator<char>{file}, {});
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::get_function(const LambdaRoute& route, bool configuration_only) {
    const auto target = target_of(route, true);
    if (!target) return target.error();
    const auto found = resolve(*target);
    if (!found) return found.error();
    const auto& function = *found->function;
    auto shown = describe(function, *found->version, found->qualifier, Shown::all);
    if (configuration_only) return json_answer(200, shown);
    boost::json::object json{
        {"Code", boost::json::object{{"Location", code_address(*found->version)}, {"RepositoryType", "S3"}}}};
    json["Configuration"] = std::move(shown);
    if (!function.tags.empty()) {
        boost::json::object tags;
        for (const auto& [name, value] : function.tags) tags[name] = value;
        json["Tags"] = std::move(tags);
    }
    if (function.reserved)
        json["Concurrency"] = boost::json::object{{"ReservedConcurrentExecutions", *function.reserved}};
    return json_answer(200, json);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::update_code(const LambdaRoute& route,
                                                                const boost::json::object& body) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    LambdaChecks checks;
    const auto revision = checks.text(body, "RevisionId", "revisionId", {}).value_or("");
    const bool dry_run = checks.boolean(body, "DryRun", "dryRun").value_or(false);
    const bool publishes = checks.boolean(body, "Publish", "publish").value_or(false);
    if (auto fine = checks.outcome(); !fine) return fine.error();
    auto found = function_of(*target);
    if (!found) return found.error();
    auto& function = **found;
    auto& latest = function.latest;
    if (auto free = not_busy(function); !free) return free.error();
    if (auto same = same_revision(revision, latest.revision_id); !same) return same.error();
    boost::json::object changes;
    if (const auto* const architectures = body.if_contains("Architectures")) changes["Architectures"] = *architectures;
    auto settings = read_changed_lambda_settings(changes, *latest.settings);
    if (!settings) return settings.error();
    auto code = read_code(body, false);
    if (!code) return code.error();

    LambdaVersion next = latest;
    next.settings = std::make_shared<const LambdaSettings>(std::move(settings->settings));
    next.code = std::move(*code);
    if (dry_run) return json_answer(200, describe(function, next, "", Shown::all));
    next.revision_id = random_uuid();
    next.last_modified = lambda_api_time(std::chrono::system_clock::now());
    next.updating = true;
    next.ready_at = std::chrono::steady_clock::now() + options_.settle;
    latest = std::move(next);
    if (!publishes) return json_answer(200, describe(function, latest, "", Shown::all));
    auto& version = publish(function, std::nullopt, true);
    return json_answer(200, describe(function, version, version.version, Shown::all));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::update_configuration(const LambdaRoute& route,
                                                                         const boost::json::object& body) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    auto found = function_of(*target);
    if (!found) return found.error();
    auto& function = **found;
    auto& latest = function.latest;
    auto request = read_changed_lambda_settings(body, *latest.settings);
    if (!request) return request.error();
    if (auto free = not_busy(function); !free) return free.error();
    if (auto same = same_revision(request->revision_id, latest.revision_id); !same) return same.error();
    if (request->names_role)
        if (auto assumable = role_assumable(request->settings.role); !assumable) return assumable.error();
    latest.settings = std::make_shared<const LambdaSettings>(std::move(request->settings));
    latest.revision_id = random_uuid();
    latest.last_modified = lambda_api_time(std::chrono::system_clock::now());
    latest.updating = true;
    latest.ready_at = std::chrono::steady_clock::now() + options_.settle;
    return json_answer(200, describe(function, latest, "", Shown::all));
}

BLUEPRINT_FAAS_DECL void AwsLambda::remove_function(const FunctionPointer& function) {
    functions_.erase(function->name);
    if (function->latest.pool) function->latest.pool->retire();
    for (auto& [number, version] : function->versions)
        if (version.pool) version.pool->retire();
    function->provisioned.clear();
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::delete_function(const LambdaRoute& route) {
    const auto target = target_of(route, true);
    if (!target) return target.error();
    const auto& qualifier = target->qualifier;
    if (qualifier == "$LATEST")
        return lambda_invalid("$LATEST version cannot be deleted without deleting the function.");
    const bool is_number = qualifier.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number) return lambda_invalid("Deletion of aliases is not currently supported.");
    const auto function = find(target->name);
    if (!function) return lambda_absent("Function not found: " + arn(target->name));
    ServerAnswer answer;
    answer.status = 204;
    if (qualifier.empty()) {
        remove_function(function);
        return answer;
    }
    std::string pointing;
    for (const auto& [name, alias] : function->aliases)
        if (alias.version == qualifier || (alias.additional && alias.additional->first == qualifier))
            pointing.append(pointing.empty() ? "" : ", ").append(name);
    if (!pointing.empty())
        return lambda_conflict("Unable to delete version because the following aliases reference it: [" + pointing +
                               ']');
    for (auto version = function->versions.begin(); version != function->versions.end(); ++version) {
        if (version->second.version != qualifier) continue;
        if (version->second.pool) version->second.pool->retire();
        function->provisioned.erase(qualifier);
        function->event_configs.erase(qualifier);
        function->policies.erase(qualifier);
        function->versions.erase(version);
        break;
    }
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::list_functions(const LambdaRoute& route) {
    LambdaChecks checks;
    static constexpr std::string_view all[] = {"ALL"};
    boost::json::object query;
    if (const auto version = route.parameter("FunctionVersion")) query["FunctionVersion"] = *version;
    const bool every_version = checks.one_of(query, "FunctionVersion", "functionVersion", all).has_value();
    if (auto fine = checks.outcome(); !fine) return fine.error();
    std::vector<std::pair<std::string, boost::json::object>> entries;
    for (const auto& [name, function] : functions_) {
        settle(*function);
        entries.emplace_back(name,
                             describe(*function, function->latest, every_version ? "$LATEST" : "", Shown::listed));
        if (!every_version) continue;
        for (const auto& [number, version] : function->versions)
            entries.emplace_back(name + ':' + version.version,
                                 describe(*function, version, version.version, Shown::listed));
    }
    auto page = lambda_page(route, "Functions", std::move(entries), 50);
    if (!page) return page.error();
    return json_answer(200, *page);
}

}  // namespace blueprint::faas::local

#endif
