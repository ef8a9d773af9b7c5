#ifndef BLUEPRINT_FAAS_CODEC_AZURE_OPERATION_HPP
#define BLUEPRINT_FAAS_CODEC_AZURE_OPERATION_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace blueprint::faas::detail {

/// How a change at Azure goes on, which takes longer than a request: where to look, and what was seen there. Pure
/// decisions: whoever holds it makes the looks. Azure tells where to look in one of three ways, or not at all; then the
/// resource itself is looked at. Source: Azure Resource Manager, "Track asynchronous Azure operations".
class AzureOperation {
public:
    enum class Style : std::uint8_t {
        at_once,   ///< nothing more is to be waited for
        status,    ///< `Azure-AsyncOperation`, `Operation-Location`: a document with a status
        location,  ///< `Location`: answered 202 until the change has ended
        resource,  ///< its `provisioningState`
    };

    /// Reads what `request` was answered with. An error: the operation is to be asked about somewhere else than at the
    /// management API, whose token nobody else is shown.
    BLUEPRINT_FAAS_DECL static result<AzureOperation> begin(const HttpRequest& request, const HttpResponse& answer);

    Style style() const noexcept { return style_; }
    bool done() const noexcept { return done_; }
    /// Why it ended in vain.
    const std::optional<Error>& failed() const noexcept { return failed_; }
    /// What Azure says that it is at: "InProgress"; empty: not told.
    const std::string& progress() const noexcept { return progress_; }
    /// How long to wait before the next look, as far as Azure told.
    const std::optional<std::chrono::milliseconds>& wait() const noexcept { return wait_; }
    /// Makes the request that looks; the URL is as Azure gave it, with its own api-version.
    BLUEPRINT_FAAS_DECL HttpRequest look() const;
    /// Takes in what a look was answered with, which `AzureApi::judge` passed. It may lead the next look elsewhere.
    BLUEPRINT_FAAS_DECL result<void> observe(const HttpResponse& answer);

private:
    AzureOperation() = default;
    result<bool> follow(const HttpResponse& answer);
    void read_status(const HttpResponse& answer);
    void read_state(const HttpResponse& answer);

    Style style_ = Style::at_once;
    bool done_ = true;
    Origin origin_{};
    std::string target_{};
    std::string progress_{};
    std::optional<Error> failed_{};
    std::optional<std::chrono::milliseconds> wait_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/azure_operation.ipp"
#endif

#endif
