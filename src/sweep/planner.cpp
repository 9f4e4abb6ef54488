#include "sweep/planner.hpp"

#include <map>

#include "core/errors.hpp"

namespace kvfrontier::sweep {

std::vector<core::Json> Planner::values_of(const std::string&) const {
  return {};
}

TrialResult Planner::measure(const core::Json&, std::uint64_t, const TrialContext&) const {
  throw core::UserError(name() + " is a search and has no trials; the points that it asks for are those of " +
                        measured().name());
}

const Experiment& measured_by(const Plan& plan) {
  const auto* planner = dynamic_cast<const Planner*>(plan.experiment);
  return planner ? planner->measured() : *plan.experiment;
}

bool meets(const Experiment& experiment, const StopRule& rule, std::span<const Row> rows, double target) {
  const auto interval = interval_of(experiment, rows, rule.look_level());
  return interval && interval->hi <= target;
}

Standing standing(const Plan& plan, std::span<const Point> part, const Store& store) {
  const auto* planner = dynamic_cast<const Planner*>(plan.experiment);
  Standing result;
  if (planner == nullptr) {
    result.points.assign(part.begin(), part.end());
    for (const Point& point : part) {
      if (!look(*plan.experiment, plan.stop, store.leading_rows(point.id)).stop) result.unfinished.push_back(point.id);
    }
    return result;
  }
  const Experiment& measured = planner->measured();
  std::map<std::string, std::optional<std::vector<Row>>> counted;  // of every point asked for; nullopt: not stopped
  for (const Point& search : part) {
    const double target = planner->target(search.parameters);
    const auto met = [&](const core::Json& parameters) -> std::optional<bool> {
      const std::string id = point_id(identified(measured, parameters, plan.seed));
      const auto [known, fresh] = counted.try_emplace(id);
      if (fresh) {
        std::vector<Row> rows = store.leading_rows(id);
        if (const auto stop = look(measured, plan.stop, rows).stop) {
          rows.resize(static_cast<std::size_t>(stop->trials));
          known->second = std::move(rows);
        }
        result.points.push_back(make_point(measured, parameters, plan.seed));
      }
      if (!known->second) return std::nullopt;
      return meets(measured, plan.stop, *known->second, target);
    };
    if (planner->next(search.parameters, met)) result.unfinished.push_back(search.id);
  }
  return result;
}

}  // namespace kvfrontier::sweep
