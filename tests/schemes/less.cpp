#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "../support/catch.hpp"
#include "../support/three_settings.hpp"
#include "core/float_format.hpp"

namespace kvfrontier::tests::less {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

Json options_of(Index kept, Index features, const std::string& policy = "streaming_llm",
                const std::string& keys = "stored") {
  return {{"kept", kept}, {"features", features}, {"policy", policy}, {"format", "fp32"}, {"keys", keys}};
}

// phi_r(x) = exp(<w_r, x> - |x|^2/2)/sqrt(R) with the public directions.
Eigen::VectorXd features_of(core::Coins coins, Index count, const Eigen::VectorXd& x) {
  Eigen::VectorXd phi(count);
  for (Index r = 0; r < count; ++r) {
    core::Stream stream(coins, core::Purpose("less/features"), r);
    boost::random::normal_distribution<double> normal;
    double product = 0;
    for (Index c = 0; c < x.size(); ++c) product += normal(stream) * x[c];
    phi[r] = std::exp(product - x.squaredNorm() / 2) / std::sqrt(count);
  }
  return phi;
}

}  // namespace

TEST_CASE("less without features is its eviction policy", "[less]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8, 16}), 12), 3);
  const RowMatrixD queries = 6 * all_keys(*instance).cast<double>();
  for (const std::string keys : {"stored", "public"}) {
    for (const Index kept : {1, 4, 9, 40, 100}) {
      const auto window = params_of(*instance, "less", options_of(kept, 0, "streaming_llm", keys), 6);
      const auto streaming = params_of(*instance, "streaming_llm",
                                       {{"sinks", std::min<Index>(4, kept)},
                                        {"window", kept - std::min<Index>(4, kept)},
                                        {"format", "fp32"},
                                        {"keys", keys}},
                                       6);
      CHECK(simulator::encode(window, *instance).bits == simulator::encode(streaming, *instance).bits);
      CHECK(answers_of(window, *instance, queries) == answers_of(streaming, *instance, queries));
      const auto hitters = params_of(*instance, "less", options_of(kept, 0, "h2o", keys), 6);
      const auto h2o = params_of(
          *instance, "h2o", {{"heavy", kept - kept / 2}, {"recent", kept / 2}, {"format", "fp32"}, {"keys", keys}}, 6);
      CHECK(simulator::encode(hitters, *instance).bits == simulator::encode(h2o, *instance).bits);
      CHECK(answers_of(hitters, *instance, queries) == answers_of(h2o, *instance, queries));
    }
  }
}

// Kept tokens with their exact weights, and for all others phi(q) H and phi(q) z, summed token by token.
TEST_CASE("less answers as kept tokens and kernel state do", "[less]") {
  const Index d = 5, tokens = 85;
  const double tau = 3;
  const RowMatrixF keys = gaussian_rows(tokens, d, 1), values = gaussian_rows(tokens, d, 2);
  const auto instance = given_instance(sides({1, 2, 4, 8, 16}), keys, values);
  const RowMatrixD queries = tau * gaussian_rows(10, d, 3).cast<double>();
  for (const auto& [kept, count] : std::vector<std::pair<Index, Index>>{{10, 8}, {0, 20}, {3, 1}, {85, 4}}) {
    const RowMatrixD answers = answers_of(params_of(instance, "less", options_of(kept, count), tau), instance, queries);
    RowMatrixD sums = RowMatrixD::Zero(count, d);
    Eigen::VectorXd masses = Eigen::VectorXd::Zero(count);
    const Index sinks = std::min<Index>(4, kept);
    const auto is_kept = [&, kept = kept](Index i) { return i < sinks || i >= tokens - (kept - sinks); };
    for (Index i = 0; i < tokens; ++i) {
      if (is_kept(i)) continue;
      const Eigen::VectorXd phi =
          features_of(instance.coins().open, count, std::sqrt(tau) * keys.row(i).transpose().cast<double>());
      sums += phi * values.row(i).cast<double>();
      masses += phi;
    }
    for (Index q = 0; q < queries.rows(); ++q) {
      const Eigen::VectorXd query = queries.row(q).transpose();
      const Eigen::VectorXd phi = features_of(instance.coins().open, count, query / std::sqrt(tau));
      Eigen::RowVectorXd numerator = phi.transpose() * sums;
      double denominator = phi.dot(masses);
      for (Index i = 0; i < tokens; ++i) {
        if (!is_kept(i)) continue;
        const double weight = std::exp(keys.row(i).transpose().cast<double>().dot(query));
        numerator += weight * values.row(i).cast<double>();
        denominator += weight;
      }
      CHECK((answers.row(q) - numerator / denominator).cwiseAbs().maxCoeff() < 1e-5);
    }
  }
}

// One evicted key: the state's z is phi(k), so phi(q) z over the public coins has mean exp(<q,k>) and variance
// exp(2<q,k>) (exp(|q' + k'|^2) - 1)/R with q' = q/sqrt(tau), k' = sqrt(tau) k.
TEST_CASE("less's kernel is unbiased with the variance of positive features", "[less]") {
  const Index d = 3, count = 16;
  const double tau = 0.8;
  const RowMatrixF key = 0.7f * gaussian_rows(1, d, 4), value = gaussian_rows(1, d, 5);
  const Eigen::VectorXd k = key.row(0).transpose().cast<double>(),
                        q = tau * gaussian_rows(1, d, 6).row(0).transpose().cast<double>();
  constexpr int trials = 20'000;
  std::vector<double> estimates;
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    const auto instance = given_instance(sides({1, 2}), key, value, trial);
    core::BitReader reader(simulator::encode(params_of(instance, "less", options_of(0, count), tau), instance).bits);
    float log_unit;
    core::get_floats(reader, core::FloatFormat::fp32, &log_unit, 1);
    RowMatrixF sums(count, d);
    Eigen::VectorXf masses(count);
    core::get_floats(reader, core::FloatFormat::fp32, sums.data(), sums.size());
    core::get_floats(reader, core::FloatFormat::fp32, masses.data(), count);
    const Eigen::VectorXd phi = features_of(instance.coins().open, count, q / std::sqrt(tau));
    const double wide_unit = log_unit;
    estimates.push_back(std::exp(wide_unit) * phi.dot(masses.cast<double>()) / std::exp(q.dot(k)));
  }
  double mean = 0, variance = 0, fourth = 0;
  for (const double x : estimates) mean += x / trials;
  for (const double x : estimates) {
    variance += (x - mean) * (x - mean) / trials;
    fourth += std::pow(x - mean, 4) / trials;
  }
  const double law = (std::exp((q / std::sqrt(tau) + std::sqrt(tau) * k).squaredNorm()) - 1) / count;
  CHECK(std::abs(mean - 1) < 4 * std::sqrt(law / trials));
  CHECK(std::abs(variance - law) < 4 * std::sqrt((fourth - variance * variance) / trials));
}

TEST_CASE("less sums public keys on Bob's side", "[less]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8, 16}), 12), 3);
  const RowMatrixD queries = 6 * all_keys(*instance).cast<double>();
  for (const std::string policy : {"h2o", "streaming_llm"}) {
    for (const Index kept : {0, 5, 30, 85}) {
      const auto stored = params_of(*instance, "less", options_of(kept, 7, policy), 6),
                 open = params_of(*instance, "less", options_of(kept, 7, policy, "public"), 6);
      CHECK(answers_of(stored, *instance, queries) == answers_of(open, *instance, queries));
      CHECK(simulator::encode(open, *instance).bits.size == std::min<Index>(kept, 85) * 12 * 32 + 32 + 7 * 12 * 32);
    }
  }
}

TEST_CASE("less is as good on three streams as was measured elsewhere", "[less][three_settings]") {
  Json options = options_of(64, 64);
  options["format"] = "fp16";
  const auto orthogonal = compare(Tokens::near_orthogonal, "less", options),
             clustered = compare(Tokens::clustered, "less", options);
  CHECK(orthogonal.bits_per_token == Approx(258).epsilon(0.01));
  CAPTURE(orthogonal.relative_error, clustered.relative_error);
  CHECK(orthogonal.relative_error > 0.99 / 1.5);
  CHECK(orthogonal.relative_error < 0.99 * 1.5);
  CHECK(clustered.relative_error > 0.15 / 1.5);
  CHECK(clustered.relative_error < 0.15 * 1.5);
}

}  // namespace kvfrontier::tests::less
