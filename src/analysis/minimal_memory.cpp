#include "analysis/minimal_memory.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "analysis/frontier.hpp"
#include "core/errors.hpp"
#include "core/rng.hpp"

namespace kvfrontier::analysis {
namespace {

constexpr std::size_t bootstrap_samples = 1000;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// One measured budget: what its trials say, for drawing them again.
struct Budget {
  const PointSummary* point = nullptr;
  std::vector<core::TrialErrors> trials;
};

double uniform(core::Stream& stream) {
  return (stream.next64() >> 11) * 0x1p-53;
}

// Two budgets further apart than this are not two of a search's last steps.
const double widest_step = std::log(1.05);

// Where `upper`, of each of `budgets` by message bits, crosses the target: the first budget that meets it, or the
// number of budgets.
std::size_t first_met(const std::vector<double>& upper, double target_error) {
  const auto met = std::find_if(upper.begin(), upper.end(), [&](double end) { return end <= target_error; });
  return met - upper.begin();
}
double log_bits(const Budget& budget) {
  return std::log(budget.point->message_bits());
}
double on_line(const std::vector<Budget>& budgets, const std::vector<double>& upper, std::size_t met,
               double target_error) {
  const double least = log_bits(budgets[met]);
  if (met == 0) return least;
  const double share = (target_error - upper[met]) / (upper[met - 1] - upper[met]);
  return least - share * (least - log_bits(budgets[met - 1]));
}

// Whether the scheme may have messages of a length between budget `met` and the next smaller one, as far as its size
// formula knows.
bool has_unmeasured_between(const std::vector<Budget>& budgets, std::size_t met) {
  const auto next = budgets[met].point->record.smaller_bits;
  return !next || *next > budgets[met - 1].point->message_bits();
}

void draw_samples(const std::vector<Budget>& budgets, const std::string& name, Minimum& minimum) {
  std::vector<double> upper;
  std::size_t most_trials = 0;
  for (const Budget& budget : budgets) {
    upper.push_back(budget.point->error().interval.hi);
    most_trials = std::max(most_trials, budget.trials.size());
  }
  const std::size_t measured = first_met(upper, minimum.target_error);
  // In a wide step the error may jump anywhere: no line through it.
  const double step = measured > 0 ? log_bits(budgets[measured]) - log_bits(budgets[measured - 1]) : 0;
  const bool wide = step > widest_step;
  const double width = wide && has_unmeasured_between(budgets, measured) ? step : 0;
  minimum.crossing = wide ? log_bits(budgets[measured]) : on_line(budgets, upper, measured, minimum.target_error);
  const core::Coins coins = core::derive_coins(0, name, 0, "bootstrap");
  std::vector<double> draws(most_trials), moved(budgets.size());
  for (std::size_t sample = 0; sample < bootstrap_samples; ++sample) {
    core::Stream stream(coins, core::Purpose("bootstrap"), sample);
    const double within_step = uniform(stream);
    for (double& draw : draws) draw = uniform(stream);
    for (std::size_t i = 0; i < budgets.size(); ++i) {
      const auto& trials = budgets[i].trials;
      core::TrialErrors drawn;
      for (std::size_t t = 0; t < trials.size(); ++t) {
        const auto& trial = trials[static_cast<std::size_t>(draws[t] * trials.size())];
        drawn.row_errors += trial.row_errors;
        drawn.rows += trial.rows;
      }
      moved[i] = upper[i] + drawn.mean() - budgets[i].point->error().mean;
    }
    const std::size_t met = first_met(moved, minimum.target_error);
    minimum.samples.push_back(met == budgets.size()     ? nan
                              : wide && met == measured ? log_bits(budgets[measured]) - within_step * width
                                                        : on_line(budgets, moved, met, minimum.target_error));
  }
}

// Sections of the ledger that are not paid per entry of the values: keys, which the floor does not count, and what is
// paid per token, per slot, per channel, per frame or once.
const std::set<std::string> side_sections{"bases",         "counts", "kernel state", "keys",  "lengths",
                                          "low rank",      "masses", "mass",         "norms", "padding",
                                          "map under way", "scales", "residual",     "sizes"};

double side_share(const GameRecord& game) {
  double side = 0, all = 0;
  for (const auto& [section, bits] : game.ledger) {
    if (side_sections.contains(section)) side += bits;
    all += bits;
  }
  return all > 0 ? side / all : 0;
}

// The measured trials of a point that count.
std::vector<GameRecord> measured_games(const sweep::Store& store, const std::string& point) {
  std::vector<GameRecord> games;
  for (const sweep::Record& record : store.counted_records(point)) {
    if (record.result.status == simulator::Status::ok) games.push_back(sweep::game_of(record));
  }
  return games;
}

}  // namespace

std::vector<Minimum> minimal_memory(const sweep::Store& store, const std::vector<PointSummary>& points,
                                    double target_error) {
  std::map<std::pair<std::string, std::string>, std::vector<Budget>> groups;  // by cell and curve
  for (const PointSummary& point : points) {
    if (!point.has_error() || point.record.information_bits == 0) continue;
    groups[{cell_of(point), curve_of(point)}].push_back({&point, {}});
  }
  std::vector<Minimum> minima;
  for (auto& [name, budgets] : groups) {
    std::stable_sort(budgets.begin(), budgets.end(), [](const Budget& a, const Budget& b) {
      return a.point->message_bits() < b.point->message_bits();
    });
    Minimum minimum;
    minimum.curve = name.second;
    minimum.target_error = target_error;
    for (Budget& budget : budgets) {
      for (const GameRecord& game : measured_games(store, budget.point->point)) {
        const auto& error = game.metrics.at(simulator::metric_names::error);
        budget.trials.push_back({error.mean * error.count, error.count});
      }
    }
    const auto cheapest = std::find_if(budgets.begin(), budgets.end(), [&](const Budget& budget) {
      return budget.point->error().interval.hi <= target_error;
    });
    minimum.reached = cheapest != budgets.end();
    minimum.point = *(minimum.reached ? cheapest->point : budgets.back().point);
    minimum.family = family_of(minimum.point);
    minimum.fixed_bits = minimum.point.record.fixed_bits.value_or(0);
    minimum.floor_bits = *floor_bits(minimum.point, simulator::metric_names::error, target_error);
    if (minimum.reached) {
      minimum.side_share = side_share(measured_games(store, minimum.point.point).front());
      draw_samples(budgets, name.first + name.second, minimum);
    }
    minima.push_back(std::move(minimum));
  }
  std::stable_sort(minima.begin(), minima.end(), [](const Minimum& a, const Minimum& b) {
    const auto order = [](const Minimum& m) { return std::make_tuple(m.tokens(), m.d()); };
    return std::tie(a.family, a.curve) != std::tie(b.family, b.curve)
               ? std::tie(a.family, a.curve) < std::tie(b.family, b.curve)
               : order(a) < order(b);
  });
  return minima;
}

std::vector<GapEntry> gap_table(std::span<const Minimum> minima) {
  std::vector<GapEntry> table;
  for (const Minimum& minimum : minima) {
    const bool same = !table.empty() && table.back().family == minimum.family && table.back().curve == minimum.curve;
    if (!same) table.push_back({minimum.family, minimum.curve, minimum.point.record.stored_keys, minimum.target_error});
    GapEntry& entry = table.back();
    entry.stored_keys = entry.stored_keys || minimum.point.record.stored_keys;
    if (!minimum.reached) {
      ++entry.unreached;
      continue;
    }
    const double gap = minimum.point.message_bits() / minimum.floor_bits;
    entry.constant += std::log(minimum.point.message_bits() / (minimum.n() * minimum.n() * minimum.d()));
    entry.gap += std::log(gap);
    entry.least = entry.sizes == 0 ? gap : std::min(entry.least, gap);
    entry.largest = std::max(entry.largest, gap);
    ++entry.sizes;
  }
  for (GapEntry& entry : table) {
    if (entry.sizes == 0) continue;
    entry.constant = std::exp(entry.constant / entry.sizes);
    entry.gap = std::exp(entry.gap / entry.sizes);
  }
  std::stable_sort(table.begin(), table.end(), [](const GapEntry& a, const GapEntry& b) {
    const auto order = [](const GapEntry& e) { return std::make_tuple(e.stored_keys, e.sizes == 0, e.gap); };
    return a.family != b.family ? a.family < b.family : order(a) < order(b);
  });
  return table;
}

}  // namespace kvfrontier::analysis
