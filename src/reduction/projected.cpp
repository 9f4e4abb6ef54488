// Rows as a model makes them: every token has one private hidden row x_i ~ N(0, I_D), and K = X W_K, V = X W_V with
// public weights. A scheme that knows the weights needs D numbers a token instead of 2 d.

#include <boost/random/normal_distribution.hpp>

#include "core/errors.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::reduction::projected {
namespace {

struct ProjectedOptions {
  Index width = 0;
  double decay = 0.9;

  static core::MemberList<ProjectedOptions> members() {
    return {
        core::member("width", &ProjectedOptions::width, "D, entries of a hidden row, at most 2 d; 0: d").range(0, 1e6),
        core::member("decay", &ProjectedOptions::decay, "ratio of successive singular values of the weights")
            .range(0.01, 1)};
  }
};

geometry::Projection projection_of(const InstanceParams& params) {
  const ProjectedOptions& options = params.options.as<ProjectedOptions>();
  return {options.width == 0 ? params.d : options.width, options.decay};
}

class ProjectedInstance : public Instance {
 public:
  ProjectedInstance(const InstanceParams& params, const TrialCoins& coins)
      : Instance(params, coins),
        to_keys_(weights(geometry::Projected::keys)),
        to_values_(weights(geometry::Projected::values)) {}

  void keys(Index first, core::RowsOutF out) const override { project(first, to_keys_, out); }
  void values(Index first, core::RowsOutF out) const override { project(first, to_values_, out); }
  core::Bits information_bits() const override { return 0; }
  int value_bits() const override { return 0; }

 private:
  core::RowMatrixD weights(geometry::Projected which) const {
    return geometry::projection_weights(coins().open, projection_of(params()), params().d, which).matrix();
  }
  void project(Index first, const core::RowMatrixD& weights, core::RowsOutF out) const {
    Eigen::RowVectorXd hidden(weights.rows());
    for (Index i = 0; i < out.rows(); ++i) {
      core::Stream stream(coins().alice, core::Purpose("projected/hidden"), first + i);
      boost::random::normal_distribution<double> normal;
      for (Index c = 0; c < hidden.size(); ++c) hidden[c] = normal(stream);
      out.row(i) = (hidden * weights).cast<float>();
    }
  }

  core::RowMatrixD to_keys_, to_values_;
};

class ProjectedFamily : public InstanceFamily {
 public:
  std::string name() const override { return "projected"; }
  std::string summary() const override {
    return "keys and values X W_K and X W_V of private Gaussian hidden rows and public weights; no bits, keys are "
           "stored";
  }
  std::string source() const override { return "the setting of LoRC (arXiv 2410.03111): low-rank weights, not data"; }
  const core::OptionTable& options() const override { return core::table_of<ProjectedOptions>(); }
  bool keys_are_public() const override { return false; }
  std::optional<geometry::Projection> projection(const InstanceParams& params) const override {
    return projection_of(params);
  }
  // Beyond 2 d the hidden rows cannot be recovered from keys and values.
  void check(const InstanceParams& params, const std::string& path) const override {
    const Index width = projection_of(params).width;
    if (width > 2 * params.d)
      throw core::ConfigError(core::join_path(path, "width"), std::to_string(width),
                              "at most 2 d = " + std::to_string(2 * params.d));
  }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<ProjectedInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, ProjectedFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::projected
