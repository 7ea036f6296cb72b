// SPDX-License-Identifier: Apache-2.0
#include "controlplane/console_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace clew::control {
namespace {

namespace fs = std::filesystem;

class ConsoleFilesTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "clew-console-files-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        fs::create_directories(directory_ + "/assets");
        write("index.html", "<html>page</html>");
        write("assets/a-1.js", "script");
        write("assets/a-1.js.gz", "zipped");
    }
    void TearDown() override { fs::remove_all(directory_); }
    void write(const std::string& name, const std::string& body) { std::ofstream(directory_ + "/" + name) << body; }

    static std::string header(const http::Response& response, const std::string& wanted) {
        for (const auto& [name, value] : response.headers)
            if (name == wanted) return value;
        return {};
    }
    std::string directory_;
};

TEST_F(ConsoleFilesTest, EveryViewsAddressIsThePage) {
    const auto files = ConsoleFiles::load(directory_);
    ASSERT_TRUE(files) << files.error().sentence;
    for (const char* path : {"/", "/index.html", "/paths", "/path/0123456789abcdef"}) {
        const auto response = files->answer({}, path);
        EXPECT_EQ(response.status, 200u) << path;
        EXPECT_EQ(response.body, "<html>page</html>");
        EXPECT_EQ(header(response, "Cache-Control"), "no-cache");
    }
    for (const char* path : {"/favicon.ico", "/assets/none", "/../api.cpp", "/assets/../index.html"})
        EXPECT_EQ(files->answer({}, path).status, 404u) << path;
}

TEST_F(ConsoleFilesTest, NothingMayBeLoadedFromElsewhere) {
    const auto files = ConsoleFiles::load(directory_);
    ASSERT_TRUE(files);
    const std::string policy = header(files->answer({}, "/"), "Content-Security-Policy");
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(policy.find("http"), std::string::npos);
    EXPECT_TRUE(policy.starts_with("default-src 'none'")) << policy;
}

TEST_F(ConsoleFilesTest, TheCompressedTwinGoesToWhoTakesIt) {
    const auto files = ConsoleFiles::load(directory_);
    ASSERT_TRUE(files);
    http::Request request;
    EXPECT_EQ(files->answer(request, "/assets/a-1.js").body, "script");
    request.headers = {{"accept-encoding", "br, gzip"}};
    const auto zipped = files->answer(request, "/assets/a-1.js");
    EXPECT_EQ(zipped.body, "zipped");
    EXPECT_EQ(header(zipped, "Content-Encoding"), "gzip");
    request.headers = {{"If-None-Match", header(zipped, "ETag")}};
    EXPECT_EQ(files->answer(request, "/assets/a-1.js").status, 304u);
    EXPECT_EQ(files->answer({}, "/assets/a-1.js.gz").status, 404u);
}

TEST_F(ConsoleFilesTest, AFolderWithoutAPageIsASentence) {
    fs::remove(directory_ + "/index.html");
    const auto files = ConsoleFiles::load(directory_);
    ASSERT_FALSE(files);
    EXPECT_NE(files.error().sentence.find(directory_), std::string::npos);
    EXPECT_EQ(ConsoleFiles().answer({}, "/").status, 404u);
}

}  // namespace
}  // namespace clew::control
