// SPDX-License-Identifier: Apache-2.0
#include "dataplane/fingerprint/first_bytes.h"

#include <bitset>
#include <cctype>

namespace clew::sensor {
namespace {

using Places = std::uint32_t;  ///< bit i: a match may have come to byte i; the last stands for all behind
using ByteSet = std::bitset<256>;

constexpr unsigned place_last = FirstBytes::place_count;

Places next(Places places) { return places << 1 & ((Places{2} << place_last) - 1); }

}  // namespace

/// Walks through one expression at a time, with all places at which a match may be.
class FirstBytesMaker {
  public:
    FirstBytesMaker(FirstBytes& to, std::string_view text) : to_(to), text_(text) {}

    void make() {
        open_branch();
        any_from(take('^') ? read_alternatives(1) : 1);
    }

  private:
    bool at_end() const { return at_ == text_.size(); }
    char look() const { return at_end() ? '\0' : text_[at_]; }
    bool take(char c) {
        if (look() != c || at_end()) return false;
        ++at_;
        return true;
    }
    bool take(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }

    /// The same branch goes on where there is no room for another.
    void open_branch() {
        if (branch_count_of(to_) == FirstBytes::branch_count_max) return;
        branch_ = branch_count_of(to_);
        to_.all_[branch_ / 64] |= std::uint64_t{1} << branch_ % 64;
    }
    static std::size_t branch_count_of(const FirstBytes& of) {
        std::size_t count = 0;
        for (const std::uint64_t word : of.all_) count += static_cast<std::size_t>(__builtin_popcountll(word));
        return count;
    }

    void allow(Places places, const ByteSet& bytes) {
        if (bytes.all()) return allow_any(places);
        for (unsigned place = 0; place < place_last; ++place) {
            if ((places >> place & 1) == 0) continue;
            for (std::size_t byte = 0; byte < bytes.size(); ++byte)
                if (bytes[byte]) to_.fitting_[place][byte][branch_ / 64] |= std::uint64_t{1} << branch_ % 64;
        }
    }
    /// A match that is over, or not understood any further.
    void any_from(Places places) {
        Places from = 0;
        for (unsigned place = 0; place <= place_last; ++place)
            if ((places >> place & 1) != 0) from |= ~Places{0} << place;
        allow_any(from);
    }
    void allow_any(Places places) {
        for (unsigned place = 0; place < place_last; ++place)
            if ((places >> place & 1) != 0) to_.any_[place][branch_ / 64] |= std::uint64_t{1} << branch_ % 64;
    }

    /// Until ')' or the end. At a payload's first byte each alternative is a branch, and is done with when it ends.
    Places read_alternatives(Places from) {
        const bool splits = from == 1;
        Places ends = read_sequence(from);
        while (take('|')) {
            if (splits) {
                // What follows the group is not looked at: a branch that ends here may go on with anything.
                any_from(ends);
                ends = 0;
                open_branch();
            }
            ends |= read_sequence(from);
        }
        return ends;
    }

    /// What stands at a payload's first byte, and may stand there a few times, is a branch for each number of times.
    Places read_sequence(Places from) {
        constexpr unsigned branches_max = 8;
        if (from != 1 || ends_here()) return read_rest(from);
        const std::size_t begin = at_;
        unsigned least = 1, most = 1;
        read_one(0);
        read_count(least, most);
        const std::size_t behind = at_;
        if (most - least >= branches_max) {
            at_ = begin;
            return read_rest(from);
        }
        Places ends = 0;
        for (unsigned times = least; times <= most; ++times) {
            if (times != least) {
                any_from(ends);
                open_branch();
            }
            Places places = from;
            for (unsigned n = 0; n < times; ++n) {
                at_ = begin;
                places = read_one(places);
            }
            at_ = behind;
            ends = read_rest(places);
        }
        return ends;
    }

    bool ends_here() const { return at_end() || look() == '|' || look() == ')'; }

    Places read_rest(Places places) {
        while (!ends_here()) places = read_repeated(places);
        return places;
    }

    Places read_repeated(Places from) {
        const std::size_t begin = at_;
        Places ends = read_one(from);
        unsigned least = 1, most = 1;
        if (!read_count(least, most)) return ends;
        const std::size_t behind = at_;
        Places reached = least == 0 ? from : 0;
        if (least <= 1) reached |= ends;
        for (unsigned n = 2; n <= std::min(most, place_last + 1); ++n) {
            at_ = begin;
            ends = read_one(ends);
            if (n >= least) reached |= ends;
        }
        at_ = behind;
        return reached;
    }

    bool read_count(unsigned& least, unsigned& most) {
        constexpr unsigned many = ~0u;
        if (take('?')) return least = 0, most = 1, true;
        if (take('*')) return least = 0, most = many, true;
        if (take('+')) return least = 1, most = many, true;
        if (!take('{')) return false;
        least = most = read_number();
        if (take(',')) most = look() == '}' ? many : read_number();
        take('}');
        return true;
    }
    unsigned read_number() {
        unsigned number = 0;
        while (std::isdigit(static_cast<unsigned char>(look())))
            number = number * 10 + static_cast<unsigned>(text_[at_++] - '0');
        return number;
    }

    Places read_one(Places from) {
        if (take("(?:")) return read_group(from, false);
        if (take("(?i:")) return read_group(from, true);
        if (take('(')) return read_group(from, false);
        if (take('$')) return from;
        ByteSet bytes;
        any_byte_ = false;
        if (take('.'))
            bytes.set();
        else if (take('['))
            bytes = read_class();
        else
            bytes.set(read_byte());
        if (folds_case_) fold_case(bytes);
        if (any_byte_) bytes.set();
        allow(from, bytes);
        return next(from);
    }

    Places read_group(Places from, bool folds_case) {
        const bool before = folds_case_;
        folds_case_ |= folds_case;
        const Places ends = read_alternatives(from);
        take(')');
        folds_case_ = before;
        return ends;
    }

    static void fold_case(ByteSet& bytes) {
        for (unsigned lower = 'a'; lower <= 'z'; ++lower) {
            const unsigned upper = lower - 'a' + 'A';
            bytes[lower] = bytes[upper] = bytes[lower] || bytes[upper];
        }
    }

    ByteSet read_class() {
        ByteSet bytes;
        const bool others = take('^');
        while (!at_end() && !take(']')) {
            const std::size_t first = read_byte();
            const bool range = look() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
            if (range) ++at_;
            const std::size_t last = range ? read_byte() : first;
            for (std::size_t byte = first; byte <= last; ++byte) bytes.set(byte);
        }
        return others ? ~bytes : bytes;
    }

    std::size_t read_byte() {
        if (!take('\\')) return static_cast<unsigned char>(at_end() ? '\0' : text_[at_++]);
        const char escaped = at_end() ? '\\' : text_[at_++];
        switch (escaped) {
            case 'r': return '\r';
            case 'n': return '\n';
            case 't': return '\t';
            case 'x': {
                const auto digit = [&] {
                    const char c = at_end() ? '0' : text_[at_++];
                    return static_cast<std::size_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
                };
                const std::size_t high = digit();
                return high << 4 | digit();
            }
            default:
                any_byte_ |= std::isalnum(static_cast<unsigned char>(escaped)) != 0;  // a class by a letter
                return static_cast<unsigned char>(escaped);
        }
    }

    FirstBytes& to_;
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t branch_ = 0;
    bool folds_case_ = false;
    bool any_byte_ = false;  ///< what was read last is not understood
};

FirstBytes::FirstBytes(std::span<const char* const> expressions) {
    for (const char* const expression : expressions) FirstBytesMaker(*this, expression).make();
    for (std::size_t place = 0; place < place_count; ++place)
        for (Branches& fit : fitting_[place])
            for (std::size_t i = 0; i < fit.size(); ++i) fit[i] |= any_[place][i];
}

}  // namespace clew::sensor
