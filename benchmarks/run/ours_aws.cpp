// The library as a user has it: nothing is set but where Lambda is and which authority to trust.
#include "blueprint/faas/provider/aws.hpp"
#include "ours.hpp"

#include <cstdlib>

namespace bench {

namespace {

template <bool Metered>
std::unique_ptr<Client> make(const Setting& setting) {
    // Where AWS's own tools look first.
    ::setenv("AWS_ACCESS_KEY_ID", access_key_id, 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", secret_access_key, 1);
    ::unsetenv("AWS_SESSION_TOKEN");
    for (const char* const file : {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"}) ::setenv(file, "/dev/null", 1);
    faas::aws::Options options;
    options.lambda.region = region;
    options.lambda.log_tail = setting.log_tail;
    options.lambda.endpoint = (setting.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(setting.port);
    if (!setting.tls)
        return make_ours<Metered>(setting, [&](auto executor) { return faas::aws::create_local(executor, options); });
    options.tls.system_roots = false;
    options.tls.extra_roots = setting.authority;
    return make_ours<Metered>(setting, [&](auto executor) { return faas::aws::create(executor, options); });
}

}  // namespace

std::unique_ptr<Client> make_aws(const Setting& setting) { return make<false>(setting); }
std::unique_ptr<Client> make_aws_metered(const Setting& setting) { return make<true>(setting); }

}  // namespace bench
