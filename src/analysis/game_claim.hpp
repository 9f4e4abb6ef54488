#pragma once
// A claim that measures nothing itself: it judges the games of another experiment, which its config() names.

#include <string>
#include <vector>

#include "analysis/claim.hpp"
#include "core/errors.hpp"
#include "simulator/game_point.hpp"
#include "simulator/game_record.hpp"

namespace kvfrontier::analysis {

// The games of one point.
using Games = PointTrials<simulator::GamePoint, simulator::GameRecord>;

// One metric of every measured game.
std::vector<simulator::MetricValue> metric_values(const Games& games, const std::string& metric);
std::vector<double> metric_means(const Games& games, const std::string& metric);
// Of bit errors: what core::error_interval takes.
std::vector<core::TrialErrors> trial_errors(const Games& games);

// The games of a claim's points. Throws core::StoreError for records that are not those of games.
std::vector<Games> games_of(const ClaimPoints& points);

class GameClaim : public Claim {
 public:
  using Claim::Claim;

  // Adds the checks of these points, which come in plan order; some may have no measured game.
  virtual void judge(const std::vector<Games>& points, CheckList& checks) const = 0;
  // Changes the games, which are copies, as the deliberate fault `mutation` would have.
  virtual void mutate(const std::string& mutation, std::vector<Games>& points) const = 0;

  std::vector<std::string> mutations() const override = 0;
  std::vector<Check> judge(const ClaimPoints& points, const std::string& mutation) const final {
    std::vector<Games> games = games_of(points);
    if (mutation != "none") mutate(mutation, games);
    CheckList checks;
    judge(games, checks);
    return checks.finish();
  }

  const core::OptionTable& options() const override { return core::table_of<core::NoOptions>(); }
  core::Json resolve(const sweep::Combination&) const override { refuse(); }
  double operations(const core::Json&) const override { return 1e7; }
  sweep::TrialResult measure(const core::Json&, std::uint64_t, const sweep::GamePolicy&) const override { refuse(); }

 private:
  [[noreturn]] void refuse() const {
    const std::string judged = config(Size::quick).at(core::member_name(&sweep::Identity::experiment));
    throw core::UserError(name() + " judges the records of " + judged + "; run that, or kvfrontier verify --only " +
                          name());
  }
};

}  // namespace kvfrontier::analysis
