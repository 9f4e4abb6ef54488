// The least memory of a scheme at a target error: a search over the budgets 1.02^k bits an entry. It measures nothing
// itself; the points that it asks for are those of index_frontier, and `kvfrontier frontier` reads the answer off their
// records.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "core/errors.hpp"
#include "schemes/scheme.hpp"
#include "simulator/game_point.hpp"
#include "sweep/planner.hpp"

namespace kvfrontier::experiments::minimal_memory {
namespace {

using core::Json;
using simulator::GamePoint;
using simulator::GameRequest;

// Budget k allows 1.02^k bits an entry, from 1/2750 to 65: an exact fp32 cache takes 64.
constexpr int least_budget = -400, largest_budget = 211;

// Within 12 digits, as ranges in configs are, so that {"geometric": [1, 65, 1.02]} has the same points.
double rate_of(int budget) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.12g", std::pow(1.02, budget));
  return std::strtod(text, nullptr);
}

// What a config says of a search: the target and the axes of index_frontier, but for `rate`.
struct SearchRequest {
  double target_error = 0.1;
  GameRequest axes;

  static core::MemberList<SearchRequest> members() {
    std::vector<core::Member<SearchRequest>> list{
        core::member("target_error", &SearchRequest::target_error, "bit error that the whole interval must not exceed")
            .range(1e-6, 0.499999)};
    const std::string rate = core::member_name(&GameRequest::rate);
    for (const auto& axis : core::members_of<GameRequest>().list()) {
      if (axis.option().name != rate) list.push_back(core::lifted(&SearchRequest::axes, axis));
    }
    return list;
  }
};

// A goal of the plan.
struct Search {
  GameRequest axes;
  double target_error = 0.1;
  std::string refused;  // why there can be no such search; empty otherwise

  static core::MemberList<Search> members() {
    return {core::member("axes", &Search::axes, "axes of index_frontier, as they were given"),
            core::member("target_error", &Search::target_error, "bit error that the whole interval must not exceed"),
            core::member("refused", &Search::refused, "why there can be no such search")};
  }
  static Search of(const Json& json) { return core::from_json<Search>(json, ""); }
};

// The budgets of one search. A scheme that takes nothing from a larger budget gives the same options again; such
// budgets are one rung, and the least of them represents it.
class Ladder {
 public:
  explicit Ladder(GameRequest axes) : axes_(std::move(axes)) {}

  // The point at a budget.
  const GamePoint& at(int budget) {
    const auto known = resolved_.find(budget);
    if (known != resolved_.end()) return known->second;
    axes_.rate = rate_of(budget);
    return resolved_.emplace(budget, simulator::resolve(axes_)).first->second;
  }
  // Whether the scheme has no size option, or was given one: there is one point and no budget.
  bool is_fixed() { return !at(largest_budget).rate; }
  bool is_feasible(int budget) { return !at(budget).is_infeasible(); }
  int first_of_rung(int budget) {
    int first = budget, below = least_budget - 1;  // `below` is of a lower rung
    while (first - below > 1) {
      const int middle = below + (first - below) / 2;
      (same_rung(middle, budget) ? first : below) = middle;
    }
    return first;
  }
  int last_of_rung(int budget) {
    int last = budget, above = largest_budget + 1;
    while (above - last > 1) {
      const int middle = last + (above - last) / 2;
      (same_rung(middle, budget) ? last : above) = middle;
    }
    return last;
  }

 private:
  bool same_rung(int a, int b) { return at(a).scheme.options == at(b).scheme.options; }

  GameRequest axes_;
  std::map<int, GamePoint> resolved_;
};

int first_budget(Ladder& ladder, int top, double target) {
  const GamePoint& largest = ladder.at(top);
  const auto bits = schemes::Schemes::find(largest.scheme.name, "scheme").message_bits(largest.public_params());
  const double rate = bits ? *bits / largest.entries() : rate_of(top);
  const int budget = std::ceil(std::log((1 - 2 * target) * std::max(rate, 1e-9)) / std::log(1.02));
  return std::clamp(budget, least_budget, top);
}

class SearchPlanner : public sweep::Planner {
 public:
  std::string noun() const override { return "searches"; }
  bool counts_ahead() const override { return false; }
  const sweep::Experiment& measured(const sweep::Experiment&) const override {
    return sweep::Experiments::find("index_frontier", "experiment");
  }
  std::optional<double> target(const Json& goal) const override { return Search::of(goal).target_error; }
  std::string refusal(const Json& goal) const override { return Search::of(goal).refused; }

  // Every scheme that a name is enough for, with public keys and with stored ones where it knows both.
  std::vector<Json> values_of(const std::string& option) const override {
    std::vector<Json> entries;
    if (option != core::member_name(&GameRequest::scheme)) return entries;
    for (const auto& name : schemes::self_contained_schemes()) {
      const core::Option* keys = schemes::Schemes::find(name, "scheme").options().find("keys");
      if (keys == nullptr) entries.push_back({{"name", name}});
      for (const auto& choice : keys ? keys->choices : std::vector<std::string>{})
        entries.push_back({{"name", name}, {"keys", choice}});
    }
    return entries;
  }

  std::optional<Json> next(const Json& goal, const sweep::Answers& answers) const override {
    const Search search = Search::of(goal);
    if (!search.refused.empty()) return std::nullopt;
    Ladder ladder(search.axes);
    const int top = ladder.first_of_rung(largest_budget);
    if (ladder.is_fixed() || !ladder.is_feasible(top)) {
      const Json only = core::to_json(ladder.at(top));
      return answers(only) ? std::nullopt : std::optional(only);
    }
    // missed < met, and all budgets between them are open. A budget is asked for by the first of its rung; a rung that
    // missed has missed up to its last.
    int missed = least_budget - 1, met = largest_budget + 1;
    std::optional<Json> wanted;
    const auto try_budget = [&](int budget) {
      if (!ladder.is_feasible(budget)) {
        missed = ladder.last_of_rung(budget);
        return true;
      }
      const int first = ladder.first_of_rung(budget);
      Json point = core::to_json(ladder.at(first));
      const auto answer = answers(point);
      if (!answer) {
        wanted = std::move(point);
        return false;
      }
      if (sweep::meets(*answer, search.target_error)) {
        met = first;
      } else {
        missed = ladder.last_of_rung(budget);
      }
      return true;
    };
    // Warm start: the share of the largest message that eviction needs, (1 - f)/2 = target. Then ever longer steps
    // until the answer lies between two budgets, then halves.
    int budget = first_budget(ladder, top, search.target_error), step = 8;
    if (!try_budget(budget)) return wanted;
    while (met > largest_budget && missed < largest_budget) {
      budget = std::min(missed + step, top);
      step *= 2;
      if (!try_budget(budget)) return wanted;
    }
    while (met <= largest_budget && missed < least_budget && met > least_budget) {
      budget = std::max(met - step, least_budget);
      step *= 2;
      if (!try_budget(budget)) return wanted;
    }
    while (met <= largest_budget && met - missed > 1) {
      if (!try_budget(missed + (met - missed) / 2)) return wanted;
    }
    return std::nullopt;
  }
};

class MinimalMemory : public sweep::Experiment {
 public:
  std::string name() const override { return "minimal_memory"; }
  std::string statement() const override {
    return "the least message of a scheme at a given bit error grows like N d, n^2 d for doubling sides: a search over "
           "budgets in steps of 2 %, whose probes are points of index_frontier";
  }
  std::string source() const override { return "Omega(n^2 d) theorem, Thm 4.5 and 4.6 of arXiv 2503.14881"; }
  const core::OptionTable& options() const override { return core::table_of<SearchRequest>(); }
  const sweep::Planner& planner() const override { return planner_; }

  // The axes as given: a probe resolves them together with its budget.
  Json resolve(const sweep::Combination& combination) const override {
    const auto request = combination.read<SearchRequest>();
    Search search{request.axes, request.target_error, {}};
    const std::string scheme = core::member_name(&GameRequest::scheme), rate = core::member_name(&GameRequest::rate);
    GameRequest probe = request.axes;
    probe.rate = rate_of(largest_budget);
    const simulator::RequestPaths paths{
        [&](const std::string& member) { return combination.path(member == rate ? scheme : member); },
        [&](const std::string& member) { return combination.given(member); }};
    try {
      simulator::resolve(probe, paths);
    } catch (const core::ConfigError& error) {
      // A scheme that nobody named and that does not suit this instance says so and is passed over.
      if (combination.given(scheme) || error.path.rfind(combination.path(scheme), 0) != 0) throw;
      search.refused = probe.scheme.text() + ": " + error.what();
    }
    return core::to_json(search);
  }

  // A search looks at a dozen budgets around its first one, and most of them need only the trials of a first look.
  double operations(const Json& parameters) const override {
    const Search search = Search::of(parameters);
    if (!search.refused.empty()) return 0;
    Ladder ladder(search.axes);
    const int top = ladder.first_of_rung(largest_budget);
    if (ladder.is_fixed() || !ladder.is_feasible(top)) return simulator::game_operations(ladder.at(top));
    const int budget = first_budget(ladder, top, search.target_error);
    return 3 * simulator::game_operations(ladder.at(ladder.is_feasible(budget) ? budget : top));
  }
  double memory_bytes(const Json& parameters) const override {
    const Search search = Search::of(parameters);
    if (!search.refused.empty()) return 0;
    Ladder ladder(search.axes);
    return simulator::game_memory_bytes(ladder.at(ladder.first_of_rung(largest_budget)));
  }

  sweep::TrialResult measure(const Json&, std::uint64_t, const sweep::GamePolicy&) const override {
    throw core::UserError(name() + " is a search and has no trials; the points that it asks for are those of " +
                          planner_.measured(*this).name());
  }

 private:
  SearchPlanner planner_;
};

const core::Registration<sweep::Experiment, MinimalMemory> registration;

}  // namespace
}  // namespace kvfrontier::experiments::minimal_memory
