// SPDX-License-Identifier: Apache-2.0
// First bytes against Hyperscan itself: no payload that a signature matches is told to match none. Payloads are made
// from the signatures' own texts, cut, changed and put together, so that many match.
#include "dataplane/fingerprint/first_bytes.h"

#include <gtest/gtest.h>
#include <hs/hs.h>

#include <random>
#include <string>

#include "dataplane/fingerprint/app_database.h"
#include "dataplane/fingerprint/app_scanner.h"
#include "tests/dataplane/seed.h"

namespace clew::sensor {
namespace {

bool may_match(const FirstBytes& first, std::string_view text) {
    return first.may_match({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

TEST(FirstBytes, TellAlternativesClassesAndRepetitionsApart) {
    const std::vector<const char*> texts = {R"(^(?:GET|PUT) )", R"(^a{2,3}[x-z\x00]$)", R"(^b(?i:Cd|e)?.\.)"};
    const FirstBytes first(texts);
    for (const char* yes : {"GET /", "PUT x", "aax", "aaaz", "bcD!.", "b..", "bE?.", "aa", "G"})
        EXPECT_TRUE(may_match(first, yes)) << yes;
    for (const char* no : {"PET x", "GUT x", "GEx", "ax", "aaw", "c", " GET"}) EXPECT_FALSE(may_match(first, no)) << no;
}

class AgainstHyperscan : public testing::TestWithParam<Carrier> {};

TEST_P(AgainstHyperscan, NothingThatMatchesIsLeftOut) {
    std::mt19937_64 random(printed_seed());
    const std::vector<const char*> texts = expressions_of(GetParam());
    const FirstBytes first(texts);
    hs_database_t* database = compile_signatures(GetParam());
    hs_scratch_t* scratch = nullptr;
    ASSERT_EQ(hs_alloc_scratch(database, &scratch), HS_SUCCESS);
    const auto matches = [&](const std::string& payload) {
        bool found = false;
        const auto note = [](unsigned, unsigned long long, unsigned long long, unsigned, void* to) {
            *static_cast<bool*>(to) = true;
            return 1;
        };
        hs_scan(database, payload.data(), static_cast<unsigned>(payload.size()), 0, scratch, note, &found);
        return found;
    };
    // Pieces of the signatures' literals, and bytes that are in their classes.
    const auto piece = [&](const std::string& text) {
        std::string made;
        for (std::size_t at = 1; at < text.size(); ++at) {
            const char c = text[at];
            if (c == '\\' && at + 1 < text.size()) {
                const char escaped = text[++at];
                if (escaped == 'x' && at + 2 < text.size()) {
                    made += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
                    at += 2;
                } else {
                    made += escaped == 'r' ? '\r' : escaped == 'n' ? '\n' : escaped;
                }
            } else if (c == '.') {
                made += static_cast<char>(random());
            } else if (c == '|') {
                if (random() % 3 == 0) break;
                made.clear();
            } else if (c == '[' || c == ']' || c == '(' || c == ')' || c == '?' || c == ':' || c == '+' || c == '*') {
                continue;
            } else if (c == '{') {
                const std::size_t close = text.find('}', at);
                const char repeated = made.empty() ? 'a' : made.back();
                made += std::string(random() % 12, repeated);
                at = close;
            } else {
                made += c;
            }
        }
        return made;
    };
    std::size_t matched = 0, left_out = 0;
    for (int round = 0; round < 200'000; ++round) {
        std::string payload = piece(texts[random() % texts.size()]);
        for (std::size_t changes = random() % 4; changes != 0 && !payload.empty(); --changes) {
            const std::size_t at = random() % std::min<std::size_t>(payload.size(), 20);
            if (random() % 2 == 0)
                payload[at] = static_cast<char>(random() % 3 == 0 ? random() : random() % 16);
            else
                payload.erase(at, 1);
        }
        payload += std::string(random() % 20, static_cast<char>(random() % 2 == 0 ? random() : 0));
        if (payload.empty()) continue;
        const bool may = may_match(first, payload);
        left_out += !may;
        if (!matches(payload)) continue;
        ++matched;
        ASSERT_TRUE(may) << testing::PrintToString(payload);
    }
    EXPECT_GT(matched, 10'000u) << "the payloads are near to the signatures";
    EXPECT_GT(left_out, 10'000u) << "and not all are let through";
    hs_free_scratch(scratch);
    hs_free_database(database);
}

INSTANTIATE_TEST_SUITE_P(, AgainstHyperscan, testing::Values(Carrier::tcp, Carrier::udp));

TEST(FirstBytes, MostOrdinaryBytesNeedNoScan) {
    const FirstBytes tcp(expressions_of(Carrier::tcp));
    EXPECT_FALSE(may_match(tcp, std::string(40, 'p')));
    std::mt19937_64 random(printed_seed());
    int may = 0;
    for (int round = 0; round < 10'000; ++round) {
        std::string payload(40, '\0');
        for (char& c : payload) c = static_cast<char>(random());
        may += may_match(tcp, payload);
    }
    EXPECT_LT(may, 1'000) << "of 10,000 random payloads";
}

}  // namespace
}  // namespace clew::sensor
