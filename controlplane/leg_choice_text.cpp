// SPDX-License-Identifier: Apache-2.0
#include "controlplane/leg_choice_text.h"

#include <charconv>
#include <optional>
#include <string>

#include "controlplane/store/filter_fields.h"
#include "controlplane/store/filter_tokens.h"
#include "nat-trace/address.h"

namespace clew::control {
namespace {

using Token = store::FilterToken;

constexpr std::uint32_t tcp_number = 6, udp_number = 17, icmp_number = 1;

tl::unexpected<Error> cannot_ask(const std::string& what) {
    return fail(ErrorKind::usage,
                "a vault cannot be asked for '" + what.substr(0, 60) +
                    "': terms joined by 'and' about ip.addr, tcp.port, udp.port, port, vxlan.vni and the other ids of "
                    "VLANs and tunnels (each ==), an address, a network, address:port, tcp, udp or icmp; or a capture "
                    "filter (bpf)");
}

std::optional<std::uint32_t> number_of(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string ip_bytes(const IpAddress& ip) {
    return ip.is_v4() ? std::string(ip.bytes.begin() + 12, ip.bytes.end())
                      : std::string(ip.bytes.begin(), ip.bytes.end());
}

bool add_network(std::string_view text, v1::LegChoice& choice) {
    const std::size_t slash = text.find('/');
    const auto ip = parse_ip(text.substr(0, slash));
    if (!ip) return false;
    const std::uint32_t bits_max = ip->is_v4() ? 32 : 128;
    std::optional<std::uint32_t> bits = bits_max;
    if (slash != std::string_view::npos) bits = number_of(text.substr(slash + 1));
    if (!bits || *bits > bits_max) return false;
    v1::NetworkChoice& network = *choice.add_networks();
    network.set_ip(ip_bytes(*ip));
    network.set_bits(*bits);
    return true;
}

bool add_protocol(std::string_view word, v1::LegChoice& choice) {
    const std::uint32_t number = word == "tcp"    ? tcp_number
                                 : word == "udp"  ? udp_number
                                 : word == "icmp" ? icmp_number
                                                  : 0;
    if (number == 0 || (choice.protocol() != 0 && choice.protocol() != number)) return false;
    choice.set_protocol(number);
    return true;
}

bool add_port(std::string_view text, v1::LegChoice& choice) {
    const auto port = number_of(text);
    if (!port || *port > 65'535) return false;
    choice.add_ports(*port);
    return true;
}

bool add_word(const std::string& word, v1::LegChoice& choice) {
    if (add_network(word, choice) || add_protocol(word, choice)) return true;
    const auto endpoint = parse_endpoint(word);
    if (!endpoint) return add_port(word, choice);
    choice.add_ports(endpoint->port);
    return add_network(to_text(endpoint->ip), choice);
}

bool add_comparison(const std::string& name, const std::string& value, v1::LegChoice& choice) {
    const store::FilterField* field = store::find_filter_field(name);
    if (!field) return false;
    if (name == "ip.addr") return add_network(value, choice);
    if (name == "proto") return add_protocol(value, choice);
    if (name == "tcp.port") return add_protocol("tcp", choice) && add_port(value, choice);
    if (name == "udp.port") return add_protocol("udp", choice) && add_port(value, choice);
    if (name == "port") return add_port(value, choice);
    const auto number = number_of(value);
    if (field->column != "layer_ids" || !number || *number > field->number_max) return false;
    choice.add_layer_ids(*number);
    return true;
}

}  // namespace

Result<v1::LegChoice> parse_leg_choice(std::string_view text) {
    v1::LegChoice choice;
    std::size_t at = 0;
    Token token = store::next_filter_token(text, at);
    while (token.kind != Token::Kind::end) {
        if (token.kind != Token::Kind::word) return cannot_ask(std::string(text));
        const std::string name = token.text;
        token = store::next_filter_token(text, at);
        bool known = false;
        if (token.kind == Token::Kind::compare) {
            const Token value = store::next_filter_token(text, at);
            known = token.text == "==" && value.kind == Token::Kind::word && add_comparison(name, value.text, choice);
            token = store::next_filter_token(text, at);
        } else {
            known = add_word(name, choice);
        }
        if (!known) return cannot_ask(std::string(text));
        if (token.kind == Token::Kind::logic_and) token = store::next_filter_token(text, at);
    }
    return choice;
}

}  // namespace clew::control
