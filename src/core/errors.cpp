#include "core/errors.hpp"

#include <algorithm>
#include <numeric>

namespace kvfrontier::core {
namespace {

std::string config_sentence(const std::string& path, const std::string& found, const std::string& allowed,
                            const std::string& nearest) {
  std::string sentence = path.empty() ? "config" : path;
  sentence += ": found " + found + "; allowed: " + allowed;
  if (!nearest.empty()) sentence += "; did you mean \"" + nearest + "\"?";
  return sentence;
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

ConfigError::ConfigError(std::string path_, std::string found_, std::string allowed_, std::string nearest_)
    : UserError(config_sentence(path_, found_, allowed_, nearest_)),
      path(std::move(path_)),
      found(std::move(found_)),
      allowed(std::move(allowed_)),
      nearest(std::move(nearest_)) {}

DataError::DataError(std::int64_t need_, std::int64_t have_)
    : std::runtime_error("the message ends too early: need " + std::to_string(need_) + " bits, have " +
                         std::to_string(have_)),
      need(need_),
      have(have_) {}

DataError::DataError(const std::string& sentence) : std::runtime_error(printable(sentence)) {}

std::string nearest_name(const std::string& name, const std::vector<std::string>& names) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& candidate : names) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string nearest_path(const std::filesystem::path& missing) {
  const std::filesystem::path folder = missing.has_parent_path() ? missing.parent_path() : ".";
  std::error_code none;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    // A link that leads nowhere is there and is missing all the same.
    if (entry.exists(none) && entry.path().filename() != missing.filename())
      names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  const std::string nearest = nearest_name(missing.filename().string(), names);
  return nearest.empty() ? "" : "; did you mean " + (missing.parent_path() / nearest).string() + "?";
}

}  // namespace kvfrontier::core
