// The interpolation loophole: the values of every map are those of the resized map before it. So all of them follow
// from the first map, and t_1 d bits are enough for the whole cache. The bound needs values that do not follow from a
// few.

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>

#include "geometry/resize.hpp"
#include "reduction/fair_bits.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::reduction::interpolated {
namespace {

struct InterpolatedOptions {
  geometry::Resizing resize = geometry::Resizing::bicubic;

  static core::MemberList<InterpolatedOptions> members() {
    return {core::member("resize", &InterpolatedOptions::resize, "how a map is resized to the next size")};
  }
};

class InterpolatedInstance : public Instance {
 public:
  InterpolatedInstance(const InstanceParams& params, const TrialCoins& coins) : Instance(params, coins) {
    const auto& sides = params.schedule.sides();
    const geometry::Resizing mode = params.options.as<InterpolatedOptions>().resize;
    axes_.push_back(core::RowMatrixD::Identity(sides[0], sides[0]));
    for (int k = 1; k < params.schedule.map_count(); ++k)
      axes_.push_back(geometry::resize_axis(mode, sides[k - 1], sides[k]) * axes_.back());
    bits_.resize(first_map_tokens(), params.d);
    for (Index j = 0; j < bits_.rows(); ++j) write_fair_bits(coins.alice, j, bits_.row(j).data(), params.d);
  }

  void values(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i) {
      const auto place = params().schedule.position(first + i);
      const core::RowMatrixD& axis = axes_[place.map];
      Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(out.cols());
      for (Index r = 0; r < axis.cols(); ++r) {
        for (Index c = 0; c < axis.cols(); ++c) {
          const double weight = axis(place.row, r) * axis(place.column, c);
          if (weight != 0) row += weight * bits_.row(r * axis.cols() + c).cast<double>();
        }
      }
      out.row(i) = row.cast<float>();
    }
  }
  core::Bits information_bits() const override { return first_map_tokens() * params().d; }

  // Bicubic weights overshoot: other rows hold values in [1 - w, w] with w = (1 + A)/2, A the largest sum of |weights|.
  // For a bit x the answer is (1 - lambda) x + lambda u, so (1 -+ eta) times it is read correctly at the threshold
  // (1 - eta^2)/2 if lambda w < (1 - eta)/2; w = 1 gives (1 - eta)/(1 + eta).
  double leak_threshold(double eta) const override {
    double largest = 1;
    for (const auto& axis : axes_) {
      const double along = axis.cwiseAbs().rowwise().sum().maxCoeff();
      largest = std::max(largest, along * along);
    }
    return (1 - eta) / (largest + eta);  // 2 w - 1 = A
  }

  std::vector<Index> queried_rows(Index count) const override {
    core::Stream stream(coins().bob, core::Purpose("queried rows"), 0);
    boost::random::uniform_int_distribution<Index> any(0, first_map_tokens() - 1);
    std::vector<Index> rows(count);
    for (auto& row : rows) row = any(stream);
    return rows;
  }

 private:
  Index first_map_tokens() const { return params().schedule.first_token(1); }

  std::vector<core::RowMatrixD> axes_;  // per map: side x first side
  core::RowMatrixF bits_;
};

class InterpolatedFamily : public InstanceFamily {
 public:
  std::string name() const override { return "interpolated"; }
  std::string summary() const override {
    return "bits in the first map only, values of every further map are the resized map before it: the floor is t_1 "
           "d bits";
  }
  std::string source() const override {
    return "interpolation between scales of visual autoregressive models; values of rank t_{k-1}";
  }
  const core::OptionTable& options() const override { return core::table_of<InterpolatedOptions>(); }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<InterpolatedInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, InterpolatedFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::interpolated
