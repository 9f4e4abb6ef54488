// A smooth image: the values of all maps are samples of one random field of low frequencies, and keys are features of
// the place, similar for neighbours. The friendliest instance: a scheme that averages neighbours loses little.

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <numbers>

#include "reduction/instance.hpp"

namespace kvfrontier::reduction::smooth {
namespace {

struct SmoothOptions {
  Index frequencies = 3;
  double width = 0.1;

  static core::MemberList<SmoothOptions> members() {
    return {core::member("frequencies", &SmoothOptions::frequencies, "largest number of half waves along an axis")
                .range(0, 64),
            core::member("width", &SmoothOptions::width, "distance in the unit square over which keys are similar")
                .range(1e-3, 1e3)};
  }
};

class SmoothInstance : public Instance {
 public:
  SmoothInstance(const InstanceParams& params, const TrialCoins& coins)
      : Instance(params, coins), modes_(params.options.as<SmoothOptions>().frequencies + 1) {
    amplitudes_.resize(modes_ * modes_, params.d);
    for (Index mode = 0; mode < amplitudes_.rows(); ++mode) {
      core::Stream stream(coins.alice, core::Purpose("smooth/amplitudes"), mode);
      const double a = mode / modes_, b = mode % modes_;
      boost::random::normal_distribution<double> normal(0, 1 / (1 + a * a + b * b));
      for (Index c = 0; c < params.d; ++c) amplitudes_(mode, c) = normal(stream);
    }
    waves_.resize((params.d + 1) / 2, 3);
    for (Index wave = 0; wave < waves_.rows(); ++wave) {
      core::Stream stream(coins.open, core::Purpose("smooth/waves"), wave);
      boost::random::normal_distribution<double> normal(0, 1 / params.options.as<SmoothOptions>().width);
      for (Index axis = 0; axis < 3; ++axis) waves_(wave, axis) = normal(stream);
    }
  }

  // <k, k'> is about exp(-|x - x'|^2 / (2 width^2)) for places x in the unit square and a tenth of a unit between maps
  // along the third axis. (Random Fourier features, Rahimi and Recht 2007.)
  void keys(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i) {
      const auto [x, y, scale] = place(first + i);
      for (Index c = 0; c < out.cols(); ++c) {
        const double phase = waves_.row(c / 2).dot(Eigen::RowVector3d(x, y, scale));
        out(i, c) = c % 2 == 0 ? std::cos(phase) : std::sin(phase);
      }
      out.row(i).normalize();
    }
  }
  void values(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i) {
      const auto [x, y, scale] = place(first + i);
      Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(out.cols());
      for (Index mode = 0; mode < amplitudes_.rows(); ++mode) {
        const double a = mode / modes_, b = mode % modes_;
        row += std::cos(std::numbers::pi * a * x) * std::cos(std::numbers::pi * b * y) * amplitudes_.row(mode);
      }
      out.row(i) = row.cast<float>();
    }
  }
  core::Bits information_bits() const override { return 0; }
  int value_bits() const override { return 0; }

 private:
  struct Place {
    double x, y, scale;
  };
  // Centre of the cell in the unit square.
  Place place(Index token) const {
    const auto position = params().schedule.position(token);
    const double side = params().schedule.sides()[position.map];
    return {(position.row + 0.5) / side, (position.column + 0.5) / side, 0.1 * position.map};
  }

  Index modes_;
  core::RowMatrixD amplitudes_;  // frequencies along both axes x d
  core::RowMatrixD waves_;       // (d + 1)/2 x 3
};

class SmoothFamily : public InstanceFamily {
 public:
  std::string name() const override { return "smooth"; }
  std::string summary() const override {
    return "values of a smooth random field sampled by all maps, keys that encode the place: no bits, no floor; keys "
           "are stored";
  }
  std::string source() const override {
    return "the smooth token maps that interpolating and merging schemes hope for";
  }
  const core::OptionTable& options() const override { return core::table_of<SmoothOptions>(); }
  // Functions of the public coins, but not rows of the embedding, which is all that a decoder can generate.
  bool keys_are_public() const override { return false; }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<SmoothInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, SmoothFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::smooth
