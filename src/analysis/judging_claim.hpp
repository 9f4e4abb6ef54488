#pragma once
// A claim that measures nothing itself: it judges the rows of another experiment, which its config() names.

#include <string>

#include "analysis/claim.hpp"
#include "core/errors.hpp"

namespace kvfrontier::analysis {

class JudgingClaim : public Claim {
 public:
  const core::OptionTable& options() const override {
    static const core::OptionTable table;
    return table;
  }
  core::Json resolve(const sweep::Combination&) const override { refuse(); }
  sweep::TrialResult measure(const core::Json&, std::uint64_t, const sweep::TrialContext&) const override { refuse(); }

 private:
  [[noreturn]] void refuse() const {
    const std::string judged = config(Size::quick).at("experiment");
    throw core::UserError(name() + " judges the rows of " + judged + "; run that, or kvfrontier verify --only " +
                          name());
  }
};

}  // namespace kvfrontier::analysis
