#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_OPERATION_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_OPERATION_IPP

#include "blueprint/faas/codec/azure_operation.hpp"
#include "blueprint/faas/codec/impl/azure_reading.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/url.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_operation {

using azure_reading::error_told;
using azure_reading::for_people;
using azure_reading::lower;
using azure_reading::object_member;
using azure_reading::parse_object;
using azure_reading::text_member;
using azure_reading::Told;
using azure_reading::told_by;
using azure_reading::unreadable;

enum class Ended { no, well, in_vain };
// What is none of the words for an end goes on: new ones come without notice.
BLUEPRINT_FAAS_COLD inline Ended ended(std::string_view status) {
    const auto word = lower(status);
    if (word.find("succeeded") != std::string::npos) return Ended::well;
    const bool cancelled = word == "canceled" || word == "cancelled";
    return cancelled || word.find("fail") != std::string::npos ? Ended::in_vain : Ended::no;
}

BLUEPRINT_FAAS_COLD inline Error why(const boost::json::object& body, std::string_view status) {
    const auto* error = object_member(body, "error");
    if (error == nullptr)
        if (const auto* more = object_member(body, "properties")) error = object_member(*more, "error");
    Told told;
    if (error != nullptr) told = told_by(*error);
    if (told.message.empty()) told.message = "Azure ended the change with the status " + for_people(status);
    if (told.code.empty()) told.code = for_people(status);
    return error_told(std::move(told), 0);
}

}  // namespace azure_operation

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureOperation> AzureOperation::begin(const HttpRequest& request,
                                                                                     const HttpResponse& answer) {
    AzureOperation operation;
    operation.origin_ = request.origin;
    operation.target_ = request.target;
    auto followed = operation.follow(answer);
    if (!followed) return std::move(followed).error();
    if (*followed) {
        operation.done_ = false;
        return operation;
    }
    if (request.verb != Verb::put && request.verb != Verb::patch) return operation;
    operation.style_ = Style::resource;
    operation.read_state(answer);
    return operation;
}

// Takes over where the next look is to be made; false: the answer does not tell.
BLUEPRINT_FAAS_COLD inline result<bool> AzureOperation::follow(const HttpResponse& answer) {
    wait_ = read_retry_after(answer);
    const auto status = answer.headers.get("Azure-AsyncOperation");
    const auto other_status = answer.headers.get("Operation-Location");
    const auto location = answer.headers.get("Location");
    auto style = Style::status;
    std::string_view url = status ? *status : other_status.value_or("");
    if (url.empty()) {
        // With 201 it names what was made, and tells nothing of how that goes on.
        if (!location || answer.status != 202) return false;
        url = *location;
        style = Style::location;
    }
    if (url.starts_with('/') && !url.starts_with("//")) {
        target_ = url;
    } else {
        auto parsed = parse_url(url);
        if (!parsed) return azure_operation::unreadable(answer, "an operation is to be asked about at what is no URL");
        if (!(parsed->origin == origin_))
            return azure_operation::unreadable(answer, "an operation is to be asked about at " +
                                                           to_string(parsed->origin) +
                                                           ", which is not the management API, and gets no token");
        target_ = std::move(parsed->target);
    }
    style_ = style;
    return true;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureOperation::look() const {
    HttpRequest out;
    out.origin = origin_;
    out.target = target_;
    out.headers.set("Accept", "application/json");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<void> AzureOperation::observe(const HttpResponse& answer) {
    const auto style = style_;
    if (style == Style::resource) {
        wait_ = read_retry_after(answer);
        read_state(answer);
        return {};
    }
    // An operation may be gone on with elsewhere, but not told of in another way.
    const auto before = target_;
    auto followed = follow(answer);
    if (!followed) return std::move(followed).error();
    if (style_ != style) {
        style_ = style;
        target_ = before;
    }
    if (style == Style::location)
        done_ = answer.status != 202;
    else
        read_status(answer);
    return {};
}

BLUEPRINT_FAAS_COLD inline void AzureOperation::read_status(const HttpResponse& answer) {
    using namespace azure_operation;
    const auto body = parse_object(answer.body);
    const auto status = body ? text_member(*body, "status") : std::string_view{};
    if (status.empty()) {  // some tell it by the status of HTTP alone
        done_ = answer.status != 202;
        return;
    }
    progress_ = for_people(status);
    const auto end = ended(status);
    done_ = end != Ended::no;
    if (end == Ended::in_vain) failed_ = why(*body, status);
}

BLUEPRINT_FAAS_COLD inline void AzureOperation::read_state(const HttpResponse& answer) {
    using namespace azure_operation;
    const auto body = parse_object(answer.body);
    const auto* const properties = body ? object_member(*body, "properties") : nullptr;
    const auto state = properties != nullptr ? text_member(*properties, "provisioningState") : std::string_view{};
    progress_ = for_people(state);
    const auto end = state.empty() ? Ended::well : ended(state);
    done_ = end != Ended::no && (answer.status != 202 || end == Ended::in_vain);
    if (end == Ended::in_vain) failed_ = why(*body, state);
}

}  // namespace blueprint::faas::detail

#endif
