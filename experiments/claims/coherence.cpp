// Coherence of every embedding: exact tails and union bounds of the random ones, exact values of the deterministic
// ones, and the Welch bound for all.

#include <algorithm>
#include <map>

#include "analysis/measuring_claim.hpp"
#include "core/errors.hpp"
#include "measuring.hpp"
#include "theory/coherence.hpp"
#include "theory/search.hpp"
#include "theory/sparse_tails.hpp"

namespace kvfrontier::experiments::coherence {

enum class Mutation { none, duplicated_key, half_dimension };

}  // namespace kvfrontier::experiments::coherence

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::coherence::Mutation> {
  static constexpr std::array names{"none", "duplicated_key", "half_dimension"};
};

namespace kvfrontier::experiments::coherence {
namespace {

using core::Json;

constexpr double beta = 0.5;

struct Parameters {
  std::string embedding = "sphere";
  Index tokens = 128, d = 64;
  Index draws = 96;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("embedding", &Parameters::embedding, "family of keys").one_of(geometry::Embeddings::names()),
            core::member("tokens", &Parameters::tokens, "N").range(2, 8192),
            core::member("d", &Parameters::d, "dimension").range(1, 65536),
            core::member("draws", &Parameters::draws, "draws of a random family per trial").range(1, 1 << 20),
            analysis::mutation_member(&Parameters::mutation)};
  }
  const geometry::Embedding& keys() const { return geometry::Embeddings::find(embedding, "embedding"); }
};

struct Trial {
  Index draws = 0;
  double exceeding = 0, beyond = 0, below_median = 0, mean_mu = 0, mu_plus = 0, least_mu = 0;

  static core::MemberList<Trial> members() {
    return {
        core::member("draws", &Trial::draws, "draws of the keys").needed(),
        core::member("exceeding", &Trial::exceeding, "draws whose mu+ exceeds the union bound").needed(),
        core::member("beyond", &Trial::beyond, "share of pairs beyond the level t of the tail").needed(),
        core::member("below_median", &Trial::below_median, "share of row maxima below their median").needed(),
        core::member("mean_mu", &Trial::mean_mu, "mean over draws of mu, or of mu+ for keys of unequal norms").needed(),
        core::member("mu_plus", &Trial::mu_plus, "largest mu+ of a draw").needed(),
        core::member("least_mu", &Trial::least_mu, "smallest two-sided mu of a draw").needed()};
  }
};

const analysis::ClaimText claim{
    .name = "coherence",
    .statement = R"(Random families of near-orthogonal keys follow their exact product tails, deterministic families
      have exactly the mu+ that is stated for them, and no family beats the Welch bound.)",
    .note = "A random family exceeds its union bound with probability at most beta.",
    .source = R"(Johnson-Lindenstrauss step of Thm 4.5 of arXiv 2503.14881; Welch 1974; the source of each family)",
    .prediction = R"(pairs beyond t: N(N-1)/2 P(<u,w> >= t); P(mu+ > union bound at beta) <= beta; row maxima: P(max <=
      t) = (1 - P(<u,w> > t))^(N-1); mu = r/q (devore), 1/sqrt d (kerdock), sqrt(2/d) (mub, dual_bch), 0 (orthonormal,
      biorthogonal))",
    .allowance = R"(6 % for the number of pairs, .04 for the share of row maxima below their median: both laws are
      exact, so this only allows for the finite number of draws. 1e-6 for exact values and for Welch (rounding of float
      keys). None for the union bound)",
    .refutation = R"(a point below the Welch bound, a deterministic family whose mu differs, tail counts off the exact
      law, or a share of draws above beta that exceed the union bound)"};

// A level in the tail of 1 - margin (a product, for unit keys) between two possible values, and the exact chance to exceed
// it.
struct Level {
  double cut, share;
};

// The level whose share is near the one that is asked for.
Level sphere_level(Index, Index d, double share) {
  const double cut = theory::least_true(0.0, 1.0, [&](double t) { return theory::sphere_tail(d, t) <= share; });
  return {cut, theory::sphere_tail(d, cut)};
}
Level rademacher_level(Index, Index d, double share) {
  const double width = d;
  const auto product = [&](Index a) { return (2 * a - d) / width; };
  const Index a =
      theory::least_true<Index>(0, d, [&](Index at) { return theory::rademacher_tail(d, product(at)) <= share; });
  return {product(a) - 1 / width, theory::rademacher_tail(d, product(a))};
}
Level kane_nelson_level(Index tokens, Index d, double share) {
  const Index s = theory::kane_nelson_sparsity(tokens, d);
  const Index k =
      theory::least_true<Index>(0, s, [&](Index at) { return theory::kane_nelson_tail(d, s, at) <= share; });
  return {(k - 0.5) / s, theory::kane_nelson_tail(d, s, k)};
}
Level achlioptas_level(Index, Index d, double share) {
  const double width = d;
  const Index k = theory::least_true<Index>(
                      0, d / 3, [&](Index at) { return theory::log_achlioptas_margin_tail(d, at) > std::log(share); }) -
                  1;
  return {1 - 3 * (k - 0.5) / width, std::exp(theory::log_achlioptas_margin_tail(d, k))};
}

// What is known exactly of the products of a random family.
struct ProductLaw {
  double share;  // of pairs that the checked tail holds
  Level (*level)(Index tokens, Index d, double share);
  bool row_maxima = false;  // whether the largest product of a row has a continuous law
};
// All rows of an srht code see the same products, and all pairs of a short Achlioptas key fail together, so only a wide
// tail has many independent events.
const std::map<std::string, ProductLaw> laws{{"sphere", {0.003, sphere_level, true}},
                                             {"rademacher", {0.003, rademacher_level}},
                                             {"srht", {0.1, rademacher_level}},
                                             {"kane_nelson", {0.003, kane_nelson_level}},
                                             {"achlioptas", {0.1, achlioptas_level}}};

// nullopt where no exact law is known.
std::optional<Level> tail_level(const Parameters& p) {
  const auto law = laws.find(p.embedding);
  if (law == laws.end()) return std::nullopt;
  return law->second.level(p.tokens, p.d, law->second.share);
}
bool has_row_maxima(const Parameters& p) {
  const auto law = laws.find(p.embedding);
  return law != laws.end() && law->second.row_maxima;
}

class CoherenceClaim : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  CoherenceClaim() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination& combination) const override {
    if (const auto why = p.keys().why_impossible(p.tokens, p.d); !why.empty())
      throw core::ConfigError(combination.path(&Parameters::d), core::describe(p.d), why);
  }

  double memory_bytes(const Json& parameters) const override {
    const double tokens = core::from_json<Parameters>(parameters, "parameters").tokens;
    return 32e6 + 12 * tokens * tokens;
  }
  double operations(const Parameters& p) const override { return 1.0 * p.draws * p.tokens * p.tokens * (2 * p.d + 16); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index tokens = p.tokens, d = p.d;
    const auto& embedding = p.keys();
    const auto level = tail_level(p);
    const double bound = embedding.coherence(tokens, d, beta).mu_plus;
    // Median of the largest of N - 1 independent products.
    const double median_share = -std::expm1(-std::log(2.0) / (tokens - 1));
    const float median =
        has_row_maxima(p)
            ? theory::least_true(0.0, 1.0, [&](double t) { return theory::sphere_tail(d, t) <= median_share; })
            : 0;
    const float cut = level ? level->cut : 0;
    const Index draws = embedding.deterministic() ? 1 : p.draws;
    double exceeding = 0, beyond = 0, below_median = 0, sum = 0, highest = -1, least_two_sided = INFINITY;
    for (Index draw = 0; draw < draws; ++draw) {
      const auto coins = trial_coins(draw_of(turn, draw), embedding, tokens, d);
      core::RowMatrixF keys = core::RowMatrixF::Zero(tokens, d);
      const bool half = p.mutation == Mutation::half_dimension && embedding.why_impossible(tokens, d / 2).empty();
      embedding.rows(coins, tokens, 0, keys.leftCols(half ? d / 2 : d));
      if (p.mutation == Mutation::duplicated_key) keys.row(1) = keys.row(0);
      core::RowMatrixF products = keys * keys.transpose();
      const Eigen::ArrayXf norms = products.diagonal();
      products.diagonal().setConstant(-2);
      Eigen::ArrayXXf lack = products.array().colwise() + (1 - norms);  // 1 - margin of row i against j
      const double mu = lack.maxCoeff();
      highest = std::max(highest, mu);
      exceeding += mu > bound + 1e-6;
      if (level) beyond += (lack > cut).count();
      below_median += (lack.rowwise().maxCoeff() <= median).count();
      products.diagonal().setZero();
      const double two_sided = products.cwiseAbs().maxCoeff();
      least_two_sided = std::min(least_two_sided, two_sided);
      sum += embedding.unit_norm() ? two_sided : mu;
    }
    const double count = draws, n = tokens;
    return Trial{.draws = draws,
                 .exceeding = exceeding,
                 .beyond = beyond / (count * n * (n - 1)),
                 .below_median = below_median / (count * n),
                 .mean_mu = sum / count,
                 .mu_plus = highest,
                 .least_mu = least_two_sided};
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
    return {{"grid", grids}, {"stop", analysis::trials(8, quick ? 24 : 64)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      const P& p = point.parameters;
      const auto& embedding = p.keys();
      const auto mu = point.values(&Trial::mean_mu);
      if (mu.empty()) continue;
      const auto coherence = embedding.coherence(p.tokens, p.d, beta);
      double welch = 0;
      for (int order = 1; order <= 4; ++order) welch = std::max(welch, theory::welch_bound(p.tokens, p.d, order));
      const auto place = [&](const char* quantity) {
        return analysis::with(analysis::with(point.at(&P::embedding, &P::tokens, &P::d), "quantity", quantity),
                              "mean mu", core::mean_of(mu));
      };
      if (embedding.unit_norm()) {
        const auto least = point.values(&Trial::least_mu);
        checks.exact(place("mu above Welch"), *std::min_element(least.begin(), least.end()), welch,
                     analysis::at_least(welch - 1e-6));
      }
      if (embedding.deterministic()) {
        checks.exact(place("exact mu+"), point.values(&Trial::mu_plus).front(), coherence.mu_plus,
                     analysis::within_absolute(coherence.mu_plus, 1e-6));
        continue;
      }
      double exceeding = 0;
      Index draws = 0;
      for (const Trial& trial : point.trials) {
        exceeding += trial.exceeding;
        draws += trial.draws;
      }
      checks.proportion(place("draws over the union bound"), exceeding, draws, beta, analysis::at_most(beta));
      if (const auto level = tail_level(p)) {
        checks.mean(place("share of pairs beyond t"), point.values(&Trial::beyond), level->share,
                    analysis::within_relative(level->share, 0.06));
      }
      if (has_row_maxima(p)) {
        checks.mean(place("row maxima below their median"), point.values(&Trial::below_median), 0.5,
                    analysis::within_absolute(0.5, 0.04));
      }
    }
  }
};

const core::Registration<sweep::Experiment, CoherenceClaim> registration;

}  // namespace
}  // namespace kvfrontier::experiments::coherence
