// F10. Finer values cost little scaling: at leak S a value of b bits decodes for every matrix as long as S < 1/(2^b -
// 1), so the bound becomes N d b bits. The slope ln 2/(1 - mu+) of the scaling against b is an upper guide only.

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "analysis/claim.hpp"
#include "attention/all_pairs.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "theory/leak.hpp"
#include "theory/scaling.hpp"
#include "theory/search.hpp"

namespace kvfrontier::experiments::bbit_values {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

constexpr int most_bits = 12;

class BbitValues : public analysis::Claim {
 public:
  std::string name() const override { return "bbit_values"; }
  std::string statement() const override {
    return "a row with leak S decodes at most ceil(log2(1 + 1/S)) - 1 bits a value against the worst other rows, and "
           "that many; so N d b bits are forced at S(tau) = 1/(2^b - 1)";
  }
  std::string source() const override {
    return "answers to level l lie in [(1 - lambda) l/M, (1 - lambda) l/M + lambda], M = 2^b - 1: neighbours are "
           "disjoint iff S < 1/M. They are told apart at multiples of 2^-b; the middles between "
           "grid values, (l + 1/2)/M, would need S < 1/(2 M - 1)";
  }
  std::string prediction() const override {
    return "largest b = ceil(log2(1 + 1/S_i(tau))) - 1 in every row; tau_b solves E S(tau) = 1/(2^b - 1); slope of "
           "tau_b at most ln 2/(1 - mu+)";
  }
  std::string allowance() const override {
    return "0.01 of the rows: S is computed in float for the prediction and in double for the measurement, which "
           "differ where S is within 1e-5 of a threshold. 2 % of tau_b: it is the mean over draws "
           "of the scaling at which the draw's mean leak crosses, and the crossing is not linear in the leak";
  }
  std::string refutation() const override {
    return "rows that decode more or fewer bits than their leak allows, a scaling off by 2 %, or a slope above ln 2/(1 "
           "- mu+)";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("quantity", "decoding", {"decoding", "scaling"}, "what is measured"),
        Option::integer("tokens", 512, 2, 50'000, "N"),
        Option::integer("d", 64, 1, 65536, "dimension"),
        Option::real("tau", 12.0, 0, 1e4, "query scaling, for decoding"),
        Option::integer("rows", 64, 1, 1'000'000, "rows a trial, for decoding"),
        analysis::sabotage_option({"wrong_tau", "nearest_grid_value"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    const bool decoding = combination.value("quantity") == "decoding";
    for (const char* name : {"quantity", "tokens", "d", "sabotage"}) parameters[name] = combination.value(name);
    for (const char* name : {"tau", "rows"}) {
      const Json& value = combination.value(name);
      if (decoding) parameters[name] = value;
    }
    return parameters;
  }
  double operations(const Json& parameters) const override {
    const double tokens = parameters.at("tokens");
    return tokens * tokens * (parameters.at("d").get<double>() + 16) * 10;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens"), d = parameters.at("d");
    const std::string identity = Json{{"tokens", tokens}, {"d", d}}.dump();
    const auto seed = parameters.at("seed").get<std::uint64_t>();
    core::RowMatrixF keys(tokens, d);
    geometry::Embeddings::find("sphere", "embedding")
        .rows(core::derive_key(seed, identity, trial, "public"), tokens, 0, keys);
    const double wrong = parameters.at("sabotage") == "wrong_tau" ? 0.8 : 1.0;
    return parameters.at("quantity") == "decoding"
               ? decode(parameters, keys, core::derive_key(seed, identity, trial, "bob"), wrong)
               : scale(keys, wrong);
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json decoding{{"quantity", "decoding"},
                  {"tau", quick ? Json{6, 8, 10, 12, 14} : Json{6, 7, 8, 9, 10, 11, 12, 13, 14, 16}}};
    return {{"grid", {decoding, {{"quantity", "scaling"}}}},
            {"tokens", quick ? 512 : 1024},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 40 : 120}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto tokens = static_cast<Index>(point.parameter("tokens")), d = static_cast<Index>(point.parameter("d"));
      if (point.parameters.at("quantity") == "decoding") {
        double agree = 0, asked = 0;
        for (const double count : point.values("agree")) agree += count;
        for (const double count : point.values("rows")) asked += count;
        Json at = point.at({"tokens", "d", "tau"});
        at["quantity"] = "share of rows with the predicted b";
        at["mean_bits"] = core::mean_of(point.values("mean_bits"));
        checks.proportion(at, agree, static_cast<std::int64_t>(asked), 1, analysis::at_least(0.99));
        continue;
      }
      for (int bits = 1; bits <= 8; ++bits) {
        const auto tau = theory::tau_at_leak([&](double t) { return theory::mean_leak_sphere(tokens, d, t); },
                                             theory::grid_leak_threshold(0, bits), 500);
        Json at = point.at({"tokens", "d"});
        at["quantity"] = "tau";
        at["bits"] = bits;
        checks.mean(at, point.values("tau_" + std::to_string(bits)), *tau, analysis::within_relative(*tau, 0.02));
      }
      const auto high = point.values("tau_8"), low = point.values("tau_4"), mu = point.values("mu_plus");
      std::vector<double> shares;
      for (std::size_t i = 0; i < high.size(); ++i)
        shares.push_back((high[i] - low[i]) / 4 * (1 - mu[i]) / std::log(2.0));
      Json at = point.at({"tokens", "d"});
      at["quantity"] = "slope of tau against b, over ln 2/(1 - mu+)";
      checks.mean(at, shares, 1, analysis::at_most(1));
    }
    return checks.finish();
  }

 private:
  // Bits that row i decodes, with actual attention weights and the two worst value matrices for every level.
  static sweep::TrialResult decode(const Json& parameters, const core::RowMatrixF& keys, core::RandomKey bob,
                                   double wrong) {
    const double tau = parameters.at("tau");
    const Index tokens = keys.rows(), rows = parameters.at("rows");
    const bool nearest = parameters.at("sabotage") == "nearest_grid_value";
    const auto leaks = attention::leaks(keys, tau);
    core::Stream stream(bob, core::Purpose("bbit/rows"), 0);
    boost::random::uniform_int_distribution<Index> any(0, tokens - 1);
    const core::RowMatrixD exact = keys.cast<double>();
    Index agree = 0;
    double sum = 0;
    for (Index r = 0; r < rows; ++r) {
      const Index i = any(stream);
      const Eigen::VectorXd weights = (wrong * tau * (exact * exact.row(i).transpose())).array().exp();
      const double own = weights[i] / weights.sum(), others = (weights.sum() - weights[i]) / weights.sum();
      int bits = 0;
      while (bits < most_bits && reads_all(bits + 1, own, others, nearest)) ++bits;
      agree += bits == std::min(most_bits, theory::decodable_bits(leaks[static_cast<std::size_t>(i)]));
      sum += bits;
    }
    return {"ok", {{"agree", agree}, {"rows", rows}, {"mean_bits", sum / static_cast<double>(rows)}}};
  }

  // Every level, with all other rows at 0 and all at 1.
  static bool reads_all(int bits, double own, double others, bool nearest) {
    const int top = (1 << bits) - 1;
    const auto read = [&](double z) {
      return static_cast<int>(
          std::clamp(nearest ? std::round(z * top) : std::ceil(z * (top + 1)) - 1, 0.0, static_cast<double>(top)));
    };
    for (int level = 0; level <= top; ++level) {
      const double value = own * level / top;
      if (read(value) != level || read(value + others) != level) return false;
    }
    return true;
  }

  // Scalings at which the draw's mean leak is 1/(2^b - 1).
  static sweep::TrialResult scale(const core::RowMatrixF& keys, double wrong) {
    double mu = -1;
    for (const float product : attention::largest_products(keys)) mu = std::max(mu, static_cast<double>(product));
    Json data{{"mu_plus", mu}};
    // The mean leak falls smoothly: a secant on its logarithm needs few of these costly evaluations.
    double low = 1, log_low = log_leak(keys, wrong * low);
    for (int bits = 1; bits <= 8; ++bits) {
      const double target = std::log(theory::grid_leak_threshold(0, bits));
      double high = low + 2, log_high = log_leak(keys, wrong * high);
      for (int step = 0; step < 12 && std::abs(log_high - target) > 1e-5; ++step) {
        const double next = high + (target - log_high) * (high - low) / (log_high - log_low);
        low = high;
        log_low = log_high;
        high = next;
        log_high = log_leak(keys, wrong * high);
      }
      data["tau_" + std::to_string(bits)] = high;
      low = high;
      log_low = log_high;
    }
    return {"ok", data};
  }
  static double log_leak(const core::RowMatrixF& keys, double tau) {
    return std::log(core::mean_of(attention::leaks(keys, tau)));
  }
};

const core::Registration<sweep::Experiment, BbitValues> registration;

}  // namespace
}  // namespace kvfrontier::experiments::bbit_values
