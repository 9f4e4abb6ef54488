#include "sweep/planner.hpp"

#include <map>

namespace kvfrontier::sweep {

const Planner& Experiment::planner() const {
  static const FixedList list;
  return list;
}

Observation Experiment::observe(const Record& record) const {
  return {record.result.status, nullptr, {}};
}

std::optional<core::Interval> Experiment::interval(std::span<const Observation>, double) const {
  return std::nullopt;
}

std::optional<core::Json> FixedList::next(const core::Json& goal, const Answers& answers) const {
  return answers(goal) ? std::nullopt : std::optional(goal);
}

bool meets(const Answer& answer, double target) {
  return answer.interval && answer.interval->hi <= target;
}

const Experiment& measured_by(const Plan& plan) {
  return plan.experiment->planner().measured(*plan.experiment);
}

Answer answer_from(const Plan& plan, std::span<const Observation> seen) {
  if (plan.stop.targets.empty()) return {};
  return {measured_by(plan).interval(seen, plan.stop.look_level())};
}

std::optional<Answer> answer_of(const Plan& plan, const std::string& point, const Store& store) {
  const Experiment& measured = measured_by(plan);
  const auto seen = observations_of(measured, store.leading_records(point));
  const auto stop = look(measured, plan.stop, point, seen).stop;
  if (!stop) return std::nullopt;
  return answer_from(plan, std::span(seen).first(stop->trials));
}

Standing standing(const Plan& plan, std::span<const Point> part, const Store& store) {
  const Planner& planner = plan.experiment->planner();
  const Experiment& measured = measured_by(plan);
  Standing result;
  std::map<std::string, std::optional<Answer>> known;  // of every point that a goal has asked for
  for (const Point& goal : part) {
    const Answers answers = [&](const core::Json& parameters) {
      const std::string id = point_id(identified(measured, parameters, plan.seed));
      const auto [answer, fresh] = known.try_emplace(id);
      if (fresh) {
        answer->second = answer_of(plan, id, store);
        result.points.push_back(make_point(measured, parameters, plan.seed));
      }
      return answer->second;
    };
    if (planner.next(goal.parameters, answers)) result.unfinished.push_back(goal.id);
  }
  return result;
}

}  // namespace kvfrontier::sweep
