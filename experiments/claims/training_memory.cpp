// What an MLP block y = W2 h(W1 norm(x)) + x keeps for its backward pass, and what that costs in gradients: exact, with
// a two-bit step function for h' (Approx-BP), and with a norm that shares its output with the next layer (MS-BP). No
// compression scheme: the paper's own claims, measured apart from the game.

#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "analysis/claim.hpp"
#include "core/rng.hpp"
#include "theory/step_derivative.hpp"

namespace kvfrontier::experiments::training_memory {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;
using core::RowMatrixD;
using theory::Activation;
using theory::StepPrimitive;

Activation activation_of(const std::string& name) {
  return name == "gelu" ? Activation::gelu : Activation::silu;
}

RowMatrixD gaussian(core::RandomKey key, core::Purpose purpose, Index rows, Index columns, double deviation) {
  RowMatrixD matrix(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    core::Stream stream(key, purpose, static_cast<std::uint64_t>(i));
    boost::random::normal_distribution<double> normal(0, deviation);
    for (Index j = 0; j < columns; ++j) matrix(i, j) = normal(stream);
  }
  return matrix;
}

// Row-wise normalisation without affine part; `layer` subtracts the mean first.
struct Norm {
  bool layer;
  RowMatrixD output;
  Eigen::VectorXd mean, inverse_deviation;

  Norm(const RowMatrixD& x, bool subtract_mean) : layer(subtract_mean), output(x) {
    mean = layer ? Eigen::VectorXd(x.rowwise().mean()) : Eigen::VectorXd::Zero(x.rows());
    output.colwise() -= mean;
    inverse_deviation = (output.rowwise().squaredNorm() / static_cast<double>(x.cols())).array().rsqrt();
    output = inverse_deviation.asDiagonal() * output;
  }

  // Derivative by the input from y = (x - mean) r, as is usual, and from the output alone, which the next layer keeps
  // anyway.
  RowMatrixD backward_from_input(const RowMatrixD& x, const RowMatrixD& gradient) const {
    RowMatrixD out(x.rows(), x.cols());
    for (Index i = 0; i < x.rows(); ++i) {
      const double r = inverse_deviation[i], c = static_cast<double>(x.cols());
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
      const double along = gradient.row(i).dot(saved.row(i)) / static_cast<double>(saved.cols());
      const double level = layer ? gradient.row(i).mean() : 0;
      out.row(i) = inverse_deviation[i] * (gradient.row(i).array() - level - along * saved.row(i).array());
    }
    return out;
  }
};

// Bits of what a layer keeps for the backward pass. Statistics are the numbers a row that a norm keeps.
struct Saved {
  double bits = 0, statistics = 0;
  void keep(const RowMatrixD& tensor, int bits_each) { bits += static_cast<double>(tensor.size()) * bits_each; }
};

double relative(const RowMatrixD& a, const RowMatrixD& b) {
  return (a - b).norm() / b.norm();
}

class TrainingMemory : public analysis::Claim {
 public:
  std::string name() const override { return "training_memory"; }
  std::string statement() const override {
    return "an MLP block keeps 10 units a row for its backward pass, 6.5 with two-bit derivatives and 5.5 with a norm "
           "that shares its output besides; the latter is exact, and the two-bit derivative is a better primitive than "
           "ReLU but no better derivative on N(0,1)";
  }
  std::string source() const override {
    return "Yang et al., Reducing Fine-Tuning Memory Overhead by Approximate and Memory-Sharing Backpropagation, ICML "
           "2024; constants of its published code; unit: one 16-bit tensor of the block's width";
  }
  std::string prediction() const override {
    return "units 1 + 1 + 4 + 4, 1 + 1 + 1/2 + 4, 1 + 1/2 + 4; gradients from the norm's output equal those from its "
           "input; int (h - step)^2 .00951 and .0399 against ReLU's .0618 and .3163; E (h' - step)^2 on N(0,1) .0580 "
           "and .0842 against ReLU's .0467 and .0674; |error of dW1|/|dW1| = sqrt(E (h' - step)^2 / E h'^2)";
  }
  std::string allowance() const override {
    return "units: none. Gradients from the output: 1e-12, rounding of double. Distances: 1e-6, quadrature against the "
           "digits stated. Errors of derivatives: 2 % for the finite number of rows; inputs of h are exactly N(0,1) "
           "given the data, though those of one row share it";
  }
  std::string refutation() const override {
    return "another number of units, a gradient of the shared norm off by more than rounding, other errors of the "
           "derivative, or a two-bit derivative with the smaller error on N(0,1)";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("activation", "gelu", {"gelu", "silu"}, "h"),
        Option::choice("norm", "layer", {"layer", "rms"}, "layer subtracts the mean of a row"),
        Option::integer("width", 32, 2, 4096, "c, width of the block; the hidden layer has 4 c"),
        Option::integer("rows", 1024, 2, 1'000'000, "rows in a trial"),
        analysis::sabotage_option({"norm_from_input", "uncounted_flags", "shifted_steps"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"activation", "norm", "width", "rows", "sabotage"})
      parameters[name] = combination.value(name);
    return parameters;
  }
  double operations(const Json& parameters) const override {
    const double width = parameters.at("width");
    return parameters.at("rows").get<double>() * width * (100 * width + 2000);
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index width = parameters.at("width"), rows = parameters.at("rows"), hidden = 4 * width;
    const Activation h = activation_of(parameters.at("activation"));
    const std::string sabotage = parameters.at("sabotage");
    const auto key = core::derive_key(parameters.at("seed"), Json{{"width", width}}.dump(), trial, "public");
    const double c = static_cast<double>(width);
    // Rows of other means and lengths, which the norm takes away.
    const RowMatrixD x = (1.7 * gaussian(key, core::Purpose("training/x"), rows, width, 1)).array() + 0.3;
    const RowMatrixD w1 = gaussian(key, core::Purpose("training/w1"), width, hidden, 1 / std::sqrt(c));
    const RowMatrixD w2 = gaussian(key, core::Purpose("training/w2"), hidden, width, 0.5 / std::sqrt(c));
    const RowMatrixD gradient = gaussian(key, core::Purpose("training/gradient"), rows, width, 1);

    const Norm norm(x, parameters.at("norm") == "layer");
    const RowMatrixD u = norm.output * w1;
    const RowMatrixD activated = u.unaryExpr([&](double v) { return theory::activation(h, v); });
    const RowMatrixD to_activation = gradient * w2.transpose();
    StepPrimitive step = theory::two_bit_step(h);
    if (sabotage == "shifted_steps") {
      for (double& corner : step.c) corner += 0.5;
    }
    const RowMatrixD flags = u.unaryExpr([&](double v) {
      double passed = 0;
      for (const double corner : step.c) passed += v > corner ? 1 : 0;
      return passed;
    });
    // The two bits of a flag say the slope.
    Eigen::Vector4d slopes = Eigen::Vector4d::Zero();
    for (Index passed = 1; passed < 4; ++passed)
      slopes[passed] = slopes[passed - 1] + step.a[static_cast<std::size_t>(passed - 1)];
    const RowMatrixD exact_slope = u.unaryExpr([&](double v) { return theory::activation_slope(h, v); });
    const RowMatrixD step_slope = flags.unaryExpr([&](double flag) { return slopes[static_cast<Index>(flag)]; });
    const RowMatrixD relu_slope = u.unaryExpr([](double v) { return v > 0 ? 1.0 : 0.0; });

    // Gradients of W1 for the three derivatives, and of W2, which sees the exact activation in all of them.
    const auto dw1 = [&](const RowMatrixD& slope) -> RowMatrixD {
      return norm.output.transpose() * to_activation.cwiseProduct(slope);
    };
    const RowMatrixD exact_dw1 = dw1(exact_slope);
    const RowMatrixD to_norm = to_activation.cwiseProduct(exact_slope) * w1.transpose();
    const RowMatrixD usual = norm.backward_from_input(x, to_norm);
    const RowMatrixD shared = norm.backward_from_output(sabotage == "norm_from_input" ? x : norm.output, to_norm);

    const int flag_bits = sabotage == "uncounted_flags" ? 0 : 2;
    Saved standard, approximate, both;
    for (Saved* saved : {&standard, &approximate}) saved->keep(x, 16);
    for (Saved* saved : {&standard, &approximate, &both}) {
      saved->keep(norm.output, 16);  // input of W1
      saved->keep(activated, 16);    // input of W2
      if (saved == &standard) {
        saved->keep(u, 16);
      } else {
        saved->keep(flags, flag_bits);
      }
    }
    // In single precision: the inverse deviation, and the mean where the input is kept.
    const bool layer = parameters.at("norm") == "layer";
    standard.statistics = approximate.statistics = layer ? 64 : 32;
    both.statistics = 32;

    const auto mean_square = [&](const RowMatrixD& slope) {
      return (exact_slope - slope).squaredNorm() / static_cast<double>(slope.size());
    };
    const double unit = 16 * c * static_cast<double>(rows);
    return {"ok",
            {{"units_standard", standard.bits / unit},
             {"units_approximate", approximate.bits / unit},
             {"units_both", both.bits / unit},
             {"statistics_bits_standard", standard.statistics},
             {"statistics_bits_both", both.statistics},
             {"shared_norm_error", relative(shared, usual)},
             {"slope_error", mean_square(step_slope)},
             {"relu_slope_error", mean_square(relu_slope)},
             {"dw1_error", relative(dw1(step_slope), exact_dw1)},
             {"relu_dw1_error", relative(dw1(relu_slope), exact_dw1)}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid = Json::array();
    grid.push_back({{"activation", {"gelu", "silu"}}, {"norm", {"layer", "rms"}}, {"rows", quick ? 1024 : 4096}});
    return {{"grid", grid}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 192 : 256}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      Json at = point.at({"activation", "norm"});
      const Activation h = activation_of(point.parameters.at("activation"));
      const StepPrimitive step = theory::two_bit_step(h), relu = theory::relu_step();
      const auto mean = [&](const char* quantity, const char* field, double predicted, core::Interval allowed) {
        at["quantity"] = quantity;
        checks.mean(at, point.values(field), predicted, allowed);
      };
      mean("units", "units_standard", 10, analysis::within_absolute(10, 1e-9));
      mean("units, two-bit", "units_approximate", 6.5, analysis::within_absolute(6.5, 1e-9));
      mean("units, two-bit and shared norm", "units_both", 5.5, analysis::within_absolute(5.5, 1e-9));
      mean("gradient of the shared norm", "shared_norm_error", 0, analysis::at_most(1e-12));
      const double error = theory::slope_error(h, step), relu_error = theory::slope_error(h, relu);
      mean("derivative", "slope_error", error, analysis::within_relative(error, 0.02));
      mean("derivative, relu", "relu_slope_error", relu_error, analysis::within_relative(relu_error, 0.02));
      const double power = theory::slope_power(h);
      const double of_w1 = std::sqrt(error / power), relu_of_w1 = std::sqrt(relu_error / power);
      mean("dW1", "dw1_error", of_w1, analysis::within_relative(of_w1, 0.02));
      mean("dW1, relu", "relu_dw1_error", relu_of_w1, analysis::within_relative(relu_of_w1, 0.02));
      std::vector<double> lost = point.values("slope_error");
      const std::vector<double> relu_lost = point.values("relu_slope_error");
      for (std::size_t i = 0; i < lost.size(); ++i) lost[i] -= relu_lost[i];
      at["quantity"] = "derivative, two-bit minus relu";
      checks.mean(at, lost, error - relu_error, analysis::at_least(0));

      const bool gelu = h == Activation::gelu;
      at["quantity"] = "primitive";
      checks.exact(at, theory::primitive_distance(h, step), gelu ? 0.0095093 : 0.0399438,
                   analysis::within_absolute(gelu ? 0.0095093 : 0.0399438, 1e-6));
      at["quantity"] = "primitive, relu";
      checks.exact(at, theory::primitive_distance(h, relu), gelu ? 0.0617651 : 0.3163026,
                   analysis::within_absolute(gelu ? 0.0617651 : 0.3163026, 1e-6));
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, TrainingMemory> registration;

}  // namespace
}  // namespace kvfrontier::experiments::training_memory
