#include "analysis/frontier.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "core/statistics.hpp"
#include "core/text.hpp"

namespace kvfrontier::analysis {
namespace {

using core::Index;
using core::Json;
using simulator::GamePoint;

// The bit error of a measured trial.
std::optional<double> error_of(const sweep::Record& record) {
  if (record.result.status != simulator::Status::ok) return std::nullopt;
  const GameRecord game = sweep::game_of(record);
  const auto* error = game.metric(simulator::metric_names::error);
  return error ? std::optional(error->mean) : std::nullopt;
}

// The measured points of each cell, cells in order of first appearance.
std::vector<std::pair<std::string, std::vector<const PointSummary*>>> measured_by_cell(
    const std::vector<PointSummary>& points) {
  std::vector<std::pair<std::string, std::vector<const PointSummary*>>> cells;
  std::map<std::string, std::size_t> place;
  for (const PointSummary& point : points) {
    if (!point.has_error()) continue;
    const auto [entry, fresh] = place.emplace(cell_of(point), cells.size());
    if (fresh) cells.emplace_back(entry->first, std::vector<const PointSummary*>());
    cells[entry->second].second.push_back(&point);
  }
  return cells;
}

}  // namespace

namespace {

// What points of one cell share: the same instances and the same questions. A family is a cell without its size.
struct Cell {
  simulator::InstanceChoice instance;
  std::string embedding, schedule;
  std::vector<int> sides;
  Index d = 0;
  double eta = 0;
  reduction::Scaling tau;
  std::uint64_t seed = 0;
  Index queries = 0;

  static Cell of(const PointSummary& point) {
    const GamePoint& game = point.parameters;
    return {game.instance, game.embedding, game.schedule, game.sides,  game.d,
            game.eta,      game.tau,       game.seed,     game.queries};
  }
  static core::MemberList<Cell> members() {
    using core::member;
    return {{member("instance", &Cell::instance, "instance family"), member("embedding", &Cell::embedding, "keys"),
             member("schedule", &Cell::schedule, "schedule"), member("sides", &Cell::sides, "sides of the maps"),
             member("d", &Cell::d, "width"), member("eta", &Cell::eta, "tolerance"),
             member("tau", &Cell::tau, "query scaling"), member("seed", &Cell::seed, "config seed"),
             member("queries", &Cell::queries, "rows asked for")}};
  }
};

std::string label(const Cell& cell, const std::string& size) {
  const Json tau = cell.tau.to_json();
  return core::printable(cell.instance.name + ", " + cell.embedding + " keys, " + cell.schedule + size + ", eta = " +
                         Json(cell.eta).dump() + ", tau " + (tau.is_string() ? tau.get<std::string>() : tau.dump()) +
                         ", " + std::to_string(cell.queries) + " queries, seed " + std::to_string(cell.seed));
}

}  // namespace

std::string cell_of(const PointSummary& point) {
  return core::to_json(Cell::of(point)).dump();
}

std::string family_of(const PointSummary& point) {
  Json family = core::to_json(Cell::of(point));
  for (const std::string& size : {core::member_name(&Cell::sides), core::member_name(&Cell::d)}) family.erase(size);
  return family.dump();
}

std::string cell_label(const std::string& text) {
  const auto cell = core::from_json<Cell>(Json::parse(text), "");
  return label(cell, " n = " + std::to_string(cell.sides.back()) + ", d = " + std::to_string(cell.d));
}

std::string family_label(const std::string& family) {
  return label(core::from_json<Cell>(Json::parse(family), ""), "");
}

bool is_doubling(const std::string& family) {
  return core::from_json<Cell>(Json::parse(family), "").schedule == "doubling";
}

std::string curve_of(const PointSummary& point) {
  return core::printable(point.record.label.empty() ? point.parameters.scheme.name : point.record.label);
}

std::vector<PointSummary> undominated(const std::vector<PointSummary>& points) {
  std::vector<PointSummary> frontier;
  auto cells = measured_by_cell(points);
  for (auto& [cell, members] : cells) {
    std::stable_sort(members.begin(), members.end(), [](const PointSummary* a, const PointSummary* b) {
      return a->message_bits() < b->message_bits();
    });
    for (const PointSummary* point : members) {
      const bool beaten = std::any_of(members.begin(), members.end(), [&](const PointSummary* other) {
        const double bits = point->message_bits(), error = point->error().mean;
        const double other_bits = other->message_bits(), other_error = other->error().mean;
        return other_bits <= bits && other_error <= error && (other_bits < bits || other_error < error);
      });
      if (!beaten) frontier.push_back(*point);
    }
  }
  return frontier;
}

std::vector<LeastBits> least_bits(const std::vector<PointSummary>& points, double target_error) {
  const auto rank = [](const LeastBits& entry) {
    return std::make_tuple(!entry.reached,
                           entry.reached ? entry.point.message_bits() : entry.point.error().interval.hi);
  };
  std::vector<LeastBits> list;
  for (const auto& [cell, members] : measured_by_cell(points)) {
    std::map<std::string, LeastBits> by_curve;
    for (const PointSummary* point : members) {
      const double floor = floor_bits(*point, simulator::metric_names::error, target_error).value_or(0);
      const LeastBits candidate{cell, curve_of(*point), point->error().interval.hi <= target_error, *point, floor};
      const auto [best, fresh] = by_curve.try_emplace(candidate.curve, candidate);
      if (!fresh && rank(candidate) < rank(best->second)) best->second = candidate;
    }
    const auto first = std::ssize(list);
    for (auto& [curve, best] : by_curve) list.push_back(std::move(best));
    std::stable_sort(list.begin() + first, list.end(),
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
        if (!a.parameters.rate || a.parameters.rate != b.parameters.rate) continue;
        std::vector<double> differences;
        const auto records_a = store.counted_records(a.point), records_b = store.counted_records(b.point);
        for (std::size_t trial = 0; trial < std::min(records_a.size(), records_b.size()); ++trial) {
          const auto error_a = error_of(records_a[trial]), error_b = error_of(records_b[trial]);
          if (error_a && error_b) differences.push_back(*error_a - *error_b);
        }
        if (differences.size() < 2) continue;
        list.push_back({cell, *a.parameters.rate, curve_of(a), curve_of(b), std::ssize(differences),
                        core::mean_of(differences), core::student_interval(differences, sweep::quoted_level)});
      }
    }
  }
  return list;
}

}  // namespace kvfrontier::analysis
