// INDEX: Alice's input is N d independent fair bits, row i of V holds bits i d .. i d + d - 1, and Bob asks for a
// uniformly random row at scaling tau. A message that lets him read bit c of a row he does not know in advance is a
// one-way protocol for INDEX.

#include "reduction/fair_bits.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::reduction::index {
namespace {

class IndexInstance : public Instance {
 public:
  using Instance::Instance;

  void values(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i) write_fair_bits(coins().alice, first + i, out.row(i).data(), out.cols());
  }
  core::Bits information_bits() const override { return params().tokens() * params().d; }
};

class IndexFamily : public InstanceFamily {
 public:
  std::string name() const override { return "index"; }
  std::string summary() const override {
    return "N d fair bits as value rows, public near-orthogonal keys, Bob asks for a random row";
  }
  std::string source() const override {
    return "one-way INDEX reduction with Johnson-Lindenstrauss keys (arXiv 2502.15955, 2503.14881)";
  }
  const core::OptionTable& options() const override { return core::table_of<core::NoOptions>(); }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<IndexInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, IndexFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::index
