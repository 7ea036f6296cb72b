// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "tests/cli/api_fixture.h"

namespace clew::cli {
namespace {

using testing::HasSubstr;

/// A machine of the test's own: files under a folder that stands for /.
class Machine : public ApiFixture {
  protected:
    void SetUp() override {
        ApiFixture::SetUp();
        root_ = testing::TempDir() + "clew-doctor-test-" + std::to_string(getpid());
        write("/proc/cpuinfo",
              "processor\t: 0\nflags\t\t: fpu avx avx2 sse\nprocessor\t: 1\nflags\t\t: fpu avx avx2 sse\n");
        write("/proc/meminfo",
              "MemAvailable:    8000000 kB\nHugePages_Total:     512\nHugePages_Free:      500\nHugepagesize:       "
              "2048 kB\n");
        write("/proc/self/status", "Name:\tclew\nCapEff:\t000001ffffffffff\n");
        write("/sys/kernel/btf/vmlinux",
              "x btf_trace_inet_sock_set_state btf_trace_tcp_rcv_space_adjust bpf_iter_task_file");
        write("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
        write("/proc/sys/net/core/bpf_jit_enable", "1\n");
        write("/sys/class/net/lo/operstate", "unknown\n");
        write("/sys/class/net/eth1/operstate", "up\n");
        write("/sys/class/net/eth1/mtu", "9000\n");
    }
    void TearDown() override {
        std::filesystem::remove_all(root_);
        ApiFixture::TearDown();
    }
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
        std::ofstream(root_ + path, std::ios::binary) << text;
    }
    Finding find(const std::string& subject) const {
        for (const Finding& finding : check_machine(root_))
            if (finding.subject == subject) return finding;
        return {Verdict::ok, subject, "(not looked at)", ""};
    }

    std::string root_;
};

TEST_F(Machine, FitMachineHasNothingToSay) {
    for (const Finding& finding : check_machine(root_)) {
        EXPECT_EQ(finding.verdict, Verdict::ok) << finding.subject << ": " << finding.text;
        EXPECT_EQ(finding.remedy, "");
    }
    EXPECT_EQ(find("interfaces").text, "eth1 (up, MTU 9000)");
    EXPECT_EQ(find("huge pages").text, "500 of 512 free, 2048 kB each");
}

TEST_F(Machine, EachLackHasItsRemedy) {
    write("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu avx\n");
    EXPECT_EQ(find("processor").verdict, Verdict::bad);
    write("/proc/meminfo", "MemAvailable: 1000 kB\nHugePages_Total: 0\nHugePages_Free: 0\n");
    EXPECT_EQ(find("memory").verdict, Verdict::warning);
    EXPECT_THAT(find("huge pages").remedy, HasSubstr("nr_hugepages"));
    write("/proc/self/status", "CapEff:\t0000000000003000\n");
    EXPECT_EQ(find("rights").text, "missing CAP_IPC_LOCK, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF");
    write("/sys/kernel/btf/vmlinux", "nothing");
    EXPECT_EQ(find("tracepoints").verdict, Verdict::bad);
    std::filesystem::remove(root_ + "/sys/kernel/btf/vmlinux");
    EXPECT_THAT(find("kernel types (BTF)").remedy, HasSubstr("CONFIG_DEBUG_INFO_BTF"));
    write("/sys/kernel/btf/vmlinux", "x");
    write("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    EXPECT_EQ(find("lockdown").verdict, Verdict::bad);
    std::filesystem::remove_all(root_ + "/sys/class/net/eth1");
    EXPECT_EQ(find("interfaces").verdict, Verdict::warning);
}

TEST_F(Machine, NoFilesAtAllDoNotCrash) {
    EXPECT_TRUE(any_bad(check_machine("/nonexistent")));
    for (const Finding& finding : check_machine("/nonexistent"))
        EXPECT_EQ(finding.verdict == Verdict::ok, finding.remedy.empty()) << finding.subject;
}

TEST_F(Machine, StoreLibrary) {
    EXPECT_EQ(check_store_library(root_ + "/libchdb.so").verdict, Verdict::bad);
    write("/libchdb.so", "cut");
    EXPECT_THAT(check_store_library(root_ + "/libchdb.so").remedy, HasSubstr("./dev setup"));
}

TEST_F(Machine, ControlPlane) {
    EXPECT_EQ(check_control_plane("http://127.0.0.1:1", false, 0)[0].verdict, Verdict::warning);
    EXPECT_EQ(check_control_plane("http://127.0.0.1:1", true, 0)[0].verdict, Verdict::bad);
    serve("/api/v1/status", api_json(sample_status()));
    const auto there = check_control_plane(api_url(), true, sample_time_ns);
    ASSERT_EQ(there.size(), 3u);
    EXPECT_THAT(there[0].text, HasSubstr("clew-control 0.1.0 answers at"));
    EXPECT_EQ(there[1].text, "connected: sensor sensor-a");
    EXPECT_EQ(there[2].text, "agent web-1 is away");
    serve("/api/v1/status", "<html>");
    EXPECT_EQ(check_control_plane(api_url(), true, 0)[0].verdict, Verdict::bad);
    serve("/api/v1/status", "{}");
    EXPECT_THAT(check_control_plane(api_url(), true, 0)[1].text, HasSubstr("no sensor or agent"));
}

TEST(DoctorView, Text) {
    const std::vector<Finding> findings = {
        {Verdict::ok, "rights", "root", ""},
        {Verdict::bad, "store library", "there is none", "fetch it with ./dev setup, or name another"}};
    EXPECT_EQ(doctor_view(findings, Paint(false), 44),
              "ok    rights         root\n"
              "bad   store library  there is none\n"
              "                     → fetch it with ./dev\n"
              "                       setup, or name\n"
              "                       another\n");
    const auto json = nlohmann::json::parse(doctor_document(findings));
    EXPECT_FALSE(json["ok"]);
    EXPECT_EQ(json["findings"][1]["verdict"], "bad");
}

TEST(DoctorVerb, RunsHere) {
    const Outcome outcome = run({"doctor", "--format", "json", "--api", "http://127.0.0.1:1"});
    EXPECT_EQ(outcome.code, 1) << "a named control plane that is not there is bad";
    EXPECT_TRUE(nlohmann::json::parse(outcome.out)["findings"].is_array());
    EXPECT_THAT(outcome.err, HasSubstr("the remedies stand beside"));
}

TEST(KeysVerb, MakesAPairOnlyItsOwnerReads) {
    const std::string file = testing::TempDir() + "clew-keys-test-" + std::to_string(getpid());
    const Outcome made = run({"keys", "new", file});
    EXPECT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(made.out.size(), 41u);
    EXPECT_EQ(std::filesystem::status(file).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const Outcome again = run({"keys", "new", file});
    EXPECT_NE(again.code, 0);
    EXPECT_THAT(again.err, HasSubstr(file));
    std::filesystem::remove(file);
}

}  // namespace
}  // namespace clew::cli
