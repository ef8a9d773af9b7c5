#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FILE_SIZE_LIMIT_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FILE_SIZE_LIMIT_HPP

#include <csignal>
#include <cstdint>
#include <sys/resource.h>

namespace blueprint::faas::test {

/// Lets no file of this process grow beyond `bytes` while it lives: writing more fails as on a full disk.
class FileSizeLimit {
public:
    explicit FileSizeLimit(std::uint64_t bytes) : old_handler_{std::signal(SIGXFSZ, SIG_IGN)} {
        ::getrlimit(RLIMIT_FSIZE, &old_limit_);
        rlimit limit = old_limit_;
        limit.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &old_limit_);
        std::signal(SIGXFSZ, old_handler_);
    }

private:
    void (*old_handler_)(int);
    rlimit old_limit_{};
};

}  // namespace blueprint::faas::test

#endif
