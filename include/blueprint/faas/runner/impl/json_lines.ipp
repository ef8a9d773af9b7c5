#ifndef BLUEPRINT_FAAS_RUNNER_IMPL_JSON_LINES_IPP
#define BLUEPRINT_FAAS_RUNNER_IMPL_JSON_LINES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/runner/impl/dead_letters.ipp"
#include "blueprint/faas/runner/json_lines.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <istream>
#include <ostream>
#include <unistd.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace detail {

BLUEPRINT_FAAS_DECL Error bad_call(std::string what, errc code = errc::serialization) {
    return Error{.code = code, .message = std::move(what), .execution = Execution::not_started};
}

// Reads an integer of any of the three number kinds of Boost.JSON; nothing if it is none.
template <class T>
std::optional<result<T>> json_integer(const boost::json::value& value, result<T> (*check)(std::int64_t),
                                      result<T> (*check_unsigned)(std::uint64_t)) {
    if (const auto* number = value.if_int64()) return check(*number);
    if (const auto* number = value.if_uint64()) return check_unsigned(*number);
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL result<JobId> read_job_id(const boost::json::object& members) {
    const auto* const value = members.if_contains("job_id");
    if (value == nullptr) return bad_call("\"job_id\" is missing: give the number of the job");
    const auto id = json_integer<JobId>(*value, JobId::from<std::int64_t>, JobId::from<std::uint64_t>);
    if (!id) return bad_call("\"job_id\" is no integer: ids are 0 to 4294967295");
    return *id;
}

BLUEPRINT_FAAS_DECL result<void> read_call_member(const boost::json::key_value_pair& member, JobCall& call,
                                                  bool has_args) {
    const std::string_view name{member.key().data(), member.key().size()};
    const auto& value = member.value();
    if (name == "job_id") return {};
    if (name == "args") return bad_call("\"args\" is null: give numbers from 0 to 255 in [], or leave it out");
    if (name == "base64") {
        if (has_args) return bad_call("both \"args\" and \"base64\" are there: give one of them");
        const auto* const text = value.if_string();
        auto bytes = text ? base64_decode(std::string_view{text->data(), text->size()}) : std::nullopt;
        if (!bytes) return bad_call("\"base64\" is no text in padded Base64");
        call.args = std::move(*bytes);
        return {};
    }
    if (name == "metadata") {
        const auto* const entries = value.if_object();
        if (entries == nullptr) return bad_call("\"metadata\" is no object of texts");
        for (const auto& entry : *entries) {
            const auto* const text = entry.value().if_string();
            if (text == nullptr) return bad_call("\"metadata\" has a value that is no text");
            call.metadata.set(std::string_view{entry.key().data(), entry.key().size()},
                              std::string_view{text->data(), text->size()});
        }
        return {};
    }
    if (name == "metadata_base64") {
        const auto* const entries = value.if_array();
        if (entries == nullptr) return bad_call("\"metadata_base64\" is no array");
        for (const auto& entry : *entries) {
            const auto* const pair = entry.if_array();
            const bool texts = pair != nullptr && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string();
            const auto decode = [&](std::size_t which) {
                const auto& text = (*pair)[which].get_string();
                return base64_decode(std::string_view{text.data(), text.size()});
            };
            const auto key = texts ? decode(0) : std::nullopt;
            const auto data = texts ? decode(1) : std::nullopt;
            if (!key || !data)
                return bad_call("\"metadata_base64\" has an entry that is no pair of texts in padded Base64");
            call.metadata.set(text_of(*key), text_of(*data));
        }
        return {};
    }
    if (name == "dead_letter") return {};  // why this call failed in another run
    if (name == "timeout_ms") {
        const auto* const number = value.if_int64();
        if (number == nullptr || *number <= 0) return bad_call("\"timeout_ms\" is no positive integer");
        call.timeout = std::chrono::milliseconds{*number};
        return {};
    }
    if (name == "idempotent") {
        const auto* const flag = value.if_bool();
        if (flag == nullptr) return bad_call("\"idempotent\" is neither true nor false");
        call.idempotent = *flag;
        return {};
    }
    return bad_call("there is no member \"" + one_line(name.substr(0, 40)) +
                    "\": use job_id, args or base64, metadata, timeout_ms, idempotent");
}

}  // namespace detail

BLUEPRINT_FAAS_DECL result<JobCall> parse_call(std::string_view line, std::optional<JobId>& job_id) {
    job_id.reset();
    std::optional<Bytes> args;
    auto members = detail::parse_object_with_bytes(line, "args", args);
    if (!members) return std::move(members).error();
    auto id = detail::read_job_id(*members);
    if (!id) return std::move(id).error();
    job_id = *id;
    JobCall call;
    call.job_id = *id;
    for (const auto& member : *members)
        if (auto read = detail::read_call_member(member, call, args.has_value()); !read) return std::move(read).error();
    if (args) call.args = std::move(*args);
    return call;
}

BLUEPRINT_FAAS_DECL std::string format_result(const Invocation& invocation) {
    const auto& [job, outcome, metadata, ran_on] = invocation.result;
    const auto quoted = [](std::string_view text) { return detail::json_quoted(text); };
    const bool nameless = ran_on.empty() && job == JobId{};
    std::string line = "{\"job_id\":" + (nameless ? "null" : std::to_string(job.value()));
    if (outcome) {
        line += ",\"ok\":true,\"base64\":\"";
        detail::append_base64(line, *outcome);
        line += '"';
    } else {
        const Error& error = outcome.error();
        line += ",\"ok\":false,\"error\":{\"kind\":" + quoted(error.code.message());
        line += ",\"message\":" + quoted(error.message) + '}';
    }
    line += ",\"ran_on\":" + quoted(ran_on);
    line += ",\"duration_us\":" + std::to_string(invocation.metrics.total_duration.count()) + ",\"metadata\":{";
    const char* separator = "";
    for (const auto& [name, value] : metadata) {
        line += separator;
        line += quoted(name) + ':' + quoted(value);
        separator = ",";
    }
    return line + "}}";
}

BLUEPRINT_FAAS_DECL std::optional<detail::LineSplitter::Line> detail::LineSplitter::next() {
    const std::size_t end = pending_.find('\n', std::max(searched_, start_));
    const bool whole = end != std::string::npos;
    const std::size_t size = (whole ? end : pending_.size()) - start_;
    std::optional<Line> line;
    if (skipping_ || size > max_line_bytes_) {
        // Told once, when the limit is passed; the rest is thrown away up to its end.
        if (!skipping_) line = Line{.text = {}, .number = ++number_, .too_long = true};
        skipping_ = !whole;
        start_ = whole ? end + 1 : pending_.size();
        if (!line && whole) return next();
    } else if (whole || (finished_ && size > 0)) {
        line = Line{.text = pending_.substr(start_, size), .number = ++number_};
        start_ += size + (whole ? 1 : 0);
    }
    searched_ = pending_.size();
    if (line && whole) searched_ = start_;
    if (!line || start_ == pending_.size()) {
        pending_.erase(0, start_);
        searched_ -= std::min(searched_, start_);
        start_ = 0;
    }
    return line;
}

namespace detail {

BLUEPRINT_FAAS_DECL Error cannot_read(std::string_view what, int reason) {
    return Error{.code = errc::infrastructure,
                 .message = "could not read JSON lines from " + std::string{what} +
                            (reason == 0 ? std::string{} : std::string{": "} + std::strerror(reason)) +
                            "; check that it can be read",
                 .execution = Execution::not_started};
}

class StreamLines final : public LineSource {
public:
    explicit StreamLines(std::istream& in) noexcept : in_{&in} {}

    asio::awaitable<result<bool>> read(LineSplitter& lines) override {
        // What the stream has at hand is taken whole; only an empty one is waited for.
        if (in_->peek() == std::istream::traits_type::eof()) {
            if (in_->bad()) co_return cannot_read("the stream", 0);
            co_return false;
        }
        auto got = in_->readsome(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
        if (got <= 0 && in_->get(buffer_[0])) got = 1;  // a stream that cannot tell what it has
        if (in_->bad() || got <= 0) co_return cannot_read("the stream", 0);
        lines.add(std::string_view{buffer_.data(), static_cast<std::size_t>(got)});
        co_return true;
    }

private:
    std::istream* in_;
};

class DescriptorLines final : public LineSource {
public:
    explicit DescriptorLines(int descriptor) noexcept
        : descriptor_{::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)}, reason_{descriptor_ < 0 ? errno : 0} {}
    DescriptorLines(const DescriptorLines&) = delete;
    ~DescriptorLines() override {
        if (!stream_ && descriptor_ >= 0) ::close(descriptor_);
    }

    asio::awaitable<result<bool>> read(LineSplitter& lines) override {
        const asio::any_io_executor here = co_await asio::this_coro::executor;
        if (!stream_ && reason_ == 0) open(here);
        for (;;) {
            if (reason_ != 0) co_return cannot_read("the descriptor", reason_);
            if (pollable_) {
                const auto [failed] = co_await stream_->async_wait(asio::posix::descriptor_base::wait_read,
                                                                   asio::as_tuple(asio::use_awaitable));
                // Regular files (and /dev/null) know no readiness: reading them does not wait.
                pollable_ = failed != asio::error::operation_not_supported;
                if (failed && pollable_)
                    co_return Error{.code = errc::cancelled,
                                    .message = "reading JSON lines was stopped",
                                    .execution = Execution::not_started};
            } else {
                co_await asio::post(asio::use_awaitable);  // let others run between two pieces of a big file
            }
            const auto got = ::read(descriptor_, buffer_.data(), buffer_.size());
            if (got > 0) lines.add(std::string_view{buffer_.data(), static_cast<std::size_t>(got)});
            if (got >= 0) co_return got > 0;
            if (errno != EINTR && errno != EAGAIN) reason_ = errno;
        }
    }

private:
    void open(const asio::any_io_executor& executor) {
        const int flags = ::fcntl(descriptor_, F_GETFL);
        boost::system::error_code failed;
        stream_.emplace(executor);
        stream_->assign(descriptor_, failed);
        if (failed) {
            stream_.reset();
            reason_ = failed.value();
            return;
        }
        // Asio makes a descriptor non-blocking before its first wait. That mark would be shared with everyone who has
        // the same terminal or pipe open, our own standard output too; we read only what is there, and do without.
        stream_->non_blocking(true, failed);
        if (flags >= 0) ::fcntl(descriptor_, F_SETFL, flags);
    }

    int descriptor_;
    int reason_;
    bool pollable_ = true;
    std::optional<asio::posix::stream_descriptor> stream_;
};

}  // namespace detail

BLUEPRINT_FAAS_DECL JsonLinesProducer::JsonLinesProducer(std::istream& in, std::size_t max_line_bytes)
    : JsonLinesProducer{std::make_unique<detail::StreamLines>(in), max_line_bytes} {}

BLUEPRINT_FAAS_DECL JsonLinesProducer::JsonLinesProducer(std::unique_ptr<detail::LineSource> source,
                                                         std::size_t max_line_bytes)
    : source_{std::move(source)}, lines_{max_line_bytes}, max_line_bytes_{max_line_bytes} {}

BLUEPRINT_FAAS_DECL JsonLinesProducer JsonLinesProducer::from_descriptor(int descriptor, std::size_t max_line_bytes) {
    return JsonLinesProducer{std::make_unique<detail::DescriptorLines>(descriptor), max_line_bytes};
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<std::optional<Produced>>> JsonLinesProducer::next() {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        while (const auto line = lines_.next()) {
            if (!line->too_long && line->text.find_first_not_of(" \t\r") == std::string::npos) continue;
            const std::string number = std::to_string(line->number);
            RefusedCall refused;
            result<JobCall> call = line->too_long
                                       ? result<JobCall>{detail::bad_call("it is longer than " +
                                                                          std::to_string(max_line_bytes_) + " bytes")}
                                       : parse_call(line->text, refused.job_id);
            if (call) co_return std::optional<Produced>{std::move(*call)};
            refused.error = std::move(call).error();
            refused.error.message = "line " + number + " is no call: " + refused.error.message;
            refused.error.execution = Execution::not_started;
            refused.metadata.set("line", number);
            co_return std::optional<Produced>{std::move(refused)};
        }
        if (ended_) co_return std::optional<Produced>{};
        auto more = co_await source_->read(lines_);
        if (!more) co_return std::move(more).error();
        if (*more) continue;
        ended_ = true;
        lines_.finish();
    }
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<void>> JsonLinesConsumer::consume(const Invocation& invocation) {
    *out_ << format_result(invocation) << '\n';
    if (!*out_)
        co_return Error{.code = errc::infrastructure,
                        .message =
                            "could not write a result as a JSON line: the output stream failed; check that it "
                            "is open and has room"};
    co_return result<void>{};
}

BLUEPRINT_FAAS_DECL asio::awaitable<result<void>> JsonLinesConsumer::finish() {
    out_->flush();
    if (!*out_)
        co_return Error{.code = errc::infrastructure,
                        .message =
                            "could not flush the JSON lines: the output stream failed; the last results may be "
                            "missing"};
    co_return result<void>{};
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
