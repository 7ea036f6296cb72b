// SPDX-License-Identifier: Apache-2.0
// The file of gateways' profiles: the latest state is in it, and a bad disk costs a count.
#include "controlplane/gateway_keeper.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace clew::control {
namespace {

namespace fs = std::filesystem;

class GatewayKeeperTest : public testing::Test {
  protected:
    GatewayKeeperTest() {
        std::string pattern = (fs::temp_directory_path() / "clew-gateways-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
        path_ = directory_ + "/store.gateways";
    }
    ~GatewayKeeperTest() override { fs::remove_all(directory_); }

    std::string state_of(std::size_t gateways) const {
        std::vector<Gateway> all(gateways);
        for (std::size_t n = 0; n < gateways; ++n) all[n].known_by = "address 10.0.0." + std::to_string(n);
        GatewayBook book(engine_);
        book.restore(std::move(all), {});
        return wire::encode_gateway_state(book);
    }
    std::size_t gateways_in_the_file() const {
        const auto learnt = GatewayKeeper(path_).load();
        EXPECT_TRUE(learnt) << learnt.error().sentence;
        return learnt ? learnt->gateways.size() : 0;
    }

    Engine engine_{EngineLimits{}};
    std::string directory_, path_;
};

TEST_F(GatewayKeeperTest, TheLatestStateIsInTheFile) {
    EXPECT_EQ(gateways_in_the_file(), 0u);  // there is none yet
    {
        GatewayKeeper keeper(path_);
        for (const std::size_t count : {1u, 2u, 5u}) keeper.put(state_of(count));
    }
    EXPECT_EQ(gateways_in_the_file(), 5u);
    { GatewayKeeper(path_).put(state_of(4)); }
    EXPECT_EQ(gateways_in_the_file(), 4u);
    EXPECT_EQ(std::distance(fs::directory_iterator(directory_), {}), 1);  // nothing is left beside it
}

TEST_F(GatewayKeeperTest, WithoutAPathNothingIsKept) {
    GatewayKeeper keeper("");
    keeper.put(state_of(1));
    EXPECT_FALSE(keeper.keeps());
    ASSERT_TRUE(keeper.load());
    EXPECT_TRUE(keeper.load()->gateways.empty());
}

TEST_F(GatewayKeeperTest, ADamagedFileIsOneSentenceThatNamesIt) {
    std::ofstream(path_) << "CLEWGWS1 and no more";
    const auto learnt = GatewayKeeper(path_).load();
    ASSERT_FALSE(learnt);
    EXPECT_NE(learnt.error().sentence.find(path_), std::string::npos);
}

TEST_F(GatewayKeeperTest, WhereItCannotBeWrittenThatIsCountedAndTheOldFileStays) {
    { GatewayKeeper(path_).put(state_of(3)); }
    fs::create_directory(path_ + ".new");  // where the new one would be written
    GatewayKeeper keeper(path_);
    keeper.put(state_of(9));
    for (int n = 0; n < 1000 && keeper.failures() == 0; ++n) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(keeper.failures(), 1u);
    EXPECT_EQ(gateways_in_the_file(), 3u);
}

}  // namespace
}  // namespace clew::control
