#include "../aws/world.hpp"
#include "place.hpp"

namespace tests::behaviour {
namespace aws_place {

class AwsPlace final : public Place {
public:
    asio::io_context& io() override { return world_.io; }
    Subject subject() override { return subject_of(world_.executor()); }
    bool writes(std::string_view line) const override {
        return !line.starts_with("GET ") && !line.starts_with("HEAD ") && !calls(line);
    }
    bool calls(std::string_view line) const override { return line.find("/invocations") != std::string_view::npos; }
    std::vector<std::string> secrets() const override { return {std::string{LambdaWorld::secret_key.reveal()}}; }

private:
    LambdaWorld world_{{.settle = std::chrono::milliseconds{30}}};
};

}  // namespace aws_place

constinit const Provider aws{
    .name = "aws", .can = faas::capabilities_of<LambdaExecutor>(), .open = [](const Wish&) -> std::unique_ptr<Place> {
        return std::make_unique<aws_place::AwsPlace>();
    }};

}  // namespace tests::behaviour
