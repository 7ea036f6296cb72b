// SPDX-License-Identifier: Apache-2.0
#include "controlplane/console_files.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace clew::control {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view page = "/index.html";
constexpr std::string_view assets = "/assets/";
constexpr std::string_view zipped = ".gz";
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src "
    "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string type_of(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> types = {{
        {".html", "text/html; charset=UTF-8"},
        {".js", "text/javascript; charset=UTF-8"},
        {".css", "text/css; charset=UTF-8"},
        {".svg", "image/svg+xml"},
        {".txt", "text/plain; charset=UTF-8"},
        {".json", "application/json"},
    }};
    for (const auto& [ending, type] : types)
        if (name.ends_with(ending)) return std::string(type);
    return "application/octet-stream";
}

std::string_view header_of(const http::Request& request, std::string_view name) {
    const auto same = [name](const auto& header) {
        return std::ranges::equal(header.first, name, [](char a, char b) { return (a | 0x20) == (b | 0x20); });
    };
    const auto found = std::ranges::find_if(request.headers, same);
    return found == request.headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

http::Response words(unsigned status, std::string text) {
    return {.status = status, .content_type = "text/plain; charset=UTF-8", .body = std::move(text), .headers = {}};
}

}  // namespace

Result<ConsoleFiles> ConsoleFiles::load(const std::string& directory) {
    ConsoleFiles files;
    std::error_code error;
    std::size_t byte_count = 0;
    std::map<std::string, std::string> gzips;
    for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
        if (!at->is_regular_file(error)) continue;
        const std::string name = "/" + at->path().lexically_relative(directory).generic_string();
        std::string body = read_file(at->path());
        byte_count += body.size();
        if (files.files_.size() >= console_file_count_max || byte_count > console_bytes_max)
            return fail(ErrorKind::usage, fmt::format("'{}' holds more than the console's {} files or {} bytes",
                                                      directory, console_file_count_max, console_bytes_max));
        if (name.ends_with(zipped)) {
            gzips[name.substr(0, name.size() - zipped.size())] = std::move(body);
            continue;
        }
        File file{.content_type = type_of(name), .body = std::move(body), .gzip = {}, .etag = {}};
        file.etag = fmt::format("\"{:016x}\"", XXH3_64bits(file.body.data(), file.body.size()));
        files.files_[name] = std::make_shared<const File>(std::move(file));
    }
    if (!files.files_.contains(page))
        return fail(ErrorKind::usage, "'" + directory + "' holds no console: there is no index.html");
    for (auto& [name, gzip] : gzips) {
        const auto found = files.files_.find(name);
        if (found == files.files_.end()) continue;
        File twin = *found->second;
        twin.gzip = std::move(gzip);
        found->second = std::make_shared<const File>(std::move(twin));
    }
    return files;
}

http::Response ConsoleFiles::answer(const http::Request& request, std::string_view path) const {
    if (files_.empty())
        return words(404, "the console was not built: './dev build' builds it where npm is; the API is at /api/v1\n");
    auto found = files_.find(path);
    const bool is_asset = path.starts_with(assets);
    // Every view has an address of its own; the page finds the view. A name with a dot was meant as a file.
    if (found == files_.end() && !is_asset && path.find('.') == std::string_view::npos) found = files_.find(page);
    if (found == files_.end()) return words(404, "the console has no such file\n");
    const File& file = *found->second;
    http::Response response{.status = 200, .content_type = file.content_type, .body = {}, .headers = {}};
    response.headers = {{"Content-Security-Policy", std::string(policy)},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Referrer-Policy", "no-referrer"},
                        {"ETag", file.etag},
                        {"Cache-Control", is_asset ? "public, max-age=31536000, immutable" : "no-cache"},
                        {"Vary", "Accept-Encoding"}};
    if (header_of(request, "If-None-Match") == file.etag) {
        response.status = 304;
        return response;
    }
    const bool takes_gzip = header_of(request, "Accept-Encoding").find("gzip") != std::string_view::npos;
    if (takes_gzip && !file.gzip.empty()) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.body = file.gzip;
    } else {
        response.body = file.body;
    }
    return response;
}

}  // namespace clew::control
