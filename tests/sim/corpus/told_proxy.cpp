// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/told_proxy.h"

#include <utility>

namespace clew::corpus {
namespace {

void put_port(std::string& out, std::uint16_t port) {
    out.push_back(static_cast<char>(port >> 8)), out.push_back(static_cast<char>(port));
}

std::string address_bytes(const Ip& ip) {
    return {reinterpret_cast<const char*>(ip.bytes.data()), std::size_t{ip.v6 ? 16u : 4u}};
}

std::size_t byte_at(const std::string& text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }

/// Length of a SOCKS5 request or reply at the start of `bytes`; 0 while it is not whole.
std::size_t socks5_length(const std::string& bytes) {
    if (bytes.size() < 5) return 0;
    const std::size_t address = bytes[3] == 1 ? 4 : bytes[3] == 4 ? 16 : 1 + byte_at(bytes, 4);
    return bytes.size() < 4 + address + 2 ? 0 : 4 + address + 2;
}

/// Length of a SOCKS4a request.
std::size_t socks4_length(const std::string& bytes) {
    if (bytes.size() < 9) return 0;
    const std::size_t user_end = bytes.find('\0', 8);
    if (user_end == std::string::npos) return 0;
    const bool named = bytes.compare(4, 3, std::string(3, '\0')) == 0;
    if (!named) return user_end + 1;
    const std::size_t name_end = bytes.find('\0', user_end + 1);
    return name_end == std::string::npos ? 0 : name_end + 1;
}

std::size_t head_length(const std::string& bytes) {
    const std::size_t end = bytes.find("\r\n\r\n");
    return end == std::string::npos ? 0 : end + 4;
}

}  // namespace

std::string ToldClient::begin() const {
    if (relay_ == Relay::socks5) return told_.user.empty() ? std::string("\5\1\0", 3) : std::string("\5\2\0\2", 4);
    return request();
}

std::string ToldClient::request() const {
    const bool named = !told_.name.empty();
    std::string out;
    if (relay_ == Relay::connect) {
        const std::string to = named ? told_.name + ":" + std::to_string(target_.port) : to_text(target_);
        return "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\nUser-Agent: curl/7.88.1\r\n" +
               (told_.user.empty() ? "" : "Proxy-Authorization: Basic " + told_.user + "\r\n") +
               "Proxy-Connection: Keep-Alive\r\n\r\n";
    }
    if (relay_ == Relay::socks5) {
        out = std::string("\5\1\0", 3) + (named ? '\3' : target_.ip.v6 ? '\4' : '\1');
        if (named) out += static_cast<char>(told_.name.size());
        out += named ? told_.name : address_bytes(target_.ip);
        put_port(out, target_.port);
        return out;
    }
    out = "\4\1";
    put_port(out, target_.port);
    out += named ? std::string("\0\0\0\1", 4) : address_bytes(target_.ip);
    out += told_.user + '\0';
    return named ? out + told_.name + '\0' : out;
}

void ToldClient::receive(std::string& bytes, std::string& to_send) {
    held_ += std::exchange(bytes, {});
    if (relay_ == Relay::socks5 && step_ == 0) {
        if (held_.size() < 2) return;
        const bool with_password = held_[1] == 2;
        held_.erase(0, 2);
        step_ = with_password ? 1 : 2;
        to_send += with_password ? '\1' + std::string(1, static_cast<char>(told_.user.size())) + told_.user + "\6secret"
                                 : request();
        return;
    }
    if (relay_ == Relay::socks5 && step_ == 1) {
        if (held_.size() < 2) return;
        held_.erase(0, 2);
        step_ = 2;
        to_send += request();
        return;
    }
    const std::size_t length = relay_ == Relay::connect  ? head_length(held_)
                               : relay_ == Relay::socks5 ? socks5_length(held_)
                               : held_.size() >= 8       ? 8
                                                         : 0;
    if (length == 0) return;
    bytes = held_.substr(length);
    done_ = true;
}

void ToldProxy::receive(std::string& bytes, std::string& to_send) {
    held_ += std::exchange(bytes, {});
    if (relay_ == Relay::socks5 && step_ == 0) {
        if (held_.size() < 2 || held_.size() < 2 + byte_at(held_, 1)) return;
        const bool with_password = byte_at(held_, 1) == 2;
        held_.erase(0, 2 + byte_at(held_, 1));
        step_ = with_password ? 1 : 2;
        to_send += with_password ? std::string("\5\2", 2) : std::string("\5\0", 2);
        return;
    }
    if (relay_ == Relay::socks5 && step_ == 1) {
        if (held_.size() < 2 || held_.size() < 3 + byte_at(held_, 1)) return;
        const std::size_t length = 3 + byte_at(held_, 1) + byte_at(held_, 2 + byte_at(held_, 1));
        if (held_.size() < length) return;
        held_.erase(0, length);
        step_ = 2;
        to_send += std::string("\1\0", 2);
        return;
    }
    const std::size_t length = relay_ == Relay::connect  ? head_length(held_)
                               : relay_ == Relay::socks5 ? socks5_length(held_)
                                                         : socks4_length(held_);
    if (length == 0) return;
    bytes = held_.substr(length);
    asked_ = true;
}

std::string ToldProxy::success() const {
    if (relay_ == Relay::connect) return "HTTP/1.1 200 Connection established\r\n\r\n";
    if (relay_ == Relay::socks5) return std::string("\5\0\0\1\0\0\0\0\0\0", 10);
    return std::string("\0\x5a\0\0\0\0\0\0", 8);
}

}  // namespace clew::corpus
