// INDEX with b bits an entry: values on the grid {0, ..., 2^b - 1}/(2^b - 1). The bound becomes N d b bits, for a
// scaling that grows by about b ln 2 over the gap.

#include "reduction/instance.hpp"
#include "theory/leak.hpp"

namespace kvfrontier::reduction::bbit {
namespace {

class BbitInstance : public Instance {
 public:
  using Instance::Instance;

  void values(Index first, core::RowsOutF out) const override {
    const auto top = static_cast<float>(levels() - 1);
    for (Index i = 0; i < out.rows(); ++i) {
      core::Stream stream(coins().alice, core::Purpose("bbit/levels"), static_cast<std::uint64_t>(first + i));
      for (Index c = 0; c < out.cols(); ++c) out(i, c) = static_cast<float>(stream() % levels()) / top;
    }
  }
  std::uint64_t information_bits() const override {
    return static_cast<std::uint64_t>(params().tokens() * params().d) * static_cast<std::uint64_t>(value_bits());
  }
  int value_bits() const override { return params().options.at("bits").get<int>(); }
  double leak_threshold(double eta) const override { return theory::grid_leak_threshold(eta, value_bits()); }

 private:
  std::uint32_t levels() const { return std::uint32_t{1} << value_bits(); }
};

class BbitFamily : public InstanceFamily {
 public:
  std::string name() const override { return "bbit"; }
  std::string summary() const override {
    return "N d entries of b fair bits each, on the grid {0, ..., 2^b - 1}/(2^b - 1); eta must be below 1/(2^(b+1) - "
           "3)";
  }
  std::string source() const override {
    return "the reduction with finer values: N d b bits, so that the bound counts bits and not words";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{core::Option::integer("bits", 2, 1, 16, "b, bits an entry")};
    return table;
  }
  std::unique_ptr<Instance> make(const InstanceParams& params, const Coins& coins) const override {
    return std::make_unique<BbitInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, BbitFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::bbit
