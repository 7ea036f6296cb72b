// SPDX-License-Identifier: Apache-2.0
// What a filter compiles to, and what it says when it cannot. That the SQL finds the right paths is in store_test.cpp.
#include "controlplane/store/filter.h"

#include <gtest/gtest.h>

namespace clew::store {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::string sql_of(std::string_view text, Parameters* parameters = nullptr) {
    auto condition = compile_filter(text);
    if (!condition) return "error: " + condition.error().sentence;
    if (parameters != nullptr) *parameters = condition->parameters;
    return condition->sql;
}

TEST(Filter, EmptyTakesAll) {
    EXPECT_EQ(sql_of(""), "1");
    EXPECT_EQ(sql_of(" \t\n"), "1");
}

TEST(Filter, ValuesAreBoundNeverSpliced) {
    Parameters parameters;
    EXPECT_EQ(sql_of(R"(process == "x') OR 1=1 --")", &parameters), "has(processes, {f0:String})");
    EXPECT_EQ(parameters, (Parameters{{"f0", "x') OR 1=1 --"}}));
    EXPECT_EQ(sql_of("tap == a'b", &parameters), "has(taps, {f0:String})");
    EXPECT_EQ(parameters, (Parameters{{"f0", "a'b"}}));
}

TEST(Filter, Addresses) {
    Parameters parameters;
    EXPECT_EQ(sql_of("ip.addr == 10.0.0.7", &parameters), "has(ips, {f0:IPv6})");
    EXPECT_EQ(parameters, (Parameters{{"f0", "::ffff:10.0.0.7"}}));
    EXPECT_EQ(sql_of("ip.src == 10.1.2.3/9", &parameters),
              "arrayExists(x -> (x >= {f0:IPv6} AND x <= {f1:IPv6}), client_ips)");
    EXPECT_EQ(parameters, (Parameters{{"f0", "::ffff:10.0.0.0"}, {"f1", "::ffff:10.127.255.255"}}));
    EXPECT_EQ(sql_of("ip.dst != 2001:db8::/32", &parameters),
              "(NOT arrayExists(x -> (x >= {f0:IPv6} AND x <= {f1:IPv6}), server_ips))");
    EXPECT_EQ(parameters[1].second, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
    EXPECT_EQ(sql_of("path.server == 10.0.0.7:443", &parameters),
              "(server_ip = {f0:IPv6} AND server_port = {f1:UInt64})");
    EXPECT_EQ(sql_of("path.client == 10.0.0.0/8"), "(client_ip >= {f0:IPv6} AND client_ip <= {f1:IPv6})");
}

TEST(Filter, NumbersSetsAndRanges) {
    Parameters parameters;
    EXPECT_EQ(sql_of("tcp.port == 443"), "(proto = 'tcp' AND has(ports, {f0:UInt64}))");
    EXPECT_EQ(sql_of("udp.port in {53, 8000..8100}", &parameters),
              "(proto = 'udp' AND (has(ports, {f0:UInt64}) OR arrayExists(x -> (x >= {f1:UInt64} AND x <= "
              "{f2:UInt64}), ports)))");
    EXPECT_EQ(parameters, (Parameters{{"f0", "53"}, {"f1", "8000"}, {"f2", "8100"}}));
    EXPECT_EQ(sql_of("path.hops >= 3"), "leg_count >= {f0:UInt64}");
    EXPECT_EQ(sql_of("vxlan.vni == 100", &parameters), "has(layer_ids, {f0:UInt64})");
    EXPECT_EQ(parameters[0].second, std::to_string((2ull << 32) + 100));
    EXPECT_EQ(sql_of("vlan.id > 7"), "arrayExists(x -> (x > {f0:UInt64} AND bitShiftRight(x, 32) = 1), layer_ids)");
}

TEST(Filter, DurationsHaveUnits) {
    Parameters parameters;
    const auto ns = [&parameters](const std::string& text) {
        const std::string sql = sql_of("path.lasted > " + text, &parameters);
        return sql == "(last_ns - first_ns) > {f0:Int64}" ? parameters[0].second : sql;
    };
    EXPECT_EQ(ns("7"), "7");
    EXPECT_EQ(ns("7ns"), "7");
    EXPECT_EQ(ns("2ms"), "2000000");
    EXPECT_EQ(ns("300us"), "300000");
    EXPECT_EQ(ns("300µs"), "300000");
    EXPECT_EQ(ns("1.25s"), "1250000000");
    EXPECT_EQ(ns("0.5us"), "500");
    EXPECT_EQ(ns("3min"), "180000000000");
    EXPECT_EQ(ns("2h"), "7200000000000");
    EXPECT_EQ(ns("-1.5ms"), "-1500000");
    for (const char* wrong : {"2 ms", "1.5", "ms", "-", "1.s", "1.2.3s", "2days", "1e3", "99999999999h", "--1ms",
                              "1.0000000001s", "18446744073709551616"})
        EXPECT_EQ(ns(wrong).substr(0, 6), "error:") << wrong;
    EXPECT_EQ(sql_of("path.delay == 1ms..5ms", &parameters),
              "(added_ns > -4611686018427387904 AND (added_ns >= {f0:Int64} AND added_ns <= {f1:Int64}))");
    EXPECT_EQ(parameters, (Parameters{{"f0", "1000000"}, {"f1", "5000000"}}));
    EXPECT_EQ(sql_of("link.delay in {1ms, 2ms..3ms}"),
              "(added_ns > -4611686018427387904 AND ((slowest_ns = {f0:Int64}) OR (slowest_ns >= {f1:Int64} AND "
              "slowest_ns <= {f2:Int64})))");
    EXPECT_EQ(sql_of("path.delay > 1ms..5ms").substr(0, 6), "error:");
}

TEST(Filter, WhatIsNotKnownIsNotZero) {
    EXPECT_EQ(sql_of("tcp.analysis.zero_window == 0"), "(tcp_known AND (zero_windows = {f0:UInt64}))");
    EXPECT_EQ(sql_of("tcp.analysis.initial_rtt < 5ms"), "(initial_rtt_ns > 0 AND initial_rtt_ns < {f0:Int64})");
    EXPECT_EQ(sql_of("path.lost == 0"), "(leg_count > 1 AND (lost = {f0:UInt64}))");
    EXPECT_EQ(sql_of("path.reset_by == middlebox"), "has(reset_by, {f0:String})");
    EXPECT_EQ(sql_of("path.reset_by == nobody").substr(0, 6), "error:");
}

TEST(Filter, ACountsNameAloneAsksForAny) {
    EXPECT_EQ(sql_of("tcp.analysis.retransmission"), "(proto = 'tcp' AND retransmissions > 0)");
    EXPECT_EQ(sql_of("not tcp.analysis.window_full and 80"),
              "((NOT (tcp_known AND windows_full > 0)) AND has(ports, {f0:UInt64}))");
    EXPECT_EQ(sql_of("path.lost").substr(0, 6), "error:");
}

TEST(Filter, GradesIdsAndWords) {
    EXPECT_EQ(sql_of("path.grade <= B"), "(grade != '' AND grade <= {f0:String})");
    EXPECT_EQ(sql_of("path.grade == a"), "(grade != '' AND (grade = {f0:String}))");
    EXPECT_EQ(sql_of("path.id == 00000000000000ff"), "(path_id = {f0:UInt64})");
    EXPECT_EQ(sql_of("link.kind == snat"), "has(kinds, {f0:String})");
    EXPECT_EQ(sql_of("process contains gin"), "arrayExists(x -> position(x, {f0:String}) > 0, processes)");
    EXPECT_EQ(sql_of("proto eq tcp"), "(proto = {f0:String})");
}

TEST(Filter, BareWordsAreToldByTheirForm) {
    Parameters parameters;
    EXPECT_EQ(sql_of("10.0.0.7"), "has(ips, {f0:IPv6})");
    EXPECT_EQ(sql_of("[2001:DB8::1]:443", &parameters), "has(endpoints, {f0:String})");
    EXPECT_EQ(parameters[0].second, "[2001:db8::1]:443");
    EXPECT_EQ(sql_of("10.0.0.0/8"), "arrayExists(x -> (x >= {f0:IPv6} AND x <= {f1:IPv6}), ips)");
    EXPECT_EQ(sql_of("443"), "has(ports, {f0:UInt64})");
    EXPECT_EQ(sql_of("00ff00ff00ff00ff"), "(path_id = {f0:UInt64})");
    EXPECT_EQ(sql_of("nginx"), "has(processes, {f0:String})");
    EXPECT_EQ(sql_of("shop.example.org", &parameters),
              "(has(processes, {f0:String}) OR arrayExists(x -> (x = {f1:String} OR endsWith(x, {f2:String})), "
              "server_names))");
    EXPECT_EQ(parameters[2].second, ".shop.example.org");
    EXPECT_EQ(sql_of("proto contains icmp"), "position(proto, {f0:String}) > 0");
    EXPECT_EQ(sql_of("\"443\""), "has(processes, {f0:String})");
    EXPECT_EQ(sql_of("tcp"), "(proto = {f0:String})");
}

TEST(Filter, LogicBindsAsExpected) {
    EXPECT_EQ(sql_of("80 or 81 and not 82"),
              "(has(ports, {f0:UInt64}) OR (has(ports, {f1:UInt64}) AND (NOT has(ports, {f2:UInt64}))))");
    EXPECT_EQ(sql_of("(80||81)&&!82"),
              "((has(ports, {f0:UInt64}) OR has(ports, {f1:UInt64})) AND (NOT has(ports, {f2:UInt64})))");
}

TEST(Filter, TheAddressesThatEveryMatchHasOneOfAreTold) {
    const auto addresses = [](std::string_view text) {
        const auto condition = compile_filter(text);
        std::string out;
        for (const store::AddressRange& range : condition->addresses) {
            for (const auto& [name, value] : condition->parameters) {
                if (range.first == "{" + name + ":IPv6}") out += value.substr(value.rfind('.') + 1);
                if (!range.is_one() && range.last == "{" + name + ":IPv6}")
                    out += ".." + value.substr(value.rfind('.') + 1);
            }
            out += " ";
        }
        return out;
    };
    EXPECT_EQ(addresses("ip.addr == 10.0.0.7"), "7 ");
    EXPECT_EQ(addresses("10.0.0.7:443"), "7 ");
    EXPECT_EQ(addresses("path.server == 10.0.0.7:443 and proto == tcp"), "7 ");
    EXPECT_EQ(addresses("proto == tcp and (10.0.0.7 or ip.src in {10.0.0.8, 10.0.0.9})"), "7 8 9 ");
    EXPECT_EQ(addresses("10.0.0.7 and (10.0.0.8 or 10.0.0.9)"), "7 ");
    EXPECT_EQ(addresses("(10.0.0.8 or 10.0.0.9) and 10.0.0.7"), "7 ");
    EXPECT_EQ(addresses("ip.addr == 10.0.0.0/24"), "0..255 ");
    EXPECT_EQ(addresses("path.server == 10.0.0.16/28 and leg.end == reset"), "16..31 ");
    EXPECT_EQ(addresses("ip.src in {10.0.0.7, 10.0.0.128/25}"), "7 128..255 ");
    EXPECT_EQ(addresses("10.0.0.0/24 and 10.0.0.7"), "7 ");
    EXPECT_EQ(addresses("10.0.0.8 and 10.0.0.0/24"), "8 ");
    EXPECT_EQ(addresses("10.0.0.0/24 and ip.dst == 10.0.0.0/28"), "0..15 ");
    EXPECT_EQ(addresses("10.0.0.7/32"), "7 ");
    for (const char* none : {"", "proto == tcp", "10.0.0.7 or proto == tcp", "not 10.0.0.7", "not (not 10.0.0.7)",
                             "ip.addr != 10.0.0.7", "ip.addr != 10.0.0.0/24", "10.0.0.0/24 or proto == tcp",
                             "path.id == 0123456789abcdef", "path.id == 0123456789abcdef or 10.0.0.7"})
        EXPECT_EQ(addresses(none), "") << none;
}

TEST(Filter, MistakesPointAtTheirColumn) {
    for (const auto& [text, words] : std::initializer_list<std::pair<const char*, const char*>>{
             {"ip.addr == nonsense", "column 12: 'nonsense' is not an address"},
             {"ip.addr = 1.2.3.4", "column 9: '=' alone compares nothing; write =="},
             {"ip.foo == 1", "column 1: there is no field 'ip.foo'; there are ip.addr, ip.src, ip.dst"},
             {"ip.addr", "column 1: 'ip.addr' needs a comparison"},
             {"tcp.port == 80 nginx", "column 16: put 'and' or 'or' between"},
             {"(80 or 81", "column 1: this '(' is not closed"},
             {"80)", "column 3: this ')' closes nothing"},
             {"80 and", "column 7: a condition is missing here"},
             {"ip.addr > 1.2.3.4", "column 9: '>' does not go with ip.addr"},
             {"path.grade <= E", "column 15: 'E' is not a grade"},
             {"path.id == 12", "column 12: '12' is not an id"},
             {"port == 80..", "column 9: '80..' is not a number"},
             {"port in 80", "column 9: 'in' needs a set"},
             {"port in {}", "column 9: the set is empty"},
             {"port in {80", "column 9: this '{' is not closed"},
             {"port == ", "column 9: a value is missing after =="},
             {"process == \"x", "column 12: the quotes that open here are not closed"},
             {"99999", "column 1: '99999' is not a port"},
             {"10.0.0.0/33", "column 1: '10.0.0.0/33' is not a network"},
             {"tcp.port == 99999", "column 13: '99999' is too large; tcp.port ends at 65535"},
             {"port in {80, 80..65536}", "'80..65536' is too large"},
             {"vlan.id == 4096", "vlan.id ends at 4095"},
             {"link.kind == sant", "column 14: 'sant' is no link.kind; there are forward, snat"},
             {"proto != tpc", "'tpc' is no proto; there are tcp"},
             {"leg.end == rst", "there are none, fin, reset"},
             {"10.1.0.300", "column 1: '10.1.0.300' is not an address"},
             {"80 and tcp.flags.reset", "column 8: there is no field 'tcp.flags.reset'; there are tcp.port"},
             {"80 & 81", "column 4: write && or and"}}) {
        const auto condition = compile_filter(text);
        ASSERT_FALSE(condition) << text;
        EXPECT_EQ(condition.error().kind, ErrorKind::usage);
        EXPECT_NE(condition.error().sentence.find(words), std::string::npos)
            << text << ": " << condition.error().sentence;
    }
}

TEST(Filter, LimitsHold) {
    EXPECT_FALSE(compile_filter(std::string(5000, 'x')));
    EXPECT_FALSE(compile_filter(std::string(60, '(') + "80" + std::string(60, ')')));
    EXPECT_TRUE(compile_filter(std::string(40, '(') + "80" + std::string(40, ')')));
    std::string many = "1";
    for (int i = 2; i <= 201; ++i) many += " or " + std::to_string(i);
    EXPECT_FALSE(compile_filter(many));
}

TEST(Filter, ParametersAreEscapedAsClickHouseReadsThem) {
    EXPECT_EQ(escape_parameter("a\tb\\c\nd'e"), "a\\tb\\\\c\\nd'e");
    EXPECT_NE(filter_field_list().find("ip.addr"), std::string::npos);
}

}  // namespace
}  // namespace clew::store
