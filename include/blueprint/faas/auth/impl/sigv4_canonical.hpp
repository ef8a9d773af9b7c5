#ifndef BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_CANONICAL_HPP
#define BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_CANONICAL_HPP

#include "blueprint/faas/auth/impl/sigv4_text.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail::sigv4 {

// Brings queries into the form that is signed. Keeps its memory for the next one; what it returns lives until then.
class CanonicalQuery {
public:
    std::string_view of(std::string_view query) {
        if (query.empty()) return {};
        Writer out{text_.room(query.size() * 4 + 1)};
        parameters_.clear();
        for_each_parameter(query, [&](std::string_view parameter) {
            const auto name = parameter.substr(0, parameter.find('='));
            const auto begin = out.size();
            put_query_part(out, name);
            const auto name_size = out.size() - begin;
            out.put('=');
            if (name.size() < parameter.size()) put_query_part(out, parameter.substr(name.size() + 1));
            parameters_.push_back({out.text(begin), name_size});
        });
        if (parameters_.size() < 2) return out.text();
        // By name first, because "a=" sorts behind "a-b=" as a text.
        std::sort(parameters_.begin(), parameters_.end(), [](const Parameter& a, const Parameter& b) {
            const auto order = a.text.substr(0, a.name_size).compare(b.text.substr(0, b.name_size));
            return order != 0 ? order < 0 : a.text.substr(a.name_size) < b.text.substr(b.name_size);
        });
        Writer sorted{sorted_.room(out.size() + parameters_.size())};
        for (const auto& parameter : parameters_) {
            if (sorted.size() != 0) sorted.put('&');
            sorted.put(parameter.text);
        }
        return sorted.text();
    }

private:
    struct Parameter {
        std::string_view text{};
        std::size_t name_size = 0;
    };

    Buffer text_{};
    Buffer sorted_{};
    std::vector<Parameter> parameters_{};
};

// Builds what is signed of a request: fields are added, then the text is made. Keeps its memory for the next one; what
// it returns lives until then.
class CanonicalRequest {
public:
    // Begins anew, with room for names of that many characters.
    void begin(std::size_t name_bytes) {
        names_at_ = names_.room(name_bytes);
        used_ = 0;
    }
    void begin(std::span<const aws::SignedField> fields) {
        std::size_t name_bytes = 0;
        for (const auto& field : fields) name_bytes += field.name.size();
        begin(name_bytes);
        for (const auto& field : fields) add(lower(field.name), field.value);
    }
    // Returns the name in lower case.
    std::string_view lower(std::string_view name) noexcept {
        Writer out{names_at_};
        put_lower(out, name);
        names_at_ = out.at();
        return out.text();
    }
    // Adds a field. Those of one name are added in their order, with names that `lower` made.
    void add(std::string_view lower_name, std::string_view value) {
        if (used_ == fields_.size()) fields_.resize(used_ * 2 + 8);
        auto& field = fields_[used_++];
        field.name = lower_name;
        field.value = value;
        field.begin = 0;
        // So that numbers compare as texts do, the first character is the highest byte.
        if (lower_name.size() >= 8 && std::endian::native == std::endian::little) {
            std::memcpy(&field.begin, lower_name.data(), 8);
            field.begin = __builtin_bswap64(field.begin);
            return;
        }
        for (std::size_t i = 0; i < std::min<std::size_t>(lower_name.size(), 8); ++i)
            field.begin |= std::uint64_t{static_cast<std::uint8_t>(lower_name[i])} << (56 - 8 * i);
    }

    // The names of the fields: "host;x-amz-date". To be called before `text`.
    std::string_view signed_headers() {
        sort();
        std::size_t room = 1;
        for (std::size_t i = 0; i < used_; ++i) room += fields_[i].name.size() + 1;
        Writer out{text_.room(room)};
        put_names(out);
        return out.text();
    }

    // Makes the text, of a path and a query in the form that is signed.
    void make(std::string_view method, std::string_view uri, std::string_view query, std::string_view payload_hash) {
        sort();
        std::size_t room = method.size() + uri.size() + query.size() + payload_hash.size() + 8;
        for (std::size_t i = 0; i < used_; ++i) room += fields_[i].name.size() * 2 + fields_[i].value.size() + 4;
        Writer out{text_.room(room)};
        out.put(method);
        out.put('\n');
        out.put(uri);
        out.put('\n');
        out.put(query);
        out.put('\n');
        for (std::size_t i = 0; i < used_; ++i) {
            if (i != 0 && same_name(i, i - 1)) {
                out.shrink(out.size() - 1);
                out.put(',');
            } else {
                out.put(fields_[i].name);
                out.put(':');
            }
            fields_[i].value_at = out.size();
            put_value(out, fields_[i].value);
            out.put('\n');
        }
        out.put('\n');
        const auto names = out.size();
        put_names(out);
        made_names_ = out.text(names);
        out.put('\n');
        out.put(payload_hash);
        made_ = out.text();
    }
    std::string_view text() const noexcept { return made_; }
    // The names in that text.
    std::string_view names_in_text() const noexcept { return made_names_; }
    // Where the value of a field that it has begins in that text.
    std::size_t value_at(std::string_view lower_name) const noexcept {
        std::size_t i = 0;
        while (fields_[i].name != lower_name) ++i;
        return fields_[i].value_at;
    }
    // Puts something else of the same length into the text.
    void overwrite(std::size_t at, std::string_view value) noexcept { value.copy(text_.data() + at, value.size()); }

private:
    struct Field {
        std::uint64_t begin = 0;  // of the name, so that most comparisons are one of numbers
        std::string_view name{};
        std::string_view value{};
        std::size_t value_at = 0;  // in the text
    };

    void sort() {
        // Those of one name stay in their order: their names were written in it.
        std::sort(fields_.data(), fields_.data() + used_, [](const Field& a, const Field& b) {
            if (a.begin != b.begin) return a.begin < b.begin;
            const auto order = a.name.compare(b.name);
            return order != 0 ? order < 0 : std::less<const char*>{}(a.name.data(), b.name.data());
        });
    }
    bool same_name(std::size_t a, std::size_t b) const noexcept {
        return fields_[a].begin == fields_[b].begin && fields_[a].name == fields_[b].name;
    }
    void put_names(Writer& out) const noexcept {
        for (std::size_t i = 0; i < used_; ++i) {
            if (i != 0 && same_name(i, i - 1)) continue;
            if (i != 0) out.put(';');
            out.put(fields_[i].name);
        }
    }

    Buffer text_{};
    Buffer names_{};
    char* names_at_ = nullptr;
    std::vector<Field> fields_{};
    std::size_t used_ = 0;
    std::string_view made_{};
    std::string_view made_names_{};
};

}  // namespace blueprint::faas::detail::sigv4

#endif
