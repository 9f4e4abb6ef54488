// F6, F7. No scheme answers INDEX with fewer bits than the floor of its error.

#include <algorithm>

#include "analysis/judging_claim.hpp"
#include "analysis/summary.hpp"
#include "floor_sweep.hpp"

namespace kvfrontier::experiments::index_floor {
namespace {

using analysis::CheckList;

class IndexFloor : public analysis::JudgingClaim {
 public:
  std::string name() const override { return "index_floor"; }
  std::string statement() const override {
    return "every scheme's message is at least as long as any message with its bit error must be: B >= (1 - H2(p)) N "
           "d, and the finite-size floor for fixed lengths";
  }
  std::string source() const override {
    return "Omega(n^2 d), Thm 4.5 and 4.6 of arXiv 2503.14881: Fano and shell filling, over all registered schemes";
  }
  std::string prediction() const override {
    return "floor(error) / B <= 1; floor = shell filling for fixed lengths, N d (1 - H2(error)) against the mean "
           "length otherwise";
  }
  std::string allowance() const override {
    return "none: the floor holds for every scheme, every N and d; only the error has an interval";
  }
  std::string refutation() const override {
    return "a scheme whose message is shorter than the floor at the upper end of its error: uncounted bits, a decoder "
           "that knows too much, or a wrong proof";
  }
  core::Json config(analysis::Size size) const override { return floor_sweep(size); }

  std::vector<std::string> sabotages() const override {
    return {"half_the_message_uncounted", "last_scale_uncounted", "leaking_decoder"};
  }
  void spoil(const std::string& sabotage, analysis::ClaimRows& rows) const override {
    for (auto& point : rows) {
      const auto& sides = point.parameters.at("sides");
      const double side = sides.at(sides.size() - 2);
      for (auto& row : point.rows) {
        auto& data = row.result.data;
        if (row.result.status != "ok") continue;
        const double bits = data.at("message_bits");
        if (sabotage == "half_the_message_uncounted") data["message_bits"] = bits / 2;
        if (sabotage == "last_scale_uncounted")
          data["message_bits"] = bits * (1 - side * side / point.parameter("tokens"));
        if (sabotage == "leaking_decoder") data["row_errors"] = 0;
      }
    }
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      std::vector<core::TrialErrors> errors;
      double information = 0;
      for (const auto& row : point.rows) {
        if (row.result.status != "ok") continue;
        errors.push_back(
            {row.result.data.at("row_errors").get<double>(), row.result.data.at("queried_rows").get<std::int64_t>()});
        information = row.result.data.at("information_bits");
      }
      if (errors.empty()) continue;  // infeasible
      const bool fixed = has_fixed_length(point);
      const auto floor = [=](double error) {
        return analysis::floor_bits(static_cast<std::uint64_t>(information), error, fixed);
      };
      core::TrialErrors all;
      for (const auto& trial : errors) all = {all.row_errors + trial.row_errors, all.rows + trial.rows};
      core::Json at = floor_place(point, "floor / bits");
      at["error"] = all.mean();
      const double bits = core::mean_of(point.values("message_bits"));
      checks.estimate(at, floor(all.mean()) / bits, 1, analysis::at_most(1), [=](double level) {
        const auto error = mean_error_interval(errors, level), length = length_interval(point, level);
        return core::Interval{floor(error.hi) / length.hi, floor(error.lo) / length.lo};
      });
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, IndexFloor> registration;

}  // namespace
}  // namespace kvfrontier::experiments::index_floor
