#include "core/json.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>

#include "core/errors.hpp"
#include "core/files.hpp"
#include "core/text.hpp"

namespace kvfrontier::core {
namespace {

// "line L, column C" of byte `index` of `text`, counted from 0.
std::string place_of(std::string_view text, std::size_t index) {
  const std::string_view before = text.substr(0, index);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? index + 1 : index - newline;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// nlohmann's sentence after its bracketed id and position: "syntax error while parsing ...".
std::string plain(const std::string& what) {
  const auto colon = what.rfind("; ");
  const std::string tail = colon == std::string::npos ? what : what.substr(colon + 2);
  const auto error = what.find("syntax error");
  return error == std::string::npos ? tail : what.substr(error);
}

// The bytes of a text, counting how many were taken.
class Counted {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Counted(const char* next, std::size_t* taken) : next_(next), taken_(taken) {}
  reference operator*() const { return *next_; }
  Counted& operator++() {
    ++next_;
    ++*taken_;
    return *this;
  }
  Counted operator++(int) {
    const Counted old = *this;
    ++*this;
    return old;
  }
  bool operator==(const Counted& other) const { return next_ == other.next_; }
  bool operator!=(const Counted& other) const { return next_ != other.next_; }

 private:
  const char* next_;
  std::size_t* taken_;
};

// Follows the parser: at which dotted path it is.
class Walker : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return at_value(Json()); }
  bool boolean(bool value) override { return at_value(value); }
  bool number_integer(number_integer_t value) override { return at_value(value); }
  bool number_unsigned(number_unsigned_t value) override { return at_value(value); }
  bool number_float(number_float_t value, const string_t&) override { return at_value(value); }
  bool string(string_t& value) override { return at_value(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    levels_.back().key = std::move(name);
    return at_key();
  }

 protected:
  // A list or an object that is not closed, and which of its values is being read.
  struct Level {
    bool is_list;
    std::int64_t index;  // of a list
    std::string key;     // of an object
  };

  std::string path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (!level.is_list) {
        path = join_path(path, level.key);
      } else if (level.index >= 0) {
        path.append("[").append(std::to_string(level.index)).append("]");
      }
    }
    return path;
  }
  std::int64_t depth() const { return std::ssize(levels_); }
  const Level& innermost() const { return levels_.back(); }
  bool at_top() const { return levels_.empty(); }

  // The next value of the innermost list, if it is one.
  void count() {
    if (!levels_.empty() && levels_.back().is_list) ++levels_.back().index;
  }

  // False stops the parser. A value is a scalar, or the empty list or object that begins.
  virtual bool take(Json value) = 0;
  virtual bool took() { return true; }  // the innermost list or object is closed
  virtual bool at_key() { return true; }

 private:
  bool at_value(Json value) {
    count();
    return take(std::move(value));
  }
  bool open(Json value) {
    count();
    const bool is_list = value.is_array();
    if (!take(std::move(value))) return false;
    levels_.push_back({is_list, -1, {}});
    return true;
  }
  bool close() {
    levels_.pop_back();
    return took();
  }
  std::vector<Level> levels_;
};

// Byte indices in a text of the keys and values of one path: of each time it comes, and of the innermost around it.
class Finder : public Walker {
 public:
  Finder(std::string_view text, std::string wanted) : text_(text), wanted_(std::move(wanted)) {
    Json::sax_parse(Counted(text.data(), &taken_), Counted(text.data() + text.size(), &taken_), this,
                    Json::input_format_t::json, true, true);
  }
  const std::vector<std::size_t>& found() const { return found_; }
  std::optional<std::size_t> around() const { return around_; }

  bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }

 private:
  // All of the last token but what the parser has looked ahead is before this byte, and so are all lines before it.
  std::size_t last() const { return taken_ == 0 ? 0 : taken_ - 1; }

  bool take(Json) override {
    if (!at_top() && innermost().is_list) note(last());
    return depth() <= deepest_json;
  }
  bool at_key() override {
    // From the closing quote back to the opening one: those within are escaped.
    std::size_t quote = last();
    const auto escaped = [&] {
      std::size_t slashes = 0;
      while (slashes < quote && text_[quote - 1 - slashes] == '\\') ++slashes;
      return slashes % 2 == 1;
    };
    do quote = text_.rfind('"', quote - 1);
    while (escaped());
    note(quote);
    return true;
  }
  void note(std::size_t index) {
    const std::string here = path();
    if (wanted_.compare(0, here.size(), here) != 0) return;
    if (here.size() == wanted_.size()) found_.push_back(index);
    const bool part = here.size() == wanted_.size() || wanted_[here.size()] == '.' || wanted_[here.size()] == '[';
    if (!part || here.size() < longest_) return;
    longest_ = here.size();
    around_ = index;
  }

  std::string_view text_;
  std::string wanted_;
  std::size_t taken_ = 0, longest_ = 0;
  std::vector<std::size_t> found_;
  std::optional<std::size_t> around_;
};

// Builds the value, strictly.
class Builder : public Walker {
 public:
  enum class Of { file, line };
  Builder(std::string_view text, std::string name, Of of) : text_(text), name_(std::move(name)), of_(of) {}

  Json value() && { return std::move(root_); }

  bool parse_error(std::size_t byte, const std::string& token, const Json::exception& error) override {
    const std::size_t index = std::min(byte > 0 ? byte - 1 : 0, text_.size());
    if (error.id == 406) {  // the library's id of a number that no double can hold
      count();
      const std::size_t start = index + 1 > token.size() ? index + 1 - token.size() : 0;
      refuse(start, path(), "found " + token + "; allowed: a number up to 1.8e308");
    }
    const std::string complaint = plain(error.what());
    throw UserError(name_ + place(index) + ": " +
                    (of_ == Of::file ? complaint : "this line is not JSON (" + complaint + ")"));
  }

 private:
  bool take(Json value) override {
    const bool nests = value.is_structured();
    if (nests && depth() == deepest_json) {
      // The dotted path would be as long as the text.
      const auto at = Finder(text_, path()).around();
      throw UserError(name_ + (at ? place(*at) : std::string()) + ": more than " + std::to_string(deepest_json) +
                      " lists and objects within each other");
    }
    Json* place = &root_;
    if (!open_.empty()) {
      Json& parent = *open_.back();
      if (parent.is_array()) {
        parent.push_back(nullptr);
        place = &parent.back();
      } else {
        place = &parent[innermost().key];
      }
    }
    *place = std::move(value);
    if (nests) open_.push_back(place);
    return true;
  }
  bool took() override {
    open_.pop_back();
    return true;
  }
  bool at_key() override {
    if (!open_.back()->contains(innermost().key)) return true;
    const std::string twice = path();
    const auto found = Finder(text_, twice).found();
    if (found.size() < 2) throw UserError(name_ + ": " + twice + ": found a key twice");
    const auto first = [&] {
      return of_ == Of::file ? place_of(text_, found[0]) : "column " + std::to_string(found[0] + 1);
    };
    refuse(found[1], twice, "found a second time; the first is in " + first());
  }

  // What follows the name.
  std::string place(std::size_t index) const {
    return of_ == Of::file ? ", " + place_of(text_, index) : ": column " + std::to_string(index + 1);
  }

  [[noreturn]] void refuse(std::size_t index, const std::string& path, const std::string& complaint) const {
    throw UserError(name_ + place(index) + ": " + (path.empty() ? "" : path + ": ") + complaint);
  }

  std::string_view text_;
  std::string name_;
  Of of_;
  Json root_;
  std::vector<Json*> open_;  // addresses last: a list grows only while its last value is closed
};

}  // namespace

Json parse_json(std::string_view text, const std::string& name) {
  // Versions of the library disagree about this one.
  if (text.empty()) throw UserError(name + ", line 1, column 1: syntax error: the file is empty");
  Builder builder(text, name, Builder::Of::file);
  Json::sax_parse(text.data(), text.data() + text.size(), &builder, Json::input_format_t::json, true,
                  /*ignore_comments=*/true);
  return std::move(builder).value();
}

Json parse_json_line(std::string_view line, const std::string& place) {
  Builder builder(line, place, Builder::Of::line);
  Json::sax_parse(line.data(), line.data() + line.size(), &builder);
  return std::move(builder).value();
}

std::optional<std::int64_t> line_of(std::string_view text, const std::string& path) {
  const auto around = Finder(text, path).around();
  if (!around) return std::nullopt;
  const std::string_view before = text.substr(0, *around);
  return 1 + std::count(before.begin(), before.end(), '\n');
}

std::string json_file_name(const std::filesystem::path& file) {
  return file == "-" ? "standard input" : file.string();
}

std::string read_json_text(const std::filesystem::path& file) {
  if (std::filesystem::is_directory(file)) throw UserError("cannot read " + file.string() + ": it is a directory");
  std::error_code none;
  if (file != "-" && std::filesystem::status(file, none).type() == std::filesystem::file_type::not_found)
    throw UserError("cannot read " + file.string() + ": No such file or directory" + nearest_path(file));
  File source(file == "-" ? "/dev/stdin" : file, O_RDONLY);
  std::string text, piece(1 << 16, '\0');
  while (const std::size_t size = source.read(piece.data(), piece.size())) {
    text.append(piece, 0, size);
    if (text.size() > longest_json)
      throw UserError(json_file_name(file) + ": found more than " + std::to_string(longest_json / 1'000'000) +
                      " MB; allowed: a file of at most that");
  }
  return text;
}

std::string describe(const Json& value) {
  if (value.is_null()) return "null";
  std::string text = printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (text.size() <= 60) return text;
  // Not inside a character: a sentence that ends up in a row must be valid UTF-8.
  std::size_t end = 57;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string brief(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number_float()) return value.dump();
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value.get<double>());
  return text;
}

void require_known_keys(const Json& value, const std::string& path, const std::vector<std::string>& known) {
  std::string allowed;
  for (const auto& name : known) allowed += (allowed.empty() ? "" : ", ") + name;
  if (!value.is_object()) throw ConfigError(path, describe(value), "an object with keys " + allowed);
  for (const auto& [key, unused] : value.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw ConfigError(join_path(path, key), "an unknown key", allowed, nearest_name(key, known));
    }
  }
}

std::string json_complaint(const Json::exception& error) {
  const std::string what = error.what();
  const auto end = what.find("] ");
  return end == std::string::npos ? what : what.substr(end + 2);
}

std::string join_path(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

}  // namespace kvfrontier::core
