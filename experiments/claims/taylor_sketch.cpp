// F18. Attention from moments: with e^x cut off at degree t the state is C(d+t, t) (d_v + 1) numbers whatever N is. The
// degree must grow like e r in the largest logit r (3.59 r if the smallest weight has to come out right), so the state
// leaves the floor far behind.

#include <boost/math/special_functions/gamma.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <cmath>
#include <numbers>

#include "analysis/claim.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "theory/taylor.hpp"

namespace kvfrontier::experiments::taylor_sketch {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

template <class Real>
Real truncated_exponential(Real x, Index degree) {
  Real sum = 1;
  for (Index l = degree; l >= 1; --l) sum = 1 + x / static_cast<Real>(l) * sum;
  return sum;
}

// All monomials of degree at most t in d variables, with the coefficients 1/(multi-index)! of exp_t(<q, k>).
class Monomials {
 public:
  Monomials(Index d, Index degree) {
    std::vector<Index> powers(static_cast<std::size_t>(d), 0);
    fill(powers, 0, degree);
  }
  std::size_t count() const { return powers_.size(); }

  Eigen::VectorXd of(const Eigen::RowVectorXd& point, bool with_coefficients) const {
    Eigen::VectorXd values(static_cast<Index>(count()));
    for (std::size_t m = 0; m < count(); ++m) {
      double value = 1;
      for (std::size_t l = 0; l < powers_[m].size(); ++l) {
        for (Index power = 1; power <= powers_[m][l]; ++power)
          value *= point[static_cast<Index>(l)] / (with_coefficients ? static_cast<double>(power) : 1.0);
      }
      values[static_cast<Index>(m)] = value;
    }
    return values;
  }

 private:
  void fill(std::vector<Index>& powers, std::size_t next, Index left) {
    if (next == powers.size()) {
      powers_.push_back(powers);
      return;
    }
    for (powers[next] = 0; powers[next] <= left; ++powers[next]) fill(powers, next + 1, left - powers[next]);
    powers[next] = 0;
  }
  std::vector<std::vector<Index>> powers_;
};

class TaylorSketch : public analysis::Claim {
 public:
  std::string name() const override { return "taylor_sketch"; }
  std::string statement() const override {
    return "attention with e^x cut at degree t needs C(d+t,t)(d_v+1) numbers; its error is the tail sum_{l>t} r^l/l!, "
           "which asks for t ~ e r (3.59 r relative to e^{-r}), and it "
           "multiplies the leak by 1/P(Poisson(tau) <= t)";
  }
  std::string source() const override {
    return "polynomial method for streaming attention (arXiv 2606.07205 and before); tail, slopes and leak factor "
           "derived in theory/taylor.hpp";
  }
  std::string prediction() const override {
    return "max error on |x| <= r: sum_{l>t} r^l/l! <= (e r/(t+1))^{t+1}/(1-r/(t+2)); dt/dr -> e, or 3.5911 for error "
           "e^{-r}; state C(d+t,t)(d_v+1); leak S/P(Poisson(tau) <= t)";
  }
  std::string allowance() const override {
    return "tail: 1e-9 relative, rounding. Slopes between r = 100 and 300: 1 %, for the ln r term and the rounding of "
           "t (.3 %). Sketch: 1e-12, rounding. Leak factor: 3 %, because "
           "products of other rows, up to 0.5 tau, are cut too";
  }
  std::string refutation() const override {
    return "a tail above its bound, a degree that grows slower than e r (3.59 r), a sketch that differs from degree-t "
           "attention or holds another number of moments, or a leak that "
           "does not grow as predicted";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("part", "leak", {"tail", "slope", "sketch", "leak"}, "what is measured"),
        Option::real("r", 4, 0.1, 300, "largest |logit|"),
        Option::integer("degree", 8, 1, 64, "t"),
        Option::integer("tokens", 512, 2, 4096, "N"),
        Option::integer("d", 64, 1, 1024, "dimension"),
        analysis::sabotage_option({"missing_degree"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    const std::string part = combination.value("part");
    for (const char* name : {"part", "sabotage"}) parameters[name] = combination.value(name);
    if (part != "slope") {
      for (const char* name : {"r", "degree"}) parameters[name] = combination.value(name);
    }
    if (part == "sketch" || part == "leak") {
      for (const char* name : {"tokens", "d"}) parameters[name] = combination.value(name);
    }
    if (part == "sketch" && theory::taylor_moments(parameters["d"], parameters["degree"]) > 1e5) {
      throw core::ConfigError(combination.path("d"), parameters["d"].dump(), "at most 100000 moments C(d+t, t)");
    }
    return parameters;
  }
  double operations(const Json& parameters) const override {
    const double tokens = parameters.value("tokens", 1.0);
    return parameters.at("part") == "leak"
               ? tokens * tokens * (2 * parameters.at("d").get<double>() + 8 * parameters.at("degree").get<double>())
               : 1e6;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const std::string part = parameters.at("part");
    const Index less = parameters.at("sabotage") == "missing_degree" ? 1 : 0;
    const auto key = core::derive_key(
        parameters.at("seed"),
        Json{{"part", part}, {"tokens", parameters.value("tokens", 0)}, {"d", parameters.value("d", 0)}}.dump(), trial,
        "public");
    if (part == "slope") return slope(less);
    const double r = parameters.at("r");
    const Index degree = parameters.at("degree").get<Index>() - less;
    if (part == "tail") return tail(r, degree, key);
    return part == "sketch" ? sketch(r, degree, parameters, key) : leak(r, degree, parameters, key);
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid = Json::array();
    // Up to about e r: beyond, e^x - exp_t(x) is lost in the rounding of e^x.
    for (const auto& [r, degrees] : std::vector<std::pair<int, Json>>{
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
    return {{"grid", grid}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 16 : 48}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const std::string part = point.parameters.at("part");
      const auto largest = [&](const char* name) {
        const auto list = point.values(name);
        return *std::max_element(list.begin(), list.end());
      };
      if (point.rows.front().result.status != "ok") continue;
      if (part == "slope") {
        checks.exact({{"quantity", "degree per r"}, {"error", "1"}}, largest("absolute"), std::numbers::e,
                     analysis::within_relative(std::numbers::e, 0.01));
        checks.exact({{"quantity", "degree per r"}, {"error", "exp(-r)"}}, largest("relative"),
                     theory::taylor_degree_slope_relative,
                     analysis::within_relative(theory::taylor_degree_slope_relative, 0.01));
        continue;
      }
      const double r = point.parameter("r");
      const auto degree = point.parameters.at("degree").get<std::int64_t>();
      if (part == "tail") {
        Json at = point.at({"r", "degree"});
        const double exact = std::exp(theory::log_taylor_tail(r, degree));
        at["quantity"] = "error";
        checks.exact(at, largest("error"), exact, analysis::within_relative(exact, 1e-9));
        at["quantity"] = "error against bound";
        const double bound = std::exp(theory::log_taylor_tail_bound(r, degree));
        checks.exact(at, largest("error"), bound, analysis::at_most(bound));
      } else if (part == "sketch") {
        Json at = point.at({"d", "degree", "r", "tokens"});
        at["quantity"] = "state numbers";
        const double numbers = theory::taylor_moments(point.parameters.at("d"), degree) * (value_width + 1);
        checks.exact(at, largest("numbers"), numbers, {numbers, numbers});
        at["quantity"] = "difference";
        checks.exact(at, largest("difference"), 0, analysis::at_most(1e-12));
      } else {
        Json at = point.at({"d", "degree", "r", "tokens"});
        at["quantity"] = "leak factor";
        const double law = 1 / theory::taylor_kept_weight(r, degree);
        checks.mean(at, point.values("factor"), law, analysis::within_relative(law, 0.03));
        at["quantity"] = "state bits / (N d)";
        const double d = point.parameter("d");
        const double state =
            32 * theory::taylor_moments(point.parameters.at("d"), degree) * (d + 1) / (point.parameter("tokens") * d);
        checks.exact(at, state, state, analysis::at_least(1));
      }
    }
    return checks.finish();
  }

 private:
  static constexpr Index value_width = 3;

  // The largest error on [-r, r], ends included.
  static sweep::TrialResult tail(double r, Index degree, core::RandomKey key) {
    core::Stream stream(key, core::Purpose("taylor/x"), 0);
    boost::random::uniform_real_distribution<double> inside(-r, r);
    long double worst = 0;
    for (int i = 0; i < 1000; ++i) {
      const long double x = i == 0 ? r : i == 1 ? -r : inside(stream);
      worst = std::max(worst, std::abs(std::exp(x) - truncated_exponential<long double>(x, degree)));
    }
    return {"ok", {{"error", static_cast<double>(worst)}}};
  }

  // Least degrees at r = 100 and 300, from the Poisson tail sum_{l > t} r^l/l! = e^r P(Poisson(r) > t), per unit of r.
  static sweep::TrialResult slope(Index less) {
    const auto degree = [&](double r, double log_error) {
      Index t = 0;
      while (std::log(boost::math::gamma_p(static_cast<double>(t) + 1, r)) + r > log_error) ++t;
      return static_cast<double>(t - less * static_cast<Index>(r) /
                                         10);  // the fault: one degree in ten of r is not counted
    };
    return {"ok",
            {{"absolute", (degree(300, 0) - degree(100, 0)) / 200},
             {"relative", (degree(300, -300) - degree(100, -100)) / 200}}};
  }

  // Streams random tokens into moments and compares the answers with attention whose weights are exp_t.
  sweep::TrialResult sketch(double r, Index degree, const Json& parameters, core::RandomKey key) const {
    const Index tokens = parameters.at("tokens"), d = parameters.at("d");
    const Monomials monomials(d, degree);
    boost::random::normal_distribution<double> normal;
    core::Stream stream(key, core::Purpose("taylor/tokens"), 0);
    core::RowMatrixD keys(tokens, d), values(tokens, value_width + 1);
    for (Index i = 0; i < keys.size(); ++i) keys.data()[i] = normal(stream);
    keys.rowwise().normalize();
    for (Index i = 0; i < values.size(); ++i) values.data()[i] = normal(stream);
    values.col(value_width).setOnes();  // the normaliser is the value 1

    core::RowMatrixD state = core::RowMatrixD::Zero(static_cast<Index>(monomials.count()), value_width + 1);
    for (Index i = 0; i < tokens; ++i) state += monomials.of(keys.row(i), false) * values.row(i);
    double difference = 0;
    for (Index q = 0; q < 4; ++q) {
      const Eigen::RowVectorXd query = r * keys.row(q);
      const Eigen::RowVectorXd from_state = monomials.of(query, true).transpose() * state;
      // The oracle has the degree that the parameters name.
      const Eigen::VectorXd weights = (keys * query.transpose()).unaryExpr([&](double x) {
        return truncated_exponential(x, parameters.at("degree").get<Index>());
      });
      const Eigen::RowVectorXd direct = weights.transpose() * values;
      difference = std::max(
          difference, (from_state / from_state[value_width] - direct / direct[value_width]).cwiseAbs().maxCoeff());
    }
    return {"ok", {{"difference", difference}, {"numbers", state.size()}}};
  }

  // Leak of the hard instance with exp_t over its leak with exp.
  static sweep::TrialResult leak(double tau, Index degree, const Json& parameters, core::RandomKey key) {
    const Index tokens = parameters.at("tokens"), d = parameters.at("d");
    core::RowMatrixF keys(tokens, d);
    geometry::Embeddings::find("sphere", "embedding").rows(key, tokens, 0, keys);
    core::RowMatrixD products = (keys * keys.transpose()).cast<double>() * tau;
    products.diagonal().setConstant(-1e3);
    const double exact = (products.array() - tau).exp().sum();
    products.diagonal().setZero();
    const double cut = products.unaryExpr([&](double x) { return truncated_exponential(x, degree); }).sum() -
                       static_cast<double>(tokens);
    return {"ok", {{"factor", cut / truncated_exponential(tau, degree) / exact}}};
  }
};

const core::Registration<sweep::Experiment, TaylorSketch> registration;

}  // namespace
}  // namespace kvfrontier::experiments::taylor_sketch
