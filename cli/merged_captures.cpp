// SPDX-License-Identifier: Apache-2.0
#include "cli/merged_captures.h"

#include <algorithm>

#include "dataplane/source/pcap_file.h"

namespace clew::cli {

void MergedCaptures::Reader::fill() {
    if (!empty()) return;
    source->release();
    begin = 0;
    end = source->receive(burst);
}

Result<MergedCaptures> MergedCaptures::open(const std::vector<TapFile>& taps, const std::vector<TapId>& tap_ids) {
    MergedCaptures merged;
    TimeNs first = INT64_MAX, last = 0;
    for (std::size_t i = 0; i < taps.size(); ++i) {
        auto source = sensor::PcapFile::open(taps[i].file, tap_ids[i]);
        if (!source)
            return tl::make_unexpected(
                Error{source.error().kind, "tap " + taps[i].name + ": " + source.error().sentence});
        auto reader = std::make_unique<Reader>();
        reader->source = std::move(*source);
        reader->fill();
        if (reader->empty()) {
            merged.used_up_.push_back(std::move(reader));
            continue;
        }
        first = std::min(first, reader->time_ns());
        last = std::max(last, reader->time_ns());
        merged.readers_.push_back(std::move(reader));
    }
    merged.start_spread_ns_ = std::max<DurationNs>(0, last - first);
    return merged;
}

/// Of two with the same time stamp the one that was named first: the order must not depend on chance.
MergedCaptures::Reader* MergedCaptures::earliest() const {
    Reader* found = nullptr;
    for (const auto& reader : readers_)
        if (!found || reader->time_ns() < found->time_ns()) found = reader.get();
    return found;
}

bool MergedCaptures::advance() {
    if (lent_ && lent_->empty()) {
        lent_->fill();
        if (lent_->empty()) {
            const auto at = std::find_if(readers_.begin(), readers_.end(),
                                         [&](const auto& reader) { return reader.get() == lent_; });
            used_up_.push_back(std::move(*at));
            readers_.erase(at);
        }
    }
    lent_ = nullptr;
    return !readers_.empty();
}

std::span<const sensor::Packet> MergedCaptures::take(TimeNs before) {
    lent_ = earliest();
    TimeNs limit = before;
    for (const auto& reader : readers_)
        if (reader.get() != lent_) limit = std::min(limit, reader->time_ns());
    const std::size_t begin = lent_->begin++;
    while (!lent_->empty() && lent_->time_ns() < limit) ++lent_->begin;
    return std::span<const sensor::Packet>(lent_->burst).subspan(begin, lent_->begin - begin);
}

std::vector<std::string> MergedCaptures::damaged_files() const {
    std::vector<std::string> sentences;
    for (const auto* group : {&readers_, &used_up_})
        for (const auto& reader : *group)
            if (std::string sentence = reader->source->error_sentence(); !sentence.empty())
                sentences.push_back(std::move(sentence));
    return sentences;
}

}  // namespace clew::cli
