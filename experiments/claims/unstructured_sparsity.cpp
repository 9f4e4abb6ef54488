// Sparse attention does not help: on the hard instance every query already puts nearly all its weight on one token, so
// keeping only the k largest weights of each query changes neither error nor memory.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/claim.hpp"
#include "drawn_instance.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::experiments::unstructured_sparsity {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

class UnstructuredSparsity : public analysis::Claim {
 public:
  std::string name() const override { return "unstructured_sparsity"; }
  std::string statement() const override {
    return "attention limited to the k largest weights of each query needs the same bits on the hard instance: its "
           "rows are already near 1-sparse, and the error at a share f of the bits is (1 - f)/2 for every k";
  }
  std::string source() const override {
    return "impossibility for unstructured sparsity, arXiv 2502.15955: the union of the supports of all queries is the "
           "whole cache";
  }
  std::string prediction() const override {
    return "error = (1 - f)/2 for k = 1, 4, 16 and all; largest weight of a certified row > (1 + eta)/2; floor / bits "
           "<= 1";
  }
  std::string allowance() const override {
    return "0.01: exact up to sampling, since entries that are not sent are independent of every answer; as wide as "
           "what a leak of one entry in fifty would change";
  }
  std::string refutation() const override {
    return "an error off the line by more than 0.01 for some k, a row whose largest weight is below (1 + eta)/2, or an "
           "error below the floor";
  }

  const core::OptionTable& options() const override {
    static const core::OptionTable table = [] {
      auto list = shape_options(16, 32);
      return core::OptionTable{
          list[0],
          list[1],
          list[2],
          core::Option::integer("k", 1, 0, 1'000'000, "weights kept for each query; 0 = all"),
          core::Option::real("share", 0.5, 0, 1,
                             "f, share of the bits of every row that is sent; the others are read as 1/2"),
          core::Option::real("eta", 0.5, 0, 0.999999, "tolerance of the certificate"),
          core::Option::integer("rows", 128, 1, 1'000'000, "rows asked for in a trial"),
          analysis::sabotage_option({"leaking_support", "wrong_tau"})};
    }();
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    resolve_shape(combination, parameters);
    for (const char* name : {"k", "share", "eta", "rows", "sabotage"}) parameters[name] = combination.value(name);
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const auto params = index_params(parameters);
    const std::string sabotage = parameters.at("sabotage");
    const DrawnInstance drawn(params, parameters.at("seed"), trial, parameters.at("eta"));
    if (!drawn.tau) return {"uncertified", Json::object()};
    // A third of the scaling: rows are no longer sparse.
    const double tau = *drawn.tau * (sabotage == "wrong_tau" ? 1.0 / 3 : 1.0);
    const Index sent =
        static_cast<Index>(std::lround(parameters.at("share").get<double>() * static_cast<double>(params.d)));
    core::RowMatrixD known = drawn.values;
    known.rightCols(params.d - sent).setConstant(0.5);
    const auto k = parameters.at("k").get<std::size_t>();
    const std::size_t kept =
        k == 0 ? static_cast<std::size_t>(params.tokens()) : std::min(k, static_cast<std::size_t>(params.tokens()));

    const auto asked = drawn.instance->queried_rows(parameters.at("rows"));
    double wrong = 0, least_top = 1;
    std::vector<Index> order(static_cast<std::size_t>(params.tokens()));
    for (const Index i : asked) {
      Eigen::VectorXd weights = tau * (drawn.keys * drawn.keys.row(i).transpose());
      weights = (weights.array() - weights.maxCoeff()).exp();
      weights /= weights.sum();
      least_top = std::min(least_top, weights.maxCoeff());
      std::iota(order.begin(), order.end(), Index{0});
      std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                        [&](Index a, Index b) { return weights[a] > weights[b]; });
      Eigen::RowVectorXd answer = Eigen::RowVectorXd::Zero(params.d);
      double mass = 0;
      for (std::size_t j = 0; j < kept; ++j) {
        answer += weights[order[j]] * known.row(order[j]);
        mass += weights[order[j]];
      }
      answer /= mass;
      // A support that depends on the bits tells some of them: here every tenth entry.
      if (sabotage == "leaking_support") {
        for (Index c = 0; c < params.d; c += 10) answer[c] = drawn.values(i, c);
        for (Index c = params.d - 1; c >= sent; c -= 10) answer[c] = drawn.values(i, c);
      }
      wrong += static_cast<double>(((answer.array() > 0.5) != (drawn.values.row(i).array() > 0.5)).count()) /
               static_cast<double>(params.d);
    }
    return {"ok",
            {{"error", wrong / static_cast<double>(asked.size())},
             {"message_bits", sent * params.tokens()},
             {"least_top_weight", least_top}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"k", {1, 4, 16, 0}}, {"share", {0.25, 0.5, 0.75}}}},
            {"n", quick ? 16 : 32},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 128 : 160}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto errors = point.values("error");
      if (errors.empty()) continue;
      const double line = theory::eviction_error(point.parameter("share")), bits = point.values("message_bits").front();
      const double entries = static_cast<double>(schedule_of(point.parameters).tokens()) * point.parameter("d");
      Json at = point.at({"k", "share"});
      at["quantity"] = "error";
      checks.mean(at, errors, line, analysis::within_absolute(line, 0.01));
      at["quantity"] = "largest weight";
      const double least = (1 + point.parameter("eta")) / 2;
      checks.mean(at, point.values("least_top_weight"), least, analysis::at_least(least));
      at["quantity"] = "floor / bits";
      const auto floor = [=](double error) { return theory::entropy_floor_bits(entries, error) / bits; };
      checks.estimate(at, floor(core::mean_of(errors)), 1, analysis::at_most(1), [=](double level) {
        const auto error = core::student_interval(errors, level);
        return core::Interval{floor(error.hi), floor(error.lo)};
      });
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, UnstructuredSparsity> registration;

}  // namespace
}  // namespace kvfrontier::experiments::unstructured_sparsity
