#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_DESCENDANTS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_PROCESS_DESCENDANTS_IPP

#include "blueprint/faas/local/impl/process_start.ipp"
#include "blueprint/faas/local/process.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <string_view>
#include <sys/syscall.h>
#include <unistd.h>

namespace blueprint::faas::local {

/// Tells whether `mark` is the whole value of HOME or TMPDIR in the environment that process `pid` was born with.
inline bool carries_mark(long pid, std::string_view mark) {
    char path[48];
    std::snprintf(path, sizeof path, "/proc/%ld/environ", pid);
    const OwnedFd file{::open(path, O_RDONLY | O_CLOEXEC)};
    if (file.get() < 0) return false;  // gone, or another user's
    std::string text;
    char chunk[8192];
    for (ssize_t size = 0; text.size() < (1U << 20) && (size = ::read(file.get(), chunk, sizeof chunk)) > 0;)
        text.append(chunk, static_cast<std::size_t>(size));
    bool found = false;
    for (std::size_t at = 0; at < text.size() && !found;) {
        const auto end = std::min(text.find('\0', at), text.size());
        const auto variable = std::string_view{text}.substr(at, end - at);
        for (const std::string_view name : {"HOME=", "TMPDIR="})
            found |= variable.size() == name.size() + mark.size() && variable.substr(0, name.size()) == name &&
                     variable.substr(name.size()) == mark;
        at = end + 1;
    }
    faas::detail::wipe(text);  // there may be secrets in it
    return found;
}

/// Kills process `pid` if it carries the mark. What is looked at and what is killed is the same process, whoever may
/// get its number meanwhile.
inline bool kill_marked(long pid, std::string_view mark) {
    if (!carries_mark(pid, mark)) return false;
    const OwnedFd process{static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0U))};
    if (process.get() < 0 || !carries_mark(pid, mark)) return false;
    return ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0U) == 0;
}

/// The number that the system gave to a process last; 0 if it does not tell.
inline long newest_pid() noexcept {
    const OwnedFd file{::open("/proc/loadavg", O_RDONLY | O_CLOEXEC)};
    char text[128];
    const auto size = file.get() < 0 ? 0 : ::read(file.get(), text, sizeof text);
    std::string_view line{text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
    line.remove_prefix(std::min(line.rfind(' ') + 1, line.size()));  // 0 if there is none
    long newest = 0;
    std::from_chars(line.data(), line.data() + line.size(), newest);
    return newest;
}

/// Kills the marked among the processes younger than `pid`. Returns how many there were.
inline std::size_t kill_marked_since(long pid, std::string_view mark) {
    const long newest = newest_pid();
    if (newest == pid) return 0;  // nobody was born after it: the most frequent case costs one read
    std::size_t killed = 0;
    constexpr long few = 64;
    if (newest > pid && newest - pid <= few) {
        for (long other = pid + 1; other <= newest; ++other) killed += kill_marked(other, mark) ? 1U : 0U;
        return killed;
    }
    DIR* const all = ::opendir("/proc");
    if (all == nullptr) return 0;
    while (const dirent* entry = ::readdir(all)) {
        const std::string_view name = entry->d_name;
        long other = 0;
        const auto read = std::from_chars(name.data(), name.data() + name.size(), other);
        if (read.ec != std::errc{} || read.ptr != name.data() + name.size()) continue;
        if (newest > pid && other < pid) continue;  // older, unless the numbers have started anew
        killed += kill_marked(other, mark) ? 1U : 0U;
    }
    ::closedir(all);
    return killed;
}

BLUEPRINT_FAAS_DECL void Process::kill_escaped() noexcept {
    if (plan_.mark.empty() || pid_ < 0) return;
    try {
        // Again while there are any: one may have forked while it was looked for.
        for (int round = 0; round < 8 && kill_marked_since(pid_, plan_.mark) > 0; ++round) {
        }
    } catch (const std::exception&) {  // out of memory
    }
}

}  // namespace blueprint::faas::local

#endif
