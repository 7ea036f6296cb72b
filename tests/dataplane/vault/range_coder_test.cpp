// SPDX-License-Identifier: Apache-2.0
// What the range coder writes it reads again, whatever was expected; damaged bytes give values, never a fault.
#include "dataplane/vault/range_coder.h"

#include <gtest/gtest.h>

#include <random>

#include "dataplane/vault/number_model.h"

namespace clew::vault {
namespace {

/// A mixture of all calls; `surprise` of 100 symbols are not the usual one.
struct Mixture {
    explicit Mixture(std::uint32_t seed, unsigned surprise) : random(seed), surprise_percent(surprise) {}

    template <class Coder>
    void code(Coder& coder, std::vector<std::uint64_t>& values, std::size_t at) {
        const std::uint64_t value = values[at];
        switch (at % 5) {
            case 4: values[at] = mixed.code(coder, at % 3, at % 2, static_cast<unsigned>(value)); break;
            case 0: values[at] = symbols.code(coder, at % 10 / 5, static_cast<unsigned>(value)); break;
            case 1: values[at] = coder.bit(probability, value != 0); break;
            case 2: values[at] = coder.raw(static_cast<std::uint32_t>(value), 1 + at % 32); break;
            default: values[at] = numbers.code(coder, at % 3, value);
        }
    }
    std::uint64_t next(std::size_t at) {
        const bool usual = random() % 100 >= surprise_percent;
        switch (at % 5) {
            case 4:
            case 0: return usual ? 3 : random() % 16;
            case 1: return usual ? 1 : random() % 2;
            case 2: return random() & ((1ull << (1 + at % 32)) - 1) & 0xffff'ffff;
            default: return usual ? random() % 100 : (std::uint64_t{random()} << 32 | random()) >> (1 + random() % 63);
        }
    }

    std::mt19937 random;
    unsigned surprise_percent;
    SymbolModels<2> symbols;
    Probability probability;
    MixedModels<3, 2> mixed;
    NumberModel<3> numbers;
};

/// Two models that have learnt what they like to: every symbol keeps a share, and all shares are the whole.
TEST(MixedModel, NoSymbolLosesItsShare) {
    std::mt19937 random(1);
    MixedModel fine;
    SymbolModel coarse;
    for (unsigned round = 0; round < 200'000; ++round) {
        if (round % 5000 == 0) fine = {}, coarse = {};
        const unsigned usual = round / 1000 % SymbolModel::count;
        if (round % 3 == 0)
            coarse.learn(random() % 50 == 0 ? random() % SymbolModel::count : usual ^ 7);
        else
            fine.learn(coarse, random() % 50 == 0 ? random() % SymbolModel::count : usual);
        ASSERT_EQ(fine.below(coarse, 0), 0u);
        ASSERT_EQ(fine.below(coarse, SymbolModel::count), 1u << chance_bits);
        for (unsigned symbol = 0; symbol < SymbolModel::count; ++symbol) {
            ASSERT_LT(fine.below(coarse, symbol), fine.below(coarse, symbol + 1)) << "round " << round;
            ASSERT_EQ(fine.find(coarse, fine.below(coarse, symbol)), symbol);
            ASSERT_EQ(fine.find(coarse, fine.below(coarse, symbol + 1) - 1), symbol);
        }
    }
}

TEST(RangeCoder, WhatGoesInComesOut) {
    for (unsigned surprise : {0u, 1u, 20u, 100u}) {
        for (std::uint32_t seed = 1; seed <= 20; ++seed) {
            Mixture writer(seed, surprise);
            std::vector<std::uint64_t> values(1 + 500 * seed);
            std::vector<std::uint8_t> bytes{1, 2, 3};
            RangeEncoder encoder(bytes);
            for (std::size_t at = 0; at < values.size(); ++at) {
                values[at] = writer.next(at);
                writer.code(encoder, values, at);
            }
            encoder.finish();
            Mixture reader(0, 0);
            std::vector<std::uint64_t> read(values.size());
            RangeDecoder decoder(std::span<const std::uint8_t>(bytes).subspan(3));
            for (std::size_t at = 0; at < read.size(); ++at) reader.code(decoder, read, at);
            ASSERT_EQ(read, values) << "surprise " << surprise << ", seed " << seed;
            EXPECT_FALSE(decoder.overrun());
        }
    }
}

/// All bytes 0xff or 0 ahead make long carries.
TEST(RangeCoder, ACarryRunsThroughManyBytes) {
    Probability unlikely, likely;
    std::vector<std::uint8_t> bytes;
    RangeEncoder encoder(bytes);
    for (unsigned i = 0; i < 200; ++i) encoder.raw(0xffff'ffff, 32);
    for (unsigned i = 0; i < 64; ++i) encoder.bit(unlikely, i % 2 == 0);
    encoder.finish();
    RangeDecoder decoder(bytes);
    for (unsigned i = 0; i < 200; ++i) ASSERT_EQ(decoder.raw(0, 32), 0xffff'ffffu);
    for (unsigned i = 0; i < 64; ++i) ASSERT_EQ(decoder.bit(likely, false), i % 2 == 0);
}

TEST(RangeCoder, AnyBytesAreReadToTheirEndAndTold) {
    std::mt19937 random(5);
    for (unsigned round = 0; round < 200; ++round) {
        std::vector<std::uint8_t> bytes(random() % 64);
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(round % 3 == 0 ? 0xff : random());
        Mixture reader(0, 0);
        std::vector<std::uint64_t> read(4000);
        RangeDecoder decoder(bytes);
        for (std::size_t at = 0; at < read.size(); ++at) reader.code(decoder, read, at);
        EXPECT_TRUE(decoder.overrun());
    }
}

/// The rule of learning in plain numbers: the same with and without vectors, or two sensors would not read each other.
TEST(SymbolModel, LearnsByThePlainRule) {
    std::mt19937 random(9);
    SymbolModel model;
    std::array<std::int32_t, 17> expected{};
    for (int i = 0; i <= 16; ++i) expected[static_cast<std::size_t>(i)] = i * 2048;
    for (int n = 0; n < 5000; ++n) {
        const unsigned symbol = n < 1000 ? 7 : random() % 16;
        model.learn(symbol);
        const std::int32_t rate = 65535 / (std::min(n, 20) + 3);
        for (unsigned i = 0; i < 16; ++i) {
            const std::int32_t aim = static_cast<std::int32_t>(i <= symbol ? i * 4 : 32768 - (16 - i) * 4);
            expected[i] += (aim - expected[i]) * rate >> 16;
        }
        for (unsigned i = 0; i < 16; ++i) {
            ASSERT_EQ(static_cast<std::int32_t>(model.below(i)), expected[i]);
            ASSERT_GE(model.chance_of(i), 3u);
            ASSERT_EQ(model.find(model.below(i)), i);
            ASSERT_EQ(model.find(model.below(i) + model.chance_of(i) - 1), i);
        }
    }
    EXPECT_EQ(model.find(~0ull), 15u);
}

}  // namespace
}  // namespace clew::vault
