// The bound needs arbitrary values. If the values of a map are a resizing of the map before, their rank is t_{k-1} and
// not t_k, and t_{k-1} of the rows reproduce all of them.

#include <Eigen/LU>
#include <Eigen/QR>
#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "analysis/measuring_claim.hpp"
#include "core/errors.hpp"
#include "core/matrix.hpp"
#include "core/rng.hpp"
#include "geometry/resize.hpp"

namespace kvfrontier::experiments::interpolation_loophole {

enum class Mutation { none, arbitrary_values, one_row_short };

}  // namespace kvfrontier::experiments::interpolation_loophole

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::interpolation_loophole::Mutation> {
  static constexpr std::array names{"none", "arbitrary_values", "one_row_short"};
};

namespace kvfrontier::experiments::interpolation_loophole {
namespace {

using core::Index;
using core::Json;

struct Parameters {
  geometry::Resizing resize = geometry::Resizing::bicubic;
  int from = 4, to = 8;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("resize", &Parameters::resize, "how the map is brought to the next size"),
            core::member("from", &Parameters::from, "side of map k-1").range(1, 64),
            core::member("to", &Parameters::to, "side of map k, at least `from`").range(1, 64),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

struct Trial {
  Index rank = 0, rows_kept = 0;
  double relative_error = 0;
  static core::MemberList<Trial> members() {
    return {core::member("rank", &Trial::rank, "rank of the values of map k").needed(),
            core::member("rows_kept", &Trial::rows_kept, "rows in the message").needed(),
            core::member("relative_error", &Trial::relative_error, "of the reproduced values, in the Frobenius norm")
                .needed()};
  }
};

const analysis::ClaimText claim{
    .name = "interpolation_loophole",
    .statement = R"(Values of map k that are a bicubic or area resizing of map k-1 have rank t_{k-1}, and t_{k-1} of the
      t_k rows reproduce them.)",
    .note = "This compresses them exactly, by a factor t_{k-1}/t_k.",
    .source = R"(the lower bound of arXiv 2503.14881 is for arbitrary (q, k, v); next-scale models upsample (bicubic or
      area) between maps)",
    .prediction = R"(rank V_k / t_k = t_{k-1} / t_k with at least t_k channels; relative error of the reproduction at
      round-off)",
    .allowance = R"(none for the rank. 1e-9 relative for the reproduction: round-off 1e-16 times the condition number of
      t_{k-1} pivoted rows of the resizing, a public matrix, with ample room)",
    .refutation = "another rank, or rows that do not reproduce the map to 1e-9"};

core::RowMatrixD normal_map(core::Coins coins, Index rows, Index columns) {
  core::Stream stream(coins, core::Purpose("interpolation/map"), 0);
  boost::random::normal_distribution<double> normal;
  core::RowMatrixD map(rows, columns);
  for (Index i = 0; i < map.size(); ++i) map.data()[i] = normal(stream);
  return map;
}

class InterpolationLoophole : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  InterpolationLoophole() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination& combination) const override {
    if (p.to < p.from)
      throw core::ConfigError(combination.path(&Parameters::to), std::to_string(p.to), "a side of at least `from`");
  }
  double operations(const Parameters& p) const override { return 4 * std::pow(p.to, 6); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index coarse = p.from * p.from, fine = p.to * p.to, channels = fine + 8;
    const auto coins = turn.coins(Json{{"from", p.from}, {"to", p.to}}.dump(), "alice");
    core::RowMatrixD values = geometry::resize_map(p.resize, normal_map(coins, coarse, channels), p.from, p.to);
    if (p.mutation == Mutation::arbitrary_values) values = normal_map(coins, fine, channels);
    Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(values);
    qr.setThreshold(1e-10);

    // Which rows to keep is public: the best conditioned ones of the resizing itself.
    const core::RowMatrixD resizing =
        geometry::resize_map(p.resize, core::RowMatrixD::Identity(coarse, coarse), p.from, p.to);
    const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> pivots(Eigen::MatrixXd(resizing.transpose()));
    const Index kept = coarse - (p.mutation == Mutation::one_row_short ? 1 : 0);
    core::RowMatrixD public_rows(kept, coarse), message(kept, channels);
    for (Index i = 0; i < kept; ++i) {
      public_rows.row(i) = resizing.row(pivots.colsPermutation().indices()[i]);
      message.row(i) = values.row(pivots.colsPermutation().indices()[i]);
    }
    const Eigen::MatrixXd map = Eigen::MatrixXd(public_rows).colPivHouseholderQr().solve(Eigen::MatrixXd(message));
    return Trial{qr.rank(), kept, (resizing * map - values).norm() / values.norm()};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid = Json::array();
    std::vector<std::pair<int, int>> steps{{1, 2}, {2, 3}, {2, 4}, {4, 5}, {4, 8}, {6, 8}, {8, 10}, {8, 13}};
    if (!quick) steps.insert(steps.end(), {{10, 13}, {13, 16}, {8, 16}});
    for (const auto& [from, to] : steps) grid.push_back({{"from", from}, {"to", to}, {"resize", {"bicubic", "area"}}});
    return {{"grid", grid}, {"stop", analysis::trials(4, quick ? 8 : 16)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      const P& p = point.parameters;
      const double coarse = p.from * p.from, fine = p.to * p.to;
      std::vector<double> ratios, errors;
      for (const Trial& trial : point.trials) {
        ratios.push_back(trial.rank / fine);
        // By size, since round-off is not the same in every draw.
        errors.push_back(std::log10(std::max(trial.relative_error, 1e-17)));
      }
      const auto place = [&](const char* quantity) {
        return analysis::with(point.at(&P::resize, &P::from, &P::to), "quantity", quantity);
      };
      checks.mean(place("rank / t_k"), ratios, coarse / fine, analysis::within_absolute(coarse / fine, 1e-12));
      checks.mean(place("log10 of the error of t_{k-1} rows"), errors, -15, analysis::at_most(-9));
    }
  }
};

const core::Registration<sweep::Experiment, InterpolationLoophole> registration;

}  // namespace
}  // namespace kvfrontier::experiments::interpolation_loophole
