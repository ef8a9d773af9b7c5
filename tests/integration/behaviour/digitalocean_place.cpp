#include "../digitalocean/world.hpp"
#include "place.hpp"

namespace tests::behaviour {
namespace digitalocean_place {

// Of DigitalOcean and of OpenWhisk; `make` makes the executor.
template <auto make>
class FunctionsPlace final : public Place {
public:
    explicit FunctionsPlace(const Wish& wish) : world_{hosted(wish), own(wish)} {}

    asio::io_context& io() override { return world_.io; }
    Subject subject() override { return subject_of(make(world_)); }
    bool writes(std::string_view line) const override { return !line.starts_with("GET ") && !calls(line); }
    bool calls(std::string_view line) const override {
        return line.starts_with("POST ") && line.find("/actions/") != std::string_view::npos;
    }
    std::vector<std::string> secrets() const override {
        return {std::string{FunctionsWorld::token}, std::string{FunctionsWorld::password}, "Basic "};
    }
    void limit(faas::FaasConfig&) const override {}  // it is the namespace that has a limit

private:
    static faas::local::DigitalOceanOptions hosted(const Wish& wish) {
        faas::local::DigitalOceanOptions options;
        if (wish.one_call_at_a_time) options.functions.concurrent_calls = 1;
        return options;
    }
    static faas::local::OpenWhiskOptions own(const Wish& wish) {
        faas::local::OpenWhiskOptions options;
        if (wish.one_call_at_a_time) options.settings.concurrent_calls = 1;
        return options;
    }

    FunctionsWorld world_;
};

template <auto make>
std::unique_ptr<Place> open(const Wish& wish) {
    return std::make_unique<FunctionsPlace<make>>(wish);
}

// Beside Node.js, as DigitalOcean wants it, and by itself, as a host of one's own may: both ways are tried so.
auto hosted(FunctionsWorld& world) { return world.digitalocean(); }
auto by_itself(FunctionsWorld& world) {
    return world.openwhisk(world.openwhisk_options(faas::OpenWhiskWay::action_loop));
}

template <auto make>
inline constexpr auto can = faas::capabilities_of<decltype(make(std::declval<FunctionsWorld&>()))>();

}  // namespace digitalocean_place

constinit const Provider digitalocean{.name = "digitalocean",
                                      .can = digitalocean_place::can<&digitalocean_place::hosted>,
                                      .open = &digitalocean_place::open<&digitalocean_place::hosted>};
constinit const Provider openwhisk{.name = "openwhisk",
                                   .can = digitalocean_place::can<&digitalocean_place::by_itself>,
                                   .open = &digitalocean_place::open<&digitalocean_place::by_itself>};

}  // namespace tests::behaviour
