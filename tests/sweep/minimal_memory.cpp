// The search of minimal_memory against a look at every budget, with schemes whose verdict is a function of the bits.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../support/catch.hpp"
#include "core/errors.hpp"
#include "schemes/scheme.hpp"
#include "simulator/play.hpp"
#include "sweep/planner.hpp"

using namespace kvfrontier;
using core::Json;

namespace {

const sweep::Planner& minimal_memory() {
  return sweep::Experiments::find("minimal_memory", "experiment").planner();
}

simulator::GamePoint point_of(const Json& parameters) {
  return core::from_json<simulator::GamePoint>(parameters, "");
}

sweep::Plan searches(const Json& grid) {
  return sweep::make_plan({{"experiment", "minimal_memory"}, {"grid", grid}});
}

bool feasible(const Json& parameters) {
  return !point_of(parameters).is_infeasible();
}
double bits_of(const Json& parameters) {
  return static_cast<double>(simulator::described(point_of(parameters)).formula_bits.value());
}

// The bits that the scheme takes of each budget 1.02^k, where it is feasible.
std::vector<double> all_bits(const Json& axes) {
  std::vector<double> list;
  for (int k = -400; k <= 211; ++k) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.12g", std::pow(1.02, k));
    Json grid = axes;
    grid["rate"] = std::strtod(text, nullptr);
    const Json parameters =
        sweep::make_plan({{"experiment", "index_frontier"}, {"grid", grid}}).points.at(0).parameters;
    if (feasible(parameters)) list.push_back(bits_of(parameters));
  }
  return list;
}

// The least of them that reach `needed`; nullopt where none does.
std::optional<double> slow_answer(const std::vector<double>& budgets, double needed) {
  std::optional<double> least;
  for (const double bits : budgets) {
    if (bits >= needed) least = std::min(least.value_or(1e300), bits);
  }
  return least;
}

struct Searched {
  std::optional<double> least;
  int probes = 0;
};

// Answers what the search asks until it stops.
Searched search(const Json& axes, double needed) {
  const sweep::Plan plan = searches(axes);
  REQUIRE(plan.points.size() == 1);
  std::map<std::string, bool> verdicts;
  Searched result;
  for (;;) {
    const auto probe =
        minimal_memory().next(plan.points[0].parameters, [&](const Json& parameters) -> std::optional<sweep::Answer> {
          const auto known = verdicts.find(parameters.dump());
          // An interval that lies below every target, or above.
          const core::Interval met{0, 0}, missed{1, 1};
          return known == verdicts.end() ? std::nullopt : std::optional(sweep::Answer{known->second ? met : missed});
        });
    if (!probe) return result;
    ++result.probes;
    REQUIRE(result.probes < 100);
    const bool met = feasible(*probe) && bits_of(*probe) >= needed;
    CHECK(verdicts.emplace(probe->dump(), met).second);  // never twice
    if (met) result.least = std::min(result.least.value_or(1e300), bits_of(*probe));
  }
}

}  // namespace

TEST_CASE("a search finds the least budget that a look at all of them finds", "[minimal_memory]") {
  const double entries = 85 * 16;
  for (const Json& scheme :
       {Json{{"name", "uniform"}, {"keys", "public"}}, Json{{"name", "uniform"}}, Json{{"name", "bitpack"}},
        Json{{"name", "kivi"}, {"keys", "public"}}, Json{{"name", "rate_distortion"}}}) {
    const std::vector<double> budgets = all_bits({{"n", 16}, {"d", 16}, {"scheme", scheme}});
    for (const double target : {0.1, 0.3333}) {
      const Json axes{{"n", 16}, {"d", 16}, {"scheme", scheme}, {"target_error", target}};
      for (const double rate : {0.01, 0.11, 0.5, 0.97, 1.0, 2.1, 3.3, 5.0, 8.0, 15.9, 20.0, 31.0, 70.0}) {
        CAPTURE(scheme.dump(), target, rate);
        const Searched found = search(axes, rate * entries);
        CHECK(found.least == slow_answer(budgets, rate * entries));
        CHECK(found.probes <= 20);
      }
    }
  }
}

TEST_CASE("an entry of fixed size is one point", "[minimal_memory]") {
  for (const Json& scheme : {Json{{"name", "exact"}}, Json{{"name", "uniform"}, {"kept", 7}}}) {
    const Searched met = search({{"n", 8}, {"d", 16}, {"scheme", scheme}}, 1),
                   missed = search({{"n", 8}, {"d", 16}, {"scheme", scheme}}, 1e9);
    CHECK(met.probes == 1);
    CHECK(met.least);
    CHECK(missed.probes == 1);
    CHECK_FALSE(missed.least);
  }
}

TEST_CASE("without a scheme axis every scheme is searched, and what does not suit is passed over by name",
          "[minimal_memory]") {
  std::set<std::string> searched, refused;
  for (const auto& point : searches({{"n", 8}, {"d", 16}, {"instance", "clustered"}}).points) {
    const std::string name = point.parameters.at("axes").at("scheme").at("name");
    const std::string refusal = minimal_memory().refusal(point.parameters);
    (refusal.empty() ? searched : refused).insert(name);
    if (refusal.empty()) continue;
    CHECK_THAT(refusal, Contains(name));
    CHECK_FALSE(minimal_memory().next(point.parameters,
                                      [](const Json&) -> std::optional<sweep::Answer> { return std::nullopt; }));
  }
  for (const auto& name : schemes::self_contained_schemes()) CHECK(searched.count(name) + refused.count(name) > 0);
  CHECK(searched.count("uniform") == 1);  // stored keys
  CHECK(refused.count("uniform") == 1);   // public ones
  CHECK(refused.count("bitpack") == 1);
  // Whoever is named must suit.
  CHECK_THROWS_AS(searches({{"n", 8}, {"d", 16}, {"instance", "clustered"}, {"scheme", "bitpack"}}), core::ConfigError);
  CHECK_THROWS_AS(searches({{"n", 8}, {"d", 16}, {"rate", 1}}), core::ConfigError);
  CHECK_THROWS_AS(searches({{"n", 8}, {"d", 16}, {"target_error", 0.5}}), core::ConfigError);
}

TEST_CASE("every size formula gives the cost of no tokens at all", "[minimal_memory]") {
  for (const auto& point : searches({{"n", 8}, {"d", 16}}).points) {
    if (!minimal_memory().refusal(point.parameters).empty()) continue;
    const auto probe = minimal_memory().next(point.parameters,
                                             [](const Json&) -> std::optional<sweep::Answer> { return std::nullopt; });
    REQUIRE(probe);
    CAPTURE(probe->at("scheme").dump());
    const simulator::GameRecord record = simulator::described(point_of(*probe));
    const auto fixed = record.fixed_bits, all = record.formula_bits;
    CHECK(fixed.has_value() == all.has_value());
    if (fixed) CHECK(*fixed <= *all);
  }
}
