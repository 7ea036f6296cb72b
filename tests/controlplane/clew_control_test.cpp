// SPDX-License-Identifier: Apache-2.0
// The real clew-control with the real clew-store, killed under traffic: nothing is lost, nothing stands twice.
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "controlplane/http/http.h"
#include "controlplane/wall_clock.h"
#include "tests/controlplane/connection_legs.h"
#include "tests/controlplane/control_program.h"
#include "tests/controlplane/store_fixture.h"
#include "wire/path.pb.h"
#include "wire/publisher.h"

namespace clew::control {
namespace {

bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 600; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
}

class ClewControlTest : public store::StoreTest {
  protected:
    void SetUp() override {
        store::StoreTest::SetUp();
        if (IsSkipped()) return;
        write_config("");
    }
    void TearDown() override {
        publisher_.reset();
        if (control_ && control_->running()) control_->end(SIGTERM);  // its store ends with it
        store::StoreTest::TearDown();
    }
    std::string config_path() const { return directory_ + "/control.yaml"; }
    std::string endpoint() const { return "ipc://" + directory_ + "/wire.sock"; }
    void write_config(const std::string& more) const {
        std::ofstream(config_path()) << "program: control\nwire: {endpoint: '" << endpoint() << "'}\napi: {port: 0}\n"
                                     << "store: {directory: '" << directory_ << "/store', program: '"
                                     << store::store_program() << "', memory_bytes_max: 1073741824}\n"
                                     << more;
    }
    void start() {
        control_ = std::make_unique<ControlProgram>(CLEW_CONTROL_PROGRAM, config_path(), directory_ + "/log");
        ASSERT_TRUE(control_->wait_ready()) << control_->said();
        client_ = std::move(*http::Client::create(control_->api_url(), 30'000));
    }
    void publish() {
        wire::PublisherSettings settings;
        settings.endpoint = endpoint();
        settings.hello.set_observer("sensor-a");
        settings.hello.set_started_ns(wall_clock_ns());
        for (const char* name : {"inside", "outside"}) settings.hello.add_taps()->set_name(name);
        for (v1::TapName& tap : *settings.hello.mutable_taps()) tap.set_clock("a");
        settings.spool_directory = directory_ + "/spool";
        settings.batch_leg_count_max = 64;
        settings.batch_delay_ms_max = 20;
        auto publisher = wire::Publisher::start(std::move(settings), {}, {});
        ASSERT_TRUE(publisher) << publisher.error().sentence;
        publisher_ = std::move(*publisher);
    }
    void offer_for(int turns) {
        for (int turn = 0; turn < turns; ++turn) {
            for (int i = 0; i < 5; ++i, ++connection_count_)
                for (const Leg& leg : snat_connection(connection_count_, wall_clock_ns()))
                    ASSERT_TRUE(publisher_->offer(leg));
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    v1::PathList paths() {
        http::Request request;
        request.target = "/api/v1/paths?since_ns=0&limit=10000";
        v1::PathList list;
        const auto response = client_->send(request);
        EXPECT_TRUE(response) << response.error().sentence;
        if (!response) return list;
        EXPECT_EQ(response->status, 200u) << response->body;
        if (response->status == 200) (void)google::protobuf::util::JsonStringToMessage(response->body, &list).ok();
        return list;
    }

    std::unique_ptr<ControlProgram> control_;
    std::unique_ptr<http::Client> client_;
    std::unique_ptr<wire::Publisher> publisher_;
    std::uint32_t connection_count_ = 0;
};

TEST_F(ClewControlTest, KilledUnderTrafficItLosesNothingAndShowsNothingTwice) {
    start();
    publish();
    std::set<std::string> seen;
    for (int death = 0; death < 3; ++death) {
        offer_for(100);
        const v1::PathList list = paths();
        EXPECT_GT(list.paths_size(), 0);
        for (const v1::Path& path : list.paths())
            if (path.legs_size() == 2) seen.insert(path.path_id());
        control_->end(SIGKILL);
        offer_for(100);
        start();
    }
    const auto whole = [this] {
        const v1::PathList list = paths();
        return list.paths_size() == static_cast<int>(connection_count_) &&
               std::all_of(list.paths().begin(), list.paths().end(), [](const auto& p) { return p.legs_size() == 2; });
    };
    EXPECT_TRUE(eventually(whole));
    const v1::PathList list = paths();
    EXPECT_EQ(list.paths_size(), static_cast<int>(connection_count_)) << list.partial();
    std::set<std::string> legs;
    std::set<std::string> ids;
    for (const v1::Path& path : list.paths()) {
        ids.insert(path.path_id());
        for (const v1::PathLeg& leg : path.legs())
            EXPECT_TRUE(legs.insert(leg.leg_id()).second) << leg.leg_id() << " twice";
    }
    EXPECT_EQ(legs.size(), 2u * connection_count_);
    for (const std::string& id : seen) EXPECT_TRUE(ids.contains(id)) << "path " << id << " has another id now";
    ASSERT_TRUE(eventually([this] { return publisher_->counters().spool_bytes == 0; }));
    EXPECT_EQ(publisher_->counters().legs_dropped, 0u);
    EXPECT_EQ(control_->end(SIGTERM), 0) << control_->said();
}

TEST_F(ClewControlTest, TheStoresProcessIsStartedAgainWhenItDies) {
    start();
    publish();
    offer_for(50);
    const pid_t before = store_pid();
    ASSERT_GT(before, 0);
    ::kill(before, SIGKILL);
    offer_for(50);
    EXPECT_TRUE(eventually([this] { return paths().paths_size() == static_cast<int>(connection_count_); }));
    EXPECT_NE(store_pid(), before);
    EXPECT_EQ(control_->end(SIGTERM), 0) << control_->said();
}

TEST_F(ClewControlTest, StartUpFailuresAreOneSentence) {
    start();
    const std::string port = control_->api_url().substr(control_->api_url().rfind(':') + 1);
    const auto fails = [&](const std::string& config, const std::string& named) {
        const std::string path = directory_ + "/second.yaml";
        std::ofstream(path) << "program: control\n" << config;
        ControlProgram second(CLEW_CONTROL_PROGRAM, path, directory_ + "/second.log");
        EXPECT_FALSE(second.wait_ready());
        EXPECT_GT(second.exit_code(), 0);
        EXPECT_NE(second.said().find(named), std::string::npos) << second.said();
        EXPECT_TRUE(second.said().starts_with("clew-control: ")) << second.said();
    };
    const std::string own_store = "store: {directory: '" + directory_ + "/other', program: '" + store::store_program() +
                                  "', memory_bytes_max: 1073741824}\n";
    fails("wire: {endpoint: 'ipc://" + directory_ + "/x.sock'}\napi: {port: " + port + "}\n" + own_store, port);
    fails("wire: {endpoint: 'tcp://203.0.113.1:1'}\napi: {port: 0}\n" + own_store, "without encryption");
    fails("store: {directory: '" + directory_ + "/other', program: /nonexistent/clew-store}\n",
          "/nonexistent/clew-store");
    fails("store: {url: 'http://127.0.0.1:9'}\n", "127.0.0.1:9");
    fails("colour: red\n", "colour");
}

}  // namespace
}  // namespace clew::control
