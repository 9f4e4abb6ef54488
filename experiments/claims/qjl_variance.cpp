// QJL estimates an inner product from the signs of m Gaussian projections of the key: unbiased, with an exact variance.

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <numbers>

#include "analysis/measuring_claim.hpp"
#include "theory/estimators.hpp"

namespace kvfrontier::experiments::qjl_variance {

enum class Length { given, safe, printed };
enum class Mutation { none, missing_constant, repeated_rows };

}  // namespace kvfrontier::experiments::qjl_variance

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::qjl_variance::Length> {
  static constexpr std::array names{"given", "safe", "printed"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::qjl_variance::Mutation> {
  static constexpr std::array names{"none", "missing_constant", "repeated_rows"};
};

namespace kvfrontier::experiments::qjl_variance {
namespace {

using core::Index;
using core::Json;

constexpr double failure = 0.01;    // delta of the two lengths
constexpr double tolerance = 0.25;  // eps of the two lengths

struct Parameters {
  Length length = Length::given;
  Index m = 32, d = 16;
  double cosine = 0.5;
  Index draws = 1000;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("length", &Parameters::length,
                         "rows of S: m, or the length for eps = 0.25, delta = 0.01 by one of the two formulas"),
            core::member("m", &Parameters::m, "rows of S, where length is given").range(1, 65536),
            core::member("d", &Parameters::d, "dimension").range(2, 4096),
            core::member("cosine", &Parameters::cosine, "<q,k>/(|q||k|)").range(-1, 1),
            core::member("draws", &Parameters::draws, "independent S in a trial").range(1, 1'000'000),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

struct Trial {
  double bias = 0, variance = 0;
  Index failures = 0;
  static core::MemberList<Trial> members() {
    return {core::member("bias", &Trial::bias, "mean error over |q||k|").needed(),
            core::member("variance", &Trial::variance, "mean squared error over (|q||k|)^2").needed(),
            core::member("failures", &Trial::failures, "draws with |error| > eps |q||k|").needed()};
  }
};

const analysis::ClaimText claim{
    .name = "qjl_variance",
    .statement = R"(sqrt(pi/2)/m |k| <S q, sign(S k)> is unbiased for <q,k> with variance [(pi/2)|q|^2|k|^2 -
      <q,k>^2]/m.)",
    .note = "m >= (pi/eps^2) ln(2/delta) keeps |error| <= eps |q||k| with probability 1 - delta.",
    .source = R"(QJL, arXiv 2406.03482; variance bound of Lemma 4 of arXiv 2504.19874 made exact; length by a
      sub-Gaussian tail)",
    .prediction = R"(mean <q,k>; variance [(pi/2)|q|^2|k|^2 - <q,k>^2]/m; P(|error| > eps) <= delta at m = (pi/eps^2)
      ln(2/delta), but > delta at m = (4/3)(1+eps)/eps^2 ln(2/delta) for q orthogonal to k)",
    .allowance = R"(mean: 0.01 |q||k|; variance: 3 %. Both laws are exact for every m, so the allowance is for the
      finite number of draws. Failure shares: none, they are one-sided)",
    .refutation = R"(a bias above 0.01 |q||k|, a variance more than 3 % off, more than delta failures at the safe
      length, or no more than delta at the shorter one)"};

class QjlVariance : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  QjlVariance() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination& combination) const override {
    if (p.length == Length::given) return;
    const double printed = 4.0 / 3 * (1 + tolerance) / (tolerance * tolerance) * std::log(2 / failure);
    p.m = std::ceil(p.length == Length::safe ? theory::qjl_length(tolerance, failure) : printed);
    combination.leave_unread(core::member_name(&Parameters::m));
  }
  double operations(const Parameters& p) const override { return 30.0 * p.draws * p.m * p.d; }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index m = p.m, d = p.d;
    // Angles and lengths are compared on common draws.
    const auto coins = turn.coins(Json{{"d", d}}.dump());
    boost::random::normal_distribution<double> normal;

    // Key and query of lengths 1.5 and 2 at the given angle, in a random direction.
    Eigen::VectorXd k(d), q(d);
    core::Stream directions(coins, core::Purpose("qjl/directions"), 0);
    for (Index l = 0; l < d; ++l) k[l] = normal(directions);
    for (Index l = 0; l < d; ++l) q[l] = normal(directions);
    k.normalize();
    q = (q - q.dot(k) * k).normalized();
    q = 2 * (p.cosine * k + std::sqrt(1 - p.cosine * p.cosine) * q);
    k *= 1.5;
    const double scale =
        (p.mutation == Mutation::missing_constant ? 1 : std::sqrt(std::numbers::pi / 2)) * k.norm() / m;

    const double truth = q.dot(k), size = q.norm() * k.norm();
    double sum = 0, squares = 0;
    Index failures = 0;
    Eigen::VectorXd row(d);
    for (Index draw = 0; draw < p.draws; ++draw) {
      core::Stream stream(coins, core::Purpose("qjl/rows"), draw);
      double estimate = 0;
      for (Index r = 0; r < m; ++r) {
        if (p.mutation != Mutation::repeated_rows || r % 2 == 0) {
          for (Index l = 0; l < d; ++l) row[l] = normal(stream);
        }
        estimate += row.dot(k) >= 0 ? row.dot(q) : -row.dot(q);
      }
      const double error = (scale * estimate - truth) / size;
      sum += error;
      squares += error * error;
      failures += std::abs(error) > tolerance;
    }
    return Trial{sum / p.draws, squares / p.draws, failures};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid = Json::array();
    grid.push_back({{"m", {4, 16}}, {"cosine", {0.0, 0.5, 0.9, 1.0}}, {"d", 8}, {"draws", quick ? 4000 : 16000}});
    // The law depends on the plane of q and k only, so a small d is as good as a large one.
    grid.push_back({{"length", {"safe", "printed"}}, {"cosine", 0.0}, {"d", 4}, {"draws", quick ? 500 : 2000}});
    return {{"grid", grid}, {"stop", analysis::trials(8, 64)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const P& p = point.parameters;
      const Json at = point.at(&P::m, &P::d, &P::cosine, &P::length);
      const double variance = theory::qjl_variance(p.m, 1, 1, p.cosine);
      if (p.length == Length::given) {
        checks.mean(analysis::with(at, "quantity", "bias / (|q||k|)"), point.values(&Trial::bias), 0,
                    analysis::within_absolute(0, 0.01));
        checks.mean(analysis::with(at, "quantity", "variance / (|q||k|)^2"), point.values(&Trial::variance), variance,
                    analysis::within_relative(variance, 0.03));
      } else {
        const double gaussian = 2 * theory::gaussian_tail(tolerance / std::sqrt(variance));
        double total = 0;
        for (const Trial& trial : point.trials) total += trial.failures;
        const bool safe = p.length == Length::safe;
        checks.proportion(analysis::with(at, "quantity", "failures"), total, p.draws * std::ssize(point.trials),
                          gaussian, safe ? core::Interval{0, failure} : core::Interval{failure, 1});
      }
    }
  }
};

const core::Registration<sweep::Experiment, QjlVariance> registration;

}  // namespace
}  // namespace kvfrontier::experiments::qjl_variance
