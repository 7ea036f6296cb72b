// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/embedded_engine.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace clew::store {
namespace {

constexpr std::size_t append_bytes_max = 1u << 20;  ///< the library copies and queues up to 16 such pieces

/// Takes what is written on stderr while it lives: the library tells the reason of a failed start nowhere else.
class StderrCapture {
  public:
    StderrCapture() : memory_(::memfd_create("clew-stderr", MFD_CLOEXEC)), saved_(::dup(STDERR_FILENO)) {
        if (memory_ >= 0 && saved_ >= 0) ::dup2(memory_, STDERR_FILENO);
    }
    ~StderrCapture() {
        restore();
        if (memory_ >= 0) ::close(memory_);
    }
    StderrCapture(const StderrCapture&) = delete;
    StderrCapture& operator=(const StderrCapture&) = delete;

    std::string finish() {
        restore();
        std::string text(4096, '\0');
        const ssize_t got = memory_ >= 0 ? ::pread(memory_, text.data(), text.size(), 0) : 0;
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }

  private:
    void restore() {
        if (saved_ < 0) return;
        ::dup2(saved_, STDERR_FILENO);
        ::close(saved_);
        saved_ = -1;
    }
    int memory_;
    int saved_;
};

/// The first printable part of the library's words, fit for one sentence.
std::string reason_in(std::string_view words) {
    std::string out;
    for (const char c : words.substr(0, words.find('\n'))) {
        if (out.size() >= 200 || static_cast<unsigned char>(c) >= 0x7f || static_cast<unsigned char>(c) < 0x20) break;
        out += c;
    }
    return out;
}

/// "Code: 62. DB::Exception: …" → 62.
int error_code_in(std::string_view text) {
    constexpr std::string_view before = "Code: ";
    const std::size_t at = text.find(before);
    int code = 0;
    if (at != std::string_view::npos) {
        const char* begin = text.data() + at + before.size();
        std::from_chars(begin, text.data() + text.size(), code);
    }
    return code != 0 ? code : 1002;  // 1002 is ClickHouse's UNKNOWN_EXCEPTION
}

/// The parallel arrays that the library wants.
struct ParameterArrays {
    explicit ParameterArrays(const NamedValues& parameters) {
        for (const auto& [name, value] : parameters) {
            names.push_back(name.data());
            name_lengths.push_back(name.size());
            values.push_back(value.data());
            value_lengths.push_back(value.size());
        }
    }
    std::vector<const char*> names, values;
    std::vector<std::size_t> name_lengths, value_lengths;
};

}  // namespace

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

Result<std::unique_ptr<EmbeddedEngine>> EmbeddedEngine::open(const EmbeddedEngineSettings& settings) {
    auto library = ChdbLibrary::load(settings.library);
    if (!library) return tl::make_unexpected(library.error());
    library->set_signal_handlers_enabled(0);

    std::unique_ptr<EmbeddedEngine> engine(new EmbeddedEngine(*library));
    const auto share = [&](std::uint64_t parts) { return std::to_string(settings.memory_bytes_max / 100 * parts); };
    engine->arguments_ = {"clew-store",
                          "--path=" + settings.directory,
                          "--max_server_memory_usage=" + std::to_string(settings.memory_bytes_max),
                          "--mark_cache_size=" + share(10),
                          "--index_mark_cache_size=" + share(5),
                          "--primary_index_cache_size=" + share(5),
                          "--background_pool_size=" + std::to_string(settings.merge_thread_count)};
    StderrCapture capture;
    engine->kept_ = engine->connect();
    const std::string words = capture.finish();
    if (engine->kept_ == nullptr) {
        const std::string reason = reason_in(words);
        return fail(ErrorKind::failed, "the store in " + settings.directory + " cannot be opened" +
                                           (reason.empty() ? "" : " (" + reason + ")") +
                                           "; it is damaged or no store: move it away (mv " + settings.directory + " " +
                                           settings.directory +
                                           ".broken) and start again, or put a backup in its place");
    }
    engine->ender_ = std::make_unique<QueryEnder>([raw = engine.get()](const std::string& mark) {
        const std::string sql =
            "KILL QUERY WHERE Settings['log_comment'] = " + quoted(mark) + " AND query_kind = 'Select' ASYNC";
        raw->query({.sql = sql, .format = "Null", .parameters = {}, .settings = {}});
    });
    return engine;
}

EmbeddedEngine::~EmbeddedEngine() {
    ender_.reset();
    if (kept_ != nullptr) close(kept_);
}

ChdbLibrary::Connection* EmbeddedEngine::connect() {
    std::vector<char*> argv;
    for (std::string& argument : arguments_) argv.push_back(argument.data());
    const std::lock_guard lock(connecting_);
    return library_.connect(static_cast<int>(argv.size()), argv.data());
}

void EmbeddedEngine::close(ChdbLibrary::Connection* connection) {
    const std::lock_guard lock(connecting_);
    library_.close_conn(connection);
}

EngineAnswer EmbeddedEngine::take(ChdbLibrary::Answer* answer) {
    EngineAnswer out;
    if (answer == nullptr)
        return {.error_code = 1002, .error_text = "Code: 1002. DB::Exception: the engine gave no answer", .body = {}};
    if (const char* error = library_.result_error(answer); error != nullptr) {
        out.error_text = error;
        out.error_code = error_code_in(out.error_text);
    } else if (const char* bytes = library_.result_buffer(answer); bytes != nullptr) {
        out.body.assign(bytes, library_.result_length(answer));
    }
    out.elapsed_s = library_.result_elapsed(answer);
    out.rows_read = library_.result_rows_read(answer);
    out.bytes_read = library_.result_bytes_read(answer);
    out.rows_written = library_.result_rows_written(answer);
    out.bytes_written = library_.result_bytes_written(answer);
    library_.destroy_query_result(answer);
    return out;
}

EngineAnswer EmbeddedEngine::run(ChdbLibrary::Connection connection, std::string_view sql, std::string_view format,
                                 const NamedValues& parameters) {
    const ParameterArrays arrays(parameters);
    return take(library_.query_with_params_n(connection, sql.data(), sql.size(), format.data(), format.size(),
                                             arrays.names.data(), arrays.name_lengths.data(), arrays.values.data(),
                                             arrays.value_lengths.data(), parameters.size()));
}

EngineAnswer EmbeddedEngine::prepare(ChdbLibrary::Connection connection, const EngineCall& call) {
    if (call.database != "default" && !call.database.empty()) {
        std::string name = "`";
        for (const char c : call.database) {
            if (c == '`' || c == '\\') name += '\\';
            name += c;
        }
        if (EngineAnswer used = run(connection, "USE " + name + "`", "Null", {}); used.error_code != 0) return used;
    }
    std::string set;
    for (const auto& [name, value] : call.settings) set += (set.empty() ? "SET " : ", ") + name + " = " + quoted(value);
    return set.empty() ? EngineAnswer{} : run(connection, set, "Null", {});
}

EngineAnswer EmbeddedEngine::query(const EngineCall& call) {
    if (!call.departure) return query_marked(call);
    // The mark by which it is found: the caller's own comment, and a number.
    EngineCall marked = call;
    std::string mark;
    std::erase_if(marked.settings, [&mark](const auto& setting) {
        if (setting.first != "log_comment") return false;
        mark = setting.second + " ";
        return true;
    });
    mark += "clew-store call " + std::to_string(++last_call_);
    marked.settings.insert(marked.settings.begin(), {"log_comment", mark});
    const std::uint64_t number = call.departure->when_left([this, &mark] { ender_->end(mark); });
    EngineAnswer answer = query_marked(marked);
    call.departure->forget(number);
    ender_->over(mark);
    return answer;
}

EngineAnswer EmbeddedEngine::query_marked(const EngineCall& call) {
    ChdbLibrary::Connection* connection = connect();
    if (connection == nullptr) return take(nullptr);
    EngineAnswer answer = prepare(*connection, call);
    if (answer.error_code == 0) answer = run(*connection, call.sql, call.format, call.parameters);
    close(connection);
    return answer;
}

EngineAnswer EmbeddedEngine::insert(const EngineCall& call, const std::vector<std::string_view>& pieces) {
    ChdbLibrary::Connection* connection = connect();
    if (connection == nullptr) return take(nullptr);
    EngineAnswer answer = prepare(*connection, call);
    if (answer.error_code == 0) {
        const ParameterArrays arrays(call.parameters);
        ChdbLibrary::InsertStream* stream = library_.stream_insert_with_params_n(
            *connection, call.sql.data(), call.sql.size(), call.format.data(), call.format.size(), arrays.names.data(),
            arrays.name_lengths.data(), arrays.values.data(), arrays.value_lengths.data(), call.parameters.size());
        if (const char* error = library_.stream_insert_error(stream); error != nullptr) {
            answer.error_text = error;
            answer.error_code = error_code_in(answer.error_text);
        } else {
            bool taken = true;
            for (std::string_view piece : pieces) {
                for (; taken && !piece.empty(); piece.remove_prefix(std::min(piece.size(), append_bytes_max))) {
                    taken = library_.stream_append(stream, piece.data(), std::min(piece.size(), append_bytes_max)) == 0;
                }
            }
            answer = take(library_.stream_done(stream));  // also tells why a piece was not taken
            if (!taken && answer.error_code == 0) {
                answer = {.error_code = 1002,
                          .error_text = "Code: 1002. DB::Exception: the engine did not take all the data",
                          .body = {}};
            }
        }
        library_.destroy_insert_stream(stream);
    }
    close(connection);
    return answer;
}

void EmbeddedEngine::cancel_all(bool inserts_too) {
    const std::string_view sql = inserts_too
                                     ? "KILL QUERY WHERE query_id != queryID() ASYNC"
                                     : "KILL QUERY WHERE query_id != queryID() AND query_kind != 'Insert' ASYNC";
    query({.sql = sql, .format = "Null", .parameters = {}, .settings = {}});
}

std::string EmbeddedEngine::damaged_parts() {
    const EngineAnswer answer =
        query({.sql = "SELECT arrayStringConcat(groupArray(concat(t, ': ', toString(n))), ', ') FROM (SELECT "
                      "concat(database, '.', table) t, "
                      "count() n FROM system.detached_parts WHERE reason LIKE 'broken%' GROUP BY t)",
               .format = "TSVRaw",
               .parameters = {},
               .settings = {}});
    std::string text = answer.body;
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

}  // namespace clew::store
