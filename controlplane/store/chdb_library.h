// SPDX-License-Identifier: Apache-2.0
// The functions of libchdb.so that are used, found at run time: everything builds and tests without the library.
// Their signatures are the library's C interface as of version 26.7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "nat-trace/result.h"

namespace clew::store {

/// Where the library is: `given`, or CLEW_CHDB of the environment, or the place of installation.
std::string chdb_library_path(const std::string& given);

struct ChdbLibrary {
    using Connection = void*;
    using Answer = void;
    using InsertStream = void;

    Connection* (*connect)(int argc, char** argv) = nullptr;  ///< null when it fails; the reason goes to stderr
    void (*close_conn)(Connection*) = nullptr;
    Answer* (*query_with_params_n)(Connection, const char* sql, std::size_t, const char* format, std::size_t,
                                   const char* const* names, const std::size_t* name_lengths, const char* const* values,
                                   const std::size_t* value_lengths, std::size_t count) = nullptr;
    InsertStream* (*stream_insert_with_params_n)(Connection, const char* sql, std::size_t, const char* format,
                                                 std::size_t, const char* const* names, const std::size_t* name_lengths,
                                                 const char* const* values, const std::size_t* value_lengths,
                                                 std::size_t count) = nullptr;
    int (*stream_append)(InsertStream*, const void* bytes, std::size_t) = nullptr;  ///< 0 when taken; copies
    Answer* (*stream_done)(InsertStream*) = nullptr;
    void (*stream_cancel_insert)(InsertStream*) = nullptr;
    const char* (*stream_insert_error)(InsertStream*) = nullptr;
    void (*destroy_insert_stream)(InsertStream*) = nullptr;
    const char* (*result_buffer)(Answer*) = nullptr;
    std::size_t (*result_length)(Answer*) = nullptr;
    const char* (*result_error)(Answer*) = nullptr;  ///< null when there is none
    double (*result_elapsed)(Answer*) = nullptr;     ///< seconds
    std::uint64_t (*result_rows_read)(Answer*) = nullptr;
    std::uint64_t (*result_bytes_read)(Answer*) = nullptr;
    std::uint64_t (*result_rows_written)(Answer*) = nullptr;
    std::uint64_t (*result_bytes_written)(Answer*) = nullptr;
    void (*destroy_query_result)(Answer*) = nullptr;
    void (*set_signal_handlers_enabled)(int) = nullptr;

    /// Loads the library for the rest of the program's life; one sentence when it is absent or lacks a function.
    static Result<ChdbLibrary> load(const std::string& path);
};

}  // namespace clew::store
