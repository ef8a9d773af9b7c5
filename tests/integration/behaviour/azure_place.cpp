#include "../azure/world.hpp"
#include "place.hpp"

#include <atomic>

namespace tests::behaviour {
namespace azure_place {

// Azure does not refuse calls by their number before there are a thousand: a place of one call at a time takes one, and
// answers as a host does that has too many.
class AzurePlace final : public Place {
public:
    explicit AzurePlace(const Wish& wish) : limited_{wish.one_call_at_a_time} {}

    asio::io_context& io() override { return world_.io; }
    Subject subject() override { return subject_of(world_.executor()); }
    bool writes(std::string_view line) const override {
        const auto has = [&](std::string_view part) { return line.find(part) != std::string_view::npos; };
        const bool reads = line.starts_with("GET ") || line.starts_with("HEAD ") || has("/list?") ||
                           has("/listkeys?") || has("/listKeys?") || has("/checkNameAvailability");
        return !reads && !calls(line);
    }
    bool calls(std::string_view line) const override { return line == "POST /api/run"; }
    std::vector<std::string> secrets() const override {
        return {std::string{AzureWorld::secret}, "AccountKey=", "sig=", "eyJ"};
    }
    void limit(faas::FaasConfig&) const override {}
    void relieve() override { limited_ = false; }

private:
    faas::local::AzureOptions options() {
        faas::local::AzureOptions options;
        options.fault = [this](const faas::local::ServerRequest& head) -> std::optional<faas::local::ServerAnswer> {
            const bool called = head.method == "POST" && head.target == "/api/run" && head.field("X-Blueprint-Job-Id");
            if (!called || !limited_ || taken_++ == 0) return std::nullopt;
            faas::local::ServerAnswer refusal;
            refusal.status = 429;
            refusal.content_type = "text/plain";
            return refusal;
        };
        return options;
    }

    bool limited_;
    int taken_ = 0;
    AzureWorld world_{options()};
};

}  // namespace azure_place

constinit const Provider azure{
    .name = "azure",
    .can = faas::capabilities_of<AppExecutor>(),
    .open = [](const Wish& wish) -> std::unique_ptr<Place> { return std::make_unique<azure_place::AzurePlace>(wish); }};

}  // namespace tests::behaviour
