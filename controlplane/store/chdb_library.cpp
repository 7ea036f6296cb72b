// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/chdb_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

namespace clew::store {
namespace {

constexpr const char* installed_path = "/usr/local/lib/clew/libchdb.so";

template <typename Function>
void find(void* library, const char* name, Function*& function, std::string& missing) {
    function = reinterpret_cast<Function*>(::dlsym(library, name));
    if (function == nullptr && missing.empty()) missing = name;
}

}  // namespace

std::string chdb_library_path(const std::string& given) {
    if (!given.empty()) return given;
    const char* from_environment = std::getenv("CLEW_CHDB");
    return from_environment != nullptr && *from_environment != '\0' ? from_environment : installed_path;
}

Result<ChdbLibrary> ChdbLibrary::load(const std::string& path) {
    const std::string remedy = "; run './dev setup', or name it with --library or CLEW_CHDB";
    if (::access(path.c_str(), R_OK) != 0) {
        return fail(ErrorKind::failed, "the store's library " + path + " is not there or not readable" + remedy);
    }
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* reason = ::dlerror();
        return fail(ErrorKind::failed,
                    "the store's library cannot be loaded: " + std::string(reason != nullptr ? reason : path) + remedy);
    }
    ChdbLibrary found;
    std::string missing;
    find(library, "chdb_connect", found.connect, missing);
    find(library, "chdb_close_conn", found.close_conn, missing);
    find(library, "chdb_query_with_params_n", found.query_with_params_n, missing);
    find(library, "chdb_stream_insert_with_params_n", found.stream_insert_with_params_n, missing);
    find(library, "chdb_stream_append", found.stream_append, missing);
    find(library, "chdb_stream_done", found.stream_done, missing);
    find(library, "chdb_stream_cancel_insert", found.stream_cancel_insert, missing);
    find(library, "chdb_stream_insert_error", found.stream_insert_error, missing);
    find(library, "chdb_destroy_insert_stream", found.destroy_insert_stream, missing);
    find(library, "chdb_result_buffer", found.result_buffer, missing);
    find(library, "chdb_result_length", found.result_length, missing);
    find(library, "chdb_result_error", found.result_error, missing);
    find(library, "chdb_result_elapsed", found.result_elapsed, missing);
    find(library, "chdb_result_rows_read", found.result_rows_read, missing);
    find(library, "chdb_result_bytes_read", found.result_bytes_read, missing);
    find(library, "chdb_result_rows_written", found.result_rows_written, missing);
    find(library, "chdb_result_bytes_written", found.result_bytes_written, missing);
    find(library, "chdb_destroy_query_result", found.destroy_query_result, missing);
    find(library, "chdb_set_signal_handlers_enabled", found.set_signal_handlers_enabled, missing);
    if (!missing.empty()) {
        return fail(ErrorKind::failed, "the store's library " + path + " has no function " + missing +
                                           ": it is not chDB 26.7 or later" + remedy);
    }
    return found;
}

}  // namespace clew::store
