// The value matrices that put the leak to its worst use: one row of ones among zeros in even trials, its complement in
// odd ones. Bob always asks for that row. It shows the true decoding threshold, where random bits decode long before.

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
  // What Alice holds is one row's name and one bit: no floor worth the name.
  std::uint64_t information_bits() const override { return 0; }
  std::vector<Index> queried_rows(Index count) const override {
    return std::vector<Index>(static_cast<std::size_t>(count), asked_row());
  }

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
  const core::OptionTable& options() const override {
    static const core::OptionTable table;
    return table;
  }
  std::unique_ptr<Instance> make(const InstanceParams& params, const Coins& coins) const override {
    return std::make_unique<WorstCaseInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, WorstCaseFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::worst_case
