// The floor is not only a bound: a polar code with lists comes within a few per cent of it.

#include <algorithm>

#include "analysis/judging_claim.hpp"
#include "analysis/summary.hpp"
#include "floor_sweep.hpp"

namespace kvfrontier::experiments::tightness {
namespace {

using analysis::CheckList;
using core::Json;

class Tightness : public analysis::JudgingClaim {
 public:
  std::string name() const override { return "tightness"; }
  std::string statement() const override {
    return "the floor is nearly reached: at m >= 2^16 bits a lossy polar code with lists needs at most 1.10 times the "
           "floor at error 1/3, and 1.06 times at error .11";
  }
  std::string source() const override {
    return "rate-distortion function of fair bits; lossy polar codes (Korada and Urbanke 2010) with lists (Tal and "
           "Vardy 2015)";
  }
  std::string prediction() const override {
    return "1 <= message bits / floor(error) <= 1.10 at rate .085, 1.06 at rate .509, m = 87360, blocks of 2^16, lists "
           "of 8";
  }
  std::string allowance() const override {
    return "none: both ends are bounds. 1.10 and 1.06 leave room for blocks of 2^16 (1.06 and 1.03 with the best known "
           "construction) and for the sampling of the error";
  }
  std::string refutation() const override {
    return "a gap above the bound, by a poor construction or a floor that is too low; or below 1";
  }

  Json config(analysis::Size size) const override {
    return with_scheme(size, {{"name", "rate_distortion"}, {"list", 8}});
  }

  std::vector<std::string> sabotages() const override { return {"short_blocks", "uncoded"}; }
  Json sabotaged_config(const std::string& sabotage) const override {
    if (sabotage == "uncoded") return with_scheme(analysis::Size::quick, {{"name", "bitpack"}});
    return with_scheme(analysis::Size::quick, {{"name", "rate_distortion"}, {"block", 6}});
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      std::vector<core::TrialErrors> errors;
      for (const auto& row : point.rows) {
        if (row.result.status == "ok")
          errors.push_back(
              {row.result.data.at("row_errors").get<double>(), row.result.data.at("queried_rows").get<std::int64_t>()});
      }
      if (errors.empty()) continue;
      const auto information = static_cast<std::uint64_t>(point.values("information_bits").front());
      const double bits = core::mean_of(point.values("message_bits"));
      // Infinite where the floor is 0.
      const auto gap = [=](double error) { return bits / analysis::floor_bits(information, error, true); };
      core::TrialErrors all;
      for (const auto& trial : errors) all = {all.row_errors + trial.row_errors, all.rows + trial.rows};
      Json at = floor_place(point, "bits / floor");
      at["error"] = all.mean();
      const double bound = mean_rate(point) < 0.3 ? 1.10 : 1.06;
      checks.estimate(at, gap(all.mean()), bound, {1, bound}, [=](double level) {
        const auto error = mean_error_interval(errors, level);
        return core::Interval{gap(error.lo), gap(error.hi)};
      });
    }
    return checks.finish();
  }

 private:
  static Json with_scheme(analysis::Size size, const Json& scheme) {
    const bool quick = size == analysis::Size::quick;
    return {
        {"experiment", "index_frontier"},
        {"grid", {{"n", 64}, {"d", quick ? Json{64} : Json{64, 128}}, {"rate", {0.085, 0.509}}, {"scheme", scheme}}},
        {"queries", 1024},
        {"mixture_queries", 0},
        {"random_queries", 0},
        {"stop", {{"min_trials", 32}, {"max_trials", 32}}}};
  }
};

const core::Registration<sweep::Experiment, Tightness> registration;

}  // namespace
}  // namespace kvfrontier::experiments::tightness
