// 1.9. At tau = c ln N the share of rows that decode rises from 0 to 1 at d = x_c ln N: "d = Omega(log n)" as a
// measured constant. Curves for growing N steepen and cross ever nearer to x_c; at finite N each point follows an exact
// law.

#include <algorithm>
#include <boost/math/special_functions/erf.hpp>

#include "analysis/claim.hpp"
#include "measuring.hpp"
#include "theory/dimension.hpp"

namespace kvfrontier::experiments::dimension_transition {
namespace {

using analysis::CheckList;
using core::Json;

constexpr Index block = 2048;  // keys at a time: never N x N

double probit(double p) {
  return -std::sqrt(2.0) * boost::math::erfc_inv(2 * p);
}

// Points of one (embedding, c, N) by dimension, shares per trial.
struct Curve {
  Index tokens = 0;
  std::map<Index, std::vector<double>> shares;

  double ln_tokens() const { return std::log(static_cast<double>(tokens)); }
  std::size_t trials() const {
    std::size_t least = SIZE_MAX;
    for (const auto& [d, list] : shares) least = std::min(least, list.size());
    return least;
  }
  // The mean share without trial `out`, in probits, clipped where no or every row decodes.
  double level(Index d, std::size_t out) const {
    const auto& list = shares.at(d);
    double sum = 0, count = 0;
    for (std::size_t t = 0; t < list.size(); ++t) {
      if (t == out) continue;
      sum += list[t];
      ++count;
    }
    return probit(std::clamp(sum / count, 1e-3, 1 - 1e-3));
  }
  // Probits between integer dimensions on straight lines, straight on beyond the ends.
  double at(double x, std::size_t out) const {
    const double d = x * ln_tokens();
    auto upper = shares.upper_bound(static_cast<Index>(std::floor(d)));
    if (upper == shares.begin()) ++upper;
    if (upper == shares.end()) --upper;
    const Index high = upper->first, low = std::prev(upper)->first;
    const double a = level(low, out), b = level(high, out);
    return a + (b - a) * (d - static_cast<double>(low)) / static_cast<double>(high - low);
  }
  // Slope in probits per unit of d/ln N where half of the rows decode.
  double slope(std::size_t out) const {
    for (auto high = std::next(shares.begin()); high != shares.end(); ++high) {
      const auto low = std::prev(high);
      if (level(high->first, out) >= 0 || std::next(high) == shares.end()) {
        return (level(high->first, out) - level(low->first, out)) * ln_tokens() /
               static_cast<double>(high->first - low->first);
      }
    }
    return NAN;
  }
};

// Where the steeper curve overtakes: the zero of the difference between the x that both have measured.
double crossing(const Curve& a, const Curve& b, std::size_t out) {
  double low = std::max(static_cast<double>(a.shares.begin()->first) / a.ln_tokens(),
                        static_cast<double>(b.shares.begin()->first) / b.ln_tokens());
  double high = std::min(static_cast<double>(a.shares.rbegin()->first) / a.ln_tokens(),
                         static_cast<double>(b.shares.rbegin()->first) / b.ln_tokens());
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (b.at(middle, out) >= a.at(middle, out) ? high : low) = middle;
  }
  return (low + high) / 2;
}

class DimensionTransition : public analysis::Claim {
 public:
  std::string name() const override { return "dimension_transition"; }
  std::string statement() const override {
    return "at tau = c ln N rows decode iff d/ln N exceeds a sharp constant x_c: at c = 2, 1.2104 for sphere and 1.641 "
           "for Rademacher keys";
  }
  std::string source() const override {
    return "d = Omega(log n) of Thm 4.5 of arXiv 2503.14881 with its constant: first moment and freezing of the leak";
  }
  std::string prediction() const override {
    return "1 - c + sup_t [c t - x I(t)] = 0 at x_c, I = -ln(1-t^2)/2 (sphere) or [(1+t)ln(1+t) + (1-t)ln(1-t)]/2; at "
           "finite N the share P(S < 1) of a sum of independent terms";
  }
  std::string allowance() const override {
    return ".12 for the crossing of N = 4096 and 16384: corrections are of order ln ln N/ln N and d is interpolated "
           "between integers, which are .10 and .12 apart. .05 for a share: the "
           "finite-N law is exact, the rest is for the finite number of rows";
  }
  std::string refutation() const override {
    return "a crossing more than .12 from x_c, curves over d/ln N that do not steepen with N, or a share off its "
           "finite-N law";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("embedding", "sphere", {"sphere", "rademacher"}, "family of keys"),
        Option::integer("tokens", 4096, 2, 1 << 20, "N"),
        Option::integer("d", 10, 2, 4096, "dimension"),
        Option::real("c", 2.0, 1.01, 100, "tau = c ln N"),
        Option::integer("rows", 256, 1, block, "rows asked for in a draw"),
        Option::integer("draws", 1, 1, 1 << 20, "draws of the keys in a trial"),
        analysis::sabotage_option({"wrong_tau"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"embedding", "tokens", "d", "c", "rows", "draws", "sabotage"})
      parameters[name] = combination.value(name);
    if (parameters["rows"].get<Index>() > parameters["tokens"].get<Index>()) {
      throw core::ConfigError(combination.path("rows"), core::describe(parameters["rows"]), "at most N rows");
    }
    return parameters;
  }
  double operations(const Json& parameters) const override {
    return parameters.at("tokens").get<double>() * parameters.at("rows").get<double>() *
           (2 * parameters.at("d").get<double>() + 16);
  }

  static double scaling(const Json& parameters) {
    return parameters.at("c").get<double>() * std::log(parameters.at("tokens").get<double>());
  }

  // Keys are exchangeable, so the first rows are as good as any.
  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens"), d = parameters.at("d"), rows = parameters.at("rows");
    const float tau = static_cast<float>(scaling(parameters) * (parameters.at("sabotage") == "wrong_tau" ? 0.8 : 1.0));
    const auto& embedding = geometry::Embeddings::find(parameters.at("embedding"), "embedding");
    const Index draws = parameters.at("draws");
    core::RowMatrixF queries(rows, d), keys(std::min(block, tokens), d), weights;
    Index decoded = 0;
    for (Index draw = 0; draw < draws; ++draw) {
      const auto key = trial_key(parameters, trial * 1'000'000 + static_cast<std::uint64_t>(draw));
      embedding.rows(key, tokens, 0, queries);
      Eigen::ArrayXd leaks = Eigen::ArrayXd::Zero(rows);
      for (Index first = 0; first < tokens; first += block) {
        const Index count = std::min(block, tokens - first);
        embedding.rows(key, tokens, first, keys.topRows(count));
        weights.noalias() = queries * keys.topRows(count).transpose();
        weights = ((weights.array() - 1) * tau).max(-80.0f).exp();
        if (first == 0) weights.diagonal().setZero();
        leaks += weights.rowwise().sum().array().cast<double>();
      }
      decoded += (leaks < 1 - 1e-4).count();  // a duplicate key weighs 1 up to the rounding of its product
    }
    return {"ok", {{"share", static_cast<double>(decoded) / static_cast<double>(draws * rows)}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grids = Json::array();
    // Fewer rows at small N need more draws.
    const auto add = [&](const char* embedding, int tokens, int rows, int draws, Json d) {
      grids.push_back(
          {{"embedding", embedding}, {"tokens", tokens}, {"rows", rows}, {"draws", draws}, {"d", std::move(d)}});
    };
    add("sphere", 64, 64, 16, {4, 5, 6, 7});
    add("sphere", 1024, 256, 2, {8, 9, 10});
    add("sphere", 4096, 256, 1, {9, 10, 11, 12});
    add("sphere", 16384, 256, 1, {11, 12, 13});
    add("rademacher", 64, 64, 16, {6, 7, 8, 9});
    add("rademacher", 1024, 256, 2, {11, 12, 13});
    add("rademacher", 4096, 256, 1, {13, 14, 15, 16});
    add("rademacher", 16384, 256, 1, {15, 16, 17});
    return {{"grid", grids}, {"c", 2}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 60 : 600}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& points) const override {
    CheckList checks;
    std::map<std::pair<std::string, double>, std::map<Index, Curve>> families;
    for (const auto& point : points) {
      const std::string embedding = point.parameters.at("embedding");
      const Index tokens = point.parameters.at("tokens"), d = point.parameters.at("d");
      const auto shares = point.values("share");
      if (shares.empty()) continue;
      Curve& curve = families[{embedding, point.parameter("c")}][tokens];
      curve.tokens = tokens;
      curve.shares[d] = shares;
      const double tau = scaling(point.parameters);
      const double law = embedding == "sphere" ? theory::decodable_share_sphere(tokens, d, tau)
                                               : theory::decodable_share_rademacher(tokens, d, tau);
      Json at = point.at({"embedding", "c", "tokens", "d"});
      at["d_over_ln_n"] = static_cast<double>(d) / curve.ln_tokens();
      at["quantity"] = "decodable share";
      checks.mean(at, shares, law, analysis::within_absolute(law, 0.05));
    }
    for (const auto& [family, curves] : families) {
      const double sharp = family.first == "sphere" ? theory::sphere_dimension_threshold(family.second)
                                                    : theory::rademacher_dimension_threshold(family.second);
      const Curve* last = nullptr;
      for (const auto& [tokens, curve] : curves) {
        if (curve.shares.size() < 2) continue;
        if (last != nullptr) {
          const std::size_t trials = std::min(last->trials(), curve.trials());
          Json at{
              {"embedding", family.first}, {"c", family.second}, {"tokens", tokens}, {"other_tokens", last->tokens}};
          at["quantity"] = "slope / slope of the smaller N";
          const double predicted = std::sqrt(std::log(static_cast<double>(tokens)) / last->ln_tokens());
          checks.mean(
              at,
              jackknife(trials, [&, &curve = curve](std::size_t out) { return curve.slope(out) / last->slope(out); }),
              predicted, analysis::at_least(1));
          if (last->tokens >= 4096) {
            at["quantity"] = "crossing";
            checks.mean(at,
                        jackknife(trials, [&, &curve = curve](std::size_t out) { return crossing(*last, curve, out); }),
                        sharp, analysis::within_absolute(sharp, 0.12));
          }
        }
        last = &curve;
      }
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, DimensionTransition> registration;

}  // namespace
}  // namespace kvfrontier::experiments::dimension_transition
