// F4. Coherence of every embedding: exact tails and union bounds of the random ones, exact values of the deterministic
// ones, and nobody below Welch.

#include <algorithm>

#include "analysis/claim.hpp"
#include "measuring.hpp"
#include "theory/coherence.hpp"
#include "theory/search.hpp"
#include "theory/sparse_tails.hpp"

namespace kvfrontier::experiments::coherence {
namespace {

using analysis::CheckList;
using core::Json;

constexpr double beta = 0.5;

// A level in the tail of 1 - gap (a product, for unit keys) between two possible values, and the exact chance to exceed
// it.
struct Level {
  double cut, share;
};

// Near the share that is asked for; nullopt where no exact law is known.
std::optional<Level> tail_level(const std::string& embedding, Index tokens, Index d) {
  // All rows of an srht code see the same products, and all pairs of a short Achlioptas key fail together, so only a
  // wide tail has many independent events.
  const double share = embedding == "srht" || embedding == "achlioptas" ? 0.1 : 0.003;
  const double width = static_cast<double>(d);
  if (embedding == "sphere") {
    const double cut = theory::least_true(0.0, 1.0, [&](double t) { return theory::sphere_tail(d, t) <= share; });
    return Level{cut, theory::sphere_tail(d, cut)};
  }
  if (embedding == "rademacher" || embedding == "srht") {
    const auto product = [&](Index a) { return static_cast<double>(2 * a - d) / width; };
    const Index a =
        theory::least_true<Index>(0, d, [&](Index at) { return theory::rademacher_tail(d, product(at)) <= share; });
    return Level{product(a) - 1 / width, theory::rademacher_tail(d, product(a))};
  }
  if (embedding == "kane_nelson") {
    const Index s = theory::kane_nelson_sparsity(tokens, d);
    const Index k =
        theory::least_true<Index>(0, s, [&](Index at) { return theory::kane_nelson_tail(d, s, at) <= share; });
    return Level{(static_cast<double>(k) - 0.5) / static_cast<double>(s), theory::kane_nelson_tail(d, s, k)};
  }
  if (embedding == "achlioptas") {
    const Index k = theory::least_true<Index>(
                        0, d / 3, [&](Index at) { return theory::log_achlioptas_gap_tail(d, at) > std::log(share); }) -
                    1;
    return Level{1 - 3 * (static_cast<double>(k) - 0.5) / width, std::exp(theory::log_achlioptas_gap_tail(d, k))};
  }
  return std::nullopt;
}

class CoherenceClaim : public analysis::Claim {
 public:
  std::string name() const override { return "coherence"; }
  std::string statement() const override {
    return "near-orthogonal keys: random families follow their exact product tails and exceed the union bound with "
           "probability at most beta, deterministic ones have exactly their mu+, none "
           "beats Welch";
  }
  std::string source() const override {
    return "Johnson-Lindenstrauss step of Thm 4.5 of arXiv 2503.14881; Welch 1974; each family's own source";
  }
  std::string prediction() const override {
    return "pairs beyond t: N(N-1)/2 P(<u,w> >= t); P(mu+ > union bound at beta) <= beta; row maxima: P(max <= t) = (1 "
           "- P(<u,w> > t))^(N-1); mu = r/q (devore), 1/sqrt d (kerdock), sqrt(2/d) "
           "(mub, dual_bch), 0 (orthonormal, biorthogonal)";
  }
  std::string allowance() const override {
    return "6 % for the number of pairs, .04 for the share of row maxima below their median: both laws are exact, the "
           "rest is for the finite number of draws. 1e-6 for exact values and for "
           "Welch (rounding of float keys). None for the union bound";
  }
  std::string refutation() const override {
    return "a point under Welch, a deterministic family off its mu, tail counts off the exact law, or a share of draws "
           "over the union bound above beta";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("embedding", "sphere", geometry::Embeddings::names(), "family of keys"),
        Option::integer("tokens", 128, 2, 8192, "N"), Option::integer("d", 64, 1, 65536, "dimension"),
        Option::integer("draws", 96, 1, 1 << 20, "draws of a random family in a trial"),
        analysis::sabotage_option({"duplicated_key", "half_dimension"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"embedding", "tokens", "d", "draws", "sabotage"})
      parameters[name] = combination.value(name);
    const auto& embedding = geometry::Embeddings::find(parameters["embedding"], "embedding");
    if (const auto why = embedding.why_impossible(parameters["tokens"], parameters["d"]); !why.empty()) {
      throw core::ConfigError(combination.path("d"), core::describe(parameters["d"]), why);
    }
    return parameters;
  }

  double memory_bytes(const Json& parameters) const override {
    const double tokens = parameters.at("tokens");
    return 32e6 + 12 * tokens * tokens;
  }
  double operations(const Json& parameters) const override {
    const double tokens = parameters.at("tokens"), draws = parameters.at("draws");
    return draws * tokens * tokens * (2 * parameters.at("d").get<double>() + 16);
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens"), d = parameters.at("d");
    const auto& embedding = geometry::Embeddings::find(parameters.at("embedding"), "embedding");
    const std::string sabotage = parameters.at("sabotage");
    const auto level = tail_level(embedding.name(), tokens, d);
    const double bound = embedding.coherence(tokens, d, beta).mu_plus;
    // Median of the largest of N - 1 independent products.
    const double median_share = -std::expm1(-std::log(2.0) / static_cast<double>(tokens - 1));
    const double median =
        embedding.name() == "sphere"
            ? theory::least_true(0.0, 1.0, [&](double t) { return theory::sphere_tail(d, t) <= median_share; })
            : 0;
    const Index draws = embedding.deterministic() ? 1 : parameters.at("draws").get<Index>();
    double exceeding = 0, beyond = 0, below_median = 0, sum = 0, highest = -1, least_two_sided = INFINITY;
    for (Index draw = 0; draw < draws; ++draw) {
      const auto key = trial_key(parameters, trial * 1'000'000 + static_cast<std::uint64_t>(draw));
      core::RowMatrixF keys = core::RowMatrixF::Zero(tokens, d);
      const bool half = sabotage == "half_dimension" && embedding.why_impossible(tokens, d / 2).empty();
      embedding.rows(key, tokens, 0, keys.leftCols(half ? d / 2 : d));
      if (sabotage == "duplicated_key") keys.row(1) = keys.row(0);
      core::RowMatrixF products = keys * keys.transpose();
      const Eigen::ArrayXf norms = products.diagonal();
      products.diagonal().setConstant(-2);
      Eigen::ArrayXXf lack = products.array().colwise() + (1 - norms);  // 1 - gap of row i against j
      const double mu = lack.maxCoeff();
      highest = std::max(highest, mu);
      exceeding += mu > bound + 1e-6;
      if (level) beyond += static_cast<double>((lack > static_cast<float>(level->cut)).count());
      below_median += static_cast<double>((lack.rowwise().maxCoeff() <= static_cast<float>(median)).count());
      products.diagonal().setZero();
      const double two_sided = products.cwiseAbs().maxCoeff();
      least_two_sided = std::min(least_two_sided, two_sided);
      sum += embedding.unit_norm() ? two_sided : mu;
    }
    const double count = static_cast<double>(draws), n = static_cast<double>(tokens);
    return {"ok",
            {{"draws", draws},
             {"exceeding", exceeding},
             {"beyond", beyond / (count * n * (n - 1))},
             {"below_median", below_median / (count * n)},
             {"mean_mu", sum / count},
             {"mu_plus", highest},
             {"least_mu", least_two_sided}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    const Json d = quick ? Json{64, 256} : Json{64, 128, 256, 512};
    Json grids = Json::array();
    grids.push_back({{"embedding", {"sphere", "rademacher", "gaussian", "achlioptas", "kane_nelson"}}, {"d", d}});
    grids.push_back(
        {{"embedding", "srht"}, {"d", d}, {"draws", 256}});  // N - 1 independent products a draw instead of N (N-1)/2
    const auto exact = [&](const char* embedding, int tokens, int d) {
      grids.push_back({{"embedding", embedding}, {"tokens", tokens}, {"d", d}});
    };
    exact("orthonormal", 64, 64);
    exact("biorthogonal", 128, 64);
    exact("kerdock", 144, 16);
    exact("mub", 182, 26);
    exact("mub", 132, 22);
    exact("dual_bch", 512, 32);
    exact("devore", 343, 49);
    if (!quick) {
      exact("kerdock", 2112, 64);
      exact("mub", 992, 62);
      exact("dual_bch", 4096, 128);
      exact("devore", 2197, 169);
    }
    return {{"grid", grids}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 24 : 64}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& points) const override {
    CheckList checks;
    for (const auto& point : points) {
      const Index tokens = point.parameters.at("tokens"), d = point.parameters.at("d");
      const auto& embedding = geometry::Embeddings::find(point.parameters.at("embedding"), "embedding");
      const auto mu = point.values("mean_mu");
      if (mu.empty()) continue;
      const auto coherence = embedding.coherence(tokens, d, beta);
      double welch = 0;
      for (int order = 1; order <= 4; ++order) welch = std::max(welch, theory::welch_bound(tokens, d, order));
      const auto place = [&](const char* quantity) {
        Json at = point.at({"embedding", "tokens", "d"});
        at["quantity"] = quantity;
        at["mean mu"] = core::mean_of(mu);
        return at;
      };
      if (embedding.unit_norm()) {
        const auto least = point.values("least_mu");
        checks.exact(place("mu above Welch"), *std::min_element(least.begin(), least.end()), welch,
                     analysis::at_least(welch - 1e-6));
      }
      if (embedding.deterministic()) {
        checks.exact(place("exact mu+"), point.values("mu_plus").front(), coherence.mu_plus,
                     analysis::within_absolute(coherence.mu_plus, 1e-6));
        continue;
      }
      double exceeding = 0, draws = 0;
      for (const double value : point.values("exceeding")) exceeding += value;
      for (const double value : point.values("draws")) draws += value;
      checks.proportion(place("draws over the union bound"), exceeding, static_cast<std::int64_t>(draws), beta,
                        analysis::at_most(beta));
      if (const auto level = tail_level(embedding.name(), tokens, d)) {
        checks.mean(place("share of pairs beyond t"), point.values("beyond"), level->share,
                    analysis::within_relative(level->share, 0.06));
      }
      if (embedding.name() == "sphere") {
        checks.mean(place("row maxima below their median"), point.values("below_median"), 0.5,
                    analysis::within_absolute(0.5, 0.04));
      }
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, CoherenceClaim> registration;

}  // namespace
}  // namespace kvfrontier::experiments::coherence
