#pragma once
// Intervals for a mean error measured over trials. The unit of independence is the trial; the rows queried inside one
// trial share its keys and its bits.

#include <cstdint>
#include <span>

namespace kvfrontier::core {

struct Interval {
  double lo = 0, hi = 1;
};

// One trial: `rows` queried rows, of which each may be wrong in part; `row_errors` = sum of the rows' error fractions.
struct TrialErrors {
  double row_errors = 0;
  std::int64_t rows = 0;
  double mean() const { return rows > 0 ? row_errors / static_cast<double>(rows) : 0; }
};

// Two-sided Student t interval of the mean at confidence `level`; the whole line for fewer than two samples.
Interval student_interval(std::span<const double> samples, double level);

// Two-sided Clopper-Pearson interval for `successes` of `trials` at confidence `level`. A fractional count is rounded
// outward (down for the lower limit, up for the upper). The exact coverage is that of a binomial count; for a sum of
// fractions in [0, 1] the binomial of the same mean has the larger variance.
Interval clopper_pearson(double successes, std::int64_t trials, double level);

// The interval of the project: the wider of Student t over the trials' means and Clopper-Pearson over the rows, within
// [0, 1]. At zero errors it is the row bound. Bad trials rarer than about 3/T stay invisible to both.
Interval error_interval(std::span<const TrialErrors> trials, double level);

double mean_of(std::span<const double> samples);
// Sample standard deviation (n - 1); 0 for fewer than two samples.
double deviation_of(std::span<const double> samples);

}  // namespace kvfrontier::core
