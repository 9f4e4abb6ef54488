// F23. Attention whose logits are zero outside the last W tokens is computed exactly from W pairs, one running sum of
// values and a counter; INDEX on the last W tokens shows that W d bits are needed, and no older token can be read.

#include <cmath>

#include "analysis/claim.hpp"
#include "attention/all_pairs.hpp"
#include "attention/attention.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "reduction/certificate.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::experiments::sliding_window {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

// Tokens outside the window keep weight e^0 = 1 and their values:
//   out = (sum_{j in W} e^{<q,k_j>} v_j + sum_{j not in W} v_j) / (sum_{j in W} e^{<q,k_j>} + N - W).
class WindowState {
 public:
  WindowState(Index window, Index d) : keys_(window, d), values_(window, d), older_(Eigen::RowVectorXd::Zero(d)) {}

  void absorb(const Eigen::RowVectorXd& key, const Eigen::RowVectorXd& value) {
    const Index place = tokens_ % keys_.rows();
    if (tokens_ >= keys_.rows()) older_ += values_.row(place);
    keys_.row(place) = key;
    values_.row(place) = value;
    ++tokens_;
  }

  // Weights relative to e^maximum, where the maximum is over window and older tokens (logit 0).
  Eigen::RowVectorXd attend(const Eigen::RowVectorXd& query, bool forget_older) const {
    const Index held = std::min(tokens_, keys_.rows());
    const Eigen::VectorXd logits = keys_.topRows(held) * query.transpose();
    const double maximum = std::max(0.0, logits.maxCoeff());
    const Eigen::VectorXd weights = (logits.array() - maximum).exp();
    const double older = forget_older ? 0 : std::exp(-maximum);
    return (weights.transpose() * values_.topRows(held) + older * older_) /
           (weights.sum() + older * static_cast<double>(tokens_ - held));
  }

  Index numbers() const { return keys_.size() + values_.size() + older_.size() + 1; }

 private:
  core::RowMatrixD keys_, values_;
  Eigen::RowVectorXd older_;
  Index tokens_ = 0;
};

class SlidingWindow : public analysis::Claim {
 public:
  std::string name() const override { return "sliding_window"; }
  std::string statement() const override {
    return "attention masked to the last W tokens is exact from W pairs, a running value sum and a counter; the W d "
           "bits of the window are read without error, older ones not at all";
  }
  std::string source() const override {
    return "sliding-window attention with unmasked values, O(dW) upper and Omega(dW) lower bound of arXiv 2502.15955 "
           "(zero logits outside the window)";
  }
  std::string prediction() const override {
    return "difference from masked attention < 1e-12; W (2d) + d + 1 numbers for every N; bit error 0 inside the "
           "window; outside between 1/2 - 1/sqrt(2 pi (N-W)) and 1/2";
  }
  std::string allowance() const override {
    return "1e-12: double rounding of sums of N <= 4096 terms of size 1. Error in the window at most 0.01: a sample "
           "without errors bounds no better. Outside 0.01 around the "
           "band: the running sum lets a majority vote be right with probability 1/2 + 1/sqrt(2 pi (N-W)), and no more";
  }
  std::string refutation() const override {
    return "a difference above 1e-12, a wrong bit in the window beyond 1 %, an older bit read better than the majority "
           "of the old values allows, or a state that grows with N";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{Option::integer("tokens", 1024, 2, 50'000, "N"),
                                         Option::integer("window", 64, 1, 50'000, "W < N"),
                                         Option::integer("d", 48, 2, 4096, "width of keys and of values"),
                                         analysis::sabotage_option({"forgotten_sum", "hidden_cache"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"tokens", "window", "d", "sabotage"}) parameters[name] = combination.value(name);
    if (parameters["window"] >= parameters["tokens"]) {
      throw core::ConfigError(combination.path("window"), parameters["window"].dump(),
                              "less than tokens = " + parameters["tokens"].dump());
    }
    return parameters;
  }
  // Queried tokens in the window, and as many outside.
  static constexpr Index asked = 64;
  double operations(const Json& parameters) const override {
    const double tokens = parameters.at("tokens"), d = parameters.at("d");
    return 2 * tokens * tokens * d + 16.0 * asked * tokens * d;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens"), window = parameters.at("window"), d = parameters.at("d");
    const std::string identity = Json{{"tokens", tokens}, {"d", d}}.dump(), sabotage = parameters.at("sabotage");
    const auto public_key = core::derive_key(parameters.at("seed"), identity, trial, "public");
    const auto alice_key = core::derive_key(parameters.at("seed"), identity, trial, "alice");

    core::RowMatrixF drawn(tokens, d);
    geometry::Embeddings::find("sphere", "embedding").rows(public_key, tokens, 0, drawn);
    const auto products = attention::largest_products(drawn);
    // Old tokens sit at logit 0, which is a product of 0 with the query.
    const double gap = 1 - std::max(0.0f, *std::max_element(products.begin(), products.end()));
    const auto tau = reduction::certified_tau(gap, tokens, 0, 500);
    if (!tau) return {"uncertified", Json::object()};
    const core::RowMatrixD keys = drawn.cast<double>();
    core::RowMatrixD bits(tokens, d);
    for (Index i = 0; i < tokens; ++i) {
      core::Stream stream(alice_key, core::Purpose("sliding_window/bits"), static_cast<std::uint64_t>(i));
      for (Index c = 0; c < d; ++c) bits(i, c) = stream() & 1;
    }

    WindowState state(sabotage == "hidden_cache" ? tokens : window, d);
    for (Index i = 0; i < tokens; ++i) state.absorb(keys.row(i), bits.row(i));
    core::RowMatrixD masked = keys;
    masked.topRows(tokens - window).setZero();

    double difference = 0, errors[2] = {0, 0};
    Index rows[2] = {0, 0};
    for (const bool inside : {false, true}) {
      const Index first = inside ? tokens - window : 0, length = inside ? window : tokens - window;
      rows[inside] = std::min(asked, length);
      for (Index r = 0; r < rows[inside]; ++r) {
        const Index i = first + r * length / rows[inside];
        const Eigen::RowVectorXd query = keys.row(i) * *tau;
        const Eigen::RowVectorXd answer = state.attend(query, sabotage == "forgotten_sum");
        const core::RowMatrixD exact = attention::softmax_attention_oracle(core::RowMatrixD(query), masked, bits);
        difference = std::max(difference, (answer - exact.row(0)).cwiseAbs().maxCoeff());
        errors[inside] += static_cast<double>(((answer.array() > 0.5) != (bits.row(i).array() > 0.5)).count()) /
                          static_cast<double>(d);
      }
    }
    return {"ok",
            {{"difference", difference},
             {"numbers", state.numbers()},
             {"errors_inside", errors[1]},
             {"rows_inside", rows[1]},
             {"errors_outside", errors[0]},
             {"rows_outside", rows[0]},
             {"tau", *tau}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"tokens", quick ? Json{256, 1024} : Json{256, 1024, 4096}}, {"window", {32, 64, 192}}}},
            {"d", 48},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 64 : 100}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto differences = point.values("difference"), numbers = point.values("numbers");
      if (differences.empty()) continue;
      const double tokens = point.parameter("tokens"), window = point.parameter("window"), d = point.parameter("d");
      Json at = point.at({"tokens", "window", "d"});
      at["quantity"] = "difference";
      checks.exact(at, *std::max_element(differences.begin(), differences.end()), 0, analysis::at_most(1e-12));
      at["quantity"] = "state numbers";
      const double size = window * 2 * d + d + 1;
      checks.exact(at, numbers.front(), size, {size, size});
      at["quantity"] = "error inside";
      checks.error(at, inside(point), 0, analysis::at_most(0.01));
      at["quantity"] = "error outside";
      const double vote = 1 / std::sqrt(2 * M_PI * (tokens - window));
      auto outside = point.values("errors_outside");
      for (std::size_t i = 0; i < outside.size(); ++i) outside[i] /= point.values("rows_outside")[i];
      checks.mean(at, outside, 0.5, {0.5 - vote - 0.01, 0.51});
    }
    return checks.finish();
  }

 private:
  static std::vector<core::TrialErrors> inside(const analysis::PointRows& point) {
    const auto errors = point.values("errors_inside"), rows = point.values("rows_inside");
    std::vector<core::TrialErrors> list;
    for (std::size_t i = 0; i < errors.size(); ++i) list.push_back({errors[i], static_cast<std::int64_t>(rows[i])});
    return list;
  }
};

const core::Registration<sweep::Experiment, SlidingWindow> registration;

}  // namespace
}  // namespace kvfrontier::experiments::sliding_window
