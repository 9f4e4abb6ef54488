#include "analysis/frontier.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "core/statistics.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::analysis {
namespace {

using core::Json;

// The measured points of each cell, cells in order of first appearance.
std::vector<std::pair<std::string, std::vector<const PointSummary*>>> measured_by_cell(
    const std::vector<PointSummary>& points) {
  std::vector<std::pair<std::string, std::vector<const PointSummary*>>> cells;
  std::map<std::string, std::size_t> place;
  for (const PointSummary& point : points) {
    if (point.trials == 0 || !point.has_bits) continue;
    const auto [entry, fresh] = place.emplace(cell_of(point), cells.size());
    if (fresh) cells.emplace_back(entry->first, std::vector<const PointSummary*>());
    cells[entry->second].second.push_back(&point);
  }
  return cells;
}

}  // namespace

std::string cell_of(const PointSummary& point) {
  Json cell;
  for (const char* key : {"instance", "embedding", "schedule", "sides", "d", "eta", "tau", "seed", "queries"})
    cell[key] = point.at(key);
  return cell.dump();
}

namespace {

std::string label(const Json& json, const std::string& size) {
  const auto plain = [](const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); };
  return plain(json.at("instance").at("name")) + ", " + plain(json.at("embedding")) + " keys, " +
         plain(json.at("schedule")) + size + ", eta = " + json.at("eta").dump() + ", tau " + plain(json.at("tau")) +
         ", " + json.at("queries").dump() + " queries, seed " + json.at("seed").dump();
}

}  // namespace

std::string cell_label(const std::string& cell) {
  const Json json = Json::parse(cell);
  return label(json, " n = " + json.at("sides").back().dump() + ", d = " + json.at("d").dump());
}

std::string family_label(const std::string& family) {
  return label(Json::parse(family), "");
}

std::string curve_of(const PointSummary& point) {
  const Json& entry = point.at("scheme");
  const std::string name = entry.at("name");
  const auto* scheme = schemes::Schemes::find_or_null(name);
  std::string text = name;
  for (const auto& [option, value] : entry.at("options").items()) {
    const auto* known = scheme ? scheme->options().find(option) : nullptr;
    if ((known && (known->size || known->default_value == value)) || value.is_null()) continue;
    text += " " + option + "=" + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

std::vector<PointSummary> undominated(const std::vector<PointSummary>& points) {
  std::vector<PointSummary> frontier;
  auto cells = measured_by_cell(points);
  for (auto& [cell, members] : cells) {
    std::stable_sort(members.begin(), members.end(),
                     [](const PointSummary* a, const PointSummary* b) { return a->message_bits < b->message_bits; });
    for (const PointSummary* point : members) {
      const bool beaten = std::any_of(members.begin(), members.end(), [&](const PointSummary* other) {
        return other->message_bits <= point->message_bits && other->error <= point->error &&
               (other->message_bits < point->message_bits || other->error < point->error);
      });
      if (!beaten) frontier.push_back(*point);
    }
  }
  return frontier;
}

std::vector<LeastBits> least_bits(const std::vector<PointSummary>& points, double target_error) {
  const auto rank = [](const LeastBits& entry) {
    return std::make_tuple(!entry.reached, entry.reached ? entry.point.message_bits : entry.point.interval.hi);
  };
  std::vector<LeastBits> list;
  for (const auto& [cell, members] : measured_by_cell(points)) {
    std::map<std::string, LeastBits> by_curve;
    for (const PointSummary* point : members) {
      const double floor =
          point->information_bits > 0 ? floor_bits(point->information_bits, target_error, point->fixed_length) : 0;
      const LeastBits candidate{cell, curve_of(*point), point->interval.hi <= target_error, *point, floor};
      const auto [best, fresh] = by_curve.try_emplace(candidate.curve, candidate);
      if (!fresh && rank(candidate) < rank(best->second)) best->second = candidate;
    }
    const std::size_t first = list.size();
    for (auto& [curve, best] : by_curve) list.push_back(std::move(best));
    std::stable_sort(list.begin() + static_cast<std::ptrdiff_t>(first), list.end(),
                     [&](const LeastBits& a, const LeastBits& b) { return rank(a) < rank(b); });
  }
  return list;
}

std::vector<PairedDifference> paired_differences(const sweep::Store& store, const std::vector<PointSummary>& points) {
  std::vector<PairedDifference> list;
  for (const auto& [cell, members] : measured_by_cell(points)) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      for (std::size_t j = i + 1; j < members.size(); ++j) {
        const PointSummary &a = *members[i], &b = *members[j];
        if (!a.rate_budget || a.rate_budget != b.rate_budget) continue;
        std::vector<double> differences;
        const auto rows_a = store.counted_rows(a.point), rows_b = store.counted_rows(b.point);
        for (std::size_t trial = 0; trial < std::min(rows_a.size(), rows_b.size()); ++trial) {
          const auto &row_a = rows_a[trial].result, &row_b = rows_b[trial].result;
          if (row_a.status != "ok" || row_b.status != "ok") continue;
          differences.push_back(row_a.data.at("error").get<double>() - row_b.data.at("error").get<double>());
        }
        if (differences.size() < 2) continue;
        list.push_back({cell, *a.rate_budget, curve_of(a), curve_of(b), static_cast<std::int64_t>(differences.size()),
                        core::mean_of(differences), core::student_interval(differences, sweep::quoted_level)});
      }
    }
  }
  return list;
}

}  // namespace kvfrontier::analysis
