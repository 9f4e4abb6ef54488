#include "core/json.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/errors.hpp"

namespace kvfrontier::core {
namespace {

// "line L, column C" of byte `position` (1-based) of `text`.
std::string where(const std::string& text, std::size_t position) {
  const std::size_t end = std::min(position > 0 ? position - 1 : 0, text.size());
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
  const std::size_t start = text.rfind('\n', end == 0 ? 0 : end - 1);
  const std::size_t column = start == std::string::npos || start >= end ? end + 1 : end - start;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// nlohmann's sentence after its bracketed id and position: "syntax error while parsing ...".
std::string plain(const std::string& what) {
  const auto colon = what.rfind("; ");
  const std::string tail = colon == std::string::npos ? what : what.substr(colon + 2);
  const auto error = what.find("syntax error");
  return error == std::string::npos ? tail : what.substr(error);
}

}  // namespace

Json read_json_file(const std::filesystem::path& file) {
  if (std::filesystem::is_directory(file)) throw UserError("cannot read " + file.string() + ": it is a directory");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    const std::string reason = std::strerror(errno);
    throw UserError("cannot read " + file.string() + ": " + reason + nearest_path(file));
  }
  std::stringstream text;
  text << stream.rdbuf();
  // Versions of the library disagree about this one.
  if (text.str().empty()) throw UserError(file.string() + ", line 1, column 1: syntax error: the file is empty");
  try {
    return Json::parse(text.str(), nullptr, true, /*ignore_comments=*/true);
  } catch (const Json::parse_error& error) {
    throw UserError(file.string() + ", " + where(text.str(), error.byte) + ": " + plain(error.what()));
  }
}

std::string describe(const Json& value) {
  if (value.is_null()) return "null";
  std::string text = value.dump();
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
