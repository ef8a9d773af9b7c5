// Keeps packages in a storage account as the library does: azurite_uploads ENDPOINT ACCOUNT [CERTIFICATE]
// with AZURITE_KEY, the account's key, or AZURITE_TOKEN, a token for storage; CERTIFICATE, a PEM file, is trusted.
// Prints "ok: ..." for each thing that came out as it should, and ends with status 1 at the first that did not.
#include "blueprint/faas/codec/azure_storage.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using faas::detail::AzureBlobCondition;
using faas::detail::AzureStorage;
using faas::detail::AzureStore;

namespace {

const std::string text = "a package\n";
const std::string blob = "manifest.json";

class Account {
public:
    Account(AzureStore store, faas::Secret token, faas::TlsOptions tls)
        : token_{std::move(token)}, https_{io_.get_executor(), std::move(tls)}, http_{io_.get_executor()} {
        use(std::move(store));
    }

    void use(AzureStore store) {
        auto made = AzureStorage::make(std::move(store));
        if (!made) fail("the account can be used", made.error());
        storage_ = std::move(*made);
    }
    void show(faas::Secret token) { token_ = std::move(token); }
    const AzureStorage& storage() const { return *storage_; }

    faas::HttpResponse send(faas::HttpRequest request) {
        if (!token_.empty()) request.headers.set("Authorization", "Bearer " + std::string{token_.reveal()});
        std::optional<faas::result<faas::HttpResponse>> outcome;
        const auto deadline = faas::deadline_after(std::chrono::seconds{20});
        auto exchange = request.origin.tls ? https_.exchange(request, deadline) : http_.exchange(request, deadline);
        asio::co_spawn(io_, std::move(exchange), [&](std::exception_ptr thrown, auto answer) {
            if (thrown) std::rethrow_exception(thrown);
            outcome = std::move(answer);
        });
        io_.restart();
        io_.run();
        if (!outcome->has_value()) fail("the storage answers", outcome->error());
        return std::move(**outcome);
    }
    /// Writes, and returns the blob's new etag.
    std::string put(const std::string& what, const AzureBlobCondition& condition) {
        const auto answer = send(storage_->put(blob, "application/json", faas::Body{what}, condition, now()));
        if (const auto wrong = AzureStorage::judge(answer)) fail("a blob is written", *wrong);
        return std::string{answer.headers.get("ETag").value_or("")};
    }
    std::optional<faas::Error> refusal(faas::HttpRequest request) {
        return AzureStorage::judge(send(std::move(request)));
    }

    static std::chrono::system_clock::time_point now() { return faas::Environment::process().now(); }
    [[noreturn]] static void fail(std::string_view what, const faas::Error& error) {
        std::cout << "FAILED: " << what << ": " << error << std::endl;
        std::exit(1);
    }

private:
    asio::io_context io_{1};
    faas::Secret token_;
    faas::HttpsTransport https_;
    faas::LoopbackTransport http_;
    std::optional<AzureStorage> storage_;
};

void expect(std::string_view what, bool good) {
    if (!good) {
        std::cout << "FAILED: " << what << std::endl;
        std::exit(1);
    }
    std::cout << "ok: " << what << std::endl;
}

/// Tells whether a request is refused, and prints with what.
bool is_refused(Account& account, faas::HttpRequest request, unsigned status) {
    const auto error = account.refusal(std::move(request));
    if (error) std::cout << "    " << *error << std::endl;
    return error && error->http_status == status;
}

void keep_packages(Account& account) {
    const auto now = Account::now();
    expect("the container is made", !account.refusal(account.storage().make_container(now)));
    const auto again = account.refusal(account.storage().make_container(now));
    expect("once", again && again->code == faas::errc::conflict);

    const auto missing = account.refusal(account.storage().get(blob, 65536, now));
    expect("what is not there is not found", missing && missing->code == faas::errc::not_found);
    const auto without = account.send(account.storage().head(blob, now));
    expect("nor is it without a body", AzureStorage::judge(without)->code == faas::errc::not_found);

    const auto first = account.put(text, {.absent = true});
    expect("a blob is written if there is none", !first.empty());
    const auto second_at_once = account.refusal(
        account.storage().put(blob, "application/json", faas::Body{std::string{"other"}}, {.absent = true}, now));
    expect("and not if there is one", second_at_once && AzureStorage::was_overtaken(*second_at_once));
    const auto second = account.put(text + text, {.etag = first});
    expect("it is changed if it is still the same", !second.empty() && second != first);
    const auto late = account.refusal(
        account.storage().put(blob, "application/json", faas::Body{std::string{"other"}}, {.etag = first}, now));
    expect("and not if somebody else was quicker", late && AzureStorage::was_overtaken(*late));

    const auto read = AzureStorage::read_blob(account.send(account.storage().get(blob, 65536, now)));
    expect("it is read", read && read->body == text + text && read->etag == second);
    const auto looked = account.send(account.storage().head(blob, now));
    expect("its etag alone too", !AzureStorage::judge(looked) && looked.headers.get("ETag") == second);
    std::string large(300'000, 'x');
    const auto stored =
        account.send(account.storage().put("a b/c%d.zip", "application/zip", faas::Body{std::move(large)}, {}, now));
    expect("a name with what has to be escaped is one", !AzureStorage::judge(stored));
    const auto page = AzureStorage::read_page(account.send(account.storage().list({}, now)));
    expect("both are listed",
           page && page->names == std::vector<std::string>{"a b/c%d.zip", blob} && page->next.empty());
    expect("one is removed", !account.refusal(account.storage().remove("a b/c%d.zip", now)));
    const auto gone = account.refusal(account.storage().remove("a b/c%d.zip", now));
    expect("once alone", gone && gone->code == faas::errc::not_found);
}

void refuse_others(Account& account) {
    const auto now = Account::now();
    const auto right = account.storage().store();
    auto wrong = right;
    wrong.key = faas::Secret{"c29tZWJvZHkgZWxzZSdz"};
    account.use(wrong);
    expect("another key signs nothing", is_refused(account, account.storage().get(blob, 65536, now), 403));
    expect("nor makes a container", is_refused(account, account.storage().make_container(now), 403));
    account.use(right);
    auto altered = account.storage().get(blob, 65536, now);
    altered.target.replace(altered.target.find("sp=r"), 4, "sp=w");
    expect("a permission is not altered", is_refused(account, std::move(altered), 403));
    auto other = account.storage().get("other", 65536, now);
    other.target.replace(other.target.find("/other?"), 7, "/manifest.json?");
    expect("nor given for another blob", is_refused(account, std::move(other), 403));
    auto reading = account.storage().get(blob, 65536, now);
    reading.verb = faas::Verb::del;
    expect("nor does who may read remove", is_refused(account, std::move(reading), 403));
    expect("and it ends within the hour",
           is_refused(account, account.storage().get(blob, 65536, now - std::chrono::hours{1}), 403));
    expect("nor does it begin in the future",
           is_refused(account, account.storage().get(blob, 65536, now + std::chrono::minutes{10}), 403));
}

faas::Secret variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? faas::Secret{} : faas::Secret{value};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    faas::TlsOptions tls;
    if (argc > 3) {
        const auto file = faas::Environment::process().read_file(argv[3]);
        if (!file || !*file) return 2;
        tls.extra_roots = std::string{(*file)->reveal()};
    }
    const auto key = variable("AZURITE_KEY");
    const auto token = variable("AZURITE_TOKEN");
    const AzureStore store{.account = argv[2],
                           .endpoint = argv[1],
                           .container = token.empty() ? "packages-0123456789ab" : "packages-of-a-token",
                           .key = key};
    Account account{store, token, tls};
    keep_packages(account);
    if (token.empty()) {
        refuse_others(account);
    } else {
        account.show(variable("AZURITE_OTHER_TOKEN"));
        expect("a token for something else opens nothing",
               is_refused(account, account.storage().get(blob, 65536, Account::now()), 403));
        account.show({});
        expect("nor does none", is_refused(account, account.storage().get(blob, 65536, Account::now()), 403));
    }
}
