// SPDX-License-Identifier: Apache-2.0
// For tests against a real clew-store: a directory of their own, and a loud skip where the engine's library is missing.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "controlplane/store/clickhouse_client.h"
#include "controlplane/store/store.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CLEW_TEST_SANITIZED 1
#else
#define CLEW_TEST_SANITIZED 0
#endif

namespace clew::store {

/// The program to test with. A sanitized build cannot host the engine's library, so there it is the release build's.
inline std::string store_program() {
    if (const char* given = std::getenv("CLEW_STORE_PROGRAM")) return given;
    const std::filesystem::path own = CLEW_STORE_PROGRAM;
    if (!CLEW_TEST_SANITIZED) return own;
    return own.parent_path().parent_path().parent_path() / "release" / "bin" / "clew-store";
}

inline std::string library_path() {
    const char* given = std::getenv("CLEW_CHDB");
    return given != nullptr ? given : "/usr/local/lib/clew/libchdb.so";
}

/// Why the tests cannot run here; empty when they can.
inline std::string reason_to_skip() {
    if (!std::filesystem::exists(library_path()))
        return "the embedded store's library " + library_path() + " is not there: run './dev setup'";
    if (!std::filesystem::exists(store_program())) {
        return store_program() +
               " is not there: a sanitized build cannot host the engine's library, build the release preset too";
    }
    return {};
}

/// The answer of a statement that must succeed; `data` is an INSERT's.
inline std::string must_ask(ClickHouseClient& client, const StoreSettings& settings, const std::string& sql,
                            std::string_view data = {}) {
    ClickHouseCall call;
    call.sql = sql;
    call.data = data;
    call.database = settings.database;
    auto answer = client.must_succeed(call);
    EXPECT_TRUE(answer) << sql << ": " << answer.error().sentence;
    return answer ? *answer : "";
}

class StoreTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string reason = reason_to_skip(); !reason.empty())
            GTEST_SKIP() << "SKIPPED, NOTHING OF THE STORE WAS TESTED: " << reason;
        std::string pattern = (std::filesystem::temp_directory_path() / "clew-store-test-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override {
        if (!directory_.empty()) std::filesystem::remove_all(directory_);
    }

    StoreSettings settings() const {
        StoreSettings settings;
        settings.store_program = store_program();
        settings.library = library_path();
        settings.directory = directory_ + "/store";
        settings.memory_bytes_max = 1ull << 30;
        return settings;
    }

    std::unique_ptr<Store> open() const { return open(settings()); }
    static std::unique_ptr<Store> open(const StoreSettings& with) {
        auto store = Store::open(with);
        EXPECT_TRUE(store) << store.error().sentence;
        return store ? std::move(*store) : nullptr;
    }

    /// The running clew-store's pid, as it wrote it into its lock file.
    pid_t store_pid() const {
        std::ifstream lock(directory_ + "/store/clew-store.lock");
        pid_t pid = -1;
        lock >> pid;
        return pid;
    }

    std::string directory_;
};

}  // namespace clew::store
