// What (1 +- eta)-approximate attention implies: on a certified instance, a row that is answered within the tolerance
// has no wrong bit. It is the step of the proof that turns an approximation into a protocol for INDEX.

#include "analysis/judging_claim.hpp"
#include "floor_sweep.hpp"

namespace kvfrontier::experiments::eta_implies_decoding {
namespace {

using analysis::CheckList;

class EtaImpliesDecoding : public analysis::JudgingClaim {
 public:
  std::string name() const override { return "eta_implies_decoding"; }
  std::string statement() const override {
    return "in a certified trial of any scheme, a queried row all of whose entries are within (1 +- eta) of the exact "
           "outputs has no wrong bit at threshold (1 - eta^2)/2";
  }
  std::string source() const override {
    return "Thm 4.6 of arXiv 2503.14881: S < (1 - eta)/(1 + eta) and x = 0 give z <= (1 + eta) lambda < (1 - eta^2)/2, "
           "x = 1 gives z >= (1 - eta)(1 - lambda) > (1 - eta^2)/2";
  }
  std::string prediction() const override {
    return "counterexamples = 0; and the full cache in fp32 is within eta in every row";
  }
  std::string allowance() const override {
    return "none for the count. Of the rows within eta, a share of wrong ones up to 0.01 could hide in a finite "
           "sample; fp32 values are exact on bits, so the full cache may miss only by the order of its sums";
  }
  std::string refutation() const override { return "one row within eta with a wrong bit"; }
  core::Json config(analysis::Size size) const override { return floor_sweep(size); }

  std::vector<std::string> sabotages() const override { return {"one_counterexample", "low_scaling"}; }
  // Far below the certified scaling exact answers are within eta of themselves and yet hide bits.
  core::Json sabotaged_config(const std::string& sabotage) const override {
    core::Json json = config(analysis::Size::quick);
    if (sabotage == "low_scaling") json["tau"] = 2.0;
    return json;
  }
  // Most of the claim is a count, which any run settles: too few rows say nothing about the rows that were not asked.
  core::Json undersampled_config() const override {
    core::Json json = Claim::undersampled_config();
    json["queries"] = 4;
    return json;
  }
  void spoil(const std::string& sabotage, analysis::ClaimRows& rows) const override {
    if (sabotage != "one_counterexample") return;
    for (auto& point : rows) {
      for (auto& row : point.rows) {
        if (row.result.status != "ok" || row.result.data.at("rows_within_eta") == 0) continue;
        row.result.data["rows_within_eta_wrong"] = 1;
        return;
      }
    }
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    double counterexamples = 0, within = 0;
    for (const auto& point : rows) {
      const auto measured = point.values("rows_within_eta");
      if (measured.empty()) continue;  // infeasible
      double here = 0, wrong = 0, asked = 0;
      for (const double count : measured) here += count;
      for (const double count : point.values("rows_within_eta_wrong")) wrong += count;
      for (const double count : point.values("queried_rows")) asked += count;
      within += here;
      counterexamples += wrong;
      core::Json at = floor_place(point, "counterexamples");
      at["share_within_eta"] = here / asked;
      checks.exact(at, wrong, 0, analysis::at_most(0));
      if (point.parameters.at("scheme").at("name") == "exact") {
        checks.proportion(floor_place(point, "share within eta"), here, static_cast<std::int64_t>(asked), 1,
                          analysis::at_least(0.98));
      }
    }
    checks.proportion({{"quantity", "wrong share of all rows within eta"}, {"rows", within}}, counterexamples,
                      static_cast<std::int64_t>(within), 0, analysis::at_most(0.01));
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, EtaImpliesDecoding> registration;

}  // namespace
}  // namespace kvfrontier::experiments::eta_implies_decoding
