#pragma once
// Activations whose derivative is replaced by a step function in training. The forward pass is exact; the backward pass
// needs only which of a few intervals the input was in, instead of the input.

#include <vector>

namespace kvfrontier::theory {

enum class Activation { gelu, silu };

// x Phi(x), and x / (1 + exp(-x)); and their derivatives.
double activation(Activation which, double x);
double activation_slope(Activation which, double x);

// sum_i a_i max(x - c_i, 0), c ascending; its derivative is a step function. sum a = 1 and sum a c = 0 make it agree
// with the activations at both infinities.
struct StepPrimitive {
  std::vector<double> a, c;
  double value(double x) const;
  double slope(double x) const;  // at x > c_i the first i + 1 terms count
};

// Four slopes, so two bits: ReGELU2 and ReSiLU2 of Yang et al. (ICML 2024), as published. And the plain ReLU.
StepPrimitive two_bit_step(Activation which);
StepPrimitive relu_step();

// int (h - step)^2 dx over the line, which the published constants minimise, to about 1e-10.
double primitive_distance(Activation which, const StepPrimitive& step);
// E (h'(x) - slope(x))^2 and E h'(x)^2 for x ~ N(0, 1).
double slope_error(Activation which, const StepPrimitive& step);
double slope_power(Activation which);

}  // namespace kvfrontier::theory
