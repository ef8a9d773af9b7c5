#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_OPENWHISK_RECORDS_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_OPENWHISK_RECORDS_HPP

#include "blueprint/faas/http.hpp"

#include <string>
#include <utility>

namespace tests {

inline const std::string openwhisk_id = "44794bd6aab74415b4e42a308d880e5b";

/// An activation's record, member by member as OpenWhisk writes it.
struct OpenWhiskRecord {
    std::string status = "success";
    std::string result = R"({"job_id":7,"result":"AQL/","success":true,"execution_ms":12,"memory_used_mb":3})";
    /// What stands beside those annotations that are always there.
    std::string annotations = R"(,{"key":"waitTime","value":21})";
    std::string logs = "[]";
    std::string times = R"("duration":20,"end":1790000000020,)";
    std::string id = openwhisk_id;

    std::string text() const {
        return R"({"activationId":")" + id +
               R"(","annotations":[{"key":"path","value":"guest/blueprint-job-7"},{"key":"kind","value":"nodejs:20"},)"
               R"({"key":"timeout","value":false},{"key":"limits","value":{"concurrency":1,"logs":10,"memory":256,)"
               R"("timeout":60000}})" +
               annotations + "]," + times + R"("logs":)" + logs +
               R"(,"name":"blueprint-job-7","namespace":"guest","publish":false,"response":{)" +
               (result.empty() ? "" : R"("result":)" + result + ',') + R"("size":81,"status":")" + status +
               R"(","success":)" + (status == "success" ? "true" : "false") +
               R"(},"start":1790000000000,"subject":"guest","version":"0.0.7"})";
    }
};

inline blueprint::faas::HttpResponse openwhisk_answer(unsigned status, std::string body) {
    return {.status = status, .body = std::move(body)};
}
inline blueprint::faas::HttpResponse openwhisk_answer(unsigned status, const OpenWhiskRecord& record) {
    auto answer = openwhisk_answer(status, record.text());
    answer.headers.set("x-openwhisk-activation-id", record.id);
    return answer;
}
inline std::string openwhisk_error(const std::string& text) {
    return R"({"error":")" + text + R"(","code":"b0nZmoUjvJ9nFFqSmHfkLGBVq43cCIZn"})";
}

}  // namespace tests

#endif
