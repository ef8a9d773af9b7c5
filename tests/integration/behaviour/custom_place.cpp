#include "../custom/world.hpp"
#include "place.hpp"

namespace tests::behaviour {
namespace custom_place {

using Recording = faas::test::RecordingTransport<faas::HttpsTransport>;
using Executor = faas::custom::HttpFaasExecutor<faas::Bearer, Recording>;

class CustomPlace final : public Place {
public:
    asio::io_context& io() override { return world_.io; }
    Subject subject() override {
        return subject_of(ok(faas::custom::create(Recording{world_.transport()}, {.base_url = world_.cloud->url()},
                                                  faas::Bearer{CustomWorld::token})));
    }
    bool writes(std::string_view line) const override {
        return line.starts_with("PUT ") || line.starts_with("DELETE ");
    }
    bool calls(std::string_view line) const override { return line.ends_with("/invoke"); }
    std::vector<std::string> secrets() const override { return {std::string{CustomWorld::token.reveal()}}; }

private:
    CustomWorld world_{};
};

}  // namespace custom_place

constinit const Provider custom{
    .name = "custom",
    .can = faas::capabilities_of<custom_place::Executor>(),
    .open = [](const Wish&) -> std::unique_ptr<Place> { return std::make_unique<custom_place::CustomPlace>(); }};

}  // namespace tests::behaviour
