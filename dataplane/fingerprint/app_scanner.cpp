// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/app_scanner.h"

#include <algorithm>
#include <array>
#include <bit>

#include <hs/hs.h>

#include "dataplane/fingerprint/app_database.h"
#include "dataplane/fingerprint/datagram.h"
#include "nat-trace/check.h"

namespace clew::sensor {
namespace {

struct Signature {
    App app;
    AppCheck check;
};

constexpr Signature signatures[] = {
#define CLEW_SIGNATURE(app, transport, expression, check) {App::app, app_check::check},
#include "dataplane/fingerprint/app_signatures.def"
#undef CLEW_SIGNATURE
};
static_assert(std::size(signatures) <= 64, "candidates are the bits of one word");

struct Databases {
    hs_database_t* tcp = load_signatures(Carrier::tcp);
    hs_database_t* udp = load_signatures(Carrier::udp);
    FirstBytes tcp_first_bytes{expressions_of(Carrier::tcp)};
    FirstBytes udp_first_bytes{expressions_of(Carrier::udp)};
    ~Databases() {
        hs_free_database(tcp);
        hs_free_database(udp);
    }
};

const Databases& databases() {
    static const Databases made;
    return made;
}

int note_match(unsigned id, unsigned long long, unsigned long long, unsigned, void* candidates) {
    *static_cast<std::uint64_t*>(candidates) |= std::uint64_t{1} << id;
    return 0;
}

}  // namespace

AppScanner::AppScanner()
    : tcp_(databases().tcp),
      udp_(databases().udp),
      tcp_first_bytes_(databases().tcp_first_bytes),
      udp_first_bytes_(databases().udp_first_bytes) {
    CLEW_CHECK(hs_alloc_scratch(tcp_, &scratch_) == HS_SUCCESS && hs_alloc_scratch(udp_, &scratch_) == HS_SUCCESS);
}

AppScanner::~AppScanner() { hs_free_scratch(scratch_); }

App AppScanner::name(const PayloadLook& look, bool datagram) {
    constexpr std::uint16_t port_mdns = 5353, port_llmnr = 5355;
    constexpr std::size_t dns_header_bytes = 12;
    if (look.bytes.empty()) return App::unknown;
    const bool named = datagram && look.bytes.size() >= dns_header_bytes && !look.on_port(port_dns);
    if (named && look.on_port(port_mdns)) return App::mdns;
    if (named && look.on_port(port_llmnr)) return App::llmnr;
    if (!(datagram ? udp_first_bytes_ : tcp_first_bytes_).may_match(look.bytes)) return App::unknown;
    std::uint64_t candidates = 0;
    const auto size = static_cast<unsigned>(std::min<std::size_t>(look.bytes.size(), app_scan_bytes));
    hs_scan(datagram ? udp_ : tcp_, reinterpret_cast<const char*>(look.bytes.data()), size, 0, scratch_, note_match,
            &candidates);
    for (; candidates != 0; candidates &= candidates - 1) {
        const Signature& signature = signatures[std::countr_zero(candidates)];
        if (signature.check(look)) return signature.app;
    }
    return App::unknown;
}

}  // namespace clew::sensor
