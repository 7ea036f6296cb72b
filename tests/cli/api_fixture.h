// SPDX-License-Identifier: Apache-2.0
// Runs the program in this process against a small API server, with streams and a clock of the test's own.
#pragma once

#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "cli/program.h"
#include "controlplane/http/http.h"
#include "tests/cli/sample_path.h"

namespace clew::cli {

struct Outcome {
    int code = -1;
    std::string out, err;
};

template <typename Message>
std::string api_json(const Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    std::string json;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &json, options).ok());
    return json;
}

inline Outcome run(std::vector<std::string> arguments, int columns = columns_unlimited, int waits = 0) {
    std::ostringstream out, err;
    Surroundings surroundings{.out = out,
                              .err = err,
                              .now = [] { return sample_time_ns + 3'600 * ns_per_s; },
                              .wait = [&](DurationNs) { return waits-- > 0; }};
    surroundings.columns = columns;
    Outcome outcome;
    outcome.code = run_program(arguments, surroundings);
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
}

class ApiFixture : public testing::Test {
  protected:
    void SetUp() override {
        auto server = http::Server::start({}, [this](const http::Request& request) { return answer(request); });
        ASSERT_TRUE(server) << server.error().sentence;
        server_ = std::move(*server);
    }
    void TearDown() override { server_.reset(); }

    Outcome run_api(std::vector<std::string> arguments, int columns = columns_unlimited, int waits = 0) {
        arguments.push_back("--api");
        arguments.push_back(api_url());
        return run(std::move(arguments), columns, waits);
    }
    std::string api_url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
    void serve(const std::string& path, std::string body, unsigned status = 200) {
        answers_[path] = {status, std::move(body)};
    }
    /// What the last request for `path` said.
    std::string asked(const std::string& parameter, const std::string& path = "/api/v1/paths") {
        const std::lock_guard lock(mutex_);
        return last_[path].parameter(parameter, "(absent)");
    }

  private:
    http::Response answer(const http::Request& request) {
        const std::lock_guard lock(mutex_);
        const http::Target target = http::parse_target(request.target);
        last_[target.path] = target;
        const auto found = answers_.find(target.path);
        http::Response response;
        response.status = found == answers_.end() ? 404 : found->second.first;
        response.body = found == answers_.end() ? R"({"error": "no such path"})" : found->second.second;
        return response;
    }

    std::mutex mutex_;
    std::map<std::string, http::Target> last_;
    std::map<std::string, std::pair<unsigned, std::string>> answers_;
    std::unique_ptr<http::Server> server_;
};

}  // namespace clew::cli
