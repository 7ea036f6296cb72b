// SPDX-License-Identifier: Apache-2.0
// The console's files, read once at start and served from memory: the page for every view's address, and what it loads.
// Nothing in them asks another host for anything, and the Content-Security-Policy of every answer keeps it so.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "controlplane/http/http.h"
#include "nat-trace/result.h"

namespace clew::control {

constexpr std::size_t console_file_count_max = 200;
constexpr std::size_t console_bytes_max = 32u << 20;

class ConsoleFiles {
  public:
    /// No files: every page says in one sentence why, and what to do.
    ConsoleFiles() = default;
    /// Reads a folder as `vite build` leaves it: index.html and assets/. Names ending in .gz are the compressed twins.
    /// Fails (usage) where there is no index.html, or more than the limits above.
    static Result<ConsoleFiles> load(const std::string& directory);

    /// For a path that is not the API's. Files under /assets/ never change under their name; the page is checked each
    /// time.
    http::Response answer(const http::Request& request, std::string_view path) const;

  private:
    struct File {
        std::string content_type;
        std::string body;
        std::string gzip;
        std::string etag;
    };
    std::map<std::string, std::shared_ptr<const File>, std::less<>> files_;
};

}  // namespace clew::control
