#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_GUNZIP_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_GUNZIP_HPP

#include "blueprint/faas/detail/crc32.hpp"

#include <boost/beast/zlib/error.hpp>
#include <boost/beast/zlib/inflate_stream.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace blueprint::faas::detail {

/// Unpacks gzip that comes in pieces of any size; members that follow one another are one stream. Holds 32 KiB.
/// Source: RFC 1952, "File format" and "Member format".
class Gunzip {
public:
    /// Unpacks `packed` and calls `out(std::string_view)` with what comes of it, until that answers false.
    /// Returns why it cannot go on; empty: all is well.
    template <class Out>
    std::string_view feed(std::string_view packed, Out&& out) {
        while (!packed.empty()) {
            if (step_ == Step::data) {
                const auto problem = inflate(packed, out);
                if (!problem.empty()) return problem;
                continue;
            }
            const auto byte = static_cast<std::uint8_t>(packed.front());
            packed.remove_prefix(1);
            const auto problem = frame(byte);
            if (!problem.empty()) return problem;
        }
        return {};
    }
    /// Tells whether the stream may end here: after whole members, or before the first byte.
    bool complete() const noexcept { return step_ == Step::header && count_ == 0; }

private:
    enum class Step { header, extra_length, extra, name, comment, header_crc, data, trailer };
    static constexpr std::uint8_t has_header_crc = 2, has_extra = 4, has_name = 8, has_comment = 16, reserved = 0xe0;

    // Goes to the next part of the header that `flags_` announces.
    void after(Step done) {
        count_ = 0;
        if (done < Step::extra_length && (flags_ & has_extra) != 0) {
            step_ = Step::extra_length;
        } else if (done < Step::name && (flags_ & has_name) != 0) {
            step_ = Step::name;
        } else if (done < Step::comment && (flags_ & has_comment) != 0) {
            step_ = Step::comment;
        } else if (done < Step::header_crc && (flags_ & has_header_crc) != 0) {
            step_ = Step::header_crc;
        } else {
            step_ = Step::data;
            crc_ = size_ = 0;
            inflate_.reset(15);
        }
    }
    std::string_view frame(std::uint8_t byte) {
        switch (step_) {
            case Step::header:
                if ((count_ == 0 && byte != 0x1f) || (count_ == 1 && byte != 0x8b)) return "it is not gzip";
                if (count_ == 2 && byte != 8) return "its gzip uses another method than deflate";
                if (count_ == 3) flags_ = byte;
                if (count_ == 3 && (byte & reserved) != 0) return "its gzip header has unknown flags";
                if (++count_ == 10) after(Step::header);
                break;
            case Step::extra_length:
                extra_ = count_ == 0 ? byte : extra_ | std::uint32_t{byte} << 8;
                if (++count_ < 2) break;
                count_ = 0;
                step_ = Step::extra;
                if (extra_ == 0) after(Step::extra);
                break;
            case Step::extra:
                if (++count_ == extra_) after(Step::extra);
                break;
            case Step::name:
            case Step::comment:
                if (byte == 0) after(step_);
                break;
            case Step::header_crc:
                if (++count_ == 2) after(Step::header_crc);
                break;
            case Step::data: break;
            case Step::trailer:
                trailer_[count_] = byte;
                if (++count_ < trailer_.size()) break;
                if (little_endian(0) != crc_) return "its gzip checksum is wrong";
                if (little_endian(4) != size_) return "its gzip length is wrong";
                count_ = 0;
                step_ = Step::header;
                break;
        }
        return {};
    }
    template <class Out>
    std::string_view inflate(std::string_view& packed, Out& out) {
        namespace zlib = boost::beast::zlib;
        for (;;) {
            zlib::z_params state;
            state.next_in = packed.data();
            state.avail_in = packed.size();
            state.next_out = window_.data();
            state.avail_out = window_.size();
            boost::system::error_code outcome;
            inflate_.write(state, zlib::Flush::none, outcome);
            const auto used = packed.size() - state.avail_in;
            const auto made = window_.size() - state.avail_out;
            remember(packed.substr(0, used));
            packed.remove_prefix(used);
            const std::span part{reinterpret_cast<const std::uint8_t*>(window_.data()), made};
            crc_ = crc32(part, crc_);
            size_ += static_cast<std::uint32_t>(made);  // modulo 2^32, as the trailer has it
            if (made != 0 && !out(std::string_view{window_.data(), made})) return "it was not wanted";
            if (outcome == zlib::error::end_of_stream)
                return end_of_data((static_cast<std::size_t>(state.data_type) & 63U) / 8);
            if (outcome && outcome != zlib::error::need_buffers) return "its gzip data are damaged";
            if (made == window_.size()) continue;  // there may be more
            return packed.empty() ? std::string_view{} : "its gzip data are damaged";
        }
    }
    // Beast takes whole bytes ahead of the code that it needs; what it took too much begins the trailer.
    std::string_view end_of_data(std::size_t taken_ahead) {
        count_ = 0;
        step_ = Step::trailer;
        for (auto at = recent_.size() - taken_ahead; at < recent_.size(); ++at) {
            const auto problem = frame(recent_[at]);
            if (!problem.empty()) return problem;
        }
        return {};
    }
    void remember(std::string_view used) {
        if (used.size() > recent_.size()) used.remove_prefix(used.size() - recent_.size());
        std::move(recent_.begin() + static_cast<std::ptrdiff_t>(used.size()), recent_.end(), recent_.begin());
        std::copy(used.begin(), used.end(), recent_.end() - static_cast<std::ptrdiff_t>(used.size()));
    }
    std::uint32_t little_endian(std::size_t at) const noexcept {
        return std::uint32_t{trailer_[at]} | std::uint32_t{trailer_[at + 1]} << 8 |
               std::uint32_t{trailer_[at + 2]} << 16 | std::uint32_t{trailer_[at + 3]} << 24;
    }

    boost::beast::zlib::inflate_stream inflate_;
    std::array<char, 16 * 1024> window_{};
    std::array<std::uint8_t, 8> trailer_{};
    std::array<std::uint8_t, 4> recent_{};  // the last bytes that went into `inflate_`
    Step step_ = Step::header;
    std::uint8_t flags_ = 0;
    std::uint32_t extra_ = 0;
    std::uint32_t count_ = 0;
    std::uint32_t crc_ = 0;
    std::uint32_t size_ = 0;
};

}  // namespace blueprint::faas::detail

#endif
