// A smooth image: values of all maps are samples of one random field of low frequencies, and keys are features of the
// place, alike for neighbours. The friendly end of the scale: what averages neighbours loses little.

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <numbers>

#include "reduction/instance.hpp"

namespace kvfrontier::reduction::smooth {
namespace {

class SmoothInstance : public Instance {
 public:
  SmoothInstance(const InstanceParams& params, const Coins& coins)
      : Instance(params, coins), modes_(params.options.at("frequencies").get<Index>() + 1) {
    amplitudes_.resize(modes_ * modes_, params.d);
    for (Index mode = 0; mode < amplitudes_.rows(); ++mode) {
      core::Stream stream(coins.alice, core::Purpose("smooth/amplitudes"), static_cast<std::uint64_t>(mode));
      const double a = static_cast<double>(mode / modes_), b = static_cast<double>(mode % modes_);
      boost::random::normal_distribution<double> normal(0, 1 / (1 + a * a + b * b));
      for (Index c = 0; c < params.d; ++c) amplitudes_(mode, c) = normal(stream);
    }
    waves_.resize((params.d + 1) / 2, 3);
    for (Index wave = 0; wave < waves_.rows(); ++wave) {
      core::Stream stream(coins.open, core::Purpose("smooth/waves"), static_cast<std::uint64_t>(wave));
      boost::random::normal_distribution<double> normal(0, 1 / params.options.at("width").get<double>());
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
        out(i, c) = static_cast<float>(c % 2 == 0 ? std::cos(phase) : std::sin(phase));
      }
      out.row(i).normalize();
    }
  }
  void values(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i) {
      const auto [x, y, scale] = place(first + i);
      Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(out.cols());
      for (Index mode = 0; mode < amplitudes_.rows(); ++mode) {
        row += std::cos(std::numbers::pi * static_cast<double>(mode / modes_) * x) *
               std::cos(std::numbers::pi * static_cast<double>(mode % modes_) * y) * amplitudes_.row(mode);
      }
      out.row(i) = row.cast<float>();
    }
  }
  std::uint64_t information_bits() const override { return 0; }
  int value_bits() const override { return 0; }

 private:
  struct Place {
    double x, y, scale;
  };
  // Centre of the cell in the unit square.
  Place place(Index token) const {
    const auto position = params().schedule.position(token);
    const double side = params().schedule.sides()[static_cast<std::size_t>(position.scale)];
    return {(position.row + 0.5) / side, (position.column + 0.5) / side, 0.1 * position.scale};
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
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("frequencies", 3, 0, 64, "largest number of half waves along an axis"),
        core::Option::real("width", 0.1, 1e-3, 1e3, "distance in the unit square over which keys are alike")};
    return table;
  }
  // Functions of the public coins, but not rows of the embedding, which is all that a decoder can generate.
  bool keys_are_public() const override { return false; }
  std::unique_ptr<Instance> make(const InstanceParams& params, const Coins& coins) const override {
    return std::make_unique<SmoothInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, SmoothFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::smooth
