// INDEX with b bits an entry: values on the grid {0, ..., 2^b - 1}/(2^b - 1). The bound becomes N d b bits, for a
// scaling that grows by about b ln 2 over the gap.

#include "reduction/instance.hpp"
#include "theory/leak.hpp"

namespace kvfrontier::reduction::bbit {
namespace {

struct BbitOptions {
  int bits = 2;

  static core::MemberList<BbitOptions> members() {
    return {core::member("bits", &BbitOptions::bits, "b, bits an entry").range(1, 16)};
  }
};

class BbitInstance : public Instance {
 public:
  using Instance::Instance;

  void values(Index first, core::RowsOutF out) const override {
    const float top = levels() - 1;
    for (Index i = 0; i < out.rows(); ++i) {
      core::Stream stream(coins().alice, core::Purpose("bbit/levels"), first + i);
      for (Index c = 0; c < out.cols(); ++c) out(i, c) = (stream() % levels()) / top;
    }
  }
  core::Bits information_bits() const override { return params().tokens() * params().d * value_bits(); }
  int value_bits() const override { return params().options.as<BbitOptions>().bits; }
  double leak_threshold(double eta) const override { return theory::grid_leak_threshold(eta, value_bits()); }

 private:
  std::uint32_t levels() const { return std::uint32_t{1} << value_bits(); }
};

class BbitFamily : public InstanceFamily {
 public:
  std::string name() const override { return "bbit"; }
  std::string summary() const override {
    return "N d entries of b fair bits each, on the grid {0, ..., 2^b - 1}/(2^b - 1); eta must be below "
           "1/(2^(b+1) - 3)";
  }
  std::string source() const override {
    return "the reduction with finer values: N d b bits, so the bound counts bits and not words";
  }
  const core::OptionTable& options() const override { return core::table_of<BbitOptions>(); }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<BbitInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, BbitFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::bbit
