// F8. The floor without a threshold decoder: a squared error of the reconstructed bits is worth as many bits as a bit
// error.

#include <algorithm>

#include "analysis/judging_claim.hpp"
#include "floor_sweep.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::experiments::mse_floor {
namespace {

using analysis::CheckList;

class MseFloor : public analysis::JudgingClaim {
 public:
  std::string name() const override { return "mse_floor"; }
  std::string statement() const override {
    return "outputs with mean squared error D about the bits, those off by more than 1 clipped, need B >= N d (1 - "
           "H2((1 - sqrt(1 - 4 D))/2)) bits, "
           "whatever reads them";
  }
  std::string source() const override { return "Fano with p(1 - p) = D: H2 is concave as a function of p(1 - p)"; }
  std::string prediction() const override {
    return "N d (1 - H2((1 - sqrt(1 - 4 D))/2)) / B <= 1; bits in a public order with 1/2 for the others: D = (1 - "
           "B/(N d))/4";
  }
  std::string allowance() const override {
    return "none for the floor. 4 % for the public order: rows are drawn with replacement, and the leak of a certified "
           "scaling adds its square, below 1 % of 1/4";
  }
  std::string refutation() const override {
    return "a scheme below the floor, or bitpack off (1 - rate)/4 by more than 4 %";
  }
  core::Json config(analysis::Size size) const override { return floor_sweep(size); }

  std::vector<std::string> sabotages() const override {
    return {"mse_over_twice_the_entries", "half_the_message_uncounted"};
  }
  void spoil(const std::string& sabotage, analysis::ClaimRows& rows) const override {
    for (auto& point : rows) {
      for (auto& row : point.rows) {
        if (row.result.status != "ok") continue;
        const char* key = sabotage == "half_the_message_uncounted" ? "message_bits" : "mse";
        row.result.data[key] = row.result.data.at(key).get<double>() / 2;
      }
    }
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      auto errors = point.values("mse");
      if (errors.empty()) continue;  // infeasible
      // Outputs clipped to [0, 1] are nearer to every bit, and off by at most 1 squared: the floor at their error,
      // hence at the mean of min(mse, 1) too, binds as well. It is higher than the one at mse, and unlike a reader
      // without normalisation, whose mse may have no finite variance, its mean has an interval.
      for (double& error : errors) error = std::min(error, 1.0);
      const double entries = point.parameter("tokens") * point.parameter("d"),
                   bits = core::mean_of(point.values("message_bits"));
      const auto floor = [=](double mse) { return theory::entropy_floor_bits_mse(entries, std::max(0.0, mse)); };
      core::Json at = floor_place(point, "mse floor / bits");
      at["mse"] = core::mean_of(errors);
      checks.estimate(at, floor(core::mean_of(errors)) / bits, 1, analysis::at_most(1), [=](double level) {
        const auto mse = core::student_interval(errors, level), length = length_interval(point, level);
        return core::Interval{floor(mse.hi) / length.hi, floor(mse.lo) / length.lo};
      });
      const double rate = bits / entries;
      if (point.parameters.at("scheme").at("name") == "bitpack" && rate < 1) {
        core::Json place = floor_place(point, "mse");
        checks.mean(place, errors, (1 - rate) / 4, analysis::within_relative((1 - rate) / 4, 0.04));
      }
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, MseFloor> registration;

}  // namespace
}  // namespace kvfrontier::experiments::mse_floor
