// INDEX values on keys of a low-dimensional subspace. Many keys are near each other, so an answer averages many tokens
// whatever the scaling, and covering numbers, not N, say how many distinguishable keys there are.

#include <Eigen/QR>
#include <algorithm>
#include <boost/random/normal_distribution.hpp>

#include "reduction/fair_bits.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::reduction::low_dimensional {
namespace {

struct LowDimensionalOptions {
  Index dimension = 4;

  static core::MemberList<LowDimensionalOptions> members() {
    return {core::member("dimension", &LowDimensionalOptions::dimension, "dimension of the subspace; at most d counts")
                .range(1, 65536)};
  }
};

class LowDimensionalInstance : public Instance {
 public:
  LowDimensionalInstance(const InstanceParams& params, const TrialCoins& coins) : Instance(params, coins) {
    const Index dimension = std::min(params.options.as<LowDimensionalOptions>().dimension, params.d);
    core::RowMatrixD gaussian(params.d, dimension);
    for (Index i = 0; i < gaussian.rows(); ++i) {
      core::Stream stream(coins.open, core::Purpose("low_dimensional/basis"), i);
      boost::random::normal_distribution<double> normal;
      for (Index j = 0; j < dimension; ++j) gaussian(i, j) = normal(stream);
    }
    const Eigen::HouseholderQR<core::RowMatrixD> qr(gaussian);
    basis_ = (qr.householderQ() * core::RowMatrixD::Identity(params.d, dimension)).transpose().cast<float>();
  }

  void keys(Index first, core::RowsOutF out) const override {
    Eigen::RowVectorXf direction(basis_.rows());
    for (Index i = 0; i < out.rows(); ++i) {
      core::Stream stream(coins().open, core::Purpose("low_dimensional/key"), first + i);
      boost::random::normal_distribution<float> normal;
      for (Index c = 0; c < direction.size(); ++c) direction[c] = normal(stream);
      out.row(i) = direction.normalized() * basis_;
    }
  }
  void values(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i) write_fair_bits(coins().alice, first + i, out.row(i).data(), out.cols());
  }
  core::Bits information_bits() const override { return params().tokens() * params().d; }

 private:
  core::RowMatrixF basis_;  // dimension x d, orthonormal rows
};

class LowDimensionalFamily : public InstanceFamily {
 public:
  std::string name() const override { return "low_dimensional"; }
  std::string summary() const override {
    return "N d fair bits on keys uniform on the unit sphere of a random subspace: keys crowd together; keys are "
           "stored";
  }
  std::string source() const override {
    return "the low-dimensional regime Omega(d min(n, e^d)) of arXiv 2502.15955, with d the dimension of the keys";
  }
  const core::OptionTable& options() const override { return core::table_of<LowDimensionalOptions>(); }
  // Functions of the public coins, but not rows of the embedding, which is all that a decoder can generate.
  bool keys_are_public() const override { return false; }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<LowDimensionalInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, LowDimensionalFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::low_dimensional
