#include "reduction/certificate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attention/all_pairs.hpp"
#include "core/errors.hpp"
#include "theory/leak.hpp"
#include "theory/scaling.hpp"

namespace kvfrontier::reduction {
namespace {

// The least d at which `tau_at(d)` exists, for the message of a ConfigError. Goes in steps of d/64 from one valid d to
// the next (families such as Kerdock have few), then one by one over the last step.
template <class TauAt>
std::string least_dimension_text(const InstanceParams& params, const TauAt& tau_at) {
  constexpr Index largest = Index{1} << 16;
  const auto next_valid = [&](Index d) {
    while (d <= largest && !params.keys().why_impossible(params.tokens(), d).empty()) ++d;
    return d;
  };
  Index refused = params.d;
  for (Index d = next_valid(params.d + 1); d <= largest; d = next_valid(d + std::max<Index>(1, d / 64))) {
    if (!tau_at(d)) {
      refused = d;
      continue;
    }
    for (Index smaller = next_valid(refused + 1); smaller < d; smaller = next_valid(smaller + 1)) {
      if (tau_at(smaller)) return std::to_string(smaller);
    }
    return std::to_string(d);
  }
  return {};
}

// Like largest_products, but without the pairs inside a class; -infinity for a row that meets no other class.
std::vector<float> largest_products_between(const core::RowMatrixF& keys, const std::vector<Index>& classes) {
  constexpr Index block = 128;
  std::vector<float> largest(keys.rows(), -std::numeric_limits<float>::infinity());
  core::RowMatrixF products;
  for (Index first = 0; first < keys.rows(); first += block) {
    const Index count = std::min(block, keys.rows() - first);
    products.noalias() = keys.middleRows(first, count) * keys.transpose();
    for (Index i = 0; i < count; ++i) {
      const Index row = first + i;
      for (Index j = 0; j < keys.rows(); ++j) {
        if (classes[j] != classes[row]) largest[row] = std::max(largest[row], products(i, j));
      }
    }
  }
  return largest;
}

}  // namespace

Certificate certify(const Instance& instance, int threads) {
  const Index tokens = instance.params().tokens();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Certificate certificate{infinity, -infinity, infinity};
  core::RowMatrixF keys(tokens, instance.params().d);
  instance.keys(0, keys);
  const std::vector<Index> classes = instance.classes();
  const auto largest =
      classes.empty() ? attention::largest_products(keys, threads) : largest_products_between(keys, classes);
  const double rounding = attention::product_rounding_bound(keys);
  for (Index i = 0; i < tokens; ++i) {
    const double product = largest[i];
    const double norm = keys.row(i).cast<double>().squaredNorm();
    certificate.least_square_norm = std::min(certificate.least_square_norm, norm);
    certificate.margin = std::min(certificate.margin, norm - product - rounding);
    certificate.mu_plus = std::max(certificate.mu_plus, product);
  }
  return certificate;
}

Scaling Scaling::parse(const core::Json& json, const std::string& path) {
  if (json.is_number() && json.get<double>() >= 0 && std::isfinite(json.get<double>()))
    return {Kind::fixed, json.get<double>()};
  if (json == "certified") return {Kind::certified, 0};
  if (json == "typical") return {Kind::typical, 0};
  if (json == "union") return {Kind::united, 0};
  throw core::ConfigError(
      path, core::describe(json), "certified, typical, union, or a number of at least 0",
      json.is_string() ? core::nearest_name(json.get<std::string>(), {"certified", "typical", "union"}) : "");
}

core::Json Scaling::to_json() const {
  switch (kind) {
    case Kind::certified:
      return "certified";
    case Kind::typical:
      return "typical";
    case Kind::united:
      return "union";
    case Kind::fixed:
      return value;
  }
  return {};
}

namespace {

std::optional<double> tau_of(double margin, Index competitors, double leak_threshold, double max_tau) {
  if (competitors == 0) return 0.0;
  if (!(margin > 0) || !(leak_threshold > 0)) return std::nullopt;
  const double tau =
      (1 + certified_excess) * std::max(0.0, theory::required_logit_for(competitors, leak_threshold)) / margin;
  return tau <= max_tau ? std::optional(tau) : std::nullopt;
}

}  // namespace

std::optional<double> certified_tau(double margin, Index tokens, double eta, double max_tau) {
  return tau_of(margin, tokens - 1, theory::leak_threshold(eta), max_tau);
}

std::optional<double> certified_tau(const Certificate& certificate, const Instance& instance, double eta,
                                    double max_tau, Index zero_tokens) {
  const double margin =
      zero_tokens > 0 ? std::min(certificate.margin, certificate.least_square_norm) : certificate.margin;
  return tau_of(margin, instance.competitors() + zero_tokens, instance.leak_threshold(eta), max_tau);
}

double closed_form_tau(const Scaling& scaling, const InstanceParams& params, double eta, double max_tau,
                       const std::string& path) {
  const Index tokens = params.tokens();
  if (scaling.kind == Scaling::Kind::fixed) return scaling.value;
  const double leak_threshold = make_instance(params, TrialCoins{})->leak_threshold(eta);
  const auto tau_at = [&](Index d) -> std::optional<double> {
    if (scaling.kind == Scaling::Kind::united) {
      const double mu = params.keys().coherence(tokens, d, union_beta).mu_plus;
      return tau_of(1 - mu, tokens - 1, leak_threshold, max_tau);
    }
    if (!params.keys().mean_leak(tokens, d, 0.0)) return std::nullopt;
    return theory::tau_at_leak([&](double tau) { return *params.keys().mean_leak(tokens, d, tau); }, leak_threshold,
                               max_tau);
  };
  if (const auto tau = tau_at(params.d)) return *tau;
  const std::string least = least_dimension_text(params, tau_at);
  throw core::ConfigError(path,
                          scaling.to_json().dump() + " at d = " + std::to_string(params.d) + " for " +
                              std::to_string(tokens) + " tokens of " + params.embedding,
                          least.empty() ? "certified or a number: no d up to 65536 has this scaling below max_tau"
                                        : "d of at least " + least + ", or certified, or a number");
}

}  // namespace kvfrontier::reduction
