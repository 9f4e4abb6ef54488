#pragma once
// Strict JSON: comments allowed, every complaint names the dotted path or the file and line.

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvfrontier::core {

using Json = nlohmann::json;  // objects are sorted by key, so dump() is canonical

// What is read of JSON that people write: bytes of a file, and lists and objects within each other.
inline constexpr std::size_t longest_json = 16'000'000;
inline constexpr int deepest_json = 100;

// Parses `text`, which complaints call `name`; comments are allowed. Throws UserError, with line and column, for a syntax
// error, for a key that an object has twice, for a number beyond the range of a double, and for what is nested deeper
// than deepest_json; all but the first also with the dotted path.
Json parse_json(std::string_view text, const std::string& name);

// The same for one line of a file, without comments; `place` is what complaints call it.
Json parse_json_line(std::string_view line, const std::string& place);

// Where the value at a dotted path is in a text that parse_json() accepts: its line, or that of the innermost list or
// object around it that is there. nullopt where that is the whole.
std::optional<std::int64_t> line_of(std::string_view text, const std::string& path);

// All of a file that people write, or of the standard input for "-". UserError for one that is missing, unreadable, or
// longer than longest_json.
std::string read_json_text(const std::filesystem::path& file);
// What complaints call it.
std::string json_file_name(const std::filesystem::path& file);

// A value in the user's words: strings quoted and printable, objects and long lists shortened.
std::string describe(const Json& value);
// For a cell of a table: strings without quotes, numbers to four digits.
std::string brief(const Json& value);

// Throws ConfigError unless `value` is an object whose keys are all in `known`; `path` is where it is.
void require_known_keys(const Json& value, const std::string& path, const std::vector<std::string>& known);

// What an access to JSON of the wrong shape complains of, without the library's bracketed error number.
std::string json_complaint(const Json::exception& error);

// path + "." + key, or key alone at the top.
std::string join_path(const std::string& path, const std::string& key);

}  // namespace kvfrontier::core
