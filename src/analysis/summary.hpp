#pragma once
// From the rows of a game sweep to one line a point: means, intervals, floor and gap.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/statistics.hpp"
#include "sweep/store.hpp"

namespace kvfrontier::analysis {

// One point of index_frontier (or of any experiment whose rows are games). Fields that need a measured trial are only
// meaningful when `trials` > 0.
struct PointSummary {
  std::string point;
  core::Json parameters;
  std::string status;       // ok; failed when any row failed; infeasible; uncertified when no trial was certified
  std::int64_t trials = 0;  // measured ones: they make the error
  std::int64_t uncertified = 0, failed = 0;
  std::string stop;    // why the point stopped; "unfinished" while it has not
  std::string reason;  // of the first failed row
  double level = 0;    // confidence of the interval at this look

  std::uint64_t information_bits = 0;  // m
  double tau = 0;                      // mean over trials
  double message_bits = 0;             // mean over trials
  bool fixed_length = true;            // the size formula gives the length; the finite-size floor applies
  std::uint64_t peak_state_bits = 0;   // largest over trials
  bool has_bits = true;     // false for families without bits: error, floor and gap mean nothing, only mse does
  double error = 0;         // mean bit error, threshold 1/2
  core::Interval interval;  // of error; of mse without bits
  double error_theorem = 0, worst_decile = 0, mse = 0, relative_l2 = 0, mixture_relative_l2 = 0,
         random_relative_l2 = 0;  // relative ones NaN when an exact output is 0
  std::int64_t ties = 0, queried_rows = 0;
  double seconds = 0;  // of all counted trials

  std::optional<double> floor_bits;  // least bits at this error; nullopt for families without bits
  std::string floor_kind;  // finite (shell filling) or entropy (self-delimiting messages, against the mean length)
  std::optional<double> mse_floor;  // least mean squared error at these bits, for families that state one
  std::optional<double> gap;        // message_bits / floor_bits; nullopt where the floor is 0

  std::optional<double> rate_budget;
  std::optional<double> least_rate;  // of an infeasible point
  bool stored_keys = false;          // the message pays for keys, which the floor does not count

  const core::Json& at(const char* key) const { return parameters.at(key); }
  double entries() const;  // N d
};

// The summary of one point from its counted rows. `rows` must not be empty.
PointSummary summarise(const std::vector<sweep::Row>& rows, const sweep::Stop* stop);

// All game points of a store, sorted by instance, embedding, n, d, scheme, keys and bits.
std::vector<PointSummary> summarise(const sweep::Store& store);

// Floor for m bits at this mean error; see PointSummary.
double floor_bits(std::uint64_t information_bits, double error, bool fixed_length);

// What the scheme's size formula says for the resolved parameters of a game, with all N tokens or with none (its fixed
// cost). nullopt for an unknown scheme, another version of it, an infeasible budget, or a self-delimiting message.
std::optional<std::uint64_t> formula_bits(const core::Json& parameters);
std::optional<std::uint64_t> fixed_cost(const core::Json& parameters);

// The longest message that the same scheme has for a budget of one bit less, 0 when it has none. nullopt where no
// budget chose the options of this one, for schemes with required options, and for what formula_bits does not know.
std::optional<std::uint64_t> next_smaller_message(const core::Json& parameters);

// Least mean squared error of the point's instance family at this many message bits; nullopt where it states none.
std::optional<double> mse_floor_of(const core::Json& parameters, double message_bits);

}  // namespace kvfrontier::analysis
