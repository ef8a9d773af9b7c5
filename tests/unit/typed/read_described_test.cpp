#include "blueprint/faas/detail/read_described.hpp"

#include "blueprint/faas/payload_json.hpp"
#include "blueprint/faas/typed_job.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shop {

enum class Size { small, large };
BOOST_DESCRIBE_ENUM(Size, small, large)

struct Item {
    std::string name{};
    double price = 0;
    std::optional<std::uint8_t> count{};
};
BOOST_DESCRIBE_STRUCT(Item, (), (name, price, count))

struct Order {
    std::uint32_t number = 0;
    std::int8_t shelf = 0;
    bool paid = false;
    std::vector<Item> items{};
    std::map<std::string, int> stock{};
    std::optional<Item> gift{};
    Size size = Size::small;
};
BOOST_DESCRIBE_STRUCT(Order, (), (number, shelf, paid, items, stock, gift, size))

struct Express : Order {
    std::uint64_t deadline = 0;
};
BOOST_DESCRIBE_STRUCT(Express, (Order), (deadline))

struct Total {
    double sum = 0;
};
BOOST_DESCRIBE_STRUCT(Total, (), (sum))

Total total(const Order& order) {
    Total out;
    for (const auto& item : order.items) out.sum += item.price * item.count.value_or(1);
    return out;
}
std::vector<Item> doubled(std::uint8_t /*factor*/, std::vector<Item> items) {
    for (auto& item : items) item.price *= 2;
    return items;
}

}  // namespace shop

namespace read_described_test {

namespace {

using namespace blueprint::faas;
using detail::read_described;
using detail::write_described;

const std::string good = R"({"number":4294967295,"shelf":-128,"paid":true,"items":[{"name":"nut","price":1.5},)"
                         R"({"name":"bolt","price":2,"count":3}],"stock":{"a":1},"gift":null,"size":"large","new":{}})";

std::string refusal(std::string_view text) {
    const auto read = read_described<shop::Order>(boost::json::parse(text));
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code == errc::serialization);
    return read.error().message;
}

std::string with(std::string_view from, std::string_view to) {
    auto text = good;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

template <class J>
result<Bytes> run(Bytes args) {
    asio::io_context io;
    result<Bytes> out = Error{.message = "never ended"};
    asio::co_spawn(io, J::run(JobCall{.job_id = J::id, .args = std::move(args)}),
                   [&](std::exception_ptr, result<Bytes> outcome) { out = std::move(outcome); });
    io.run();
    return out;
}

}  // namespace

TEST_CASE("described: nested structs, vectors, maps, optionals and names are read; unknown members pass") {
    const auto order = read_described<shop::Order>(boost::json::parse(good));
    REQUIRE(order.has_value());
    CHECK(order->number == 4294967295U);
    CHECK(order->shelf == -128);
    CHECK(order->paid);
    REQUIRE(order->items.size() == 2);
    CHECK(order->items[0].name == "nut");
    CHECK_FALSE(order->items[0].count.has_value());
    CHECK(order->items[1].price == 2.0);
    CHECK((order->items[1].count == std::uint8_t{3}));
    CHECK(order->stock.at("a") == 1);
    CHECK_FALSE(order->gift.has_value());
    CHECK(order->size == shop::Size::large);
}

TEST_CASE("described: an error names the path and says what is wrong") {
    const std::vector<std::pair<std::string, std::string_view>> table{
        {"[]", "$ is not an object"},
        {"{}", "$.number is missing"},
        {with("4294967295", "4294967296"), "$.number is out of range"},
        {with("4294967295", "-1"), "$.number is out of range"},
        {with("4294967295", "18446744073709551615"), "$.number is out of range"},
        {with("4294967295", "1.0"), "$.number is not an integer"},
        {with("4294967295", "\"1\""), "$.number is not an integer"},
        {with("4294967295", "null"), "$.number is not an integer"},
        {with("-128", "-129"), "$.shelf is out of range"},
        {with("true", "1"), "$.paid is not true or false"},
        {with("\"price\":2,", ""), "$.items[1].price is missing"},
        {with("\"price\":2,", "\"price\":\"2\","), "$.items[1].price is not a number"},
        {with("\"count\":3", "\"count\":256"), "$.items[1].count is out of range"},
        {with("\"nut\"", "7"), "$.items[0].name is not a string"},
        {with("{\"a\":1}", "[]"), "$.stock is not an object"},
        {with("{\"a\":1}", "{\"a\":\"x\"}"), "$.stock[...] is not an integer"},
        {with("\"gift\":null", "\"gift\":{\"name\":\"x\"}"), "$.gift.price is missing"},
        {with("\"large\"", "\"huge\""), "$.size is none of the known names"},
        {with("\"large\"", "1"), "$.size is not a string"},
    };
    for (const auto& [text, message] : table) {
        CAPTURE(text);
        CHECK(refusal(text) == message);
    }
    const auto named = read_described<shop::Total>(boost::json::object{}, "answer");
    REQUIRE_FALSE(named.has_value());
    CHECK(named.error().message == "answer.sum is missing");
}

TEST_CASE("described: what is written is read back, and empty optionals are left out") {
    shop::Express order;
    order.deadline = std::numeric_limits<std::uint64_t>::max();
    order.number = 7;
    order.items = {{.name = "n\"ut", .price = 0.1, .count = std::uint8_t{9}}};
    order.stock = {{"b", -2}};
    order.size = shop::Size::large;
    const auto json = write_described(order);
    CHECK_FALSE(json.as_object().contains("gift"));
    CHECK(boost::json::serialize(json.at("items")) == R"([{"name":"n\"ut","price":1E-1,"count":9}])");
    const auto back = read_described<shop::Express>(boost::json::parse(boost::json::serialize(json)));
    REQUIRE(back.has_value());
    CHECK(back->deadline == order.deadline);
    CHECK(back->number == 7);
    CHECK(back->items.at(0).price == 0.1);
    CHECK(back->stock == order.stock);
    CHECK(back->size == shop::Size::large);
    CHECK(write_described(std::numeric_limits<double>::infinity()).is_null());
}

TEST_CASE("typed: a job takes and gives described structs as JSON text") {
    using Total = Job<0, &shop::total>;
    const auto sum = run<Total>(bytes(good));
    REQUIRE(sum.has_value());
    const auto json = boost::json::parse(std::string{sum->begin(), sum->end()});
    CHECK(json.at("sum").as_double() == 7.5);
    const auto broken = run<Total>(bytes("{\"number\":"));
    REQUIRE_FALSE(broken.has_value());
    CHECK(broken.error().code == errc::serialization);
    CHECK(broken.error().message == "argument 1 of job 0: it is no JSON text: incomplete JSON");
    const auto wrong = run<Total>(bytes(with("4294967295", "true")));
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().message == "argument 1 of job 0: $.number is not an integer");
    using Doubled = Job<1, &shop::doubled>;
    const auto twice = run<Doubled>(bytes("\1[{\"name\":\"x\",\"price\":4}]"));
    REQUIRE(twice.has_value());
    const auto items = payload_traits<std::vector<shop::Item>>::decode(*twice);
    REQUIRE(items.has_value());
    REQUIRE(items->size() == 1);
    CHECK(items->front().price == 8.0);
}

}  // namespace read_described_test
