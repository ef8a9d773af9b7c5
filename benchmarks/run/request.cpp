// The request of the clients that are not the library: the same body and the same fields.
#include "blueprint/faas/detail/encoding.hpp"
#include "client.hpp"

#include <cstdio>
#include <cstdlib>

namespace bench {

void fail(const std::string& why) {
    std::fprintf(stderr, "bench_invoke: %s\n", why.c_str());
    std::_Exit(1);
}

faas::Bytes arguments(const Setting& setting) {
    faas::Bytes bytes(setting.payload);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    return bytes;
}

faas::HttpRequest unsigned_request(const Setting& setting) {
    faas::HttpRequest request;
    request.origin = {.tls = setting.tls, .host = "127.0.0.1", .port = setting.port};
    request.verb = faas::Verb::post;
    request.target = "/2015-03-31/functions/blueprint-job-0/invocations?Qualifier=live";
    request.headers.add("Content-Type", "application/json");
    request.headers.add("X-Amz-Invocation-Type", "RequestResponse");
    if (setting.log_tail) request.headers.add("X-Amz-Log-Type", "Tail");
    // The deadline is far away; the library writes that of the call.
    request.headers.add(
        "X-Amz-Client-Context",
        faas::detail::base64_encode(faas::detail::bytes_of(R"({"custom":{"blueprint-deadline-ms":"1999999999999"}})")));
    request.body = R"({"job_id":0,"args":")" + faas::detail::base64_encode(arguments(setting)) + "\"}";
    return request;
}

std::string request_line(const faas::HttpRequest& request) {
    return "POST " + request.target + " HTTP/1.1\r\nHost: " + request.origin.host + ':' +
           std::to_string(request.origin.port) + "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
}

}  // namespace bench
