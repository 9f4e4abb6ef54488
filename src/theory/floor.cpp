#include "theory/floor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "theory/binomial.hpp"
#include "theory/entropy.hpp"
#include "theory/search.hpp"

namespace kvfrontier::theory {
namespace {

void check_size(std::int64_t m) {
  if (m < 1 || m > max_floor_bits) throw std::domain_error("shell filling needs 1 <= m <= 2^40");
}

double round_down(long double value) {
  const double nearest = value;
  return nearest > value ? std::nextafter(nearest, -1.0) : nearest;
}

}  // namespace

double min_error(std::int64_t m, std::int64_t bits) {
  check_size(m);
  if (bits < 0) throw std::domain_error("min_error needs bits >= 0");
  if (bits >= m) return 0;
  if (bits == 0) return 0.5;

  // Each answer serves 2^(m - bits) inputs. With shells 0..W-1 full and the rest at distance W the mean distance is
  //   g(W) = W - sum_{w < W} (W - w) C(m, w) / 2^(m - bits),
  // and g(W+1) - g(W) = 1 - |ball(W)| / 2^(m - bits), so the true W is where g is largest. A W misjudged at the
  // boundary therefore errs on the safe side, and only the sum needs care.
  const double size = m;
  const auto guess = static_cast<std::int64_t>(size * inverse_binary_entropy((m - bits) / size));
  const long double share = m - bits;
  const std::int64_t last = least_true_near(guess, 1, m / 2, [&](std::int64_t w) { return log2_ball(m, w) >= share; });

  // The mean distance is at least about half of W, so the difference loses hardly any digits. The slack covers the
  // logarithm (16 epsilon (m + 64) ln 2), the recurrence, and the last few roundings.
  const long double slack = 32 * std::numeric_limits<long double>::epsilon() * (m + 64);
  const long double log2_sum = log2_binomial(m, last - 1) + std::log2(shell_sums(m, last - 1).depth);
  const long double saved = std::exp2(log2_sum - share) * (1 + slack);
  return round_down(std::max((last - saved) / m, 0.0L));
}

std::int64_t min_bits(std::int64_t m, double error) {
  check_size(m);
  if (std::isnan(error)) throw std::domain_error("min_bits needs a number as error");
  if (error <= 0) return m;
  if (error >= 0.5) return 0;
  // The entropy floor is only O(log m) lower.
  const auto guess = static_cast<std::int64_t>(entropy_floor_bits(m, error));
  return least_true_near(guess, 0, m, [&](std::int64_t bits) { return min_error(m, bits) <= error; });
}

double entropy_floor_bits(double m, double error) {
  if (!(m >= 0)) throw std::domain_error("entropy_floor_bits needs m >= 0");
  if (std::isnan(error)) throw std::domain_error("entropy_floor_bits needs a number as error");
  return m * binary_capacity(std::clamp(error, 0.0, 0.5));
}

double mse_floor_error(double mse) {
  if (!(mse >= 0)) throw std::domain_error("mse_floor_error needs mse >= 0");
  if (mse >= 0.25) return 0.5;
  return 2 * mse / (1 + std::sqrt(1 - 4 * mse));
}

double entropy_floor_bits_mse(double m, double mse) {
  return entropy_floor_bits(m, mse_floor_error(mse));
}

double gaussian_mse_floor(double bits_per_value) {
  if (!(bits_per_value >= 0)) throw std::domain_error("gaussian_mse_floor needs bits_per_value >= 0");
  return std::exp2(-2 * bits_per_value);
}

double eviction_error(double kept_fraction) {
  if (!(kept_fraction >= 0 && kept_fraction <= 1)) throw std::domain_error("eviction_error needs a fraction in [0, 1]");
  return (1 - kept_fraction) / 2;
}

}  // namespace kvfrontier::theory
