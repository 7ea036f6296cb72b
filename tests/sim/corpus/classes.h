// SPDX-License-Identifier: Apache-2.0
// The classes of connections: what stands between client and server, written as one line each. Adding a class is adding
// a line in classes.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/corpus/talk.h"

namespace clew::corpus {

/// `chain` runs from the client to the server, words divided by blanks:
///   [vxlan] [vlan/geneve] …  what wraps the next link, outermost first: vlan vxlan geneve gre grekey ipip
///   v6        at the start: clients and servers have IPv6 addresses
///   router bridge snat dnat nat fullnat nat64       headers rewritten, all else kept (`nat` does both, one gateway)
///   delta[:data|:notoa|:ts|:noroom]                 FULLNAT with an offset on the client's sequence numbers
///   synproxy[:fullnat|:ts]   fw[:pat|:nots|:id]     SYN proxy; firewall that hides both ISNs
///   dr[:l2|:ipip|:gre|:vxlan|:geneve]               balancer whose servers answer past it, by the box before
///   eats mutes resets[:syn]   a router that loses SYNs, loses their answers, resets connections (already at the SYN)
///   loop      at the end: the last link's routers send packets back and forth
///   relay[:v1|:v2]   http[:id|:trace|:for][:1]      proxies; `1` writes HTTP/1 behind HTTP/2
///   forwarder   of DNS queries, with a memory
///   connect[:name][:user] socks5[:name][:user] socks4[:name]   proxies that the client tells where to, by address or
///   name
struct ClassSpec {
    std::string_view name;
    App app;
    std::string_view chain;
    HttpSignal signal = HttpSignal::none;
    std::string_view group = "nat";  ///< of the score table: nat opening signal stream same datagram hard
};

const std::vector<ClassSpec>& class_specs();
const ClassSpec* find_class(std::string_view name);

std::vector<std::string> words_of(std::string_view text, char divider);

}  // namespace clew::corpus
