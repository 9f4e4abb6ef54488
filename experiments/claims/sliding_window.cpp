// Attention whose logits are zero outside the last W tokens is computed exactly from W pairs, one running sum of values
// and a counter. INDEX on the last W tokens shows that W d bits are needed; no older token can be read.

#include <algorithm>
#include <cmath>

#include "analysis/measuring_claim.hpp"
#include "attention/all_pairs.hpp"
#include "measuring.hpp"
#include "reduction/certificate.hpp"

namespace kvfrontier::experiments::sliding_window {

enum class Mutation { none, forgotten_sum, hidden_cache };

}  // namespace kvfrontier::experiments::sliding_window

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::sliding_window::Mutation> {
  static constexpr std::array names{"none", "forgotten_sum", "hidden_cache"};
};

namespace kvfrontier::experiments::sliding_window {
namespace {

constexpr Index asked = 64;  // queried tokens in the window, and as many outside

struct Parameters {
  Index tokens = 1024, window = 64, d = 48;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("tokens", &Parameters::tokens, "N").range(2, 50'000),
            core::member("window", &Parameters::window, "W < N").range(1, 50'000),
            core::member("d", &Parameters::d, "width of keys and of values").range(2, 4096),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

// Empty for an instance without a certified scaling.
struct Trial {
  std::optional<double> difference;
  std::optional<Index> numbers;
  std::optional<double> errors_inside, errors_outside;
  std::optional<Index> rows_inside, rows_outside;
  std::optional<double> tau;

  static core::MemberList<Trial> members() {
    return {
        {core::member("difference", &Trial::difference, "largest difference from masked attention").needed(),
         core::member("numbers", &Trial::numbers, "numbers that the state holds").needed(),
         core::member("errors_inside", &Trial::errors_inside, "sum of shares of wrong bits, in the window").needed(),
         core::member("errors_outside", &Trial::errors_outside, "the same of older rows").needed(),
         core::member("rows_inside", &Trial::rows_inside, "queried rows in the window").needed(),
         core::member("rows_outside", &Trial::rows_outside, "queried older rows").needed(),
         core::member("tau", &Trial::tau, "certified scaling").needed()},
        core::Nulls::omit};
  }
};

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

  // Weights are relative to e^maximum, with the maximum over the window and the older tokens (logit 0).
  Eigen::RowVectorXd attend(const Eigen::RowVectorXd& query, bool forget_older) const {
    const Index held = std::min(tokens_, keys_.rows());
    const Eigen::VectorXd logits = keys_.topRows(held) * query.transpose();
    const double maximum = std::max(0.0, logits.maxCoeff());
    const Eigen::VectorXd weights = (logits.array() - maximum).exp();
    const double older = forget_older ? 0 : std::exp(-maximum);
    return (weights.transpose() * values_.topRows(held) + older * older_) / (weights.sum() + older * (tokens_ - held));
  }

  Index numbers() const { return keys_.size() + values_.size() + older_.size() + 1; }

 private:
  core::RowMatrixD keys_, values_;
  Eigen::RowVectorXd older_;
  Index tokens_ = 0;
};

const analysis::ClaimText claim{
    .name = "sliding_window",
    .statement = "Attention masked to the last W tokens is exact from W pairs, a running sum of values and a counter.",
    .note = "Bob reads the W d bits of the window without error and older bits not at all.",
    .source = R"(sliding-window attention with unmasked values: the upper bound O(dW) and the lower bound Omega(dW)
      of arXiv 2502.15955 (zero logits outside the window))",
    .prediction = R"(difference from masked attention < 1e-12; W (2d) + d + 1 numbers for every N; bit error 0 inside
      the window; outside between 1/2 - 1/sqrt(2 pi (N-W)) and 1/2)",
    .allowance = R"(1e-12: double rounding of sums of N <= 4096 terms of size 1. Error in the window at most 0.01: a
      sample without errors bounds it no better. Outside 0.01 around the band: the running sum lets a majority vote
      be right with probability 1/2 + 1/sqrt(2 pi (N-W)), and no more)",
    .refutation = R"(a difference above 1e-12, more than 1 % wrong bits in the window, an older bit read better than
      the majority of the old values allows, or a state that grows with N)"};

class SlidingWindow : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  SlidingWindow() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination& combination) const override {
    if (p.window >= p.tokens) {
      throw core::ConfigError(combination.path(&Parameters::window), std::to_string(p.window),
                              "less than tokens = " + std::to_string(p.tokens));
    }
  }
  double operations(const Parameters& p) const override {
    const double tokens = p.tokens, d = p.d;
    return 2 * tokens * tokens * d + 16.0 * asked * tokens * d;
  }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index tokens = p.tokens, window = p.window, d = p.d;
    const std::string identity = core::Json{{"tokens", tokens}, {"d", d}}.dump();
    core::RowMatrixF drawn(tokens, d);
    geometry::Embeddings::find("sphere", "embedding").rows(turn.coins(identity), tokens, 0, drawn);
    const auto products = attention::largest_products(drawn);
    // Old tokens have logit 0: their product with the query is 0.
    const double margin = 1 - std::max(0.0f, *std::max_element(products.begin(), products.end()));
    const auto tau = reduction::certified_tau(margin, tokens, 0, 500);
    if (!tau) return {sweep::Status::uncertified, {}};
    const core::RowMatrixD keys = drawn.cast<double>();
    core::RowMatrixD bits(tokens, d);
    for (Index i = 0; i < tokens; ++i) {
      core::Stream stream(turn.coins(identity, "alice"), core::Purpose("sliding_window/bits"), i);
      for (Index c = 0; c < d; ++c) bits(i, c) = stream() & 1;
    }

    WindowState state(p.mutation == Mutation::hidden_cache ? tokens : window, d);
    for (Index i = 0; i < tokens; ++i) state.absorb(keys.row(i), bits.row(i));
    core::RowMatrixD masked = keys;
    masked.topRows(tokens - window).setZero();

    double difference = 0;
    // `count` rows spread over `length` tokens; the sum of their shares of wrong bits.
    const auto ask = [&](Index first, Index length, Index count) {
      double errors = 0;
      for (Index r = 0; r < count; ++r) {
        const Index i = first + r * length / count;
        const Eigen::RowVectorXd query = keys.row(i) * *tau;
        const Eigen::RowVectorXd answer = state.attend(query, p.mutation == Mutation::forgotten_sum);
        const core::RowMatrixD exact = attention::softmax_attention_oracle(core::RowMatrixD(query), masked, bits);
        difference = std::max(difference, (answer - exact.row(0)).cwiseAbs().maxCoeff());
        errors += wrong_bits(answer, bits.row(i)) / d;
      }
      return errors;
    };
    Trial trial;
    trial.rows_outside = std::min(asked, tokens - window);
    trial.rows_inside = std::min(asked, window);
    trial.errors_outside = ask(0, tokens - window, *trial.rows_outside);
    trial.errors_inside = ask(tokens - window, window, *trial.rows_inside);
    trial.difference = difference;
    trial.numbers = state.numbers();
    trial.tau = tau;
    return trial;
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {
        {"grid", {{"tokens", quick ? core::Json{256, 1024} : core::Json{256, 1024, 4096}}, {"window", {32, 64, 192}}}},
        {"d", 48},
        {"stop", analysis::trials(8, quick ? 64 : 100)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const double window = point.parameters.window, d = point.parameters.d;
      const auto at = [&point](const char* quantity) {
        return analysis::with(point.at(&P::tokens, &P::window, &P::d), "quantity", quantity);
      };
      const auto differences = point.values(&Trial::difference);
      checks.exact(at("difference"), *std::max_element(differences.begin(), differences.end()), 0,
                   analysis::at_most(1e-12));
      const double size = window * 2 * d + d + 1;
      checks.exact(at("state numbers"), *point.trials.front().numbers, size, {size, size});

      std::vector<core::TrialErrors> inside;
      std::vector<double> outside;
      for (const Trial& trial : point.trials) {
        inside.push_back({*trial.errors_inside, *trial.rows_inside});
        outside.push_back(*trial.errors_outside / *trial.rows_outside);
      }
      checks.error(at("error inside"), inside, 0, analysis::at_most(0.01));
      const double vote = 1 / std::sqrt(2 * M_PI * (point.parameters.tokens - window));
      checks.mean(at("error outside"), outside, 0.5, {0.5 - vote - 0.01, 0.51});
    }
  }
};

const core::Registration<sweep::Experiment, SlidingWindow> registration;

}  // namespace
}  // namespace kvfrontier::experiments::sliding_window
