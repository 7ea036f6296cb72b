// SPDX-License-Identifier: Apache-2.0
// Turns a class's chain into links, taps and middleboxes with addresses of their own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/corpus/middlebox.h"
#include "tests/sim/corpus/world.h"

namespace clew::corpus {

/// The addresses of one connection: drawn once, and used again by the next one where ports are re-used.
struct Remains {
    End client, server;
    std::uint32_t vni = 0;
    std::vector<Rewrite> rewrites;
    std::vector<unsigned> instances;
};

class ConnectionBuilder {
  public:
    /// `remains` is filled in, or followed where `again` is set.
    ConnectionBuilder(World& world, const ClassSpec& spec, Remains& remains, bool again);
    std::unique_ptr<Connection> build();

  private:
    void draw_ends();
    void begin(Host& client, const End& from, const End& to);
    void add_word(const std::string& word);
    void add_box(const std::string& kind, std::unique_ptr<Middlebox> box);
    void add_header_box(const std::string& name, const std::vector<std::string>& flags);
    void add_relay(Relay relay, bool writes_http1);
    void tell(const std::vector<std::string>& flags);
    void add_direct(const std::string& tunnel);
    void end_link(unsigned next_instance);
    void end_chain();
    View view(const std::vector<std::string>& wraps, unsigned next_instance);
    Relay relay_of(const std::string& name, const std::string& flag) const;
    unsigned instance();
    Rewrite rewrite(bool client, bool server);
    std::uint32_t isn(bool of_client);
    Conversation& now() { return connection_->conversations.back(); }

    World& world_;
    const ClassSpec& spec_;
    Remains& remains_;
    bool again_;
    Rng rng_;
    bool v6_ = false;
    std::unique_ptr<Connection> connection_;
    std::vector<std::string> wraps_;
    End client_, server_;  ///< as written on the link being built
    std::size_t link_number_ = 0, rewrite_number_ = 0, instance_number_ = 0;
    unsigned last_instance_ = 0;
    std::string direct_;
    bool loops_ = false;
};

}  // namespace clew::corpus
