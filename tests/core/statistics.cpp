#include "core/statistics.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "../support/catch.hpp"

using namespace kvfrontier::core;

namespace {

// P(Bin(n, p) = k) by its definition.
double binomial_probability(int n, int k, double p) {
  return std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) + k * std::log(p) +
                  (n - k) * std::log1p(-p));
}

double at_least(int n, int k, double p) {
  double sum = 0;
  for (int i = k; i <= n; ++i) sum += binomial_probability(n, i, p);
  return sum;
}

}  // namespace

TEST_CASE("mean and deviation", "[statistics]") {
  const std::array samples{1.0, 2.0, 4.0, 5.0};
  CHECK(mean_of(samples) == 3);
  CHECK(deviation_of(samples) == Approx(std::sqrt(10.0 / 3)));
  CHECK(deviation_of(std::array{7.0}) == 0);
  CHECK(mean_of(std::span<const double>{}) == 0);
}

TEST_CASE("Student intervals use the tabulated quantiles", "[statistics]") {
  // Two-sided 95 % and 99 % points of t with n - 1 degrees of freedom, from printed tables.
  const struct {
    int samples;
    double t95, t99;
  } table[] = {{2, 12.7062, 63.6567}, {3, 4.3027, 9.9248}, {8, 2.3646, 3.4995}, {31, 2.0423, 2.7500}};
  for (const auto& row : table) {
    std::vector<double> samples;
    for (int i = 0; i < row.samples; ++i) samples.push_back(i % 2 ? 3.0 : 1.5 + 0.1 * i);
    const double mean = mean_of(samples), standard_error = deviation_of(samples) / std::sqrt(row.samples);
    for (const auto& [level, t] : {std::pair{0.95, row.t95}, std::pair{0.99, row.t99}}) {
      const Interval interval = student_interval(samples, level);
      CHECK((interval.hi - mean) / standard_error == Approx(t).margin(6e-5));
      CHECK((mean - interval.lo) / standard_error == Approx(t).margin(6e-5));
    }
  }
  const Interval none = student_interval(std::array{0.3}, 0.95);
  CHECK(none.lo == -std::numeric_limits<double>::infinity());
  CHECK(none.hi == std::numeric_limits<double>::infinity());
}

TEST_CASE("Clopper-Pearson limits solve their defining equations", "[statistics]") {
  for (const int n : {1, 2, 10, 57}) {
    for (const double level : {0.9, 0.95, 0.9999}) {
      for (int k = 0; k <= n; ++k) {
        const Interval interval = clopper_pearson(k, n, level);
        if (k == 0) CHECK(interval.lo == 0);
        if (k > 0) CHECK(at_least(n, k, interval.lo) == Approx((1 - level) / 2).epsilon(1e-8));
        if (k == n) CHECK(interval.hi == 1);
        if (k < n) CHECK(1 - at_least(n, k + 1, interval.hi) == Approx((1 - level) / 2).epsilon(1e-7));
      }
    }
  }
  // Printed values: 0 of 10 and 1 of 20 at 95 %.
  CHECK(clopper_pearson(0, 10, 0.95).hi == Approx(0.3085).margin(5e-5));
  CHECK(clopper_pearson(1, 20, 0.95).lo == Approx(0.00127).margin(5e-6));
  CHECK(clopper_pearson(1, 20, 0.95).hi == Approx(0.2487).margin(5e-5));
  CHECK(clopper_pearson(0, 0, 0.95).lo == 0);
  CHECK(clopper_pearson(0, 0, 0.95).hi == 1);
  // A count that nobody knows.
  const double unknown = std::numeric_limits<double>::quiet_NaN();
  CHECK(clopper_pearson(unknown, 10, 0.95).lo == 0);
  CHECK(clopper_pearson(unknown, 10, 0.95).hi == 1);
}

TEST_CASE("fractional counts are rounded outward", "[statistics]") {
  const Interval between = clopper_pearson(4.3, 20, 0.95);
  CHECK(between.lo == clopper_pearson(4, 20, 0.95).lo);
  CHECK(between.hi == clopper_pearson(5, 20, 0.95).hi);
  // A sum of fractions a rounding error away from 0 or n is no licence for a point.
  CHECK(clopper_pearson(1e-12, 20, 0.95).lo == 0);
  CHECK(clopper_pearson(1e-12, 20, 0.95).hi == clopper_pearson(1, 20, 0.95).hi);
  CHECK(clopper_pearson(20 + 1e-12, 20, 0.95).hi == 1);
}

TEST_CASE("Clopper-Pearson covers every binomial, exactly summed", "[statistics]") {
  for (const int n : {5, 30}) {
    for (double p = 0.01; p < 1; p += 0.01) {
      double coverage = 0;
      for (int k = 0; k <= n; ++k) {
        const Interval interval = clopper_pearson(k, n, 0.95);
        if (interval.lo <= p && p <= interval.hi) coverage += binomial_probability(n, k, p);
      }
      REQUIRE(coverage >= 0.95);
    }
  }
}

TEST_CASE("the project's interval is the wider of both, within [0, 1]", "[statistics]") {
  const std::vector<TrialErrors> none(8, {0.0, 32});
  CHECK(error_interval(none, 0.95).lo == 0);
  CHECK(error_interval(none, 0.95).hi == clopper_pearson(0, 256, 0.95).hi);

  // Trials that differ more than their rows: Student is the wider.
  const std::vector<TrialErrors> apart{{0.0, 1000}, {900.0, 1000}, {0.0, 1000}, {950.0, 1000}};
  const Interval far = error_interval(apart, 0.95), student = student_interval(std::array{0.0, 0.9, 0.0, 0.95}, 0.95);
  CHECK(far.lo == 0);
  CHECK(far.hi == 1);
  CHECK(student.hi > 1);

  const std::vector<TrialErrors> near{{100.0, 1000}, {110.0, 1000}, {90.0, 1000}, {104.0, 1000}};
  const Interval both = error_interval(near, 0.95), rows = clopper_pearson(404, 4000, 0.95),
                 means = student_interval(std::array{0.1, 0.11, 0.09, 0.104}, 0.95);
  CHECK(both.lo == std::min(rows.lo, means.lo));
  CHECK(both.hi == std::max(rows.hi, means.hi));
  CHECK(TrialErrors{3, 4}.mean() == 0.75);
  CHECK(TrialErrors{}.mean() == 0);
}
