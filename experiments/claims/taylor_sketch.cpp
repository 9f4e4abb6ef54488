// Attention from moments: with e^x cut off at degree t the state is C(d+t, t) (d_v + 1) numbers whatever N is. The
// degree must grow like e r in the largest logit r (3.59 r if the smallest weight has to come out right), so the state
// leaves the floor far behind.

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <cmath>
#include <numbers>

#include "analysis/measuring_claim.hpp"
#include "geometry/embedding.hpp"
#include "theory/taylor.hpp"

namespace kvfrontier::experiments::taylor_sketch {

enum class Part { tail, slope, sketch, leak };
enum class Mutation { none, missing_degree };

}  // namespace kvfrontier::experiments::taylor_sketch

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::taylor_sketch::Part> {
  static constexpr std::array names{"tail", "slope", "sketch", "leak"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::taylor_sketch::Mutation> {
  static constexpr std::array names{"none", "missing_degree"};
};

namespace kvfrontier::experiments::taylor_sketch {
namespace {

using core::Index;

constexpr Index value_width = 3;  // of the sketch

struct Parameters {
  Part part = Part::leak;
  double r = 4;
  Index degree = 8, tokens = 512, d = 64;
  Mutation mutation = Mutation::none;

  bool has_keys() const { return part == Part::sketch || part == Part::leak; }

  static core::MemberList<Parameters> members() {
    const auto has_degree = [](const Parameters& p) { return p.part != Part::slope; };
    const auto has_keys = [](const Parameters& p) { return p.has_keys(); };
    return {core::member("part", &Parameters::part, "what is measured"),
            core::member("r", &Parameters::r, "largest |logit|").range(0.1, 300).when(has_degree),
            core::member("degree", &Parameters::degree, "t").range(1, 64).when(has_degree),
            core::member("tokens", &Parameters::tokens, "N").range(2, 4096).when(has_keys),
            core::member("d", &Parameters::d, "dimension").range(1, 1024).when(has_keys),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

// Each part gives its own.
struct Trial {
  std::optional<double> error{};                 // tail
  std::optional<double> absolute{}, relative{};  // slope
  std::optional<double> difference{};            // sketch
  std::optional<Index> numbers{};                // sketch
  std::optional<double> factor{};                // leak

  static core::MemberList<Trial> members() {
    return {{core::member("error", &Trial::error, "tail: largest error on [-r, r]"),
             core::member("absolute", &Trial::absolute, "slope: degree per r for an error of 1"),
             core::member("relative", &Trial::relative, "slope: degree per r for an error of exp(-r)"),
             core::member("difference", &Trial::difference, "sketch: largest difference from degree-t attention"),
             core::member("numbers", &Trial::numbers, "sketch: numbers that the state holds"),
             core::member("factor", &Trial::factor, "leak: leak with exp_t over the leak with exp")},
            core::Nulls::omit};
  }
};

template <class Real>
Real truncated_exponential(Real x, Index degree) {
  Real sum = 1;
  for (Index l = degree; l >= 1; --l) sum = 1 + x / l * sum;
  return sum;
}

// All monomials of degree at most t in d variables, with the coefficients 1/(multi-index)! of exp_t(<q, k>).
class Monomials {
 public:
  Monomials(Index d, Index degree) {
    std::vector<Index> powers(d, 0);
    fill(powers, 0, degree);
  }
  Index count() const { return std::ssize(powers_); }

  Eigen::VectorXd of(const Eigen::RowVectorXd& point, bool with_coefficients) const {
    Eigen::VectorXd values(count());
    for (Index m = 0; m < count(); ++m) {
      double value = 1;
      for (Index l = 0; l < std::ssize(powers_[m]); ++l) {
        for (Index power = 1; power <= powers_[m][l]; ++power)
          value *= point[l] / (with_coefficients ? 1.0 * power : 1.0);
      }
      values[m] = value;
    }
    return values;
  }

 private:
  void fill(std::vector<Index>& powers, Index next, Index left) {
    if (next == std::ssize(powers)) {
      powers_.push_back(powers);
      return;
    }
    for (powers[next] = 0; powers[next] <= left; ++powers[next]) fill(powers, next + 1, left - powers[next]);
    powers[next] = 0;
  }
  std::vector<std::vector<Index>> powers_;
};

// The largest error on [-r, r], ends included.
Trial tail(double r, Index degree, core::Coins coins) {
  core::Stream stream(coins, core::Purpose("taylor/x"), 0);
  boost::random::uniform_real_distribution<double> inside(-r, r);
  long double worst = 0;
  for (int i = 0; i < 1000; ++i) {
    const long double x = i == 0 ? r : i == 1 ? -r : inside(stream);
    worst = std::max(worst, std::abs(std::exp(x) - truncated_exponential<long double>(x, degree)));
  }
  const double error = worst;
  return {.error = error};
}

// Least degrees at r = 100 and 300, from the Poisson tail sum_{l > t} r^l/l! = e^r P(Poisson(r) > t), per unit of r.
Trial slope(Mutation mutation) {
  const auto degree = [mutation](int r, double log_error) -> double {
    Index t = 0;
    while (std::log(boost::math::gamma_p(t + 1.0, 1.0 * r)) + r > log_error) ++t;
    return mutation == Mutation::missing_degree ? t - r / 10 : t;  // for every 10 of r one degree is not counted
  };
  return {.absolute = (degree(300, 0) - degree(100, 0)) / 200,
          .relative = (degree(300, -300) - degree(100, -100)) / 200};
}

// Streams random tokens into moments and compares the answers with attention whose weights are exp_t. The moments go up
// to `degree`, the weights to the degree that the parameters name.
Trial sketch(const Parameters& p, Index degree, core::Coins coins) {
  const Index tokens = p.tokens, d = p.d;
  const Monomials monomials(d, degree);
  boost::random::normal_distribution<double> normal;
  core::Stream stream(coins, core::Purpose("taylor/tokens"), 0);
  core::RowMatrixD keys(tokens, d), values(tokens, value_width + 1);
  for (Index i = 0; i < keys.size(); ++i) keys.data()[i] = normal(stream);
  keys.rowwise().normalize();
  for (Index i = 0; i < values.size(); ++i) values.data()[i] = normal(stream);
  values.col(value_width).setOnes();  // the normaliser is the value 1

  core::RowMatrixD state = core::RowMatrixD::Zero(monomials.count(), value_width + 1);
  for (Index i = 0; i < tokens; ++i) state += monomials.of(keys.row(i), false) * values.row(i);
  double difference = 0;
  for (Index q = 0; q < 4; ++q) {
    const Eigen::RowVectorXd query = p.r * keys.row(q);
    const Eigen::RowVectorXd from_state = monomials.of(query, true).transpose() * state;
    const Eigen::VectorXd weights =
        (keys * query.transpose()).unaryExpr([&p](double x) { return truncated_exponential(x, p.degree); });
    const Eigen::RowVectorXd direct = weights.transpose() * values;
    difference = std::max(difference,
                          (from_state / from_state[value_width] - direct / direct[value_width]).cwiseAbs().maxCoeff());
  }
  return {.difference = difference, .numbers = state.size()};
}

// Leak of the hard instance with exp_t over its leak with exp; the scaling is r.
Trial leak(const Parameters& p, Index degree, core::Coins coins) {
  const Index tokens = p.tokens;
  const double tau = p.r;
  core::RowMatrixF keys(tokens, p.d);
  geometry::Embeddings::find("sphere", "embedding").rows(coins, tokens, 0, keys);
  core::RowMatrixD products = (keys * keys.transpose()).cast<double>() * tau;
  products.diagonal().setConstant(-1e3);
  const double exact = (products.array() - tau).exp().sum();
  products.diagonal().setZero();
  const double cut = products.unaryExpr([&](double x) { return truncated_exponential(x, degree); }).sum() - tokens;
  return {.factor = cut / truncated_exponential(tau, degree) / exact};
}

const analysis::ClaimText claim{
    .name = "taylor_sketch",
    .statement = "Attention with e^x cut at degree t needs C(d+t,t)(d_v+1) numbers, and t must grow like e r.",
    .note = R"(Its error is the tail sum_{l>t} r^l/l!, which asks for t ~ e r (3.59 r relative to e^{-r}), and it
      multiplies the leak by 1/P(Poisson(tau) <= t).)",
    .source = R"(polynomial method for streaming attention (arXiv 2606.07205 and before); tail, slopes and leak
      factor derived in theory/taylor.hpp)",
    .prediction = R"(max error on |x| <= r: sum_{l>t} r^l/l! <= (e r/(t+1))^{t+1}/(1-r/(t+2)); dt/dr -> e, or 3.5911
      for error e^{-r}; state C(d+t,t)(d_v+1); leak S/P(Poisson(tau) <= t))",
    .allowance = R"(tail: 1e-9 relative, rounding. Slopes between r = 100 and 300: 1 %, for the ln r term and the
      rounding of t (.3 %). Sketch: 1e-12, rounding. Leak factor: 3 %, because products of other rows, up to 0.5 tau,
      are cut too)",
    .refutation = R"(a tail above its bound, a degree that grows slower than e r (3.59 r), a sketch that differs from
      degree-t attention or holds another number of moments, or a leak that does not grow as predicted)"};

class TaylorSketch : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  TaylorSketch() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination& combination) const override {
    if (p.part == Part::sketch && theory::taylor_moments(p.d, p.degree) > 1e5) {
      throw core::ConfigError(combination.path(&Parameters::d), std::to_string(p.d),
                              "at most 100000 moments C(d+t, t)");
    }
  }
  double operations(const Parameters& p) const override {
    return p.part == Part::leak ? 1.0 * p.tokens * p.tokens * (2.0 * p.d + 8.0 * p.degree) : 1e6;
  }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    if (p.part == Part::slope) return slope(p.mutation);
    const core::Json identity{
        {"part", core::enum_name(p.part)}, {"tokens", p.has_keys() ? p.tokens : 0}, {"d", p.has_keys() ? p.d : 0}};
    const auto coins = turn.coins(identity.dump());
    const Index degree = p.degree - (p.mutation == Mutation::missing_degree ? 1 : 0);
    if (p.part == Part::tail) return tail(p.r, degree, coins);
    return p.part == Part::sketch ? sketch(p, degree, coins) : leak(p, degree, coins);
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    core::Json grid = core::Json::array();
    // Up to about e r: beyond, e^x - exp_t(x) is lost in the rounding of e^x.
    for (const auto& [r, degrees] : std::vector<std::pair<int, core::Json>>{
             {1, {2, 3, 5, 8}}, {4, {5, 8, 11, 16}}, {8, {9, 14, 19, 24}}, {12, {13, 20, 26, 33}}}) {
      grid.push_back({{"part", "tail"}, {"r", r}, {"degree", degrees}});
    }
    grid.push_back({{"part", "slope"}});
    grid.push_back({{"part", "sketch"}, {"r", 2}, {"d", {2, 4}}, {"degree", {4, 8}}, {"tokens", 128}});
    for (const int tau : {8, 12}) {
      grid.push_back({{"part", "leak"},
                      {"r", tau},
                      {"d", 64},
                      {"tokens", quick ? 512 : 2048},
                      {"degree", {3 * tau / 4, tau, 3 * tau / 2, 2 * tau}}});
    }
    return {{"grid", grid}, {"stop", analysis::trials(8, quick ? 16 : 48)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const Part part = point.parameters.part;
      if (part == Part::tail) judge_tail(point, checks);
      if (part == Part::slope) judge_slope(point, checks);
      if (part == Part::sketch) judge_sketch(point, checks);
      if (part == Part::leak) judge_leak(point, checks);
    }
  }

 private:
  template <class V>
  static double largest(const Point& point, V Trial::*place) {
    const auto list = point.values(place);
    return *std::max_element(list.begin(), list.end());
  }
  static core::Json place(const Point& point, const char* quantity) {
    using P = Parameters;
    return analysis::with(point.at(&P::d, &P::degree, &P::r, &P::tokens), "quantity", quantity);
  }

  static void judge_tail(const Point& point, analysis::CheckList& checks) {
    const Parameters& p = point.parameters;
    const core::Json at = point.at(&Parameters::r, &Parameters::degree);
    const double error = largest(point, &Trial::error), exact = std::exp(theory::log_taylor_tail(p.r, p.degree)),
                 bound = std::exp(theory::log_taylor_tail_bound(p.r, p.degree));
    checks.exact(analysis::with(at, "quantity", "error"), error, exact, analysis::within_relative(exact, 1e-9));
    checks.exact(analysis::with(at, "quantity", "error against bound"), error, bound, analysis::at_most(bound));
  }
  static void judge_slope(const Point& point, analysis::CheckList& checks) {
    const auto check = [&](const char* error, double measured, double slope) {
      checks.exact({{"quantity", "degree per r"}, {"error", error}}, measured, slope,
                   analysis::within_relative(slope, 0.01));
    };
    check("1", largest(point, &Trial::absolute), std::numbers::e);
    check("exp(-r)", largest(point, &Trial::relative), theory::taylor_degree_slope_relative);
  }
  static void judge_sketch(const Point& point, analysis::CheckList& checks) {
    const Parameters& p = point.parameters;
    const double numbers = theory::taylor_moments(p.d, p.degree) * (value_width + 1);
    checks.exact(place(point, "state numbers"), largest(point, &Trial::numbers), numbers, {numbers, numbers});
    checks.exact(place(point, "difference"), largest(point, &Trial::difference), 0, analysis::at_most(1e-12));
  }
  static void judge_leak(const Point& point, analysis::CheckList& checks) {
    const Parameters& p = point.parameters;
    const double law = 1 / theory::taylor_kept_weight(p.r, p.degree);
    checks.mean(place(point, "leak factor"), point.values(&Trial::factor), law, analysis::within_relative(law, 0.03));
    const double d = p.d, state = 32 * theory::taylor_moments(p.d, p.degree) * (d + 1) / (p.tokens * d);
    checks.exact(place(point, "state bits / (N d)"), state, state, analysis::at_least(1));
  }
};

const core::Registration<sweep::Experiment, TaylorSketch> registration;

}  // namespace
}  // namespace kvfrontier::experiments::taylor_sketch
