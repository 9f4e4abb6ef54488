#pragma once
// Power laws of minimal memory: log bits = a log n + b log d + c, by least squares with bootstrap weights.
//
// Doubling sides cache N = (n^2 - 1)/3 tokens, so N is no power of n. The map is applied first: the regressor is
// log sqrt(3 N), which is log n up to -1/(2 n^2), and a is twice the exponent of N. Other schedules have the exponent
// of N only.

#include <optional>
#include <string>
#include <vector>

#include "analysis/minimal_memory.hpp"

namespace kvfrontier::analysis {

struct Estimate {
  double value = 0, error = 0;  // standard error
  // Normal interval.
  core::Interval interval(double level) const;
};

struct PowerLaw {
  Estimate constant;                  // of log bits
  std::optional<Estimate> tokens, d;  // exponents; nullopt where the sizes do not differ in it
  std::vector<double> residuals;      // of log bits, one a size
  double misfit = 0;                  // chi^2 over degrees of freedom; errors are widened by its root where above 1
  // a of n^a: twice the exponent of N.
  std::optional<Estimate> n() const;
};

// The law over sizes that were reached. Weights are inverse variances over the bootstrap samples, each with 1e-6 more:
// bits that no sample moves are still only within a thousandth of any power law. Errors are standard deviations of the
// coefficients over the samples, or what the weights alone imply, if that is more. nullopt for fewer sizes than
// unknowns.
std::optional<PowerLaw> fit_power_law(std::span<const Minimum> sizes);

// How bits/floor grows: its exponent in N among sizes of equal d, and in d among sizes of equal N, over the sizes that
// were reached and have N >= 8 d. nullopt where no two sizes can be compared. Errors as above.
struct Trends {
  std::optional<Estimate> tokens, d;
  std::int64_t sizes = 0;
};
enum class Counted {
  all,     // the message
  entries  // what it pays per entry of the values: without Minimum::side_share
};
Trends trends_over_floor(std::span<const Minimum> sizes, Counted counted);

// Consecutive minima of one family and curve.
struct Curve {
  std::string family, curve;
  std::vector<Minimum> reached;
  std::int64_t unreached = 0;
};
std::vector<Curve> curves_of(std::span<const Minimum> minima);

}  // namespace kvfrontier::analysis
