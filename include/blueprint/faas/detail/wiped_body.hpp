#ifndef BLUEPRINT_FAAS_DETAIL_WIPED_BODY_HPP
#define BLUEPRINT_FAAS_DETAIL_WIPED_BODY_HPP

#include "blueprint/faas/http.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/secret.hpp"

#include <memory>

namespace blueprint::faas::detail {

/// A request body that is wiped when the last request which sends it goes.
class WipedBody {
public:
    WipedBody() : bytes_{new Bytes, wipe_and_delete} {}
    Bytes& bytes() noexcept { return *bytes_; }
    Body body() const { return Body{std::shared_ptr<const Bytes>{bytes_}}; }

private:
    static void wipe_and_delete(Bytes* bytes) noexcept {
        wipe(bytes->data(), bytes->size());
        delete bytes;
    }
    std::shared_ptr<Bytes> bytes_;
};

}  // namespace blueprint::faas::detail

#endif
