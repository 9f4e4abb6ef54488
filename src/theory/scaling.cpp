#include "theory/scaling.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "theory/leak.hpp"
#include "theory/search.hpp"

namespace kvfrontier::theory {

double required_logit(std::int64_t tokens, double eta) {
  if (tokens < 1) throw std::domain_error("required_logit needs at least one token");
  return required_logit_for(tokens - 1, leak_threshold(eta));
}

double required_logit_for(std::int64_t competitors, double leak_threshold) {
  if (competitors < 0) throw std::domain_error("required_logit_for needs competitors >= 0");
  if (!(leak_threshold > 0)) throw std::domain_error("required_logit_for needs a positive leak threshold");
  return std::log(competitors) - std::log(leak_threshold);
}

double error_threshold(double eta) {
  if (!(eta >= 0 && eta < 1)) throw std::domain_error("error_threshold needs eta in [0, 1)");
  return (1 - eta) * (1 + eta) / 2;
}

double tau_star(std::int64_t tokens, double mu_plus, double eta) {
  const double required = required_logit(tokens, eta);
  if (tokens == 1) return 0;
  if (!(mu_plus >= -1 && mu_plus < 1)) throw std::domain_error("tau_star needs a coherence in [-1, 1)");
  return required / (1 - mu_plus);
}

double tau_necessary(std::int64_t tokens, double eta) {
  const double required = required_logit(tokens, eta);
  return tokens == 1 ? 0 : required * (tokens - 1) / tokens;
}

std::optional<double> tau_required(std::span<const double> margins, double eta) {
  const double log_threshold = std::log(leak_threshold(eta));
  for (const double margin : margins) {
    if (!(margin > 0)) return std::nullopt;
  }
  if (std::log(margins.size()) <= log_threshold) return 0;
  // Terms below e^-50 are dropped for good, because tau only grows. In low dimension few tokens are near.
  std::vector<double> near(margins.begin(), margins.end());
  double tau = 0;
  for (int step = 0; step < 200; ++step) {
    double leak = 0, slope = 0;
    std::int64_t kept = 0;
    for (const double margin : near) {
      if (tau * margin > 50) continue;
      const double weight = std::exp(-tau * margin);
      leak += weight;
      slope += margin * weight;
      near[kept++] = margin;
    }
    near.resize(kept);
    const double change = (std::log(leak) - log_threshold) * leak / slope;
    if (!(change > 1e-14 * tau)) break;
    tau += change;
  }
  return tau;
}

std::optional<double> tau_typical(const std::function<double(double)>& mean_leak, double eta, double tau_max) {
  return tau_at_leak(mean_leak, leak_threshold(eta), tau_max);
}

std::optional<double> tau_at_leak(const std::function<double(double)>& mean_leak, double leak_threshold,
                                  double tau_max) {
  if (!(tau_max >= 0)) throw std::domain_error("tau_at_leak needs tau_max >= 0");
  const auto decodes = [&](double tau) { return mean_leak(tau) <= leak_threshold; };
  if (decodes(0)) return 0;
  // Doubles first, because a leak law may be costly far beyond the answer.
  double low = 0, high = std::min(1.0, tau_max);
  while (!decodes(high)) {
    if (high == tau_max) return std::nullopt;
    low = high;
    high = std::min(2 * high, tau_max);
  }
  return least_true(low, high, decodes);
}

double tau_typical_rademacher(std::int64_t tokens, std::int64_t d, double eta) {
  if (d < 1) throw std::domain_error("tau_typical_rademacher needs d >= 1");
  const double required = required_logit(tokens, eta), width = d;
  if (tokens == 1) return 0;
  if (!(required < width * std::numbers::ln2)) throw std::domain_error("tau_typical_rademacher needs L < d ln 2");
  return -width / 2 * std::log1p(2 * std::expm1(-required / width));
}

double tau_typical_gaussian(std::int64_t tokens, std::int64_t d, double eta) {
  if (d < 1) throw std::domain_error("tau_typical_gaussian needs d >= 1");
  const double required = required_logit(tokens, eta), width = d;
  if (tokens == 1) return 0;
  if (!(2 * required <= width)) throw std::domain_error("tau_typical_gaussian needs d >= 2 L");
  return 2 * required / (1 + std::sqrt(1 - 2 * required / width));
}

}  // namespace kvfrontier::theory
