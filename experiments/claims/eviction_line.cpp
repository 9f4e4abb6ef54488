// Eviction schemes that do not look at values all lie on one line, (1 - f)/2. A score that reads values does worse:
// rows with many ones make a cache that answers 1 for everybody, and the evicted rows are those with few.

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>

#include "analysis/claim.hpp"
#include "attention/attention.hpp"
#include "drawn_instance.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::experiments::eviction_line {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

class EvictionLine : public analysis::Claim {
 public:
  std::string name() const override { return "eviction_line"; }
  std::string statement() const override {
    return "keeping a share f of the rows by a rule that ignores values has bit error (1 - f)/2; keeping those with "
           "the most ones has more: about .389 at d = 16 and .383 at d = 64 instead of .375";
  }
  std::string source() const override {
    return "a dropped row is independent of the kept ones given the keys; majority of kept ones against a minority in "
           "dropped rows otherwise";
  }
  std::string prediction() const override {
    return "(1 - f)/2; for value-reading rules (1 - f) (q (1 - x) + (1 - q) x), x = share of ones in dropped rows, q = "
           "Phi((y - 1/2)/sqrt(y (1 - y) sum_j p_j^2)), y = share in kept rows";
  }
  std::string allowance() const override {
    return "0.005 on the line: exact up to sampling, and below what reading values changes. 0.005 for value-reading "
           "rules: q takes a sum of few weighted bits for Gaussian, wrong by at most 0.04 where one "
           "weight dominates, of which (1 - f)(1 - 2x) < 0.1 counts";
  }
  std::string refutation() const override {
    return "a value-blind rule off the line by 0.005, or a value-reading one on it or below";
  }

  const core::OptionTable& options() const override {
    static const core::OptionTable table = [] {
      auto list = shape_options(32, 16);
      return core::OptionTable{
          list[0],
          list[1],
          list[2],
          core::Option::choice("rule", "uniform", {"uniform", "recent", "heavy_keys", "most_ones", "fewest_ones"},
                               "kept rows: a random set, the newest, those whose keys get most attention from all "
                               "keys; or by their number of ones"),
          core::Option::real("share", 0.25, 0, 1, "f, share of rows kept"),
          core::Option::integer("draws", 4, 1, 100'000, "instances a trial"),
          analysis::sabotage_option({"peeks_at_values", "one_in_ten_leaks"})};
    }();
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    resolve_shape(combination, parameters);
    for (const char* name : {"rule", "share", "draws", "sabotage"}) parameters[name] = combination.value(name);
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const auto params = index_params(parameters);
    const auto draws = parameters.at("draws").get<std::uint64_t>();
    const auto kept = static_cast<std::size_t>(
        std::lround(parameters.at("share").get<double>() * static_cast<double>(params.tokens())));
    const std::string sabotage = parameters.at("sabotage");
    const std::string rule = sabotage == "peeks_at_values" ? "most_ones" : parameters.at("rule");
    double error = 0, model = 0;
    for (std::uint64_t draw = 0; draw < draws; ++draw) {
      const DrawnInstance drawn(params, parameters.at("seed"), trial * draws + draw, 0.5);
      if (!drawn.tau) return {"uncertified", Json::object()};
      const auto order = ranking(drawn, rule);
      const Index count = static_cast<Index>(kept), dropped = params.tokens() - count;
      core::RowMatrixD keys(count, params.d), values(count, params.d), queries(params.tokens(), params.d),
          truth(params.tokens(), params.d);
      for (std::size_t j = 0; j < order.size(); ++j) {
        const auto row = static_cast<Index>(j);
        queries.row(row) = *drawn.tau * drawn.keys.row(order[j]);
        truth.row(row) = drawn.values.row(order[j]);
        if (j >= kept) continue;
        keys.row(row) = drawn.keys.row(order[j]);
        values.row(row) = drawn.values.row(order[j]);
      }
      core::RowMatrixD weights = queries * keys.transpose();
      for (Index i = 0; i < weights.rows(); ++i) {
        weights.row(i) = (weights.row(i).array() - weights.row(i).maxCoeff()).exp();
        weights.row(i) /= weights.row(i).sum();
      }
      const core::RowMatrixD answers = weights * values;
      auto wrong = ((answers.array() > 0.5) != (truth.array() > 0.5)).cast<double>().eval();
      if (sabotage == "one_in_ten_leaks") {
        for (Index c = 0; c < params.d; c += 10) wrong.col(c).setZero();
      }
      error += wrong.mean();
      // The law, from this draw's weights and ones.
      const double y = values.mean(), x = truth.bottomRows(dropped).mean();
      double q = 0;
      for (Index i = count; i < weights.rows(); ++i)
        q += normal_below((y - 0.5) / std::sqrt(y * (1 - y) * weights.row(i).squaredNorm()));
      q /= static_cast<double>(dropped);
      model += static_cast<double>(dropped) / static_cast<double>(params.tokens()) * (q * (1 - x) + (1 - q) * x);
    }
    const double count = static_cast<double>(draws);
    return {"ok",
            {{"error", error / count},
             {"model", model / count},
             {"kept_share", static_cast<double>(kept) / static_cast<double>(params.tokens())}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid{{{"rule", {"uniform", "recent", "heavy_keys"}}, {"share", {0.25, 0.5}}, {"d", 16}},
              {{"rule", "most_ones"}, {"share", 0.25}, {"d", {16, 64}}},
              {{"rule", "fewest_ones"}, {"share", 0.25}, {"d", 16}}};
    if (!quick) {
      grid.push_back({{"rule", {"uniform", "recent", "heavy_keys"}}, {"share", {0.125, 0.75}}, {"d", 16}});
      grid.push_back({{"rule", "most_ones"}, {"share", {0.125, 0.5}}, {"d", {16, 32}}});
    }
    return {{"grid", grid}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 48 : 120}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto errors = point.values("error"), models = point.values("model");
      if (errors.empty()) continue;
      const double line = theory::eviction_error(point.values("kept_share").front());
      const std::string rule = point.parameters.at("rule");
      Json at = point.at({"rule", "d", "share"});
      at["quantity"] = "error";
      if (rule != "most_ones" && rule != "fewest_ones") {
        checks.mean(at, errors, line, analysis::within_absolute(line, 0.005));
        continue;
      }
      // Paired: the model is that of the same draws.
      std::vector<double> misses, excesses;
      for (std::size_t i = 0; i < errors.size(); ++i) misses.push_back(errors[i] - models[i] + core::mean_of(models));
      checks.mean(at, misses, core::mean_of(models), analysis::within_absolute(core::mean_of(models), 0.005));
      for (const double error : errors) excesses.push_back(error - line);
      at["quantity"] = "error above (1 - f)/2";
      checks.mean(at, excesses, core::mean_of(models) - line, analysis::at_least(0.001));
    }
    return checks.finish();
  }

 private:
  static double normal_below(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

  // Tokens in the order in which they are kept.
  static std::vector<Index> ranking(const DrawnInstance& drawn, const std::string& rule) {
    const Index tokens = drawn.keys.rows();
    std::vector<double> scores(static_cast<std::size_t>(tokens));
    core::Stream stream(drawn.instance->coins().open, core::Purpose("eviction/uniform"), 0);
    core::RowMatrixD received;
    if (rule == "heavy_keys") {
      received = *drawn.tau / 4 * (drawn.keys * drawn.keys.transpose());
      for (Index i = 0; i < tokens; ++i) {
        received.row(i) = (received.row(i).array() - received.row(i).maxCoeff()).exp();
        received.row(i) /= received.row(i).sum();
      }
    }
    for (Index j = 0; j < tokens; ++j) {
      const double tie = static_cast<double>(stream()) / 4294967296.0, ones = drawn.values.row(j).sum();
      scores[static_cast<std::size_t>(j)] = rule == "uniform"      ? tie
                                            : rule == "recent"     ? static_cast<double>(j)
                                            : rule == "heavy_keys" ? received.col(j).sum()
                                            : rule == "most_ones"  ? ones + tie / 2
                                                                   : tie / 2 - ones;
    }
    std::vector<Index> order(static_cast<std::size_t>(tokens));
    std::iota(order.begin(), order.end(), Index{0});
    std::sort(order.begin(), order.end(), [&](Index a, Index b) {
      return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
    });
    return order;
  }
};

const core::Registration<sweep::Experiment, EvictionLine> registration;

}  // namespace
}  // namespace kvfrontier::experiments::eviction_line
