#include "analysis/frontier.hpp"

#include <algorithm>
#include <map>

#include "core/statistics.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::analysis {
namespace {

using core::Json;

std::map<std::string, std::vector<const PointSummary*>> measured_by_cell(const std::vector<PointSummary>& points) {
  std::map<std::string, std::vector<const PointSummary*>> cells;
  for (const PointSummary& point : points) {
    if (point.trials > 0 && point.has_bits) cells[cell_of(point)].push_back(&point);
  }
  return cells;
}

}  // namespace

std::string cell_of(const PointSummary& point) {
  Json cell;
  for (const char* key : {"instance", "embedding", "schedule", "sides", "d", "eta", "tau", "seed", "queries"}) cell[key] = point.at(key);
  return cell.dump();
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
  for (const auto& [cell, members] : measured_by_cell(points)) {
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
  std::map<std::pair<std::string, std::string>, LeastBits> found;
  for (const PointSummary& point : points) {
    if (point.trials == 0 || !point.has_bits) continue;
    const auto key = std::make_pair(cell_of(point), curve_of(point));
    const auto [entry, fresh] = found.try_emplace(key);
    LeastBits& best = entry->second;
    const bool reached = point.interval.hi <= target_error;
    const bool better = fresh || (reached && !best.reached) ||
                        (reached == best.reached && (reached ? point.message_bits < best.point.message_bits : point.interval.hi < best.point.interval.hi));
    if (!better) continue;
    best = {key.first, key.second, reached, point,
            point.information_bits > 0 ? floor_bits(point.information_bits, target_error, point.fixed_length) : 0};
  }
  std::vector<LeastBits> list;
  for (auto& [key, entry] : found) list.push_back(std::move(entry));
  std::stable_sort(list.begin(), list.end(), [](const LeastBits& a, const LeastBits& b) {
    if (a.cell != b.cell) return a.cell < b.cell;
    if (a.reached != b.reached) return a.reached;
    return a.reached ? a.point.message_bits < b.point.message_bits : a.point.interval.hi < b.point.interval.hi;
  });
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
        const auto& trials_b = store.points.at(b.point);
        for (const auto& [trial, row] : store.points.at(a.point)) {
          const auto other = trials_b.find(trial);
          if (row.result.status != "ok" || other == trials_b.end() || other->second.result.status != "ok") continue;
          differences.push_back(row.result.data.at("error").get<double>() - other->second.result.data.at("error").get<double>());
        }
        if (differences.size() < 2) continue;
        list.push_back({cell, *a.rate_budget, curve_of(a), curve_of(b), static_cast<std::int64_t>(differences.size()), core::mean_of(differences),
                        core::student_interval(differences, sweep::quoted_level)});
      }
    }
  }
  return list;
}

}  // namespace kvfrontier::analysis
