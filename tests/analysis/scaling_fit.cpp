// Power laws from minima made by hand, and minima from records made by hand.

#include "analysis/scaling_fit.hpp"

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "../end_to_end/made_up.hpp"
#include "../support/catch.hpp"
#include "simulator/play.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::analysis {
namespace {

using core::Json;
using end_to_end::made_up_record;

// log bits = log(5 N^1.2 d^0.7 + fixed), with an error of `deviation` in the measured bits and in the samples.
std::vector<Minimum> planted(double deviation, double fixed, unsigned seed) {
  boost::random::mt19937 random(seed);
  boost::random::normal_distribution<double> normal(0, deviation > 0 ? deviation : 1);
  const auto noise = [&] { return deviation > 0 ? normal(random) : 0; };
  std::vector<Minimum> minima;
  for (const double tokens : {21, 85, 341, 1365}) {
    for (const double d : {16, 32, 64}) {
      Minimum minimum;
      minimum.reached = true;
      minimum.point.parameters.tokens = std::llround(tokens);
      minimum.point.parameters.d = std::llround(d);
      minimum.point.parameters.n = static_cast<int>(std::lround(std::sqrt(3 * tokens + 1)));
      minimum.fixed_bits = fixed;
      minimum.floor_bits = tokens * d / 2;
      const double bits = std::log(5 * std::pow(tokens, 1.2) * std::pow(d, 0.7) * std::exp(noise()) + fixed);
      minimum.crossing = bits;
      minimum.point.aggregates[core::member_name(&GameRecord::message_bits)] = std::exp(bits);
      for (int s = 0; s < 400; ++s) minimum.samples.push_back(bits + noise());
      minima.push_back(std::move(minimum));
    }
  }
  return minima;
}

}  // namespace

TEST_CASE("planted exponents come back, without the fixed cost", "[scaling_fit]") {
  for (const double fixed : {0.0, 5000.0}) {
    const auto law = fit_power_law(planted(0, fixed, 1));
    REQUIRE(law);
    CHECK(law->tokens->value == Approx(1.2).epsilon(1e-9));
    CHECK(law->n()->value == Approx(2.4).epsilon(1e-9));
    CHECK(law->d->value == Approx(0.7).epsilon(1e-9));
    CHECK(law->constant.value == Approx(std::log(5)).epsilon(1e-9));
    for (const double residual : law->residuals) CHECK(std::abs(residual) < 1e-9);
    CHECK(law->misfit < 1e-9);
  }
  // Forgotten, it bends the law.
  auto forgotten = planted(0, 5000, 1);
  for (auto& minimum : forgotten) minimum.fixed_bits = 0;
  CHECK(fit_power_law(forgotten)->tokens->value < 1);
  CHECK(fit_power_law(forgotten)->misfit > 10);
}

TEST_CASE("trends over the floor compare sizes of equal d and of equal N, with N >= 8 d", "[scaling_fit]") {
  // Over the floor N d / 2, which is linear in both.
  const auto planted_trends = trends_over_floor(planted(0, 0, 1), Counted::all);
  CHECK(planted_trends.tokens->value == Approx(0.2).epsilon(1e-9));
  CHECK(planted_trends.d->value == Approx(-0.3).epsilon(1e-9));
  CHECK(planted_trends.sizes == 5);  // 341 and 1365 tokens, without 341 and d = 64

  // A jump between two d leaves the exponent in N what it is, and bends a law in both.
  auto jump = planted(0, 0, 1);
  for (auto& minimum : jump) {
    if (minimum.d() == 16) continue;
    minimum.crossing += 1;
    for (double& sample : minimum.samples) sample += 1;
  }
  const auto jumped = trends_over_floor(jump, Counted::all);
  CHECK(jumped.tokens->value == Approx(0.2).epsilon(1e-9));
  CHECK(jumped.tokens->error < 0.001);
  CHECK(jumped.d->value > 0.2);
  CHECK(jumped.d->error > 0.1);

  // Half of each message is a side part at d = 16, a quarter at d = 32, an eighth at d = 64.
  auto sides = planted(0, 0, 1);
  for (auto& minimum : sides) minimum.side_share = 8 / minimum.d();
  const auto entries = trends_over_floor(sides, Counted::entries);
  CHECK(entries.tokens->value == Approx(0.2).epsilon(1e-9));
  CHECK(entries.d->value > 0);
  CHECK(trends_over_floor(sides, Counted::all).d->value == Approx(-0.3).epsilon(1e-9));
  for (auto& minimum : sides) minimum.side_share = 1;
  CHECK_FALSE(trends_over_floor(sides, Counted::entries).tokens);

  // Nothing to compare with: sizes that differ in both, and one size twice.
  const Minimum twice = planted(0, 0, 1)[6];
  CHECK_FALSE(trends_over_floor(std::vector<Minimum>{twice, twice}, Counted::all).tokens);
  const auto minima = planted(0, 0, 1);
  const auto apart = trends_over_floor(std::vector<Minimum>{minima[6], minima[10]}, Counted::all);
  CHECK(apart.sizes == 2);
  CHECK_FALSE(apart.tokens);
  CHECK_FALSE(apart.d);
}

TEST_CASE("intervals of planted exponents cover them as often as they say", "[scaling_fit]") {
  int covered = 0;
  constexpr int repeats = 200;
  for (unsigned seed = 0; seed < repeats; ++seed) {
    const auto law = fit_power_law(planted(0.02, 0, seed));
    const auto interval = law->tokens->interval(0.95);
    covered += interval.lo <= 1.2 && 1.2 <= interval.hi;
    CHECK(law->tokens->error < 0.01);
  }
  // 95 % of 200, at least: errors are never narrowed where the points happen to lie close to the law.
  CHECK(covered >= 182);
  CHECK(covered < 200);
}

TEST_CASE("a law needs as many sizes as it has unknowns", "[scaling_fit]") {
  auto minima = planted(0, 0, 1);
  CHECK_FALSE(fit_power_law({}));
  CHECK_FALSE(fit_power_law(std::vector<Minimum>{minima[0], minima[4]}));  // both sizes differ
  const auto in_d = fit_power_law(std::vector<Minimum>{minima[0], minima[2]});
  REQUIRE(in_d);
  CHECK_FALSE(in_d->tokens);
  CHECK_FALSE(in_d->n());
  CHECK(in_d->d->value == Approx(0.7).epsilon(1e-9));
}

namespace {

// Records of one curve: error as a function of bits, eight trials that spread by `spread` around it.
sweep::Store store_of(const std::vector<std::pair<core::Bits, double>>& budgets, double spread,
                      const Json& scheme = {{"name", "bitpack"}}) {
  sweep::Store store;
  for (const auto& [bits, error] : budgets) {
    const double rate = static_cast<double>(bits) / 1360;
    const Json grid{{"n", 16}, {"d", 16}, {"rate", rate}, {"scheme", scheme}};
    const Json parameters = end_to_end::resolved(Json::array({grid}).dump(), 4096).at(0);
    for (int trial = 0; trial < 8; ++trial)
      store.add(made_up_record(parameters, trial, bits, error + (trial % 2 ? spread : -spread)));
  }
  return store;
}

simulator::GameRecord described_by(const Json& parameters) {
  return simulator::described(core::from_json<simulator::GamePoint>(parameters, ""));
}

// The longest message below the one of these parameters.
std::optional<core::Bits> smaller_of(const Json& parameters) {
  return described_by(parameters).smaller_bits;
}

Minimum minimum_of(const sweep::Store& store, double target) {
  const auto minima = minimal_memory(store, summarise(store), target);
  REQUIRE(minima.size() == 1);
  return minima.front();
}

}  // namespace

TEST_CASE("the least bits are those whose whole interval meets the target, and the crossing lies below them",
          "[scaling_fit]") {
  const auto store = store_of({{800, 0.2}, {816, 0.1}, {832, 0.09}, {848, 0.08}}, 0.001);
  const Minimum minimum = minimum_of(store, 0.1);
  CHECK(minimum.reached);
  CHECK(minimum.point.message_bits() == 832);
  CHECK(minimum.net_bits() == 832);  // no fixed cost
  CHECK(minimum.floor_bits == theory::min_bits(1360, 0.1));
  CHECK_FALSE(minimum.point.record.stored_keys);
  CHECK(minimum.crossing < std::log(832));
  CHECK(minimum.crossing > std::log(816));
  for (const double sample : minimum.samples) {
    CHECK(sample <= std::log(832));
    CHECK(sample >= std::log(816));
  }
  // Across a wide step nothing is interpolated. bitpack has messages in between, so samples spread over all of it.
  const Minimum wide = minimum_of(store_of({{400, 0.3}, {1000, 0.01}}, 0.001), 0.1);
  CHECK(wide.crossing == Approx(std::log(1000)));
  CHECK(core::deviation_of(wide.samples) == Approx(std::log(2.5) / std::sqrt(12.0)).epsilon(0.1));
  // loma keeps every token or, at the next shorter length, one of two, so no sample moves its least bits.
  const Json loma{{"name", "loma"}, {"keys", "public"}};
  const core::Bits one_of_two = 11520, every = 21760;
  const Minimum own = minimum_of(store_of({{one_of_two, 0.3}, {every, 0.01}}, 0.001, loma), 0.1);
  CHECK(own.point.record.smaller_bits == one_of_two);
  CHECK(own.crossing == Approx(std::log(every)));
  CHECK(core::deviation_of(own.samples) < 1e-12);

  const Minimum none = minimum_of(store_of({{800, 0.2}, {816, 0.15}}, 0.001), 0.1);
  CHECK_FALSE(none.reached);
  CHECK(none.samples.empty());
  CHECK(none.point.message_bits() == 816);
}

TEST_CASE("records from before a scheme had an option are read with its default", "[scaling_fit]") {
  const Json grid{{"n", 4}, {"d", 16}, {"scheme", {{"name", "gear"}, {"bits", 2}, {"rank", 1}}}};
  Json parameters = end_to_end::resolved(grid.dump()).at(0);
  const simulator::GameRecord now = described_by(parameters);
  REQUIRE(now.formula_bits.has_value());
  REQUIRE(parameters["scheme"]["options"].erase("official") == 1);
  CHECK(described_by(parameters).formula_bits == now.formula_bits);
  CHECK(described_by(parameters).fixed_bits.has_value());
}

TEST_CASE("the next smaller message is that of a budget of one bit less", "[scaling_fit]") {
  const auto next = [](const Json& scheme, std::optional<double> rate) {
    Json grid{{"n", 16}, {"d", 16}, {"scheme", scheme}};
    if (rate) grid["rate"] = *rate;
    return smaller_of(end_to_end::resolved(Json::array({grid}).dump(), 16).at(0));
  };
  CHECK(next({{"name", "bitpack"}}, 0.5) == 679);
  CHECK(next({{"name", "h2o"}, {"keys", "public"}}, 8) < 8 * 1360);
  CHECK(next({{"name", "h2o"}, {"keys", "public"}}, 8) > 7 * 1360);
  CHECK(next({{"name", "bitpack"}}, 1e-9) == 0);
  // No budget chose the size.
  CHECK_FALSE(next({{"name", "loma"}, {"keys", "public"}, {"ratio", 2}}, {}));
  CHECK_FALSE(next({{"name", "loma_lossless"}, {"keys", "public"}}, {}));
}

TEST_CASE("the gap table has the constant, the gap and what is not reached, best first", "[scaling_fit]") {
  sweep::Store store = store_of({{800, 0.2}, {832, 0.01}}, 0);
  for (const Json& scheme :
       {Json{{"name", "uniform"}, {"keys", "public"}}, Json{{"name", "h2o"}, {"keys", "public"}}}) {
    const bool good = scheme.at("name") == "uniform";
    for (const auto& [id, rows] : store_of({{2176, 0.3}, {4352, good ? 0.01 : 0.3}}, 0, scheme).points) {
      for (const auto& row : rows.all()) store.add(row);
    }
  }
  const auto minima = minimal_memory(store, summarise(store), 0.1);
  const auto table = gap_table(minima);
  REQUIRE(table.size() == 3);
  const double floor = theory::min_bits(1360, 0.1);
  CHECK(table[0].curve == "bitpack");
  CHECK(table[0].gap == Approx(832 / floor));
  CHECK(table[0].constant == Approx(832.0 / (16 * 16 * 16)));
  CHECK(table[1].curve == "uniform keys=public");
  CHECK(table[1].gap == Approx(4352 / floor));
  CHECK(table[2].curve == "h2o keys=public");
  CHECK(table[2].sizes == 0);
  CHECK(table[2].unreached == 1);
}

}  // namespace kvfrontier::analysis
