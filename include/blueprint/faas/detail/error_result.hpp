#ifndef BLUEPRINT_FAAS_DETAIL_ERROR_RESULT_HPP
#define BLUEPRINT_FAAS_DETAIL_ERROR_RESULT_HPP

// Boost's `result` for our `Error`, with Boost's interface. Boost builds each one on a variant, of which a program has
// some forty: an eighth of all functions that a compiler saw. And what copies, moves and destroys an `Error`, which has
// many members, stands here once instead of wherever a result goes out of scope.

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/assert.hpp>
#include <boost/assert/source_location.hpp>

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace blueprint::faas::detail {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void copy_error(Error* to, const Error& from);
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void move_error(Error* to, Error& from) noexcept;
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void drop_error(Error& error) noexcept;
[[noreturn]] BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void throw_error(const Error& error,
                                                                      const boost::source_location& where);

// Makes an error of what it can be made of.
template <class A>
void make_error(Error* to, A&& from) {
    if constexpr (std::is_same_v<A, Error>)
        move_error(to, from);
    else if constexpr (std::is_same_v<std::remove_cvref_t<A>, Error>)
        copy_error(to, from);
    else
        ::new (to) Error(std::forward<A>(from));
}

template <class T, class A>
concept MakesError = !std::is_constructible_v<T, A> && std::is_constructible_v<Error, A>;
template <class T, class... A>
concept MakesValue = std::is_constructible_v<T, A...> && !std::is_constructible_v<Error, A...>;

// Boost's own tags, `boost::system::in_place_value` and `in_place_error`, whose header need not be there.
using InPlaceValue = boost::variant2::in_place_index_t<0>;
using InPlaceError = boost::variant2::in_place_index_t<1>;
struct AsValue {};
struct AsError {};

}  // namespace blueprint::faas::detail

template <class T>
    requires(!std::is_reference_v<T>)
class boost::system::result<T, blueprint::faas::Error> {
    using Error = blueprint::faas::Error;

public:
    using value_type = T;
    using error_type = Error;

    result() noexcept(std::is_nothrow_default_constructible_v<T>)
        requires std::is_default_constructible_v<T>
        : value_(), good_{true} {}
    template <class A = T>
        requires blueprint::faas::detail::MakesValue<T, A>
    explicit(!std::is_convertible_v<A, T>) result(A&& value) noexcept(std::is_nothrow_constructible_v<T, A>)
        : value_(std::forward<A>(value)), good_{true} {}
    template <class A = Error>
        requires blueprint::faas::detail::MakesError<T, A>
    explicit(!std::is_convertible_v<A, Error>) result(A&& error) : good_{false} {
        blueprint::faas::detail::make_error(&error_, std::forward<A>(error));
    }
    template <class... A>
        requires(sizeof...(A) > 1 && blueprint::faas::detail::MakesValue<T, A...>)
    explicit result(A&&... arguments) noexcept(std::is_nothrow_constructible_v<T, A...>)
        : value_(std::forward<A>(arguments)...), good_{true} {}
    template <class... A>
        requires std::is_constructible_v<T, A...>
    result(const blueprint::faas::detail::InPlaceValue&,
           A&&... arguments) noexcept(std::is_nothrow_constructible_v<T, A...>)
        : result(blueprint::faas::detail::AsValue{}, std::forward<A>(arguments)...) {}
    template <class... A>
        requires std::is_constructible_v<Error, A...>
    result(const blueprint::faas::detail::InPlaceError&, A&&... arguments)
        : error_(std::forward<A>(arguments)...), good_{false} {}
    template <class U>
        requires(!std::is_same_v<T, U> && std::is_convertible_v<U, T>)
    result(const result<U, Error>& other) : good_{other.good_} {
        if (good_)
            ::new (&value_) T(*other);
        else
            blueprint::faas::detail::copy_error(&error_, other.error_);
    }
    template <class U>
        requires(!std::is_same_v<T, U> && std::is_convertible_v<U, T>)
    result(result<U, Error>&& other) : good_{other.good_} {
        if (good_)
            ::new (&value_) T(std::move(other.value_));
        else
            blueprint::faas::detail::move_error(&error_, other.error_);
    }

    result(const result& other)
        requires std::is_copy_constructible_v<T>
        : good_{other.good_} {
        if (good_)
            ::new (&value_) T(other.value_);
        else
            blueprint::faas::detail::copy_error(&error_, other.error_);
    }
    result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : good_{other.good_} {
        if (good_)
            ::new (&value_) T(std::move(other.value_));
        else
            blueprint::faas::detail::move_error(&error_, other.error_);
    }
    result& operator=(const result& other)
        requires std::is_copy_constructible_v<T>
    {
        if (this != &other) *this = result(other);
        return *this;
    }
    result& operator=(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
        if (this == &other) return *this;
        std::destroy_at(this);
        if constexpr (std::is_nothrow_move_constructible_v<T>) {
            ::new (this) result(std::move(other));
        } else {
            ::new (this) result(blueprint::faas::detail::AsError{});  // which stays if the move throws
            if (other.good_)
                emplace(std::move(other.value_));
            else
                std::swap(error_, other.error_);
        }
        return *this;
    }
    ~result() {
        if (good_)
            value_.~T();
        else
            blueprint::faas::detail::drop_error(error_);
    }

    bool has_value() const noexcept { return good_; }
    bool has_error() const noexcept { return !good_; }
    explicit operator bool() const noexcept { return good_; }

    T& value(const boost::source_location& where = BOOST_CURRENT_LOCATION) & {
        if (!good_) blueprint::faas::detail::throw_error(error_, where);
        return value_;
    }
    const T& value(const boost::source_location& where = BOOST_CURRENT_LOCATION) const& {
        if (!good_) blueprint::faas::detail::throw_error(error_, where);
        return value_;
    }
    T value(const boost::source_location& where = BOOST_CURRENT_LOCATION) && {
        if (!good_) blueprint::faas::detail::throw_error(error_, where);
        return std::move(value_);
    }
    T value() const&& = delete;

    T* operator->() noexcept { return good_ ? &value_ : nullptr; }
    const T* operator->() const noexcept { return good_ ? &value_ : nullptr; }
    T& operator*() & noexcept {
        BOOST_ASSERT(good_);
        return value_;
    }
    const T& operator*() const& noexcept {
        BOOST_ASSERT(good_);
        return value_;
    }
    T operator*() && noexcept(std::is_nothrow_move_constructible_v<T>) {
        BOOST_ASSERT(good_);
        return std::move(value_);
    }
    T operator*() const&& = delete;
    // What newer releases of Boost call the same; their operators over results use it.
    T& unsafe_value() & noexcept { return **this; }
    const T& unsafe_value() const& noexcept { return **this; }
    T unsafe_value() && noexcept(std::is_nothrow_move_constructible_v<T>) { return *std::move(*this); }
    T unsafe_value() const&& = delete;

    Error error() const& { return good_ ? Error{} : error_; }
    Error error() && { return good_ ? Error{} : std::move(error_); }

    template <class... A>
    T& emplace(A&&... arguments) {
        if constexpr (std::is_nothrow_constructible_v<T, A...>) {
            std::destroy_at(this);
            ::new (this) result(blueprint::faas::detail::AsValue{}, std::forward<A>(arguments)...);
        } else {
            result made(blueprint::faas::detail::AsValue{}, std::forward<A>(arguments)...);
            std::destroy_at(this);
            ::new (this) result(std::move(made));
        }
        return value_;
    }
    void swap(result& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
        result kept = std::move(other);
        other = std::move(*this);
        *this = std::move(kept);
    }
    friend void swap(result& a, result& b) noexcept(std::is_nothrow_move_constructible_v<T>) { a.swap(b); }

private:
    template <class... A>
    explicit result(blueprint::faas::detail::AsValue,
                    A&&... arguments) noexcept(std::is_nothrow_constructible_v<T, A...>)
        : value_(std::forward<A>(arguments)...), good_{true} {}
    explicit result(blueprint::faas::detail::AsError) noexcept : error_(), good_{false} {}

    template <class U, class E>
    friend class result;

    union {
        T value_;
        Error error_;
    };
    bool good_;
};

template <>
class boost::system::result<void, blueprint::faas::Error> {
    using Error = blueprint::faas::Error;

public:
    using value_type = void;
    using error_type = Error;

    result() noexcept : nothing_{}, good_{true} {}
    template <class A>
        requires std::is_constructible_v<Error, A>
    explicit(!std::is_convertible_v<A, Error>) result(A&& error) : good_{false} {
        blueprint::faas::detail::make_error(&error_, std::forward<A>(error));
    }
    template <class... A>
        requires(sizeof...(A) > 1 && std::is_constructible_v<Error, A...>)
    result(A&&... arguments) : error_(std::forward<A>(arguments)...), good_{false} {}
    result(const blueprint::faas::detail::InPlaceValue&) noexcept : nothing_{}, good_{true} {}
    template <class... A>
        requires std::is_constructible_v<Error, A...>
    result(const blueprint::faas::detail::InPlaceError&, A&&... arguments)
        : error_(std::forward<A>(arguments)...), good_{false} {}

    result(const result& other) : nothing_{}, good_{other.good_} {
        if (!good_) blueprint::faas::detail::copy_error(&error_, other.error_);
    }
    result(result&& other) noexcept : nothing_{}, good_{other.good_} {
        if (!good_) blueprint::faas::detail::move_error(&error_, other.error_);
    }
    result& operator=(const result& other) {
        if (this != &other) *this = result(other);
        return *this;
    }
    result& operator=(result&& other) noexcept {
        if (this == &other) return *this;
        std::destroy_at(this);
        ::new (this) result(std::move(other));
        return *this;
    }
    ~result() {
        if (!good_) blueprint::faas::detail::drop_error(error_);
    }

    bool has_value() const noexcept { return good_; }
    bool has_error() const noexcept { return !good_; }
    explicit operator bool() const noexcept { return good_; }
    void value(const boost::source_location& where = BOOST_CURRENT_LOCATION) const {
        if (!good_) blueprint::faas::detail::throw_error(error_, where);
    }
    void* operator->() noexcept { return good_ ? this : nullptr; }
    const void* operator->() const noexcept { return good_ ? this : nullptr; }
    void operator*() const noexcept { BOOST_ASSERT(good_); }
    void unsafe_value() const noexcept { BOOST_ASSERT(good_); }
    Error error() const& { return good_ ? Error{} : error_; }
    Error error() && { return good_ ? Error{} : std::move(error_); }
    void emplace() noexcept { *this = result(); }
    void swap(result& other) noexcept {
        result kept = std::move(other);
        other = std::move(*this);
        *this = std::move(kept);
    }
    friend void swap(result& a, result& b) noexcept { a.swap(b); }

private:
    union {
        char nothing_;
        Error error_;
    };
    bool good_;
};

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/error_result.ipp"
#endif

#endif
