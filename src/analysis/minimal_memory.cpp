#include "analysis/minimal_memory.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "analysis/frontier.hpp"
#include "core/errors.hpp"
#include "core/rng.hpp"

namespace kvfrontier::analysis {
namespace {

using core::Json;

constexpr std::size_t bootstrap_samples = 1000;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string family_of(const PointSummary& point) {
  Json family = Json::parse(cell_of(point));
  family.erase("sides");
  family.erase("d");
  return family.dump();
}

// One measured budget: what its trials say, for drawing them again.
struct Budget {
  const PointSummary* point = nullptr;
  std::vector<core::TrialErrors> trials;
};

double uniform(core::Stream& stream) {
  return static_cast<double>(stream.next64() >> 11) * 0x1p-53;
}

// `budgets` by message bits, at least one.
std::vector<double> least_bits_samples(const std::vector<Budget>& budgets, double target_error,
                                       const std::string& name) {
  std::vector<double> samples;
  const core::RandomKey key = core::derive_key(0, name, 0, "bootstrap");
  std::size_t most_trials = 0;
  for (const Budget& budget : budgets) most_trials = std::max(most_trials, budget.trials.size());
  for (std::size_t sample = 0; sample < bootstrap_samples; ++sample) {
    core::Stream stream(key, core::Purpose("bootstrap"), sample);
    const double within_step = uniform(stream);
    std::vector<double> draws(most_trials);
    for (double& draw : draws) draw = uniform(stream);
    double least = nan, below = nan;
    for (const Budget& budget : budgets) {
      core::TrialErrors drawn;
      const std::size_t count = budget.trials.size();
      for (std::size_t t = 0; t < count; ++t) {
        const auto& trial = budget.trials[static_cast<std::size_t>(draws[t] * static_cast<double>(count))];
        drawn.row_errors += trial.row_errors;
        drawn.rows += trial.rows;
      }
      const double upper = budget.point->interval.hi + drawn.mean() - budget.point->error;
      if (upper <= target_error) {
        least = std::log(budget.point->message_bits);
        break;
      }
      below = std::log(budget.point->message_bits);
    }
    samples.push_back(std::isnan(below) ? least : least - within_step * (least - below));
  }
  return samples;
}

bool pays_for_keys(const sweep::Row& row) {
  const Json& ledger = row.result.data.at("ledger");
  return ledger.contains("keys") && ledger.at("keys") != 0;
}

}  // namespace

std::vector<Minimum> minimal_memory(const sweep::Store& store, const std::vector<PointSummary>& points,
                                    double target_error) {
  std::map<std::pair<std::string, std::string>, std::vector<Budget>> groups;  // by cell and curve
  for (const PointSummary& point : points) {
    if (point.trials == 0 || !point.has_bits || point.information_bits == 0) continue;
    groups[{cell_of(point), curve_of(point)}].push_back({&point, {}});
  }
  std::vector<Minimum> minima;
  for (auto& [name, budgets] : groups) {
    std::stable_sort(budgets.begin(), budgets.end(),
                     [](const Budget& a, const Budget& b) { return a.point->message_bits < b.point->message_bits; });
    Minimum minimum;
    minimum.curve = name.second;
    minimum.target_error = target_error;
    for (Budget& budget : budgets) try {
        for (const sweep::Row& row : store.counted_rows(budget.point->point)) {
          if (row.result.status != "ok") continue;
          budget.trials.push_back(
              {row.result.data.at("row_errors").get<double>(), row.result.data.at("queried_rows").get<std::int64_t>()});
          minimum.stored_keys = minimum.stored_keys || pays_for_keys(row);
        }
      } catch (const Json::exception& error) {
        throw core::StoreError("point " + budget.point->point + ": " + core::json_complaint(error));
      }
    const auto cheapest = std::find_if(budgets.begin(), budgets.end(),
                                       [&](const Budget& budget) { return budget.point->interval.hi <= target_error; });
    minimum.reached = cheapest != budgets.end();
    minimum.point = *(minimum.reached ? cheapest->point : budgets.back().point);
    minimum.family = family_of(minimum.point);
    minimum.fixed_bits = static_cast<double>(fixed_cost(minimum.point.parameters).value_or(0));
    minimum.floor_bits = floor_bits(minimum.point.information_bits, target_error, minimum.point.fixed_length);
    if (minimum.reached) minimum.samples = least_bits_samples(budgets, target_error, name.first + name.second);
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
    if (!same) table.push_back({minimum.family, minimum.curve, minimum.stored_keys, minimum.target_error});
    GapEntry& entry = table.back();
    entry.stored_keys = entry.stored_keys || minimum.stored_keys;
    if (!minimum.reached) {
      ++entry.unreached;
      continue;
    }
    const double gap = minimum.point.message_bits / minimum.floor_bits;
    entry.constant += std::log(minimum.point.message_bits / (minimum.n() * minimum.n() * minimum.d()));
    entry.gap += std::log(gap);
    entry.least = entry.sizes == 0 ? gap : std::min(entry.least, gap);
    entry.largest = std::max(entry.largest, gap);
    ++entry.sizes;
  }
  for (GapEntry& entry : table) {
    if (entry.sizes == 0) continue;
    entry.constant = std::exp(entry.constant / static_cast<double>(entry.sizes));
    entry.gap = std::exp(entry.gap / static_cast<double>(entry.sizes));
  }
  std::stable_sort(table.begin(), table.end(), [](const GapEntry& a, const GapEntry& b) {
    const auto order = [](const GapEntry& e) { return std::make_tuple(e.stored_keys, e.sizes == 0, e.gap); };
    return a.family != b.family ? a.family < b.family : order(a) < order(b);
  });
  return table;
}

}  // namespace kvfrontier::analysis
