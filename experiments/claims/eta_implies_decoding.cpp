// What (1 +- eta)-approximate attention implies: on a certified instance, a row that is answered within the tolerance
// has no wrong bit. This step of the proof turns an approximation into a protocol for INDEX.

#include <cmath>

#include "floor_sweep.hpp"
#include "simulator/metric.hpp"

namespace kvfrontier::experiments::eta_implies_decoding {
namespace {

using analysis::Games;
namespace metric_names = simulator::metric_names;

const std::string full_cache = "exact";  // the scheme that keeps everything

const analysis::ClaimText claim{
    .name = "eta_implies_decoding",
    .statement = R"(In a certified trial of any scheme, a row whose outputs are all within (1 +- eta) of the exact ones
      has no wrong bit at the threshold (1 - eta^2)/2.)",
    .source = R"(Thm 4.6 of arXiv 2503.14881: S < (1 - eta)/(1 + eta) and x = 0 give z <= (1 + eta) lambda < (1 -
      eta^2)/2, x = 1 gives z >= (1 - eta)(1 - lambda) > (1 - eta^2)/2)",
    .prediction = "counterexamples = 0; and the full cache in fp32 is within eta in every row",
    .allowance = R"(none for the count. In a finite sample, a share of wrong rows of up to 0.01 among those within eta
      could go unnoticed. fp32 values represent bits exactly, so the full cache may miss only by the order of its
      sums)",
    .refutation = "one row within eta with a wrong bit"};

// Queried rows of a trial that a metric counts, from their share.
std::int64_t rows_of(const simulator::MetricValue& share) {
  return std::llround(share.mean * share.count);
}
std::int64_t counted_rows(const Games& games, const char* metric) {
  std::int64_t rows = 0;
  for (const simulator::MetricValue& share : analysis::metric_values(games, metric)) rows += rows_of(share);
  return rows;
}

class EtaImpliesDecoding : public analysis::GameClaim {
 public:
  EtaImpliesDecoding() : GameClaim(claim) {}

  core::Json config(analysis::Size size) const override { return floor_sweep(size); }

  std::vector<std::string> mutations() const override { return {"one_counterexample", "low_scaling"}; }
  // Far below the certified scaling exact answers are within eta of themselves and yet hide bits.
  core::Json mutated_config(const std::string& mutation) const override {
    core::Json json = config(analysis::Size::quick);
    return mutation == "low_scaling" ? analysis::with(std::move(json), "tau", 2.0) : json;
  }
  // Most of the claim is a count, which any run settles: too few rows say nothing about the rows that Bob did not ask
  // for.
  core::Json undersampled_config() const override {
    return analysis::with(GameClaim::undersampled_config(), "queries", 4);
  }
  void mutate(const std::string& mutation, std::vector<Games>& points) const override {
    if (mutation != "one_counterexample") return;
    for (Games& games : points) {
      for (simulator::GameRecord& game : games.trials) {
        if (game.metrics.at(metric_names::within_eta).mean == 0) continue;
        simulator::MetricValue& wrong = game.metrics.at(metric_names::within_eta_wrong);
        wrong.mean = 1.0 / wrong.count;
        return;
      }
    }
  }

  void judge(const std::vector<Games>& points, analysis::CheckList& checks) const override {
    std::int64_t counterexamples = 0, within = 0;
    for (const Games& games : points) {
      if (games.trials.empty()) continue;  // infeasible
      const std::int64_t here = counted_rows(games, metric_names::within_eta),
                         wrong = counted_rows(games, metric_names::within_eta_wrong);
      std::int64_t asked = 0;
      for (const simulator::GameRecord& game : games.trials) asked += game.queried_rows;
      within += here;
      counterexamples += wrong;
      checks.exact(analysis::with(floor_place(games, "counterexamples"), "share_within_eta", 1.0 * here / asked), wrong,
                   0, analysis::at_most(0));
      if (games.parameters.scheme.name == full_cache)
        checks.proportion(floor_place(games, "share within eta"), here, asked, 1, analysis::at_least(0.98));
    }
    checks.proportion({{"quantity", "wrong share of all rows within eta"}, {"rows", 1.0 * within}}, counterexamples,
                      within, 0, analysis::at_most(0.01));
  }
};

const core::Registration<sweep::Experiment, EtaImpliesDecoding> registration;

}  // namespace
}  // namespace kvfrontier::experiments::eta_implies_decoding
