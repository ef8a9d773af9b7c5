// What stands in files and lines of the user's: the resume file of a map, JSON lines of a runner and its dead letters,
// arguments of jobs, keys and certificates in PEM, and times as servers write them.
#include "blueprint/faas/auth/jwt.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/jwt.hpp"
#include "blueprint/faas/map/resume_file.hpp"
#include "blueprint/faas/payload_json.hpp"
#include "blueprint/faas/runner/dead_letters.hpp"
#include "blueprint/faas/runner/json_lines.hpp"
#include "blueprint/faas/transport/impl/tls_context.hpp"
#include "fit.hpp"
#include "support/temporary_directory.hpp"
#include "targets.hpp"

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json/parse.hpp>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::fuzz {

namespace {

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)

struct Part {
    std::int16_t number = 0;
    std::optional<double> weight{};
    bool operator==(const Part&) const = default;
};
BOOST_DESCRIBE_STRUCT(Part, (), (number, weight))

struct Order {
    std::uint64_t id = 0;
    bool open = false;
    std::string note{};
    Colour colour = Colour::red;
    std::vector<Part> parts{};
    std::map<std::string, std::uint8_t> counts{};
    bool operator==(const Order&) const = default;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, open, note, colour, parts, counts))

template <class T>
void encoded_again(std::span<const std::uint8_t> bytes) {
    const auto value = payload_traits<T>::decode(bytes);
    if (!value) {
        FAAS_REQUIRE(value.error().code == errc::serialization && !value.error().message.empty());
        return;
    }
    Bytes out;
    payload_traits<T>::encode(*value, out);
    const auto again = payload_traits<T>::decode(out);
    FAAS_REQUIRE(again.has_value());
    if constexpr (std::is_floating_point_v<T>)
        FAAS_REQUIRE(*again == *value || (std::isnan(*again) && std::isnan(*value)));
    else
        FAAS_REQUIRE(*again == *value);
}

void write_file(const std::string& path, std::string_view bytes) {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    FAAS_REQUIRE(file.good());
}

std::string contents(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

// An RSA key in PEM.
std::string test_key() {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{EVP_RSA_gen(2048), &EVP_PKEY_free};
    const std::unique_ptr<BIO, int (*)(BIO*)> bio{BIO_new(BIO_s_mem()), &BIO_free};
    FAAS_REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

// Every line that a splitter makes of a text which comes in pieces.
std::vector<std::string> lines_of(std::string_view text, std::size_t piece, std::size_t most) {
    detail::LineSplitter splitter{most};
    std::vector<std::string> lines;
    const auto take = [&] {
        for (auto line = splitter.next(); line; line = splitter.next()) {
            FAAS_REQUIRE(line->text.size() <= most);
            FAAS_REQUIRE(!line->too_long || line->text.empty());
            FAAS_REQUIRE(line->number == lines.size() + 1);
            lines.push_back(line->too_long ? "\n" : line->text);
        }
    };
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
        splitter.add(text.substr(0, piece));
        take();
    }
    splitter.finish();
    take();
    return lines;
}

}  // namespace

void resume_file(Input input) {
    static const test::TemporaryDirectory directory;
    static const std::string path = (directory / "resume").string();
    const ResumeOptions options{.path = path, .input = "rows.csv"};
    // The header is always one of ours, or nearly nothing would come behind it.
    static const std::string header = [&] {
        FAAS_REQUIRE(detail::ResumeFile::open(options, JobId{7U}, "run").has_value());
        return contents(path);
    }();
    Reader reader{input};
    const bool whole = reader.byte() % 8 == 0;
    write_file(path, whole ? std::string{reader.rest()} : header + std::string{reader.rest()});
    std::uint64_t succeeded = 0;
    constexpr std::uint64_t indices[] = {0, 1, 2, 3, 255, 1U << 16U};
    std::vector<detail::ResumeFile::Fate> fates;
    {
        auto file = detail::ResumeFile::open(options, JobId{7U}, "run");
        if (!file) {  // which tells the names of another run as they stand there
            FAAS_REQUIRE(file.error().code == errc::invalid_configuration);
            return;
        }
        succeeded = file->succeeded();
        FAAS_REQUIRE(file->remembered() >= succeeded);
        for (const auto index : indices) {
            const auto item = file->find(index);
            fates.push_back(item.fate);
            if (item.fate == detail::ResumeFile::Fate::succeeded) {
                const auto bytes = file->stored(index, item);
                if (fits(bytes)) FAAS_REQUIRE(bytes->size() == item.size);
            }
            if (item.fate == detail::ResumeFile::Fate::failed) file->stored_error(index, item);
        }
        // It goes on behind whatever it took for torn.
        const Bytes args{1, 2, 3};
        FAAS_REQUIRE(file->started(9, args).has_value());
        FAAS_REQUIRE(file->finished(9, Bytes{4, 5}).has_value());
    }
    auto again = detail::ResumeFile::open(options, JobId{7U}, "run");
    FAAS_REQUIRE(again.has_value());
    const auto item = again->find(9);
    FAAS_REQUIRE(item.fate == detail::ResumeFile::Fate::succeeded);
    const auto bytes = again->stored(9, item);
    FAAS_REQUIRE(bytes.has_value() && *bytes == (Bytes{4, 5}));
    for (std::size_t i = 0; i < std::size(indices); ++i) FAAS_REQUIRE(again->find(indices[i]).fate == fates[i]);
    FAAS_REQUIRE(again->succeeded() == succeeded || again->succeeded() == succeeded + 1);
}

void json_line(Input input) {
    Reader reader{input};
    const auto how = reader.byte();
    const auto text = reader.rest();
    const std::size_t most = std::size_t{1} << how % 12U;
    const auto whole = lines_of(text, text.size() + 1, most);
    FAAS_REQUIRE(whole == lines_of(text, 1, most));
    FAAS_REQUIRE(whole == lines_of(text, 7, most));

    std::optional<JobId> id;
    const auto call = parse_call(text, id);
    if (!fits(call)) return;
    FAAS_REQUIRE(id == call->job_id);
    // A call that came to nothing stands in a dead letter as it was.
    const Error error{.code = errc::timed_out, .message = std::string{text}, .platform_code = std::string{text}};
    const auto letter = format_dead_letter(*call, error, 3, std::chrono::sys_days{std::chrono::year{2026} / 1 / 2});
    FAAS_REQUIRE(letter.find('\n') == std::string::npos);
    std::optional<JobId> same_id;
    const auto same = parse_call(letter, same_id);
    FAAS_REQUIRE(same.has_value());
    FAAS_REQUIRE(same->job_id == call->job_id && same->args == call->args && same->timeout == call->timeout);
    FAAS_REQUIRE(same->idempotent == call->idempotent);
    FAAS_REQUIRE(
        std::equal(same->metadata.begin(), same->metadata.end(), call->metadata.begin(), call->metadata.end()));
    Invocation done;
    done.result.job_id = call->job_id;
    done.result.outcome = how % 2 == 0 ? result<Bytes>{call->args} : result<Bytes>{error};
    const auto line = format_result(done);
    FAAS_REQUIRE(line.find('\n') == std::string::npos);
    boost::system::error_code bad;
    FAAS_REQUIRE(boost::json::parse(line, bad).is_object() && !bad);
}

void job_arguments(Input input) {
    encoded_again<std::uint64_t>(input);
    encoded_again<std::int8_t>(input);
    encoded_again<double>(input);
    encoded_again<float>(input);
    encoded_again<bool>(input);
    encoded_again<std::string>(input);
    encoded_again<std::array<std::uint8_t, 4>>(input);
    encoded_again<Order>(input);
    encoded_again<std::vector<Part>>(input);
}

void pem(Input input) {
    // Keys are made, not kept: an input says where they stand.
    static const std::string rsa = test_key();
    static const local::Certificate issued = [] {
        const auto authority = local::CertificateAuthority::create();
        FAAS_REQUIRE(authority.has_value());
        auto made = authority->issue({"localhost"});
        FAAS_REQUIRE(made.has_value());
        return *std::move(made);
    }();
    std::string whole{detail::text_of(input)};
    for (const auto& [mark, key] : {std::pair<std::string_view, std::string_view>{"@RSA@", rsa},
                                    {"@CERTIFICATE@", issued.certificate},
                                    {"@KEY@", issued.private_key.reveal()}})
        if (const auto at = whole.find(mark); at != std::string::npos) whole.replace(at, mark.size(), key);
    const std::string_view text = whole;
    const Secret secret{text};
    const auto key = RsaKey::from_pem(secret, "private_key of '/key.json'", Secret{"password"});
    if (fits(key)) {
        const auto signature = key->sign("text");
        FAAS_REQUIRE(signature.has_value() && signature->size() >= 256);
    } else {
        FAAS_REQUIRE(key.error().code == errc::invalid_configuration);
    }
    detail::CaBundle bundle;
    bundle.add(text);
    const auto context = detail::make_tls_context({.system_roots = false,
                                                   .extra_roots = std::string{text},
                                                   .client_certificate = std::string{text},
                                                   .client_key = secret,
                                                   .client_key_password = Secret{"password"},
                                                   .pinned_keys = {}},
                                                  false, false);
    if (!context) FAAS_REQUIRE(context.error().message.size() <= 512);
    std::vector<detail::Sha256Digest> pins;
    detail::tls::read_pins({std::string{text}}, pins);
    local::read_jwt_certificate(text);
    if (const auto token = local::read_jwt(text)) {
        FAAS_REQUIRE(std::count(text.begin(), text.end(), '.') == 2);
        FAAS_REQUIRE(text.starts_with(token->signed_part));
        FAAS_REQUIRE(!local::verify_jwt(*token, text));
    }
    FAAS_REQUIRE(local::base64url_decode(text) == detail::base64url_decode(text));
}

void times(Input input) {
    Reader reader{input};
    HttpResponse answer;
    const auto first = reader.until('\n');
    answer.headers.set("Retry-After", first);
    answer.headers.set("Date", reader.until('\n'));
    const auto rest = reader.rest();
    if (const auto wait = detail::read_retry_after(answer))
        FAAS_REQUIRE(wait->count() >= 0 && *wait <= std::chrono::hours{24 * 366 * 10'000});
    for (const auto text : {first, rest}) {
        if (const auto time = detail::read_http_date(text)) {
            FAAS_REQUIRE(text.size() == 29);
            FAAS_REQUIRE(*time < std::chrono::sys_days{std::chrono::year{10'001} / 1 / 1});
        }
        if (const auto time = detail::read_timestamp(text)) {
            FAAS_REQUIRE(time->time_since_epoch().count() >= 0);
            FAAS_REQUIRE(text.size() >= 20);
        }
        if (const auto time = aws::read_amz_date(text)) FAAS_REQUIRE(aws::amz_date(*time) == text);
    }
}

}  // namespace blueprint::faas::fuzz
