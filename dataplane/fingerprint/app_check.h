// SPDX-License-Identifier: Apache-2.0
// Small parsers that decide whether a payload is what its first bytes make it look like. A payload may be cut (by the
// capture, or because its message goes on in the next packet): what is there must be right. Pure; nothing is kept.
#pragma once

#include <cstdint>
#include <span>

namespace clew::sensor {

struct PayloadLook {
    std::span<const std::uint8_t> bytes;  ///< what was captured
    std::uint32_t length = 0;             ///< as sent
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;

    bool on_port(std::uint16_t port) const { return source_port == port || destination_port == port; }
};

using AppCheck = bool (*)(const PayloadLook&);

namespace app_check {
bool always(const PayloadLook&);
bool eight_bytes(const PayloadLook&);
bool text_line(const PayloadLook&);  ///< printable up to the first line's end
bool tls(const PayloadLook&);
bool dtls(const PayloadLook&);
bool quic_long(const PayloadLook&);
bool http_request(const PayloadLook&);
bool http2_settings(const PayloadLook&);
bool dns(const PayloadLook&);
bool dns_over_tcp(const PayloadLook&);
bool mysql_packet(const PayloadLook&);
bool mysql_whole_packet(const PayloadLook&);
bool mysql_login(const PayloadLook&);
bool postgresql_startup(const PayloadLook&);
bool postgresql_messages(const PayloadLook&);
bool mongodb(const PayloadLook&);
bool dubbo(const PayloadLook&);
bool kafka_request(const PayloadLook&);
bool amqp_frame(const PayloadLook&);
bool cassandra(const PayloadLook&);
bool tds(const PayloadLook&);
bool thrift(const PayloadLook&);
bool tpkt(const PayloadLook&);
bool ldap(const PayloadLook&);
bool telnet(const PayloadLook&);
bool stun(const PayloadLook&);
bool dhcp(const PayloadLook&);
bool ntp(const PayloadLook&);
bool wireguard(const PayloadLook&);
}  // namespace app_check

}  // namespace clew::sensor
