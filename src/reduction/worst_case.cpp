// The value matrices for which the leak does the most harm: one row of ones among zeros in even trials, the complement
// in odd ones. Bob always asks for that row. This shows the true decoding threshold; random bits decode long before it.

#include <boost/random/uniform_int_distribution.hpp>

#include "reduction/instance.hpp"

namespace kvfrontier::reduction::worst_case {
namespace {

class WorstCaseInstance : public Instance {
 public:
  using Instance::Instance;

  void values(Index first, core::RowsOutF out) const override {
    const float asked = coins().trial % 2 == 0 ? 1.0f : 0.0f;
    out.setConstant(1 - asked);
    const Index row = asked_row() - first;
    if (row >= 0 && row < out.rows()) out.row(row).setConstant(asked);
  }
  // Alice holds only the number of one row and one bit, so there is no floor to speak of.
  core::Bits information_bits() const override { return 0; }
  std::vector<Index> queried_rows(Index count) const override { return std::vector<Index>(count, asked_row()); }

 private:
  Index asked_row() const {
    core::Stream stream(coins().bob, core::Purpose("worst case/row"), 0);
    return boost::random::uniform_int_distribution<Index>(0, params().tokens() - 1)(stream);
  }
};

class WorstCaseFamily : public InstanceFamily {
 public:
  std::string name() const override { return "worst_case"; }
  std::string summary() const override {
    return "the asked row all ones, all others zero, and the complement, by trial parity: no floor, but the sharp "
           "threshold";
  }
  std::string source() const override {
    return "the extreme values behind the decodability threshold S = (1 - eta)/(1 + eta)";
  }
  const core::OptionTable& options() const override { return core::table_of<core::NoOptions>(); }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<WorstCaseInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, WorstCaseFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::worst_case
