// libcurl with its own SigV4: the easy interface for one call at a time, else the multi interface over epoll, which is
// the fastest that it has.
#include "client.hpp"

#include <algorithm>
#include <curl/curl.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

namespace bench {

namespace {

class LibCurl : public Client {
public:
    explicit LibCurl(const Setting& setting) : setting_{setting}, calls_(setting.in_flight) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        const auto request = unsigned_request(setting);
        const auto url =
            (setting.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(setting.port) + request.target;
        body_ = request.body.view();
        std::string_view text = request.headers.text();
        for (auto end = text.find("\r\n"); end != std::string_view::npos; end = text.find("\r\n")) {
            fields_ = curl_slist_append(fields_, std::string{text.substr(0, end)}.c_str());
            text.remove_prefix(end + 2);
        }
        fields_ = curl_slist_append(fields_, "Expect:");  // else it asks before it sends a large body
        for (auto& call : calls_) prepare(call, url);

        multi_ = curl_multi_init();
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(setting.in_flight));
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &LibCurl::watch);
        curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &LibCurl::set_timer);
        curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    }
    ~LibCurl() override {
        for (const auto& call : calls_) curl_easy_cleanup(call.easy);
        curl_multi_cleanup(multi_);
        curl_slist_free_all(fields_);
        ::close(epoll_);
    }
    LibCurl(const LibCurl&) = delete;
    LibCurl& operator=(const LibCurl&) = delete;

    void run(Meter& meter) override {
        if (calls_.size() == 1) return run_one(meter);
        std::size_t running = 0;
        for (auto& call : calls_) running += begin(call, meter);
        while (running > 0) {
            epoll_event events[256];
            const int count = ::epoll_wait(epoll_, events, 256, timer_ms_);
            int left = 0;
            if (count <= 0 || timer_ms_ == 0) {
                timer_ms_ = -1;
                curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &left);
            }
            for (int i = 0; i < count; ++i) {
                const int what = ((events[i].events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                                 ((events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
                curl_multi_socket_action(multi_, events[i].data.fd, what, &left);
            }
            while (const auto* told = curl_multi_info_read(multi_, &left)) {
                auto* const easy = told->easy_handle;
                const bool fine = told->data.result == CURLE_OK;
                curl_multi_remove_handle(multi_, easy);
                char* place = nullptr;
                curl_easy_getinfo(easy, CURLINFO_PRIVATE, &place);
                auto& call = *reinterpret_cast<Call*>(place);
                meter.done(call.began, fine && is_good(call));
                if (!begin(call, meter)) --running;
            }
        }
    }

private:
    struct Call {
        CURL* easy = nullptr;
        std::string answer{};
        Clock::time_point began{};
    };

    void prepare(Call& call, const std::string& url) {
        call.easy = curl_easy_init();
        const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(call.easy, option, value); };
        set(CURLOPT_URL, url.c_str());
        set(CURLOPT_POSTFIELDS, body_.c_str());
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
        set(CURLOPT_HTTPHEADER, fields_);
        set(CURLOPT_AWS_SIGV4, (std::string{"aws:amz:"} + region + ":lambda").c_str());
        set(CURLOPT_USERPWD, (std::string{access_key_id} + ':' + secret_access_key).c_str());
        set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
        set(CURLOPT_NOPROXY, "*");
        set(CURLOPT_CAINFO, setting_.authority_file.c_str());
        set(CURLOPT_WRITEFUNCTION, &LibCurl::take);
        set(CURLOPT_WRITEDATA, &call);
        set(CURLOPT_PRIVATE, &call);
    }
    static std::size_t take(char* data, std::size_t, std::size_t size, void* call) {
        static_cast<Call*>(call)->answer.append(data, size);
        return size;
    }
    static int watch(CURL*, curl_socket_t fd, int what, void* self, void* known) {
        auto& us = *static_cast<LibCurl*>(self);
        epoll_event event{};
        event.events = ((what & CURL_POLL_IN) != 0 ? unsigned{EPOLLIN} : 0U) |
                       ((what & CURL_POLL_OUT) != 0 ? unsigned{EPOLLOUT} : 0U);
        event.data.fd = fd;
        if (what == CURL_POLL_REMOVE) {
            ::epoll_ctl(us.epoll_, EPOLL_CTL_DEL, fd, nullptr);
        } else {
            ::epoll_ctl(us.epoll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
            curl_multi_assign(us.multi_, fd, self);
        }
        return 0;
    }
    static int set_timer(CURLM*, long milliseconds, void* self) {
        static_cast<LibCurl*>(self)->timer_ms_ = static_cast<int>(std::min(milliseconds, 1000L));
        return 0;
    }
    bool is_good(const Call& call) const {
        long status = 0;
        curl_easy_getinfo(call.easy, CURLINFO_RESPONSE_CODE, &status);
        return status == 200 && call.answer.size() > setting_.payload;
    }
    bool begin(Call& call, Meter& meter) {
        const auto began = meter.start();
        if (!began) return false;
        call.began = *began;
        call.answer.clear();
        curl_multi_add_handle(multi_, call.easy);
        return true;
    }
    void run_one(Meter& meter) {
        auto& call = calls_.front();
        while (const auto began = meter.start()) {
            call.answer.clear();
            const bool fine = curl_easy_perform(call.easy) == CURLE_OK;
            meter.done(*began, fine && is_good(call));
        }
    }

    Setting setting_;
    std::vector<Call> calls_;
    std::string body_{};
    curl_slist* fields_ = nullptr;
    CURLM* multi_ = nullptr;
    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    int timer_ms_ = -1;
};

}  // namespace

std::unique_ptr<Client> make_libcurl(const Setting& setting) { return std::make_unique<LibCurl>(setting); }

}  // namespace bench
