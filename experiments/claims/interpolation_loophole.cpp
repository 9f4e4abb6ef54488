// F13. The bound needs arbitrary values. If the values of a scale are a resized map of the scale before, their rank is
// t_{k-1} and not t_k, and t_{k-1} of the rows give all of them back.

#include <Eigen/LU>
#include <Eigen/QR>
#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "analysis/claim.hpp"
#include "core/errors.hpp"
#include "core/rng.hpp"
#include "geometry/resize.hpp"

namespace kvfrontier::experiments::interpolation_loophole {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

class InterpolationLoophole : public analysis::Claim {
 public:
  std::string name() const override { return "interpolation_loophole"; }
  std::string statement() const override {
    return "values of scale k that are a bicubic or area resizing of scale k-1's map have rank t_{k-1}, and t_{k-1} of "
           "the t_k rows reproduce them: exact compression by t_{k-1}/t_k";
  }
  std::string source() const override {
    return "the lower bound of arXiv 2503.14881 takes arbitrary (q, k, v); next-scale models upsample (bicubic or "
           "area) between scales";
  }
  std::string prediction() const override {
    return "rank V_k / t_k = t_{k-1} / t_k with at least t_k channels; relative error of the reproduction at round-off";
  }
  std::string allowance() const override {
    return "none for the rank. 1e-9 relative for the reproduction: round-off 1e-16 times the condition of t_{k-1} "
           "pivoted rows of the resizing, a public matrix, with much room";
  }
  std::string refutation() const override { return "another rank, or rows that do not reproduce the map to 1e-9"; }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("resize", "bicubic", {"bicubic", "area"}, "how the map is brought to the next size"),
        Option::integer("from", 4, 1, 64, "side of scale k-1"),
        Option::integer("to", 8, 1, 64, "side of scale k, at least `from`"),
        analysis::sabotage_option({"arbitrary_values", "one_row_short"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"resize", "from", "to", "sabotage"}) parameters[name] = combination.value(name);
    if (parameters["to"] < parameters["from"])
      throw core::ConfigError(combination.path("to"), parameters["to"].dump(), "a side of at least `from`");
    return parameters;
  }
  double operations(const Json& parameters) const override {
    return 4 * std::pow(parameters.at("to").get<double>(), 6);
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const std::string mode = parameters.at("resize"), sabotage = parameters.at("sabotage");
    const int from = parameters.at("from"), to = parameters.at("to");
    const Index coarse = Index{from} * from, fine = Index{to} * to, channels = fine + 8;
    const auto key = core::derive_key(parameters.at("seed"), Json{{"from", from}, {"to", to}}.dump(), trial, "alice");
    core::RowMatrixD values = geometry::resize_map(mode, normal_map(key, coarse, channels), from, to);
    if (sabotage == "arbitrary_values") values = normal_map(key, fine, channels);
    Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(values);
    qr.setThreshold(1e-10);

    // Which rows to keep is public: the best conditioned ones of the resizing itself.
    const core::RowMatrixD resizing = geometry::resize_map(mode, core::RowMatrixD::Identity(coarse, coarse), from, to);
    const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> pivots(Eigen::MatrixXd(resizing.transpose()));
    const Index kept = coarse - (sabotage == "one_row_short" ? 1 : 0);
    core::RowMatrixD public_rows(kept, coarse), message(kept, channels);
    for (Index i = 0; i < kept; ++i) {
      public_rows.row(i) = resizing.row(pivots.colsPermutation().indices()[i]);
      message.row(i) = values.row(pivots.colsPermutation().indices()[i]);
    }
    const Eigen::MatrixXd map = Eigen::MatrixXd(public_rows).colPivHouseholderQr().solve(Eigen::MatrixXd(message));
    const double error = (resizing * map - values).norm() / values.norm();
    return {"ok", {{"rank", qr.rank()}, {"rows_kept", kept}, {"relative_error", error}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid = Json::array();
    std::vector<std::pair<int, int>> steps{{1, 2}, {2, 3}, {2, 4}, {4, 5}, {4, 8}, {6, 8}, {8, 10}, {8, 13}};
    if (!quick) steps.insert(steps.end(), {{10, 13}, {13, 16}, {8, 16}});
    for (const auto& [from, to] : steps) grid.push_back({{"from", from}, {"to", to}, {"resize", {"bicubic", "area"}}});
    return {{"grid", grid}, {"stop", {{"min_trials", 4}, {"max_trials", quick ? 8 : 16}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const double coarse = std::pow(point.parameter("from"), 2), fine = std::pow(point.parameter("to"), 2);
      std::vector<double> ratios = point.values("rank"), errors = point.values("relative_error");
      for (double& ratio : ratios) ratio /= fine;
      Json at = point.at({"resize", "from", "to"});
      at["quantity"] = "rank / t_k";
      checks.mean(at, ratios, coarse / fine, analysis::within_absolute(coarse / fine, 1e-12));
      // By size, since round-off is not the same in every draw.
      for (double& error : errors) error = std::log10(std::max(error, 1e-17));
      at["quantity"] = "log10 of the error of t_{k-1} rows";
      checks.mean(at, errors, -15, analysis::at_most(-9));
    }
    return checks.finish();
  }

 private:
  static core::RowMatrixD normal_map(core::RandomKey key, Index rows, Index columns) {
    core::Stream stream(key, core::Purpose("interpolation/map"), 0);
    boost::random::normal_distribution<double> normal;
    core::RowMatrixD map(rows, columns);
    for (Index i = 0; i < map.size(); ++i) map.data()[i] = normal(stream);
    return map;
  }
};

const core::Registration<sweep::Experiment, InterpolationLoophole> registration;

}  // namespace
}  // namespace kvfrontier::experiments::interpolation_loophole
