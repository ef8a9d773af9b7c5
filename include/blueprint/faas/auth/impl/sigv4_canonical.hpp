#ifndef BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_CANONICAL_HPP
#define BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_CANONICAL_HPP

#include "blueprint/faas/auth/impl/sigv4_text.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
// it returns lives until then. A request with the same names needs no fields added again: their values are put in place
// in the text, or set and the text made anew.
class CanonicalRequest {
public:
    // Begins anew, with room for names of that many characters.
    void begin(std::size_t name_bytes) {
        names_at_ = names_.room(name_bytes);
        used_ = 0;
        sorted_ = false;
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
    // Adds a field, and returns its number. Those of one name are added in their order, with names that `lower` made.
    std::size_t add(std::string_view lower_name, std::string_view value) {
        if (used_ == fields_.size()) {
            fields_.resize(used_ * 2 + 8);
            places_.resize(fields_.size());
        }
        const auto number = used_++;
        auto& field = fields_[number];
        field.name = lower_name;
        field.value = value;
        field.number = number;
        field.begin = 0;
        // So that numbers compare as texts do, the first character is the highest byte.
        if (lower_name.size() >= 8 && std::endian::native == std::endian::little) {
            std::memcpy(&field.begin, lower_name.data(), 8);
            field.begin = __builtin_bswap64(field.begin);
            return number;
        }
        for (std::size_t i = 0; i < std::min<std::size_t>(lower_name.size(), 8); ++i)
            field.begin |= std::uint64_t{static_cast<std::uint8_t>(lower_name[i])} << (56 - 8 * i);
        return number;
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
            fields_[i].value_size = out.size() - fields_[i].value_at;
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
    // Where the value of a field begins in that text.
    std::size_t value_at(std::size_t number) const noexcept { return fields_[places_[number]].value_at; }
    // The value of a field as it stands in that text.
    std::string_view value_in_text(std::size_t number) const noexcept {
        const auto& field = fields_[places_[number]];
        return made_.substr(field.value_at, field.value_size);
    }
    // Puts another value of a field into the text. False if it has not the size of the one before there: then the text
    // has to be made anew.
    bool put_in_place(std::size_t number, std::string_view value) noexcept {
        const auto& field = fields_[places_[number]];
        if (value.size() != field.value_size) return false;
        Writer out{text_.data() + field.value_at};
        put_value(out, value);
        return out.size() == field.value_size;
    }
    // Says what a field's value is when the text is made the next time. All have to be said: views are kept.
    void set(std::size_t number, std::string_view value) noexcept { fields_[places_[number]].value = value; }
    // Puts something else of the same length into the text.
    void overwrite(std::size_t at, std::string_view value) noexcept { value.copy(text_.data() + at, value.size()); }

private:
    struct Field {
        std::uint64_t begin = 0;  // of the name, so that most comparisons are one of numbers
        std::string_view name{};
        std::string_view value{};
        std::size_t value_at = 0;  // in the text, and how long it is there
        std::size_t value_size = 0;
        std::size_t number = 0;  // in the order in which they were added
    };

    void sort() {
        if (sorted_) return;
        // Those of one name stay in their order.
        std::sort(fields_.data(), fields_.data() + used_, [](const Field& a, const Field& b) {
            if (a.begin != b.begin) return a.begin < b.begin;
            const auto order = a.name.compare(b.name);
            return order != 0 ? order < 0 : a.number < b.number;
        });
        for (std::size_t i = 0; i < used_; ++i) places_[fields_[i].number] = i;
        sorted_ = true;
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
    std::vector<std::size_t> places_{};  // of each number among the sorted fields
    std::size_t used_ = 0;
    bool sorted_ = false;
    std::string_view made_{};
    std::string_view made_names_{};
};

}  // namespace blueprint::faas::detail::sigv4

#endif
