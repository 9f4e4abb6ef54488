// The least memory of a scheme at a target error: a search over the budgets 1.02^k bits an entry. It measures nothing
// itself; the points that it asks for are those of index_frontier, and `kvfrontier frontier` reads the answer off their
// rows.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "analysis/summary.hpp"
#include "core/errors.hpp"
#include "schemes/scheme.hpp"
#include "sweep/planner.hpp"

namespace kvfrontier::experiments::minimal_memory {
namespace {

using core::Json;

// Budget k allows 1.02^k bits an entry, from 1/2750 to 65: an exact fp32 cache takes 64.
constexpr int least_budget = -400, largest_budget = 211;

// Within 12 digits, as ranges in configs are, so that {"geometric": [1, 65, 1.02]} has the same points.
double rate_of(int budget) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.12g", std::pow(1.02, budget));
  return std::strtod(text, nullptr);
}

// The budgets of one search. A scheme that takes nothing from a larger budget gives the same options again; such
// budgets are one rung, and the least of them stands for it.
class Ladder {
 public:
  Ladder(const sweep::Experiment& experiment, const Json& axes) : experiment_(experiment) {
    for (const auto& [name, value] : axes.items()) axes_.set(name, value, name);
  }

  // Resolved parameters of the point at a budget.
  const Json& at(int budget) {
    const auto known = resolved_.find(budget);
    if (known != resolved_.end()) return known->second;
    sweep::Combination combination = axes_;
    combination.set("rate", rate_of(budget), "rate");
    return resolved_.emplace(budget, experiment_.resolve(combination)).first->second;
  }
  // Whether the scheme has no size option, or was given one: there is one point and no budget.
  bool is_fixed() { return at(largest_budget).at("rate").is_null(); }
  bool is_feasible(int budget) {
    const Json& scheme = at(budget).at("scheme");
    return !schemes::Schemes::find(scheme.at("name"), "scheme").options().size_is_open(scheme.at("options"));
  }
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
  bool same_rung(int a, int b) { return at(a).at("scheme") == at(b).at("scheme"); }

  const sweep::Experiment& experiment_;
  sweep::Combination axes_;
  std::map<int, Json> resolved_;
};

class MinimalMemory : public sweep::Planner {
 public:
  std::string name() const override { return "minimal_memory"; }
  std::string statement() const override {
    return "the least message of a scheme at a given bit error grows like N d, n^2 d for doubling sides: a search over "
           "budgets in steps of 2 %, whose probes are points of index_frontier";
  }
  std::string source() const override { return "Omega(n^2 d) theorem, Thm 4.5 and 4.6 of arXiv 2503.14881"; }

  const core::OptionTable& options() const override {
    static const core::OptionTable table([this] {
      std::vector<core::Option> list{
          core::Option::real("target_error", 0.1, 1e-6, 0.499999, "bit error that the whole interval must not exceed")};
      for (const core::Option& option : measured().options().options()) {
        if (option.name != "rate") list.push_back(option);
      }
      return list;
    }());
    return table;
  }

  // The axes as given: a probe resolves them together with its budget.
  Json resolve(const sweep::Combination& combination) const override {
    sweep::Combination probe = combination;
    probe.set("rate", rate_of(largest_budget), combination.path("scheme"));
    std::string refused;
    try {
      measured().resolve(probe);
    } catch (const core::ConfigError& error) {
      // A scheme that nobody named and that does not suit this instance says so and is passed over.
      if (combination.given("scheme") || error.path.rfind(combination.path("scheme"), 0) != 0) throw;
      refused = probe.value("scheme").dump() + ": " + error.what();
    }
    for (const std::string& name : probe.reads()) {
      if (name != "rate") combination.value(name);
    }
    Json axes;
    for (const core::Option& option : measured().options().options()) {
      if (option.name != "rate") axes[option.name] = probe.value(option.name);
    }
    return {{"axes", axes}, {"target_error", combination.value("target_error")}, {"refused", refused}};
  }

  // Every scheme that a name is enough for, with public keys and with stored ones where it knows both.
  std::vector<Json> values_of(const std::string& option) const override {
    std::vector<Json> entries;
    if (option != "scheme") return entries;
    for (const auto& name : schemes::self_contained_schemes()) {
      const core::Option* keys = schemes::Schemes::find(name, "scheme").options().find("keys");
      if (keys == nullptr) entries.push_back({{"name", name}});
      for (const auto& choice : keys ? keys->choices : std::vector<std::string>{})
        entries.push_back({{"name", name}, {"keys", choice}});
    }
    return entries;
  }
  std::string refusal(const Json& search) const override { return search.at("refused"); }

  const sweep::Experiment& measured() const override {
    return sweep::Experiments::find("index_frontier", "experiment");
  }
  double target(const Json& search) const override { return search.at("target_error"); }

  // A search looks at a dozen budgets around its first one, and most of them need only the trials of a first look.
  double operations(const Json& search) const override {
    if (!refusal(search).empty()) return 0;
    Ladder ladder(measured(), search.at("axes"));
    const int top = ladder.first_of_rung(largest_budget);
    if (ladder.is_fixed() || !ladder.is_feasible(top)) return measured().operations(ladder.at(top));
    const int budget = start(ladder, top, target(search));
    return 3 * measured().operations(ladder.at(ladder.is_feasible(budget) ? budget : top));
  }
  double memory_bytes(const Json& search) const override {
    return refusal(search).empty() ? measured().memory_bytes(largest_probe(search)) : 0;
  }

  std::optional<Json> next(const Json& search, const Meets& meets) const override {
    if (!refusal(search).empty()) return std::nullopt;
    Ladder ladder(measured(), search.at("axes"));
    const int top = ladder.first_of_rung(largest_budget);
    if (ladder.is_fixed() || !ladder.is_feasible(top)) {
      if (!meets(ladder.at(top))) return ladder.at(top);
      return std::nullopt;
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
      const auto verdict = meets(ladder.at(first));
      if (!verdict) {
        wanted = ladder.at(first);
        return false;
      }
      if (*verdict) {
        met = first;
      } else {
        missed = ladder.last_of_rung(budget);
      }
      return true;
    };
    // Warm start: the share of the largest message that eviction needs, (1 - f)/2 = target. Then ever longer steps
    // until the answer lies between two budgets, then halves.
    int budget = start(ladder, top, target(search)), step = 8;
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

 private:
  Json largest_probe(const Json& search) const {
    Ladder ladder(measured(), search.at("axes"));
    return ladder.at(ladder.first_of_rung(largest_budget));
  }

  static int start(Ladder& ladder, int top, double target) {
    const Json& largest = ladder.at(top);
    const double entries = largest.at("tokens").get<double>() * largest.at("d").get<double>();
    const auto bits = analysis::formula_bits(largest);
    const double rate = bits ? static_cast<double>(*bits) / entries : rate_of(top);
    const int budget = static_cast<int>(std::ceil(std::log((1 - 2 * target) * std::max(rate, 1e-9)) / std::log(1.02)));
    return std::clamp(budget, least_budget, top);
  }
};

const core::Registration<sweep::Experiment, MinimalMemory> registration;

}  // namespace
}  // namespace kvfrontier::experiments::minimal_memory
