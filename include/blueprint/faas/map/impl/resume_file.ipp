#ifndef BLUEPRINT_FAAS_MAP_IMPL_RESUME_FILE_IPP
#define BLUEPRINT_FAAS_MAP_IMPL_RESUME_FILE_IPP

#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/map/resume_file.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace blueprint::faas::detail {

inline constexpr std::string_view resume_magic = "BFAASMAP";
inline constexpr std::uint32_t resume_version = 1;
inline constexpr std::size_t resume_header_bytes = 24;  // without run id, input and checksum
inline constexpr std::size_t resume_record_bytes = 17;  // without payload and its checksum
inline constexpr std::size_t resume_name_limit = 64U << 10U;

BLUEPRINT_FAAS_DECL std::uint32_t resume_checksum(std::string_view bytes) noexcept { return crc32(bytes_of(bytes)); }

BLUEPRINT_FAAS_DECL void put_number(std::string& out, std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

BLUEPRINT_FAAS_DECL std::uint64_t get_number(std::string_view bytes) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
}

BLUEPRINT_FAAS_DECL Error resume_refused(const std::string& path, std::string_view why) {
    return Error{.code = errc::invalid_configuration,
                 .message = "the resume file " + path + " cannot be used: " + std::string{why},
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL Error ResumeFile::damaged(std::uint64_t offset) const {
    return resume_refused(file_.path(),
                          "it is damaged at byte " + std::to_string(offset) +
                              ", and what stood there is lost; restore it from a copy, or start over with a new file");
}

BLUEPRINT_FAAS_DECL std::string resume_header(JobId job, std::string_view run_id, std::string_view input) {
    std::string header{resume_magic};
    put_number(header, resume_version, 4);
    put_number(header, job.value(), 4);
    put_number(header, run_id.size(), 4);
    put_number(header, input.size(), 4);
    header += run_id;
    header += input;
    put_number(header, resume_checksum(header), 4);
    return header;
}

// Compares what a file begins with to what this run would have written, and says in which they differ.
BLUEPRINT_FAAS_DECL std::optional<Error> check_header(const std::string& path, std::string_view found,
                                                      std::string_view wanted) {
    if (found == wanted) return std::nullopt;
    if (!found.starts_with(resume_magic)) return resume_refused(path, "it is no resume file; give another path");
    if (get_number(found.substr(8, 4)) != resume_version)
        return resume_refused(path, "it was written by a version of the library with another format");
    if (resume_checksum(found.substr(0, found.size() - 4)) != get_number(found.substr(found.size() - 4)))
        return resume_refused(path, "its header is damaged; start over with a new file");
    const auto field = [](std::string_view header, std::size_t which) {
        const auto run = static_cast<std::size_t>(get_number(header.substr(16, 4)));
        const auto input = static_cast<std::size_t>(get_number(header.substr(20, 4)));
        return which == 0 ? header.substr(resume_header_bytes, run) : header.substr(resume_header_bytes + run, input);
    };
    const auto differs = [&](std::string_view what, const std::string& in_file, const std::string& here) {
        return resume_refused(path, "it is of " + std::string{what} + ' ' + in_file + ", and this run is of " + here +
                                        "; give the file that belongs to this run");
    };
    if (found.substr(12, 4) != wanted.substr(12, 4))
        return differs("job", std::to_string(get_number(found.substr(12, 4))),
                       std::to_string(get_number(wanted.substr(12, 4))));
    if (field(found, 0) != field(wanted, 0))
        return differs("the run", '"' + std::string{field(found, 0)} + '"', '"' + std::string{field(wanted, 0)} + '"');
    return differs("the input", '"' + std::string{field(found, 1)} + '"', '"' + std::string{field(wanted, 1)} + '"');
}

BLUEPRINT_FAAS_DECL result<ResumeFile> ResumeFile::open(const ResumeOptions& options, JobId job,
                                                        std::string_view run_id) {
    if (run_id.size() > resume_name_limit || options.input.size() > resume_name_limit)
        return resume_refused(options.path, "run id and input may have 65536 bytes each; give shorter ones");
    auto opened = AppendFile::open(options.path, "the resume file");
    if (!opened) return std::move(opened).error();
    ResumeFile file{std::move(*opened), options.sync == ResumeSync::power_loss};
    const std::string wanted = resume_header(job, run_id, options.input);

    std::string found(static_cast<std::size_t>(std::min<std::uint64_t>(file.file_.size(), wanted.size())), '\0');
    auto got = file.file_.read_at(0, found.data(), found.size());
    if (!got) return std::move(got).error();
    if (found.size() < wanted.size() && wanted.starts_with(found)) {  // new, or killed before it had done anything
        if (auto cut = file.file_.truncate(0); !cut) return std::move(cut).error();
        if (auto written = file.file_.append(wanted, true); !written) return std::move(written).error();
        return file;
    }
    if (!found.starts_with(resume_magic))
        return resume_refused(options.path, "it is no resume file; give another path");
    if (found.size() < resume_header_bytes) return file.damaged(found.size());
    const std::uint64_t whole = resume_header_bytes + get_number(std::string_view{found}.substr(16, 4)) +
                                get_number(std::string_view{found}.substr(20, 4)) + 4;
    if (whole > file.file_.size() || whole > 3 * resume_name_limit) return file.damaged(16);
    found.resize(static_cast<std::size_t>(whole));
    got = file.file_.read_at(0, found.data(), found.size());
    if (!got) return std::move(got).error();
    if (auto wrong = check_header(options.path, found, wanted)) return std::move(*wrong);
    if (auto read = file.read_all(whole); !read) return std::move(read).error();
    return file;
}

BLUEPRINT_FAAS_DECL result<void> ResumeFile::read_all(std::uint64_t offset) {
    constexpr std::size_t chunk = 256U << 10U;
    const std::uint64_t end = file_.size();
    std::string buffer;
    std::size_t used = 0;  // of `buffer`; what follows are the file's bytes from `offset` on, as far as read
    std::optional<Error> failed;
    const auto have = [&](std::size_t size) {
        if (buffer.size() - used >= size) return true;
        buffer.erase(0, used);
        used = 0;
        const std::size_t old = buffer.size();
        buffer.resize(std::max(size, chunk));
        auto got = file_.read_at(offset + old, buffer.data() + old, buffer.size() - old);
        if (!got) failed = std::move(got).error();
        buffer.resize(old + (failed ? 0 : *got));
        return !failed && buffer.size() >= size;
    };
    while (offset < end) {
        if (!have(resume_record_bytes)) break;
        const std::string_view head = std::string_view{buffer}.substr(used, resume_record_bytes);
        if (resume_checksum(head.substr(0, 13)) != get_number(head.substr(13))) {
            // A machine that lost its power may leave zeros where the last record was to be.
            for (std::uint64_t at = offset; at < end; at += chunk) {
                std::string rest(static_cast<std::size_t>(std::min<std::uint64_t>(chunk, end - at)), '\1');
                auto got = file_.read_at(at, rest.data(), rest.size());
                if (!got) return std::move(got).error();
                if (rest.find_first_not_of('\0') != std::string::npos) return damaged(offset);
            }
            break;
        }
        const char kind = head[0];
        const std::uint64_t index = get_number(head.substr(1, 8));
        const auto size = static_cast<std::size_t>(get_number(head.substr(9, 4)));
        const std::size_t whole = resume_record_bytes + size + 4;
        if (end - offset < whole || !have(whole)) break;
        const std::string_view record = std::string_view{buffer}.substr(used, whole);
        const std::string_view payload = record.substr(resume_record_bytes, size);
        if (resume_checksum(payload) != get_number(record.substr(resume_record_bytes + size))) {
            if (offset + whole == end) break;
            return damaged(offset);
        }
        const bool known = (kind == 'S' && size == 8) || kind == 'D' || (kind == 'F' && size >= 2);
        if (!known) return damaged(offset);
        note(kind, index, payload, offset + resume_record_bytes);
        used += whole;
        offset += whole;
    }
    if (failed) return std::move(*failed);
    if (offset < end) return file_.truncate(offset);
    return {};
}

BLUEPRINT_FAAS_DECL void ResumeFile::note(char kind, std::uint64_t index, std::string_view payload, std::uint64_t at) {
    Item& item = items_[index];
    item.at = at;
    item.size = static_cast<std::uint32_t>(payload.size());
    if (item.fate == Fate::succeeded) --succeeded_;
    if (kind == 'S') {
        item.fate = Fate::unknown;
        item.at = 0;  // an error that an earlier attempt left is not this attempt's
        item.args_checksum = static_cast<std::uint32_t>(get_number(payload.substr(0, 4)));
        item.args_size = static_cast<std::uint32_t>(get_number(payload.substr(4, 4)));
    } else if (kind == 'D') {
        item.fate = Fate::succeeded;
        ++succeeded_;
    } else {
        const bool certain = payload[1] != 0;
        item.fate = certain ? Fate::failed : Fate::unknown;
        if (certain) ++item.failures;
    }
}

BLUEPRINT_FAAS_DECL ResumeFile::Item ResumeFile::find(std::uint64_t index) const {
    const auto found = items_.find(index);
    return found == items_.end() ? Item{} : found->second;
}

BLUEPRINT_FAAS_DECL bool ResumeFile::same_input(const Item& item, std::span<const std::uint8_t> args) noexcept {
    if (item.fate == Fate::nothing) return true;
    return item.args_size == static_cast<std::uint32_t>(args.size()) &&
           item.args_checksum == resume_checksum(text_of(args));
}

BLUEPRINT_FAAS_DECL result<Bytes> ResumeFile::stored(std::uint64_t index, const Item& item) const {
    Bytes bytes(item.size);
    auto got = file_.read_at(item.at, reinterpret_cast<char*>(bytes.data()), bytes.size());
    if (!got) return std::move(got).error();
    if (*got == bytes.size()) return bytes;
    return resume_refused(file_.path(), "the stored result of input " + std::to_string(index) + " is gone from it");
}

BLUEPRINT_FAAS_DECL Error ResumeFile::stored_error(std::uint64_t index, const Item& item) const {
    Error error{.code = errc::cancelled,
                .message = "input " + std::to_string(index) +
                           " may have run: an earlier run submitted it and ended before it knew the outcome; to run it "
                           "again anyway set MapOptions::idempotent or ResumeOptions::rerun_unknown",
                .execution = Execution::unknown};
    if (item.at == 0 || item.size < 2) return error;
    const auto payload = stored(index, item);
    if (!payload) return payload.error();
    error.code = static_cast<errc>((*payload)[0]);
    error.execution = static_cast<Execution>(std::min<std::uint8_t>((*payload)[1], 2));
    error.message = "input " + std::to_string(index) + " failed in an earlier run" +
                    (error.execution == Execution::unknown ? " and may have run" : "") + ": " +
                    std::string{text_of(*payload).substr(2)};
    return error;
}

BLUEPRINT_FAAS_DECL result<void> ResumeFile::append(char kind, std::uint64_t index, std::string_view payload) {
    if (payload.size() > std::numeric_limits<std::uint32_t>::max())
        return resume_refused(file_.path(), "a result of 4 GiB or more does not fit");
    std::string record;
    record.reserve(resume_record_bytes + payload.size() + 4);
    record += kind;
    put_number(record, index, 8);
    put_number(record, payload.size(), 4);
    put_number(record, resume_checksum(record), 4);
    record += payload;
    put_number(record, resume_checksum(payload), 4);
    const std::uint64_t at = file_.size() + resume_record_bytes;
    auto written = file_.append(record, sync_);
    if (written) note(kind, index, payload, at);
    return written;
}

BLUEPRINT_FAAS_DECL result<void> ResumeFile::started(std::uint64_t index, std::span<const std::uint8_t> args) {
    std::string payload;
    put_number(payload, resume_checksum(text_of(args)), 4);
    put_number(payload, static_cast<std::uint32_t>(args.size()), 4);
    return append('S', index, payload);
}

BLUEPRINT_FAAS_DECL result<void> ResumeFile::finished(std::uint64_t index, const result<Bytes>& outcome) {
    constexpr std::size_t most_of_message = 1000;
    if (outcome) return append('D', index, text_of(*outcome));
    const Error& error = outcome.error();
    std::string payload;
    const bool ours = error.code.category() == faas_category();
    put_number(payload, static_cast<std::uint64_t>(ours ? error.code.value() : static_cast<int>(errc::infrastructure)),
               1);
    put_number(payload, static_cast<std::uint64_t>(error.execution), 1);
    payload += std::string_view{error.message}.substr(0, most_of_message);
    return append('F', index, payload);
}

}  // namespace blueprint::faas::detail

#endif
