#ifndef BLUEPRINT_FAAS_AUTH_GCP_SUBJECT_TOKEN_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_SUBJECT_TOKEN_HPP

#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/fwd.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace blueprint::faas::gcp {

// Where somebody whom another identity provider knows gets the proof of it, which Google exchanges for a token of its
// own. Source: Google Cloud IAM, "Workload Identity Federation" and AIP-4117, "External Account Credentials".

/// How the proof stands in a text.
struct SubjectForm {
    std::string json_member{};  ///< of a JSON object; empty: all the text is the proof, but for blanks around it
};

/// A file that somebody else renews, hence read anew each time.
struct FileSubject {
    std::string path{};
    SubjectForm form{};
};

/// A server that is asked by GET. It may be one of this machine, or a metadata service, without TLS.
struct UrlSubject {
    std::string url{};
    std::vector<std::pair<std::string, Secret>> headers{};
    SubjectForm form{};
};

/// A program that prints the proof. It runs only if the variable GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES is 1,
/// because whoever wrote the credential file decides what runs.
struct ExecutableSubject {
    Secret command{};  ///< split at blanks, but not within double quotes; no shell runs it; its arguments may be secret
    std::chrono::milliseconds timeout{30'000};
    std::string output_file{};  ///< where the program keeps what it printed last; empty: nowhere
};

/// An AWS identity, proved by a signed request to AWS that Google's token service sends in our name. The URLs are those
/// of an instance's metadata service, for what the variables AWS_REGION (or AWS_DEFAULT_REGION), AWS_ACCESS_KEY_ID,
/// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN do not say.
struct AwsSubject {
    std::string region_url{};
    std::string credentials_url{};
    std::string verification_url{};   ///< of GetCallerIdentity, with "{region}"
    std::string session_token_url{};  ///< empty: the metadata service is asked without a session token
};

using SubjectSource = std::variant<FileSubject, UrlSubject, ExecutableSubject, AwsSubject>;

/// What the proof is for.
struct SubjectUse {
    std::string audience{};            ///< the provider of the workload identity pool
    std::string token_type{};          ///< "urn:ietf:params:oauth:token-type:jwt"
    std::string impersonated_email{};  ///< of the service account that is used in the end; empty: none
};

/// Reads the member credential_source of the credential file `where` (for messages). `errc::invalid_configuration`, or
/// `errc::unsupported` for certificates.
BLUEPRINT_FAAS_DECL result<SubjectSource> read_subject_source(const boost::json::object& credential_source,
                                                              std::string_view where);

/// Gets a fresh proof. Errors show nothing of what a file, a server or a program gave instead of it, but for the code
/// and message by which a program or a server reports its failure.
BLUEPRINT_FAAS_DECL asio::awaitable<result<Secret>> subject_token(Reach reach, SubjectSource source, SubjectUse use,
                                                                  Deadline deadline);

}  // namespace blueprint::faas::gcp

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/subject_token.ipp"
#endif

#endif
