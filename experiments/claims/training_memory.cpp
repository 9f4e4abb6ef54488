// What an MLP block y = W2 h(W1 norm(x)) + x keeps for its backward pass, and what that costs in gradients: exact, with
// a two-bit step function for h' (Approx-BP), and with a norm that shares its output with the next layer (MS-BP). This
// is no compression scheme: the paper's own claims are measured apart from the game.

#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "analysis/measuring_claim.hpp"
#include "core/matrix.hpp"
#include "theory/step_derivative.hpp"

namespace kvfrontier::experiments::training_memory {

enum class NormKind { layer, rms };
enum class Mutation { none, norm_from_input, uncounted_flags, shifted_steps };

}  // namespace kvfrontier::experiments::training_memory

template <>
struct kvfrontier::core::EnumNames<kvfrontier::theory::Activation> {
  static constexpr std::array names{"gelu", "silu"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::training_memory::NormKind> {
  static constexpr std::array names{"layer", "rms"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::training_memory::Mutation> {
  static constexpr std::array names{"none", "norm_from_input", "uncounted_flags", "shifted_steps"};
};

namespace kvfrontier::experiments::training_memory {
namespace {

using core::Index;
using core::RowMatrixD;
using theory::Activation;
using theory::StepPrimitive;

struct Parameters {
  Activation activation = Activation::gelu;
  NormKind norm = NormKind::layer;
  Index width = 32, rows = 1024;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("activation", &Parameters::activation, "h"),
            core::member("norm", &Parameters::norm, "layer subtracts the mean of a row"),
            core::member("width", &Parameters::width, "c, width of the block; the hidden layer has 4 c").range(2, 4096),
            core::member("rows", &Parameters::rows, "rows in a trial").range(2, 1'000'000),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

struct Trial {
  double units_standard = 0, units_approximate = 0, units_both = 0;
  double statistics_bits_standard = 0, statistics_bits_both = 0;
  double shared_norm_error = 0;
  double slope_error = 0, relu_slope_error = 0;
  double dw1_error = 0, relu_dw1_error = 0;

  static core::MemberList<Trial> members() {
    return {
        core::member("units_standard", &Trial::units_standard, "kept, in 16-bit tensors of the block's width").needed(),
        core::member("units_approximate", &Trial::units_approximate, "the same with two-bit derivatives").needed(),
        core::member("units_both", &Trial::units_both, "the same with a shared norm as well").needed(),
        core::member("statistics_bits_standard", &Trial::statistics_bits_standard,
                     "bits a row of the statistics that a norm keeps")
            .needed(),
        core::member("statistics_bits_both", &Trial::statistics_bits_both, "the same for a shared norm").needed(),
        core::member("shared_norm_error", &Trial::shared_norm_error,
                     "relative error of the gradient that follows from the norm's output")
            .needed(),
        core::member("slope_error", &Trial::slope_error, "mean squared error of the two-bit derivative").needed(),
        core::member("relu_slope_error", &Trial::relu_slope_error, "the same for ReLU").needed(),
        core::member("dw1_error", &Trial::dw1_error, "relative error of the gradient of W1, two-bit").needed(),
        core::member("relu_dw1_error", &Trial::relu_dw1_error, "the same for ReLU").needed()};
  }
};

RowMatrixD gaussian(core::Coins coins, core::Purpose purpose, Index rows, Index columns, double deviation) {
  RowMatrixD matrix(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    core::Stream stream(coins, purpose, i);
    boost::random::normal_distribution<double> normal(0, deviation);
    for (Index j = 0; j < columns; ++j) matrix(i, j) = normal(stream);
  }
  return matrix;
}

// Row-wise normalisation without an affine part; `layer` subtracts the mean first.
struct Norm {
  bool layer;
  RowMatrixD output;
  Eigen::VectorXd mean, inverse_deviation;

  Norm(const RowMatrixD& x, bool subtract_mean) : layer(subtract_mean), output(x) {
    const double c = x.cols();
    mean = layer ? Eigen::VectorXd(x.rowwise().mean()) : Eigen::VectorXd::Zero(x.rows());
    output.colwise() -= mean;
    inverse_deviation = (output.rowwise().squaredNorm() / c).array().rsqrt();
    output = inverse_deviation.asDiagonal() * output;
  }

  // The gradient by the input, computed from the input with y = (x - mean) r, as is usual, and from the output alone,
  // which the next layer keeps anyway.
  RowMatrixD backward_from_input(const RowMatrixD& x, const RowMatrixD& gradient) const {
    RowMatrixD out(x.rows(), x.cols());
    for (Index i = 0; i < x.rows(); ++i) {
      const double r = inverse_deviation[i], c = x.cols();
      const Eigen::RowVectorXd centred = x.row(i).array() - mean[i];
      const double along = gradient.row(i).dot(centred) * r * r * r / c;
      out.row(i) = r * gradient.row(i) - along * centred;
      if (layer) out.row(i).array() -= r * gradient.row(i).mean();
    }
    return out;
  }
  RowMatrixD backward_from_output(const RowMatrixD& saved, const RowMatrixD& gradient) const {
    RowMatrixD out(saved.rows(), saved.cols());
    for (Index i = 0; i < saved.rows(); ++i) {
      const double along = gradient.row(i).dot(saved.row(i)) / saved.cols();
      const double level = layer ? gradient.row(i).mean() : 0;
      out.row(i) = inverse_deviation[i] * (gradient.row(i).array() - level - along * saved.row(i).array());
    }
    return out;
  }
};

double bits_of(const RowMatrixD& tensor, int bits_each) {
  return 1.0 * tensor.size() * bits_each;
}

double relative(const RowMatrixD& a, const RowMatrixD& b) {
  return (a - b).norm() / b.norm();
}

const analysis::ClaimText claim{
    .name = "training_memory",
    .statement = R"(An MLP block keeps 10 units a row for its backward pass, 6.5 with two-bit derivatives, and 5.5 if
      the norm also shares its output.)",
    .note = R"(The shared norm is exact. The two-bit derivative has a better primitive than ReLU but is no better
      derivative on N(0,1).)",
    .source = R"(Yang et al., Reducing Fine-Tuning Memory Overhead by Approximate and Memory-Sharing Backpropagation,
      ICML 2024; constants of its published code; unit: one 16-bit tensor of the block's width)",
    .prediction = R"(units 1 + 1 + 4 + 4, 1 + 1 + 1/2 + 4, 1 + 1/2 + 4; gradients from the norm's output equal those
      from its input; int (h - step)^2 .00951 and .0399 against ReLU's .0618 and .3163; E (h' - step)^2 on N(0,1)
      .0580 and .0842 against ReLU's .0467 and .0674; |error of dW1|/|dW1| = sqrt(E (h' - step)^2 / E h'^2))",
    .allowance = R"(units: none. Gradients from the output: 1e-12, rounding of double. Distances: 1e-6, quadrature
      against the digits stated. Errors of derivatives: 2 % for the finite number of rows; given the data the inputs
      of h are exactly N(0,1), though those of one row share it)",
    .refutation = R"(another number of units, a gradient of the shared norm off by more than rounding, other errors
      of the derivative, or a two-bit derivative with the smaller error on N(0,1))"};

class TrainingMemory : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  TrainingMemory() : MeasuringClaim(claim) {}

  double operations(const Parameters& p) const override { return 1.0 * p.rows * p.width * (100.0 * p.width + 2000); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index width = p.width, rows = p.rows, hidden = 4 * width;
    const Activation h = p.activation;
    const auto coins = turn.coins(core::Json{{"width", width}}.dump());
    const double c = width;
    // Rows of various means and lengths, which the norm removes.
    const RowMatrixD x = (1.7 * gaussian(coins, core::Purpose("training/x"), rows, width, 1)).array() + 0.3;
    const RowMatrixD w1 = gaussian(coins, core::Purpose("training/w1"), width, hidden, 1 / std::sqrt(c));
    const RowMatrixD w2 = gaussian(coins, core::Purpose("training/w2"), hidden, width, 0.5 / std::sqrt(c));
    const RowMatrixD gradient = gaussian(coins, core::Purpose("training/gradient"), rows, width, 1);

    const bool layer = p.norm == NormKind::layer;
    const Norm norm(x, layer);
    const RowMatrixD u = norm.output * w1;
    const RowMatrixD activated = u.unaryExpr([&](double v) { return theory::activation(h, v); });
    const RowMatrixD to_activation = gradient * w2.transpose();
    StepPrimitive step = theory::two_bit_step(h);
    if (p.mutation == Mutation::shifted_steps) {
      for (double& corner : step.c) corner += 0.5;
    }
    const RowMatrixD flags = u.unaryExpr([&](double v) {
      double passed = 0;
      for (const double corner : step.c) passed += v > corner;
      return passed;
    });
    // The two bits of a flag tell the slope.
    Eigen::Vector4d slopes = Eigen::Vector4d::Zero();
    for (Index passed = 1; passed < 4; ++passed) slopes[passed] = slopes[passed - 1] + step.a[passed - 1];
    const RowMatrixD exact_slope = u.unaryExpr([&](double v) { return theory::activation_slope(h, v); });
    const RowMatrixD step_slope = flags.unaryExpr([&](double flag) { return slopes[static_cast<Index>(flag)]; });
    const RowMatrixD relu_slope = u.unaryExpr([](double v) { return v > 0 ? 1.0 : 0.0; });

    // Gradients of W1 for the three derivatives. That of W2 sees the exact activation in all of them.
    const auto dw1 = [&](const RowMatrixD& slope) -> RowMatrixD {
      return norm.output.transpose() * to_activation.cwiseProduct(slope);
    };
    const RowMatrixD exact_dw1 = dw1(exact_slope);
    const RowMatrixD to_norm = to_activation.cwiseProduct(exact_slope) * w1.transpose();
    const RowMatrixD usual = norm.backward_from_input(x, to_norm);
    const RowMatrixD shared =
        norm.backward_from_output(p.mutation == Mutation::norm_from_input ? x : norm.output, to_norm);

    // Inputs of W1 and W2; the input of h, or its flags; the input of the norm, unless it shares its output.
    const double inputs = bits_of(norm.output, 16) + bits_of(activated, 16);
    const double flag_bits = bits_of(flags, p.mutation == Mutation::uncounted_flags ? 0 : 2);
    const double unit = 16 * c * rows;
    const auto mean_square = [&](const RowMatrixD& slope) {
      return (exact_slope - slope).squaredNorm() / slope.size();
    };
    return Trial{.units_standard = (bits_of(x, 16) + inputs + bits_of(u, 16)) / unit,
                 .units_approximate = (bits_of(x, 16) + inputs + flag_bits) / unit,
                 .units_both = (inputs + flag_bits) / unit,
                 // In single precision: the inverse deviation, and the mean where the input is kept.
                 .statistics_bits_standard = layer ? 64.0 : 32.0,
                 .statistics_bits_both = 32,
                 .shared_norm_error = relative(shared, usual),
                 .slope_error = mean_square(step_slope),
                 .relu_slope_error = mean_square(relu_slope),
                 .dw1_error = relative(dw1(step_slope), exact_dw1),
                 .relu_dw1_error = relative(dw1(relu_slope), exact_dw1)};
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    core::Json grid = core::Json::array();
    grid.push_back({{"activation", {"gelu", "silu"}}, {"norm", {"layer", "rms"}}, {"rows", quick ? 1024 : 4096}});
    return {{"grid", grid}, {"stop", analysis::trials(8, quick ? 192 : 256)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      const Activation h = point.parameters.activation;
      const StepPrimitive step = theory::two_bit_step(h), relu = theory::relu_step();
      const auto at = [&point](const char* quantity) {
        return analysis::with(point.at(&P::activation, &P::norm), "quantity", quantity);
      };
      const auto mean = [&](const char* quantity, double Trial::*place, double predicted, core::Interval allowed) {
        checks.mean(at(quantity), point.values(place), predicted, allowed);
      };
      const auto absolute = [&](const char* quantity, double Trial::*place, double predicted) {
        mean(quantity, place, predicted, analysis::within_absolute(predicted, 1e-9));
      };
      const auto relative = [&](const char* quantity, double Trial::*place, double predicted) {
        mean(quantity, place, predicted, analysis::within_relative(predicted, 0.02));
      };
      absolute("units", &Trial::units_standard, 10);
      absolute("units, two-bit", &Trial::units_approximate, 6.5);
      absolute("units, two-bit and shared norm", &Trial::units_both, 5.5);
      mean("gradient of the shared norm", &Trial::shared_norm_error, 0, analysis::at_most(1e-12));
      const double error = theory::slope_error(h, step), relu_error = theory::slope_error(h, relu);
      relative("derivative", &Trial::slope_error, error);
      relative("derivative, relu", &Trial::relu_slope_error, relu_error);
      const double power = theory::slope_power(h);
      relative("dW1", &Trial::dw1_error, std::sqrt(error / power));
      relative("dW1, relu", &Trial::relu_dw1_error, std::sqrt(relu_error / power));
      std::vector<double> lost;
      for (const Trial& trial : point.trials) lost.push_back(trial.slope_error - trial.relu_slope_error);
      checks.mean(at("derivative, two-bit minus relu"), lost, error - relu_error, analysis::at_least(0));

      const bool gelu = h == Activation::gelu;
      const auto distance = [&](const char* quantity, const StepPrimitive& primitive, double published) {
        checks.exact(at(quantity), theory::primitive_distance(h, primitive), published,
                     analysis::within_absolute(published, 1e-6));
      };
      distance("primitive", step, gelu ? 0.0095093 : 0.0399438);
      distance("primitive, relu", relu, gelu ? 0.0617651 : 0.3163026);
    }
  }
};

const core::Registration<sweep::Experiment, TrainingMemory> registration;

}  // namespace
}  // namespace kvfrontier::experiments::training_memory
