// Values drawn from N(0, 1): no bits to read, but a floor on the squared error. Bob's answer is an estimate of the
// entry he asks for, made from a message of B bits, so its mean squared error is at least 4^{-B/(N d)} at any scaling
// and leak.

#include <boost/random/normal_distribution.hpp>

#include "reduction/instance.hpp"

namespace kvfrontier::reduction::gaussian_values {
namespace {

class GaussianInstance : public Instance {
 public:
  using Instance::Instance;

  void values(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i) {
      core::Stream stream(coins().alice, core::Purpose("gaussian/values"), first + i);
      boost::random::normal_distribution<double> normal;
      for (Index c = 0; c < out.cols(); ++c) out(i, c) = normal(stream);
    }
  }
  core::Bits information_bits() const override { return 0; }
  int value_bits() const override { return 0; }
};

class GaussianFamily : public InstanceFamily {
 public:
  std::string name() const override { return "gaussian_values"; }
  std::string summary() const override {
    return "N d independent N(0, 1) values: no bits, a floor of 4^-b on the mean squared error at b bits an entry";
  }
  std::string source() const override { return "Gaussian distortion-rate function (Shannon)"; }
  const core::OptionTable& options() const override { return core::table_of<core::NoOptions>(); }
  DistortionFloor distortion_floor() const override { return DistortionFloor::gaussian; }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<GaussianInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, GaussianFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::gaussian_values
