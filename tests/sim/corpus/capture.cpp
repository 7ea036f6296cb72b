// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/corpus/capture.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <fstream>

namespace clew::corpus {

/// One file, its clock, and the frames that wait to be written in order.
class TapFile {
  public:
    TapFile(std::string name, const Conditions& conditions, std::size_t number, Nanoseconds from, Rng rng)
        : name_(std::move(name)), number_(number), rng_(rng), origin_(from) {
        if (conditions.clocks) {
            offset_ = rng_.between(-100 * ns_ms, 100 * ns_ms);
            drift_ = (rng_.unit() * 2 - 1) * 50e-6;
        }
        next_outage_ = from + static_cast<Nanoseconds>(rng_.exponential(outage_gap_ns));
    }
    ~TapFile() { close(); }

    bool open(const std::string& directory) {
        handle_ = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 262144, PCAP_TSTAMP_PRECISION_NANO);
        dumper_ = pcap_dump_open(handle_, (directory + "/" + file()).c_str());
        return dumper_ != nullptr;
    }
    std::string error() const { return pcap_geterr(handle_); }
    const std::string& name() const { return name_; }
    std::string file() const { return name_ + ".pcap"; }
    std::size_t number() const { return number_; }

    /// What this tap's clock says at `time`.
    Nanoseconds stamp(Nanoseconds time) const {
        return time + offset_ + static_cast<Nanoseconds>(static_cast<double>(time - origin_) * drift_);
    }
    std::string clock_line() const {
        return R"({"what": "clock", "tap": ")" + name_ + R"(", "offset_ns": )" + std::to_string(offset_) +
               R"(, "drift_ppm": )" + std::to_string(drift_ * 1e6) + "}";
    }
    void add(Nanoseconds stamp, std::string frame) {
        waiting_.push_back({stamp, count_++, std::move(frame)});
        std::push_heap(waiting_.begin(), waiting_.end(), later);
    }
    /// Whether `time` falls in one of this tap's outages; made as time goes on.
    bool in_outage(Nanoseconds time) {
        while (outages_.empty() || outages_.back().first <= time) {
            const Nanoseconds length = static_cast<Nanoseconds>(outage_gap_ns * 0.0101 * (0.5 + rng_.unit()));
            outages_.emplace_back(next_outage_, next_outage_ + length);
            next_outage_ += length + static_cast<Nanoseconds>(rng_.exponential(outage_gap_ns));
        }
        for (auto outage = outages_.rbegin(); outage != outages_.rend() && outage->second > time - ns_s; ++outage)
            if (time >= outage->first && time < outage->second) return true;
        return false;
    }
    /// Writes what is older than `limit`; with `swap`, neighbours now and then the wrong way round.
    void flush(Nanoseconds limit, bool swap) {
        while (!waiting_.empty() && waiting_.front().stamp < limit) {
            Frame frame = take();
            if (swap && !waiting_.empty() && waiting_.front().stamp < limit && rng_.chance(0.05)) write(take());
            write(frame);
        }
    }
    std::string close() {
        std::string error;
        if (dumper_ != nullptr) {
            if (pcap_dump_flush(dumper_) != 0) error = "cannot write " + file();
            pcap_dump_close(dumper_);
            dumper_ = nullptr;
        }
        if (handle_ != nullptr) pcap_close(handle_), handle_ = nullptr;
        return error;
    }

  private:
    struct Frame {
        Nanoseconds stamp;
        std::uint64_t number;
        std::string bytes;
    };
    static bool later(const Frame& a, const Frame& b) {
        return a.stamp != b.stamp ? a.stamp > b.stamp : a.number > b.number;
    }
    static constexpr double outage_gap_ns = 500e6;

    Frame take() {
        std::pop_heap(waiting_.begin(), waiting_.end(), later);
        Frame frame = std::move(waiting_.back());
        waiting_.pop_back();
        return frame;
    }
    void write(const Frame& frame) {
        pcap_pkthdr header{};
        header.ts.tv_sec = frame.stamp / ns_s;
        header.ts.tv_usec = frame.stamp % ns_s;  // nanoseconds, as the file's magic number says
        header.caplen = header.len = static_cast<bpf_u_int32>(frame.bytes.size());
        pcap_dump(reinterpret_cast<u_char*>(dumper_), &header, reinterpret_cast<const u_char*>(frame.bytes.data()));
    }

    std::string name_;
    std::size_t number_;
    Rng rng_;
    Nanoseconds origin_, offset_ = 0, next_outage_ = 0;
    double drift_ = 0;
    std::vector<std::pair<Nanoseconds, Nanoseconds>> outages_;
    std::uint64_t count_ = 0;
    std::vector<Frame> waiting_;
    pcap_t* handle_ = nullptr;
    pcap_dumper_t* dumper_ = nullptr;
};

namespace {

std::string gap_line(const std::string& tap, const View& view, Way way, const Packet& packet, Nanoseconds time) {
    return R"({"what": "capture-gap", "tap": ")" + tap + R"(", "connection": "c)" + std::to_string(view.connection) +
           R"(", "way": ")" + (way == Way::to_server ? "to_server" : "to_client") + R"(", "seq": )" +
           std::to_string(packet.seq) + R"(, "length": )" + std::to_string(packet.payload.size()) + R"(, "flags": )" +
           std::to_string(packet.flags) + R"(, "ns": )" + std::to_string(time) + "}";
}

}  // namespace

Capture::Capture(std::string directory, const Conditions& conditions, Nanoseconds from, Rng rng)
    : directory_(std::move(directory)),
      injected_(directory_ + "/injected.jsonl"),
      conditions_(conditions),
      from_(from),
      rng_(rng) {}
Capture::~Capture() = default;

int Capture::tap(const std::string& name) {
    const auto [at, added] = numbers_.emplace(name, static_cast<int>(taps_.size()));
    if (added) {
        // A clock depends on the tap's name, not on which connection came by first.
        std::uint64_t seed = 7;
        for (const char c : name) seed = mix64(seed * 131 + static_cast<std::uint8_t>(c));
        Rng shared = rng_;
        taps_.push_back(std::make_unique<TapFile>(name, conditions_, taps_.size(), from_, Rng(seed ^ shared.next())));
        if (!taps_.back()->open(directory_)) error_ = taps_.back()->error();
        note(taps_.back()->clock_line());
    }
    return at->second;
}

bool Capture::lost(TapFile& tap, Nanoseconds time) {
    if (conditions_.loss && rng_.chance(0.01)) return true;
    return conditions_.loss_burst && tap.in_outage(time);
}

const std::string& Capture::tap_name(int tap) const { return taps_[static_cast<std::size_t>(tap)]->name(); }

void Capture::pass(View& view, Way way, const Packet& packet, Nanoseconds time, bool turned) {
    if (!view.sees[index(way)] || time < from_ || !error_.empty()) return;
    TapFile& tap = *taps_[static_cast<std::size_t>(view.tap)];
    if (conditions_.one_way && way != Way::to_server) return;
    if (conditions_.one_way_return && way != Way::to_client) return;
    if (conditions_.one_way_mixed && index(way) != tap.number() % 2) return;
    std::string frame = to_frame(packet, turned ? other(way) : way, view.wrapping, rng_.word());
    const bool twice = conditions_.duplicate && (tap.number() % 2 == 0 || rng_.chance(0.2));
    Nanoseconds copy_delay = 0;
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy, copy_delay += rng_.between(1 * ns_us, 20 * ns_us)) {
        if (lost(tap, time)) {
            if (copy == 0 && !twice) note(gap_line(tap.name(), view, way, packet, time));
            continue;
        }
        Nanoseconds stamp = tap.stamp(time + copy_delay);
        if (conditions_.reorder) stamp += rng_.between(0, 30 * ns_us);
        if (packet.quoted) {  // no part of the leg, though it speaks of it
            tap.add(stamp, frame);
            ++frame_count_;
            continue;
        }
        if (view.frames++ == 0) {
            view.client = way == Way::to_server ? packet.from() : packet.to();
            view.server = way == Way::to_server ? packet.to() : packet.from();
            if (packet.protocol == proto_icmp)
                view.client.port = view.server.port =
                    way == Way::to_server ? packet.source_port : packet.destination_port;
            view.first_ns = stamp;
        }
        view.first_ns = std::min(view.first_ns, stamp);
        ++frame_count_;
        tap.add(stamp, frame);
    }
}

std::vector<std::string> Capture::tap_names() const {
    std::vector<std::string> names;
    for (const auto& tap : taps_) names.push_back(tap->name());
    return names;
}

void Capture::flush(Nanoseconds now) {
    // What is still to come passes now or later, and stamps grow with time.
    for (const auto& tap : taps_) tap->flush(tap->stamp(now) - ns_ms, conditions_.unsorted);
}

std::string Capture::finish() {
    std::ofstream region(directory_ + "/region.json");
    region << "{\"taps\": [";
    for (std::size_t i = 0; i < taps_.size(); ++i) {
        TapFile& tap = *taps_[i];
        tap.flush(INT64_MAX, conditions_.unsorted);
        if (const std::string error = tap.close(); !error.empty()) error_ = error;
        region << (i == 0 ? "" : ",\n          ") << R"({"name": ")" << tap.name() << R"(", "file": ")" << tap.file()
               << R"(", "clock": ")" << (conditions_.clocks ? "clock-" + tap.name() : std::string("region")) << "\"}";
    }
    region << "]}\n";
    injected_.flush();
    if (!injected_) error_ = "cannot write " + directory_ + "/injected.jsonl";
    if (!region) error_ = "cannot write " + directory_ + "/region.json";
    return error_;
}

}  // namespace clew::corpus
