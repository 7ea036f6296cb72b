// SPDX-License-Identifier: Apache-2.0
// The store as the control plane uses it, against a real clew-store.
#include <algorithm>
#include <map>
#include <set>

#include "controlplane/http/http.h"
#include "controlplane/store/path_trouble.h"
#include "controlplane/store/schema.h"
#include "tests/controlplane/random_rows.h"
#include "tests/controlplane/store_fixture.h"

namespace clew::store {
namespace {

std::vector<std::string> ids_of(const v1::PathList& list) {
    std::vector<std::string> ids;
    for (const v1::Path& path : list.paths()) ids.push_back(path.path_id());
    return ids;
}

std::map<LegId, StoredLeg> by_id(const std::vector<StoredLeg>& legs) {
    std::map<LegId, StoredLeg> out;
    for (const StoredLeg& leg : legs) out[leg.leg.id] = leg;
    return out;
}

bool same(const StoredLeg& a, const StoredLeg& b) {
    return a.leg == b.leg && a.tap == b.tap && a.clock == b.clock && a.observer == b.observer &&
           a.started_ns == b.started_ns && a.sequence == b.sequence;
}

TEST_F(StoreTest, LegsComeBackAsTheyWereInTheirLatestRevision) {
    const std::uint64_t seed = std::random_device{}();
    RecordProperty("seed", std::to_string(seed));
    RandomRows rows(seed);
    const auto store = open();
    ASSERT_TRUE(store);
    std::map<LegId, StoredLeg> latest;
    for (int batch = 0; batch < 5; ++batch) {
        std::vector<StoredLeg> legs;
        std::set<LegId> ids;
        for (int i = 0; i < 200; ++i) {
            const LegId id = 1 + rows.number(500);
            if (!ids.insert(id).second) continue;
            const auto known = latest.find(id);
            StoredLeg leg = rows.leg(id, known == latest.end() ? 1 : known->second.leg.revision + 1);
            if (known != latest.end()) {
                leg.leg.first_ns = known->second.leg.first_ns;
                leg.leg.last_ns = known->second.leg.last_ns + 1;
            }
            legs.push_back(leg);
        }
        for (const StoredLeg& leg : legs) latest[leg.leg.id] = leg;
        const auto inserted = store->insert_legs(legs);
        ASSERT_TRUE(inserted) << inserted.error().sentence;
    }
    const auto found = store->legs_since(0, 100'000);
    ASSERT_TRUE(found) << found.error().sentence;
    EXPECT_EQ(found->size(), latest.size()) << "seed " << seed;
    for (const StoredLeg& leg : *found)
        EXPECT_TRUE(same(leg, latest[leg.leg.id])) << "leg " << leg.leg.id << " seed " << seed;
    EXPECT_TRUE(std::ranges::is_sorted(*found, {}, [](const StoredLeg& leg) { return leg.leg.first_ns; }));

    std::vector<LegWanted> wanted = {{9'999'999, 1'700'000'000 * ns_per_s}};
    for (const auto& [id, leg] : latest)
        if (wanted.size() < 6) wanted.push_back({id, leg.leg.first_ns});
    const auto asked = store->find_legs(wanted);
    ASSERT_TRUE(asked) << asked.error().sentence;
    EXPECT_EQ(asked->size(), wanted.size() - 1) << "seed " << seed;
    for (const Leg& leg : *asked) EXPECT_EQ(leg.revision, latest[leg.id].leg.revision) << "seed " << seed;

    const auto few = store->legs_since(0, 10);
    ASSERT_TRUE(few);
    EXPECT_EQ(few->size(), 10u);
    const TimeNs since = 1'700'001'800'000'000'000;
    const auto later = store->legs_since(since, 100'000);
    ASSERT_TRUE(later);
    EXPECT_EQ(later->size(), static_cast<std::size_t>(std::ranges::count_if(
                                 latest, [&](const auto& leg) { return leg.second.leg.last_ns >= since; })));
}

TEST_F(StoreTest, ABatchSentAgainChangesNothingAndSequencesAreKnownAfterARestart) {
    RandomRows rows(3);
    auto store = open();
    ASSERT_TRUE(store);
    std::vector<StoredLeg> legs;
    for (LegId id = 1; id <= 100; ++id) legs.push_back(rows.leg(id, 1));
    legs[0].sequence = 9;
    for (int again = 0; again < 3; ++again) ASSERT_TRUE(store->insert_legs(legs));
    EXPECT_EQ(store->last_sequence("sensor\t1", legs[0].started_ns).value_or(0), 9u);
    EXPECT_EQ(store->last_sequence("sensor\t1", legs[0].started_ns + 1).value_or(7), 0u);
    EXPECT_EQ(store->last_sequence("other", legs[0].started_ns).value_or(7), 0u);
    EXPECT_EQ(store->legs_since(0, 1000)->size(), 100u);
    const pid_t first = store_pid();
    store.reset();
    store = open();
    ASSERT_TRUE(store);
    EXPECT_NE(store_pid(), first);
    EXPECT_EQ(store->last_sequence("sensor\t1", legs[0].started_ns).value_or(0), 9u);
    const auto found = store->legs_since(0, 1000);
    ASSERT_TRUE(found);
    const auto found_by_id = by_id(*found);
    ASSERT_EQ(found_by_id.size(), 100u);
    for (const StoredLeg& leg : legs) EXPECT_TRUE(same(leg, found_by_id.at(leg.leg.id)));
}

TEST_F(StoreTest, AnInsertOfManyBatchesIsWholeAtEveryBatchsBorder) {
    RandomRows rows(13);
    const auto store = open();
    ASSERT_TRUE(store);
    std::vector<StoredLeg> legs(101'500, rows.leg(1, 1));
    for (std::size_t i = 0; i < legs.size(); ++i) {
        legs[i].leg.id = i + 1;
        legs[i].sequence = 1 + i / 1000;
    }
    ASSERT_TRUE(store->insert_legs(legs));
    EXPECT_EQ(store->legs_since(0, 1'000'000)->size(), legs.size());
    EXPECT_EQ(store->last_sequence("sensor\t1", legs[0].started_ns).value_or(0), 102u);
    // One part an insert, 100,000 rows and then what is left: block numbers (in 20261123_FIRST_LAST_LEVEL) end at 2.
    long last_block = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ + "/store/store")) {
        if (entry.path().filename() != "minmax_stored_at.idx") continue;
        std::string part = entry.path().parent_path().filename();
        part.resize(part.rfind('_'));
        last_block = std::max(last_block, std::stol(part.substr(part.rfind('_') + 1)));
    }
    EXPECT_EQ(last_block, 2);
}

TEST_F(StoreTest, PathsAreFoundInTheirLatestRevisionNewestFirst) {
    RandomRows rows(4);
    const auto store = open();
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->insert_paths({rows.path(1, 1, 1000), rows.path(2, 1, 2000), rows.path(3, 1, 3000)}));
    v1::Path mended = rows.path(2, 2, 2000, 5);
    mended.mutable_legs(0)->set_process("curl");
    ASSERT_TRUE(store->insert_paths({mended}));
    const auto all = store->find_paths({});
    ASSERT_TRUE(all) << all.error().sentence;
    EXPECT_EQ(ids_of(*all), (std::vector<std::string>{wire::id_text(3), wire::id_text(2), wire::id_text(1)}));
    EXPECT_EQ(all->partial(), "");
    EXPECT_EQ(all->paths(1).SerializeAsString(), mended.SerializeAsString());
    const auto one = store->find_path(wire::id_text(2));
    ASSERT_TRUE(one && *one);
    EXPECT_EQ((*one)->SerializeAsString(), mended.SerializeAsString());

    // An older revision's row may still be there; it must not be found by what it said.
    EXPECT_EQ(store->find_paths({.filter = "path.hops == 3"})->paths_size(), 2);
    // An old revision that comes late changes nothing.
    ASSERT_TRUE(store->insert_paths({rows.path(2, 1, 2000)}));
    EXPECT_EQ(store->find_paths({.filter = "process == curl"})->paths_size(), 1);

    v1::Path retracted;
    retracted.set_path_id(wire::id_text(3));
    retracted.set_revision(2);
    retracted.set_retracted(true);
    retracted.set_merged_into(wire::id_text(2));
    ASSERT_TRUE(store->insert_paths({retracted}));
    EXPECT_EQ(ids_of(*store->find_paths({})), (std::vector<std::string>{wire::id_text(2), wire::id_text(1)}));
    EXPECT_EQ(store->find_path(wire::id_text(3))->value().merged_into(), wire::id_text(2));
    EXPECT_FALSE(store->find_path(wire::id_text(4))->has_value());
    EXPECT_FALSE(store->find_path("nonsense"));
}

TEST_F(StoreTest, TimesAndLimitsCutAndSaySo) {
    RandomRows rows(5);
    const auto store = open();
    ASSERT_TRUE(store);
    std::vector<v1::Path> paths;
    for (std::uint64_t id = 1; id <= 1000; ++id) paths.push_back(rows.path(id, 1, static_cast<std::int64_t>(id)));
    ASSERT_TRUE(store->insert_paths(paths));
    // Every second one is retracted: most candidates of the first look fall out.
    std::vector<v1::Path> gone;
    for (std::uint64_t id = 300; id <= 1000; ++id) {
        v1::Path path;
        path.set_path_id(wire::id_text(id));
        path.set_revision(2);
        path.set_retracted(true);
        gone.push_back(path);
    }
    ASSERT_TRUE(store->insert_paths(gone));
    const auto newest = store->find_paths({.filter = {}, .count_max = 10});
    ASSERT_TRUE(newest) << newest.error().sentence;
    ASSERT_EQ(newest->paths_size(), 10);
    EXPECT_EQ(newest->paths(0).path_id(), wire::id_text(299));
    EXPECT_NE(newest->partial().find("the newest 10 paths"), std::string::npos) << newest->partial();
    const auto oldest = store->find_paths({.filter = {}, .count_max = 10, .oldest_first = true});
    ASSERT_TRUE(oldest);
    EXPECT_EQ(oldest->paths(0).path_id(), wire::id_text(1));
    const auto all = store->find_paths({.filter = {}, .count_max = 299});
    ASSERT_TRUE(all);
    EXPECT_EQ(all->paths_size(), 299);
    EXPECT_EQ(all->partial(), "");
    const TimeNs base = 1'700'000'000'000'000'000;
    EXPECT_EQ(
        store->find_paths({.since_ns = base + 100'000'000, .until_ns = base + 150'000'000, .filter = {}})->paths_size(),
        52);
    const auto wrong = store->find_paths({.filter = "ip.addr == x"});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
}

TEST_F(StoreTest, TheNewestAreFoundWhereverInTheRangeTheyAreAndAPageGoesOnWhereTheLastEnded) {
    RandomRows rows(11);
    const auto store = open();
    ASSERT_TRUE(store);
    constexpr std::uint64_t count = 400;  // one each three minutes: 20 hours
    std::vector<v1::Path> paths;
    for (std::uint64_t id = 1; id <= count; ++id) {
        paths.push_back(rows.path(id, 1, static_cast<std::int64_t>(id) * 180'000));
        paths.back().mutable_legs(0)->set_process(id == 5 || id == 300 ? "rare" : "curl");
    }
    ASSERT_TRUE(store->insert_paths(paths));
    v1::Path gone;  // the newest of all
    gone.set_path_id(wire::id_text(count));
    gone.set_revision(2);
    gone.set_retracted(true);
    ASSERT_TRUE(store->insert_paths({gone}));
    const TimeNs base = paths.front().first_ns() - 180 * ns_per_s;
    PathQuery query{.since_ns = base, .until_ns = base + 21 * 3600 * ns_per_s, .filter = "process == rare"};
    const std::vector<std::string> rare = {wire::id_text(300), wire::id_text(5)};
    EXPECT_EQ(ids_of(*store->find_paths(query)), rare);
    PathQuery longest = query;  // the longest range that the API takes
    longest.since_ns = 1;
    longest.until_ns = TimeNs{1} << 62;
    EXPECT_EQ(ids_of(*store->find_paths(longest)), rare);
    query.filter.clear();
    query.count_max = 70;
    std::vector<std::string> seen, expected;
    for (std::uint64_t id = count - 1; id > 0; --id) expected.push_back(wire::id_text(id));
    do {
        const auto page = store->find_paths(query);
        ASSERT_TRUE(page) << page.error().sentence;
        for (const std::string& id : ids_of(*page)) seen.push_back(id);
        EXPECT_EQ(page->partial().empty(), page->next().empty());
        query.cursor = page->next();
    } while (!query.cursor.empty() && seen.size() < 2 * count);
    EXPECT_EQ(seen, expected);
}

/// Ids of the paths that a filter finds, in ascending order, as small numbers.
std::vector<std::uint64_t> found_by(Store& store, const std::string& filter) {
    const auto list = store.find_paths({.filter = filter});
    if (!list) {
        ADD_FAILURE() << filter << ": " << list.error().sentence;
        return {};
    }
    std::vector<std::uint64_t> ids;
    for (const v1::Path& path : list->paths()) ids.push_back(*wire::parse_id(path.path_id()));
    std::ranges::sort(ids);
    return ids;
}

v1::Path nat_path() {
    RandomRows rows(6);
    v1::Path path = rows.path(1, 1, 1, 3);
    path.mutable_legs(0)->set_client("10.0.0.7:40112");
    path.mutable_legs(0)->set_server("192.0.2.10:443");
    path.mutable_legs(0)->set_vni(100);
    auto* layer = path.mutable_legs(0)->add_layers();
    layer->set_type("vxlan");
    layer->set_id(100);
    layer = path.mutable_legs(0)->add_layers();
    layer->set_type("vlan");
    layer->set_id(7);
    path.mutable_legs(0)->set_process("curl");
    path.mutable_legs(0)->set_pid(4711);
    path.mutable_legs(0)->set_tap("host1/sockets");
    path.mutable_legs(1)->set_client("198.51.100.1:1024");
    path.mutable_legs(1)->set_server("192.0.2.10:443");
    path.mutable_legs(1)->set_tap("edge");
    path.mutable_legs(1)->set_end("fin");
    path.mutable_legs(2)->set_client("10.200.0.1:5000");
    path.mutable_legs(2)->set_server("10.200.0.9:8443");
    path.mutable_legs(2)->set_process("it's \\odd\t\"name\"");
    path.mutable_links(1)->set_kind("fullnat");
    path.mutable_links(1)->set_grade("C");
    path.mutable_legs(0)->set_server_name("shop.example.org");
    for (int i = 0; i < 2; ++i) {
        v1::PathDelay& delay = *path.mutable_links(i)->add_delays();
        delay.set_direction("to_server");
        delay.set_mean_ns((i + 1) * 1'000'000);
        delay.set_samples(4);
        v1::PathLoss& loss = *path.mutable_links(i)->add_losses();
        loss.set_lost(2);
    }
    path.mutable_legs(1)->mutable_to_server()->set_missed(5);
    path.mutable_legs(1)->mutable_to_client()->set_retransmissions(6);
    path.add_resets()->set_by("middlebox");
    path.add_resets()->set_by("server");
    path.mutable_tcp()->set_initial_rtt_ns(30'000'000);
    path.mutable_tcp()->set_fast_retransmissions(1);
    path.mutable_tcp()->set_zero_windows(3);
    return path;
}

v1::Path dns_path() {
    RandomRows rows(7);
    v1::Path path = rows.path(2, 1, 2, 1);
    path.set_proto("udp");
    path.set_unlinked("no-candidate");
    path.mutable_legs(0)->set_client("[2001:db8::1]:5353");
    path.mutable_legs(0)->set_server("[2001:db8::53]:53");
    path.mutable_legs(0)->set_tap("core");
    return path;
}

TEST_F(StoreTest, EveryFilterFindsWhatItSays) {
    const auto store = open();
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->insert_paths({nat_path(), dns_path()}));
    using Ids = std::vector<std::uint64_t>;
    const std::vector<std::pair<const char*, Ids>> cases = {
        {"", {1, 2}},
        {"ip.addr == 10.0.0.7", {1}},
        {"ip.addr == 10.0.0.0/8", {1}},
        {"ip.addr != 10.0.0.0/8", {2}},
        {"ip.addr == 0.0.0.0/0", {1}},
        {"ip.addr == ::/0", {1, 2}},
        {"ip.addr == 2001:db8::/32", {2}},
        {"ip.addr == 10.0.0.8/31", {}},
        {"ip.addr == 10.0.0.6/31", {1}},
        {"ip.src == 10.0.0.7", {1}},
        {"ip.dst == 10.0.0.7", {}},
        {"ip.dst == 192.0.2.10", {1}},
        {"ip.dst in {1.1.1.1, 2001:db8::53}", {2}},
        {"tcp.port == 443", {1}},
        {"udp.port == 443", {}},
        {"udp.port == 53", {2}},
        {"tcp.port == 53", {}},
        {"tcp.srcport == 443", {}},
        {"tcp.dstport == 443", {1}},
        {"udp.srcport == 5353", {2}},
        {"udp.dstport == 53", {2}},
        {"port in {53, 8000..9000}", {1, 2}},
        {"port > 40000", {1}},
        {"port < 100", {2}},
        {"tcp.port != 443", {2}},
        {"tcp.port == 8000..8443", {1}},
        {"tcp.port <= 444", {1}},
        {"proto == tcp", {1}},
        {"proto == udp", {2}},
        {"proto != udp", {1}},
        {"tcp", {1}},
        {"udp", {2}},
        {"icmp", {}},
        {"vxlan.vni == 100", {1}},
        {"vxlan.vni == 7", {}},
        {"vxlan.vni != 7", {1, 2}},
        {"vlan.id == 7", {1}},
        {"vxlan.vni >= 100", {1}},
        {"vxlan.vni > 100", {}},
        {"geneve.vni == 100", {}},
        {"gre.key < 5000", {}},
        {"path.id == 0000000000000002", {2}},
        {"path.grade <= B", {}},
        {"path.grade == C", {1}},
        {"path.grade > B", {1}},
        {"path.grade != C", {2}},
        {"link.grade == B", {1}},
        {"link.grade <= B", {1}},
        {"path.hops >= 3", {1}},
        {"path.hops == 1", {2}},
        {"path.hops < 3", {2}},
        {"link.kind == snat", {1}},
        {"link.kind == fullnat", {1}},
        {"link.kind == relay", {}},
        {"link.kind != relay", {1, 2}},
        {"process == curl", {1}},
        {"process != curl", {2}},
        {"process contains ur", {1}},
        {R"(process == "it's \\odd	\"name\"")", {1}},
        {"process.pid == 4711", {1}},
        {"tap == edge", {1}},
        {"tap contains sock", {1}},
        {"tap == core", {2}},
        {"leg.end == fin", {1}},
        {"path.unlinked == no-candidate", {2}},
        {"path.client == 10.0.0.7", {1}},
        {"path.client == 10.0.0.7:40112", {1}},
        {"path.client == 10.0.0.7:1", {}},
        {"path.server == 10.200.0.0/16", {1}},
        {"path.server == [2001:db8::53]:53", {2}},
        {"path.client == 198.51.100.1", {}},
        {"10.0.0.7", {1}},
        {"198.51.100.1:1024", {1}},
        {"198.51.100.1:443", {}},
        {"[2001:DB8::53]:53", {2}},
        {"2001:db8::/32", {2}},
        {"53", {2}},
        {"0000000000000001", {1}},
        {"curl", {1}},
        {"not curl", {2}},
        {"!(curl or udp)", {}},
        {"curl and tcp", {1}},
        {"curl && udp || core or 53", {2}},
        {"ip.addr eq 10.0.0.7 and not port in {53}", {1}},
        {"path.delay == 3ms", {1}},
        {"path.delay > 3ms", {}},
        {"path.delay < 1h", {1}},  // of a single leg it is not known
        {"path.delay != 3ms", {2}},
        {"link.delay == 2000000", {1}},
        {"link.delay == 1.5ms..2.5ms", {1}},
        {"path.lasted == 1ms", {1, 2}},
        {"path.lasted > 1ms", {}},
        {"path.lost == 4", {1}},
        {"path.lost == 0", {}},
        {"path.capture_gap > 4", {1}},
        {"path.reset_by == server", {1}},
        {"path.reset_by == client", {}},
        {"tcp.analysis.retransmission", {1}},
        {"tcp.analysis.retransmission >= 6", {1}},
        {"tcp.analysis.fast_retransmission == 1", {1}},
        {"tcp.analysis.spurious_retransmission == 0", {1}},
        {"tcp.analysis.out_of_order", {}},
        {"tcp.analysis.duplicate_ack < 1", {1}},
        {"tcp.analysis.zero_window > 2", {1}},
        {"tcp.analysis.window_full or tcp.analysis.keep_alive", {}},
        {"tcp.analysis.initial_rtt > 29ms", {1}},
        {"tcp.analysis.initial_rtt < 29ms", {}},
        {"shop.example.org", {1}},
        {"example.org", {1}},
        {"op.example.org", {}},
    };
    for (const auto& [filter, ids] : cases) EXPECT_EQ(found_by(*store, filter), ids) << filter;
}

TEST_F(StoreTest, OfRowsFromBeforeVersion9IsToldWhatTheirOtherColumnsTell) {
    auto store = open();
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->insert_paths({nat_path(), dns_path()}));
    store.reset();
    {
        auto client = ClickHouseClient::connect(settings());
        ASSERT_TRUE(client) << client.error().sentence;
        for (const std::string& name : trouble_column_names())
            for (const char* table : {"paths", "address_paths", "open_address_paths"})
                must_ask(**client, settings(), std::string("ALTER TABLE ") + table + " DROP COLUMN " + name);
        for (const char* name : {"tcp_known", "handshake_ns", "duplicate_acks", "rtt_to_client_sum_ns"})
            must_ask(**client, settings(), std::string("ALTER TABLE legs DROP COLUMN ") + name);
        must_ask(**client, settings(), "DELETE FROM schema_versions WHERE version > 8");
    }
    store = open();
    ASSERT_TRUE(store);
    const std::vector<std::pair<const char*, std::vector<std::uint64_t>>> cases = {
        {"path.delay == 3ms", {1}},
        {"path.delay < 1h", {1}},
        {"link.delay == 2ms", {1}},
        {"path.lost == 4", {1}},
        {"path.capture_gap == 5", {1}},
        {"path.lasted == 1ms", {1, 2}},
        {"tcp.analysis.retransmission", {1}},
        {"tcp.analysis.zero_window == 0", {}},  // not known is not zero
        {"tcp.analysis.zero_window > 0", {}},
        {"tcp.analysis.initial_rtt < 1h", {}},
        {"path.reset_by in {client, server, relay, middlebox}", {}},
    };
    for (const auto& [filter, ids] : cases) EXPECT_EQ(found_by(*store, filter), ids) << filter;
    const auto worst = store->find_paths({.filter = {}, .abnormal_first = true});
    ASSERT_TRUE(worst) << worst.error().sentence;
    EXPECT_EQ(ids_of(*worst), (std::vector<std::string>{wire::id_text(1), wire::id_text(2)}));
    v1::Path mended = nat_path();
    mended.set_revision(2);
    ASSERT_TRUE(store->insert_paths({mended}));
    EXPECT_EQ(found_by(*store, "tcp.analysis.zero_window == 3"), (std::vector<std::uint64_t>{1}));
}

TEST_F(StoreTest, TimesOfPathsAreNotPacked) {
    auto store = open();
    ASSERT_TRUE(store);
    store.reset();
    auto client = ClickHouseClient::connect(settings());
    ASSERT_TRUE(client) << client.error().sentence;
    EXPECT_EQ(must_ask(**client, settings(),
                       "SELECT arrayStringConcat(groupArray(name), ' ') FROM system.columns WHERE database = "
                       "currentDatabase() AND table = 'paths' AND compression_codec = 'CODEC(NONE)' FORMAT "
                       "TabSeparatedRaw"),
              "first_ns last_ns stored_at\n");
}

TEST_F(StoreTest, TheAnalysisOfLegsIsSummedInTheStore) {
    auto store = open();
    ASSERT_TRUE(store);
    RandomRows rows(12);
    std::vector<StoredLeg> legs = {rows.leg(1, 1), rows.leg(2, 1), rows.leg(3, 1)};
    for (StoredLeg& stored : legs) {
        stored.leg.protocol = stored.leg.id == 3 ? Protocol::udp : Protocol::tcp;
        stored.leg.observer = Observer::mirror;
        if (stored.leg.id == 3) continue;
        stored.leg.tcp.flows[0].duplicate_acks = 2;
        stored.leg.tcp.flows[1].duplicate_acks = 3;
        stored.leg.tcp.flows[1].capture_gap_bytes = 1000;
        stored.leg.tcp.flows[1].rtt.add(7'000);
        stored.leg.tcp.handshake = 40'000;
    }
    ASSERT_TRUE(store->insert_legs(legs));
    store.reset();
    auto client = ClickHouseClient::connect(settings());
    ASSERT_TRUE(client) << client.error().sentence;
    EXPECT_EQ(must_ask(**client, settings(),
                       "SELECT sum(duplicate_acks), sum(capture_gap_bytes), sum(rtt_to_client_sum_ns), "
                       "sum(rtt_to_client_count), max(handshake_ns), countIf(tcp_known) FROM legs FORMAT TabSeparated"),
              "10\t2000\t14000\t2\t40000\t2\n");
}

TEST_F(StoreTest, AbnormalFirstIsTheStoresOrderPageAfterPageInTheLatestRevisions) {
    RandomRows rows(13);
    auto store = open();
    ASSERT_TRUE(store);
    constexpr std::uint64_t count = 500;
    std::vector<v1::Path> early, late;
    for (std::uint64_t id = 1; id <= count; ++id) {
        v1::Path path = rows.path(id, 1, static_cast<std::int64_t>(rows.number(20 * 3600)) * 1000);
        const auto again = [&](std::uint64_t most) {
            path.mutable_legs(0)->mutable_to_server()->set_retransmissions(
                static_cast<std::uint32_t>(rows.number(most)));
        };
        again(40);
        early.push_back(path);
        path.set_revision(2);
        again(rows.number(3) == 0 ? 40 : 2);  // most turn out to be well, some to be worse
        path.set_retracted(rows.number(10) == 0);
        late.push_back(path);
    }
    ASSERT_TRUE(store->insert_paths(early));
    ASSERT_TRUE(store->insert_paths(late));
    std::erase_if(late, [](const v1::Path& path) { return path.retracted(); });
    std::ranges::sort(late, [](const v1::Path& a, const v1::Path& b) {
        const auto x = trouble_of(a).oddness, y = trouble_of(b).oddness;
        return x != y ? x > y : a.first_ns() != b.first_ns() ? a.first_ns() > b.first_ns() : a.path_id() < b.path_id();
    });
    std::vector<std::string> expected, seen;
    for (const v1::Path& path : late) expected.push_back(path.path_id());
    const TimeNs base = 1'700'000'000'000'000'000;
    PathQuery query{.since_ns = base, .until_ns = base + 21 * 3600 * ns_per_s, .filter = {}, .count_max = 37};
    query.abnormal_first = true;
    do {
        const auto page = store->find_paths(query);
        ASSERT_TRUE(page) << page.error().sentence;
        for (const std::string& id : ids_of(*page)) seen.push_back(id);
        EXPECT_EQ(page->partial().empty(), page->next().empty());
        if (!page->partial().empty()) {
            EXPECT_NE(page->partial().find("the most abnormal 37 paths"), std::string::npos) << page->partial();
        }
        query.cursor = page->next();
    } while (!query.cursor.empty() && seen.size() < 2 * count);
    EXPECT_EQ(seen, expected);
    store.reset();
    {
        auto client = ClickHouseClient::connect(settings());
        ASSERT_TRUE(client) << client.error().sentence;
        for (const char* revision : {"1, false, 60000", "2, true, 0"})  // the worst of all, and then taken back
            must_ask(
                **client, settings(),
                "INSERT INTO paths (path_id, revision, retracted, oddness, unlinked, first_ns, last_ns, stored_at) "
                "SELECT 1000000 + number, " +
                    std::string(revision) + ", 'linked', " + std::to_string(base) + ", " + std::to_string(base + 1) +
                    ", toDateTime(1700000000) FROM numbers(80000)");
    }
    store = open();
    ASSERT_TRUE(store);
    const auto behind_many = store->find_paths(query);
    ASSERT_TRUE(behind_many) << behind_many.error().sentence;
    expected.resize(query.count_max);
    EXPECT_EQ(ids_of(*behind_many), expected);
    query.cursor = "12.00000000000000ff";
    EXPECT_EQ(store->find_paths(query).error().kind, ErrorKind::usage);
}

TEST_F(StoreTest, AnAnswerOfManyBytesIsCutAndGoesOn) {
    RandomRows rows(14);
    const auto store = open();
    ASSERT_TRUE(store);
    std::vector<v1::Path> paths;
    for (std::uint64_t id = 1; id <= 20; ++id) {
        paths.push_back(rows.path(id, 1, static_cast<std::int64_t>(id)));
        paths.back().mutable_links(0)->set_changes(std::string(100'000, 'x'));
    }
    ASSERT_TRUE(store->insert_paths(paths));
    for (const bool abnormal : {false, true}) {
        PathQuery query{.since_ns = 1, .filter = {}, .count_max = 1000};
        query.bytes_max = 1 << 20;
        query.abnormal_first = abnormal;
        std::vector<std::string> seen;
        int pages = 0;
        do {
            const auto page = store->find_paths(query);
            ASSERT_TRUE(page) << page.error().sentence;
            EXPECT_LE(page->ByteSizeLong(), query.bytes_max + 1000);
            for (const std::string& id : ids_of(*page)) seen.push_back(id);
            query.cursor = page->next();
            if (!query.cursor.empty()) {
                EXPECT_NE(page->partial().find("larger than 1 MiB"), std::string::npos) << page->partial();
            }
        } while (!query.cursor.empty() && ++pages < 10);
        EXPECT_EQ(seen.size(), paths.size());
        EXPECT_EQ(pages, 1);
        query.bytes_max = 1;
        query.cursor.clear();
        EXPECT_EQ(store->find_paths(query)->paths_size(), 1) << "one at least, however large";
    }
}

TEST_F(StoreTest, ASearchThatTakesTooLongEndsAndSaysSo) {
    StoreSettings with = settings();
    with.query_timeout_ms = 1;
    const auto store = open(with);
    ASSERT_TRUE(store);
    RandomRows rows(14);
    std::vector<v1::Path> paths;
    for (std::uint64_t id = 1; id <= 20'000; ++id) paths.push_back(rows.path(id, 1, static_cast<std::int64_t>(id), 8));
    ASSERT_TRUE(store->insert_paths(paths));
    const auto found = store->find_paths({.filter = "ip.addr == 11.0.0.0/8 and process contains x", .count_max = 100});
    ASSERT_TRUE(found) << found.error().sentence;
    EXPECT_NE(found->partial().find("longer than 1 ms"), std::string::npos) << found->partial();
}

TEST_F(StoreTest, ARunningServerIsUsedByItsAddress) {
    const auto owner = open();
    ASSERT_TRUE(owner);
    StoreSettings by_address = settings();
    by_address.url = "http://127.0.0.1:1";
    const auto nobody = Store::open(by_address);
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().kind, ErrorKind::unreachable);
    by_address.url = "nonsense";
    EXPECT_EQ(Store::open(by_address).error().kind, ErrorKind::usage);
    by_address.database = "a; DROP";
    EXPECT_EQ(Store::open(by_address).error().kind, ErrorKind::usage);
}

TEST_F(StoreTest, ALaterSchemaIsRefusedAndRetentionCanChange) {
    StoreSettings with = settings();
    ASSERT_TRUE(open(with));
    with.retention_hours = 5;
    const auto store = open(with);
    ASSERT_TRUE(store);
    RandomRows rows(8);
    EXPECT_TRUE(store->insert_paths({rows.path(1, 1, 1)}));
    EXPECT_EQ(store->find_paths({})->paths_size(), 1);
}

}  // namespace
}  // namespace clew::store
