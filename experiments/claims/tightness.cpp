// The floor is not only a bound: a polar code with lists comes within a few per cent of it.

#include "floor_sweep.hpp"
#include "simulator/metric.hpp"

namespace kvfrontier::experiments::tightness {
namespace {

using analysis::Games;
using core::Json;

const analysis::ClaimText claim{
    .name = "tightness",
    .statement = R"(A lossy polar code with lists needs at most 1.10 times the floor at error 1/3 and at most 1.06 times
      the floor at error .11.)",
    .note = "This is for m >= 2^16 bits.",
    .source = R"(rate-distortion function of fair bits; lossy polar codes (Korada and Urbanke 2010) with lists (Tal and
      Vardy 2015))",
    .prediction = R"(1 <= message bits / floor(error) <= 1.10 at rate .085, 1.06 at rate .509, m = 87360, blocks of
      2^16, lists of 8)",
    .allowance = R"(none: both ends are bounds. 1.10 and 1.06 leave room for blocks of 2^16 (1.06 and 1.03 with the best
      known construction) and for the sampling of the error)",
    .refutation = R"(a gap above the bound, because of a poor construction or a floor that is too low; or a gap below
      1)"};

Json with_scheme(analysis::Size size, const Json& scheme) {
  const Json d = size == analysis::Size::quick ? Json{64} : Json{64, 128};
  return {{"experiment", "index_frontier"},
          {"grid", {{"n", 64}, {"d", d}, {"rate", {0.085, 0.509}}, {"scheme", scheme}}},
          {"queries", 1024},
          {"mixture_queries", 0},
          {"random_queries", 0},
          {"stop", analysis::trials(32)}};
}

class Tightness : public analysis::GameClaim {
 public:
  Tightness() : GameClaim(claim) {}

  Json config(analysis::Size size) const override {
    return with_scheme(size, {{"name", "rate_distortion"}, {"list", 8}});
  }

  std::vector<std::string> mutations() const override { return {"short_blocks", "uncoded"}; }
  Json mutated_config(const std::string& mutation) const override {
    if (mutation == "uncoded") return with_scheme(analysis::Size::quick, {{"name", "bitpack"}});
    return with_scheme(analysis::Size::quick, {{"name", "rate_distortion"}, {"block", 6}});
  }
  // The games themselves are those of the mutation.
  void mutate(const std::string&, std::vector<Games>&) const override {}

  void judge(const std::vector<Games>& points, analysis::CheckList& checks) const override {
    const auto& metric = simulator::Metrics::find(simulator::metric_names::error, "metric");
    for (const Games& games : points) {
      if (games.trials.empty()) continue;
      const auto errors = analysis::trial_errors(games);
      auto input = simulator::floor_input(games.trials.front(), games.parameters.tokens, games.parameters.d);
      input.kind = simulator::FloorKind::finite;
      const double bits = core::mean_of(games.values(&simulator::GameRecord::message_bits));
      // Infinite where the floor is 0.
      const auto gap = [&metric, input, bits](double error) { return bits / *metric.floor_bits(input, error); };
      core::TrialErrors all;
      for (const auto& trial : errors) all = {all.row_errors + trial.row_errors, all.rows + trial.rows};
      const double bound = mean_rate(games) < 0.3 ? 1.10 : 1.06;
      checks.estimate(analysis::with(floor_place(games, "bits / floor"), "error", all.mean()), gap(all.mean()), bound,
                      {1, bound}, [=](double level) {
                        const auto error = mean_error_interval(errors, level);
                        return core::Interval{gap(error.lo), gap(error.hi)};
                      });
    }
  }
};

const core::Registration<sweep::Experiment, Tightness> registration;

}  // namespace
}  // namespace kvfrontier::experiments::tightness
