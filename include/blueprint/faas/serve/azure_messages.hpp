#ifndef BLUEPRINT_FAAS_SERVE_AZURE_MESSAGES_HPP
#define BLUEPRINT_FAAS_SERVE_AZURE_MESSAGES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/serve/http_messages.hpp"

#include <optional>
#include <string>
#include <string_view>

// The envelope in which Azure's host hands requests to a custom handler unless it is told to forward them, as values.
namespace blueprint::faas::detail {

/// A request as it came to the host.
struct AzureEnvelope {
    std::string method{};
    Headers fields{};  ///< those that say anything to us
    Bytes body{};
};

/// Takes the request out of {"Data":{"req":{"Method":...,"Headers":{...},"Body":...}},"Metadata":{...}}. Nothing: the
/// text is no such envelope. The error, with the status of its answer: its request cannot be read.
/// Source: Azure documentation, "Azure Functions custom handlers", "Request payload".
BLUEPRINT_FAAS_DECL std::optional<result<AzureEnvelope>> read_azure_envelope(std::string_view text);

/// Writes {"Outputs":{"res":{"statusCode":...,"headers":{...},"body":"..."}},"Logs":[],"ReturnValue":null}, which is
/// 200 whatever is in it: the host takes everything else for a failure of its own. A body that is not UTF-8 goes as
/// Base64. Source: as above, "Response payload".
BLUEPRINT_FAAS_DECL HttpReply write_azure_envelope(const HttpReply& reply);

/// Refuses a call of bare bytes that came in an envelope, where they do not come through whole, and says what to do.
BLUEPRINT_FAAS_DECL Error azure_binary_refusal();

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/azure_messages.ipp"
#endif

#endif
