#pragma once
// Strict JSON: comments allowed, every complaint names the dotted path or the file and line.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kvfrontier::core {

using Json = nlohmann::json;  // objects are sorted by key, so dump() is canonical

// Parses a whole file; comments are allowed. UserError for a missing or unreadable file and for a syntax error (with
// line and column).
Json read_json_file(const std::filesystem::path& file);

// A value in the user's words: strings quoted, objects and long lists shortened.
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
