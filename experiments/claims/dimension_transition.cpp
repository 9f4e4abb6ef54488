// At tau = c ln N the share of rows that decode rises from 0 to 1 at d = x_c ln N: "d = Omega(log n)" as a measured
// constant. Curves steepen as N grows and cross ever closer to x_c; at finite N each point follows an exact law.

#include <algorithm>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <map>
#include <utility>

#include "analysis/measuring_claim.hpp"
#include "core/errors.hpp"
#include "measuring.hpp"
#include "theory/dimension.hpp"

namespace kvfrontier::experiments::dimension_transition {

enum class Mutation { none, wrong_tau };

}  // namespace kvfrontier::experiments::dimension_transition

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::dimension_transition::Mutation> {
  static constexpr std::array names{"none", "wrong_tau"};
};

namespace kvfrontier::experiments::dimension_transition {
namespace {

using core::Json;

constexpr Index block = 2048;  // keys at a time: never N x N

struct Parameters {
  KeyFamily embedding = KeyFamily::sphere;
  Index tokens = 4096, d = 10;
  double c = 2;
  Index rows = 256, draws = 1;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {family_member(&Parameters::embedding),
            core::member("tokens", &Parameters::tokens, "N").range(2, 1 << 20),
            core::member("d", &Parameters::d, "dimension").range(2, 4096),
            core::member("c", &Parameters::c, "tau = c ln N").range(1.01, 100),
            core::member("rows", &Parameters::rows, "rows that Bob asks for in a draw").range(1, block),
            core::member("draws", &Parameters::draws, "draws of the keys per trial").range(1, 1 << 20),
            analysis::mutation_member(&Parameters::mutation)};
  }
  double tau() const { return c * std::log(tokens); }
  // Share of rows that decode at this N.
  double law() const {
    return embedding == KeyFamily::sphere ? theory::decodable_share_sphere(tokens, d, tau())
                                          : theory::decodable_share_rademacher(tokens, d, tau());
  }
};

struct Trial {
  double share = 0;
  static core::MemberList<Trial> members() {
    return {core::member("share", &Trial::share, "share of rows whose leak is below 1").needed()};
  }
};

const analysis::ClaimText claim{
    .name = "dimension_transition",
    .statement = "At tau = c ln N rows decode iff d/ln N exceeds a sharp constant x_c.",
    .note = "At c = 2 it is 1.2104 for sphere keys and 1.641 for Rademacher keys.",
    .source = R"(d = Omega(log n) of Thm 4.5 of arXiv 2503.14881 with its constant: first moment and freezing of the
      leak)",
    .prediction = R"(1 - c + sup_t [c t - x I(t)] = 0 at x_c, I = -ln(1-t^2)/2 (sphere) or [(1+t)ln(1+t) +
      (1-t)ln(1-t)]/2 (Rademacher); at finite N the share P(S < 1) of a sum of independent terms)",
    .allowance = R"(.12 for the crossing of N = 4096 and 16384: corrections are of order ln ln N/ln N, and the curves
      are interpolated between integers d, whose d/ln N are .10 and .12 apart. .05 for a share: the finite-N law is
      exact, so this only allows for the finite number of rows)",
    .refutation = R"(a crossing more than .12 from x_c, curves over d/ln N that do not steepen with N, or a share off
      its finite-N law)"};

double probit(double p) {
  return -std::sqrt(2.0) * boost::math::erfc_inv(2 * p);
}

// The points of one (embedding, c, N): the shares of all trials by dimension.
struct Curve {
  KeyFamily embedding = KeyFamily::sphere;
  Index tokens = 0;
  std::map<Index, std::vector<double>> shares;

  double ln_tokens() const { return std::log(tokens); }
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
  // The share in probits at d = x ln N: straight lines between integer dimensions, extended beyond the ends.
  double at(double x, std::size_t out) const {
    const double d = x * ln_tokens();
    const Index whole = std::floor(d);
    auto upper = shares.upper_bound(whole);
    if (upper == shares.begin()) ++upper;
    if (upper == shares.end()) --upper;
    const Index high = upper->first, low = std::prev(upper)->first;
    const double a = level(low, out), b = level(high, out);
    return a + (b - a) * (d - low) / (high - low);
  }
  // Slope in probits per unit of d/ln N where half of the rows decode.
  double slope(std::size_t out) const {
    for (auto high = std::next(shares.begin()); high != shares.end(); ++high) {
      const auto low = std::prev(high);
      if (level(high->first, out) >= 0 || std::next(high) == shares.end()) {
        return (level(high->first, out) - level(low->first, out)) * ln_tokens() / (high->first - low->first);
      }
    }
    return NAN;
  }
};

// Where the steeper curve overtakes: the zero of the difference between the x that both have measured.
double crossing(const Curve& a, const Curve& b, std::size_t out) {
  double low = std::max(a.shares.begin()->first / a.ln_tokens(), b.shares.begin()->first / b.ln_tokens());
  double high = std::min(a.shares.rbegin()->first / a.ln_tokens(), b.shares.rbegin()->first / b.ln_tokens());
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (b.at(middle, out) >= a.at(middle, out) ? high : low) = middle;
  }
  return (low + high) / 2;
}

class DimensionTransition : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  DimensionTransition() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination& combination) const override {
    if (p.rows > p.tokens)
      throw core::ConfigError(combination.path(&Parameters::rows), core::describe(p.rows), "at most N rows");
  }
  double operations(const Parameters& p) const override { return 1.0 * p.tokens * p.rows * (2 * p.d + 16); }

  // Keys are exchangeable, so the first rows are as good as any.
  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const auto& embedding = keys_of(p.embedding);
    const float tau = p.tau() * (p.mutation == Mutation::wrong_tau ? 0.8 : 1.0);
    core::RowMatrixF queries(p.rows, p.d), keys(std::min(block, p.tokens), p.d), weights;
    Index decoded = 0;
    for (Index draw = 0; draw < p.draws; ++draw) {
      const auto coins = trial_coins(draw_of(turn, draw), embedding, p.tokens, p.d);
      embedding.rows(coins, p.tokens, 0, queries);
      Eigen::ArrayXd leaks = Eigen::ArrayXd::Zero(p.rows);
      for (Index first = 0; first < p.tokens; first += block) {
        const Index count = std::min(block, p.tokens - first);
        embedding.rows(coins, p.tokens, first, keys.topRows(count));
        weights.noalias() = queries * keys.topRows(count).transpose();
        weights = ((weights.array() - 1) * tau).max(-80.0f).exp();
        if (first == 0) weights.diagonal().setZero();
        leaks += weights.rowwise().sum().array().cast<double>();
      }
      decoded += (leaks < 1 - 1e-4).count();  // a duplicate key weighs 1 up to the rounding of its product
    }
    return Trial{1.0 * decoded / (p.draws * p.rows)};
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
    return {{"grid", grids}, {"c", 2}, {"stop", analysis::trials(8, quick ? 60 : 600)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    std::map<std::pair<std::string, double>, std::map<Index, Curve>> families;  // in alphabetical order
    for (const Point& point : points) {
      const P& p = point.parameters;
      const auto shares = point.values(&Trial::share);
      if (shares.empty()) continue;
      Curve& curve = families[{core::enum_name(p.embedding), p.c}][p.tokens];
      curve.embedding = p.embedding;
      curve.tokens = p.tokens;
      curve.shares[p.d] = shares;
      Json at = point.at(&P::embedding, &P::c, &P::tokens, &P::d);
      at.update({{"d_over_ln_n", p.d / curve.ln_tokens()}, {"quantity", "decodable share"}});
      const double law = p.law();
      checks.mean(std::move(at), shares, law, analysis::within_absolute(law, 0.05));
    }
    for (const auto& [family, curves] : families) judge_curves(family.second, curves, checks);
  }

 private:
  // Each curve against that of the next smaller N.
  static void judge_curves(double c, const std::map<Index, Curve>& curves, analysis::CheckList& checks) {
    const KeyFamily embedding = curves.begin()->second.embedding;
    const double sharp = embedding == KeyFamily::sphere ? theory::sphere_dimension_threshold(c)
                                                        : theory::rademacher_dimension_threshold(c);
    const Curve* smaller = nullptr;
    for (const auto& [tokens, curve] : curves) {
      if (curve.shares.size() < 2) continue;
      const Curve *last = std::exchange(smaller, &curve), *here = &curve;
      if (last == nullptr) continue;
      const std::size_t trials = std::min(last->trials(), here->trials());
      const Json at{{"embedding", core::enum_name(embedding)},
                    {"c", c},
                    {"tokens", here->tokens},
                    {"other_tokens", last->tokens}};
      checks.mean(analysis::with(at, "quantity", "slope / slope of the smaller N"),
                  jackknife(trials, [=](std::size_t out) { return here->slope(out) / last->slope(out); }),
                  std::sqrt(here->ln_tokens() / last->ln_tokens()), analysis::at_least(1));
      if (last->tokens < 4096) continue;
      checks.mean(analysis::with(at, "quantity", "crossing"),
                  jackknife(trials, [=](std::size_t out) { return crossing(*last, *here, out); }), sharp,
                  analysis::within_absolute(sharp, 0.12));
    }
  }
};

const core::Registration<sweep::Experiment, DimensionTransition> registration;

}  // namespace
}  // namespace kvfrontier::experiments::dimension_transition
