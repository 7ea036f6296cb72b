// SPDX-License-Identifier: Apache-2.0
// The only source of chance of a corpus: the same seed gives the same corpus, byte for byte, on every machine.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace clew::corpus {

constexpr std::uint64_t mix64(std::uint64_t x) {
    x ^= x >> 30, x *= 0xbf58476d1ce4e5b9ull;
    x ^= x >> 27, x *= 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

class Rng {
  public:
    explicit Rng(std::uint64_t seed) : state_(mix64(seed + 0x9e3779b97f4a7c15ull)) {}

    std::uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15ull); }
    std::uint32_t word() { return static_cast<std::uint32_t>(next() >> 32); }
    std::uint64_t below(std::uint64_t n) { return next() % n; }
    /// Both ends included.
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
    }
    double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    bool chance(double share) { return unit() < share; }
    double exponential(double mean) { return -mean * std::log(1.0 - unit()); }

    std::string bytes(std::size_t count) {
        std::string out(count, '\0');
        for (char& c : out) c = static_cast<char>(next() >> 56);
        return out;
    }
    std::string text(std::size_t count, std::string_view alphabet) {
        std::string out(count, '\0');
        for (char& c : out) c = alphabet[below(alphabet.size())];
        return out;
    }
    std::string hex(std::size_t count) { return text(count, "0123456789abcdef"); }

    /// A generator of its own, so that one part's use of chance does not shift another's.
    Rng fork() { return Rng(next()); }

  private:
    std::uint64_t state_;
};

}  // namespace clew::corpus
