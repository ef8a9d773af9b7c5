#include "../gcp/world.hpp"
#include "place.hpp"

namespace tests::behaviour {
namespace gcp_place {

// Of both of Google's; `make` makes the executor.
template <auto make>
class GooglePlace final : public Place {
public:
    explicit GooglePlace(const Wish& wish) : world_{options(wish)} {}

    asio::io_context& io() override { return world_.io; }
    Subject subject() override { return subject_of((world_.*make)({}, nullptr)); }
    bool writes(std::string_view line) const override {
        const auto has = [&](std::string_view part) { return line.find(part) != std::string_view::npos; };
        const bool reads = line.starts_with("GET ") || has(":testIamPermissions");
        return !reads && (has(" /v2/") || has("/storage/v1/"));
    }
    bool calls(std::string_view line) const override { return line == "POST /"; }
    std::vector<std::string> secrets() const override {
        return {"PRIVATE KEY", "eyJ"};  // of keys, and how every JWT begins
    }

private:
    static faas::local::GcpOptions options(const Wish& wish) {
        faas::local::GcpOptions options;
        if (wish.one_call_at_a_time) options.queue_time = std::chrono::milliseconds{50};
        return options;
    }

    GcpWorld world_;
};

template <auto make>
std::unique_ptr<Place> open(const Wish& wish) {
    return std::make_unique<GooglePlace<make>>(wish);
}

}  // namespace gcp_place

constinit const Provider cloud_run{.name = "cloud run",
                                   .can = faas::capabilities_of<RunExecutor>(),
                                   .open = &gcp_place::open<&GcpWorld::run_executor>};
constinit const Provider cloud_functions{.name = "cloud functions",
                                         .can = faas::capabilities_of<FunctionExecutor>(),
                                         .open = &gcp_place::open<&GcpWorld::function_executor>};

}  // namespace tests::behaviour
