#include "cli/verdicts.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "sweep/planner.hpp"
#include "sweep/store_files.hpp"

namespace kvfrontier::cli {

// A store may hold any number of seeds, and each is a plan to make.
constexpr std::size_t most_seeds = 8;

sweep::Store read_tree(const std::string& directory, const std::string& advice) {
  sweep::Store store;
  for (const auto& part : directories_of_records(directory)) sweep::read_into(store, part, warn);
  if (store.points.empty()) throw core::UserError(directory + ": no records here; " + advice);
  return store;
}

std::vector<std::string> directories_of_records(const std::string& directory) {
  std::vector<std::string> parts;
  if (std::filesystem::is_directory(directory)) {  // otherwise reading it says what is wrong with it
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (entry.is_directory()) parts.push_back(entry.path().string());
    }
  }
  std::sort(parts.begin(), parts.end());
  parts.insert(parts.begin(), directory);
  return parts;
}

std::int64_t covered_points(const sweep::Plan& plan, const sweep::Store& store) {
  const auto points = sweep::standing(plan, plan.points, store).points;
  return std::count_if(points.begin(), points.end(),
                       [&](const sweep::Point& point) { return store.points.contains(point.id); });
}

sweep::Plan stored_plan(const analysis::Claim& claim, analysis::Size size, std::optional<std::uint64_t> seed,
                        const sweep::Store& store) {
  const core::Json config = claim.config(size);
  sweep::Plan best = analysis::plan_of(config, claim, seed.value_or(1));
  if (seed) return best;
  std::map<std::uint64_t, std::int64_t> points_of;
  for (const auto& [id, stored] : store.points) {
    const auto identity = stored.identity();
    if (identity.experiment == sweep::measured_by(best).name()) ++points_of[identity.seed];
  }
  std::vector<std::pair<std::int64_t, std::uint64_t>> seeds;
  for (const auto& [stored, points] : points_of) seeds.emplace_back(points, stored);
  std::sort(seeds.rbegin(), seeds.rend());
  seeds.resize(std::min(seeds.size(), most_seeds));
  std::int64_t most = covered_points(best, store);
  for (const auto& [points, stored] : seeds) {
    if (stored == best.seed) continue;
    sweep::Plan plan = analysis::plan_of(config, claim, stored);
    if (const std::int64_t covered = covered_points(plan, store); covered > most) {
      most = covered;
      best = std::move(plan);
    }
  }
  return best;
}

core::Json verdict_json(const analysis::Claim& claim, const analysis::Verdict& verdict, const std::string& lack) {
  core::Json json = verdict.to_json();
  const analysis::ClaimText& text = claim.text();
  json.update({{"statement", text.statement},
               {"note", text.note},
               {"source", text.source},
               {"prediction", text.prediction},
               {"allowance", text.allowance},
               {"refutation", text.refutation}});
  if (!lack.empty()) json.push_back({"lack", lack});
  return json;
}

}  // namespace kvfrontier::cli
