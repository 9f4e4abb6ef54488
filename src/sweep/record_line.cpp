#include "sweep/record_line.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "core/ids.hpp"
#include "core/json.hpp"
#include "sweep/record.hpp"

namespace kvfrontier::sweep {
namespace {

// Takes pieces off the front of a text. Every step is false where the text is something else, or something that only a
// full parser should judge: white space, escapes, bytes beyond ASCII, deep nesting.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : next_(text.data()), end_(text.data() + text.size()) {}

  bool at_end() const { return next_ == end_; }

  bool literal(std::string_view expected) {
    if (static_cast<std::size_t>(end_ - next_) < expected.size()) return false;
    if (std::string_view(next_, expected.size()) != expected) return false;
    next_ += expected.size();
    return true;
  }

  // The characters between two quotes.
  bool string(std::string_view& out) {
    if (!character('"')) return false;
    const char* const start = next_;
    while (next_ != end_ && *next_ != '"') {
      const auto c = static_cast<unsigned char>(*next_);
      if (c < 0x20 || c >= 0x7f || c == '\\') return false;
      ++next_;
    }
    out = {start, static_cast<std::size_t>(next_ - start)};
    return character('"');
  }

  template <class Number>
  bool number(Number& out) {
    const char* const start = next_;
    if (!number()) return false;
    const auto parsed = std::from_chars(start, next_, out);
    return parsed.ec == std::errc() && parsed.ptr == next_;
  }

  // A whole object, as text.
  bool object(std::string_view& out) {
    const char* const start = next_;
    if (next_ == end_ || *next_ != '{' || !value(0)) return false;
    out = {start, static_cast<std::size_t>(next_ - start)};
    return true;
  }

 private:
  static constexpr int deepest = 32, longest_number = 40;

  bool character(char expected) {
    if (next_ == end_ || *next_ != expected) return false;
    ++next_;
    return true;
  }

  bool digits() {
    const char* const start = next_;
    while (next_ != end_ && *next_ >= '0' && *next_ <= '9') ++next_;
    return next_ != start;
  }

  // Not those that might be beyond the range of a double.
  bool number() {
    const char* const start = next_;
    character('-');
    if (!character('0') && !digits()) return false;
    if (character('.') && !digits()) return false;
    if (character('e') || character('E')) {
      const bool small = character('-');
      if (!small) character('+');
      const char* const exponent = next_;
      if (!digits() || (!small && next_ - exponent > 2)) return false;
    }
    return next_ - start <= longest_number;
  }

  bool value(int depth) {
    if (next_ == end_ || depth > deepest) return false;
    std::string_view ignored;
    switch (*next_) {
      case '{':
        return list('}', [&] { return string(ignored) && character(':') && value(depth + 1); });
      case '[':
        return list(']', [&] { return value(depth + 1); });
      case '"':
        return string(ignored);
      case 't':
        return literal("true");
      case 'f':
        return literal("false");
      case 'n':
        return literal("null");
      default:
        return number();
    }
  }

  template <class Member>
  bool list(char close, const Member& member) {
    ++next_;
    if (character(close)) return true;
    do {
      if (!member()) return false;
    } while (character(','));
    return character(close);
  }

  const char *next_, *end_;
};

bool is_status(std::string_view name, Status& status) {
  const auto& names = core::EnumNames<Status>::names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return false;
  status = static_cast<Status>(found - names.begin());
  return true;
}

const std::string schema_text = ",\"schema\":" + std::to_string(record_schema) + ",\"seconds\":";

constexpr std::string_view seal_start = "{\"checksum\":\"", seal_end = "\",";
constexpr std::size_t seal_digits = 16, sealed_from = seal_start.size() + seal_digits + seal_end.size();

}  // namespace

Seal seal_of(std::string_view line) {
  if (line.substr(0, seal_start.size()) != seal_start || line.size() < sealed_from) return Seal::none;
  const bool whole = line.substr(sealed_from - seal_end.size(), seal_end.size()) == seal_end;
  return whole && line.substr(seal_start.size(), seal_digits) == core::hash64_hex(line.substr(sealed_from))
             ? Seal::sound
             : Seal::broken;
}

std::string sealed(std::string_view object) {
  const std::string_view rest = object.substr(1);
  std::string line(seal_start);
  line.reserve(sealed_from + rest.size() + 1);
  return line.append(core::hash64_hex(rest)).append(seal_end).append(rest).append("\n");
}

std::string sealed_line(core::Json object) {
  object.erase(checksum_name);
  return sealed(object.dump());
}

std::optional<RecordLine> read_record_line(std::string_view line) {
  if (seal_of(line) != Seal::sound) return std::nullopt;
  Scanner scan(line.substr(sealed_from));
  RecordLine record;
  std::string_view status;
  const bool known = scan.literal("\"data\":") && scan.object(record.data) && scan.literal(",\"parameters\":") &&
                     scan.object(record.parameters) && scan.literal(",\"point\":") && scan.string(record.point) &&
                     scan.literal(schema_text) && scan.number(record.seconds) && scan.literal(",\"session\":") &&
                     scan.string(record.session) && scan.literal(",\"status\":") && scan.string(status) &&
                     is_status(status, record.status) && scan.literal(",\"trial\":") && scan.number(record.trial) &&
                     scan.literal("}") && scan.at_end();
  return known ? std::optional(record) : std::nullopt;
}

std::string record_line(const RecordLine& record) {
  const auto quoted = [](std::string_view text) { return core::Json(text).dump(); };
  std::string text;
  text.reserve(record.data.size() + record.parameters.size() + 256);
  text.append("{\"data\":").append(record.data).append(",\"parameters\":").append(record.parameters);
  text.append(",\"point\":").append(quoted(record.point));
  text.append(schema_text).append(core::Json(record.seconds).dump());
  text.append(",\"session\":").append(quoted(record.session));
  text.append(",\"status\":").append(quoted(core::enum_name(record.status)));
  text.append(",\"trial\":").append(std::to_string(record.trial)).append("}");
  return sealed(text);
}

}  // namespace kvfrontier::sweep
