// SPDX-License-Identifier: Apache-2.0
#include "wire/bpf_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace clew::wire {
namespace {

using testing::HasSubstr;

TEST(BpfProgram, FiltersWithNumbersAndWordsOfThePage) {
    for (const char* filter :
         {"tcp", "host 10.0.0.2", "src host 10.0.0.2 and dst port 40002 and tcp[tcpflags] & tcp-push != 0",
          "net 10.0.0.0/8", "net 10.1", "ip6 host 2001:db8::1 or host fe80::dead:beef", "udp port domain",
          "tcp portrange 80-90", "(tcp[12:1] & 0xf0) >> 2 > 20", "icmp[icmptype] = icmp-echo", "ip proto 50",
          "len <= 100", "not (udp or icmp6)", "ip[6:2]&0x1fff!=0", ""})
        EXPECT_TRUE(BpfProgram::compile(filter, BpfOn::ip)) << filter;
    // Some are known to newer libraries alone: the mistake is libpcap's then.
    for (const char* filter : {"vlan 100 and host 10.0.0.2", "ether host 00:11:22:aa:bb:cc", "vxlan 100 and tcp",
                               "mpls", "arp", "ether proto 0x88cc", "broadcast or multicast"}) {
        const auto program = BpfProgram::compile(filter, BpfOn::ethernet);
        if (!program) {
            EXPECT_THAT(program.error().sentence, HasSubstr("is no capture filter")) << filter;
        }
    }
}

TEST(BpfProgram, NamesAreNotLookedUp) {
    for (const char* filter : {"host db.example", "src shop and tcp", "net lan-1", "not db.example", "gateway gw0",
                               "tcp and (dst host www.example or port 80)", "host 10.example"}) {
        const auto program = BpfProgram::compile(filter, BpfOn::ip);
        ASSERT_FALSE(program) << filter;
        EXPECT_EQ(program.error().kind, ErrorKind::usage);
        EXPECT_THAT(program.error().sentence, HasSubstr("hosts and networks are written as numbers")) << filter;
    }
}

TEST(BpfProgram, MistakesAreOneSentence) {
    for (const std::string& filter : {std::string("tcp and"), std::string("port"), std::string("tcp[") + '\x01',
                                      std::string("tcp\0udp", 7), std::string(100'000, '(')}) {
        const auto program = BpfProgram::compile(filter, BpfOn::ip);
        ASSERT_FALSE(program);
        EXPECT_LT(program.error().sentence.size(), 300u);
        EXPECT_EQ(program.error().sentence.find('\n'), std::string::npos);
        EXPECT_EQ(program.error().sentence.find('\x01'), std::string::npos);
    }
}

}  // namespace
}  // namespace clew::wire
