#pragma once
// The plug point for metrics: what a game measures of Bob's answers. A metric is one entry in one file of
// src/simulator/metrics/; records, csv, JSON, report and docs list every entry that is registered.

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/bits.hpp"
#include "core/matrix.hpp"
#include "core/members.hpp"
#include "core/registry.hpp"
#include "core/statistics.hpp"
#include "geometry/schedule.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::simulator {

using core::Bits;
using core::Index;

// What one game gives to measure. Views are valid during the call only.
struct GameAnswers {
  core::RowsViewD answers, values, exact;          // of the queried rows: nq x d; exact: outputs of exact attention
  core::RowsViewD mixture_answers, mixture_exact;  // of midpoints of two keys
  core::RowsViewD random_answers, random_exact;    // of random directions
  const std::vector<Index>& rows;                  // nq queried rows
  const geometry::Schedule& schedule;
  double eta = 0;      // tolerance of the thresholds
  int value_bits = 1;  // b: entries are levels of b bits (simulator/decoding.hpp); 0: real numbers, nothing to read
};

// The value of one metric in one trial: the mean over `count` observations (rows, entries or one), and the sum of their
// squares where the metric keeps it. NaN: there is none (a ratio without a denominator).
struct MetricValue {
  double mean = std::numeric_limits<double>::quiet_NaN();
  std::int64_t count = 0;
  std::optional<double> sum_squares;

  static MetricValue of(std::span<const double> observations);
  static core::MemberList<MetricValue> members();
};

enum class Direction { lower, higher };  // which is better

// Which floor in bits applies. finite: shell filling, for messages of fixed length; entropy: m (1 - H2(p)), against the
// mean length of self-delimiting messages.
enum class FloorKind { finite, entropy };

// What floors are functions of.
struct FloorInput {
  Bits information_bits = 0;  // m, bits that Alice's input holds; 0 for families without bits
  int value_bits = 1;
  FloorKind kind = FloorKind::finite;
  reduction::DistortionFloor distortion = reduction::DistortionFloor::none;
  Index tokens = 0, d = 0;
};

class Metric {
 public:
  virtual ~Metric() = default;
  virtual std::string name() const = 0;     // of its columns: lower case, underscores
  virtual std::string meaning() const = 0;  // one line
  virtual std::string unit() const = 0;     // "" for a pure number
  virtual Direction better() const { return Direction::lower; }
  virtual double worst() const = 0;  // the value of answers that say nothing or are all wrong; may be infinite

  // nullopt where it means nothing (families without bits). Thread-safe, a function of `game` alone.
  virtual std::optional<MetricValue> measure(const GameAnswers& game) const = 0;

  // Least bits of any message whose mean value is `value`; nullopt where no floor is known.
  virtual std::optional<double> floor_bits(const FloorInput&, double) const { return std::nullopt; }
  // Best mean value of any message of `message_bits` bits; nullopt where no floor is known.
  virtual std::optional<double> floor(const FloorInput&, double) const { return std::nullopt; }

  // Two-sided interval of the mean value at `level`, from the values of a point's trials. Default: Student t.
  virtual core::Interval interval(std::span<const MetricValue> trials, double level) const;
};

using Metrics = core::Registry<Metric>;

// Two-sided interval of a mean share at `level`, within [0, 1]: the wider of Student t over the trials and of
// Clopper-Pearson over the observations (core::error_interval).
core::Interval share_interval(std::span<const MetricValue> trials, double level);

// The mean over all observations of several trials; NaN without any.
double mean_of(std::span<const MetricValue> trials);

// Names of metrics that analysis speaks of.
namespace metric_names {
inline constexpr const char *error = "error", *error_theorem = "error_theorem", *mse = "mse",
                            *worst_decile = "worst_decile", *within_eta = "within_eta",
                            *within_eta_wrong = "within_eta_wrong", *relative_l2 = "relative_l2";
}

}  // namespace kvfrontier::simulator

template <>
struct kvfrontier::core::EnumNames<kvfrontier::simulator::Direction> {
  static constexpr std::array names{"lower", "higher"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::simulator::FloorKind> {
  static constexpr std::array names{"finite", "entropy"};
};
