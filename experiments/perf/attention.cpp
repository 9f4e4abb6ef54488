// Fused softmax attention and the products of all pairs of keys, against the best matrix product of this machine.

#include "attention/attention.hpp"

#include <omp.h>

#include <fstream>

#include "attention/all_pairs.hpp"
#include "core/errors.hpp"
#include "core/json.hpp"
#include "suite.hpp"

namespace kvfrontier::perf {
namespace {

constexpr Index queries = 4096;
// Logits have standard deviation 4.8 at any width; the largest of 2.7e8 is about 29.
float query_scale(Index d) {
  const float width = d;
  return 4.8f / std::sqrt(width);
}

void check_attention(const Settings& settings) {
  for (const Index d : {64, 128}) {
    const auto q = gaussian(300, d, 1, query_scale(d)), k = gaussian(1500, d, 2), v = gaussian(1500, d, 3);
    const auto fast = attention::softmax_attention<float>(q, k, v, settings.threads);
    const auto slow =
        attention::softmax_attention_oracle(q.cast<double>().eval(), k.cast<double>().eval(), v.cast<double>().eval());
    require((fast.cast<double>() - slow).cwiseAbs().maxCoeff() < 1e-5, "attention is off its oracle by 1e-5 or more");
  }
}

// Exponentials a second, arguments and results in the first-level cache, all threads at work.
double exponential_rate(int threads) {
  constexpr Index count = 4096, repeats = 200;
  const double seconds = best_of_short(
      [&] {
#pragma omp parallel num_threads(threads)
        {
          Eigen::ArrayXf x = Eigen::ArrayXf::LinSpaced(count, -20, 0), y(count);
          for (Index i = 0; i < repeats; ++i) {
            y = x.exp();
            x[i % count] -= 1e-3f * y[0];  // or the compiler would do it once
          }
        }
      },
      0.2, threads);
  return 1.0 * threads * count * repeats / seconds;
}

void dump(const Settings& settings, const std::string& name, const core::RowMatrixF& matrix) {
  std::ofstream file(settings.dump / (name + ".f32"), std::ios::binary);
  const Index bytes = matrix.size() * sizeof(float);
  file.write(reinterpret_cast<const char*>(matrix.data()), bytes);
  if (!file.flush()) throw core::UserError("cannot write to " + settings.dump.string());
}

void time_attention(const Settings& settings, Report& report) {
  const ProductRate& product = best_product_rate(settings.threads);
  const double exponentials = exponential_rate(settings.threads);
  char text[160];
  std::snprintf(text, sizeof(text), "products %.4g GFLOP/s (%s; Eigen %.4g), exponentials %.4g G/s, %d threads",
                product.flops / 1e9, product.by.c_str(), product.eigen / 1e9, exponentials / 1e9, settings.threads);
  report.note(text);
  core::Json cases = core::Json::array();
  for (const Index d : {64, 128}) {
    for (const Index tokens : {4096, 16384, 65536}) {
      const auto q = gaussian(queries, d, 1, query_scale(d)), k = gaussian(tokens, d, 2), v = gaussian(tokens, d, 3);
      core::RowMatrixF output;
      const double seconds =
          best_seconds({[&] { output = attention::softmax_attention<float>(q, k, v, settings.threads); }},
                       tokens > 30000 ? 3 : 5, settings.threads)[0];
      const double pairs = queries * tokens;
      const double flops = 4 * pairs * d;
      const double model = flops / product.flops + pairs / exponentials;
      const std::string label = "N " + std::to_string(tokens) + ", d " + std::to_string(d);
      report.add({"", label, seconds, "s", model / seconds, 0.9, "time model"});
      if (d == 128)
        report.add({"", label, flops / seconds / 1e9, "GFLOP/s", flops / seconds / product.flops, 0.8, "best product"});
      if (settings.dump.empty()) continue;
      const std::string name = "attention-" + std::to_string(tokens) + "-" + std::to_string(d);
      for (const auto& [part, matrix] : {std::pair{"queries", &q}, {"keys", &k}, {"values", &v}})
        dump(settings, name + "-" + part, *matrix);
      dump(settings, name + "-output", output);
      cases.push_back({{"name", name}, {"label", label}, {"width", d}, {"seconds", seconds}});
    }
  }
  if (!settings.dump.empty()) std::ofstream(settings.dump / "attention.json") << cases.dump(1) << "\n";
}

const Registration attention_benchmark({"attention",
                                        "fp32, 4096 queries: 90 % of flops / best product + exps / exp rate; 80 % of "
                                        "the best product at d = 128",
                                        check_attention, time_attention});

void check_all_pairs(const Settings& settings) {
  const auto keys = gaussian(700, 64, 4, 0.125f);
  const auto largest = attention::largest_products(keys, settings.threads);
  const auto leaks = attention::leaks(keys, 5, settings.threads);
  for (Index i = 0; i < keys.rows(); ++i) {
    double most = -1e300, leak = 0;
    for (Index j = 0; j < keys.rows(); ++j) {
      if (j == i) continue;
      const double product = keys.row(i).cast<double>().dot(keys.row(j).cast<double>());
      most = std::max(most, product);
      leak += std::exp(-5 * (keys.row(i).cast<double>().squaredNorm() - product));
    }
    require(std::abs(most - largest[i]) < 1e-5, "a largest product is off by 1e-5 or more");
    require(std::abs(leak - leaks[i]) < 1e-4 * leak, "a leak is off by 1e-4 of itself or more");
  }
}

void time_all_pairs(const Settings& settings, Report& report) {
  constexpr Index tokens = 21845, d = 64;
  const auto keys = gaussian(tokens, d, 5, 0.125f);
  const ProductRate& product = best_product_rate(settings.threads);
  const auto seconds = best_seconds({[&] { attention::largest_products(keys, settings.threads); },
                                     [&] { attention::leaks(keys, 8, settings.threads); }},
                                    3, settings.threads);
  const double flops = 1.0 * tokens * tokens * d;  // 2 d for each of N^2/2 pairs
  report.add({"", "largest products, N 21845, d 64", seconds[0], "s", seconds[0], 2, "seconds", Goal::at_most});
  report.add({"", "largest products", flops / seconds[0] / 1e9, "GFLOP/s", flops / seconds[0] / product.flops, 0.8,
              "best product"});
  report.add({"", "leaks, N 21845, d 64", seconds[1], "s", seconds[1], 2, "seconds", Goal::at_most});
}

const Registration all_pairs_benchmark({"certificate",
                                        "all pairs of 21845 keys in 2 s; largest products at 80 % of the best product",
                                        check_all_pairs, time_all_pairs});

}  // namespace
}  // namespace kvfrontier::perf
