// SPDX-License-Identifier: Apache-2.0
#include "controlplane/store/filter.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "controlplane/store/filter_fields.h"
#include "controlplane/store/filter_tokens.h"
#include "nat-trace/address.h"
#include "nat-trace/leg.h"

namespace clew::store {
namespace {

using Kind = FilterToken::Kind;

struct Range {
    IpAddress first;
    IpAddress last;
    unsigned free_bits = 0;
};

template <typename Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
    Number number{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (text.empty() || failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::uint64_t> parse_hex_id(std::string_view text) {
    return text.size() == 16 ? parse_number<std::uint64_t>(text, 16) : std::nullopt;
}

/// An address is the network of itself alone.
std::optional<Range> parse_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto ip = parse_ip(text.substr(0, slash));
    if (!ip) return std::nullopt;
    unsigned bits = 128;
    if (slash != std::string_view::npos) {
        const auto given = parse_number<unsigned>(text.substr(slash + 1));
        if (!given || *given > (ip->is_v4() ? 32u : 128u)) return std::nullopt;
        bits = *given + (ip->is_v4() ? 96u : 0u);
    }
    Range range{*ip, *ip, 128 - bits};
    for (unsigned i = 0; i < 16; ++i) {
        const unsigned kept = bits <= i * 8 ? 0 : std::min(bits - i * 8, 8u);
        const auto mask = static_cast<std::uint8_t>(0xff00u >> kept);
        range.first.bytes[i] = static_cast<std::uint8_t>(range.first.bytes[i] & mask);
        range.last.bytes[i] = static_cast<std::uint8_t>(range.last.bytes[i] | static_cast<std::uint8_t>(~mask));
    }
    return range;
}

/// "2ms", "-1.5us", "10": ns where no unit stands there; a fraction needs one.
std::optional<std::int64_t> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::int64_t ns;
    };
    static constexpr Unit units[] = {{"ns", 1},
                                     {"us", 1'000},
                                     {"µs", 1'000},
                                     {"ms", 1'000'000},
                                     {"s", 1'000'000'000},
                                     {"min", 60'000'000'000},
                                     {"h", 3'600'000'000'000}};
    const bool below = text.starts_with('-');
    if (below) text.remove_prefix(1);
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view number = text.substr(0, digits), unit = text.substr(digits);
    const auto known = std::ranges::find(units, unit, &Unit::name);
    if (known == std::end(units) && !unit.empty()) return std::nullopt;
    const std::int64_t scale = unit.empty() ? 1 : known->ns;
    const std::size_t point = std::min(number.find('.'), number.size());
    const auto whole = parse_number<std::int64_t>(number.substr(0, point));
    constexpr std::int64_t most = std::int64_t{1} << 61;
    if (!whole || *whole > most / scale) return std::nullopt;
    std::int64_t ns = *whole * scale;
    if (point < number.size()) {
        const std::string_view part = number.substr(point + 1);
        if (scale == 1 || part.empty() || part.size() > 9 || !parse_number<std::uint32_t>(part)) return std::nullopt;
        std::int64_t place = scale;
        for (const char digit : part) ns += (digit - '0') * (place /= 10);
    }
    return below ? -ns : ns;
}

std::string ipv6_text(const IpAddress& ip) { return ip.is_v4() ? "::ffff:" + to_text(ip) : to_text(ip); }

/// Recursive descent; the first mistake ends it. Each parse_… returns SQL.
class Compiler {
  public:
    explicit Compiler(std::string_view text) : text_(text) { step(); }

    Result<SqlCondition> compile() {
        std::string sql = parse_or();
        if (error_.empty() && token_.kind != Kind::end) {
            mistake(token_, token_.kind == Kind::close ? "this ')' closes nothing"
                                                       : "put 'and' or 'or' between two conditions");
        }
        if (!error_.empty()) return fail(ErrorKind::usage, error_);
        condition_.sql = std::move(sql);
        return std::move(condition_);
    }

  private:
    void step() {
        token_ = next_filter_token(text_, at_);
        if (token_.kind == Kind::bad) mistake(token_, token_.text);
    }

    std::string mistake(const FilterToken& where, std::string_view sentence) {
        if (error_.empty()) error_ = "filter, column " + std::to_string(where.column) + ": " + std::string(sentence);
        token_.kind = Kind::end;
        at_ = text_.size();
        return "0";
    }

    std::string bind(std::string_view type, std::string_view value) {
        const std::string name = "f" + std::to_string(condition_.parameters.size());
        if (condition_.parameters.size() >= filter_value_count_max) {
            return mistake(token_,
                           "more than " + std::to_string(filter_value_count_max) + " values; use networks or ranges");
        }
        condition_.parameters.emplace_back(name, escape_parameter(value));
        return "{" + name + ":" + std::string(type) + "}";
    }

    using Addresses = std::vector<AddressRange>;  ///< of the part that was parsed last
    static Addresses either(const Addresses& a, const Addresses& b) {
        if (a.empty() || b.empty()) return {};
        Addresses out = a;
        out.insert(out.end(), b.begin(), b.end());
        return out;
    }
    static Addresses both(const Addresses& a, const Addresses& b) {
        return !a.empty() && (b.empty() || extent(a) <= extent(b)) ? a : b;
    }
    /// The widest range tells most of how many rows there are, then how many ranges.
    static std::pair<unsigned, std::size_t> extent(const Addresses& ranges) {
        unsigned widest = 0;
        for (const AddressRange& range : ranges) widest = std::max(widest, range.free_bits);
        return {widest, ranges.size()};
    }

    std::string bind_address(const IpAddress& ip) {
        std::string bound = bind("IPv6", ipv6_text(ip));
        condition_.addresses = {{bound, bound}};
        return bound;
    }

    std::string parse_or() {
        std::string sql = parse_and();
        Addresses every = condition_.addresses;
        while (token_.kind == Kind::logic_or) {
            step();
            sql = "(" + sql + " OR " + parse_and() + ")";
            every = either(every, condition_.addresses);
        }
        condition_.addresses = std::move(every);
        return sql;
    }

    std::string parse_and() {
        std::string sql = parse_not();
        Addresses all = condition_.addresses;
        while (token_.kind == Kind::logic_and) {
            step();
            sql = "(" + sql + " AND " + parse_not() + ")";
            all = both(all, condition_.addresses);
        }
        condition_.addresses = std::move(all);
        return sql;
    }

    std::string parse_not() {
        if (depth_ >= filter_depth_max)
            return mistake(token_, "nested deeper than " + std::to_string(filter_depth_max));
        ++depth_;
        std::string sql;
        if (token_.kind == Kind::logic_not) {
            step();
            sql = "(NOT " + parse_not() + ")";
            condition_.addresses.clear();
        } else if (token_.kind == Kind::open) {
            const FilterToken open = token_;
            step();
            sql = parse_or();
            if (token_.kind == Kind::close) {
                step();
            } else {
                mistake(open, "this '(' is not closed");
            }
        } else {
            sql = parse_term();
        }
        --depth_;
        return sql;
    }

    std::string parse_term() {
        const FilterToken first = token_;
        condition_.addresses.clear();
        if (first.kind != Kind::word && first.kind != Kind::quoted) {
            return mistake(first, "a condition is missing here, such as ip.addr == 10.0.0.7");
        }
        step();
        const FilterField* field = first.kind == Kind::word ? find_filter_field(first.text) : nullptr;
        if (token_.kind != Kind::compare) {
            if (field != nullptr && field->alone)
                return "(" + std::string(field->only) + " AND " + over(*field, "@ > 0") + ")";
            if (field != nullptr)
                return mistake(first, "'" + first.text + "' needs a comparison, such as " + first.text + " == …");
            return bare(first);
        }
        if (field == nullptr) return mistake(first, "there is no field '" + first.text + "'; " + nearest(first.text));
        const FilterToken compare = token_;
        step();
        std::string sql = compare.text == "in" ? parse_set(*field) : parse_comparison(*field, compare);
        if (!field->only.empty()) sql = "(" + std::string(field->only) + " AND " + sql + ")";
        if (compare.text != "!=") return sql;
        condition_.addresses.clear();
        return "(NOT " + sql + ")";
    }

    /// "tcp.flags.reset" is meant as a field, "python3.11" is a process's name.
    static bool is_of_a_family(std::string_view name) {
        const std::size_t dot = name.find('.');
        return dot != std::string_view::npos && std::ranges::any_of(filter_fields(), [&](const FilterField& field) {
                   return field.name.starts_with(name.substr(0, dot + 1));
               });
    }

    static std::string nearest(std::string_view name) {
        const std::string_view family = name.substr(0, name.find('.'));
        std::string same, all;
        for (const FilterField& field : filter_fields()) {
            all += (all.empty() ? "" : ", ") + std::string(field.name);
            if (field.name.starts_with(family)) same += (same.empty() ? "" : ", ") + std::string(field.name);
        }
        return "there are " + (same.empty() ? all : same);
    }

    /// "!=" is compiled as "==" here; the caller negates.
    std::string parse_comparison(const FilterField& field, const FilterToken& compare) {
        const FilterToken value = token_;
        if (value.kind != Kind::word && value.kind != Kind::quoted)
            return mistake(value, "a value is missing after " + compare.text);
        step();
        return match(field, compare, compare.text == "!=" ? "==" : compare.text, value);
    }

    std::string parse_set(const FilterField& field) {
        const FilterToken open = token_;
        if (open.kind != Kind::set_open) return mistake(open, "'in' needs a set, such as {80, 443, 8000..8100}");
        step();
        std::string sql;
        Addresses every;
        while (token_.kind == Kind::word || token_.kind == Kind::quoted) {
            const FilterToken value = token_;
            step();
            if (token_.kind == Kind::comma) step();
            condition_.addresses.clear();
            const bool first = sql.empty();
            sql += (first ? "" : " OR ") + match(field, open, "==", value);
            every = first ? condition_.addresses : either(every, condition_.addresses);
        }
        condition_.addresses = std::move(every);
        if (token_.kind != Kind::set_close) return mistake(open, "this '{' is not closed");
        if (sql.empty()) return mistake(open, "the set is empty");
        step();
        return "(" + sql + ")";
    }

    std::string match(const FilterField& field, const FilterToken& compare, const std::string& how,
                      const FilterToken& value) {
        const bool equality = how == "==";
        const bool ordered =
            field.kind == FilterKind::number || field.kind == FilterKind::duration || field.kind == FilterKind::grade;
        if (how == "contains" ? field.kind != FilterKind::word : !equality && !ordered) {
            return mistake(compare, "'" + how + "' does not go with " + std::string(field.name) + "; use == or !=");
        }
        switch (field.kind) {
            case FilterKind::address: return match_address(field, value);
            case FilterKind::number: return match_number(field, how, value);
            case FilterKind::duration: return match_duration(field, how, value);
            case FilterKind::word: return match_word(field, how, value);
            case FilterKind::grade: return match_grade(field, how, value);
            case FilterKind::id: return match_id(field, value);
            case FilterKind::endpoint: return match_endpoint(field, value);
        }
        return "0";
    }

    /// `test` has '@' where the value of the column goes.
    static std::string over(const FilterField& field, std::string_view test) {
        std::string sql = field.many ? "arrayExists(x -> " : "";
        for (const char c : test) {
            if (c == '@') {
                sql += field.many ? "x" : field.column;
            } else {
                sql += c;
            }
        }
        if (field.many) sql += ", " + std::string(field.column) + ")";
        return sql;
    }

    /// has() can use the column's bloom filter, a lambda cannot.
    static std::string equals(const FilterField& field, const std::string& value) {
        return field.many ? "has(" + std::string(field.column) + ", " + value + ")"
                          : "(" + std::string(field.column) + " = " + value + ")";
    }

    std::string match_address(const FilterField& field, const FilterToken& value) {
        const auto range = parse_network(value.text);
        if (!range)
            return mistake(value, "'" + value.text + "' is not an address; write 10.0.0.7, 10.0.0.0/8 or 2001:db8::1");
        if (range->first == range->last) return equals(field, bind_address(range->first));
        const std::string first = bind("IPv6", ipv6_text(range->first));
        const std::string last = bind("IPv6", ipv6_text(range->last));
        condition_.addresses = {{first, last, range->free_bits}};
        return over(field, "(@ >= " + first + " AND @ <= " + last + ")");
    }

    std::string match_number(const FilterField& field, const std::string& how, const FilterToken& value) {
        const std::size_t dots = value.text.find("..");
        const std::string_view text = value.text;
        const auto low = parse_number<std::uint32_t>(text.substr(0, dots));
        const auto high = dots == std::string_view::npos ? low : parse_number<std::uint32_t>(text.substr(dots + 2));
        if (!low || !high || (dots != std::string_view::npos && how != "==")) {
            return mistake(value,
                           "'" + value.text + "' is not a number; write 443, or a range 8000..8100 with == or in");
        }
        if (std::max(*low, *high) > field.number_max)
            return mistake(value, "'" + value.text + "' is too large; " + std::string(field.name) + " ends at " +
                                      std::to_string(field.number_max));
        const std::uint64_t above = static_cast<std::uint64_t>(field.type_bits) << 32;
        const auto bound = [&](std::uint32_t number) { return bind("UInt64", std::to_string(above | number)); };
        const std::string first = bound(*low);
        if (how == "==" && *low == *high) return equals(field, first);
        if (how == "==") return over(field, "(@ >= " + first + " AND @ <= " + bound(*high) + ")");
        std::string test = "@ " + how + " " + first;
        if (above != 0) test = "(" + test + " AND bitShiftRight(@, 32) = " + std::to_string(field.type_bits) + ")";
        return over(field, test);
    }

    std::string match_duration(const FilterField& field, const std::string& how, const FilterToken& value) {
        const std::string_view text = value.text;
        const std::size_t dots = text.find("..");
        const auto low = parse_duration(text.substr(0, dots));
        const auto high = dots == std::string_view::npos ? low : parse_duration(text.substr(dots + 2));
        if (!low || !high || (dots != std::string_view::npos && how != "=="))
            return mistake(value, "'" + value.text +
                                      "' is not a duration; write 2ms, 1.5s, 300us or a whole number of ns, or a range "
                                      "1ms..5ms with == or in");
        const std::string first = bind("Int64", std::to_string(*low));
        if (how == "==" && *low == *high) return equals(field, first);
        if (how == "==")
            return over(field, "(@ >= " + first + " AND @ <= " + bind("Int64", std::to_string(*high)) + ")");
        return over(field, "@ " + how + " " + first);
    }

    std::string match_word(const FilterField& field, const std::string& how, const FilterToken& value) {
        if (!field.words.empty() && how == "==" &&
            (", " + std::string(field.words) + ", ").find(", " + value.text + ", ") == std::string::npos)
            return mistake(value, "'" + value.text + "' is no " + std::string(field.name) + "; there are " +
                                      std::string(field.words));
        const std::string bound = bind("String", value.text);
        return how == "contains" ? over(field, "position(@, " + bound + ") > 0") : equals(field, bound);
    }

    std::string match_grade(const FilterField& field, const std::string& how, const FilterToken& value) {
        const char letter = value.text.size() == 1 ? static_cast<char>(value.text[0] & ~0x20) : '\0';
        if (letter < 'A' || letter > 'D')
            return mistake(value, "'" + value.text + "' is not a grade; write A, B, C or D");
        const std::string bound = bind("String", std::string_view(&letter, 1));
        return how == "==" ? equals(field, bound) : over(field, "@ " + how + " " + bound);
    }

    std::string match_id(const FilterField& field, const FilterToken& value) {
        const auto number = parse_hex_id(value.text);
        if (!number) return mistake(value, "'" + value.text + "' is not an id; it has 16 hex digits");
        return equals(field, bind("UInt64", std::to_string(*number)));
    }

    std::string match_endpoint(const FilterField& field, const FilterToken& value) {
        const std::string column(field.column);
        const FilterField ip{field.name, FilterKind::address, {}, false, "", 0, ""};
        if (const auto endpoint = parse_endpoint(value.text)) {
            const std::string address = bind_address(endpoint->ip);
            return "(" + column + "_ip = " + address + " AND " + column +
                   "_port = " + bind("UInt64", std::to_string(endpoint->port)) + ")";
        }
        const std::string ip_column = column + "_ip";
        FilterField address = ip;
        address.column = ip_column;
        return match_address(address, value);
    }

    /// A word alone: what it is, is told from its form.
    std::string bare(const FilterToken& word) {
        const std::string& text = word.text;
        if (word.kind == Kind::word) {
            if (const auto endpoint = parse_endpoint(text)) {
                const std::string bound = bind("String", to_text(*endpoint));
                bind_address(endpoint->ip);
                return "has(endpoints, " + bound + ")";
            }
            if (parse_network(text)) return match_address(*find_filter_field("ip.addr"), word);
            if (parse_hex_id(text)) return match_id(*find_filter_field("path.id"), word);
            if (const auto port = parse_number<std::uint32_t>(text)) {
                if (*port > 65535) return mistake(word, "'" + text + "' is not a port; ports end at 65535");
                return match_number(*find_filter_field("port"), "==", word);
            }
            for (const Protocol protocol : {Protocol::tcp, Protocol::udp, Protocol::icmp, Protocol::icmpv6}) {
                if (text == to_text(protocol)) return match_word(*find_filter_field("proto"), "==", word);
            }
            if (text.find('/') != std::string::npos && parse_ip(std::string_view(text).substr(0, text.find('/')))) {
                return mistake(word, "'" + text + "' is not a network; the prefix is 0 to 32, or to 128 for IPv6");
            }
            if (text.find('.') != std::string::npos && text.find_first_not_of("0123456789.:/") == std::string::npos)
                return mistake(word, "'" + text + "' is not an address; write 10.0.0.7, 10.0.0.7:443 or 10.0.0.0/8");
            if (is_of_a_family(text)) return mistake(word, "there is no field '" + text + "'; " + nearest(text));
        }
        const std::string process = match_word(*find_filter_field("process"), "==", word);
        if (text.find('.') == std::string::npos) return process;
        // The name of a server, or of a domain that it is in.
        const std::string name = bind("String", text), ending = bind("String", "." + text);
        return "(" + process + " OR arrayExists(x -> (x = " + name + " OR endsWith(x, " + ending + ")), server_names))";
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    FilterToken token_;
    std::string error_;
    SqlCondition condition_;
};

}  // namespace

Result<SqlCondition> compile_filter(std::string_view text) {
    if (text.size() > filter_bytes_max) {
        return fail(ErrorKind::usage,
                    "the filter is longer than " + std::to_string(filter_bytes_max) + " bytes; use networks or ranges");
    }
    const bool blank =
        std::ranges::all_of(text, [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; });
    if (blank) return SqlCondition{.sql = "1", .parameters = {}, .addresses = {}};
    return Compiler(text).compile();
}

std::string filter_field_list() {
    std::string out;
    for (const FilterField& field : filter_fields()) {
        out += std::string(field.name) + std::string(field.name.size() < 15 ? 15 - field.name.size() : 1, ' ') +
               std::string(field.text) + "\n";
    }
    return out;
}

std::string escape_parameter(std::string_view value) {
    std::string out;
    for (const char c : value) {
        switch (c) {
            case '\\': out += "\\\\"; break;
            case '\t': out += "\\t"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\0': out += "\\0"; break;
            default: out += c;
        }
    }
    return out;
}

}  // namespace clew::store
